/* validate.h - private to src/item: the rules of one column, and collecting faults. Any thread. */
#ifndef RELEVO_ITEM_VALIDATE_H
#define RELEVO_ITEM_VALIDATE_H

#include "relevo/fields.h"

#define FAULT_REQUIRED "required"
#define FAULT_NUL      "must not contain NUL characters"
#define FAULT_UTF8     "must be valid UTF-8"
#define FAULT_UNKNOWN  "unknown field"

/* Members of an item that are not data columns; allowed in what changes one. */
enum own_member { OWN_ID, OWN_VERSION, OWN_UPDATED_AT, OWN_PENDING, OWN_MEMBERS };
extern const char *const own_members[OWN_MEMBERS];
/* Which of them is called `name` (`len` bytes), or -1. */
int own_member_find(const char *name, size_t len);

/* Appends a fault unless the field has one already; in a full list it is counted. */
void faults_add(struct faults *faults, const char *field, size_t len, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Appends all of `others`. */
void faults_join(struct faults *faults, const struct faults *others);
/* ERR_NONE without faults, else ERR_INVALID with the first of them as text. */
MUST_CHECK enum err_code faults_result(const struct faults *faults, struct err *e);
/* Appends what is wrong with a value of `column`, if anything; NULL text is null. */
void column_check(struct faults *faults, const struct column *column, const char *text, size_t len);
/* "must be a string", for a value of another JSON type. */
void column_wrong_type(struct faults *faults, const struct column *column);

#endif
