/* SPDX-License-Identifier: MIT */
/* Readiness: its numbers, its masks and its words. */
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

/* The constants have the type of their sets: no sign gets in the way. */
static void
types(void)
{
	const miost_ready all = MIOST_READABLE | MIOST_PRIORITY |
				MIOST_WRITABLE | MIOST_ERROR | MIOST_HUP |
				MIOST_TIMER | MIOST_READ_CLOSED |
				MIOST_WRITE_CLOSED;
	miost_ready ready = all & ~MIOST_HUP;

	check_eq(all, 255);
	check_eq(ready, 255 - 16);
	check(~MIOST_READABLE > 0);
	check(~MIOST_WRITE_CLOSED > 0);
	check(~MIOST_MAY_READ > 0);
	check_eq(sizeof(MIOST_MAY_WRITE), sizeof(miost_ready));
}

static void
masks(void)
{
	check_eq(MIOST_MAY_READ, MIOST_READABLE | MIOST_ERROR | MIOST_HUP |
				 MIOST_READ_CLOSED);
	check_eq(MIOST_MAY_WRITE, MIOST_WRITABLE | MIOST_ERROR |
				  MIOST_WRITE_CLOSED);
}

/* Every byte of an event has a name. */
static void
layout(void)
{
	check_eq(sizeof(struct miost_event),
		 sizeof(miost_id) + 2 * sizeof(uint32_t));
	check_eq(offsetof(struct miost_event, id), 0);
	check_eq(offsetof(struct miost_event, readiness), sizeof(miost_id));
	check_eq(offsetof(struct miost_event, reserved),
		 sizeof(miost_id) + sizeof(uint32_t));
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
	{ "constants have the type of their sets", types },
	{ "the masks of what a read and a write are tried after", masks },
	{ "an event has no padding", layout },
	{ "format writes words, lowest bit first", words },
	{ "format cuts as snprintf does", short_buffers },
};

TAP_MAIN(tests)
