/* SPDX-License-Identifier: MIT */
/*
 * timers N: N timers with random deadlines are added, changed, cancelled, and
 * expire. Then they are idle timeouts, whose connections had their last request
 * at any time within a minute, and each is moved to later than all. What the
 * loops around this cost by themselves is the harness's.
 */
#include <time.h>

#include "bench.h"

#define MS INT64_C(1000000)

/* Random deadlines lie within a minute, those that are to expire within: */
#define SPAN (60000 * MS)
#define SOON (20 * MS)

enum {
	OPERATIONS = 200000,	/* of each kind at least */
	MOST_ROUNDS = 200
};

static void *loop, *timers;
static size_t n;
static const uint32_t *order, *other_order;
static size_t fired;

static void
on_due(struct handler *handler)
{
	(void)handler;
	fired++;
}

static struct handler *
timer_at(size_t i)
{
	return handler_at(timers, TIMER, i);
}

/* Different in each round. */
static int64_t
random_span(int64_t most)
{
	return most / 0x10000 * random_below(0x10000);
}

static double
time_add(int64_t most)
{
	int64_t began = wall();

	for (size_t i = 0; i < n; i++)
		peer.timer_add(loop, timer_at(order[i]), random_span(most));
	return (double)(wall() - began) / (double)n;
}

static double
time_change(void)
{
	int64_t began = wall();

	for (size_t i = 0; i < n; i++)
		peer.timer_change(loop, timer_at(other_order[i]),
				  random_span(SPAN));
	return (double)(wall() - began) / (double)n;
}

static double
time_cancel(void)
{
	int64_t began = wall();

	for (size_t i = 0; i < n; i++)
		peer.timer_cancel(loop, timer_at(other_order[i]));
	return (double)(wall() - began) / (double)n;
}

static double
time_expire(void)
{
	const struct timespec until_due = { .tv_nsec = SOON + 2 * MS };
	int64_t began;

	peer.poll(loop, false);
	time_add(SOON);
	nanosleep(&until_due, NULL);
	fired = 0;
	began = wall();
	while (fired < n)
		peer.poll(loop, false);
	return (double)(wall() - began) / (double)n;
}

/* A poll after each 64 requests, as a busy server has them. */
static double
time_idle(void)
{
	int64_t began;

	for (size_t i = 0; i < n; i++)
		peer.timer_add(loop, timer_at(order[i]),
			       SPAN / 8 + random_span(SPAN));
	began = wall();
	for (size_t i = 0; i < n; i++) {
		peer.timer_change(loop, timer_at(other_order[i]), SPAN * 2);
		if (i % 64 == 63)
			peer.poll(loop, false);
	}
	began = wall() - began;
	for (size_t i = 0; i < n; i++)
		peer.timer_cancel(loop, timer_at(i));
	return (double)began / (double)n;
}

static void
touch(void *unused, struct handler *timer)
{
	(void)unused;
	*(volatile char *)timer->state;
}

static double
time_harness(void)
{
	void (*volatile nothing)(void *, struct handler *) = touch;
	int64_t began = wall();

	for (size_t i = 0; i < n; i++)
		nothing(loop, timer_at(other_order[i]));
	return (double)(wall() - began) / (double)n;
}

static void
report_bytes(void)
{
	size_t before = allocated();

	time_add(SPAN);
	report("heap_bytes", (double)(allocated() - before) / (double)n);
	report("embedded_bytes", (double)peer.size[TIMER]);
	time_cancel();
}

void
run_timers(char **arguments)
{
	double add[MOST_ROUNDS], change[MOST_ROUNDS], cancel[MOST_ROUNDS];
	double expire[MOST_ROUNDS], idle[MOST_ROUNDS], harness[MOST_ROUNDS];
	size_t rounds;

	n = take_number(&arguments);
	rounds = OPERATIONS / n + 1;
	rounds = rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds;
	loop = peer.open(flags);
	timers = new_handlers(loop, TIMER, n, on_due);
	order = new_shuffled((uint32_t)n);
	other_order = new_shuffled((uint32_t)n);
	report_bytes();
	for (size_t i = 0; i < rounds; i++) {
		peer.poll(loop, false);
		add[i] = time_add(SPAN);
		change[i] = time_change();
		cancel[i] = time_cancel();
		harness[i] = time_harness();
	}
	loop = peer.open(flags);
	timers = new_handlers(loop, TIMER, n, on_due);
	for (size_t i = 0; i < rounds; i++)
		idle[i] = time_idle();
	report("harness_ns", median(harness, rounds));
	report("add_ns", median(add, rounds));
	report("change_ns", median(change, rounds));
	report("cancel_ns", median(cancel, rounds));
	report("idle_ns", median(idle, rounds));
	/* Each of these sleeps. */
	rounds = rounds > 9 ? 9 : rounds;
	for (size_t i = 0; i < rounds; i++)
		expire[i] = time_expire();
	report("expire_ns", median(expire, rounds));
}
