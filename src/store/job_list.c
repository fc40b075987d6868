/* job_list.c - jobs as singly linked lists. */
#include "store_private.h"

void jobs_push(struct job **list, struct job *j)
{
	j->next = *list;
	*list = j;
}

struct job *jobs_reverse(struct job *list)
{
	struct job *out = NULL;
	for (struct job *next; list != NULL; list = next) {
		next = list->next;
		jobs_push(&out, list);
	}
	return out;
}
