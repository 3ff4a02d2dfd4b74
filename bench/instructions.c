/* SPDX-License-Identifier: MIT */
/*
 * instructions: what callgrind is to count. Each case is run once, so that all
 * is bound and grown, and then counted: the counts go to callgrind's files,
 * how often it was done to standard output.
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>
#ifdef HAVE_VALGRIND_CALLGRIND_H
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

#include "bench.h"
#include "pipes.h"

enum {
	EVENTS = 1000,
	POLLS = 100,
	TIMERS = 1000,
	WAKES = 100,
	DESCRIPTORS = 100
};

#define SPAN INT64_C(60000000000)

static void *loop;

/* Counts a step, which does something `times` times. */
static void
count(const char *name, void (*step)(void), size_t times)
{
	CALLGRIND_ZERO_STATS;
	step();
	CALLGRIND_DUMP_STATS_AT(name);
	printf("%s %zu\n", name, times);
}

static void
pass_on(void)
{
	pipes_run(EVENTS);
}

static void
count_events(size_t active, const char *name)
{
	loop = peer.open(flags);
	pipes_open(loop, 100, active);
	pass_on();
	count(name, pass_on, EVENTS + active);
}

static void
poll_often(void)
{
	for (int i = 0; i < POLLS; i++)
		peer.poll(loop, false);
}

static void
ignore(struct handler *handler)
{
	(void)handler;
}

static void *ios;

static void
add_all(void)
{
	for (size_t i = 0; i < DESCRIPTORS; i++)
		peer.add(loop, handler_at(ios, IO, i), IN);
	peer.poll(loop, false);
}

static void
change_all(void)
{
	for (size_t i = 0; i < DESCRIPTORS; i++)
		peer.change(loop, handler_at(ios, IO, i), OUT);
	peer.poll(loop, false);
}

static void
remove_all(void)
{
	for (size_t i = 0; i < DESCRIPTORS; i++)
		peer.remove(loop, handler_at(ios, IO, i));
	peer.poll(loop, false);
}

static void
count_register(void)
{
	int fds[2];

	must(pipe(fds) == 0, "pipe");
	loop = peer.open(flags);
	ios = new_handlers(loop, IO, DESCRIPTORS, ignore);
	for (size_t i = 0; i < DESCRIPTORS; i++) {
		struct handler *io = handler_at(ios, IO, i);

		io->fd = dup(fds[0]);
		must(io->fd >= 0, "dup");
		peer.init(loop, IO, io);
	}
	add_all();
	change_all();
	remove_all();
	count("register", add_all, DESCRIPTORS);
	count("change", change_all, DESCRIPTORS);
	count("deregister", remove_all, DESCRIPTORS);
}

static void *timers;
static const uint32_t *order;
static size_t fired;

static void
on_due(struct handler *handler)
{
	(void)handler;
	fired++;
}

static void
add_timers(void)
{
	for (size_t i = 0; i < TIMERS; i++)
		peer.timer_add(loop, handler_at(timers, TIMER, order[i]),
			       SPAN + (int64_t)order[i] * 1000000);
}

static void
change_timers(void)
{
	for (size_t i = 0; i < TIMERS; i++)
		peer.timer_change(loop, handler_at(timers, TIMER, i),
				  2 * SPAN + (int64_t)order[i] * 1000000);
}

static void
cancel_timers(void)
{
	for (size_t i = 0; i < TIMERS; i++)
		peer.timer_cancel(loop, handler_at(timers, TIMER, i));
}

static void
expire_timers(void)
{
	for (fired = 0; fired < TIMERS;)
		peer.poll(loop, true);
}

static void
add_due_timers(void)
{
	for (size_t i = 0; i < TIMERS; i++)
		peer.timer_add(loop, handler_at(timers, TIMER, order[i]),
			       (int64_t)order[i] * 1000);
	usleep(20000);
}

static void
count_timers(void)
{
	loop = peer.open(flags);
	timers = new_handlers(loop, TIMER, TIMERS, on_due);
	order = new_shuffled(TIMERS);
	add_timers();
	change_timers();
	cancel_timers();
	add_due_timers();
	expire_timers();
	count("timer_add", add_timers, TIMERS);
	count("timer_change", change_timers, TIMERS);
	count("timer_cancel", cancel_timers, TIMERS);
	add_due_timers();
	count("timer_expire", expire_timers, TIMERS);
}

static struct handler *waker;

static void
wake_often(void)
{
	for (int i = 0; i < WAKES; i++)
		peer.wake(loop, waker);
}

void
run_instructions(char **arguments)
{
	(void)arguments;
	count_events(1, "event_1");
	count_events(10, "event_10");
	count_events(100, "event_100");
	poll_often();
	count("poll", poll_often, POLLS);
	count_register();
	if (peer.timer_add != NULL)
		count_timers();
	loop = peer.open(flags);
	waker = new_handlers(loop, WAKER, 1, ignore);
	wake_often();
	count("wake", wake_often, WAKES);
}
