/* mirror_ahead.c - changes that are shown while their entry is still on its way into the log. */
#include "mirror_private.h"
#include "relevo/thread.h"

bool mirror_go_ahead(struct mirror *m, size_t count)
{
	mirror_lock(m);
	bool welcome = m->ahead_unwelcome == 0;
	if (welcome)
		m->ahead += count;
	mirror_unlock(m);
	return welcome;
}

void mirror_end_ahead(struct mirror *m, size_t count)
{
	mirror_lock(m);
	ASSERT(m->ahead >= count);
	m->ahead -= count;
	if (m->ahead_unwelcome > 0)
		mirror_wake(m);
	mirror_unlock(m);
}

struct mirror_view *mirror_view_logged(struct mirror *m, int64_t deadline_ms)
{
	bool in_time = true;
	mirror_lock(m);
	m->ahead_unwelcome++;
	while (m->ahead > 0 && in_time)
		in_time = thread_cond_wait_until(&m->moved, &m->lock, deadline_ms);
	m->ahead_unwelcome--;
	struct mirror_view *v = view_new(m);
	mirror_unlock(m);
	return v;
}

size_t mirror_unlogged_count(const struct mirror *m)
{
	mirror_lock(m);
	size_t count = unlogged_count(m);
	mirror_unlock(m);
	return count;
}

size_t unlogged_count(const struct mirror *m)
{
	return m->state.unlogged_count > m->ahead ? m->state.unlogged_count - m->ahead : 0;
}
