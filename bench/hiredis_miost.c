/* SPDX-License-Identifier: MIT */
/* hiredis in a loop of ours: that of examples/hiredis.c. */
#define main example_main
int example_main(int argc, char **argv);
#include "../examples/hiredis.c"
#undef main

#include "client.h"

static struct redis_loop loop;
static bool stopped;

void
loop_open(void *context)
{
	struct miost_os_queue *queue;
	struct miost_timers *timers;

	must(miost_os_queue_new(&queue) == 0, "queue");
	must(miost_timers_new(&timers) == 0, "timers");
	must(redis_loop_attach(&loop, queue, timers, context) == 0, "loop");
}

void
loop_run(void)
{
	struct miost_source *sources[] = { miost_os_queue_source(loop.queue),
					   miost_timers_source(loop.timers) };
	struct miost_event events[8];

	for (stopped = false; !stopped;) {
		int n = miost_poll_events(sources, 2, events, 8,
					  MIOST_FOREVER);

		must(n >= 0, "poll");
		for (int i = 0; i < n; i++)
			redis_loop_handle(&loop, events[i].readiness);
		must(loop.err == 0, "loop");
	}
}

void
loop_stop(void)
{
	stopped = true;
}
