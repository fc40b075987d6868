# embed_json(out_var name file): one generated C file that holds a JSON document without its indentation
# as `const char NAME_json[]` (NAME_json_size bytes) and an entity tag of its content as
# `const char NAME_etag[]`, so that the daemon needs no files at run time.
set(EMBED_JSON_RUNNER ${CMAKE_CURRENT_LIST_DIR}/EmbedJsonRun.cmake)
function(embed_json out_var name file)
	set(target ${CMAKE_BINARY_DIR}/${name}_json.c)
	add_custom_command(OUTPUT ${target}
		COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DFILE=${file} -DTARGET=${target}
			-P ${EMBED_JSON_RUNNER}
		DEPENDS ${file} ${EMBED_JSON_RUNNER}
		COMMENT "Embedding ${name}.json")
	set(${out_var} ${target} PARENT_SCOPE)
endfunction()
