/* SPDX-License-Identifier: MIT */
/* Wakers: from threads, from signal handlers, and whoever is freed first. */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>

#include "util.h"

enum { ID = 7 };

struct fixture {
	struct miost_os_queue *queue;
	struct miost_waker *waker;
	struct miost_event storage[8];
};

static void
make_fixture(struct fixture *f)
{
	check_ok(miost_os_queue_new(&f->queue));
	check_ok(miost_waker_new(f->queue, ID, &f->waker));
}

static void
free_fixture(struct fixture *f)
{
	miost_waker_free(f->waker);
	miost_os_queue_free(f->queue);
}

static int
poll_for(struct fixture *f, size_t capacity, int64_t timeout)
{
	int n;

	do
		n = miost_os_queue_poll(f->queue, f->storage, capacity,
					timeout);
	while (n == -EINTR);
	return n;
}

static void
expect(struct fixture *f, miost_id id)
{
	check_eq(poll_for(f, 8, scaled(10 * SECOND)), 1);
	check_eq(f->storage[0].id, id);
	check_eq(f->storage[0].readiness, MIOST_READABLE);
}

static void
expect_nothing(struct fixture *f)
{
	check_eq(poll_for(f, 8, 0), 0);
}

static void
one_wake(void)
{
	struct fixture f;

	make_fixture(&f);
	expect_nothing(&f);
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	expect_nothing(&f);		/* though nothing was read */
	for (int i = 0; i < 1000; i++) {
		check_ok(miost_waker_wake(f.waker));
		expect(&f, ID);
	}
	expect_nothing(&f);
	free_fixture(&f);
}

static void
many_wakes(void)
{
	struct fixture f;

	make_fixture(&f);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 1000; i++)
			check_ok(miost_waker_wake(f.waker));
		expect(&f, ID);
		expect_nothing(&f);
	}
	free_fixture(&f);
}

static void
several(void)
{
	struct miost_waker *other;
	miost_id seen = 0;
	struct fixture f;

	make_fixture(&f);
	check_ok(miost_waker_new(f.queue, 8, &other));
	check_ok(miost_waker_wake(other));
	expect(&f, 8);
	check_ok(miost_waker_wake(other));
	check_ok(miost_waker_wake(f.waker));
	check_eq(poll_for(&f, 8, 0), 2);
	for (int i = 0; i < 2; i++)
		seen |= (miost_id)1 << f.storage[i].id;
	check_eq(seen, 1 << ID | 1 << 8);
	expect_nothing(&f);
	miost_waker_free(other);
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	free_fixture(&f);
}

static void
every_id(void)
{
	static const miost_id ids[] = { 0, 1, UINTPTR_MAX };
	struct fixture f;

	check_ok(miost_os_queue_new(&f.queue));
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		check_ok(miost_waker_new(f.queue, ids[i], &f.waker));
		check_ok(miost_waker_wake(f.waker));
		expect(&f, ids[i]);
		miost_waker_free(f.waker);
	}
	miost_os_queue_free(f.queue);
}

/* A sink of one event: the others' events and the wake all come in time. */
static void
little_room(void)
{
	enum { PAIRS = 3 };
	int fds[PAIRS][2], wakes = 0, others = 0;
	struct fixture f;

	make_fixture(&f);
	for (int i = 0; i < PAIRS; i++) {
		make_pair(fds[i]);
		check_ok(miost_os_queue_register(f.queue, fds[i][0], 1,
						 MIOST_WRITABLE, MIOST_EDGE));
	}
	check_eq(miost_waker_wake(f.waker), 0);
	check_eq(poll_for(&f, 0, 0), -ENOBUFS);
	for (int i = 0; i < PAIRS + 1; i++) {
		check_eq(poll_for(&f, 1, 0), 1);
		*(f.storage[0].id == ID ? &wakes : &others) += 1;
		if (wakes == 0)
			check_ok(miost_waker_wake(f.waker));
	}
	check_eq(wakes, 1);
	check_eq(others, PAIRS);
	expect_nothing(&f);
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	for (int i = 0; i < PAIRS; i++)
		close_pair(fds[i]);
	free_fixture(&f);
}

/* Other events come between two wakes, and the second is heard all the same. */
static void
between_others(void)
{
	struct fixture f;
	int fds[2];

	make_fixture(&f);
	make_pair(fds);
	check_ok(miost_os_queue_register(f.queue, fds[0], 1, MIOST_WRITABLE,
					 MIOST_LEVEL));
	for (int i = 0; i < 100; i++) {
		check_ok(miost_waker_wake(f.waker));
		check_eq(poll_for(&f, 8, 0), 2);
		check_eq(poll_for(&f, 8, 0), 1);
	}
	close_pair(fds);
	free_fixture(&f);
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
	struct fixture f;

	make_fixture(&f);
	source = miost_os_queue_source(f.queue);
	sink.waker = f.waker;
	check_ok(miost_waker_wake(f.waker));
	for (int i = 0; i < 3; i++) {
		sink.result = -1;
		miost_event_array_init(&sink.array, f.storage, 8);
		ops = *sink.array.sink.ops;
		ops.commit = waking_commit;
		sink.array.sink.ops = &ops;
		check_eq(miost_poll(&source, 1, &sink.array.sink, 0), 1);
		check_eq(f.storage[0].id, ID);
		check_ok(sink.result);
	}
	expect(&f, ID);
	expect_nothing(&f);
	free_fixture(&f);
}

static void
as_a_source(void)
{
	struct miost_source *sources[2];
	struct miost_queue *own;
	struct fixture f;

	make_fixture(&f);
	check_ok(miost_queue_new(&own));
	sources[0] = miost_os_queue_source(f.queue);
	sources[1] = miost_queue_source(own);
	for (int i = 0; i < 3; i++) {
		check_ok(miost_waker_wake(f.waker));
		check_ok(miost_queue_add(own, event_of(9, 1)));
		check_eq(miost_poll_events(sources, 2, f.storage, 8,
					   MIOST_FOREVER), 2);
		check_eq(f.storage[0].id, ID);
		check_eq(f.storage[1].id, 9);
	}
	miost_queue_free(own);
	free_fixture(&f);
}

static void
keeps_errno(void)
{
	struct fixture f;

	make_fixture(&f);
	for (int i = 0; i < 2; i++) {
		errno = ERANGE;
		check_ok(miost_waker_wake(f.waker));
		check_eq(errno, ERANGE);
	}
	free_fixture(&f);
}

/* Lives. */

static void
clones(void)
{
	struct miost_waker *clone, *third;
	struct fixture f;

	make_fixture(&f);
	check_ok(miost_waker_clone(f.waker, &clone));
	check_ok(miost_waker_wake(clone));
	expect(&f, ID);
	miost_waker_free(f.waker);	/* the first one */
	check_ok(miost_waker_wake(clone));
	expect(&f, ID);
	check_ok(miost_waker_clone(clone, &third));
	miost_waker_free(clone);
	check_ok(miost_waker_wake(third));
	expect(&f, ID);
	check_ok(miost_waker_wake(third));
	miost_waker_free(third);
	expect_nothing(&f);			/* none after the last */
	miost_os_queue_free(f.queue);
}

static void
queue_first(void)
{
	struct miost_waker *clone;
	struct fixture f;

	make_fixture(&f);
	check_ok(miost_waker_clone(f.waker, &clone));
	miost_os_queue_free(f.queue);
	for (int i = 0; i < 3; i++) {
		check_ok(miost_waker_wake(f.waker));
		check_ok(miost_waker_wake(clone));
	}
	miost_waker_free(f.waker);
	check_ok(miost_waker_wake(clone));
	miost_waker_free(clone);
	miost_waker_free(NULL);
}

static void
queue_in_the_middle(void)
{
	struct miost_waker *clone;
	struct fixture f;

	make_fixture(&f);
	check_ok(miost_waker_clone(f.waker, &clone));
	miost_waker_free(f.waker);
	miost_os_queue_free(f.queue);
	check_ok(miost_waker_wake(clone));
	miost_waker_free(clone);
}

/* One after the other and side by side; descriptors and memory come back. */
static void
come_and_go(void)
{
	struct miost_waker *many[20];
	struct fixture f;

	make_fixture(&f);
	for (int i = 0; i < 5000; i++) {
		check_ok(miost_waker_new(f.queue, 1, &many[0]));
		check_ok(miost_waker_wake(many[0]));
		if (i % 2)
			expect(&f, 1);
		miost_waker_free(many[0]);
	}
	for (miost_id i = 0; i < 20; i++)
		check_ok(miost_waker_new(f.queue, i, &many[i]));
	for (int i = 0; i < 20; i += 2)
		miost_waker_free(many[i]);
	for (int i = 1; i < 20; i += 2) {
		check_ok(miost_waker_wake(many[i]));
		expect(&f, (miost_id)i);
		miost_waker_free(many[i]);
	}
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	free_fixture(&f);
}

static void
no_descriptors(void)
{
	struct rlimit limit, old;
	struct miost_waker *waker;
	struct fixture f;

	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind keeps a limit of its own");
	make_fixture(&f);
	check_ok(getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = 0;
	check_ok(setrlimit(RLIMIT_NOFILE, &limit));
	/* One on EVFILT_USER has none of its own. */
	if (miost_has(MIOST_FEATURE_WAKER_USER)) {
		check_ok(miost_waker_new(f.queue, 1, &waker));
		miost_waker_free(waker);
	} else {
		check_eq(miost_waker_new(f.queue, 1, &waker), -EMFILE);
	}
	check_ok(setrlimit(RLIMIT_NOFILE, &old));
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	free_fixture(&f);
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
	struct fixture f;

	make_fixture(&f);
	handlers_waker = f.waker;
	check_ok(sigaction(SIGUSR1, &action, &old));
	for (int i = 0; i < 100; i++) {
		check_ok(raise(SIGUSR1));
		check_ok(raise(SIGUSR1));
		expect(&f, ID);
		expect_nothing(&f);
	}
	check_ok(sigaction(SIGUSR1, &old, NULL));
	free_fixture(&f);
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
start_wakers(struct fixture *f, struct waker wakers[THREADS], int times,
	     void *(*run)(void *))
{
	for (int i = 0; i < THREADS; i++) {
		check_ok(miost_waker_clone(f->waker,
					      &wakers[i].waker));
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
see_all(struct fixture *f, struct waker wakers[THREADS], size_t capacity)
{
	bool seen = false;

	while (!seen) {
		int n = poll_for(f, capacity, MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++)
			if (f->storage[i].id == ID)
				seen = all_seen(wakers);
	}
}

static void
four_threads(void)
{
	struct waker wakers[THREADS];
	struct fixture f;

	make_fixture(&f);
	start_wakers(&f, wakers, 1000000, wake_often);
	see_all(&f, wakers, 8);
	join_wakers(wakers);
	check(poll_for(&f, 8, 0) <= 1);		/* of one heard before */
	expect_nothing(&f);
	free_fixture(&f);
}

/* With other events all the time, in a sink that takes one. */
static void
threads_and_others(void)
{
	struct waker wakers[THREADS];
	struct fixture f;
	int fds[2][2];

	make_fixture(&f);
	for (int i = 0; i < 2; i++) {
		make_pair(fds[i]);
		check_ok(miost_os_queue_register(f.queue, fds[i][0], 1,
						 MIOST_WRITABLE, MIOST_LEVEL));
	}
	start_wakers(&f, wakers, 100000, wake_often);
	see_all(&f, wakers, 1);
	join_wakers(wakers);
	for (int i = 0; i < 2; i++)
		close_pair(fds[i]);
	free_fixture(&f);
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
	struct fixture f;

	make_fixture(&f);
	waker.waker = f.waker;
	waker.times = 20000;
	atomic_init(&waker.published, 0);
	atomic_store(&answered, 0);
	check_ok(pthread_create(&waker.thread, NULL, wake_and_wait, &waker));
	for (int seen = 0; seen < waker.times;) {
		check_eq(poll_for(&f, 8, MIOST_FOREVER), 1);
		seen = atomic_load_explicit(&waker.published,
					    memory_order_relaxed);
		atomic_store_explicit(&answered, seen, memory_order_relaxed);
	}
	check_ok(pthread_join(waker.thread, NULL));
	free_fixture(&f);
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
	struct fixture f;
	void *result;

	make_fixture(&f);
	waker.waker = f.waker;
	for (int i = 0; i < 2; i++) {
		check_ok(pthread_create(&waker.thread, NULL, wake_cancelled,
					&waker));
		check_ok(pthread_join(waker.thread, &result));
		check(result == &waker);
		expect(&f, ID);
		expect_nothing(&f);
	}
	free_fixture(&f);
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
	struct fixture f;

	for (int i = 0; i < 200; i++) {
		make_fixture(&f);
		waker.times = 0;
		check_ok(miost_waker_clone(f.waker, &waker.waker));
		check_ok(pthread_create(&waker.thread, NULL, wake_with_data,
					&waker));
		expect(&f, ID);
		check_eq(waker.times, 42);
		free_fixture(&f);	/* while the thread may free its own */
		check_ok(pthread_join(waker.thread, NULL));
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
	struct fixture f;

	make_fixture(&f);
	handlers_waker = f.waker;
	check_ok(sigaction(SIGUSR1, &action, &old));
	start_wakers(&f, wakers, 2000, send_signals);
	for (bool seen = false; !seen;) {
		check_ok(miost_waker_wake(f.waker));
		check(poll_for(&f, 8, MIOST_FOREVER) == 1);
		seen = all_seen(wakers);
	}
	join_wakers(wakers);
	check_ok(sigaction(SIGUSR1, &old, NULL));
	while (poll_for(&f, 8, 0) > 0)
		;
	handled = 0;
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	free_fixture(&f);
}

/* A forked child frees its copy, and its parent is woken as before. */
static void
forked(void)
{
	struct fixture f;
	pid_t child;
	int status;

	make_fixture(&f);
	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child == 0) {
		free_fixture(&f);
		_exit(0);
	}
	check_eq(waitpid(child, &status, 0), child);
	check_eq(status, 0);
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	expect_nothing(&f);
	free_fixture(&f);
}

/* A forked child has copies of one that was woken, when it is freed. */
static void
freed_with_copies(void)
{
	struct fixture f;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 0);
	check_ok(miost_waker_wake(f.waker));
	miost_waker_free(f.waker);
	expect_nothing(&f);
	check_ok(miost_waker_new(f.queue, ID, &f.waker));
	check_ok(miost_waker_wake(f.waker));
	expect(&f, ID);
	expect_nothing(&f);
	let_end(gate);
	check_eq(waitpid(child, NULL, 0), child);
	free_fixture(&f);
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

TAP_MAIN(tests)
