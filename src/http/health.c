/* health.c - GET /health: from memory alone, whatever the servers do. */
#include <string.h>

#include "answer.h"
#include "documents.h"
#include "handlers.h"
#include "relevo/clock.h"

static const char *status_of(const struct http *http, const struct store_health *h, unsigned *code)
{
	bool stopping = atomic_load_explicit(&http->stopping, memory_order_relaxed);

	*code = MHD_HTTP_SERVICE_UNAVAILABLE;
	if (stopping)
		return "stopping";
	if (!h->mysql && !h->redis)
		return "error";
	*code = MHD_HTTP_OK;
	return h->mysql && h->redis ? "healthy" : "degraded";
}

static void put_text(struct buf *b, const char *name, const char *text)
{
	buf_puts(b, name);
	buf_put_json(b, text, strlen(text));
}

static void put_bool(struct buf *b, const char *name, bool value)
{
	buf_puts(b, name);
	buf_puts(b, value ? "true" : "false");
}

int64_t http_uptime_s(const struct http *http)
{
	return (clock_mono_ms() - http->started_ms) / 1000;
}

unsigned health_render(const struct http *http, int64_t uptime_s, struct buf *b)
{
	struct store_health h;
	const char *status;
	unsigned code;

	store_health(http->store, &h);
	status = status_of(http, &h, &code);
	put_text(b, "{\"status\":", status);
	put_bool(b, ",\"mysql\":", h.mysql);
	put_bool(b, ",\"redis\":", h.redis);
	put_text(b, ",\"hostname\":", http->host);
	buf_puts(b, ",\"port\":");
	buf_put_u64(b, http->port);
	put_text(b, ",\"version\":", RELEVO_VERSION);
	buf_puts(b, ",\"uptime_seconds\":");
	buf_put_i64(b, uptime_s);
	put_text(b, ",\"mode\":", h.mode);
	put_text(b, ",\"durability\":", redis_durability_name(h.durability));
	buf_putc(b, '}');
	return code;
}

enum MHD_Result health_get(struct request *r)
{
	struct MHD_Response *response;
	struct buf body = { 0 };
	unsigned code = health_render(r->http, http_uptime_s(r->http), &body);

	response = response_from_buf(&body, JSON_TYPE);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	return request_answer(r, code, response);
}
