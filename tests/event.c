/* SPDX-License-Identifier: MIT */
/* Readiness: its numbers, its tests and its words. */
#include <limits.h>
#include <poll.h>

#include <miost/event.h>

#include "tap.h"

static void
numbers(void)
{
	check_eq(MIOST_READABLE, POLLIN);
	check_eq(MIOST_PRIORITY, POLLPRI);
	check_eq(MIOST_WRITABLE, POLLOUT);
	check_eq(MIOST_ERROR, POLLERR);
	check_eq(MIOST_HUP, POLLHUP);
	check_eq(MIOST_TIMER, 32);
	check_eq(MIOST_READ_CLOSED, 64);
	check_eq(MIOST_WRITE_CLOSED, 128);
	check_eq(MIOST_FOREVER, -1);
}

static void
contains(void)
{
	miost_ready both = MIOST_READABLE | MIOST_WRITABLE;

	check(miost_ready_contains(both, MIOST_READABLE));
	check(miost_ready_contains(both, both));
	check(miost_ready_contains(both, 0));
	check(miost_ready_contains(0, 0));
	check(!miost_ready_contains(MIOST_READABLE, both));
	check(!miost_ready_contains(0, MIOST_HUP));
}

static bool
is(int bit, miost_ready ready)
{
	switch (bit) {
	case 0:
		return miost_ready_is_readable(ready);
	case 1:
		return miost_ready_is_priority(ready);
	case 2:
		return miost_ready_is_writable(ready);
	case 3:
		return miost_ready_is_error(ready);
	case 4:
		return miost_ready_is_hup(ready);
	case 5:
		return miost_ready_is_timer(ready);
	case 6:
		return miost_ready_is_read_closed(ready);
	default:
		return miost_ready_is_write_closed(ready);
	}
}

static void
predicates(void)
{
	for (int bit = 0; bit < 8; bit++)
		for (int other = 0; other < 8; other++) {
			check_eq(is(bit, 1u << other), bit == other);
			check_eq(is(bit, ~(1u << other)), bit != other);
		}
}

static void
words(void)
{
	static const struct {
		miost_ready ready;
		const char *text;
	} cases[] = {
		{ 0, "(empty)" },
		{ MIOST_READABLE, "READABLE" },
		{ MIOST_PRIORITY, "PRIORITY" },
		{ MIOST_WRITABLE, "WRITABLE" },
		{ MIOST_ERROR, "ERROR" },
		{ MIOST_HUP, "HUP" },
		{ MIOST_TIMER, "TIMER" },
		{ MIOST_READ_CLOSED, "READ_CLOSED" },
		{ MIOST_WRITE_CLOSED, "WRITE_CLOSED" },
		{ MIOST_WRITABLE | MIOST_READABLE, "READABLE | WRITABLE" },
		{ 255, "READABLE | PRIORITY | WRITABLE | ERROR | HUP | TIMER"
		       " | READ_CLOSED | WRITE_CLOSED" },
		{ 0x100, "0x100" },
		{ MIOST_HUP | 0x80000000u, "HUP | 0x80000000" },
		{ UINT32_MAX, "READABLE | PRIORITY | WRITABLE | ERROR | HUP"
		       " | TIMER | READ_CLOSED | WRITE_CLOSED | 0xffffff00" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n = miost_ready_format(cases[i].ready, text, sizeof(text));

		check_str(text, cases[i].text);
		check_eq(n, strlen(cases[i].text));
		check_eq(miost_ready_format(cases[i].ready, NULL, 0), n);
	}
}

static void
short_buffers(void)
{
	static const char whole[] = "READABLE | HUP";
	char text[32];

	for (size_t size = 1; size < sizeof(text); size++) {
		size_t kept = size <= strlen(whole) ? size - 1 : strlen(whole);

		memset(text, '#', sizeof(text));
		check_eq(miost_ready_format(MIOST_READABLE | MIOST_HUP, text,
					    size), strlen(whole));
		check(memcmp(text, whole, kept) == 0);
		check_eq(text[kept], '\0');
		if (size < sizeof(text))
			check_eq(text[size], '#');
	}
}

static const struct tap_test tests[] = {
	{ "bits are numbered as poll(2) does", numbers },
	{ "contains asks for all bits", contains },
	{ "each bit has its predicate", predicates },
	{ "format writes words, lowest bit first", words },
	{ "format cuts as snprintf does", short_buffers },
};

TAP_MAIN(tests)
