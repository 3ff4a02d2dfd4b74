/* SPDX-License-Identifier: MIT */
/* The words for what an event says. */
#include <stdio.h>

#include <miost/event.h>

/* By bit. */
static const char *const names[] = {
	"READABLE", "PRIORITY", "WRITABLE",    "ERROR",
	"HUP",	    "TIMER",	"READ_CLOSED", "WRITE_CLOSED",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* Where the next word of a text goes that may be longer than its buffer. */
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

int
miost_ready_format(miost_ready ready, char *buf, size_t size)
{
	struct text text = { buf, size, 0 };
	miost_ready unnamed = ready >> NAMES << NAMES;
	char hex[sizeof("0x12345678")];

	for (size_t i = 0; i < NAMES; i++)
		if (ready & ((miost_ready)1 << i))
			append_word(&text, names[i]);
	if (unnamed != 0) {
		snprintf(hex, sizeof(hex), "0x%lx", (unsigned long)unnamed);
		append_word(&text, hex);
	}
	if (ready == 0)
		append(&text, "(empty)");
	if (size > 0)
		buf[text.len < size ? text.len : size - 1] = '\0';
	return (int)text.len;
}
