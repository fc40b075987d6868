/* problem.c - the one table from errors to HTTP, and the documents made from it. */
#include "problem.h"

#include <stdio.h>
#include <string.h>

#define URN "urn:relevo:problem:"

static const struct problem_row rows[PROBLEM_COUNT] = {
	[ERR_NONE] = { 500, 0, "internal", "Internal error", "Something went wrong here.", true },
	[ERR_USAGE] = { 500, 0, "internal", "Internal error", "Something went wrong here.", true },
	[ERR_MALFORMED] = { 400, 0, "malformed", "Malformed request",
			    "The request cannot be understood.", false },
	[ERR_INVALID] = { 422, 0, "invalid", "Validation failed", "The body breaks the rules.",
			  false },
	[ERR_NOT_FOUND] = { 404, 0, "not-found", "Not found", "There is no such resource.", false },
	[ERR_PRECONDITION] = { 412, 0, "precondition", "Precondition failed",
			       "The item is no longer the one that If-Match names.", false },
	[ERR_KEY_REUSED] = { 422, 0, "key-reused", "Idempotency key reused",
			     "This Idempotency-Key was used for another request.", false },
	[ERR_KEY_BUSY] = { 409, 0, "key-busy", "Request in progress",
			   "A request with this Idempotency-Key is still in progress.", false },
	[ERR_DEAD_LETTER] = { 409, 0, "dead-letter", "Operation ended as a dead letter",
			      "The operation stands under /sync/dead.", false },
	[ERR_LETTER_TAKEN] = { 409, 0, "letter-taken", "Dead letter taken",
			       "The dead letter was retried or discarded meanwhile.", false },
	[ERR_BUSY] = { 409, 0, "busy", "Sync runs already", "A sync cycle is running.", false },
	[ERR_FULL] = { 503, 5, "full", "Too many pending operations",
		       "No more operations can be queued for now.", false },
	[ERR_BOTH_DOWN] = { 503, 2, "both-down", "No server available",
			    "Neither MySQL nor Redis can be used.", true },
	[ERR_NOT_DURABLE] = { 503, 10, "not-durable", "Queue not durable",
			      "Redis would not keep the operation safely.", false },
	[ERR_STOPPING] = { 503, 1, "stopping", "Shutting down", "This instance is shutting down.",
			   false },
	[ERR_DOWN] = { 503, 2, "down", "Server unavailable",
		       "A server this request needs is unavailable.", true },
	[ERR_UNCERTAIN] = { 503, 2, "uncertain", "Outcome unknown",
			    "The connection broke while the write was on its way.", true },
	[ERR_REFUSED] = { 422, 0, "refused", "Refused by MySQL", "MySQL refused the values.",
			  false },
	[ERR_LOCKED] = { 503, 1, "locked", "Item locked", "Another session holds the item's lock.",
			 true },
	[ERR_DUPLICATE] = { 409, 0, "duplicate", "Applied before",
			    "The operation was applied before.", true },
	[ERR_EPOCH] = { 503, 1, "catching-up", "Catching up",
			"This instance is catching up with the others.", true },
	[ERR_STALE] = { 503, 1, "catching-up", "Catching up",
			"This instance is catching up with the others.", true },
	[ERR_LEASE_LOST] = { 503, 1, "lease-lost", "Lease lost",
			     "Another instance took over the work.", true },
	[ERR_INTERNAL] = { 500, 0, "internal", "Internal error", "Something went wrong here.",
			   true },
	[PROBLEM_METHOD] = { 405, 0, "method", "Method not allowed",
			     "The Allow header names the methods of this path.", false },
	[PROBLEM_TOO_LARGE] = { 413, 0, "too-large", "Body too large",
				"The request body is over the limit.", false },
	[PROBLEM_MEDIA_TYPE] = { 415, 0, "media-type", "Unsupported media type",
				 "The body has to be application/json in UTF-8.", false },
	[PROBLEM_HEADERS] = { 431, 0, "headers", "Request header fields too large",
			      "Request line and headers together are limited to 16 KiB.", false },
	[PROBLEM_NO_TOKEN] = { 401, 0, "no-token", "Token required",
			       "This needs a token: Authorization: Bearer TOKEN.", false },
	[PROBLEM_BAD_TOKEN] = { 401, 0, "bad-token", "Token not valid",
				"The token is not, or no longer, one of ours.", false },
	[PROBLEM_CREDENTIALS] = { 400, 0, "credentials", "Malformed credentials",
				  "One Authorization header, of the form Bearer TOKEN, is "
				  "required.",
				  false },
	[PROBLEM_SCOPE] = { 403, 0, "scope", "Role not sufficient",
			    "The token's role does not allow this.", false },
	[PROBLEM_CROSS_SITE] = { 403, 0, "cross-site", "Cross-site request",
				 "A page of another site may not change anything here; see "
				 "RELEVO_CORS_ORIGINS.",
				 false },
	[PROBLEM_LISTENERS] = { 503, 10, "listeners", "Too many listeners",
				"As many clients as may be listen to /events already.", false },
};

const struct problem_row *problem_find(unsigned code)
{
	return &rows[code < PROBLEM_COUNT ? code : ERR_INTERNAL];
}

static void put_member(struct buf *out, const char *name, const char *text)
{
	buf_puts(out, name);
	buf_put_json(out, text, strlen(text));
}

static void put_fault(struct buf *out, char before, const char *field, const char *message)
{
	buf_putc(out, before);
	put_member(out, "{\"field\":", field);
	put_member(out, ",\"message\":", message);
	buf_putc(out, '}');
}

static void put_faults(struct buf *out, const struct faults *faults)
{
	char more[64];

	buf_puts(out, ",\"errors\":");
	for (size_t i = 0; i < faults->count; i++)
		put_fault(out, i > 0 ? ',' : '[', faults->at[i].field, faults->at[i].message);
	if (faults->more > 0) {
		(void)snprintf(more, sizeof more, "%zu more are not listed", faults->more);
		put_fault(out, ',', "", more);
	}
	buf_putc(out, ']');
}

void problem_render(struct buf *out, unsigned code, const char *detail, const struct faults *faults)
{
	const struct problem_row *row = problem_find(code);

	if (row->internal || detail == NULL || *detail == '\0')
		detail = row->detail;
	buf_puts(out, "{\"type\":\"" URN);
	buf_puts(out, row->type);
	put_member(out, "\",\"title\":", row->title);
	buf_puts(out, ",\"status\":");
	buf_put_u64(out, row->status);
	put_member(out, ",\"detail\":", detail);
	if (faults != NULL && faults->count > 0)
		put_faults(out, faults);
	buf_putc(out, '}');
}
