/* media_type.h - is a Content-Type ours? Pure, any thread. */
#ifndef RELEVO_HTTP_MEDIA_TYPE_H
#define RELEVO_HTTP_MEDIA_TYPE_H

#include <stdbool.h>

/* application/json, alone or with charset=utf-8 (RFC 9110 section 8.3.1). */
bool media_type_is_json(const char *type);

#endif
