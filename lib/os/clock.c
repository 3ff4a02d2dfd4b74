/* SPDX-License-Identifier: MIT */
/* The clock of all deadlines. */
#include "config.h"

#include <time.h>

#include <miost/timers.h>

int64_t
miost_now(void)
{
	struct timespec now = { .tv_sec = 0 };

	/* Fails only where there is no such clock: none of our systems. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
