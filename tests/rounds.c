/* SPDX-License-Identifier: MIT */
/*
 * An example, EXAMPLE, and how often its loop went round: a loop that spins
 * gets its events, too. For the tests of examples, which say how many are too
 * many.
 */
#define _POSIX_C_SOURCE 200809L

#include <miost.h>
#include <stdio.h>

static int example_main(int argc, char **argv);
static int count_and_poll(struct miost_source *const sources[], size_t n,
			  struct miost_event *events, size_t capacity,
			  int64_t timeout);

#define main example_main
#define miost_poll_events count_and_poll
#include EXAMPLE
#undef miost_poll_events
#undef main

static int rounds;

static int
count_and_poll(struct miost_source *const sources[], size_t n,
	       struct miost_event *events, size_t capacity, int64_t timeout)
{
	rounds++;
	return miost_poll_events(sources, n, events, capacity, timeout);
}

int
main(int argc, char **argv)
{
	int status = example_main(argc, argv);

	fprintf(stderr, "%d rounds\n", rounds);
	return status;
}
