/* SPDX-License-Identifier: MIT */
/*
 * Text to addresses and back: what parse reads, format writes, and parse reads
 * the same again. And bytes as addresses: whatever format makes of them stays
 * as it is from then on.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <miost.h>

#include "fuzz.h"

enum { LONGEST = 300 };

const char fuzz_name[] = "addr";

static void
expect(int condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "not so: %s\n", what);
	abort();
}

/* Writes it in a buffer of the whole length, and in shorter ones. */
static int
format(const struct miost_addr *addr, char text[LONGEST])
{
	char cut[LONGEST];
	int n = miost_addr_format(addr, NULL, 0);

	expect(n != 0 && n < LONGEST, "a length");
	expect(miost_addr_format(addr, text, LONGEST) == n, "one length");
	if (n < 0)
		return n;
	expect(strlen(text) == (size_t)n, "the length of the text");
	for (int size = 1; size <= n + 1; size += 1 + n / 8) {
		memset(cut, 'x', sizeof(cut));
		expect(miost_addr_format(addr, cut, (size_t)size) == n,
		       "the length of the whole");
		expect(strncmp(cut, text, (size_t)size - 1) == 0 &&
		       cut[size - 1] == '\0' && cut[size] == 'x',
		       "a text that was cut");
	}
	return n;
}

static void
parse_text(const char *text)
{
	struct miost_addr addr, again;
	char first[LONGEST], second[LONGEST];

	memset(&addr, 0x55, sizeof(addr));
	again = addr;
	if (miost_addr_parse(text, &addr) < 0) {
		expect(memcmp(&addr, &again, sizeof(addr)) == 0,
		       "an address that is left alone");
		return;
	}
	expect(format(&addr, first) > 0, "what was parsed can be formatted");
	expect(miost_addr_parse(first, &again) == 0, "and parsed");
	expect(format(&again, second) > 0, "and formatted");
	expect(strcmp(first, second) == 0, "the same text");
	expect(addr.len == again.len &&
	       memcmp(&addr.storage, &again.storage, addr.len) == 0,
	       "the same address");
}

static void
format_bytes(const uint8_t *data, size_t size)
{
	static const int families[] = { AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC };
	struct miost_addr addr, again;
	char first[LONGEST], second[LONGEST];
	size_t rest;

	memset(&addr, 0, sizeof(addr));
	addr.len = data[0] % (sizeof(addr.storage) + 3);
	rest = size - 2 < sizeof(addr.storage) ? size - 2
					       : sizeof(addr.storage);
	memcpy(&addr.storage, data + 2, rest);
	addr.storage.ss_family = (sa_family_t)families[data[1] % 4];
	if (format(&addr, first) < 0 || miost_addr_parse(first, &again) < 0)
		return;
	expect(format(&again, second) > 0, "what was parsed can be formatted");
	expect(strcmp(first, second) == 0, "the same text");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[LONGEST];

	if (size >= LONGEST)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	parse_text(text);
	if (size >= 2)
		format_bytes(data, size);
	return 0;
}
