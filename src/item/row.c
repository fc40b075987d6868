/* row.c - immutable items: one allocation holds the struct, its texts and its rendered JSON. */
#include "relevo/row.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/clock.h"
#include "relevo/digest.h"
#include "relevo/mem.h"

#define COLUMN_SEPARATOR '\xff' /* in no UTF-8 text, so no needle reaches over it */
#define DIGITS_MAX	 20

#define PUT(to, literal) put_bytes((to), (literal), sizeof(literal) - 1)

static char *put_bytes(char *to, const char *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

static char *put_u64(char *to, uint64_t n)
{
	char digits[DIGITS_MAX];
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return put_bytes(to, digits + at, sizeof digits - at);
}

/* The letter of a character's short escape, 'u' for the long form, 0 if it stays as it is. */
static char escape_of(unsigned char c)
{
	static const char control[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

	if (c < 0x20)
		return control[c];
	return (char)(c == '"' || c == '\\' ? c : 0);
}

/* Bytes that put_json writes. */
static size_t json_size(const char *text, size_t len)
{
	size_t size = len + 2;

	for (size_t i = 0; i < len; i++) {
		char escape = escape_of((unsigned char)text[i]);
		if (escape != 0)
			size += escape == 'u' ? 5 : 1;
	}
	return size;
}

/* What buf_put_json appends. */
static char *put_json(char *to, const char *text, size_t len)
{
	*to++ = '"';
	for (size_t i = 0; i < len; i++) {
		char escape = escape_of((unsigned char)text[i]);
		if (escape == 0) {
			*to++ = text[i];
			continue;
		}
		*to++ = '\\';
		*to++ = escape;
		if (escape == 'u') {
			to = PUT(to, "00");
			*to++ = (char)('0' + (text[i] >> 4));
			*to++ = "0123456789abcdef"[text[i] & 15];
		}
	}
	*to++ = '"';
	return to;
}

static char *put_field(char *to, const struct column *column, const struct field *f)
{
	*to++ = ',';
	*to++ = '"';
	to = put_bytes(to, column->name, strlen(column->name));
	*to++ = '"';
	*to++ = ':';
	return f->text == NULL ? PUT(to, "null") : put_json(to, f->text, f->len);
}

/* Bytes that put_item writes at most, and of the texts with their NULs in *texts. */
static size_t item_room(const struct fields *f, size_t *texts)
{
	size_t room = sizeof "{\"id\":,\"version\":,\"updated_at\":\"\",\"pending\":true}" +
		      OPID_TEMP_SIZE + 2 + DIGITS_MAX + CLOCK_TEXT_SIZE;

	*texts = 0;
	for (size_t i = 0; i < column_count; i++) {
		room += strlen(columns[i].name) + sizeof ",\"\":null";
		if (f->at[i].present && f->at[i].text != NULL) {
			room += json_size(f->at[i].text, f->at[i].len);
			*texts += (size_t)f->at[i].len + 1;
		}
	}
	return room;
}

static char *put_item(char *to, const struct row *r)
{
	char text[OPID_TEMP_SIZE];
	char time[CLOCK_TEXT_SIZE];

	to = PUT(to, "{\"id\":");
	if (r->id != 0) {
		to = put_u64(to, (uint64_t)r->id);
	} else {
		opid_format_temp(r->temp, text);
		to = put_json(to, text, strlen(text));
	}
	for (size_t i = 0; i < column_count; i++)
		to = put_field(to, &columns[i], &r->fields.at[i]);
	to = PUT(to, ",\"version\":");
	to = put_u64(to, r->version);
	to = PUT(to, ",\"updated_at\":\"");
	clock_format(r->updated_us, time);
	to = put_bytes(to, time, strlen(time));
	to = PUT(to, "\"");
	if (r->pending)
		to = PUT(to, ",\"pending\":true");
	return PUT(to, "}");
}

/* Copies the texts to `to`; every column is present afterwards. */
static char *copy_texts(struct fields *out, const struct fields *in, char *to)
{
	for (size_t i = 0; i < column_count; i++) {
		struct field f = in->at[i];
		out->at[i].present = true;
		if (!f.present || f.text == NULL)
			continue;
		out->at[i].text = to;
		out->at[i].len = f.len;
		to = put_bytes(to, f.text, f.len);
		*to++ = '\0';
	}
	return to;
}

struct row *row_new(int64_t id, struct opid temp, uint64_t version, int64_t updated_us,
		    bool pending, const struct fields *fields)
{
	size_t texts;
	size_t room = item_room(fields, &texts);
	uint8_t sum[DIGEST_SIZE];
	struct row *r = mem_alloc(sizeof *r + texts + room);

	memset(r, 0, sizeof *r);
	atomic_init(&r->refs, 1);
	atomic_init(&r->folded, NULL);
	r->id = id;
	r->temp = temp;
	r->version = version;
	r->updated_us = updated_us;
	r->pending = pending;
	char *json = copy_texts(&r->fields, fields, (char *)(r + 1));
	char *end = put_item(json, r);
	*end = '\0';
	r->json = json;
	r->json_len = (uint32_t)(end - json);
	digest_of(r->json, r->json_len, sum);
	memcpy(r->digest, sum, sizeof r->digest);
	return r;
}

struct row *row_ref(struct row *r)
{
	atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void row_unref(struct row **r)
{
	struct row *row = *r;

	*r = NULL;
	if (row == NULL || atomic_fetch_sub_explicit(&row->refs, 1, memory_order_acq_rel) > 1)
		return;
	free(atomic_load_explicit(&row->folded, memory_order_relaxed));
	free(row);
}

/* `id` as row_new renders it. */
static bool id_from_json(json_t *value, int64_t *id, struct opid *temp)
{
	*id = 0;
	*temp = (struct opid){ { 0 } };
	if (json_is_string(value))
		return opid_parse_temp(json_string_value(value), json_string_length(value), temp);
	*id = json_integer_value(value);
	return *id > 0;
}

static bool all_columns(const struct fields *f)
{
	for (size_t i = 0; i < column_count; i++)
		if (!f->at[i].present)
			return false;
	return true;
}

struct row *row_from_json(json_t *object)
{
	json_t *version = json_object_get(object, "version");
	const char *updated_at = json_string_value(json_object_get(object, "updated_at"));
	json_t *pending = json_object_get(object, "pending");
	int64_t id, updated_us;
	struct opid temp;
	struct fields fields;
	struct row *r = NULL;

	if (!id_from_json(json_object_get(object, "id"), &id, &temp) || !json_is_integer(version) ||
	    json_integer_value(version) < 0 || updated_at == NULL ||
	    !clock_parse(updated_at, &updated_us) || (pending != NULL && !json_is_true(pending)) ||
	    json_object_size(object) != column_count + 3 + (pending != NULL))
		return NULL;
	fields_from_json(&fields, object);
	if (all_columns(&fields))
		r = row_new(id, temp, (uint64_t)json_integer_value(version), updated_us,
			    pending != NULL, &fields);
	fields_free(&fields);
	return r;
}

void etag_format(const uint8_t digest[ROW_DIGEST_SIZE], char out[ETAG_SIZE])
{
	*out++ = '"';
	for (size_t i = 0; i < ROW_DIGEST_SIZE; i++) {
		*out++ = "0123456789abcdef"[digest[i] >> 4];
		*out++ = "0123456789abcdef"[digest[i] & 15];
	}
	memcpy(out, "\"", 2);
}

void row_etag(const struct row *r, char out[ETAG_SIZE])
{
	etag_format(r->digest, out);
}

/* The folded columns; a column that is no UTF-8 has none. */
static char *fold_columns(const struct row *r)
{
	struct buf b = { .bytes = NULL };

	for (size_t i = 0; i < column_count; i++) {
		const struct field *f = &r->fields.at[i];
		size_t len = 0;
		char *folded = f->text == NULL ? NULL : text_fold(f->text, f->len, &len);
		buf_putc(&b, COLUMN_SEPARATOR);
		buf_put(&b, folded == NULL ? "" : folded, len);
		free(folded);
	}
	return buf_take(&b, NULL);
}

bool row_contains(struct row *r, const char *needle, size_t len)
{
	char *folded = atomic_load_explicit(&r->folded, memory_order_acquire);

	if (folded == NULL) {
		char *made = fold_columns(r);
		if (atomic_compare_exchange_strong(&r->folded, &folded, made))
			folded = made;
		else
			free(made);
	}
	return memmem(folded, strlen(folded), needle, len) != NULL;
}
