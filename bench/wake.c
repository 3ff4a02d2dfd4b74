/* SPDX-License-Identifier: MIT */
/*
 * wake: the cost of waking a loop that is awake already, and the round trip
 * between two threads on one processor that wake each other.
 */
#include <pthread.h>

#include "bench.h"

enum { WAKES = 200000, TRIPS = 5000, RUNS = 9 };

static void
count_call(struct handler *handler)
{
	handler->index++;
}

static void
report_woken(void)
{
	void *loop = peer.open(flags);
	struct handler *waker = new_handlers(loop, WAKER, 1, count_call);
	double times[RUNS];

	for (int run = 0; run < RUNS; run++) {
		int64_t began;

		peer.wake(loop, waker);
		began = wall();
		for (int i = 0; i < WAKES; i++)
			peer.wake(loop, waker);
		times[run] = (double)(wall() - began) / WAKES;
		peer.poll(loop, false);
	}
	must(waker->index > 0, "no wake was delivered");
	report("woken_ns", median(times, RUNS));
}

static struct side {
	void *loop;
	struct handler *waker;
} sides[2];

static void
take_turn(struct side *mine, struct side *other)
{
	mine->waker->index = 0;
	while (mine->waker->index == 0)
		peer.poll(mine->loop, true);
	peer.wake(other->loop, other->waker);
}

static void *
answer(void *arg)
{
	for (int i = 0; i < RUNS * TRIPS; i++)
		take_turn(&sides[1], &sides[0]);
	return arg;
}

static void
report_trip(void)
{
	double times[RUNS];
	pthread_t thread;

	for (int i = 0; i < 2; i++) {
		sides[i].loop = peer.open(flags);
		sides[i].waker = new_handlers(sides[i].loop, WAKER, 1,
					      count_call);
	}
	must(pthread_create(&thread, NULL, answer, NULL) == 0, "thread");
	for (int run = 0; run < RUNS; run++) {
		int64_t began = wall();

		for (int i = 0; i < TRIPS; i++) {
			struct side *mine = &sides[0];

			peer.wake(sides[1].loop, sides[1].waker);
			mine->waker->index = 0;
			while (mine->waker->index == 0)
				peer.poll(mine->loop, true);
		}
		times[run] = (double)(wall() - began) / TRIPS;
	}
	pthread_join(thread, NULL);
	report("trip_ns", median(times, RUNS));
}

void
run_wake(char **arguments)
{
	(void)arguments;
	report_woken();
	report_trip();
}
