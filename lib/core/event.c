/* SPDX-License-Identifier: MIT */
/* Formatting of readiness as text. */
#include <miost/event.h>

/* The names of the bits, from bit 0 on. */
static const char *const names[] = {
	"READABLE", "PRIORITY", "WRITABLE",    "ERROR",
	"HUP",	    "TIMER",	"READ_CLOSED", "WRITE_CLOSED",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* A text and its buffer. `len` also counts what did not fit. */
struct text {
	char *buf;
	size_t size;
	size_t len;
};

static void
append(struct text *text, const char *s)
{
	for (; *s != '\0'; s++, text->len++)
		if (text->len + 1 < text->size)
			text->buf[text->len] = *s;
}

static void
append_word(struct text *text, const char *word)
{
	if (text->len > 0)
		append(text, " | ");
	append(text, word);
}

/* Appends a number other than 0 as "0x" and hexadecimal digits. */
static void
append_hex(struct text *text, miost_ready number)
{
	char hex[] = "0x00000000";
	size_t shift = 28;

	while (number >> shift == 0)
		shift -= 4;
	hex[3 + shift / 4] = '\0';
	for (size_t i = 2; hex[i] != '\0'; i++, shift -= 4)
		hex[i] = "0123456789abcdef"[number >> shift & 15];
	append_word(text, hex);
}

int
miost_ready_format(miost_ready ready, char *buf, size_t size)
{
	struct text text = { buf, size, 0 };
	miost_ready unnamed = ready >> NAMES << NAMES;

	for (size_t i = 0; i < NAMES; i++)
		if (ready & ((miost_ready)1 << i))
			append_word(&text, names[i]);
	if (unnamed != 0)
		append_hex(&text, unnamed);
	if (ready == 0)
		append(&text, "(empty)");
	if (size > 0)
		buf[text.len < size ? text.len : size - 1] = '\0';
	return (int)text.len;
}
