/* SPDX-License-Identifier: MIT */
/* Wakers: from threads, from signal handlers, and whoever is freed first. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#include "fixture.h"

enum { ID = 7 };

static void
set_up_waker(void)
{
	set_up_pair();
	check_ok(miost_waker_new(f.queue, ID, &f.waker));
}

static void
wake(void)
{
	check_ok(miost_waker_wake(f.waker));
}

/* Until something comes, or the time is up, whatever interrupts it. */
static int
poll_again(size_t capacity, int64_t timeout)
{
	int n;

	do
		n = poll_some(capacity, timeout);
	while (n == -EINTR);
	return n;
}

static void
one_wake(void)
{
	expect_nothing();
	wake();
	expect_told(ID);
	expect_nothing(); /* though nothing was read */
	for (int i = 0; i < 1000; i++) {
		wake();
		expect_told(ID);
	}
	expect_nothing();
}

static void
many_wakes(void)
{
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			wake();
		expect_told(ID);
		expect_nothing();
	}
}

static void
several(void)
{
	struct miost_waker *other;
	miost_id seen = 0;

	check_ok(miost_waker_new(f.queue, 8, &other));
	check_ok(miost_waker_wake(other));
	expect_told(8);
	check_ok(miost_waker_wake(other));
	wake();
	check_eq(poll_for(0), 2);
	for (int i = 0; i < 2; i++)
		seen |= (miost_id)1 << f.events[i].id;
	check_eq(seen, 1 << ID | 1 << 8);
	expect_nothing();
	miost_waker_free(other);
	wake();
	expect_told(ID);
}

static void
every_id(void)
{
	static const miost_id ids[] = { 0, 1, UINTPTR_MAX };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		free_waker();
		check_ok(miost_waker_new(f.queue, ids[i], &f.waker));
		wake();
		expect_told(ids[i]);
	}
}

/* A sink of one event: the others' events and the wake all come in time. */
static void
little_room(void)
{
	enum { PAIRS = 3 };
	int fds[PAIRS][2], wakes = 0, others = 0;

	for (int i = 0; i < PAIRS; i++) {
		make_pair(fds[i]);
		add(fds[i][0], 1, MIOST_WRITABLE, MIOST_EDGE);
	}
	wake();
	check_eq(poll_some(0, 0), -ENOBUFS);
	for (int i = 0; i < PAIRS + 1; i++) {
		check_eq(poll_some(1, 0), 1);
		*(f.events[0].id == ID ? &wakes : &others) += 1;
		if (wakes == 0)
			wake();
	}
	check_eq(wakes, 1);
	check_eq(others, PAIRS);
	expect_nothing();
	wake();
	expect_told(ID);
	for (int i = 0; i < PAIRS; i++)
		close_pair(fds[i]);
}

/* Other events come between two wakes, and the second is heard all the same. */
static void
between_others(void)
{
	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	for (int i = 0; i < 100; i++) {
		wake();
		check_eq(poll_for(0), 2);
		check_eq(poll_for(0), 1);
	}
}

/* An array that wakes when events are handed over. */
struct waking_sink {
	struct miost_event_array array;
	const struct miost_waker *waker;
	int result;
};

static void
waking_commit(struct miost_sink *sink, size_t n)
{
	struct waking_sink *waking = (struct waking_sink *)sink;

	waking->array.len += n;
	waking->result = miost_waker_wake(waking->waker);
}

/* Who wakes when the events are handed over is heard by the next poll. */
static void
in_the_sink(void)
{
	struct miost_source *source;
	struct miost_sink_ops ops;
	struct waking_sink sink;

	source = miost_os_queue_source(f.queue);
	sink.waker = f.waker;
	wake();
	for (int i = 0; i < 3; i++) {
		sink.result = -1;
		miost_event_array_init(&sink.array, f.events, 8);
		ops = *sink.array.sink.ops;
		ops.commit = waking_commit;
		sink.array.sink.ops = &ops;
		check_eq(miost_poll(&source, 1, &sink.array.sink, 0), 1);
		check_eq(f.events[0].id, ID);
		check_ok(sink.result);
	}
	expect_told(ID);
	expect_nothing();
}

static void
as_a_source(void)
{
	struct miost_source *sources[2];
	struct miost_queue *own;

	check_ok(miost_queue_new(&own));
	sources[0] = miost_os_queue_source(f.queue);
	sources[1] = miost_queue_source(own);
	for (int i = 0; i < 3; i++) {
		wake();
		check_ok(miost_queue_add(own, event_of(9, 1)));
		check_eq(miost_poll_events(sources, 2, f.events, 8,
					   MIOST_FOREVER),
			 2);
		check_eq(f.events[0].id, ID);
		check_eq(f.events[1].id, 9);
	}
	miost_queue_free(own);
}

static void
keeps_errno(void)
{
	for (int i = 0; i < 2; i++) {
		errno = ERANGE;
		wake();
		check_eq(errno, ERANGE);
	}
}

/* Lives. */

static void
clones(void)
{
	struct miost_waker *clone, *third;

	check_ok(miost_waker_clone(f.waker, &clone));
	check_ok(miost_waker_wake(clone));
	expect_told(ID);
	free_waker(); /* the first one */
	check_ok(miost_waker_wake(clone));
	expect_told(ID);
	check_ok(miost_waker_clone(clone, &third));
	miost_waker_free(clone);
	check_ok(miost_waker_wake(third));
	expect_told(ID);
	check_ok(miost_waker_wake(third));
	miost_waker_free(third);
	expect_nothing(); /* none after the last */
}

static void
queue_first(void)
{
	struct miost_waker *clone;

	check_ok(miost_waker_clone(f.waker, &clone));
	free_queue();
	for (int i = 0; i < 3; i++) {
		wake();
		check_ok(miost_waker_wake(clone));
	}
	free_waker();
	check_ok(miost_waker_wake(clone));
	miost_waker_free(clone);
	miost_waker_free(NULL);
}

static void
queue_in_the_middle(void)
{
	struct miost_waker *clone;

	check_ok(miost_waker_clone(f.waker, &clone));
	free_waker();
	free_queue();
	check_ok(miost_waker_wake(clone));
	miost_waker_free(clone);
}

/* One after the other and side by side; descriptors and memory come back. */
static void
come_and_go(void)
{
	struct miost_waker *many[20];

	for (int i = 0; i < 5000; i++) {
		check_ok(miost_waker_new(f.queue, 1, &many[0]));
		check_ok(miost_waker_wake(many[0]));
		if (i % 2)
			expect_told(1);
		miost_waker_free(many[0]);
	}
	for (miost_id i = 0; i < 20; i++)
		check_ok(miost_waker_new(f.queue, i, &many[i]));
	for (int i = 0; i < 20; i += 2)
		miost_waker_free(many[i]);
	for (int i = 1; i < 20; i += 2) {
		check_ok(miost_waker_wake(many[i]));
		expect_told((miost_id)i);
		miost_waker_free(many[i]);
	}
	wake();
	expect_told(ID);
}

static void
no_descriptors(void)
{
	struct rlimit old;
	struct miost_waker *waker;

	need_limit();
	forbid_descriptors(&old);
	/* One on EVFILT_USER has none of its own. */
	if (miost_has(MIOST_FEATURE_WAKER_USER)) {
		check_ok(miost_waker_new(f.queue, 1, &waker));
		miost_waker_free(waker);
	} else {
		check_eq(miost_waker_new(f.queue, 1, &waker), -EMFILE);
	}
	allow_descriptors(&old);
	wake();
	expect_told(ID);
}

/* Signal handlers. */

static const struct miost_waker *handlers_waker;
static volatile sig_atomic_t handled;

static void
on_signal(int number)
{
	(void)number;
	handled++;
	if (miost_waker_wake(handlers_waker) < 0)
		_exit(98);
}

static void
from_a_handler(void)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	handlers_waker = f.waker;
	check_ok(sigaction(SIGUSR1, &action, &old));
	for (int i = 0; i < 100; i++) {
		check_ok(raise(SIGUSR1));
		check_ok(raise(SIGUSR1));
		expect_told(ID);
		expect_nothing();
	}
	check_ok(sigaction(SIGUSR1, &old, NULL));
}

/* Threads. */

enum { THREADS = 4 };

struct waker {
	pthread_t thread;
	struct miost_waker *waker;
	pthread_t polls;		/* who gets signals */
	int times;
	atomic_int published;		/* without a lock, and without order */
};

static void *
wake_often(void *arg)
{
	struct waker *waker = arg;

	for (int i = 1; i <= waker->times; i++) {
		atomic_store_explicit(&waker->published, i,
				      memory_order_relaxed);
		if (miost_waker_wake(waker->waker) < 0)
			return waker;
	}
	miost_waker_free(waker->waker);
	return NULL;
}

static void
start_wakers(struct waker wakers[THREADS], int times, void *(*run)(void *))
{
	for (int i = 0; i < THREADS; i++) {
		check_ok(miost_waker_clone(f.waker, &wakers[i].waker));
		wakers[i].times = times;
		wakers[i].polls = pthread_self();
		atomic_init(&wakers[i].published, 0);
	}
	for (int i = 0; i < THREADS; i++)
		check_ok(pthread_create(&wakers[i].thread, NULL, run,
					&wakers[i]));
}

static void
join_wakers(struct waker wakers[THREADS])
{
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		check_ok(pthread_join(wakers[i].thread, &failed));
		check(failed == NULL);
	}
}

static bool
all_seen(struct waker wakers[THREADS])
{
	bool all = true;

	for (int i = 0; i < THREADS; i++)
		all &= atomic_load_explicit(&wakers[i].published,
					    memory_order_relaxed) ==
		       wakers[i].times;
	return all;
}

/*
 * Polls without end until all that was published has been seen after an event.
 * A wake that is lost leaves it waiting, and the alarm ends the program.
 */
static void
see_all(struct waker wakers[THREADS], size_t capacity)
{
	bool seen = false;

	while (!seen) {
		int n = poll_again(capacity, MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++)
			if (f.events[i].id == ID)
				seen = all_seen(wakers);
	}
}

static void
four_threads(void)
{
	struct waker wakers[THREADS];

	start_wakers(wakers, 1000000, wake_often);
	see_all(wakers, 8);
	join_wakers(wakers);
	check(poll_for(0) <= 1); /* of one heard before */
	expect_nothing();
}

/* With other events all the time, in a sink that takes one. */
static void
threads_and_others(void)
{
	struct waker wakers[THREADS];
	int fds[2][2];

	for (int i = 0; i < 2; i++) {
		make_pair(fds[i]);
		add(fds[i][0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	}
	start_wakers(wakers, 100000, wake_often);
	see_all(wakers, 1);
	join_wakers(wakers);
	for (int i = 0; i < 2; i++)
		close_pair(fds[i]);
}

/* Each wake is waited for: as many round trips as can go wrong. */
static atomic_int answered;

static void *
wake_and_wait(void *arg)
{
	struct waker *waker = arg;

	for (int i = 1; i <= waker->times; i++) {
		atomic_store_explicit(&waker->published, i,
				      memory_order_relaxed);
		if (miost_waker_wake(waker->waker) < 0)
			return waker;
		while (atomic_load_explicit(&answered, memory_order_relaxed) <
		       i)
			sched_yield();
	}
	return NULL;
}

static void
round_trips(void)
{
	struct waker waker;

	waker.waker = f.waker;
	waker.times = 20000;
	atomic_init(&waker.published, 0);
	atomic_store(&answered, 0);
	check_ok(pthread_create(&waker.thread, NULL, wake_and_wait, &waker));
	for (int seen = 0; seen < waker.times;) {
		check_eq(poll_for(MIOST_FOREVER), 1);
		seen = atomic_load_explicit(&waker.published,
					    memory_order_relaxed);
		atomic_store_explicit(&answered, seen, memory_order_relaxed);
	}
	check_ok(pthread_join(waker.thread, NULL));
}

/* Cancelled already, it comes to the next cancellation point. */
static void *
wake_cancelled(void *arg)
{
	struct waker *waker = arg;
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void)pthread_cancel(pthread_self());
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	(void)miost_waker_wake(waker->waker);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return waker;
}

static void
no_cancellation_point(void)
{
	struct waker waker;
	void *result;

	waker.waker = f.waker;
	for (int i = 0; i < 2; i++) {
		check_ok(pthread_create(&waker.thread, NULL, wake_cancelled,
					&waker));
		check_ok(pthread_join(waker.thread, &result));
		check(result == &waker);
		expect_told(ID);
		expect_nothing();
	}
}

/* Plain memory, written before a wake, is read after its event. */
static void *
wake_with_data(void *arg)
{
	struct waker *waker = arg;

	waker->times = 42;		/* not atomic: for race detectors */
	(void)miost_waker_wake(waker->waker);
	miost_waker_free(waker->waker);
	return NULL;
}

static void
hands_over(void)
{
	struct waker waker;

	for (int i = 0; i < 200; i++) {
		waker.times = 0;
		check_ok(miost_waker_clone(f.waker, &waker.waker));
		check_ok(pthread_create(&waker.thread, NULL, wake_with_data,
					&waker));
		expect_told(ID);
		check_eq(waker.times, 42);
		tear_down(); /* while the thread may free its own */
		check_ok(pthread_join(waker.thread, NULL));
		set_up_waker();
	}
}

/* A handler that interrupts wakes and polls of the thread that polls. */
static void *
send_signals(void *arg)
{
	struct waker *waker = arg;

	for (int i = 1; i <= waker->times; i++) {
		atomic_store_explicit(&waker->published, i,
				      memory_order_relaxed);
		(void)pthread_kill(waker->polls, SIGUSR1);
		if (i % 16 == 0)
			sched_yield();
	}
	(void)miost_waker_wake(waker->waker);
	miost_waker_free(waker->waker);
	return NULL;
}

static void
handlers_in_between(void)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	struct waker wakers[THREADS];

	handlers_waker = f.waker;
	check_ok(sigaction(SIGUSR1, &action, &old));
	start_wakers(wakers, 2000, send_signals);
	for (bool seen = false; !seen;) {
		wake();
		check(poll_again(EVENTS, MIOST_FOREVER) == 1);
		seen = all_seen(wakers);
	}
	join_wakers(wakers);
	check_ok(sigaction(SIGUSR1, &old, NULL));
	while (poll_for(0) > 0)
		;
	handled = 0;
	wake();
	expect_told(ID);
}

/* A forked child frees its copy, and its parent is woken as before. */
static void
forked(void)
{
	pid_t child = start_fork();

	if (child == 0) {
		tear_down();
		_exit(0);
	}
	check_eq(reap(child), 0);
	wake();
	expect_told(ID);
	expect_nothing();
}

/* A forked child has copies of one that was woken, when it is freed. */
static void
freed_with_copies(void)
{
	int gate[2];
	pid_t child;

	child = start_gated(gate, 0);
	wake();
	free_waker();
	expect_nothing();
	check_ok(miost_waker_new(f.queue, ID, &f.waker));
	wake();
	expect_told(ID);
	expect_nothing();
	let_end(gate);
	reap(child);
}

static const struct tap_test tests[] = {
	{ "a wake is one event, and nothing is to be read", one_wake },
	{ "many wakes before a poll are one event", many_wakes },
	{ "several of a queue, each with its id", several },
	{ "every id", every_id },
	{ "a sink with little room loses none", little_room },
	{ "other events in between", between_others },
	{ "a sink that wakes as it gets events", in_the_sink },
	{ "with another source", as_a_source },
	{ "errno is kept", keeps_errno },
	{ "clones live on", clones },
	{ "the queue is freed first", queue_first },
	{ "the queue is freed between two clones", queue_in_the_middle },
	{ "thousands that come and go", come_and_go },
	{ "no descriptor left: -EMFILE", no_descriptors },
	{ "from a signal handler", from_a_handler },
	{ "four threads, a million times each", four_threads },
	{ "four threads among other events, one at a time",
	  threads_and_others },
	{ "round trips", round_trips },
	{ "a wake is no cancellation point", no_cancellation_point },
	{ "what was written before is read after", hands_over },
	{ "a signal handler in between", handlers_in_between },
	{ "a forked child frees its own", forked },
	{ "freed while a forked child has copies", freed_with_copies },
};

TAP_MAIN_WITH(tests, set_up_waker, tear_down)
