/* handlers.h - one function per endpoint of the route table.
 *
 * Run by an MHD thread with the whole body in r->body. A handler either answers (answer.h,
 * request_answer) or hands a job to the store (request_submit); it never blocks.
 */
#ifndef RELEVO_HTTP_HANDLERS_H
#define RELEVO_HTTP_HANDLERS_H

#include "request.h"

enum MHD_Result items_list(struct request *r);
enum MHD_Result items_get(struct request *r);
enum MHD_Result items_create(struct request *r);
enum MHD_Result items_replace(struct request *r);
enum MHD_Result items_patch(struct request *r);
enum MHD_Result items_delete(struct request *r);
enum MHD_Result operations_list(struct request *r);
enum MHD_Result operations_get(struct request *r);
enum MHD_Result health_get(struct request *r);
enum MHD_Result sync_status_get(struct request *r);
enum MHD_Result sync_run(struct request *r);
enum MHD_Result dead_list(struct request *r);
enum MHD_Result dead_retry(struct request *r);
enum MHD_Result dead_discard(struct request *r);
enum MHD_Result instances_get(struct request *r);
enum MHD_Result events_get(struct request *r);
enum MHD_Result openapi_get(struct request *r);
enum MHD_Result metrics_get(struct request *r);
enum MHD_Result session_get(struct request *r);
/* Never called without RELEVO_STATIC_DIR. */
enum MHD_Result static_files_get(struct request *r);

#endif
