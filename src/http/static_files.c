/* static_files.c - the built dashboard, from the files of RELEVO_STATIC_DIR.
 *
 * A name is opened segment by segment below the folder, and no link is followed: what is served
 * lies in the folder itself, whatever stands in the path. The folder is opened anew each time, so
 * that another build may take its place.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "answer.h"
#include "handlers.h"
#include "relevo/mem.h"
#include "server.h"
#include "static_path.h"

#define IMMUTABLE "public, max-age=31536000, immutable"
#define TAG_SIZE  64

/* The component library writes its styles into the page; nothing else may be inline, or come from
 * elsewhere. */
#define CSP                                                                                       \
	"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src " \
	"'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

struct file {
	int fd;
	uint64_t size;
	int64_t modified_ns;
	bool gzip; /* `fd` is the compressed sibling */
};

/* What stands under this name in `folder`, if it is no link; else -1. */
static int open_segment(int folder, const char *name, size_t len, int flags)
{
	char segment[NAME_MAX + 1];

	if (len > NAME_MAX)
		return -1;
	memcpy(segment, name, len);
	segment[len] = '\0';
	return openat(folder, segment, flags | O_NOFOLLOW | O_CLOEXEC);
}

/* `file` is a name of static_path_file with `suffix` behind it. */
static int open_below(const char *root, const char *file, const char *suffix)
{
	int folder = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	char name[NAME_MAX + 8];

	for (const char *slash; folder >= 0 && (slash = strchr(file, '/')) != NULL;
	     file = slash + 1) {
		int below =
			open_segment(folder, file, (size_t)(slash - file), O_PATH | O_DIRECTORY);
		close(folder);
		folder = below;
	}
	if (folder < 0)
		return -1;
	snprintf(name, sizeof name, "%s%s", file, suffix);
	fd = open_segment(folder, name, strlen(name), O_RDONLY | O_NONBLOCK);
	close(folder);
	return fd;
}

static bool open_file(const char *root, const char *name, const char *suffix, struct file *out)
{
	int fd = open_below(root, name, suffix);
	struct stat st;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return false;
	}
	*out = (struct file){ .fd = fd,
			      .size = (uint64_t)st.st_size,
			      .modified_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
					     st.st_mtim.tv_nsec };
	return true;
}

/* The file, or its compressed sibling if the client takes that. */
static bool find_file(const struct request *r, const char *name, struct file *out)
{
	const char *root = r->http->options->static_dir;
	struct file packed;

	if (!open_file(root, name, "", out))
		return false;
	if (!static_path_accepts(r->headers.accept_encoding, "gzip") ||
	    !open_file(root, name, ".gz", &packed))
		return true;
	close(out->fd);
	*out = packed;
	out->gzip = true;
	return true;
}

static enum MHD_Result answer_file(struct request *r, const char *name, const struct file *f,
				   const char *vary)
{
	struct MHD_Response *response = mem_check(MHD_create_response_from_fd64(f->size, f->fd));
	char tag[TAG_SIZE];

	snprintf(tag, sizeof tag, "\"%" PRIx64 "-%" PRIx64 "%s\"", (uint64_t)f->modified_ns,
		 f->size, f->gzip ? "-gz" : "");
	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, static_path_type(name));
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
			static_path_is_hashed(name) ? IMMUTABLE : "no-cache");
	response_header(response, MHD_HTTP_HEADER_VARY, vary);
	if (f->gzip)
		response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
	response_header(response, "Content-Security-Policy", CSP);
	response_header(response, "X-Content-Type-Options", "nosniff");
	response_header(response, "Referrer-Policy", "same-origin");
	return answer_tagged(r, response, tag);
}

/* `/docs` where there is a folder `docs` with a page: what the page names is found from `/docs/`.
 */
static enum MHD_Result answer_moved(struct request *r, const char *name)
{
	struct MHD_Response *response =
		mem_check(MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
	char place[NAME_MAX + 2];

	snprintf(place, sizeof place, "%s/", name);
	response_header(response, MHD_HTTP_HEADER_LOCATION, place);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	return request_answer(r, MHD_HTTP_MOVED_PERMANENTLY, response);
}

enum MHD_Result static_files_get(struct request *r)
{
	const char *name = static_path_file(r->path), *page = static_path_file("/");
	char folder[PATH_MAX];
	struct file f;

	if (name != NULL && find_file(r, name, &f))
		return answer_file(r, name, &f, "Accept-Encoding");
	if (static_path_folder(r->path, folder, sizeof folder) && find_file(r, folder, &f)) {
		const char *plain = static_path_plain_name(r->path);

		if (plain == NULL)
			return answer_file(r, folder, &f, "Accept-Encoding");
		close(f.fd);
		return answer_moved(r, plain);
	}
	if (static_path_is_page(r->path) && static_path_accepts(r->headers.accept, "text/html") &&
	    find_file(r, page, &f))
		return answer_file(r, page, &f, "Accept, Accept-Encoding");
	return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
}
