/* items_write.c - POST, PUT, PATCH and DELETE of items. */
#include <string.h>

#include "answer.h"
#include "etag.h"
#include "handlers.h"
#include "relevo/digest.h"
#include "relevo/mem.h"
#include "server.h"

#define KEY_MAX 255

/* --- requests --- */

/* What makes a keyed request the same request: method, path and body. */
static void take_fingerprint(const struct request *r, struct job *j)
{
	const char *method = method_name(r->method);
	uint8_t sum[DIGEST_SIZE];
	struct digest *d = digest_begin();

	digest_add(d, method, strlen(method) + 1);
	digest_add(d, r->path, strlen(r->path) + 1);
	if (r->body.len > 0)
		digest_add(d, r->body.bytes, r->body.len);
	digest_end(&d, sum);
	memcpy(j->fingerprint, sum, sizeof j->fingerprint);
}

static enum err_code take_key(const struct request *r, struct job *j, struct err *e)
{
	const char *key = r->headers.key;
	size_t len;

	if (key == NULL)
		return ERR_NONE;
	if (r->headers.key_twice)
		return err_set(e, ERR_MALFORMED, "Idempotency-Key is given twice");
	len = strlen(key);
	while (len > 0 && (key[len - 1] == ' ' || key[len - 1] == '\t'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (key[i] <= 0x20 || key[i] >= 0x7f)
			return err_set(e, ERR_MALFORMED, "Idempotency-Key is not visible ASCII");
	if (len == 0 || len > KEY_MAX)
		return err_set(e, ERR_MALFORMED, "Idempotency-Key has to be 1 to %d characters",
			       KEY_MAX);
	j->keyed = true;
	j->op = opid_from_key(key, len);
	take_fingerprint(r, j);
	return ERR_NONE;
}

static enum err_code take_target(const struct request *r, struct job *j, struct err *e)
{
	if (!item_ref_parse(r->arg, r->arg_len, &j->ref))
		return err_set(e, ERR_NOT_FOUND, "there is no such item");
	if (r->headers.if_match == NULL)
		return ERR_NONE;
	return etag_if_match(r->headers.if_match, j, e);
}

static enum err_code take_body(const struct request *r, struct job *j, enum body_kind kind,
			       struct faults *faults, struct err *e)
{
	struct body_target target = { .id = j->ref.id, .temp = j->ref.temp };

	if (kind != BODY_CREATE && target.id == 0)
		target.id = mirror_final_id(store_mirror(r->http->store), target.temp);
	return fields_decode(&j->fields, r->body.bytes != NULL ? r->body.bytes : "", r->body.len,
			     kind, kind == BODY_CREATE ? NULL : &target, faults, e);
}

/* --- answers --- */

static void put_member(struct buf *b, const char *before, const char *text)
{
	buf_puts(b, before);
	buf_puts(b, text);
	buf_putc(b, '"');
}

static void put_operation(struct buf *b, struct opid op)
{
	char text[OPID_TEXT_SIZE];

	opid_format(op, text);
	put_member(b, ",\"operation\":\"", text);
}

static void put_queued(struct buf *b, struct opid op)
{
	put_member(b, "{\"source\":\"", source_name(SOURCE_BACKUP));
	buf_puts(b, ",\"status\":\"pending\",\"message\":\"Accepted; will be written to MySQL as "
		    "soon as it can take it\"");
	put_operation(b, op);
}

static void put_data(struct buf *b, const struct row *row)
{
	if (row != NULL) {
		buf_puts(b, ",\"data\":");
		buf_put(b, row->json, row->json_len);
	}
	buf_putc(b, '}');
}

static struct MHD_Response *item_response(struct buf *body, const struct row *row)
{
	struct MHD_Response *response = response_from_buf(body, JSON_TYPE);
	char etag[ETAG_SIZE];

	if (row != NULL) {
		row_etag(row, etag);
		response_header(response, MHD_HTTP_HEADER_ETAG, etag);
	}
	return response;
}

static void put_location(struct MHD_Response *response, int64_t id, struct opid temp)
{
	struct buf location = { 0 };
	char text[OPID_TEMP_SIZE];

	buf_puts(&location, "/items/");
	if (id > 0) {
		buf_put_i64(&location, id);
	} else {
		opid_format_temp(temp, text);
		buf_puts(&location, text);
	}
	response_header(response, MHD_HTTP_HEADER_LOCATION, location.bytes);
	buf_free(&location);
}

static void put_item_answer(struct buf *body, const struct job *j, const char *status)
{
	buf_reserve(body, 320 + (j->row != NULL ? j->row->json_len : 0));
	if (j->result == JOB_QUEUED) {
		put_queued(body, j->operation);
	} else {
		put_member(body, "{\"source\":\"", source_name(SOURCE_MYSQL));
		put_member(body, ",\"status\":\"", status);
	}
	put_data(body, j->row);
}

static enum MHD_Result created(struct request *r, struct job *j)
{
	bool queued = j->result == JOB_QUEUED;
	struct MHD_Response *response;
	struct buf body = { 0 };

	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	put_item_answer(&body, j, "success");
	response = item_response(&body, j->row);
	if (j->row != NULL)
		put_location(response, j->row->id, j->row->temp);
	else if (queued)
		put_location(response, 0, j->operation);
	return request_answer(r, queued ? MHD_HTTP_ACCEPTED : MHD_HTTP_CREATED, response);
}

static enum MHD_Result updated(struct request *r, struct job *j)
{
	struct buf body = { 0 };

	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	put_item_answer(&body, j, "updated");
	return request_answer(r, j->result == JOB_QUEUED ? MHD_HTTP_ACCEPTED : MHD_HTTP_OK,
			      item_response(&body, j->row));
}

static void put_ref(struct buf *b, int64_t id, struct opid temp)
{
	char text[OPID_TEMP_SIZE];

	if (id > 0) {
		buf_puts(b, ",\"id\":");
		buf_put_i64(b, id);
	} else {
		opid_format_temp(temp, text);
		put_member(b, ",\"id\":\"", text);
	}
}

static enum MHD_Result deleted(struct request *r, struct job *j)
{
	bool queued = j->result == JOB_QUEUED;
	struct buf body = { 0 };

	if (j->result == JOB_FAILED)
		return answer_job_error(r, j);
	if (queued) {
		put_queued(&body, j->operation);
	} else {
		put_member(&body, "{\"source\":\"", source_name(SOURCE_MYSQL));
		buf_puts(&body, ",\"status\":\"deleted\"");
	}
	put_ref(&body, j->deleted_id > 0 ? j->deleted_id : j->ref.id, j->ref.temp);
	buf_putc(&body, '}');
	return request_answer(r, queued ? MHD_HTTP_ACCEPTED : MHD_HTTP_OK,
			      response_from_buf(&body, JSON_TYPE));
}

/* --- handlers --- */

enum MHD_Result items_create(struct request *r)
{
	struct faults faults;
	struct job *j = job_new(JOB_CREATE);
	struct err e = ERR_INIT;
	enum MHD_Result result;

	faults_init(&faults);
	if (take_key(r, j, &e) == ERR_NONE && take_body(r, j, BODY_CREATE, &faults, &e) == ERR_NONE)
		return request_submit(r, j, created);
	result = answer_problem(r, e.code, e.text, &faults);
	job_free(&j);
	return result;
}

static enum MHD_Result change(struct request *r, enum job_kind kind, enum body_kind body)
{
	struct faults faults;
	struct job *j = job_new(kind);
	struct err e = ERR_INIT;
	enum MHD_Result result;

	faults_init(&faults);
	if (take_target(r, j, &e) == ERR_NONE && take_key(r, j, &e) == ERR_NONE &&
	    take_body(r, j, body, &faults, &e) == ERR_NONE)
		return request_submit(r, j, updated);
	result = answer_problem(r, e.code, e.text, &faults);
	job_free(&j);
	return result;
}

enum MHD_Result items_replace(struct request *r)
{
	return change(r, JOB_REPLACE, BODY_REPLACE);
}

enum MHD_Result items_patch(struct request *r)
{
	return change(r, JOB_PATCH, BODY_PATCH);
}

enum MHD_Result items_delete(struct request *r)
{
	struct job *j = job_new(JOB_DELETE);
	struct err e = ERR_INIT;
	enum MHD_Result result;

	if (take_target(r, j, &e) == ERR_NONE && take_key(r, j, &e) == ERR_NONE)
		return request_submit(r, j, deleted);
	result = answer_problem(r, e.code, e.text, NULL);
	job_free(&j);
	return result;
}
