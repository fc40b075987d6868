/* validate.c - the rules a value has to keep, and the list of faults. */
#include "validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "relevo/clock.h"
#include "utf8.h"

#define FIELD_SIZE sizeof(((struct fault *)0)->field)

const char *const own_members[OWN_MEMBERS] = {
	[OWN_ID] = "id",
	[OWN_VERSION] = "version",
	[OWN_UPDATED_AT] = "updated_at",
	[OWN_PENDING] = "pending",
};

int own_member_find(const char *name, size_t len)
{
	for (int i = 0; i < OWN_MEMBERS; i++)
		if (strlen(own_members[i]) == len && memcmp(own_members[i], name, len) == 0)
			return i;
	return -1;
}

/* The field's name as it can be shown: cut, and a NUL in it reads `?`. */
static void fault_name(char *out, const char *field, size_t len)
{
	len = utf8_cut(field, len, FIELD_SIZE - 1);
	for (size_t i = 0; i < len; i++)
		out[i] = (char)(field[i] == '\0' ? '?' : field[i]);
	out[len] = '\0';
}

/* FNV-1a: names that are cut to the same text are told apart. */
static uint64_t hash_of(const char *name, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3U;
	return hash;
}

static void add(struct faults *faults, const struct fault *fault)
{
	for (size_t i = 0; i < faults->count; i++)
		if (faults->at[i].name == fault->name)
			return;
	if (faults->count == FAULTS_MAX)
		faults->more++;
	else
		faults->at[faults->count++] = *fault;
}

void faults_add(struct faults *faults, const char *field, size_t len, const char *format, ...)
{
	struct fault fault = { .name = hash_of(field, len) };
	va_list args;

	fault_name(fault.field, field, len);
	va_start(args, format);
	(void)vsnprintf(fault.message, sizeof fault.message, format, args);
	va_end(args);
	add(faults, &fault);
}

void faults_join(struct faults *faults, const struct faults *others)
{
	for (size_t i = 0; i < others->count; i++)
		add(faults, &others->at[i]);
	faults->more += others->more;
}

enum err_code faults_result(const struct faults *faults, struct err *e)
{
	if (faults->count == 0)
		return ERR_NONE;
	const struct fault *first = &faults->at[0];
	if (faults->count == 1)
		return err_set(e, ERR_INVALID, "%s: %s", first->field[0] ? first->field : "body",
			       first->message);
	return err_set(e, ERR_INVALID, "%s: %s (and %zu more)",
		       first->field[0] ? first->field : "body", first->message,
		       faults->count - 1 + faults->more);
}

void column_wrong_type(struct faults *faults, const struct column *column)
{
	faults_add(faults, column->name, strlen(column->name), "must be a string%s",
		   column->nullable ? " or null" : "");
}

void column_check(struct faults *faults, const struct column *column, const char *text, size_t len)
{
	size_t name_len = strlen(column->name);

	if (text == NULL) {
		if (!column->nullable)
			column_wrong_type(faults, column);
		return;
	}
	long chars = utf8_length(text, len);
	if (memchr(text, '\0', len) != NULL)
		faults_add(faults, column->name, name_len, FAULT_NUL);
	else if (chars < 0)
		faults_add(faults, column->name, name_len, FAULT_UTF8);
	else if (column->type == COLUMN_DATE && !clock_is_date(text, len))
		faults_add(faults, column->name, name_len, "must be a real date YYYY-MM-DD%s",
			   column->nullable ? " or null" : "");
	else if (column->type == COLUMN_TEXT &&
		 (chars < (long)column->min_chars || chars > (long)column->max_chars))
		faults_add(faults, column->name, name_len, "must have %u to %u characters",
			   column->min_chars, column->max_chars);
}

enum err_code fields_validate(const struct fields *f, bool all_required, struct faults *faults,
			      struct err *e)
{
	for (size_t i = 0; i < column_count; i++) {
		const struct column *column = &columns[i];
		if (f->at[i].present)
			column_check(faults, column, f->at[i].text, f->at[i].len);
		else if (all_required && !column->nullable)
			faults_add(faults, column->name, strlen(column->name), FAULT_REQUIRED);
	}
	return faults_result(faults, e);
}
