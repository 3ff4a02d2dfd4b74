/* SPDX-License-Identifier: MIT */
/* Timers: what stands for one in an array, and how such arrays are sorted. */
#ifndef MIOST_CORE_TIMERS_SORT_H
#define MIOST_CORE_TIMERS_SORT_H

#include <stddef.h>
#include <stdint.h>

struct entry {
	int64_t deadline;
	uint32_t slot;
};

/*
 * Sorts entries by their deadlines alone, the latest first. The scratch memory
 * has room for as many. Takes time in proportion to their number, and no more
 * than 3 KiB of stack, whatever the deadlines.
 */
void miost__timers_sort(struct entry *entries, size_t n, struct entry *scratch);

#endif
