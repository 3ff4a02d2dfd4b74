/* SPDX-License-Identifier: MIT */
/* What the bits of an event say: of ends and errors of sockets and pipes. */
#ifdef __linux__
#include <linux/net_tstamp.h>
#endif

#include "fixture.h"

static void
half_close(void)
{
	use_tcp();
	add(f.fds[0], 1, MIOST_READABLE | MIOST_WRITABLE, MIOST_LEVEL);
	expect(1, MIOST_WRITABLE);
	shutdown(f.fds[1], SHUT_WR);
	wait_for(f.fds[0], POLLIN);
	expect(1,
	       MIOST_READABLE | MIOST_WRITABLE | MIOST_HUP | MIOST_READ_CLOSED);
	/* To one who only writes it says nothing, and cannot make it spin. */
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	expect(1, MIOST_WRITABLE);
}

static void
both_halves_closed(void)
{
	const miost_ready closed = MIOST_HUP | MIOST_READ_CLOSED |
				   MIOST_WRITE_CLOSED;

	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	drop(&f.fds[1]);
	if (on_epoll()) {
		expect(1, MIOST_READABLE | closed);
		change(f.fds[0], 1, MIOST_WRITABLE, 0);
		check(has_all(ready_of(1), closed));
	} else {
		/* Each side knows of its half. */
		expect(1, MIOST_READABLE | MIOST_HUP | MIOST_READ_CLOSED);
		change(f.fds[0], 1, MIOST_WRITABLE, 0);
		expect(1, MIOST_WRITABLE | MIOST_HUP | MIOST_WRITE_CLOSED);
	}
}

static void
reset(void)
{
	const miost_ready over = MIOST_ERROR | MIOST_HUP | MIOST_READ_CLOSED |
				 MIOST_WRITE_CLOSED;

	use_tcp();
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	abort_tcp(f.fds[1]);
	f.fds[1] = -1;
	expect(1, MIOST_READABLE | over);
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	expect(1, MIOST_WRITABLE | over);
}

static void
pipe_without_writer(void)
{
	/* On kqueue each side knows of its half, and an end is readable. */
	const miost_ready end = MIOST_HUP | MIOST_READ_CLOSED |
				(on_epoll() ? MIOST_WRITE_CLOSED
					    : MIOST_READABLE);

	use_pipe();
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	drop(&f.fds[1]);
	expect(1, MIOST_READABLE | end);
	drain(f.fds[0]);
	expect(1, end);
}

#if defined(__NetBSD__) || defined(KQUEUE_DOUBLE_NETBSD)
enum { TELLS_OF_FULL_PIPES = false };
#else
enum { TELLS_OF_FULL_PIPES = true };
#endif

static void
broken_pipe(bool full)
{
	static const char block[4096];
	miost_ready ready;

	use_pipe();
	add(f.fds[1], 1, MIOST_WRITABLE, MIOST_LEVEL);
	expect(1, MIOST_WRITABLE);
	while (full && write(f.fds[1], block, sizeof(block)) > 0)
		;
	if (full)
		expect_nothing();
	drop(&f.fds[0]);
	/* NetBSD until 2023 tells nobody of a full one. */
	if (full && !TELLS_OF_FULL_PIPES)
		return;
	ready = ready_of(1);
	if (on_epoll())
		check_eq(ready,
			 full ? MIOST_ERROR : MIOST_ERROR | MIOST_WRITABLE);
	else
		check_eq(ready, MIOST_WRITABLE | MIOST_ERROR | MIOST_HUP |
					MIOST_WRITE_CLOSED);
	check(ready & MIOST_MAY_WRITE);
}

static void
pipe_without_reader(void)
{
	broken_pipe(false);
	broken_pipe(true);
}

/* What waits in a socket's queue of errors closes nothing. */
static void
error_queue(void)
{
#ifdef SO_TIMESTAMPING
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	char buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (!on_epoll())
		tap_skip("kqueue has no such queue");
	use_tcp();
	check_ok(setsockopt(f.fds[0], SOL_SOCKET, SO_TIMESTAMPING, &flags,
			    sizeof(flags)));
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	send_byte(f.fds[0]);
	check(wait_for(f.fds[0], POLLIN) & POLLERR);
	expect(1, MIOST_ERROR);
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	expect(1, MIOST_ERROR | MIOST_WRITABLE);
	send_byte(f.fds[0]);
	while (recvmsg(f.fds[0], &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		;
	expect(1, MIOST_WRITABLE);
#else
	tap_skip("this system has no such queue");
#endif
}

/*
 * An error of the peer's, with data to read: more can be sent, so nothing is
 * said to be closed.
 */
static void
error_and_data(void)
{
	const miost_ready error = on_epoll() ? MIOST_ERROR : 0;
	struct miost_addr addrs[2];

	close_pair(f.fds);
	for (int i = 0; i < 2; i++)
		f.fds[i] = bind_udp(IPV4, &addrs[i]);
	for (int i = 0; i < 2; i++)
		check_ok(miost_socket_connect(f.fds[i], &addrs[!i]));
	send_byte(f.fds[1]);
	wait_for(f.fds[0], POLLIN);
	drop(&f.fds[1]);
	send_byte(f.fds[0]);
	if (!(wait_for(f.fds[0], POLLIN) & POLLERR))
		tap_skip("this system does not say that none listens");
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	/* An error wakes on kqueue, and is not named. */
	expect(1, MIOST_READABLE | error);
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	expect(1, MIOST_WRITABLE | error);
}

static void
priority(void)
{
	if (!miost_has(MIOST_FEATURE_PRIORITY)) {
		check_eq(try_add(0, 1, MIOST_PRIORITY, 0), -ENOTSUP);
		tap_skip("this system has no priority events");
	}
	use_tcp();
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_eq(send(f.fds[1], "!", 1, MSG_OOB), 1);
	wait_for(f.fds[0], POLLPRI);
	expect_nothing(); /* not asked for */
	change(f.fds[0], 2, MIOST_PRIORITY, 0);
	expect(2, MIOST_PRIORITY);
}

static void
never_connected(void)
{
	if (!on_epoll())
		tap_skip("kqueue says nothing of such a socket");
	drop(&f.fds[0]);
	f.fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect(1, MIOST_HUP | MIOST_READ_CLOSED | MIOST_WRITE_CLOSED);
}

static const struct tap_test tests[] = {
	{ "the peer's half-close, to a reader and to a writer", half_close },
	{ "both halves closed", both_halves_closed },
	{ "a connection that was reset", reset },
	{ "a pipe without a writer", pipe_without_writer },
	{ "a pipe without a reader, empty and full", pipe_without_reader },
	{ "a queue of errors", error_queue },
	{ "an error that closes nothing", error_and_data },
	{ "out-of-band data, only when asked for", priority },
	{ "a socket that was never connected", never_connected },
};

TAP_MAIN_WITH(tests, set_up_pair, tear_down)
