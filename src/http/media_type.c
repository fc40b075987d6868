/* media_type.c - is a Content-Type ours? */
#include "media_type.h"

#include <string.h>
#include <strings.h>

bool media_type_is_json(const char *type)
{
	static const char json[] = "application/json", charset[] = "charset=";
	const char *at = type;
	bool quoted;

	if (strncasecmp(at, json, sizeof json - 1) != 0)
		return false;
	at += sizeof json - 1;
	at += strspn(at, " \t");
	if (*at == '\0')
		return true;
	if (*at++ != ';')
		return false;
	at += strspn(at, " \t");
	if (*at == '\0')
		return true;
	if (strncasecmp(at, charset, sizeof charset - 1) != 0)
		return false;
	at += sizeof charset - 1;
	quoted = *at == '"';
	at += quoted;
	if (strncasecmp(at, "utf-8", 5) != 0)
		return false;
	at += 5;
	if (quoted && *at++ != '"')
		return false;
	return at[strspn(at, " \t")] == '\0';
}
