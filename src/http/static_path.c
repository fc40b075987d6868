/* static_path.c - from a request path to a file of the dashboard. */
#include "static_path.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INDEX	  "index.html"
#define BUILT	  "assets/"
#define HASH_SIZE 8

#define TEXT(type) "text/" type "; charset=utf-8"

static const struct {
	const char *extension, *type;
} types[] = {
	{ ".html", TEXT("html") },	 { ".js", TEXT("javascript") },
	{ ".mjs", TEXT("javascript") },	 { ".css", TEXT("css") },
	{ ".txt", TEXT("plain") },	 { ".json", "application/json" },
	{ ".map", "application/json" },	 { ".webmanifest", "application/manifest+json" },
	{ ".xml", "application/xml" },	 { ".pdf", "application/pdf" },
	{ ".wasm", "application/wasm" }, { ".gz", "application/gzip" },
	{ ".svg", "image/svg+xml" },	 { ".png", "image/png" },
	{ ".jpg", "image/jpeg" },	 { ".jpeg", "image/jpeg" },
	{ ".gif", "image/gif" },	 { ".webp", "image/webp" },
	{ ".avif", "image/avif" },	 { ".ico", "image/vnd.microsoft.icon" },
	{ ".woff", "font/woff" },	 { ".woff2", "font/woff2" },
	{ ".ttf", "font/ttf" },
};

static const char *last_segment(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* From the last dot on; a name that begins with its only dot has none. */
static const char *extension(const char *file)
{
	const char *name = last_segment(file), *dot = strrchr(name, '.');

	return dot != NULL && dot != name ? dot : "";
}

static bool is_safe(const char *file)
{
	for (const char *at = file;; at += strcspn(at, "/") + 1) {
		if (*at == '/' || *at == '.' || *at == '\0')
			return false;
		if (strchr(at, '/') == NULL)
			return true;
	}
}

const char *static_path_file(const char *path)
{
	if (strcmp(path, "/") == 0)
		return INDEX;
	return path[0] == '/' && is_safe(path + 1) ? path + 1 : NULL;
}

bool static_path_folder(const char *path, char *out, size_t size)
{
	size_t len = strlen(path);
	int wrote;

	if (len < 2 || path[0] != '/')
		return false;
	len -= path[len - 1] == '/';
	wrote = snprintf(out, size, "%.*s/" INDEX, (int)(len - 1), path + 1);
	return wrote > 0 && (size_t)wrote < size && is_safe(out);
}

const char *static_path_plain_name(const char *path)
{
	const char *name = last_segment(path);

	for (const char *c = name; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return NULL;
	return *name != '\0' ? name : NULL;
}

bool static_path_is_page(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || strstr(path, "/.") != NULL || strstr(path, "//") != NULL)
		return false;
	if (strncmp(path + 1, BUILT, sizeof BUILT - 2) == 0 &&
	    (len == sizeof BUILT - 1 || path[sizeof BUILT - 1] == '/'))
		return false;
	return strchr(last_segment(path), '.') == NULL;
}

bool static_path_is_hashed(const char *file)
{
	const char *end = extension(file), *hash = end - HASH_SIZE;
	bool no_word = false;

	if (strncmp(file, BUILT, sizeof BUILT - 1) != 0 || *end == '\0' ||
	    end - last_segment(file) < HASH_SIZE + 2 || (hash[-1] != '-' && hash[-1] != '.'))
		return false;
	for (const char *c = hash; c < end; c++) {
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_')
			return false;
		no_word = no_word || isdigit((unsigned char)*c) || isupper((unsigned char)*c);
	}
	return no_word;
}

const char *static_path_type(const char *file)
{
	const char *end = extension(file);

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (strcasecmp(types[i].extension, end) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* --- list headers --- */

/* `;q=0`, `; Q=0.00`: not wanted (RFC 9110 section 12.4.2). */
static bool is_refused(const char *parameters, size_t len)
{
	const char *end = parameters + len;

	for (const char *at = parameters; at < end; at++) {
		if (*at != ';')
			continue;
		at++;
		at += strspn(at, " \t");
		if (strncasecmp(at, "q=0", 3) != 0)
			continue;
		at += 3;
		at += *at == '.';
		at += strspn(at, "0");
		return at >= end || strchr(" \t;,", *at) != NULL;
	}
	return false;
}

bool static_path_accepts(const char *header, const char *item)
{
	size_t item_len = strlen(item);

	while (header != NULL && *header != '\0') {
		header += strspn(header, " \t,");
		size_t len = strcspn(header, ","), name = strcspn(header, ";, \t");
		if (name == item_len && strncasecmp(header, item, name) == 0)
			return !is_refused(header + name, len - name);
		header += len;
	}
	return false;
}
