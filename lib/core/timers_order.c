/* SPDX-License-Identifier: MIT */
/* Timers: what is near, in order, and what is far. */
#include "timers.h"

enum {
	FEW = 64,	/* so many may all be near */
	SAMPLES = 32,	/* drawn to find a limit, */
	NEAREST = 4,	/* which is the fourth of them: an eighth is near */
	IN_A_HEAP = 64	/* so many at least are due before they are sorted */
};

/* Puts `entry` where it belongs between the heap's root and the hole at `i`. */
static void
sift_up(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (!before(timers, entry, timers->entries[parent]))
			break;
		place(timers, i, timers->entries[parent]);
		i = parent;
	}
	place(timers, i, entry);
}

/* Puts `entry` where it belongs below the hole at `i`. */
static void
sift_down(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	const struct entry *entries = timers->entries;

	for (;;) {
		uint64_t child = (uint64_t)i * 4 + 1;
		uint64_t end = child + 4;
		uint64_t least = child;

		if (child >= timers->near)
			break;
		if (end > timers->near)
			end = timers->near;
		while (++child < end)
			if (before(timers, entries[child], entries[least]))
				least = child;
		if (!before(timers, entries[least], entry))
			break;
		place(timers, i, entries[least]);
		i = (uint32_t)least;
	}
	place(timers, i, entry);
}

static void
heapify(struct miost_timers *timers)
{
	timers->sorted = false;
	for (uint32_t i = timers->near / 4 + 1; i-- > 0;)
		if (i < timers->near)
			sift_down(timers, i, timers->entries[i]);
}

/* Turns a sorted near part into a heap: the other way round it is one. */
static void
unsort(struct miost_timers *timers)
{
	struct entry *entries = timers->entries;

	if (!timers->sorted)
		return;
	for (uint32_t i = 0, j = timers->near; i + 1 < j; i++) {
		struct entry entry = entries[i];

		place(timers, i, entries[--j]);
		place(timers, j, entry);
	}
	timers->sorted = false;
}

static void
sort_near(struct miost_timers *timers)
{
	miost__timers_sort(timers, timers->near);
	for (uint32_t i = 0; i < timers->near; i++)
		timers->slots[timers->entries[i].slot].pos = i;
	timers->sorted_at = timers->operations;
	timers->sorted = true;
}

/* 24 bits: a linear congruential generator, of which the upper are good. */
static uint32_t
next_random(struct miost_timers *timers)
{
	timers->random = timers->random * 1664525 + 1013904223;
	return timers->random >> 8;
}

/* A limit up to which there is at least one deadline, and about an eighth. */
static int64_t
choose_limit(struct miost_timers *timers)
{
	int64_t nearest[NEAREST];
	int64_t latest = INT64_MIN;
	int n = 0;

	if (timers->len <= FEW) {
		for (uint32_t i = 0; i < timers->len; i++)
			if (timers->entries[i].deadline > latest)
				latest = timers->entries[i].deadline;
		return latest;
	}
	for (int draw = 0; draw < SAMPLES; draw++) {
		uint32_t i = (uint32_t)((uint64_t)next_random(timers) *
					timers->len >> 24);
		int64_t deadline = timers->entries[i].deadline;
		int j;

		if (n == NEAREST && deadline >= nearest[n - 1])
			continue;
		if (n < NEAREST)
			n++;
		for (j = n - 1; j > 0 && nearest[j - 1] > deadline; j--)
			nearest[j] = nearest[j - 1];
		nearest[j] = deadline;
	}
	return nearest[NEAREST - 1];
}

void
miost__timers_sweep(struct miost_timers *timers)
{
	struct entry *entries = timers->entries;
	uint32_t len = timers->near;

	for (uint32_t i = len; i < timers->len; i++) {
		struct entry entry = entries[i];

		if (!in_use(timers, entry))
			continue;
		if (i != len) {
			entries[i] = entries[len];
			place(timers, len, entry);
		}
		len++;
	}
	timers->len = len;
}

/*
 * Draws the line between near and far anew, not before `now`, and orders what
 * is near: at least one, if any is live.
 */
static void
partition(struct miost_timers *timers, int64_t now)
{
	struct entry *entries = timers->entries;
	uint32_t near = 0;
	int64_t limit;

	if (timers->live < timers->len)
		miost__timers_sweep(timers);
	limit = choose_limit(timers);
	if (limit < now)
		limit = now;
	for (uint32_t i = 0; i < timers->len; i++) {
		struct entry entry = entries[i];

		if (entry.deadline > limit)
			continue;
		if (i != near) {
			place(timers, i, entries[near]);
			place(timers, near, entry);
		}
		near++;
	}
	timers->near = near;
	timers->crowded = near < UINT32_MAX / 4 ? near * 2 + FEW : UINT32_MAX;
	timers->limit = limit;
	timers->partitioned_at = timers->operations;
	timers->sorted_at = timers->operations - near;
	if (limit == now)
		sort_near(timers);
	else
		heapify(timers);
}

void
miost__timers_gather(struct miost_timers *timers, int64_t now)
{
	uint32_t since = timers->operations - timers->partitioned_at;

	if (timers->near == timers->len)
		return;
	if (timers->near == 0 ||
	    (timers->limit < now && since >= timers->len / 8))
		partition(timers, now);
}

void
miost__timers_insert_near(struct miost_timers *timers, struct entry entry)
{
	uint32_t i = timers->near;

	if (timers->sorted && i > 0 &&
	    !before(timers, entry, timers->entries[i - 1]))
		unsort(timers);
	if (i < timers->len)
		place(timers, timers->len, timers->entries[i]);
	timers->len++;
	timers->near++;
	if (timers->sorted)
		place(timers, i, entry);
	else
		sift_up(timers, i, entry);
	if (timers->near > timers->crowded)
		partition(timers, INT64_MIN);
}

void
miost__timers_take_out(struct miost_timers *timers, uint32_t slot)
{
	struct entry *entries = timers->entries;
	uint32_t i = timers->slots[slot].pos;

	timers->operations++;
	if (i < timers->near) {
		struct entry last;

		if (i < timers->near - 1) {
			unsort(timers);
			i = timers->slots[slot].pos;
		}
		last = entries[--timers->near];
		if (i == timers->near)
			;
		else if (i > 0 && before(timers, last, entries[(i - 1) / 4]))
			sift_up(timers, i, last);
		else
			sift_down(timers, i, last);
		i = timers->near;
	}
	if (i < --timers->len)
		place(timers, i, entries[timers->len]);
}

void
miost__timers_remove_near(struct miost_timers *timers, uint32_t slot)
{
	miost__timers_take_out(timers, slot);
	timers->entries[timers->len].slot = slot;
	timers->slots[slot].generation++;
	if (--timers->live == 0)
		timers->len = 0;
}

void
miost__timers_drop_earliest(struct miost_timers *timers, uint32_t n)
{
	struct entry *entries = timers->entries;
	uint32_t far = timers->len - timers->near;
	uint32_t moved = far < n ? far : n;

	timers->operations += n;
	timers->near -= n;
	timers->len -= n;
	/* The last of the far part fill the gap. */
	for (uint32_t i = 0; i < moved; i++) {
		struct entry *last = &entries[timers->len + n - moved + i];
		uint32_t spare = entries[timers->near + i].slot;

		place(timers, timers->near + i, *last);
		last->slot = spare;
	}
}

/* How many below the heap's entry `i`, and it, are due; stops at `most`. */
static uint32_t
count_heap(const struct miost_timers *timers, uint64_t i, int64_t now,
	   uint32_t most)
{
	uint32_t n = 1;

	if (i >= timers->near || timers->entries[i].deadline > now)
		return 0;
	for (int child = 1; child <= 4 && n < most; child++)
		n += count_heap(timers, i * 4 + (uint64_t)child, now, most - n);
	return n;
}

/* How many of the sorted near part are due: a binary search from its end. */
static uint32_t
count_sorted(const struct miost_timers *timers, int64_t now)
{
	uint32_t low = 0;
	uint32_t high = timers->near;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (timers->entries[mid].deadline > now)
			low = mid + 1;
		else
			high = mid;
	}
	return timers->near - low;
}

uint32_t
miost__timers_count_due(struct miost_timers *timers, int64_t now)
{
	uint32_t since = timers->operations - timers->sorted_at;
	uint32_t n;

	if (timers->sorted)
		return count_sorted(timers, now);
	n = count_heap(timers, 0, now, IN_A_HEAP);
	if (n < IN_A_HEAP || since < timers->near)
		return n;
	sort_near(timers);
	return count_sorted(timers, now);
}
