/* fields.c - copying, merging, comparing and rendering the values of the data columns. */
#include "relevo/fields.h"

#include <stdlib.h>
#include <string.h>

#include "relevo/mem.h"

void fields_free(struct fields *f)
{
	if (f == NULL)
		return;
	free(f->store);
	*f = (struct fields){ .store = NULL };
}

void fields_copy(struct fields *out, const struct fields *in)
{
	size_t room = 1;

	*out = *in;
	for (size_t i = 0; i < column_count; i++)
		room += (size_t)in->at[i].len + 1;
	char *to = out->store = mem_alloc(room);
	for (size_t i = 0; i < column_count; i++) {
		struct field *f = &out->at[i];
		if (f->text == NULL)
			continue;
		memcpy(to, f->text, f->len);
		to[f->len] = '\0';
		f->text = to;
		to += f->len + 1;
	}
}

void fields_merge(struct fields *out, const struct fields *base, const struct fields *change)
{
	struct fields merged = *base;

	for (size_t i = 0; i < column_count; i++)
		if (change->at[i].present)
			merged.at[i] = change->at[i];
	fields_copy(out, &merged);
}

static bool field_equal(const struct field *a, const struct field *b)
{
	if (a->present != b->present)
		return false;
	if (!a->present || a->text == NULL || b->text == NULL)
		return !a->present || a->text == b->text;
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

bool fields_equal(const struct fields *a, const struct fields *b)
{
	for (size_t i = 0; i < column_count; i++)
		if (!field_equal(&a->at[i], &b->at[i]))
			return false;
	return true;
}

void fields_render(struct buf *out, const struct fields *f)
{
	char before = '{';

	for (size_t i = 0; i < column_count; i++) {
		if (!f->at[i].present)
			continue;
		buf_putc(out, before);
		buf_put_json(out, columns[i].name, strlen(columns[i].name));
		buf_putc(out, ':');
		if (f->at[i].text == NULL)
			buf_puts(out, "null");
		else
			buf_put_json(out, f->at[i].text, f->at[i].len);
		before = ',';
	}
	buf_puts(out, before == '{' ? "{}" : "}");
}

void fields_from_json(struct fields *out, json_t *object)
{
	struct fields borrowed = { .store = NULL };

	for (size_t i = 0; i < column_count; i++) {
		struct field *f = &borrowed.at[i];
		json_t *value = json_object_get(object, columns[i].name);
		if (json_is_null(value)) {
			f->present = true;
		} else if (json_is_string(value) &&
			   strlen(json_string_value(value)) == json_string_length(value)) {
			f->text = json_string_value(value);
			f->len = (uint32_t)json_string_length(value);
			f->present = true;
		}
	}
	fields_copy(out, &borrowed);
}
