/* SPDX-License-Identifier: MIT */
/* The monotonic clock of all deadlines, and timers that use it. */
#include "config.h"

#include <time.h>

#include <miost/timers.h>

int64_t
miost_now(void)
{
	struct timespec now = { .tv_sec = 0 };

	/* Fails only without CLOCK_MONOTONIC, which all our systems have. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t
read_clock(void *arg)
{
	(void)arg;
	return miost_now();
}

int
miost_timers_new(struct miost_timers **out)
{
	return miost_timers_new_with_clock(out, read_clock, NULL);
}
