/* body.c - decode a request body into fields, listing everything that is wrong with it. */
#include <stdlib.h>
#include <string.h>

#include "json_scan.h"
#include "relevo/mem.h"
#include "validate.h"

#define DUPLICATE "duplicate key"

struct body {
	enum body_kind kind;
	const struct body_target *target;
	unsigned seen[COLUMNS_MAX], own_seen[OWN_MEMBERS];
	struct scan_value value[COLUMNS_MAX];
	struct faults *others; /* of members that are no columns; come after those of columns */
};

/* Is it the number `id`, spelled as an integer? */
static bool is_number(const struct scan_value *value, int64_t id)
{
	uint64_t n = 0;

	if (value->kind != SCAN_NUMBER || id <= 0 || value->len > 19)
		return false;
	for (size_t i = 0; i < value->len; i++) {
		if (value->text[i] < '0' || value->text[i] > '9')
			return false;
		n = n * 10 + (uint64_t)(value->text[i] - '0');
	}
	return n == (uint64_t)id;
}

static bool is_target(const struct scan_value *value, const struct body_target *target)
{
	struct opid temp;

	if (target == NULL)
		return false;
	if (value->kind == SCAN_STRING)
		return !opid_is_zero(target->temp) &&
		       opid_parse_temp(value->text, value->len, &temp) &&
		       opid_equal(temp, target->temp);
	return is_number(value, target->id);
}

static void take_own_member(struct body *b, int member, const struct scan_value *value)
{
	const char *name = own_members[member];
	size_t len = strlen(name);

	if (++b->own_seen[member] > 1)
		faults_add(b->others, name, len, DUPLICATE);
	else if (value->has_nul)
		faults_add(b->others, name, len, FAULT_NUL);
	else if (value->bad_utf8)
		faults_add(b->others, name, len, FAULT_UTF8);
	else if (member == OWN_ID && !is_target(value, b->target))
		faults_add(b->others, name, len, "must equal the id in the path");
}

static void take_member(void *ctx, const struct scan_value *key, const struct scan_value *value)
{
	struct body *b = ctx;
	int column = column_find(key->text, key->len);
	int own = b->kind == BODY_CREATE ? -1 : own_member_find(key->text, key->len);

	if (column >= 0) {
		b->seen[column]++;
		b->value[column] = *value;
	} else if (own >= 0) {
		take_own_member(b, own, value);
	} else {
		faults_add(b->others, key->text, key->len, FAULT_UNKNOWN);
	}
}

/* What the body says of column i. */
static void check_column(const struct body *b, size_t i, struct faults *faults)
{
	const struct column *column = &columns[i];
	const struct scan_value *value = &b->value[i];
	size_t len = strlen(column->name);

	if (b->seen[i] == 0) {
		if (b->kind != BODY_PATCH && !column->nullable)
			faults_add(faults, column->name, len, FAULT_REQUIRED);
	} else if (b->seen[i] > 1) {
		faults_add(faults, column->name, len, DUPLICATE);
	} else if (value->has_nul) {
		faults_add(faults, column->name, len, FAULT_NUL);
	} else if (value->bad_utf8) {
		faults_add(faults, column->name, len, FAULT_UTF8);
	} else if (value->kind != SCAN_STRING && value->kind != SCAN_NULL) {
		column_wrong_type(faults, column);
	} else {
		column_check(faults, column, value->text, value->len);
	}
}

static void give_fields(const struct body *b, struct fields *out)
{
	struct fields borrowed = { .store = NULL };

	for (size_t i = 0; i < column_count; i++) {
		borrowed.at[i].present = b->seen[i] > 0 || b->kind != BODY_PATCH;
		borrowed.at[i].text = b->value[i].text;
		borrowed.at[i].len = (uint32_t)b->value[i].len;
	}
	fields_copy(out, &borrowed);
}

enum err_code fields_decode(struct fields *out, const char *body, size_t len, enum body_kind kind,
			    const struct body_target *target, struct faults *faults, struct err *e)
{
	struct faults others;
	struct body b = { .kind = kind, .target = target, .others = &others };
	char *arena = mem_alloc(len + 1);
	enum scan_kind top;
	enum err_code code;

	faults_init(faults);
	faults_init(&others);
	if (!json_scan(body, len, arena, &top, take_member, &b)) {
		if (len == 0) {
			code = err_set(e, ERR_MALFORMED, "the body is empty");
		} else if (utf8_length(body, len) >= 0) {
			code = err_set(e, ERR_MALFORMED, "the body is not well-formed JSON");
		} else {
			faults_add(faults, "", 0, FAULT_UTF8);
			code = faults_result(faults, e);
		}
		goto out;
	}
	if (top != SCAN_OBJECT) {
		faults_add(faults, "", 0, "must be a JSON object");
	} else {
		for (size_t i = 0; i < column_count; i++)
			check_column(&b, i, faults);
		faults_join(faults, &others);
	}
	code = faults_result(faults, e);
	if (code == ERR_NONE)
		give_fields(&b, out);
out:
	free(arena);
	return code;
}
