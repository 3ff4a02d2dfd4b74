/* SPDX-License-Identifier: MIT */
/*
 * libmiost: a loop as programs write it, around one call. With nothing but
 * descriptors that is miost_os_queue_poll, with several sources
 * miost_poll_events, both into an array; or miost_poll into a sink.
 */
#include <errno.h>
#include <stdlib.h>

#include <miost.h>

#include "bench.h"

enum { BATCH = 256, SOURCES = 3 };

struct loop {
	struct miost_os_queue *queue;
	struct miost_queue *user;
	struct miost_timers *timers;
	struct miost_source *sources[SOURCES];
	size_t source_count;		/* 0: the queue, by its own call */
	bool sink;			/* miost_poll */
	bool timed;			/* it has timers, and reads the clock */
	miost_options options;
	int64_t now;
	struct miost_event_array array;
	struct miost_event batch[BATCH];
};

union state {
	miost_timer key;
	struct miost_waker *waker;
};

/* Ends the program on an error of ours. */
static inline void
check(int err, const char *what)
{
	if (err >= 0)
		return;
	errno = -err;
	must(false, what);
}

static void *
loop_open(unsigned int how)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	must(loop != NULL, "loop");
	check(miost_os_queue_new(&loop->queue), "queue");
	check(miost_queue_new(&loop->user), "user queue");
	check(miost_timers_new(&loop->timers), "timers");
	loop->sources[0] = miost_os_queue_source(loop->queue);
	loop->sources[1] = miost_timers_source(loop->timers);
	loop->sources[2] = miost_queue_source(loop->user);
	loop->source_count = how & ALL ? 3 : how & TWO ? 2 : how & POLL ? 1 : 0;
	loop->sink = how & POLL;
	loop->options = how & EDGE ? MIOST_EDGE : MIOST_LEVEL;
	miost_event_array_init(&loop->array, loop->batch, BATCH);
	loop->now = miost_now();
	return loop;
}

static int
poll_sources(struct loop *loop, int64_t timeout)
{
	int n;

	if (loop->sink) {
		loop->array.len = 0;
		n = miost_poll(loop->sources, loop->source_count,
			       &loop->array.sink, timeout);
	} else {
		n = miost_poll_events(loop->sources, loop->source_count,
				      loop->batch, BATCH, timeout);
	}
	if (loop->timed)
		loop->now = miost_now();
	return n;
}

static void
loop_poll(void *arg, bool wait)
{
	struct loop *loop = arg;
	int64_t timeout = wait ? MIOST_FOREVER : 0;
	int n;

	if (loop->source_count > 0)
		n = poll_sources(loop, timeout);
	else
		n = miost_os_queue_poll(loop->queue, loop->batch, BATCH,
					timeout);
	if (n < 0 && n != -EINTR)
		check(n, "poll");
	for (int i = 0; i < n; i++) {
		struct handler *handler = (struct handler *)loop->batch[i].id;

		handler->call(handler);
	}
}

static void
loop_init(void *arg, enum kind kind, struct handler *handler)
{
	struct loop *loop = arg;
	union state *state = (void *)handler->state;

	if (kind == WAKER)
		check(miost_waker_new(loop->queue, (miost_id)handler,
				      &state->waker), "waker");
	if (kind != TIMER)
		return;
	loop->timed = true;
	if (loop->source_count < 2)
		loop->source_count = 2;
}

static void
loop_add(void *arg, struct handler *io, int interests)
{
	struct loop *loop = arg;

	check(miost_os_queue_register(loop->queue, io->fd, (miost_id)io,
				      (miost_interests)interests,
				      loop->options), "register");
}

static void
loop_change(void *arg, struct handler *io, int interests)
{
	struct loop *loop = arg;

	check(miost_os_queue_reregister(loop->queue, io->fd, (miost_id)io,
					(miost_interests)interests,
					loop->options), "reregister");
}

static void
loop_remove(void *arg, struct handler *io)
{
	struct loop *loop = arg;

	check(miost_os_queue_deregister(loop->queue, io->fd), "deregister");
}

/* Deadlines are sums: these spans are too short for miost_deadline(). */
static void
loop_timer_add(void *arg, struct handler *timer, int64_t span)
{
	struct loop *loop = arg;
	union state *state = (void *)timer->state;

	check(miost_timers_add_deadline(loop->timers, (miost_id)timer,
					loop->now + span,
					&state->key), "add a timer");
}

static void
loop_timer_change(void *arg, struct handler *timer, int64_t span)
{
	struct loop *loop = arg;
	union state *state = (void *)timer->state;

	check(miost_timers_change(loop->timers, state->key,
				  loop->now + span), "change a timer");
}

static void
loop_timer_cancel(void *arg, struct handler *timer)
{
	struct loop *loop = arg;
	union state *state = (void *)timer->state;

	check(miost_timers_cancel(loop->timers, state->key),
	      "cancel a timer");
}

static void
loop_wake(void *loop, struct handler *waker)
{
	union state *state = (void *)waker->state;

	(void)loop;
	check(miost_waker_wake(state->waker), "wake");
}

const struct peer peer = {
	.name = "miost",
	.version = miost_version,
	.flags = EDGE | POLL | TWO | ALL,
	.size = { [TIMER] = sizeof(union state),
		  [WAKER] = sizeof(union state) },
	.open = loop_open,
	.poll = loop_poll,
	.init = loop_init,
	.add = loop_add,
	.change = loop_change,
	.remove = loop_remove,
	.timer_add = loop_timer_add,
	.timer_change = loop_timer_change,
	.timer_cancel = loop_timer_cancel,
	.wake = loop_wake,
};
