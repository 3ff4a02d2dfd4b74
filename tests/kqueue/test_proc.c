/* SPDX-License-Identifier: MIT */
/* EVFILT_PROC, EVFILT_SIGNAL, EVFILT_TIMER, and signals that interrupt. */
#define _GNU_SOURCE

#include "kqueue_test.h"

#define PROC ((filter_number)EVFILT_PROC)
#define SIGNAL ((filter_number)EVFILT_SIGNAL)
#define TIMER ((filter_number)EVFILT_TIMER)

/* Takes a pending signal, and so shows that it still was pending. */
static void
take_signal(int number)
{
	struct timespec none = span(0);
	sigset_t set = set_of_one(number);

	check_eq(sigtimedwait(&set, NULL, &none), number);
}

static void
signals(void)
{
	sigset_t set = set_of_one(SIGUSR1), old;

	check_ok(pthread_sigmask(SIG_BLOCK, &set, &old));
	raise(SIGUSR1);
	check_ok(change_with(kq, SIGUSR1, SIGNAL, EV_ADD, 0, 3));
	/* Only what comes from now on. */
	expect_none(kq);
	take_signal(SIGUSR1);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			raise(SIGUSR1);
		else
			kill(getpid(), SIGUSR1);
		check(is_readable(kq));
		expect(kq, SIGUSR1, SIGNAL, 1, false, 0);
		expect_udata(0, 3);
		check(events[0].flags & EV_CLEAR);
		expect_none(kq);
		take_signal(SIGUSR1);
	}
	do_change(SIGUSR1, SIGNAL, EV_DELETE);
	check_eq(change(kq, SIGUSR1, SIGNAL, EV_DELETE), ENOENT);
	check_eq(change(kq, 1000, SIGNAL, EV_ADD), EINVAL);
	drop(&kq);
	check_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

static void
expect_exit(pid_t pid)
{
	expect(kq, pid, PROC, 7 << 8, true, NOTE_EXIT);
	check(events[0].flags & EV_ONESHOT);
	expect_none(kq);
	check_eq(change(kq, pid, PROC, EV_DELETE), ENOENT);
	check_eq(reap(pid), 7 << 8);
}

static int
watch_exit(pid_t pid)
{
	return change_with(kq, pid, PROC, EV_ADD, NOTE_EXIT, 0);
}

static void
processes(void)
{
	int gate[2];
	pid_t pid = start_gated(gate, 7);

	check_ok(watch_exit(pid));
	expect_none(kq);
	let_end(gate);
	expect_exit(pid);
	check_eq(watch_exit(pid), ESRCH);
	pid = start_child(7);
	await_end(pid);
	if (NETBSD) {
		check_eq(watch_exit(pid), ESRCH);
		reap(pid);
	} else {
		check_ok(watch_exit(pid));
		expect_exit(pid);
	}
}

static void
timers(void)
{
	struct kevent one = make(5, TIMER, EV_ADD | EV_ONESHOT, 0, 0);
	int64_t start = now_us();

	one.data = 30;
	check_eq(kevent(kq, &one, 1, NULL, 0, NULL), 0);
	expect_none(kq);
	check(!is_readable(kq));
	expect(kq, 5, TIMER, 1, false, 0);
	check(now_us() - start >= 30000);
	expect_none(kq);
	check_eq(change(kq, 5, TIMER, EV_DELETE), ENOENT);
	one.flags = EV_ADD;
	check_eq(kevent(kq, &one, 1, NULL, 0, NULL), 0);
	expect_one(kq, 5, TIMER);
	expect_one(kq, 5, TIMER);
	check(now_us() - start >= 90000);
	do_change(5, TIMER, EV_DELETE);
	expect_none(kq);
}

static volatile sig_atomic_t handled;

static void
handle(int number)
{
	(void)number;
	handled = 1;
}

static void
interrupted(void)
{
	pid_t pid = signal_soon(handle);

	check_eq(take(kq, 8, LONG_MS), -1);
	check_eq(errno, EINTR);
	check(handled);
	reap(pid);
	signal(SIGUSR2, SIG_DFL);
}

static const struct kqueue_test table[] = {
	{ "row 33: EVFILT_SIGNAL, signal blocked", NONE, signals },
	{ "row 34: EVFILT_PROC NOTE_EXIT", NONE, processes },
	{ "EVFILT_TIMER, once and periodic", NONE, timers },
	{ "a handler interrupts", NONE, interrupted },
};

KQUEUE_MAIN(table)
