/* SPDX-License-Identifier: MIT */
/* Timers: a radix sort of many entries by their deadlines. */
#include <stdbool.h>

#include "timers_sort.h"

enum {
	INSERTED = 16,	/* sorted by insertion */
	HALF_BITS = 7	/* of the digit by which others are, at most */
};

/* Where the next entry with half a digit goes. */
struct tables {
	uint32_t lower[1 << HALF_BITS];
	uint32_t upper[1 << HALF_BITS];
};

/* The leading digit in which deadlines differ. */
struct digit {
	struct tables *tables;	/* once on the stack, not at each level */
	struct entry *scratch;
	int64_t latest;
	int shift;
	int half;		/* of its bits */
};

static void
insertion_sort(struct entry *entries, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry entry = entries[i];
		size_t hole = i;

		for (; hole > 0 && entries[hole - 1].deadline < entry.deadline;
		     hole--)
			entries[hole] = entries[hole - 1];
		entries[hole] = entry;
	}
}

/* The latest has digit 0, and comes first. */
static inline uint64_t
digit_of(const struct digit *digit, const struct entry *entry)
{
	return ((uint64_t)digit->latest - (uint64_t)entry->deadline) >>
	       digit->shift;
}

/* Half as many bits as tell most of `n` deadlines apart. */
static int
half_bits(size_t n)
{
	int half = 4;

	while (half < HALF_BITS && n >> (2 * half - 4) != 0)
		half++;
	return half;
}

/* Finds the digit. False: the deadlines are all equal. */
static bool
find_digit(struct digit *digit, const struct entry *entries, size_t n)
{
	int64_t earliest = INT64_MAX;
	int64_t latest = INT64_MIN;
	uint64_t span;

	for (size_t i = 0; i < n; i++) {
		int64_t deadline = entries[i].deadline;

		earliest = deadline < earliest ? deadline : earliest;
		latest = deadline > latest ? deadline : latest;
	}
	span = (uint64_t)latest - (uint64_t)earliest;
	digit->latest = latest;
	digit->half = half_bits(n);
	digit->shift = 0;
	while (span >> digit->shift >> digit->half >> digit->half != 0)
		digit->shift++;
	return span > 0;
}

/* Counts the halves of the digits, and sums up where each begins. */
static void
count_digits(const struct digit *digit, const struct entry *entries, size_t n)
{
	uint32_t *lower = digit->tables->lower;
	uint32_t *upper = digit->tables->upper;
	uint32_t size = (uint32_t)1 << digit->half;
	uint32_t lower_sum = 0, upper_sum = 0;

	for (uint32_t i = 0; i < size; i++)
		lower[i] = upper[i] = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t value = digit_of(digit, &entries[i]);

		lower[value & (size - 1)]++;
		upper[value >> digit->half]++;
	}
	for (uint32_t i = 0; i < size; i++) {
		uint32_t in_lower = lower[i], in_upper = upper[i];

		lower[i] = lower_sum;
		upper[i] = upper_sum;
		lower_sum += in_lower;
		upper_sum += in_upper;
	}
}

/* Orders entries by the digit: by the lower half first, then by the upper. */
static void
distribute(const struct digit *digit, struct entry *entries, size_t n)
{
	uint32_t *lower = digit->tables->lower;
	uint32_t *upper = digit->tables->upper;
	uint32_t mask = ((uint32_t)1 << digit->half) - 1;
	struct entry *scratch = digit->scratch;

	count_digits(digit, entries, n);
	for (size_t i = 0; i < n; i++)
		scratch[lower[digit_of(digit, &entries[i]) & mask]++] =
			entries[i];
	for (size_t i = 0; i < n; i++)
		entries[upper[digit_of(digit, &scratch[i]) >> digit->half]++] =
			scratch[i];
}

/* Whether many of those in the order of the digit have the same. */
static bool
has_crowd(const struct digit *digit, const struct entry *entries, size_t n)
{
	for (size_t i = INSERTED; i < n; i += INSERTED)
		if (digit_of(digit, &entries[i]) ==
		    digit_of(digit, &entries[i - INSERTED]))
			return true;
	return false;
}

static void radix_sort(struct digit digit, struct entry *entries, size_t n);

/* Sorts each group of those in the order of the digit that have the same. */
static void
sort_groups(const struct digit *digit, struct entry *entries, size_t n)
{
	size_t start = 0;

	while (start < n) {
		uint64_t value = digit_of(digit, &entries[start]);
		size_t end = start + 1;

		while (end < n && digit_of(digit, &entries[end]) == value)
			end++;
		radix_sort(*digit, entries + start, end - start);
		start = end;
	}
}

/*
 * By a digit that tells nearly all apart, and by insertion, which finds little
 * to do then. If it tells many not apart, by the next digit of those.
 */
static void
radix_sort(struct digit digit, struct entry *entries, size_t n)
{
	if (n <= INSERTED) {
		insertion_sort(entries, n);
		return;
	}
	if (!find_digit(&digit, entries, n))
		return;
	distribute(&digit, entries, n);
	if (has_crowd(&digit, entries, n))
		sort_groups(&digit, entries, n);
	else
		insertion_sort(entries, n);
}

void
miost__timers_sort(struct entry *entries, size_t n, struct entry *scratch)
{
	struct tables tables;
	struct digit digit = { .tables = &tables, .scratch = scratch };

	radix_sort(digit, entries, n);
}
