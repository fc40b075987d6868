# Writes TARGET from FILE; run by EmbedJson.cmake at build time. No string of a JSON document holds a
# raw newline, so blanks after one are indentation.
file(READ ${FILE} document)
string(REGEX REPLACE "\n *" "" document "${document}")
string(SHA256 sum "${document}")
string(SUBSTRING ${sum} 0 32 tag)
string(HEX "${document}" hex)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
get_filename_component(source ${FILE} NAME)
file(WRITE ${TARGET} "/* Generated from ${source} by cmake/EmbedJsonRun.cmake. */
#include <stddef.h>

extern const char ${NAME}_json[], ${NAME}_etag[];
extern const size_t ${NAME}_json_size;
const char ${NAME}_json[] = {${bytes}0};
const size_t ${NAME}_json_size = sizeof ${NAME}_json - 1;
const char ${NAME}_etag[] = \"\\\"${tag}\\\"\";
")
