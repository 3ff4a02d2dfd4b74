/* SPDX-License-Identifier: MIT */
/* Timers: sorting many that are due at once. */
#include "timers.h"

enum {
	FEW = 24,	/* sorted by insertion */
	DIGITS = 256
};

/* Sorts few entries, the earliest last. */
static void
insertion_sort(const struct miost_timers *timers, struct entry *entries,
	       size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry entry = entries[i];
		size_t j = i;

		for (; j > 0 && before(timers, entries[j - 1], entry); j--)
			entries[j] = entries[j - 1];
		entries[j] = entry;
	}
}

/* What entries are sorted by, deadline or id, and which digit of it. */
struct keys {
	const struct miost_timers *timers;
	bool by_id;
	uint64_t most;
	int shift;
};

/* The key in an order that unsigned numbers have. */
static uint64_t
key_of(const struct keys *keys, struct entry entry)
{
	if (keys->by_id)
		return keys->timers->slots[entry.slot].id;
	return (uint64_t)entry.deadline ^ (uint64_t)1 << 63;
}

/* The greatest key has digit 0: the earliest come last. */
static uint64_t
digit_of(const struct keys *keys, struct entry entry)
{
	return (keys->most - key_of(keys, entry)) >> keys->shift;
}

/* Finds the leading digit in which keys differ. False: they are all equal. */
static bool
find_digit(struct keys *keys, const struct entry *entries, size_t n)
{
	uint64_t least = UINT64_MAX;

	keys->most = 0;
	keys->shift = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t key = key_of(keys, entries[i]);

		least = key < least ? key : least;
		keys->most = key > keys->most ? key : keys->most;
	}
	while ((keys->most - least) >> keys->shift >= DIGITS)
		keys->shift++;
	return least < keys->most;
}

/* Orders entries by their digit, in place; `end` is where each one's end. */
static void
distribute(const struct keys *keys, struct entry *entries, size_t n,
	   uint32_t end[DIGITS])
{
	uint32_t next[DIGITS] = { 0 };
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		next[digit_of(keys, entries[i])]++;
	for (int digit = 0; digit < DIGITS; digit++) {
		end[digit] = sum + next[digit];
		next[digit] = sum;
		sum = end[digit];
	}
	/* Carry an entry to where it belongs, go on with the one there. */
	for (uint64_t digit = 0; digit < DIGITS; digit++) {
		while (next[digit] < end[digit]) {
			struct entry carried = entries[next[digit]];
			uint64_t to = digit_of(keys, carried);

			while (to != digit) {
				struct entry *place = &entries[next[to]++];
				struct entry found = *place;

				*place = carried;
				carried = found;
				to = digit_of(keys, carried);
			}
			entries[next[digit]++] = carried;
		}
	}
}

/*
 * By the leading eight bits in which the keys differ, then each group of equal
 * ones by the next; equal deadlines by id. A level for each eight bits of a
 * deadline and an id at most, whatever the entries are.
 */
static void
radix_sort(struct keys keys, struct entry *entries, size_t n)
{
	uint32_t end[DIGITS];
	uint32_t start = 0;

	if (n <= FEW) {
		insertion_sort(keys.timers, entries, n);
		return;
	}
	if (!find_digit(&keys, entries, n)) {
		if (keys.by_id)
			return;
		keys.by_id = true;
		radix_sort(keys, entries, n);
		return;
	}
	distribute(&keys, entries, n, end);
	for (int digit = 0; digit < DIGITS; digit++) {
		if (end[digit] - start > 1)
			radix_sort(keys, entries + start, end[digit] - start);
		start = end[digit];
	}
}

void
miost__timers_sort(struct miost_timers *timers, uint32_t n)
{
	struct keys keys = { .timers = timers };

	radix_sort(keys, timers->entries, n);
}
