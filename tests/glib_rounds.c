/* SPDX-License-Identifier: MIT */
/*
 * The GLib example, and how often its loop went round: a loop that spins gets
 * its events, too. For example_glib.sh, which says how many are too many.
 */
static int example_main(void);

#define main example_main
#include "../examples/glib.c"
#undef main

static int rounds;

static gint
count_and_poll(GPollFD *fds, guint n, gint timeout)
{
	rounds++;
	return g_poll(fds, n, timeout);
}

int
main(void)
{
	int status;

	g_main_context_set_poll_func(NULL, count_and_poll);
	status = example_main();
	fprintf(stderr, "%d rounds\n", rounds);
	return status;
}
