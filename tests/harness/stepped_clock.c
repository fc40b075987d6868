/* stepped_clock.c - preloaded into a daemon under test: its wall clock is off by what a file says,
 * a signed count of microseconds that the test may change at any time. Other clocks are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real_gettime)(clockid_t, struct timespec *);
static const _Atomic int64_t *offset_us;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("STEPPED_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = MAP_FAILED;

	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (fd >= 0)
		at = mmap(NULL, sizeof(*offset_us), PROT_READ, MAP_SHARED, fd, 0);
	if (!real_gettime || at == MAP_FAILED)
		abort();
	offset_us = at;
	(void)close(fd);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	int64_t us, off;

	if (!offset_us)
		begin();
	if (real_gettime(id, out) != 0)
		return -1;
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
		return 0;
	off = atomic_load(offset_us);
	us = out->tv_nsec / 1000 + off % 1000000;
	out->tv_sec += (time_t)(off / 1000000);
	out->tv_sec += us < 0 ? -1 : us >= 1000000 ? 1 : 0;
	out->tv_nsec = (long)((us + 1000000) % 1000000) * 1000;
	return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return -1;
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) != 0)
		return (time_t)-1;
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
