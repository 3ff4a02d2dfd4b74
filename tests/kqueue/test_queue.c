/* SPDX-License-Identifier: MIT */
/* A kqueue itself: its time, its copies, its lives, and one in another. */
#include <pthread.h>

#include "kqueue_test.h"

static void
bad_kqueue(void)
{
	int closed = kq;

	drop(&kq);
	check_eq(take(closed, 1, 0), -1);
	check_eq(errno, EBADF);
	check_eq(change(-1, fds[0], READ, EV_ADD), EBADF);
	check_eq(change(fds[1], fds[0], READ, EV_ADD), EBADF);
}

static void
no_room(void)
{
	struct timespec second = span(1000);
	int64_t start = now_us();

	add(fds[0], WRITE, 0);
	check_eq(kevent(kq, NULL, 0, events, 0, &second), 0);
	check_eq(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
	check(now_us() - start < 900000);
}

static int64_t
overshoot(int us)
{
	struct timespec timeout = { 0, us * 1000L };
	int64_t start = now_us();

	check_eq(kevent(kq, NULL, 0, events, 8, &timeout), 0);
	return now_us() - start - us;
}

static void
timeouts(void)
{
	int64_t best = INT64_MAX, over;

	for (int us = 300; us < 30000; us += 7300) {
		over = overshoot(us);
		check(over >= (NETBSD ? 10000 : 0));
		best = over < best ? over : best;
	}
	/* The best of them, on a machine that has other things to do. */
	check((double)best < (NETBSD ? 20000 : 10000) * tap_time_factor());
}

static void
bad_timeouts(void)
{
	struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
	const size_t n = sizeof(bad) / sizeof(bad[0]);

	add(fds[0], WRITE, 0);
	for (size_t i = 0; i < n; i++) {
		check_eq(kevent(kq, NULL, 0, events, 1, &bad[i]), -1);
		check_eq(errno, EINVAL);
		check_eq(kevent(kq, NULL, 0, NULL, 0, &bad[i]), 0);
	}
}

static void
duplicated_kqueue(void)
{
	int copy = dup(kq);

	check_ok(change(copy, fds[0], WRITE, EV_ADD));
	expect_one(kq, fds[0], WRITE);
	close(copy);
	expect_one(kq, fds[0], WRITE);
	copy = dup(kq);
	expect_one(copy, fds[0], WRITE);
	drop(&kq);
	expect_one(copy, fds[0], WRITE);
	close(copy);
	check_eq(change(copy, fds[0], WRITE, EV_ADD), EBADF);
}

static void
kqueue_in_kqueue(void)
{
	int inner = make_kqueue();

	check_ok(change(inner, fds[0], READ, EV_ADD));
	check_ok(change(inner, fds[1], WRITE, EV_ADD));
	add(inner, READ, 0);
	check_eq(change(inner, inner, READ, EV_ADD), EINVAL);
	check_eq(change(kq, inner, WRITE, EV_ADD), EINVAL);
	expect(kq, inner, READ, 1, false, 0);
	check_ok(change(inner, fds[1], WRITE, EV_DELETE));
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, inner, READ, 1, false, 0);
	receive_bytes(fds[0], 1);
	/* Until it has been scanned. */
	expect(kq, inner, READ, 1, false, 0);
	expect_none(inner);
	expect_none(kq);
	drop(&fds[0]);
	drop(&fds[1]);
	close(inner);
	expect_none(kq);
}

/* FreeBSD tells the outer kqueue from a task: who does not wait may miss it. */
static void
kqueue_in_kqueue_later(void)
{
	int inner = make_kqueue();

	check_ok(change(inner, fds[0], READ, EV_ADD));
	add(inner, READ, 0);
	send_bytes(fds[1], 1);
	check_eq(take(kq, 8, 0), NETBSD);
	check_eq(take(kq, 8, 0), 1);
	check_eq(take(kq, 8, 0), 1);
	close(inner);
}

/* By edge: while one knote waits in the inner one, more of it is no news. */
static void
kqueue_in_kqueue_by_edge(void)
{
	int inner = make_kqueue();

	check_ok(change(inner, fds[0], READ, EV_ADD));
	add(inner, READ, EV_CLEAR);
	for (int i = 0; i < 3; i++) {
		expect_none(kq);
		send_bytes(fds[1], 1);
		expect(kq, inner, READ, 1, false, 0);
		expect_none(kq);
		send_bytes(fds[1], 1);
		expect_none(kq);
		expect_one(inner, fds[0], READ);
		expect_none(kq);
		/* Another that comes to wait there is. */
		check_ok(change(inner, fds[1], WRITE, EV_ADD));
		expect(kq, inner, READ, 2, false, 0);
		check_ok(change(inner, fds[1], WRITE, EV_DELETE));
		receive_bytes(fds[0], 2);
		expect_none(inner);
	}
	close(inner);
}

static void
polled_kqueue(void)
{
	add(fds[0], READ, 0);
	check(!is_readable(kq));
	send_bytes(fds[1], 1);
	check(is_readable(kq));
	expect_one(kq, fds[0], READ);
	check(is_readable(kq));
	receive_bytes(fds[0], 1);
	check(is_readable(kq));
	expect_none(kq);
	check(!is_readable(kq));
	add(fds[1], WRITE, 0);
	check(is_readable(kq));
	do_change(fds[1], WRITE, EV_DISABLE);
	expect_none(kq);
	check(!is_readable(kq));
}

static void
closed_while_registered(void)
{
	int copy;

	send_bytes(fds[1], 1);
	add(fds[0], READ, 0);
	add(fds[0], WRITE, 0);
	check_eq(take(kq, 8, LONG_MS), 2);
	copy = dup(fds[0]);
	close(fds[0]);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect_none(kq);
	/* The same file under the same number is a new one to the kqueue. */
	check_eq(dup2(copy, fds[0]), fds[0]);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	add(fds[0], READ, 0);
	expect_one(kq, fds[0], READ);
	close(copy);
	expect_one(kq, fds[0], READ);
}

static void *
add_soon(void *arg)
{
	struct timespec moment = span(20);

	(void)arg;
	nanosleep(&moment, NULL);
	(void)change(kq, fds[0], WRITE, EV_ADD);
	return NULL;
}

static void
added_by_a_thread(void)
{
	pthread_t thread;

	check_ok(pthread_create(&thread, NULL, add_soon, NULL));
	expect_one(kq, fds[0], WRITE);
	check_ok(pthread_join(thread, NULL));
}

static void
same_number_again(void)
{
	int old = kq;

	add(fds[0], WRITE, 0);
	errno = 0;
	expect_one(kq, fds[0], WRITE);
	close(kq);
	check_eq(errno, 0);
	kq = make_kqueue();
	check_eq(kq, old);
	expect_none(kq);
	check_eq(change(kq, fds[0], WRITE, EV_DELETE), ENOENT);
	check_eq(fcntl(kq, F_GETFD), 0);
}

static void
gone_after_fork(void)
{
	pid_t pid;

	add(fds[0], WRITE, 0);
	pid = start_fork();
	if (pid == 0)
		_exit(take(kq, 1, 0) == -1 && errno == EBADF &&
		      fcntl(kq, F_GETFD) == -1 && close(fds[0]) == 0 &&
		      kqueue() == kq && take(kq, 1, 0) == 0 &&
		      close(kq) == 0 && close(fds[1]) == 0);
	check_eq(WEXITSTATUS(reap(pid)), 1);
	expect_one(kq, fds[0], WRITE);
}

static void
no_descriptors(void)
{
	struct rlimit limit, none;
	int made;

	check_ok(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	for (none.rlim_cur = 0; none.rlim_cur < 8; none.rlim_cur++) {
		check_ok(setrlimit(RLIMIT_NOFILE, &none));
		made = kqueue();
		check_ok(setrlimit(RLIMIT_NOFILE, &limit));
		if (made < 0)
			check_eq(errno, EMFILE);
		else
			close(made);
	}
}

static const struct kqueue_test table[] = {
	{ "row 22: bad kqueue descriptor", UNIX, bad_kqueue },
	{ "row 23: nevents 0, timeout 1 s", UNIX, no_room },
	{ "row 24: timeout overshoot", NONE, timeouts },
	{ "row 28: added by another thread wakes the waiter", UNIX,
	  added_by_a_thread },
	{ "row 29: dup of a kqueue descriptor", UNIX, duplicated_kqueue },
	{ "row 30: a kqueue in a kqueue", PIPE, kqueue_in_kqueue },
	{ "row 39: the outer one is told later", PIPE, kqueue_in_kqueue_later },
	{ "row 38: the same by edge", PIPE, kqueue_in_kqueue_by_edge },
	{ "row 30: poll(2) on a kqueue", PIPE, polled_kqueue },
	{ "row 31: closing a registered descriptor", UNIX,
	  closed_while_registered },
	{ "bad timeouts", UNIX, bad_timeouts },
	{ "a new kqueue with an old number", UNIX, same_number_again },
	{ "a forked child has no kqueues", UNIX, gone_after_fork },
	{ "no descriptors left", NONE, no_descriptors },
};

KQUEUE_MAIN(table)
