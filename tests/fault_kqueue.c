/* SPDX-License-Identifier: MIT */
/*
 * How the kqueue backend waits and changes: in which calls, for how long, and
 * what it makes of the answers of systems that this one is not.
 */
#include <limits.h>
#include <stdint.h>

#include "fault_fixture.h"

#define BOTH (MIOST_READABLE | MIOST_WRITABLE)

/* Waits. */

static int
wait_faked(int64_t timeout)
{
	faults.fake_waits = true;
	memset(faults.count, 0, sizeof(faults.count));
	return poll_for(timeout);
}

/* One call, without memory or the clock, rounded up to the microsecond. */
static void
one_call(void)
{
	static const int64_t spans[][2] = {
		{ MIOST_FOREVER, 0 },	{ 0, 0 },
		{ 1, 1000 },		{ 999, 1000 },
		{ 1000, 1000 },		{ 1001, 2000 },
		{ MS, MS },		{ SECOND - 1, SECOND },
		{ SECOND + 1, SECOND + 1000 },
		{ 86400 * SECOND, 86400 * SECOND },
	};

	for (size_t i = 1; i < sizeof(spans) / sizeof(spans[0]); i++) {
		check_eq(wait_faked(spans[i][0]), 0);
		check_eq(faults.waited, spans[i][1]);
		check_eq(faults.count[KEVENT_WAIT], 1);
		check_eq(faults.count[KEVENT_CHANGE], 0);
		check_eq(faults.count[CLOCK], 0);
		check_eq(faults.count[MALLOC] + faults.count[CALLOC] +
				 faults.count[REALLOC], 0);
	}
	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	check_eq(wait_faked(MIOST_FOREVER), 1);
	check_eq(faults.waited, -1);
	check_eq(faults.count[KEVENT_WAIT], 1);
}

/* Longer than every system takes: as often as it takes, and no longer. */
static void
long_waits(void)
{
	const int64_t day = 86400 * SECOND;

	check_eq(wait_faked(day + 1), 0);
	check_eq(faults.clock, day + 1000);
	check_eq(faults.count[KEVENT_WAIT], 2);
	faults.clock = 0;
	check_eq(wait_faked(30 * day), 0);
	check_eq(faults.clock, 30 * day);
	check_eq(faults.count[KEVENT_WAIT], 30);
}

static void
wait_errors(void)
{
	static const int errors[] = { EINTR, ENOMEM };

	for (size_t i = 0; i < 2; i++) {
		fail(KEVENT_WAIT, 1, INT_MAX, errors[i]);
		check_eq(poll_for(0), -errors[i]);
		check_eq(poll_for(MIOST_FOREVER), -errors[i]);
		check_eq(poll_for(INT64_MAX), -errors[i]);
		check_eq(faults.count[KEVENT_WAIT], 3);
	}
}

/* Changes. */

/* What fails of two filters takes the other with it, whichever it is. */
static void
half_registered(void)
{
	static const int errors[] = { ENOMEM, ENOENT };

	for (int i = 0; i < 4; i++) {
		int nth = 1 + i % 2;

		fail(KEVENT_RECEIPT, nth, nth, errors[i / 2]);
		check_eq(try_add(f.fds[0], 1, BOTH, MIOST_LEVEL),
			 -errors[i / 2]);
		expect_nothing();
		reset_faults();
		check_eq(take_out(f.fds[0]), -ENOENT);
		add(f.fds[0], 1, BOTH, MIOST_LEVEL);
		check_eq(poll_for(0), 1);
		check_ok(take_out(f.fds[0]));
	}
}

/* To be registered anew fails: then it is not registered. */
static void
half_changed(void)
{
	for (int nth = 3; nth <= 4; nth++) {
		add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
		fail(KEVENT_RECEIPT, nth, nth, ENOMEM);
		check_eq(try_change(f.fds[0], 2, BOTH, 0), -ENOMEM);
		reset_faults();
		expect_nothing();
		check_eq(take_out(f.fds[0]), -ENOENT);
	}
	/* What was not there does not stay, either. */
	reset_faults();
	check_eq(try_change(f.fds[0], 2, BOTH, 0), -ENOENT);
	check_eq(faults.count[KEVENT_CHANGE], 2);
	expect_nothing();
	check_eq(take_out(f.fds[0]), -ENOENT);
}

/* The same of a queue, of which there is nothing to watch but its events. */
static void
half_changed_queue(void)
{
	struct miost_os_queue *inner;
	int fd;

	check_ok(miost_os_queue_new(&inner));
	fd = miost_os_queue_fd(inner);
	for (int i = 0; i < 3; i++) {
		add(fd, 1, MIOST_READABLE, MIOST_LEVEL);
		/* Refused before the kernel is asked: as it was. */
		check_eq(try_change(fd, 2, MIOST_TIMER, MIOST_LEVEL), -EINVAL);
		if (i == 0)
			check_eq(try_add(fd, 2, MIOST_WRITABLE, 0), -EINVAL);
		else if (i == 1)
			check_eq(try_change(fd, 2, BOTH, 0), -EINVAL);
		else
			check_eq(try_set(fd, 2, MIOST_WRITABLE, 0), -EINVAL);
		check_eq(take_out(fd), -ENOENT);
	}
	miost_os_queue_free(inner);
}

/* One call, whether or not there is something to replace. */
static void
set_calls(void)
{
	static const miost_interests before[] = {
		0, MIOST_READABLE, MIOST_WRITABLE, BOTH,
	};

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		if (i > 0)
			add(f.fds[0], 1, before[i], MIOST_EDGE);
		for (int k = 0; k < 2; k++) {
			reset_faults();
			set(f.fds[0], 3, MIOST_WRITABLE, 0);
			check_eq(faults.count[KEVENT_CHANGE], 1);
			for (int level = 0; level < 2; level++) {
				check_eq(poll_for(0), 1);
				check_eq(f.events[0].id, 3);
				check_eq(f.events[0].readiness, MIOST_WRITABLE);
			}
		}
		reset_faults();
		set(f.fds[0], 3, 0, 0);
		set(f.fds[0], 3, 0, 0);
		check_eq(faults.count[KEVENT_CHANGE], 2);
		expect_nothing();
		check_eq(take_out(f.fds[0]), -ENOENT);
	}
}

/* To be set fails: then it is not registered, whether or not it was. */
static void
half_set(void)
{
	for (int i = 0; i < 4; i++) {
		int nth = 3 + i % 2;

		if (i >= 2)
			add(f.fds[0], 1, BOTH, MIOST_LEVEL);
		fail(KEVENT_RECEIPT, nth, nth, ENOMEM);
		check_eq(try_set(f.fds[0], 3, BOTH, 0), -ENOMEM);
		reset_faults();
		expect_nothing();
		check_eq(take_out(f.fds[0]), -ENOENT);
	}
}

/* The errors of what is set are those of registering. */
static void
set_errors(void)
{
	int fds[2], err;

	make_pipe(fds);
	close(fds[0]);
	err = try_set(fds[1], 1, MIOST_WRITABLE, 0);
	check(err == 0 || err == -EPIPE);
	check_eq(poll_for(0), err == 0);
	close(fds[1]);
	check_eq(try_set(fds[1], 1, MIOST_WRITABLE, 0), -EBADF);
	check_eq(try_set(fds[1], 1, 0, 0), -EBADF);
	check_fails(KEVENT_RECEIPT, EACCES,
		    try_set(f.fds[0], 3, MIOST_WRITABLE, 0));
	check_fails(KEVENT_CHANGE, ENOMEM,
		    try_set(f.fds[0], 3, MIOST_WRITABLE, 0));
}

/* What cannot tell its end without its data stays as it was. */
static void
keeps(int fd)
{
	const miost_interests end = MIOST_READ_CLOSED;

	check_eq(try_add(fd, 1, end, 0), -ENOTSUP);
	check_eq(try_set(fd, 1, end, 0), -ENOTSUP);
	check_eq(take_out(fd), -ENOENT);
	add(fd, 2, MIOST_READABLE, 0);
	reset_faults();
	check_eq(try_add(fd, 1, end | MIOST_WRITABLE, MIOST_EDGE), -ENOTSUP);
	check_eq(try_change(fd, 1, end, 0), -ENOTSUP);
	check_eq(try_set(fd, 1, end, MIOST_ONESHOT), -ENOTSUP);
	check_eq(faults.count[KEVENT_CHANGE], 0);
	for (int level = 0; level < 2; level++) {
		check_eq(poll_for(scaled(10 * SECOND)), 1);
		check_eq(f.events[0].id, 2);
		check_eq(f.events[0].readiness, MIOST_READABLE);
	}
	set(fd, 4, end | MIOST_READABLE, 0);
	check_eq(poll_for(0), 1);
	check_eq(f.events[0].id, 4);
	check_ok(take_out(fd));
}

static void
no_marks(void)
{
	struct miost_addr addr;
	int fds[2], listener, peer;

	make_pipe(fds);
	send_byte(fds[1]);
	keeps(fds[0]);
	close_pair(fds);
	listener = listen_on(IPV4, &addr);
	peer = miost_tcp_connect(&addr);
	check(peer >= 0);
	keeps(listener);
	close(peer);
	close(listener);
	if (miost_has(MIOST_FEATURE_READ_CLOSED))
		check_eq(try_add(listener, 1, MIOST_READ_CLOSED, 0), -EBADF);
}

/* An error that closes nothing is told to who waits for the end, too. */
static void
end_or_error(void)
{
	struct miost_addr addr;
	int fd, peer;
	char byte;

	if (!miost_has(MIOST_FEATURE_READ_CLOSED))
		tap_skip("this system tells of an end only to who reads");
	fd = bind_udp(IPV4, &addr);
	peer = miost_socket_new(AF_INET, SOCK_DGRAM);
	check(peer >= 0);
	check_ok(miost_socket_connect(peer, &addr));
	add(peer, 1, MIOST_READ_CLOSED, 0);
	check_ok(miost_socket_local_addr(peer, &addr));
	check_eq(miost_socket_send_to(fd, "x", 1, &addr), 1);
	wait_for(peer, POLLIN);
	expect_nothing();
	check_eq(miost_socket_read(peer, &byte, 1), 1);
	close(fd);
	check_eq(miost_socket_write(peer, "x", 1), 1);
	check_eq(poll_for(scaled(10 * SECOND)), 1);
	check_eq(f.events[0].readiness, MIOST_READABLE);
	check_eq(miost_socket_read(peer, &byte, 1), -ECONNREFUSED);
	expect_nothing();
	close(peer);
}

/* Paused in one call, with what it has, and resumed in one. */
static void
pause_calls(void)
{
	static const miost_options options[] = { MIOST_LEVEL, MIOST_EDGE,
						 MIOST_ONESHOT };

	send_byte(f.fds[1]);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		check_eq(try_change(f.fds[0], 2, 0, 0), -ENOENT);
		reset_faults();
		add(f.fds[0], 1, 0, options[i]);
		expect_nothing();
		change(f.fds[0], 2, 0, 0);
		expect_nothing();
		change(f.fds[0], 2, MIOST_READABLE, 0);
		check_eq(faults.count[KEVENT_CHANGE], 3);
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].id, 2);
		check_eq(f.events[0].readiness, MIOST_READABLE);
		check_ok(take_out(f.fds[0]));
		add(f.fds[0], 1, BOTH, options[i]);
		check(poll_for(0) > 0);
		for (int k = 0; k < 2; k++) {
			change(f.fds[0], 2, 0, 0);
			expect_nothing();
		}
		change(f.fds[0], 2, MIOST_WRITABLE, 0);
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].readiness, MIOST_WRITABLE);
		change(f.fds[0], 2, 0, 0);
		check_ok(take_out(f.fds[0]));
		check_eq(take_out(f.fds[0]), -ENOENT);
	}
}

/* A filter that could not be added again is paused, too. */
static void
pause_what_is_broken(void)
{
	int fds[2];

	make_pipe(fds);
	add(fds[1], 1, MIOST_WRITABLE, 0);
	close(fds[0]);
	reset_faults();
	change(fds[1], 1, 0, 0);
	check_eq(faults.count[KEVENT_CHANGE], 1);
	expect_nothing();
	check_ok(take_out(fds[1]));
	check_eq(take_out(fds[1]), -ENOENT);
	close(fds[1]);
	check_eq(try_change(fds[1], 1, 0, 0), -EBADF);
}

/* Pausing adds no filter, and so needs no memory; its other errors are told. */
static void
pause_errors(void)
{
	const int filters = miost_has(MIOST_FEATURE_PRIORITY) ? 3 : 2;

	check_fails(KEVENT_RECEIPT, ENOMEM,
		    try_add(f.fds[0], 1, 0, MIOST_LEVEL));
	reset_faults();
	check_eq(take_out(f.fds[0]), -ENOENT);
	add(f.fds[0], 1, BOTH, MIOST_LEVEL);
	fail(KEVENT_RECEIPT, filters + 1, INT_MAX, ENOMEM);
	change(f.fds[0], 2, 0, 0);
	for (int nth = 1; nth <= 2; nth++) {
		fail(KEVENT_RECEIPT, nth, nth, EACCES);
		check_eq(try_change(f.fds[0], 2, 0, 0), -EACCES);
	}
	check_fails(KEVENT_CHANGE, ENOMEM, try_change(f.fds[0], 2, 0, 0));
	for (int made = 0; made < 2; made++) {
		fail(KEVENT_CHANGE, 1, 2, EINTR);
		faults.made = made;
		change(f.fds[0], 2, 0, 0);
		check_eq(faults.count[KEVENT_CHANGE], 3);
		expect_nothing();
		change(f.fds[0], 2, BOTH, 0);
		check_eq(poll_for(0), 1);
	}
}

/* Filters that are not there are no error, but others are. */
static void
removal_errors(void)
{
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	for (int nth = 1; nth <= 2; nth++) {
		fail(KEVENT_RECEIPT, nth, nth, EACCES);
		check_eq(take_out(f.fds[0]), -EACCES);
		reset_faults();
		add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
		fail(KEVENT_RECEIPT, nth, nth, EACCES);
		check_eq(try_change(f.fds[0], 2, MIOST_READABLE, 0), -EACCES);
		reset_faults();
		add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	}
}

/* When interrupted, it makes no difference whether the changes were made. */
static void
interrupted_changes(void)
{
	for (int made = 0; made < 2; made++) {
		fail(KEVENT_CHANGE, 1, 2, EINTR);
		faults.made = made;
		add(f.fds[0], 1, BOTH, MIOST_LEVEL);
		check_eq(faults.count[KEVENT_CHANGE], 3);
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].readiness, MIOST_WRITABLE);
		fail(KEVENT_CHANGE, 1, 2, EINTR);
		faults.made = made;
		change(f.fds[0], 2, MIOST_WRITABLE, 0);
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].id, 2);
		fail(KEVENT_CHANGE, 1, 2, EINTR);
		faults.made = made;
		set(f.fds[0], 3, BOTH, 0);
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].id, 3);
		fail(KEVENT_CHANGE, 1, 2, EINTR);
		faults.made = made;
		check_ok(take_out(f.fds[0]));
		reset_faults();
		expect_nothing();
		check_eq(take_out(f.fds[0]), -ENOENT);
	}
}

/*
 * A pipe without a reader has its error in whatever words, or an event that
 * says so (OpenBSD, macOS); a number has, too.
 */
static void
broken_pipe(void)
{
	int fds[2], err;

	make_pipe(fds);
	close(fds[0]);
	err = try_add(fds[1], 1, MIOST_WRITABLE, 0);
	check_eq(poll_for(0), err == 0);
	if (err == 0)
		check(has_all(f.events[0].readiness,
			      MIOST_ERROR | MIOST_WRITE_CLOSED));
	else
		check_eq(err, -EPIPE);
	check_eq(take_out(fds[1]), err == 0 ? 0 : -ENOENT);
	close(fds[1]);
	check_eq(try_add(fds[1], 1, MIOST_WRITABLE, 0), -EBADF);
}

/* One's own end is no error, however much is still to be sent. */
static void
own_end(void)
{
	static const char block[4096];

	while (write(f.fds[0], block, sizeof(block)) > 0)
		;
	check_ok(shutdown(f.fds[0], SHUT_WR));
	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	check_eq(poll_for(0), 1);
	check_eq(f.events[0].readiness,
		 MIOST_WRITABLE | MIOST_HUP | MIOST_WRITE_CLOSED);
}

/* A oneshot in both directions is one event, and one call silences all. */
static void
oneshot_calls(void)
{
	send_byte(f.fds[1]);
	add(f.fds[0], 1, BOTH, MIOST_ONESHOT);
	add(f.fds[1], 5, BOTH, MIOST_ONESHOT | MIOST_EDGE);
	reset_faults();
	check_eq(poll_for(0), 2);
	check_eq(faults.count[KEVENT_WAIT], 1);
	check_eq(faults.count[KEVENT_CHANGE], 1);
	for (size_t i = 0; i < 2; i++)
		check_eq(f.events[i].readiness,
			 f.events[i].id == 1 ? BOTH : MIOST_WRITABLE);
	send_byte(f.fds[0]);
	expect_nothing();
	check_ok(take_out(f.fds[0]));
}

/* Others that have an event in the same poll go on as they were. */
static void
oneshot_among_others(void)
{
	int others[2];

	make_pair(others);
	add(f.fds[0], 1, BOTH, MIOST_ONESHOT);
	add(others[0], 5, BOTH, 0);
	add(others[1], 6, BOTH, MIOST_EDGE);
	check_eq(poll_for(0), 3);
	send_byte(others[0]);
	send_byte(others[1]);
	check_eq(poll_for(0), 3);
	for (size_t i = 0; i < 3; i++) {
		check(f.events[i].id != 1);
		if (f.events[i].id == 6)
			check_eq(f.events[i].readiness, MIOST_READABLE);
	}
	close_pair(others);
}

/* What is registered twice has the new id, and is watched as it was. */
static void
registered_twice(void)
{
	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	add(f.fds[0], 7, BOTH, MIOST_EDGE);
	for (int i = 0; i < 2; i++) {
		check_eq(poll_for(0), 1);
		check_eq(f.events[0].id, 7);
		check_eq(f.events[0].readiness, MIOST_WRITABLE);
	}
}

/* What belongs to a queue. */

/* A queue that was freed cannot be woken; another may have its number. */
static void
wakes_nobody(void)
{
	static const int errors[] = { EBADF, ENOENT };

	if (!miost_has(MIOST_FEATURE_WAKER_USER))
		tap_skip("wakers are not on EVFILT_USER");
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	for (size_t i = 0; i < 2; i++) {
		fail(KEVENT_CHANGE, 1, 1, errors[i]);
		check_ok(miost_waker_wake(f.waker));
		reset_faults();
		expect_nothing();
	}
	free_waker();
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	fail(KEVENT_CHANGE, 1, 3, EINTR);
	check_ok(miost_waker_wake(f.waker));
	check_eq(faults.count[KEVENT_CHANGE], 4);
	check_eq(poll_for(0), 1);
}

static pid_t
ended_child(void)
{
	pid_t child = child_of_nothing();

	await_end(child);
	return child;
}

static void
watch(pid_t child)
{
	check_ok(miost_process_new(f.queue, child, 3, &f.process));
}

/* A system that cannot watch a child that has ended. */
static void
ended_before(void)
{
	pid_t child = ended_child();
	int status;

	fail(KEVENT_RECEIPT, 1, 1, ESRCH);
	watch(child);
	reset_faults();
	expect_told(3);
	expect_nothing();
	check_eq(miost_process_wait(f.process, &status), 1);
	check_eq(status, 7 << 8);
}

/* To look whether it is a child is tried again, but only if interrupted. */
static void
looks_again(void)
{
	pid_t child = ended_child();

	errno = EINTR;		/* of an earlier call */
	watch(child);
	free_process();
	fail(WAITID, 1, 2, EINTR);
	watch(child);
	reset_faults();
	expect_told(3);
	check_eq(miost_process_wait(f.process, NULL), 1);
}

/* Which takes a pipe, where the system does not know the child any more. */
static void
ended_without_pipe(void)
{
	pid_t child = ended_child();
	int err;

	fail(PIPE, 1, 1, EMFILE);
	err = miost_process_new(f.queue, child, 3, &f.process);
	check_eq(err, faults.count[PIPE] > 0 ? -EMFILE : 0);
	reset_faults();
	free_process();
	reap(child);
}

/* A system that tells of the end before there is something to wait for. */
static void
told_early(void)
{
	pid_t child = ended_child();
	int status = 0;

	watch(child);
	check_eq(poll_for(MIOST_FOREVER), 1);
	reset_faults();
	faults.vain_waits = 1;
	check_eq(miost_process_wait(f.process, &status), 1);
	check_eq(faults.count[WAITPID], 2);
	check_eq(status, 7 << 8);
	check_eq(miost_process_wait(f.process, &status), -ECHILD);
	check_eq(faults.count[WAITPID], 2);
}

/* What comes of one that cannot be waited for, until it can be. */
static void
wait_in_vain(int times)
{
	int status = 0;
	int fds[2];

	for (int i = 0; i < times; i++) {
		check_eq(poll_for(scaled(10 * SECOND)), 1);
		check_eq(f.events[0].id, 3);
		check_eq(miost_process_wait(f.process, &status), 0);
		check_eq(miost_process_wait(f.process, &status), 0);
		check_eq(status, 0);
		/* They get the numbers of what was closed. */
		if (i == 0)
			make_pipe(fds);
	}
	reset_faults();
	check_eq(poll_for(scaled(10 * SECOND)), 1);
	check_eq(miost_process_wait(f.process, &status), 1);
	check_eq(status, 7 << 8);
	for (int i = 0; i < 2; i++)
		check_ok(fcntl(fds[i], F_GETFL) < 0 ? -errno : 0);
	close_pair(fds);
	check_eq(poll_for(50 * MS), 0);
}

/* A system that tells so long before. It is asked ever more rarely. */
static void
told_long_before(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t child = ended_child();
		int64_t start;

		if (i == 1)
			fail(KEVENT_RECEIPT, 1, 1, ESRCH);
		watch(child);
		reset_faults();
		faults.vain_waits = INT_MAX;
		start = miost_now();
		wait_in_vain(6);
		check(miost_now() - start >= 63 * MS);
		free_process();
	}
}

/* What fails to look again later is tried again by the next wait. */
static void
told_and_no_memory(void)
{
	pid_t child = ended_child();

	watch(child);
	check_eq(poll_for(MIOST_FOREVER), 1);
	for (int i = 0; i < 2; i++) {
		fail(KEVENT_RECEIPT, 1, INT_MAX, ENOMEM);
		faults.vain_waits = INT_MAX;
		check_eq(miost_process_wait(f.process, NULL), -ENOMEM);
	}
	reset_faults();
	faults.vain_waits = INT_MAX;
	check_eq(miost_process_wait(f.process, NULL), 0);
	wait_in_vain(1);
}

/* Errors of what is made behind a process or signals leave nothing. */
static void
no_pipe(void)
{
	struct miost_signals *signals;
	pid_t child = ended_child();
	sigset_t set, mask;

	set = set_of_one(SIGUSR1);
	check_fails(PIPE, EMFILE,
		    miost_signals_new(f.queue, &set, 1, &signals));
	for (int nth = 1; nth <= 2; nth++) {
		fail(KEVENT_RECEIPT, nth, nth, ENOMEM);
		check_eq(miost_signals_new(f.queue, &set, 1, &signals),
			 -ENOMEM);
		fail(KEVENT_RECEIPT, nth, nth, ENOMEM);
		check_eq(miost_process_new(f.queue, child, 1, &f.process),
			 -ENOMEM);
	}
	check_ok(pthread_sigmask(SIG_SETMASK, NULL, &mask));
	check_eq(sigismember(&mask, SIGUSR1), 0);
	reset_faults();
	reap(child);
}

/* Nothing but its signals, and errors of asking for them, is received. */
static void
signals_alone(void)
{
	const sigset_t set = set_of_one(SIGUSR1);
	struct miost_signals *signals;

	check(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	/* What was pending before keeps its queue ready. */
	check_ok(pthread_sigmask(SIG_BLOCK, &set, NULL));
	check_ok(raise(SIGUSR1));
	check_ok(miost_signals_new(f.queue, &set, 1, &signals));
	check_eq(miost_signals_receive(signals), SIGUSR1);
	check_eq(miost_signals_receive(signals), 0);
	fail(KEVENT_WAIT, 1, 1, ENOMEM);
	check_eq(miost_signals_receive(signals), -ENOMEM);
	reset_faults();
	miost_signals_free(signals);
	check_ok(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

/*
 * A signal was taken, and the kqueue cannot be kept ready for the others: the
 * call fails, and the next one gives the signal.
 */
static void
more_signals_and_no_memory(void)
{
	static const int numbers[] = { SIGUSR1, SIGUSR2 };
	sigset_t set;
	int taken;

	set = set_of_one(SIGUSR1);
	sigaddset(&set, SIGUSR2);
	check_ok(miost_signals_new(f.queue, &set, 1, &f.signals));
	for (int i = 0; i < 2; i++)
		check_ok(kill(getpid(), numbers[i]));
	expect_told(1);
	for (int i = 0; i < 2; i++) {
		fail(KEVENT_RECEIPT, 1, INT_MAX, ENOMEM);
		check_eq(miost_signals_receive(f.signals), -ENOMEM);
	}
	reset_faults();
	taken = miost_signals_receive(f.signals);
	check(taken == SIGUSR1 || taken == SIGUSR2);
	/* One call for each event: there is an event of the other. */
	expect_told(1);
	check_eq(miost_signals_receive(f.signals), SIGUSR1 + SIGUSR2 - taken);
	expect_nothing();
	check_eq(miost_signals_receive(f.signals), 0);
}

/* In a forked child, free does not close what may have its number. */
static void
forked_free(void)
{
	struct miost_os_queue *queue;
	int fd;
	pid_t child;

	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind looks for leaks in children, too, and "
			 "changes how they end");
	check_ok(miost_os_queue_new(&queue));
	fd = miost_os_queue_fd(queue);
	child = start_fork();
	if (child == 0) {
		if (dup2(f.fds[0], fd) != fd)
			_exit(1);
		miost_os_queue_free(queue);
		_exit(fcntl(fd, F_GETFD) < 0);
	}
	check_eq(reap(child), 0);
	miost_os_queue_free(queue);
}

static const struct tap_test tests[] = {
	{ "a wait is one call", one_call },
	{ "waits longer than a call takes", long_waits },
	{ "errors of waiting", wait_errors },
	{ "one filter fails: the other does not stay", half_registered },
	{ "a change fails: nothing stays", half_changed },
	{ "a change of a queue fails: nothing stays", half_changed_queue },
	{ "set: one call, whatever was there", set_calls },
	{ "set fails: nothing stays", half_set },
	{ "set: its errors", set_errors },
	{ "what cannot tell its end alone: -ENOTSUP, and stays as it was",
	  no_marks },
	{ "an error, to one who waits for the end", end_or_error },
	{ "paused, resumed, removed: one call each", pause_calls },
	{ "paused when its other end is gone", pause_what_is_broken },
	{ "errors of pausing", pause_errors },
	{ "errors of removing", removal_errors },
	{ "changes that were interrupted", interrupted_changes },
	{ "a pipe without a reader: -EPIPE, or an event", broken_pipe },
	{ "one's own end is no error", own_end },
	{ "oneshot in both directions: one event, one more call",
	  oneshot_calls },
	{ "oneshot silences nothing but its own", oneshot_among_others },
	{ "registered twice: the new id, the old options", registered_twice },
	{ "a wake after the queue is gone", wakes_nobody },
	{ "a child that ended, and cannot be watched", ended_before },
	{ "whether it is a child is asked until it is known", looks_again },
	{ "a child that ended, and no pipe to say so", ended_without_pipe },
	{ "an end that is told too early", told_early },
	{ "an end that is told long before", told_long_before },
	{ "the same when memory runs out", told_and_no_memory },
	{ "a signal taken, and no memory for the others",
	  more_signals_and_no_memory },
	{ "no pipe or filter to be had: nothing is left", no_pipe },
	{ "signals: nothing but them, and errors", signals_alone },
	{ "a forked child frees a queue that it does not have", forked_free },
};

TAP_MAIN_WITH(tests, set_up_faults, tear_down_faults)
