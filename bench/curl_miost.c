/* SPDX-License-Identifier: MIT */
/* libcurl in a loop of ours: that of examples/curl.c. */
#define main example_main
int example_main(int argc, char **argv);
#include "../examples/curl.c"
#undef main

#include "client.h"

static struct curl_loop loop;
static bool stopped;

void
loop_open(void *multi)
{
	struct miost_os_queue *queue;
	struct miost_timers *timers;

	must(miost_os_queue_new(&queue) == 0, "queue");
	must(miost_timers_new(&timers) == 0, "timers");
	must(curl_loop_init(&loop, multi, queue, timers, 0) == 0, "loop");
}

void
loop_run(void)
{
	struct miost_source *sources[] = { miost_os_queue_source(loop.queue),
					   miost_timers_source(loop.timers) };
	struct miost_event events[512];

	for (stopped = false; !stopped;) {
		int n = miost_poll_events(sources, 2, events, 512,
					  MIOST_FOREVER);

		must(n >= 0, "poll");
		for (int i = 0; i < n; i++)
			must(curl_loop_handle(&loop, events[i]) == 0, "loop");
		client_go_on();
	}
}

void
loop_stop(void)
{
	stopped = true;
}
