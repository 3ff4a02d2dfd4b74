/* SPDX-License-Identifier: MIT */
/*
 * Failures of the operating system's queue and of what is made for it. And how
 * the epoll backend waits: in which calls, for how long, on kernels that this
 * one is not.
 */
#include <limits.h>
#include <stdint.h>

#include "../lib/os/waker.h"
#include "../lib/os/os_queue.h"
#include "fault_fixture.h"

/* How the epoll backend waits. */

static void
need_precise_wait(void)
{
	if (!on_epoll() || !miost_has(MIOST_FEATURE_PRECISE_TIMEOUT))
		tap_skip("fault_kqueue has what kqueue does, or there is no "
			 "second way to wait");
}

static int
wait_faked(int64_t timeout)
{
	faults.fake_waits = true;
	memset(faults.count, 0, sizeof(faults.count));
	return poll_for(timeout);
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

	need_precise_wait();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_eq(wait_faked(cases[i].timeout), 0);
		check_eq(faults.waited, cases[i].timeout);
		check_eq(faults.count[EPOLL_PWAIT2], cases[i].precise);
		check_eq(faults.count[EPOLL_WAIT], !cases[i].precise);
		check_eq(faults.count[CLOCK], 0);
		check_eq(faults.count[MALLOC] + faults.count[CALLOC] +
				 faults.count[REALLOC], 0);
	}
}

/* Behind another source it never waits, not for a nanosecond. */
static void
second_source(void)
{
	struct miost_source *sources[2];
	struct miost_event events[4];
	struct miost_queue *queue;

	need_precise_wait();
	check_ok(miost_queue_new(&queue));
	sources[0] = miost_queue_source(queue);
	sources[1] = miost_os_queue_source(f.queue);
	reset_faults();
	faults.waited = 77;
	check_eq(miost_poll_events(sources, 2, events, 4, 5 * MS), 0);
	check_eq(faults.waited, 0);
	check_eq(faults.count[EPOLL_WAIT] + faults.count[KEVENT_WAIT], 1);
	check_eq(faults.count[EPOLL_PWAIT2], 0);
	miost_queue_free(queue);
}

/* Refused once, the precise call is not tried again, in this queue. */
static void
coarse(void)
{
	static const int refusals[] = { ENOSYS, EPERM, EACCES, EINVAL,
					EOPNOTSUPP };

	need_precise_wait();
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct miost_os_queue *other;

		check_ok(miost_os_queue_new(&other));
		fail(EPOLL_PWAIT2, 1, INT_MAX, refusals[i]);
		check_eq(wait_faked(1), 0);
		check_eq(faults.waited, MS);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(2 * MS + 1), 0);
		check_eq(faults.waited, 3 * MS);
		check_eq(faults.count[EPOLL_PWAIT2], 0);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(INT_MAX * MS - 1), 0);
		check_eq(faults.waited, INT_MAX * MS);
		check_eq(wait_faked(7 * MS), 0);
		check_eq(faults.waited, 7 * MS);
		reset_faults();
		free_queue();
		f.queue = other;
		check_eq(wait_faked(1), 0);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
	}
}

/* Other errors are the caller's, whichever call gives them. */
static void
wait_errors(void)
{
	need_precise_wait();
	check_fails(EPOLL_PWAIT2, EINTR, wait_faked(1));
	check_eq(faults.count[EPOLL_WAIT], 0);
	check_eq(wait_faked(1), -EINTR);
	check_fails(EPOLL_PWAIT2, EBADF, wait_faked(1));
	reset_faults();
	check_eq(wait_faked(1), 0);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	check_fails(EPOLL_WAIT, EINTR, wait_faked(0));
	check_eq(wait_faked(MIOST_FOREVER), -EINTR);
	check_eq(wait_faked(MS), -EINTR);
	check_eq(wait_faked(INT64_MAX), -EINTR);
}

/* Longer than a call can wait: as often as it takes, and no longer. */
static void
long_waits(void)
{
	const int64_t longest = INT_MAX * MS;

	need_precise_wait();
	check_eq(wait_faked(longest + 1), 0);
	check_eq(faults.clock, longest + 1);
	check_eq(faults.count[EPOLL_WAIT], 1);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	faults.clock = 0;
	check_eq(wait_faked(10 * longest), 0);
	check_eq(faults.clock, 10 * longest);
	check_eq(faults.count[EPOLL_WAIT], 10);

	fail(EPOLL_PWAIT2, 1, INT_MAX, ENOSYS);
	check_eq(wait_faked(2 * longest + 1), 0);
	check_eq(faults.clock, 2 * longest + MS);
	check_eq(faults.count[EPOLL_WAIT], 3);
}

/* No queue, and nothing of it. A forked child is known without help, too. */
static void
no_queue(void)
{
	static const enum call calls[] = { MALLOC, MMAP, EPOLL_CREATE,
					   KQUEUE };
	pid_t child;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int err;

		free_queue();
		fail(calls[i], 1, 1, ENOMEM);
		err = miost_os_queue_new(&f.queue);
		check_eq(err, faults.count[calls[i]] ? -ENOMEM : 0);
	}
	free_queue();
	fail(MADVISE, 1, 1, EINVAL);
	check_ok(miost_os_queue_new(&f.queue));
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	child = start_fork();
	if (child == 0) {
		free_waker();
		free_queue();
		_exit(0);
	}
	reap(child);
	check_ok(miost_waker_wake(f.waker));
	check_eq(poll_for(0), 1);
}

/* No call but the one that it is for. */
static void
register_calls(void)
{
	const enum call control = on_epoll() ? EPOLL_CTL : KEVENT_CHANGE;

	reset_faults();
	add(f.fds[0], 1, MIOST_READABLE, 0);
	check_eq(faults.count[control], 1);
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	check_eq(faults.count[control], 2);
	fail(control, 1, INT_MAX, ENOSPC);
	check_eq(try_add(f.fds[1], 1, MIOST_READABLE, 0), -ENOSPC);
	check_eq(try_change(f.fds[0], 1, MIOST_READABLE, 0), -ENOSPC);
	check_eq(take_out(f.fds[0]), -ENOSPC);
	check_eq(faults.count[control], 3);
	reset_faults();
	check_ok(take_out(f.fds[0]));
	check_eq(faults.count[control], 1);
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
	for (size_t i = 0; i < 5; i++) {
		int err;

		fail(waker_calls[i], 1, 1, ENOMEM);
		err = miost_waker_new(f.queue, 1, &f.waker);
		check_eq(err, faults.count[waker_calls[i]] ? -ENOMEM : 0);
		if (err == 0)
			free_waker();
	}
	/* What failed is of no concern to the next. */
	reset_faults();
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	check_ok(miost_waker_wake(f.waker));
	check_eq(poll_for(0), 1);
}

/* Woken already, a wake calls nothing; polled, it does again. */
static void
awake_already(void)
{
	struct miost_waker *clone;

	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	check_ok(miost_waker_clone(f.waker, &clone));
	for (int i = 0; i < 3; i++) {
		reset_faults();
		for (int k = 0; k < 100; k++) {
			check_ok(miost_waker_wake(f.waker));
			check_ok(miost_waker_wake(clone));
		}
		check_eq(faults.count[wake_call()], 1);
		check_eq(faults.count[READ], 0);
		check_eq(poll_for(0), 1);
		check_eq(faults.count[on_epoll() ? EPOLL_WAIT : KEVENT_WAIT],
			 1);
		check_eq(faults.count[READ], 0);
	}
	miost_waker_free(clone);
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
	if (miost_has(MIOST_FEATURE_WAKER_USER))
		tap_skip("a waker on EVFILT_USER is never full");
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	for (int i = 0; i < 3; i++) {
		fill_waker(f.waker);
		check_eq(poll_for(0), 1);
		expect_nothing();
		reset_faults();
		check_ok(miost_waker_wake(f.waker));
		check_eq(faults.count[WRITE], 2);
		check(faults.count[READ] > 0);
		check_eq(poll_for(0), 1);
		expect_nothing();
	}
}

/* An error, if there ever is one, is told, and the next wake tries again. */
static void
waker_errors(void)
{
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	for (int i = 0; i < 2; i++) {
		fail(wake_call(), 1, 1, EIO);
		errno = ERANGE;
		check_eq(miost_waker_wake(f.waker), -EIO);
		check_eq(errno, ERANGE);
	}
	check_ok(miost_waker_wake(f.waker));
	check_eq(poll_for(0), 1);
}

static void
interrupted_wake(void)
{
	if (!miost_has(MIOST_FEATURE_WAKER_PIPE))
		tap_skip("only a wake of a pipe can be interrupted");
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	fail(WRITE, 1, 2, EINTR);
	check_ok(miost_waker_wake(f.waker));
	check_eq(faults.count[WRITE], 3);
	check_eq(poll_for(0), 1);
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

	check_ok(miost_waker_new(f.queue, 1, &kept));
	for (int i = 0; i < 100; i++) {
		check_ok(miost_waker_new(f.queue, 1, &wakers[0]));
		miost_waker_free(wakers[0]);
	}
	check(count_wakers(f.queue) <= 2);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			check_ok(miost_waker_new(f.queue, 1, &wakers[i]));
		for (int i = 0; i < 100; i++)
			miost_waker_free(wakers[i]);
		check_eq(count_wakers(f.queue), 101);
		if (round == 1)
			check_ok(miost_waker_wake(kept));
		if (round == 2)
			fail(on_epoll() ? EPOLL_WAIT : KEVENT_WAIT, 1, 1,
			     EINTR);
		check_eq(poll_for(0), round == 2 ? -EINTR : round);
		check_eq(count_wakers(f.queue), 1);
	}
	miost_waker_free(kept);
	expect_nothing();
	check_eq(count_wakers(f.queue), 0);
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
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	for (int i = 0; i < 2; i++) {
		check_ok(miost_waker_wake(f.waker));
		if (setjmp(out_of_the_wait) == 0) {
			faults.after_wait = leave;
			(void)poll_for(MIOST_FOREVER);
			tap_fail(__FILE__, __LINE__, "it was not left");
		}
		if (i == 0)
			check_ok(miost_waker_wake(f.waker));
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].id, 1);
		expect_nothing();
	}
	check_ok(miost_waker_wake(f.waker));
	check_eq(poll_for(0), 1);
}

/* Signals. */

static void
no_signals(void)
{
	static const enum call calls[] = { MALLOC, SIGMASK, SIGNALFD,
					   EPOLL_CTL, KQUEUE, KEVENT_CHANGE };
	sigset_t set = set_of_one(SIGUSR1), before, after;

	check_ok(pthread_sigmask(SIG_SETMASK, NULL, &before));
	for (size_t i = 0; i < 6; i++) {
		int err;

		fail(calls[i], 1, 1, ENOMEM);
		err = miost_signals_new(f.queue, &set, 1, &f.signals);
		check_eq(err, faults.count[calls[i]] ? -ENOMEM : 0);
		if (err == 0)
			free_signals();
		check_ok(pthread_sigmask(SIG_SETMASK, NULL, &after));
		check_eq(sigismember(&after, SIGUSR1), 0);
		check(miost_signal_set_contains(&before, &after));
	}
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
	sigset_t set = set_of_one(SIGUSR1);
	int number;

	check_ok(sigaction(SIGUSR1, &action, &old));
	check_ok(miost_signals_new(f.queue, &set, 1, &f.signals));
	check_ok(raise(SIGUSR1));
	fail(call, 1, 1, EAGAIN);
	number = miost_signals_receive(f.signals);
	check_eq(number, faults.count[call] > 0 ? 0 : SIGUSR1);
	reset_faults();
	(void)miost_signals_receive(f.signals);
	check_eq(miost_signals_receive(f.signals), 0);
	free_signals();
	check_ok(sigaction(SIGUSR1, &old, NULL));
}

static void
signals_go_on(void)
{
	sigset_t set = set_of_one(SIGUSR1);

	check_ok(miost_signals_new(f.queue, &set, 1, &f.signals));
	check_ok(raise(SIGUSR1));
	fail(on_epoll() ? READ : KEVENT_WAIT, 1, 1, EIO);
	if (on_epoll())
		check_eq(miost_signals_receive(f.signals), -EIO);
	fail(on_epoll() ? READ : SIGTIMEDWAIT, 1, 2, EINTR);
	check_eq(miost_signals_receive(f.signals), SIGUSR1);
	check(faults.count[faults.failing] == 3 || !on_epoll());
}

/* Processes. */

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
	pid_t child = child_of_nothing();
	int err;

	err = miost_process_new(f.queue, child, 1, &f.process);
	if (err == 0)
		free_process();
	for (size_t i = 0; err == 0 && i < sizeof(cases) / sizeof(cases[0]);
	     i++) {
		int expected = cases[i].expected;
		int made;

		if (expected == 0)
			expected = on_epoll() ? -ENOTSUP : -cases[i].error;
		fail(cases[i].call, 1, 1, cases[i].error);
		made = miost_process_new(f.queue, child, 1, &f.process);
		check_eq(made, faults.count[cases[i].call] ? expected : 0);
		if (made == 0)
			free_process();
	}
	reset_faults();
	/* It is still there to be reaped. */
	check_eq(reap(child), 7 << 8);
	if (err == -ENOTSUP)
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	check_ok(err);
}

static void
process_goes_on(void)
{
	pid_t child = child_of_nothing();
	int err, status;

	err = miost_process_new(f.queue, child, 1, &f.process);
	if (err < 0) {
		reap(child);
		check_eq(err, -ENOTSUP);
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	}
	check_eq(poll_for(MIOST_FOREVER), 1);
	fail(on_epoll() ? WAITID : WAITPID, 1, 2, EINTR);
	check_eq(miost_process_wait(f.process, &status), 1);
	check_eq(faults.count[faults.failing], 3);
	check_eq(status, 7 << 8);
}

/* Whether one is left is the system's to say, and its limits' and settings'. */
static void
left_a_core(void)
{
	int err, gate[2], status = 0;
	pid_t child;

	if (!on_epoll())
		tap_skip("this backend has the status from waitpid");
	child = start_gated(gate, 0);
	err = miost_process_new(f.queue, child, 1, &f.process);
	check_ok(kill(child, SIGKILL));
	close(gate[1]);
	if (err < 0) {
		reap(child);
		check_eq(err, -ENOTSUP);
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	}
	check_eq(poll_for(MIOST_FOREVER), 1);
	faults.fake_cores = true;
	check_eq(miost_process_wait(f.process, &status), 1);
	check(WIFSIGNALED(status));
	check_eq(WTERMSIG(status), SIGKILL);
	check(WCOREDUMP(status));
}

/* Descriptors that are hidden in objects are close-on-exec, too. */
static void
close_on_exec(void)
{
	static bool before[TAP_FDS], after[TAP_FDS];
	pid_t child = child_of_nothing();
	sigset_t set = set_of_one(SIGUSR1);
	int made = 0;

	free_queue();
	tap_open_fds(before);
	check_ok(miost_os_queue_new(&f.queue));
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	check_ok(miost_signals_new(f.queue, &set, 1, &f.signals));
	(void)miost_process_new(f.queue, child, 1, &f.process);
	tap_open_fds(after);
	for (int fd = 0; fd < TAP_FDS; fd++) {
		if (after[fd] == before[fd])
			continue;
		check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		made++;
	}
	check(made >= 3);
	free_process();
	free_signals();
	free_waker();
	reap(child);
}

/* A set is one call of what is registered, and two of what is not. */
static void
set_calls(void)
{
	const enum call control = on_epoll() ? EPOLL_CTL : KEVENT_CHANGE;

	reset_faults();
	set(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_eq(faults.count[control], on_epoll() ? 2 : 1);
	reset_faults();
	set(f.fds[0], 2, MIOST_WRITABLE, MIOST_EDGE);
	check_eq(faults.count[control], 1);
	reset_faults();
	for (int i = 0; i < 2; i++)
		set(f.fds[0], 1, 0, 0);
	check_eq(faults.count[control], 2);
	if (miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		reset_faults();
		set(f.fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE);
		check_eq(faults.count[control], 2);
		reset_faults();
		set(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
		check_eq(faults.count[control], 3);
	}
	fail(control, 1, INT_MAX, ENOMEM);
	check_eq(try_set(f.fds[0], 1, MIOST_READABLE, 0), -ENOMEM);
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

TAP_MAIN_WITH(tests, set_up_faults, tear_down_faults)
