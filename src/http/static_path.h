/* static_path.h - what a request path means among the files of the dashboard. Pure, any thread. */
#ifndef RELEVO_HTTP_STATIC_PATH_H
#define RELEVO_HTTP_STATIC_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* The file that a decoded path names, relative to the folder and inside `path`; `index.html` for
 * `/`. NULL: the path can name none. No segment of a name is empty or begins with a dot, so none
 * leads out of the folder or to what is hidden. */
const char *static_path_file(const char *path);
/* The page of the folder that a path names, with or without a slash at its end, as a name like that
 * of static_path_file into `out`. False: the path can name none, or its name is too long. */
bool static_path_folder(const char *path, char *out, size_t size);
/* The last segment of a path, if it can stand in a Location as it is; else NULL, as it is when the
 * path ends in a slash. */
const char *static_path_plain_name(const char *path);
/* Can the path be a page of the application, which index.html shows? Not if it looks like a file,
 * or lies where the built files are. */
bool static_path_is_page(const char *path);
/* The name of a built file, `assets/NAME-HASH.EXT`: another content has another name. HASH is eight
 * characters, with a capital or a digit among them, so that it is no word. */
bool static_path_is_hashed(const char *file);
const char *static_path_type(const char *file); /* Content-Type; never NULL */
/* Does a list header (Accept, Accept-Encoding) name `item`, and not with q=0? Wildcards do not
 * count. `header` may be NULL. */
bool static_path_accepts(const char *header, const char *item);

#endif
