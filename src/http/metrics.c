/* metrics.c - GET /metrics in the Prometheus text format 0.0.4. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answer.h"
#include "clients.h"
#include "counters.h"
#include "events.h"
#include "handlers.h"
#include "relevo/log.h"
#include "request.h"
#include "server.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

static void put_metric(struct buf *b, const char *name, const char *type, const char *help,
		       uint64_t value)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
	buf_put_u64(b, value);
	buf_putc(b, '\n');
}

static void put_build(const struct http *http, struct buf *b)
{
	buf_puts(b, "# HELP relevo_build_info Version of this daemon.\n"
		    "# TYPE relevo_build_info gauge\n"
		    "relevo_build_info{version=\"" RELEVO_VERSION "\"} 1\n");
	buf_printf(b,
		   "# HELP process_start_time_seconds Start of the process since the Unix epoch.\n"
		   "# TYPE process_start_time_seconds gauge\n"
		   "process_start_time_seconds %.3f\n",
		   (double)http->started_wall_us / 1e6);
}

/* Under the names that exporters of all kinds use. Both calls ask the kernel alone. */
static void put_process(struct buf *b)
{
	struct rusage used = { 0 };
	char text[128], *resident; /* the second number, in pages */
	FILE *statm = fopen("/proc/self/statm", "re");

	getrusage(RUSAGE_SELF, &used);
	buf_printf(b,
		   "# HELP process_cpu_seconds_total User and system time used.\n"
		   "# TYPE process_cpu_seconds_total counter\n"
		   "process_cpu_seconds_total %.6f\n",
		   (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
			   (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
	if (statm == NULL)
		return;
	if (fgets(text, sizeof text, statm) != NULL && (resident = strchr(text, ' ')) != NULL)
		put_metric(b, "process_resident_memory_bytes", "gauge", "Memory in use.",
			   strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE));
	fclose(statm);
}

static void put_log(struct buf *b)
{
	buf_puts(b, "# HELP relevo_log_lines_total Lines logged.\n"
		    "# TYPE relevo_log_lines_total counter\n");
	for (unsigned l = 0; l < LOG_LEVELS; l++)
		buf_printf(b, "relevo_log_lines_total{level=\"%s\"} %llu\n",
			   log_level_name((enum log_level)l),
			   (unsigned long long)log_written((enum log_level)l));
}

static void put_servers(struct store *store, struct buf *b)
{
	struct store_health h;

	store_health(store, &h);
	put_metric(b, "relevo_mysql_up", "gauge", "Is MySQL usable?", h.mysql);
	put_metric(b, "relevo_redis_up", "gauge", "Is Redis usable?", h.redis);
	put_metric(b, "relevo_queue_durable", "gauge",
		   "Does Redis keep pending operations across a restart?", h.durable);
}

static void put_mirror(struct store *store, struct buf *b)
{
	struct mirror_counts m;

	mirror_counts(store_mirror(store), &m);
	buf_puts(b, "# HELP relevo_pending_operations Operations that wait for MySQL.\n"
		    "# TYPE relevo_pending_operations gauge\n");
	for (unsigned k = 0; k < OP_KINDS; k++)
		buf_printf(b, "relevo_pending_operations{kind=\"%s\"} %zu\n",
			   op_kind_name((enum op_kind)k), m.pending[k]);
	put_metric(b, "relevo_cache_items", "gauge", "Items shown.", m.items);
	put_metric(b, "relevo_cache_bytes", "gauge", "Length of items:cache.", m.snapshot_bytes);
	put_metric(b, "relevo_unlogged_items", "gauge", "Items whose change is in no log yet.",
		   m.unlogged);
}

static void put_batches(const struct store_counters *c, struct buf *b)
{
	uint64_t sum = 0;

	buf_puts(b, "# HELP relevo_batch_operations Operations in one write batch.\n"
		    "# TYPE relevo_batch_operations histogram\n");
	for (unsigned i = 0; i < BATCH_BUCKETS; i++) {
		sum += c->batches[i];
		if (i < BATCH_BUCKETS - 1)
			buf_printf(b, "relevo_batch_operations_bucket{le=\"%u\"} ", 1u << i);
		else
			buf_puts(b, "relevo_batch_operations_bucket{le=\"+Inf\"} ");
		buf_put_u64(b, sum);
		buf_putc(b, '\n');
	}
	buf_printf(b, "relevo_batch_operations_sum %llu\nrelevo_batch_operations_count %llu\n",
		   (unsigned long long)c->batch_operations, (unsigned long long)sum);
}

static void put_store(struct store *store, struct buf *b)
{
	struct store_counters c;

	store_counters(store, &c);
	put_metric(b, "relevo_drains_total", "counter", "Drains of pending operations.", c.drains);
	put_metric(b, "relevo_drained_operations_total", "counter",
		   "Pending operations applied to MySQL.", c.drained_operations);
	put_metric(b, "relevo_rebuilds_total", "counter", "Repairs of the cache from MySQL.",
		   c.rebuilds);
	put_metric(b, "relevo_conflicts_total", "counter", "Conflicts met by drains.", c.conflicts);
	put_metric(b, "relevo_publishes_total", "counter", "Snapshots published.", c.publishes);
	put_metric(b, "relevo_publish_bytes_total", "counter", "Bytes of snapshots published.",
		   c.publish_bytes);
	put_metric(b, "relevo_publish_sent_bytes_total", "counter",
		   "Bytes of them that differed and were sent.", c.publish_sent);
	put_metric(b, "relevo_queued_operations_total", "counter",
		   "Writes accepted into the pending lists.", c.queued);
	put_metric(b, "relevo_unsent_records_dropped_total", "counter",
		   "Records of keyed writes given up for Redis.", c.unsent_dropped);
	put_metric(b, "relevo_applied_purged_total", "counter",
		   "Expired rows removed from relevo_applied.", c.purged);
	put_batches(&c, b);
}

/* A gauge, and another one for the most that it may be. */
static void put_bound(struct buf *b, const struct store_bound *bound)
{
	char name[64];

	snprintf(name, sizeof name, "relevo_%s", bound->name);
	put_metric(b, name, "gauge", bound->help, bound->size);
	if (bound->limit == 0)
		return;
	snprintf(name, sizeof name, "relevo_%s_limit", bound->name);
	put_metric(b, name, "gauge", "Bound of the above.", bound->limit);
}

static void put_bounds(struct http *http, struct buf *b)
{
	struct store_bound bounds[STORE_BOUNDS];

	store_bounds(http->store, bounds);
	for (size_t i = 0; i < STORE_BOUNDS; i++)
		put_bound(b, &bounds[i]);
	put_bound(b, &(struct store_bound){ "http_connections", "Open connections.",
					    clients_count(http->clients), http->connections_max });
	put_bound(b,
		  &(struct store_bound){ "event_listeners", "Streams of /events.",
					 events_count(http->events), events_limit(http->events) });
	put_metric(b, "relevo_http_body_limit_bytes", "gauge", "Largest request body.",
		   (uint64_t)http->options->max_body);
	put_metric(b, "relevo_http_headers_limit_bytes", "gauge",
		   "Largest request line and headers.", HEADERS_MAX);
}

enum MHD_Result metrics_get(struct request *r)
{
	struct http *http = r->http;
	struct buf body = { 0 };

	put_build(http, &body);
	put_process(&body);
	put_log(&body);
	put_servers(http->store, &body);
	put_mirror(http->store, &body);
	put_store(http->store, &body);
	put_bounds(http, &body);
	put_metric(&body, "relevo_http_requests_in_flight", "gauge", "Requests being served.",
		   atomic_load(&http->in_flight));
	counters_render(http->counters, &body);
	return request_answer(r, MHD_HTTP_OK, response_from_buf(&body, METRICS_TYPE));
}
