/* SPDX-License-Identifier: MIT */
/* Timers: those that are near, as a heap, or sorted with the earliest last. */
#include <errno.h>
#include <stdlib.h>

#include "timers.h"

enum {
	WHOLE = 320,	/* slots: the array has room for all of them, */
	SHARE = 3,	/* or for a third, */
	AMPLE = 16384,	/* but for no more than this, */
	DENSITY = 32,	/* or this part of them if that is more */
	IN_A_HEAP = 64	/* so many at least are due before a sort */
};

/* How many entries there is to be room for. */
static uint32_t
near_capacity(uint32_t slots)
{
	uint32_t few = slots < WHOLE ? slots : WHOLE;
	uint32_t some = slots / SHARE < AMPLE ? slots / SHARE : AMPLE;
	uint32_t many = slots / DENSITY;

	if (some < few)
		return few;
	return many > some ? many : some;
}

int
miost__timers_grow_near(struct miost_timers *timers, uint32_t slots)
{
	size_t capacity = near_capacity(slots);
	struct near *near = &timers->near;
	struct entry *scratch, *entries;

	if (capacity <= near->capacity)
		return 0;
	scratch = realloc(near->scratch, capacity * sizeof(*scratch));
	if (scratch == NULL)
		return -ENOMEM;
	near->scratch = scratch;
	entries = realloc(near->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	near->entries = entries;
	near->capacity = (uint32_t)capacity;
	return 0;
}

void
miost__timers_free_near(struct miost_timers *timers)
{
	free(timers->near.scratch);
	free(timers->near.entries);
}

/* Puts an entry at a position, of which its slot learns. */
static inline void
put(struct miost_timers *timers, uint32_t i, const struct entry *entry)
{
	timers->near.entries[i] = *entry;
	slot_of(timers, entry->slot)->pos = i;
}

/* Puts `entry` where it belongs between the heap's root and the hole at `i`. */
static void
sift_up(struct miost_timers *timers, uint32_t i, const struct entry *entry)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (!before(timers, entry, &timers->near.entries[parent]))
			break;
		put(timers, i, &timers->near.entries[parent]);
		i = parent;
	}
	put(timers, i, entry);
}

/* Puts `entry` where it belongs below the hole at `i`. */
static void
sift_down(struct miost_timers *timers, uint32_t i, const struct entry *entry)
{
	const struct entry *entries = timers->near.entries;

	for (;;) {
		uint64_t child = (uint64_t)i * 4 + 1;
		uint64_t end = child + 4;
		uint64_t least = child;

		if (child >= timers->near.len)
			break;
		if (end > timers->near.len)
			end = timers->near.len;
		while (++child < end)
			if (before(timers, &entries[child], &entries[least]))
				least = child;
		if (!before(timers, &entries[least], entry))
			break;
		put(timers, i, &entries[least]);
		i = (uint32_t)least;
	}
	put(timers, i, entry);
}

static void
heapify(struct miost_timers *timers)
{
	const struct near *near = &timers->near;

	for (uint32_t i = (near->len + 3) / 4; i-- > 0;) {
		struct entry entry = near->entries[i];

		sift_down(timers, i, &entry);
	}
}

/* Turns sorted entries into a heap: in the opposite order they are one. */
static void
unsort(struct miost_timers *timers)
{
	struct near *near = &timers->near;

	for (uint32_t i = 0, j = near->len; i + 1 < j; i++) {
		struct entry entry = near->entries[i];

		put(timers, i, &near->entries[--j]);
		put(timers, j, &entry);
	}
	near->sorted = false;
}

/* Sorts entries of one deadline by their ids, the greatest first. */
static void
sort_equal(struct miost_timers *timers, struct entry *entries, uint32_t n)
{
	int64_t deadline = entries->deadline;

	/* As deadlines: the unsigned order becomes that of signed numbers. */
	for (uint32_t i = 0; i < n; i++)
		entries[i].deadline = (int64_t)(slot_of(timers, entries[i].slot)
							->id ^
						(uint64_t)INT64_MIN);
	miost__timers_sort(entries, n, timers->near.scratch);
	for (uint32_t i = 0; i < n; i++)
		entries[i].deadline = deadline;
}

static void
sort(struct miost_timers *timers)
{
	const struct near *near = &timers->near;
	uint32_t start = 0;

	miost__timers_sort(near->entries, near->len, near->scratch);
	for (uint32_t i = 1; i <= near->len; i++) {
		if (i < near->len && near->entries[i].deadline ==
					     near->entries[start].deadline)
			continue;
		if (i - start > 1)
			sort_equal(timers, &near->entries[start], i - start);
		start = i;
	}
}

void
miost__timers_order(struct miost_timers *timers, bool sorted)
{
	struct near *near = &timers->near;
	uint32_t len = 0;

	if (sorted)
		sort(timers);
	for (uint32_t i = 0; i < near->len; i++) {
		struct slot *slot = slot_of(timers, near->entries[i].slot);

		if (slot->generation % 2 == 0)
			continue;
		slot->pos = len;
		near->entries[len++] = near->entries[i];
	}
	near->len = len;
	if (!sorted)
		heapify(timers);
	near->sorted = sorted;
	/* A heap may be sorted at once. */
	timers->sorted_at = timers->operations - (sorted ? 0 : near->len);
}

void
miost__timers_push(struct miost_timers *timers, const struct entry *entry)
{
	struct near *near = &timers->near;

	if (near->sorted && near->len > 0 &&
	    !before(timers, entry, &near->entries[near->len - 1]))
		unsort(timers);
	if (near->sorted)
		put(timers, near->len++, entry);
	else
		sift_up(timers, near->len++, entry);
}

void
miost__timers_pull(struct miost_timers *timers, uint32_t pos)
{
	struct near *near = &timers->near;
	struct entry last;

	timers->operations++;
	if (near->sorted && pos < near->len - 1) {
		unsort(timers);
		pos = near->len - 1 - pos;
	}
	last = near->entries[--near->len];
	if (pos == near->len)
		return;
	if (pos > 0 && before(timers, &last, &near->entries[(pos - 1) / 4]))
		sift_up(timers, pos, &last);
	else
		sift_down(timers, pos, &last);
}

int
miost__timers_cancel_near(struct miost_timers *timers, uint32_t number)
{
	miost__timers_pull(timers, slot_of(timers, number)->pos);
	kill_slot(timers, number);
	return 0;
}

void
miost__timers_drop_earliest(struct miost_timers *timers, uint32_t n)
{
	timers->operations += n;
	timers->near.len -= n;
}

const struct entry *
miost__timers_earliest(const struct miost_timers *timers)
{
	const struct near *near = &timers->near;

	return &near->entries[near->sorted ? near->len - 1 : 0];
}

/* How many below the heap's entry `i`, and it, are due; stops at `most`. */
static uint32_t
count_heap(const struct near *near, uint64_t i, int64_t now, uint32_t most)
{
	uint32_t n = 1;

	if (i >= near->len || near->entries[i].deadline > now)
		return 0;
	for (int child = 1; child <= 4 && n < most; child++)
		n += count_heap(near, i * 4 + (uint64_t)child, now, most - n);
	return n;
}

/* How many of those sorted are due: a binary search from the end. */
static uint32_t
count_sorted(const struct near *near, int64_t now)
{
	uint32_t low = 0;
	uint32_t high = near->len;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (near->entries[mid].deadline > now)
			low = mid + 1;
		else
			high = mid;
	}
	return near->len - low;
}

uint32_t
miost__timers_count_due(struct miost_timers *timers, int64_t now)
{
	const struct near *near = &timers->near;
	uint32_t since = timers->operations - timers->sorted_at;
	uint32_t n;

	if (near->sorted)
		return count_sorted(near, now);
	n = count_heap(near, 0, now, IN_A_HEAP);
	if (n < IN_A_HEAP || since < near->len)
		return n;
	miost__timers_order(timers, true);
	return count_sorted(near, now);
}
