/* operations.c - GET /operations/{op}. */
#include "answer.h"
#include "handlers.h"

static enum MHD_Result operation_read(struct request *r, struct job *j)
{
	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	if (j->json == NULL)
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	return answer_object(r, MHD_HTTP_OK, j->json);
}

enum MHD_Result operations_get(struct request *r)
{
	struct job *j;
	struct opid op;

	if (!opid_parse(r->arg, r->arg_len, &op))
		return answer_problem(r, ERR_NOT_FOUND, NULL, NULL);
	j = job_new(JOB_OPERATION);
	j->op = op;
	return request_submit(r, j, operation_read);
}
