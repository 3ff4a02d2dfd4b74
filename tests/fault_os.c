/* SPDX-License-Identifier: MIT */
/*
 * Failures of the operating system's queue and of what is made for it. And how
 * the epoll backend waits: in which calls, for how long, on kernels that this
 * one is not.
 */
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "../lib/os/waker.h"
#include "../lib/os/os_queue.h"
#include "fault_calls.h"

/* How the epoll backend waits. */

struct waiting {
	struct miost_os_queue *queue;
	struct miost_event storage[1];
};

static void
start_queue(struct waiting *w)
{
	reset_faults();
	check_ok(miost_os_queue_new(&w->queue));
}

static void
start_waiting(struct waiting *w)
{
	if (!on_epoll() ||
	    !miost_has(MIOST_FEATURE_PRECISE_TIMEOUT))
		tap_skip("fault_kqueue has what kqueue does, or there is no "
			 "second way to wait");
	start_queue(w);
}

static int
wait_faked(struct waiting *w, int64_t timeout)
{
	faults.fake_waits = true;
	memset(faults.count, 0, sizeof(faults.count));
	return miost_os_queue_poll(w->queue, w->storage, 1, timeout);
}

/* What needs no precision is one epoll_wait, the rest one epoll_pwait2. */
static void
one_call(void)
{
	static const struct {
		int64_t timeout;
		bool precise;
	} cases[] = {
		{ 0, false },	     { MS, false },
		{ 1, true },	     { 999999, true },
		{ MS + 1, true },    { 5 * SECOND, false },
		{ INT_MAX * MS, false }, { INT_MAX * MS - 1, true },
	};
	struct waiting w;

	start_waiting(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_eq(wait_faked(&w, cases[i].timeout), 0);
		check_eq(faults.waited, cases[i].timeout);
		check_eq(faults.count[EPOLL_PWAIT2], cases[i].precise);
		check_eq(faults.count[EPOLL_WAIT], !cases[i].precise);
		check_eq(faults.count[CLOCK], 0);
		check_eq(faults.count[MALLOC] + faults.count[CALLOC] +
				 faults.count[REALLOC], 0);
	}
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Behind another source it never waits, not for a nanosecond. */
static void
second_source(void)
{
	struct miost_source *sources[2];
	struct miost_event events[4];
	struct miost_queue *queue;
	struct waiting w;

	start_waiting(&w);
	check_ok(miost_queue_new(&queue));
	sources[0] = miost_queue_source(queue);
	sources[1] = miost_os_queue_source(w.queue);
	reset_faults();
	faults.waited = 77;
	check_eq(miost_poll_events(sources, 2, events, 4, 5 * MS), 0);
	check_eq(faults.waited, 0);
	check_eq(faults.count[EPOLL_WAIT] + faults.count[KEVENT_WAIT], 1);
	check_eq(faults.count[EPOLL_PWAIT2], 0);
	miost_queue_free(queue);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Refused once, the precise call is not tried again, in this queue. */
static void
coarse(void)
{
	static const int refusals[] = { ENOSYS, EPERM, EACCES, EINVAL,
					EOPNOTSUPP };

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct waiting w, other;

		start_waiting(&w);
		start_waiting(&other);
		fail(EPOLL_PWAIT2, 1, INT_MAX, refusals[i]);
		check_eq(wait_faked(&w, 1), 0);
		check_eq(faults.waited, MS);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(&w, 2 * MS + 1), 0);
		check_eq(faults.waited, 3 * MS);
		check_eq(faults.count[EPOLL_PWAIT2], 0);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(&w, INT_MAX * MS - 1), 0);
		check_eq(faults.waited, INT_MAX * MS);
		check_eq(wait_faked(&w, 7 * MS), 0);
		check_eq(faults.waited, 7 * MS);
		reset_faults();
		check_eq(wait_faked(&other, 1), 0);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
		miost_os_queue_free(w.queue);
		miost_os_queue_free(other.queue);
	}
	reset_faults();
}

/* Other errors are the caller's, whichever call gives them. */
static void
wait_errors(void)
{
	struct waiting w;

	start_waiting(&w);
	fail(EPOLL_PWAIT2, 1, 1, EINTR);
	check_eq(wait_faked(&w, 1), -EINTR);
	check_eq(faults.count[EPOLL_WAIT], 0);
	check_eq(wait_faked(&w, 1), -EINTR);
	fail(EPOLL_PWAIT2, 1, 1, EBADF);
	check_eq(wait_faked(&w, 1), -EBADF);
	reset_faults();
	check_eq(wait_faked(&w, 1), 0);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	fail(EPOLL_WAIT, 1, 1, EINTR);
	check_eq(wait_faked(&w, 0), -EINTR);
	check_eq(wait_faked(&w, MIOST_FOREVER), -EINTR);
	check_eq(wait_faked(&w, MS), -EINTR);
	check_eq(wait_faked(&w, INT64_MAX), -EINTR);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Longer than a call can wait: as often as it takes, and no longer. */
static void
long_waits(void)
{
	const int64_t longest = INT_MAX * MS;
	struct waiting w;

	start_waiting(&w);
	check_eq(wait_faked(&w, longest + 1), 0);
	check_eq(faults.clock, longest + 1);
	check_eq(faults.count[EPOLL_WAIT], 1);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	faults.clock = 0;
	check_eq(wait_faked(&w, 10 * longest), 0);
	check_eq(faults.clock, 10 * longest);
	check_eq(faults.count[EPOLL_WAIT], 10);

	fail(EPOLL_PWAIT2, 1, INT_MAX, ENOSYS);
	check_eq(wait_faked(&w, 2 * longest + 1), 0);
	check_eq(faults.clock, 2 * longest + MS);
	check_eq(faults.count[EPOLL_WAIT], 3);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* No queue, and nothing of it. A forked child is known without help, too. */
static void
no_queue(void)
{
	static const enum call calls[] = { MALLOC, MMAP, EPOLL_CREATE,
					   KQUEUE };
	struct miost_waker *waker;
	struct waiting w;
	pid_t child;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int err;

		fail(calls[i], 1, 1, ENOMEM);
		err = miost_os_queue_new(&w.queue);
		check_eq(err, faults.count[calls[i]] ? -ENOMEM : 0);
		if (err == 0)
			miost_os_queue_free(w.queue);
	}
	fail(MADVISE, 1, 1, EINVAL);
	check_ok(miost_os_queue_new(&w.queue));
	check_ok(miost_waker_new(w.queue, 1, &waker));
	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child == 0) {
		miost_waker_free(waker);
		miost_os_queue_free(w.queue);
		_exit(0);
	}
	check_eq(waitpid(child, NULL, 0), child);
	check_ok(miost_waker_wake(waker));
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
	miost_waker_free(waker);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* No call but the one that it is for. */
static void
register_calls(void)
{
	const enum call change = on_epoll() ? EPOLL_CTL : KEVENT_CHANGE;
	struct waiting w;
	int fds[2];

	start_queue(&w);
	make_pair(fds);
	reset_faults();
	check_ok(miost_os_queue_register(w.queue, fds[0], 1, MIOST_READABLE,
					 0));
	check_eq(faults.count[change], 1);
	check_ok(miost_os_queue_reregister(w.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	check_eq(faults.count[change], 2);
	fail(change, 1, INT_MAX, ENOSPC);
	check_eq(miost_os_queue_register(w.queue, fds[1], 1, MIOST_READABLE,
					 0), -ENOSPC);
	check_eq(miost_os_queue_reregister(w.queue, fds[0], 1, MIOST_READABLE,
					   0), -ENOSPC);
	check_eq(miost_os_queue_deregister(w.queue, fds[0]), -ENOSPC);
	check_eq(faults.count[change], 3);
	reset_faults();
	check_ok(miost_os_queue_deregister(w.queue, fds[0]));
	check_eq(faults.count[change], 1);
	close_pair(fds);
	miost_os_queue_free(w.queue);
}

/* Wakers. */

/* What makes its descriptors, and what it registers them with. */
static const enum call waker_calls[] = { MALLOC, EVENTFD, PIPE, EPOLL_CTL,
					    KEVENT_CHANGE };

/* What a wake calls. */
static enum call
wake_call(void)
{
	return miost_has(MIOST_FEATURE_WAKER_USER) ? KEVENT_CHANGE : WRITE;
}

static void
no_waker(void)
{
	struct miost_waker *waker;
	struct miost_os_queue *queue;
	struct miost_event storage[1];

	check_ok(miost_os_queue_new(&queue));
	for (size_t i = 0; i < 5; i++) {
		int err;

		fail(waker_calls[i], 1, 1, ENOMEM);
		err = miost_waker_new(queue, 1, &waker);
		check_eq(err, faults.count[waker_calls[i]] ? -ENOMEM : 0);
		if (err == 0)
			miost_waker_free(waker);
	}
	/* What failed is of no concern to the next. */
	reset_faults();
	check_ok(miost_waker_new(queue, 1, &waker));
	check_ok(miost_waker_wake(waker));
	check_eq(miost_os_queue_poll(queue, storage, 1, 0), 1);
	miost_waker_free(waker);
	miost_os_queue_free(queue);
}

/* Woken already, a wake calls nothing; polled, it does again. */
static void
awake_already(void)
{
	struct miost_waker *waker, *clone;
	struct waiting w;

	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &waker));
	check_ok(miost_waker_clone(waker, &clone));
	for (int i = 0; i < 3; i++) {
		reset_faults();
		for (int k = 0; k < 100; k++) {
			check_ok(miost_waker_wake(waker));
			check_ok(miost_waker_wake(clone));
		}
		check_eq(faults.count[wake_call()], 1);
		check_eq(faults.count[READ], 0);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
		check_eq(faults.count[on_epoll() ? EPOLL_WAIT : KEVENT_WAIT],
			 1);
		check_eq(faults.count[READ], 0);
	}
	miost_waker_free(waker);
	miost_waker_free(clone);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Writes what it holds until it would block. */
static void
fill_waker(const struct miost_waker *waker)
{
	static const uint64_t most = UINT64_MAX - 1;
	static const char block[4096];
	uint64_t count;

	if (miost_has(MIOST_FEATURE_WAKER_EVENTFD)) {
		while (read(waker->receiver, &count, sizeof(count)) > 0)
			;
		check_eq(write(waker->sender, &most, sizeof(most)),
			 sizeof(most));
		return;
	}
	while (write(waker->sender, block, sizeof(block)) > 0)
		;
	while (write(waker->sender, "", 1) > 0)
		;
}

static void
full_waker(void)
{
	struct miost_waker *waker;
	struct waiting w;

	if (miost_has(MIOST_FEATURE_WAKER_USER))
		tap_skip("a waker on EVFILT_USER is never full");
	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &waker));
	for (int i = 0; i < 3; i++) {
		fill_waker(waker);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 0);
		reset_faults();
		check_ok(miost_waker_wake(waker));
		check_eq(faults.count[WRITE], 2);
		check(faults.count[READ] > 0);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 0);
	}
	miost_waker_free(waker);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* An error, if there ever is one, is told, and the next wake tries again. */
static void
waker_errors(void)
{
	struct miost_waker *waker;
	struct waiting w;

	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &waker));
	for (int i = 0; i < 2; i++) {
		fail(wake_call(), 1, 1, EIO);
		errno = ERANGE;
		check_eq(miost_waker_wake(waker), -EIO);
		check_eq(errno, ERANGE);
	}
	check_ok(miost_waker_wake(waker));
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
	miost_waker_free(waker);
	miost_os_queue_free(w.queue);
	reset_faults();
}

static void
interrupted_wake(void)
{
	struct miost_waker *waker;
	struct waiting w;

	if (!miost_has(MIOST_FEATURE_WAKER_PIPE))
		tap_skip("only a wake of a pipe can be interrupted");
	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &waker));
	fail(WRITE, 1, 2, EINTR);
	check_ok(miost_waker_wake(waker));
	check_eq(faults.count[WRITE], 3);
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
	miost_waker_free(waker);
	miost_os_queue_free(w.queue);
	reset_faults();
}

static int
count_wakers(const struct miost_os_queue *queue)
{
	int count = 0;

	for (const struct miost_waker *waker = queue->wakers; waker != NULL;
	     waker = waker->next)
		count++;
	return count;
}

/*
 * Those that are gone are forgotten when another is made, or by the next poll,
 * whatever it gives.
 */
static void
forgotten(void)
{
	struct miost_waker *wakers[100], *kept;
	struct waiting w;

	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &kept));
	for (int i = 0; i < 100; i++) {
		check_ok(miost_waker_new(w.queue, 1, &wakers[0]));
		miost_waker_free(wakers[0]);
	}
	check(count_wakers(w.queue) <= 2);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			check_ok(miost_waker_new(w.queue, 1, &wakers[i]));
		for (int i = 0; i < 100; i++)
			miost_waker_free(wakers[i]);
		check_eq(count_wakers(w.queue), 101);
		if (round == 1)
			check_ok(miost_waker_wake(kept));
		if (round == 2)
			fail(on_epoll() ? EPOLL_WAIT : KEVENT_WAIT, 1, 1,
			     EINTR);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0),
			 round == 2 ? -EINTR : round);
		check_eq(count_wakers(w.queue), 1);
	}
	miost_waker_free(kept);
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 0);
	check_eq(count_wakers(w.queue), 0);
	miost_os_queue_free(w.queue);
	reset_faults();
}

static jmp_buf out_of_the_wait;

static void
leave(void)
{
	longjmp(out_of_the_wait, 1);
}

/* A wait that took the event with it, as one that is cancelled may. */
static void
wait_left(void)
{
	struct miost_waker *waker;
	struct waiting w;

	start_queue(&w);
	check_ok(miost_waker_new(w.queue, 1, &waker));
	for (int i = 0; i < 2; i++) {
		check_ok(miost_waker_wake(waker));
		if (setjmp(out_of_the_wait) == 0) {
			faults.after_wait = leave;
			(void)miost_os_queue_poll(w.queue, w.storage, 1,
						  MIOST_FOREVER);
			tap_fail(__FILE__, __LINE__, "it was not left");
		}
		if (i == 0)
			check_ok(miost_waker_wake(waker));
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
		check_eq(w.storage[0].id, 1);
		check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 0);
	}
	check_ok(miost_waker_wake(waker));
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, 0), 1);
	miost_waker_free(waker);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Signals. */

static void
no_signals(void)
{
	static const enum call calls[] = { MALLOC, SIGMASK, SIGNALFD,
					   EPOLL_CTL, KQUEUE, KEVENT_CHANGE };
	struct miost_signals *signals;
	struct miost_os_queue *queue;
	sigset_t set, before, after;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check_ok(pthread_sigmask(SIG_SETMASK, NULL, &before));
	check_ok(miost_os_queue_new(&queue));
	for (size_t i = 0; i < 6; i++) {
		int err;

		fail(calls[i], 1, 1, ENOMEM);
		err = miost_signals_new(queue, &set, 1, &signals);
		check_eq(err, faults.count[calls[i]] ? -ENOMEM : 0);
		if (err == 0)
			miost_signals_free(signals);
		check_ok(pthread_sigmask(SIG_SETMASK, NULL, &after));
		check_eq(sigismember(&after, SIGUSR1), 0);
		check(miost_signal_set_contains(&before, &after));
	}
	reset_faults();
	miost_os_queue_free(queue);
}

static void
ignore_it(int number)
{
	(void)number;
}

/* Another thread that waits for the same signals was faster. */
static void
signal_taken_meanwhile(void)
{
	const enum call call = on_epoll() ? READ : SIGTIMEDWAIT;
	struct sigaction action = { .sa_handler = ignore_it }, old;
	struct miost_signals *signals;
	struct miost_os_queue *queue;
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check_ok(sigaction(SIGUSR1, &action, &old));
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_signals_new(queue, &set, 1, &signals));
	check_ok(raise(SIGUSR1));
	fail(call, 1, 1, EAGAIN);
	number = miost_signals_receive(signals);
	check_eq(number, faults.count[call] > 0 ? 0 : SIGUSR1);
	reset_faults();
	(void)miost_signals_receive(signals);
	check_eq(miost_signals_receive(signals), 0);
	miost_signals_free(signals);
	miost_os_queue_free(queue);
	check_ok(sigaction(SIGUSR1, &old, NULL));
}

static void
signals_go_on(void)
{
	struct miost_signals *signals;
	struct miost_os_queue *queue;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_signals_new(queue, &set, 1, &signals));
	check_ok(raise(SIGUSR1));
	fail(on_epoll() ? READ : KEVENT_WAIT, 1, 1, EIO);
	if (on_epoll())
		check_eq(miost_signals_receive(signals), -EIO);
	fail(on_epoll() ? READ : SIGTIMEDWAIT, 1, 2, EINTR);
	check_eq(miost_signals_receive(signals), SIGUSR1);
	check(faults.count[faults.failing] == 3 || !on_epoll());
	reset_faults();
	miost_signals_free(signals);
	miost_os_queue_free(queue);
}

/* Processes. */

static pid_t
start_child(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child == 0)
		_exit(7);
	return child;
}

static void
no_process(void)
{
	/* Of what this backend calls. */
	static const struct {
		enum call call;
		int error, expected;
	} cases[] = {
		{ MALLOC, ENOMEM, -ENOMEM },
		{ KQUEUE, EMFILE, -EMFILE },
		{ KEVENT_CHANGE, ENOMEM, -ENOMEM },
		{ KEVENT_RECEIPT, ENOMEM, -ENOMEM },
		{ PIDFD_OPEN, EMFILE, -EMFILE },
		{ PIDFD_OPEN, ENOSYS, -ENOTSUP },
		{ PIDFD_OPEN, EPERM, -ENOTSUP },
		{ PIDFD_OPEN, EACCES, -ENOTSUP },
		{ PIDFD_OPEN, EOPNOTSUPP, -ENOTSUP },
		{ PIDFD_OPEN, EINVAL, -ENOTSUP },
		{ PIDFD_OPEN, ESRCH, -ESRCH },
		{ WAITID, EINVAL, 0 },
		{ WAITID, EPERM, 0 },
		{ WAITID, ENOSYS, 0 },
		{ WAITID, ECHILD, -ECHILD },
		{ EPOLL_CTL, ENOSPC, -ENOSPC },
	};
	struct miost_process *process;
	struct miost_os_queue *queue;
	pid_t child = start_child();
	int err, status;

	check_ok(miost_os_queue_new(&queue));
	err = miost_process_new(queue, child, 1, &process);
	if (err == 0)
		miost_process_free(process);
	for (size_t i = 0; err == 0 && i < sizeof(cases) / sizeof(cases[0]);
	     i++) {
		int expected = cases[i].expected;
		int made;

		if (expected == 0)
			expected = on_epoll() ? -ENOTSUP : -cases[i].error;
		fail(cases[i].call, 1, 1, cases[i].error);
		made = miost_process_new(queue, child, 1, &process);
		check_eq(made, faults.count[cases[i].call] ? expected : 0);
		if (made == 0)
			miost_process_free(process);
	}
	reset_faults();
	/* It is still there to be reaped. */
	check_eq(waitpid(child, &status, 0), child);
	check_eq(status, 7 << 8);
	miost_os_queue_free(queue);
	if (err == -ENOTSUP)
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	check_ok(err);
}

static void
process_goes_on(void)
{
	struct miost_process *process;
	pid_t child = start_child();
	struct waiting w;
	int err, status;

	check_ok(miost_os_queue_new(&w.queue));
	err = miost_process_new(w.queue, child, 1, &process);
	if (err < 0) {
		check_eq(waitpid(child, NULL, 0), child);
		miost_os_queue_free(w.queue);
		check_eq(err, -ENOTSUP);
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	}
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, MIOST_FOREVER),
		 1);
	fail(on_epoll() ? WAITID : WAITPID, 1, 2, EINTR);
	check_eq(miost_process_wait(process, &status), 1);
	check_eq(faults.count[faults.failing], 3);
	check_eq(status, 7 << 8);
	reset_faults();
	miost_process_free(process);
	miost_os_queue_free(w.queue);
}

/* Whether one is left is the system's to say, and its limits' and settings'. */
static void
left_a_core(void)
{
	struct miost_process *process;
	struct waiting w;
	int err, gate[2], status = 0;
	pid_t child;

	if (strcmp(miost_backend(), "epoll") != 0)
		tap_skip("this backend has the status from waitpid");
	start_queue(&w);
	child = start_gated(gate, 0);
	err = miost_process_new(w.queue, child, 1, &process);
	check_ok(kill(child, SIGKILL));
	close(gate[1]);
	if (err < 0) {
		check_eq(waitpid(child, NULL, 0), child);
		miost_os_queue_free(w.queue);
		check_eq(err, -ENOTSUP);
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	}
	check_eq(miost_os_queue_poll(w.queue, w.storage, 1, MIOST_FOREVER),
		 1);
	faults.fake_cores = true;
	check_eq(miost_process_wait(process, &status), 1);
	check(WIFSIGNALED(status));
	check_eq(WTERMSIG(status), SIGKILL);
	check(WCOREDUMP(status));
	reset_faults();
	miost_process_free(process);
	miost_os_queue_free(w.queue);
}

/* Descriptors that are hidden in objects are close-on-exec, too. */
static void
close_on_exec(void)
{
	static bool before[TAP_FDS], after[TAP_FDS];
	struct miost_process *process = NULL;
	struct miost_waker *waker;
	struct miost_signals *signals;
	struct miost_os_queue *queue;
	pid_t child = start_child();
	sigset_t set;
	int made = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	tap_open_fds(before);
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_waker_new(queue, 1, &waker));
	check_ok(miost_signals_new(queue, &set, 1, &signals));
	(void)miost_process_new(queue, child, 1, &process);
	tap_open_fds(after);
	for (int fd = 0; fd < TAP_FDS; fd++) {
		if (after[fd] == before[fd])
			continue;
		check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		made++;
	}
	check(made >= 3);
	miost_process_free(process);
	miost_signals_free(signals);
	miost_waker_free(waker);
	miost_os_queue_free(queue);
	check_eq(waitpid(child, NULL, 0), child);
}

/* A set is one call of what is registered, and two of what is not. */
static void
set_calls(void)
{
	const enum call control = on_epoll() ? EPOLL_CTL : KEVENT_CHANGE;
	struct waiting w;
	int fds[2];

	start_queue(&w);
	make_pair(fds);
	reset_faults();
	check_ok(miost_os_queue_set(w.queue, fds[0], 1, MIOST_READABLE,
				    MIOST_LEVEL));
	check_eq(faults.count[control], on_epoll() ? 2 : 1);
	reset_faults();
	check_ok(miost_os_queue_set(w.queue, fds[0], 2, MIOST_WRITABLE,
				    MIOST_EDGE));
	check_eq(faults.count[control], 1);
	reset_faults();
	for (int i = 0; i < 2; i++)
		check_ok(miost_os_queue_set(w.queue, fds[0], 1, 0, 0));
	check_eq(faults.count[control], 2);
	if (miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		reset_faults();
		check_ok(miost_os_queue_set(w.queue, fds[0], 1, MIOST_READABLE,
					    MIOST_EXCLUSIVE));
		check_eq(faults.count[control], 2);
		reset_faults();
		check_ok(miost_os_queue_set(w.queue, fds[0], 1, MIOST_READABLE,
					    MIOST_LEVEL));
		check_eq(faults.count[control], 3);
	}
	fail(control, 1, INT_MAX, ENOMEM);
	check_eq(miost_os_queue_set(w.queue, fds[0], 1, MIOST_READABLE, 0),
		 -ENOMEM);
	reset_faults();
	close_pair(fds);
	miost_os_queue_free(w.queue);
}

static const struct tap_test tests[] = {
	{ "a wait is one call, precise when it must be", one_call },
	{ "a second source does not wait", second_source },
	{ "a kernel or sandbox without the precise call", coarse },
	{ "errors of waiting", wait_errors },
	{ "waits longer than a call takes", long_waits },
	{ "no queue to be had: the error, and nothing kept", no_queue },
	{ "a change is one call", register_calls },
	{ "no waker to be had: the error, and nothing kept", no_waker },
	{ "a wake of what is awake calls nothing", awake_already },
	{ "a waker that is full is made room in", full_waker },
	{ "errors of wakes are told, and not for ever", waker_errors },
	{ "a wake goes on when interrupted", interrupted_wake },
	{ "a wait that is left loses no wake", wait_left },
	{ "wakers that are gone are forgotten", forgotten },
	{ "no signals to be had: the mask as it was", no_signals },
	{ "a signal is received when interrupted", signals_go_on },
	{ "a signal that was taken meanwhile", signal_taken_meanwhile },
	{ "no process to be had: the error, and the child is left",
	  no_process },
	{ "a process is waited for when interrupted", process_goes_on },
	{ "a process that left a core", left_a_core },
	{ "descriptors of objects are close-on-exec", close_on_exec },
	{ "set: one call, or two", set_calls },
};

TAP_MAIN(tests)
