/* SPDX-License-Identifier: MIT */
/* Signals as events, the mask that goes with them, and sets of signals. */
#include <pthread.h>
#include <stdint.h>

#include "fixture.h"

enum { ID = 3 };

/* A set of signals, which ends with 0. */
static sigset_t
set_of(const int *numbers)
{
	sigset_t set;

	sigemptyset(&set);
	for (; *numbers != 0; numbers++)
		check_ok(sigaddset(&set, *numbers));
	return set;
}

#define SET(...) set_of((const int[]){ __VA_ARGS__, 0 })

static sigset_t
mask_now(void)
{
	sigset_t mask;

	check_ok(pthread_sigmask(SIG_SETMASK, NULL, &mask));
	return mask;
}

static void
same_set(sigset_t a, sigset_t b)
{
	check(miost_signal_set_contains(&a, &b));
	check(miost_signal_set_contains(&b, &a));
}

static void
listen_for(sigset_t set)
{
	check_ok(miost_signals_new(f.queue, &set, ID, &f.signals));
}

/* FreeBSD tells the queue a little later, which a poll may miss. */
static void
settle(void)
{
	if (on_epoll())
		return;
	(void)poll(NULL, 0, 50);
	(void)poll_for(0);
}

/* An event comes, in every poll until all is received. */
static void
expect_signal(int number)
{
	for (int i = 0; i < 2; i++)
		expect_told(ID);
	check_eq(miost_signals_receive(f.signals), number);
}

static void
expect_no_signal(void)
{
	check_eq(miost_signals_receive(f.signals), 0);
	expect_nothing();
}

static void
one(void)
{
	listen_for(SET(SIGUSR1));
	expect_no_signal();
	check_ok(raise(SIGUSR1));
	expect_signal(SIGUSR1);
	expect_no_signal();
	check_ok(kill(getpid(), SIGUSR1));
	expect_signal(SIGUSR1);
	expect_no_signal();
}

/* All but the end of the test itself. */
static sigset_t
catchable(void)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	sigdelset(&all, SIGALRM);
	/* The C libraries' own. */
#ifdef SIGTHR
	sigdelset(&all, SIGTHR);
#endif
#ifdef SIGLIBRT
	sigdelset(&all, SIGLIBRT);
#endif
	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind has its own use for some signals");
	return all;
}

/* All that can be caught, one at a time. */
static void
every_signal(void)
{
	sigset_t all = catchable();
	int number;

	check(miost_signal_set_size(&all) > 20);
	for (number = 0; (number = miost_signal_set_next(&all, number)) != 0;) {
		listen_for(SET(number));
		check_ok(kill(getpid(), number));
		expect_signal(number);
		expect_no_signal();
		free_signals();
	}
}

static void
all_at_once(void)
{
	sigset_t all = catchable(), got, before = mask_now();
	int n, number, received = 0;

	/* These take each other away (POSIX). */
	sigdelset(&all, SIGCONT);
	listen_for(all);
	for (n = 0; (n = miost_signal_set_next(&all, n)) != 0;)
		check_ok(raise(n));
	sigemptyset(&got);
	settle();
	check_eq(poll_for(0), 1);
	while ((number = miost_signals_receive(f.signals)) > 0) {
		check(sigismember(&got, number) == 0);
		sigaddset(&got, number);
		received++;
	}
	check_eq(number, 0);
	check_eq(received, miost_signal_set_size(&all));
	same_set(got, all);
	expect_no_signal();
	free_signals();
	same_set(before, mask_now());
}

static void
bursts(void)
{
	listen_for(SET(SIGUSR1, SIGUSR2));
	for (int i = 0; i < 1000; i++) {
		check_ok(raise(SIGUSR1));
		check_ok(raise(SIGUSR2));
	}
	expect_signal(SIGUSR1);
	expect_signal(SIGUSR2);
	expect_no_signal();
}

static void
real_time(void)
{
#ifdef SIGRTMIN
	listen_for(SET(SIGRTMIN, SIGRTMAX - 1));
	for (int i = 0; i < 100; i++)
		check_ok(raise(i % 2 ? SIGRTMIN : SIGRTMAX - 1));
	for (int i = 0; i < 100; i++)
		expect_signal(i < 50 ? SIGRTMIN : SIGRTMAX - 1);
	expect_no_signal();
#else
	tap_skip("this system has no real-time signals");
#endif
}

/* Pending before there was an object, as they were blocked. */
static void
before_new(void)
{
	sigset_t set = SET(SIGUSR1), old;

	check_ok(pthread_sigmask(SIG_BLOCK, &set, &old));
	check_ok(raise(SIGUSR1));
	listen_for(set);
	expect_signal(SIGUSR1);
	free_signals();
	/* It was blocked before, and still is. */
	same_set(mask_now(), set);
	check_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

/* Ignored ones come too: they are blocked, not dropped. */
static void
ignored(void)
{
	check(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	listen_for(SET(SIGUSR1, SIGCHLD, SIGURG));
	check_ok(raise(SIGCHLD));
	expect_signal(SIGCHLD);
	check_ok(raise(SIGURG));
	expect_signal(SIGURG);
	if (on_epoll()) {
		check_ok(raise(SIGUSR1));
		expect_signal(SIGUSR1);
	}
	expect_no_signal();
	free_signals();
	check(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static void
several(void)
{
	struct miost_signals *other;
	sigset_t set = SET(SIGUSR2), before = mask_now();

	listen_for(SET(SIGUSR1));
	check_ok(miost_signals_new(f.queue, &set, ID + 1, &other));
	check_ok(raise(SIGUSR2));
	settle();
	check_eq(poll_for(0), 1);
	check_eq(f.events[0].id, ID + 1);
	check_eq(miost_signals_receive(f.signals), 0);
	check_eq(miost_signals_receive(other), SIGUSR2);
	check_ok(raise(SIGUSR1));
	check_ok(raise(SIGUSR2));
	settle();
	check_eq(poll_for(0), 2);
	check_eq(miost_signals_receive(f.signals), SIGUSR1);
	check_eq(miost_signals_receive(other), SIGUSR2);
	/* Each unblocks its own. */
	free_signals();
	same_set(mask_now(), set);
	check_ok(raise(SIGUSR2));
	settle();
	check_eq(poll_for(0), 1);
	check_eq(miost_signals_receive(other), SIGUSR2);
	miost_signals_free(other);
	same_set(mask_now(), before);
}

static void
overlapping(void)
{
	struct miost_signals *inner;
	sigset_t set = SET(SIGUSR1, SIGUSR2), outer = SET(SIGUSR1);

	listen_for(outer);
	check_ok(miost_signals_new(f.queue, &set, ID + 1, &inner));
	check_ok(raise(SIGUSR1));
	settle();
	check_eq(poll_for(0), 2);
	check_eq(miost_signals_receive(f.signals), SIGUSR1);
	check_eq(miost_signals_receive(inner), 0);	/* one has it */
	miost_signals_free(inner);
	same_set(mask_now(), outer);
	check_ok(raise(SIGUSR1));
	expect_signal(SIGUSR1);
}

static void
mask_comes_back(void)
{
	sigset_t before = SET(SIGHUP, SIGUSR2), set = SET(SIGUSR1, SIGUSR2);
	sigset_t both = SET(SIGHUP, SIGUSR1, SIGUSR2), old;

	check_ok(pthread_sigmask(SIG_SETMASK, &before, &old));
	listen_for(set);
	same_set(mask_now(), both);
	free_signals();
	same_set(mask_now(), before);
	/* What others changed in between stays. */
	listen_for(set);
	set = SET(SIGHUP);
	check_ok(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
	free_signals();
	set = SET(SIGUSR2);
	same_set(mask_now(), set);
	check_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

static volatile sig_atomic_t handled;

static void
on_signal(int number)
{
	handled = number;
}

/* What is pending at the end acts as it would have. */
static void
pending_at_the_end(void)
{
	struct sigaction action = { .sa_handler = on_signal }, old;

	handled = 0;
	check_ok(sigaction(SIGUSR1, &action, &old));
	listen_for(SET(SIGUSR1));
	check_ok(raise(SIGUSR1));
	check_eq(handled, 0);
	free_signals();
	check_eq(handled, SIGUSR1);
	check_ok(sigaction(SIGUSR1, &old, NULL));
}

static void
queue_first(void)
{
	sigset_t before = mask_now();

	listen_for(SET(SIGUSR1));
	free_queue();
	check_ok(raise(SIGUSR1));
	check_eq(miost_signals_receive(f.signals), SIGUSR1);
	check_eq(miost_signals_receive(f.signals), 0);
	free_signals();
	miost_signals_free(NULL);
	same_set(before, mask_now());
}

static void
bad_sets(void)
{
	sigset_t before = mask_now(), empty, sets[4];
	struct miost_signals *signals;

	sigemptyset(&empty);
	sets[0] = empty;
	sets[1] = SET(SIGKILL);
	sets[2] = SET(SIGUSR1, SIGSTOP);
	sigfillset(&sets[3]);
	for (int i = 0; i < 4; i++)
		check_eq(miost_signals_new(f.queue, &sets[i], 1, &signals),
			 -EINVAL);
	same_set(before, mask_now());
}

static void
no_descriptors(void)
{
	sigset_t before = mask_now(), set = SET(SIGUSR1);
	struct miost_signals *signals;
	struct rlimit old;

	need_limit();
	forbid_descriptors(&old);
	check_eq(miost_signals_new(f.queue, &set, 1, &signals), -EMFILE);
	allow_descriptors(&old);
	same_set(before, mask_now());
}

/* Other threads. */

struct thread {
	pthread_t thread;
	int ready, stop;
};

static void *
wait_to_stop(void *arg)
{
	struct thread *thread = arg;
	char byte;

	(void)!write(thread->ready, "", 1);
	(void)!read(thread->stop, &byte, 1);
	return NULL;
}

/* A thread that runs meanwhile, and has the mask of its maker. */
static void
another_thread(void)
{
	struct thread thread;
	int ready[2], stop[2];
	char byte;

	listen_for(SET(SIGUSR1));
	check_ok(pipe(ready));
	check_ok(pipe(stop));
	thread.ready = ready[1];
	thread.stop = stop[0];
	check_ok(pthread_create(&thread.thread, NULL, wait_to_stop, &thread));
	check_eq(read(ready[0], &byte, 1), 1);
	for (int i = 0; i < 100; i++) {
		check_ok(kill(getpid(), SIGUSR1));
		expect_signal(SIGUSR1);
	}
	expect_no_signal();
	check_eq(write(stop[1], "", 1), 1);
	check_ok(pthread_join(thread.thread, NULL));
	close_pair(ready);
	close_pair(stop);
}

static void *
send_soon(void *arg)
{
	(void)arg;
	(void)kill(getpid(), SIGUSR1);
	return NULL;
}

/* It comes while the poll waits, and the poll is not interrupted. */
static void
while_waiting(void)
{
	pthread_t thread;

	listen_for(SET(SIGUSR1));
	for (int i = 0; i < 100; i++) {
		check_ok(pthread_create(&thread, NULL, send_soon, NULL));
		check_eq(poll_for(MIOST_FOREVER), 1);
		check_eq(miost_signals_receive(f.signals), SIGUSR1);
		check_ok(pthread_join(thread, NULL));
	}
	expect_no_signal();
}

static void
from_a_child(void)
{
	pid_t child;

	listen_for(SET(SIGCHLD, SIGUSR1));
	child = start_fork();
	if (child == 0) {
		(void)kill(getppid(), SIGUSR1);
		tear_down();
		_exit(0);
	}
	check_eq(reap(child), 0);
	for (int got = 0; got != 3;) {
		int number = miost_signals_receive(f.signals);

		check(number >= 0);
		got |= number == SIGCHLD ? 1 : number == SIGUSR1 ? 2 : 0;
	}
	expect_no_signal();
	check_ok(raise(SIGUSR1));
	expect_signal(SIGUSR1);
}

/* A forked child has copies of it, when it is freed and signals are pending. */
static void
freed_with_copies(void)
{
	sigset_t set = SET(SIGUSR1), old;
	int gate[2], number;
	pid_t child;

	/* Blocked by somebody else, so that it stays pending. */
	check_ok(pthread_sigmask(SIG_BLOCK, &set, &old));
	listen_for(set);
	child = start_gated(gate, 0);
	check_ok(raise(SIGUSR1));
	settle();
	check_eq(poll_for(0), 1);
	free_signals();
	expect_nothing();
	check_ok(sigwait(&set, &number));
	check_eq(number, SIGUSR1);
	let_end(gate);
	reap(child);
	check_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

/* Sets. */

static void
sets(void)
{
	sigset_t empty, set = SET(SIGTERM, SIGHUP, SIGUSR1);
	sigset_t part = SET(SIGHUP, SIGTERM), other = SET(SIGHUP, SIGINT);
	int last = 0, n, count = 0;

	sigemptyset(&empty);
	check_eq(miost_signal_set_size(&empty), 0);
	check_eq(miost_signal_set_next(&empty, 0), 0);
	check_eq(miost_signal_set_size(&set), 3);
	for (n = 0; (n = miost_signal_set_next(&set, n)) != 0; count++) {
		check(n > last);
		check_eq(sigismember(&set, n), 1);
		last = n;
	}
	check_eq(count, 3);
	check_eq(miost_signal_set_next(&set, -5), SIGHUP);
	check_eq(miost_signal_set_next(&set, INT32_MIN), SIGHUP);
	check_eq(miost_signal_set_next(&set, SIGTERM), 0);
	check_eq(miost_signal_set_next(&set, INT32_MAX), 0);
	check(miost_signal_set_contains(&set, &set));
	check(miost_signal_set_contains(&set, &part));
	check(!miost_signal_set_contains(&part, &set));
	check(!miost_signal_set_contains(&set, &other));
	check(miost_signal_set_contains(&set, &empty));
	check(miost_signal_set_contains(&empty, &empty));
	check(!miost_signal_set_contains(&empty, &part));
#ifdef SIGRTMAX
	set = SET(SIGRTMAX);
	check_eq(miost_signal_set_next(&set, 0), SIGRTMAX);
	check_eq(miost_signal_set_size(&set), 1);
#endif
}

static const struct tap_test tests[] = {
	{ "sets: size, next, contains", sets },
	{ "a signal is an event until it is received", one },
	{ "every signal that can be caught", every_signal },
	{ "all of them at once", all_at_once },
	{ "bursts: one of a kind", bursts },
	{ "real-time signals: all of them, in order", real_time },
	{ "those that were pending before", before_new },
	{ "ignored ones", ignored },
	{ "several objects", several },
	{ "several of one signal", overlapping },
	{ "the mask comes back", mask_comes_back },
	{ "what is pending at the end acts then", pending_at_the_end },
	{ "the queue is freed first", queue_first },
	{ "empty, SIGKILL, SIGSTOP: -EINVAL", bad_sets },
	{ "no descriptor left: -EMFILE, and the mask as it was",
	  no_descriptors },
	{ "while another thread runs", another_thread },
	{ "while the poll waits", while_waiting },
	{ "from a child, which frees its own", from_a_child },
	{ "freed while a forked child has copies", freed_with_copies },
};

TAP_MAIN_WITH(tests, set_up, tear_down)
