/* SPDX-License-Identifier: MIT */
/* Timers: sorting many that are due at once. */
#include "timers.h"

enum {
	FEW = 16,	/* sorted by insertion */
	INDEX_BITS = 10,
	SOME = 1 << INDEX_BITS,	/* sorted with memory of that size */
	HALF_BITS = 7,	/* of the digit by which some are sorted, at most */
	DIGIT_BITS = 8,	/* of that by which more are, at most */
	DIGITS = 1 << DIGIT_BITS
};

/* What the sorting of some needs: too large for every level of recursion. */
struct scratch {
	struct entry entries[SOME];
	uint32_t order[2][SOME];	/* an entry's digit, and its index */
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
	struct scratch *scratch;
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
find_digit(struct keys *keys, const struct entry *entries, size_t n,
	   int bits)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t key = key_of(keys, entries[i]);

		least = key < least ? key : least;
		most = key > most ? key : most;
	}
	keys->most = most;
	keys->shift = 0;
	while ((most - least) >> keys->shift >> bits != 0)
		keys->shift++;
	return least < most;
}

/* Orders entries by their digit, in place. */
static void
distribute(const struct keys *keys, struct entry *entries, size_t n)
{
	uint32_t next[DIGITS] = { 0 };
	uint32_t end[DIGITS];
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

/* Orders what stands for the entries by some bits of their digit. */
static void
order_by(const uint32_t *from, uint32_t *to, size_t n, int shift, int bits)
{
	uint32_t next[1 << HALF_BITS] = { 0 };
	uint32_t mask = ((uint32_t)1 << bits) - 1;
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		next[from[i] >> shift & mask]++;
	for (uint32_t digit = 0; digit <= mask; digit++) {
		uint32_t count = next[digit];

		next[digit] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[next[from[i] >> shift & mask]++] = from[i];
}

/* Orders some by their digit, with scratch memory: by its lower half first. */
static void
distribute_some(const struct keys *keys, struct entry *entries, size_t n,
		int half)
{
	struct scratch *scratch = keys->scratch;
	uint32_t *order = scratch->order[0];

	for (uint32_t i = 0; i < n; i++) {
		scratch->entries[i] = entries[i];
		order[i] = (uint32_t)digit_of(keys, entries[i]) << INDEX_BITS |
			   i;
	}
	order_by(order, scratch->order[1], n, INDEX_BITS, half);
	order_by(scratch->order[1], order, n, INDEX_BITS + half, half);
	for (size_t i = 0; i < n; i++)
		entries[i] = scratch->entries[order[i] & (SOME - 1)];
}

/*
 * How many leading bits tell most of `n` keys apart, an even number, or, of
 * more than some, leave groups of some.
 */
static int
digit_bits(size_t n)
{
	int bits = n <= SOME ? 8 : 4;

	if (n <= SOME)
		while (bits < 2 * HALF_BITS && n >> (bits - 4) != 0)
			bits += 2;
	else
		while (bits < DIGIT_BITS && n >> bits > SOME / 2)
			bits++;
	return bits;
}

/* Whether many of those in the order of their digit have the same. */
static bool
has_crowd(const struct keys *keys, const struct entry *entries, size_t n)
{
	for (size_t i = FEW; i < n; i += FEW)
		if (digit_of(keys, entries[i]) ==
		    digit_of(keys, entries[i - FEW]))
			return true;
	return false;
}

static void radix_sort(struct keys keys, struct entry *entries, size_t n);

/* Sorts each group of those in the order of their digit that have the same. */
static void
sort_groups(const struct keys *keys, struct entry *entries, size_t n)
{
	size_t start = 0;

	while (start < n) {
		uint64_t digit = digit_of(keys, entries[start]);
		size_t end = start + 1;

		while (end < n && digit_of(keys, entries[end]) == digit)
			end++;
		radix_sort(*keys, entries + start, end - start);
		start = end;
	}
}

/*
 * By the leading bits in which the keys differ, then each group of equal ones
 * by the next; equal deadlines by id. A level of recursion deals with four bits
 * of a deadline or an id at least, whatever the entries are.
 */
static void
radix_sort(struct keys keys, struct entry *entries, size_t n)
{
	int bits = digit_bits(n);

	if (n <= FEW) {
		insertion_sort(keys.timers, entries, n);
		return;
	}
	if (!find_digit(&keys, entries, n, bits)) {
		if (keys.by_id)
			return;
		keys.by_id = true;
		radix_sort(keys, entries, n);
		return;
	}
	if (n <= SOME)
		distribute_some(&keys, entries, n, bits / 2);
	else
		distribute(&keys, entries, n);
	if (n <= SOME && !has_crowd(&keys, entries, n))
		insertion_sort(keys.timers, entries, n);
	else
		sort_groups(&keys, entries, n);
}

void
miost__timers_sort(struct miost_timers *timers, uint32_t n)
{
	struct scratch scratch;
	struct keys keys = { .timers = timers, .scratch = &scratch };

	radix_sort(keys, timers->entries, n);
}
