/* openapi.c - GET /openapi.json: docs/openapi.json, embedded at build time (cmake/EmbedJson.cmake).
 */
#include "answer.h"
#include "handlers.h"
#include "relevo/mem.h"

extern const char openapi_json[], openapi_etag[];
extern const size_t openapi_json_size;

enum MHD_Result openapi_get(struct request *r)
{
	struct MHD_Response *response = mem_check(MHD_create_response_from_buffer(
		openapi_json_size, (void *)openapi_json, MHD_RESPMEM_PERSISTENT));

	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, JSON_TYPE);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	return answer_tagged(r, response, openapi_etag);
}
