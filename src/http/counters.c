/* counters.c - requests by path, method and code, and latency histograms. */
#include "counters.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "relevo/mem.h"
#include "routes.h"

/* Codes we answer with; any other one is counted in the last place. */
static const unsigned codes[] = { 200, 201, 202, 204, 304, 400, 401, 403, 404, 405,
				  409, 412, 413, 415, 422, 431, 500, 503, 0 };
#define CODES (sizeof codes / sizeof codes[0])

static const struct bound {
	int64_t us;
	const char *text; /* seconds */
} bounds[] = { { 100, "0.0001" },    { 250, "0.00025" }, { 500, "0.0005" },  { 1000, "0.001" },
	       { 2500, "0.0025" },   { 5000, "0.005" },	 { 10000, "0.01" },  { 25000, "0.025" },
	       { 50000, "0.05" },    { 100000, "0.1" },	 { 250000, "0.25" }, { 500000, "0.5" },
	       { 1000000, "1" },     { 2500000, "2.5" }, { 5000000, "5" },   { 10000000, "10" },
	       { INT64_MAX, "+Inf" } };
#define BOUNDS (sizeof bounds / sizeof bounds[0])

/* All atomic; a route's row keeps away from its neighbours' cache lines. */
struct route_counters {
	_Alignas(64) _Atomic uint64_t requests[METHODS][CODES];
	_Atomic uint64_t took[BOUNDS];
	_Atomic uint64_t took_us;
};

struct counters {
	size_t count; /* of routes, and one for unknown paths */
	struct route_counters *routes;
};

struct counters *counters_new(void)
{
	struct counters *c = mem_zero(1, sizeof *c);
	size_t bytes;

	c->count = route_count + 1;
	bytes = c->count * sizeof *c->routes;
	c->routes = mem_check(aligned_alloc(_Alignof(struct route_counters), bytes));
	for (size_t i = 0; i < c->count; i++)
		c->routes[i] = (struct route_counters){ .took_us = 0 };
	return c;
}

void counters_free(struct counters **c)
{
	if (*c == NULL)
		return;
	free((*c)->routes);
	free(*c);
	*c = NULL;
}

static void add(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *from)
{
	return atomic_load_explicit((_Atomic uint64_t *)from, memory_order_relaxed);
}

void counters_count(struct counters *c, size_t route, enum method m, unsigned status, int64_t us)
{
	struct route_counters *r = &c->routes[route];
	size_t code = 0, bound = 0;

	while (code < CODES - 1 && codes[code] != status)
		code++;
	while (us > bounds[bound].us)
		bound++;
	add(&r->requests[m][code], 1);
	add(&r->took[bound], 1);
	add(&r->took_us, us > 0 ? (uint64_t)us : 0);
}

static const char *route_label(size_t route)
{
	return route < route_count ? routes[route].pattern : "unknown";
}

static void render_requests(const struct counters *c, struct buf *out)
{
	buf_puts(out, "# HELP relevo_http_requests_total Requests answered.\n"
		      "# TYPE relevo_http_requests_total counter\n");
	for (size_t i = 0; i < c->count; i++)
		for (size_t m = 0; m < METHODS; m++)
			for (size_t code = 0; code < CODES; code++) {
				uint64_t n = get(&c->routes[i].requests[m][code]);
				if (n == 0)
					continue;
				buf_printf(out,
					   "relevo_http_requests_total{route=\"%s\",method=\"%s\","
					   "code=\"%u\"} %llu\n",
					   route_label(i), method_name((enum method)m), codes[code],
					   (unsigned long long)n);
			}
}

static void render_histogram(const struct route_counters *r, const char *label, struct buf *out)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BOUNDS; i++) {
		sum += get(&r->took[i]);
		buf_printf(out,
			   "relevo_http_request_duration_seconds_bucket{route=\"%s\",le=\"%s\"} "
			   "%llu\n",
			   label, bounds[i].text, (unsigned long long)sum);
	}
	buf_printf(out, "relevo_http_request_duration_seconds_sum{route=\"%s\"} %.6f\n", label,
		   (double)get(&r->took_us) / 1e6);
	buf_printf(out, "relevo_http_request_duration_seconds_count{route=\"%s\"} %llu\n", label,
		   (unsigned long long)sum);
}

void counters_render(const struct counters *c, struct buf *out)
{
	render_requests(c, out);
	buf_puts(out, "# HELP relevo_http_request_duration_seconds From the request line to the "
		      "answer.\n"
		      "# TYPE relevo_http_request_duration_seconds histogram\n");
	for (size_t i = 0; i < c->count; i++)
		render_histogram(&c->routes[i], route_label(i), out);
}
