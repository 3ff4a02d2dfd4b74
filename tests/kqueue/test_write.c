/* SPDX-License-Identifier: MIT */
/* EVFILT_WRITE, and how connections come about and end. */
#include "kqueue_test.h"

static void
level(void)
{
	add(fds[0], WRITE, 0);
	for (int i = 0; i < 2; i++) {
		expect_one(kq, fds[0], WRITE);
		check(events[0].data > 0);
		check_eq(events[0].flags & EV_EOF, 0);
	}
	fill(fds[0]);
	expect_none(kq);
}

static void
refused(void)
{
	drop(&fds[0]);
	fds[0] = miost_tcp_connect(&there);
	check(fds[0] >= 0);
	add(fds[0], WRITE, 0);
	expect_one(kq, fds[0], WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, ECONNREFUSED);
	check_eq(error_of(fds[0]), ECONNREFUSED);
	expect_one(kq, fds[0], WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, 0);
}

static void
pipe_without_reader(void)
{
	add(fds[1], WRITE, 0);
	expect_one(kq, fds[1], WRITE);
	check_eq(events[0].flags & EV_EOF, 0);
	check(events[0].data >= 512);
	drop(&fds[0]);
	expect(kq, fds[1], WRITE, 0, true, 0);
	/* FreeBSD's pipeclose() calls knlist_clear(): each is for once. */
	if (NETBSD) {
		expect(kq, fds[1], WRITE, 0, true, 0);
		do_change(fds[1], WRITE, EV_DELETE);
	} else {
		check(events[0].flags & EV_ONESHOT);
		expect_none(kq);
		check_eq(change(kq, fds[1], WRITE, EV_DELETE), ENOENT);
	}
	check_eq(change(kq, fds[1], WRITE, EV_ADD), NETBSD ? EBADF : EPIPE);
}

/* NetBSD's pipeclose() wakes who writes before it marks the end. */
static void
full_pipe_without_reader(void)
{
	fill(fds[1]);
	add(fds[1], WRITE, 0);
	expect_none(kq);
	drop(&fds[0]);
	if (NETBSD)
		check_eq(take(kq, 8, 50), 0);
	else
		expect(kq, fds[1], WRITE, 0, true, 0);
}

/* That a peer sends no more is no news to who writes and has room. */
static void
no_news_to_writers(void)
{
	add(fds[0], WRITE, EV_CLEAR);
	expect_one(kq, fds[0], WRITE);
	expect_none(kq);
	check_ok(shutdown(fds[1], SHUT_WR));
	check_eq(take(kq, 8, 50), 0);
}

static void
other_end_of_pipe(void)
{
	add(fds[0], WRITE, 0);
	add(fds[1], READ, 0);
	send_bytes(fds[1], 1);
	expect_none(kq);
}

static void
unix_peer_closed(void)
{
	add(fds[0], READ, 0);
	drop(&fds[1]);
	expect(kq, fds[0], READ, 0, true, 0);
	do_change(fds[0], READ, EV_DELETE);
	add(fds[0], WRITE, 0);
	expect_one(kq, fds[0], WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, 0);
}

static void
half_closed(void)
{
	add(fds[0], READ, 0);
	check_ok(shutdown(fds[1], SHUT_WR));
	expect(kq, fds[0], READ, 0, true, 0);
	do_change(fds[0], READ, EV_DELETE);
	for (int i = 0; i < 2; i++) {
		add(fds[i], WRITE, 0);
		expect_one(kq, fds[i], WRITE);
		check_eq((events[0].flags & EV_EOF) != 0, i == 1);
		check_eq(events[0].fflags, 0);
		do_change(fds[i], WRITE, EV_DELETE);
	}
}

static void
never_connected(void)
{
	add(fds[0], READ, 0);
	add(fds[0], WRITE, 0);
	if (kind->writable)
		expect_one(kq, fds[0], WRITE);
	else
		expect_none(kq);
	check_eq(is_readable(kq), kind->writable);
}

static void
connected_later(void)
{
	fds[1] = miost_socket_new(AF_INET, SOCK_STREAM);
	add(fds[1], READ, EV_CLEAR);
	add(fds[1], WRITE, EV_CLEAR);
	expect_none(kq);
	check_ok(miost_socket_connect(fds[1], &there));
	expect_one(kq, fds[1], WRITE);
	check_eq(events[0].flags & EV_EOF, 0);
}

/* The kernel names the listener. */
static void
unix_connected_later(void)
{
	struct sockaddr addr = { .sa_family = AF_UNIX };
	socklen_t len = sizeof(addr.sa_family);

	fds[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	check_ok(bind(fds[1], &addr, len));
	len = sizeof(addr);
	check_ok(getsockname(fds[1], &addr, &len));
	check_ok(listen(fds[1], 1));
	add(fds[1], READ, 0);
	add(fds[0], WRITE, EV_CLEAR);
	expect_none(kq);
	check_ok(connect(fds[0], &addr, len));
	check_eq(take(kq, 8, LONG_MS), 2);
	expect(kq, fds[1], READ, 1, false, 0);
}

static const struct kqueue_test table[] = {
	{ "row 2: EVFILT_WRITE data on a Unix socket", UNIX, level },
	{ "row 2: EVFILT_WRITE data on a TCP socket", TCP, level },
	{ "row 6: connection refused", LISTENER, refused },
	{ "row 36: a pipe without a reader", PIPE, pipe_without_reader },
	{ "row 37: a full one", PIPE, full_pipe_without_reader },
	{ "a peer's half-close is no news to writers, Unix", UNIX,
	  no_news_to_writers },
	{ "a peer's half-close is no news to writers, TCP", TCP,
	  no_news_to_writers },
	{ "the filter of a pipe's other end", PIPE, other_end_of_pipe },
	{ "a Unix stream whose peer closed", UNIX, unix_peer_closed },
	{ "half-closed, Unix", UNIX, half_closed },
	{ "half-closed, TCP", TCP, half_closed },
	{ "row 40: TCP never connected", NEW_TCP, never_connected },
	{ "UDP never connected", NEW_UDP, never_connected },
	{ "a Unix stream never connected", NEW_UNIX, never_connected },
	{ "Unix packets never connected", NEW_PACKET, never_connected },
	{ "Unix datagrams never connected", NEW_DATAGRAM, never_connected },
	{ "added, and then connected", LISTENER, connected_later },
	{ "the same with a Unix stream", NEW_UNIX, unix_connected_later },
};

KQUEUE_MAIN(table)
