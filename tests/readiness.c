/* SPDX-License-Identifier: MIT */
/* What the bits of an event say: of ends and errors of sockets and pipes. */
#ifdef __linux__
#include <linux/net_tstamp.h>
#endif

#include "util.h"

struct fixture {
	struct miost_os_queue *queue;
	struct miost_event storage[8];
};

static struct fixture
make_fixture(void)
{
	struct fixture fixture;

	check_ok(miost_os_queue_new(&fixture.queue));
	return fixture;
}

static int
poll_for(struct fixture *fixture, size_t capacity, int64_t timeout)
{
	return miost_os_queue_poll(fixture->queue, fixture->storage, capacity,
				   timeout);
}

static void
expect_nothing(struct fixture *fixture)
{
	check_eq(poll_for(fixture, 8, 0), 0);
}

/* One descriptor's readiness, which may come in more than one event. */
static miost_ready
ready_of(struct fixture *fixture, miost_id id)
{
	miost_ready ready = 0;
	int n = poll_for(fixture, 8, scaled(10 * SECOND));

	check(n > 0);
	for (int i = 0; i < n; i++) {
		check_eq(fixture->storage[i].id, id);
		ready |= fixture->storage[i].readiness;
	}
	return ready;
}

static void
expect(struct fixture *fixture, miost_id id, miost_ready ready)
{
	check_eq(ready_of(fixture, id), ready);
}

static void
add(struct fixture *fixture, int fd, miost_id id, miost_interests interests,
    miost_options options)
{
	check_ok(miost_os_queue_register(fixture->queue, fd, id, interests,
					 options));
}

static void
send_byte(int fd)
{
	check_eq(write(fd, "x", 1), 1);
}

static void
drain(int fd)
{
	char buf[256];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

/* Registering. */
static void
half_close(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_tcp_pair("127.0.0.1:0", fds);
	add(&f, fds[0], 1, MIOST_READABLE | MIOST_WRITABLE, MIOST_LEVEL);
	expect(&f, 1, MIOST_WRITABLE);
	shutdown(fds[1], SHUT_WR);
	wait_for(fds[0], POLLIN);
	expect(&f, 1, MIOST_READABLE | MIOST_WRITABLE | MIOST_HUP |
		      MIOST_READ_CLOSED);
	/* To one who only writes it says nothing, and cannot make it spin. */
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	expect(&f, 1, MIOST_WRITABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
both_halves_closed(void)
{
	const miost_ready closed = MIOST_HUP | MIOST_READ_CLOSED |
				   MIOST_WRITE_CLOSED;
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	close(fds[1]);
	if (on_epoll()) {
		expect(&f, 1, MIOST_READABLE | closed);
		check_ok(miost_os_queue_reregister(f.queue, fds[0], 1,
						   MIOST_WRITABLE, 0));
		check(has_all(ready_of(&f, 1), closed));
	} else {
		/* Each side knows of its half. */
		expect(&f, 1, MIOST_READABLE | MIOST_HUP | MIOST_READ_CLOSED);
		check_ok(miost_os_queue_reregister(f.queue, fds[0], 1,
						   MIOST_WRITABLE, 0));
		expect(&f, 1, MIOST_WRITABLE | MIOST_HUP | MIOST_WRITE_CLOSED);
	}
	close(fds[0]);
	miost_os_queue_free(f.queue);
}

static void
reset(void)
{
	const miost_ready over = MIOST_ERROR | MIOST_HUP | MIOST_READ_CLOSED |
				 MIOST_WRITE_CLOSED;
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	struct fixture f = make_fixture();
	int fds[2];

	make_tcp_pair("127.0.0.1:0", fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_ok(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)));
	close(fds[1]);
	expect(&f, 1, MIOST_READABLE | over);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	expect(&f, 1, MIOST_WRITABLE | over);
	close(fds[0]);
	miost_os_queue_free(f.queue);
}

static void
pipe_without_writer(void)
{
	/* On kqueue each side knows of its half, and an end is readable. */
	const miost_ready end = MIOST_HUP | MIOST_READ_CLOSED |
				(on_epoll() ? MIOST_WRITE_CLOSED
					    : MIOST_READABLE);
	struct fixture f = make_fixture();
	int fds[2];

	make_pipe(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing(&f);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	close(fds[1]);
	expect(&f, 1, MIOST_READABLE | end);
	drain(fds[0]);
	expect(&f, 1, end);
	close(fds[0]);
	miost_os_queue_free(f.queue);
}

static bool
tells_nothing_of_full_pipes(void)
{
#if defined(__NetBSD__) || defined(KQUEUE_DOUBLE_NETBSD)
	return true;
#else
	return false;
#endif
}

static void
pipe_without_reader(void)
{
	static const char block[4096];

	for (int full = 0; full < 2; full++) {
		struct fixture f = make_fixture();
		miost_ready ready;
		int fds[2];

		make_pipe(fds);
		add(&f, fds[1], 1, MIOST_WRITABLE, MIOST_LEVEL);
		expect(&f, 1, MIOST_WRITABLE);
		while (full && write(fds[1], block, sizeof(block)) > 0)
			;
		if (full)
			expect_nothing(&f);
		close(fds[0]);
		/* NetBSD until 2023 tells nobody of a full one. */
		if (full && tells_nothing_of_full_pipes()) {
			close(fds[1]);
			miost_os_queue_free(f.queue);
			continue;
		}
		ready = ready_of(&f, 1);
		if (on_epoll())
			check_eq(ready, full ? MIOST_ERROR
					     : MIOST_ERROR | MIOST_WRITABLE);
		else
			check_eq(ready, MIOST_WRITABLE | MIOST_ERROR |
					MIOST_HUP | MIOST_WRITE_CLOSED);
		check(ready & MIOST_MAY_WRITE);
		close(fds[1]);
		miost_os_queue_free(f.queue);
	}
}

/* What waits in a socket's queue of errors closes nothing. */
static void
error_queue(void)
{
#ifdef SO_TIMESTAMPING
	int flags = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
	struct fixture f = make_fixture();
	char buf[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fds[2];

	if (!on_epoll()) {
		miost_os_queue_free(f.queue);
		tap_skip("kqueue has no such queue");
	}
	make_tcp_pair("127.0.0.1:0", fds);
	check_ok(setsockopt(fds[0], SOL_SOCKET, SO_TIMESTAMPING, &flags,
			    sizeof(flags)));
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	send_byte(fds[0]);
	check(wait_for(fds[0], POLLIN) & POLLERR);
	expect(&f, 1, MIOST_ERROR);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	expect(&f, 1, MIOST_ERROR | MIOST_WRITABLE);
	send_byte(fds[0]);
	while (recvmsg(fds[0], &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		;
	expect(&f, 1, MIOST_WRITABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
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
	struct fixture f = make_fixture();
	struct miost_addr addr = parse("127.0.0.1:0");
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = miost_udp_bind(&addr);
		check(fds[i] >= 0);
	}
	check_ok(miost_socket_local_addr(fds[0], &addr));
	check_ok(miost_socket_connect(fds[1], &addr));
	check_ok(miost_socket_local_addr(fds[1], &addr));
	check_ok(miost_socket_connect(fds[0], &addr));
	send_byte(fds[1]);
	wait_for(fds[0], POLLIN);
	close(fds[1]);
	send_byte(fds[0]);
	if (!(wait_for(fds[0], POLLIN) & POLLERR)) {
		close(fds[0]);
		miost_os_queue_free(f.queue);
		tap_skip("this system does not say that none listens");
	}
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	/* An error wakes on kqueue, and is not named. */
	expect(&f, 1, MIOST_READABLE | (on_epoll() ? MIOST_ERROR : 0));
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	expect(&f, 1, MIOST_WRITABLE | (on_epoll() ? MIOST_ERROR : 0));
	close(fds[0]);
	miost_os_queue_free(f.queue);
}

static void
priority(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	if (!miost_has(MIOST_FEATURE_PRIORITY)) {
		check_eq(miost_os_queue_register(f.queue, 0, 1,
						 MIOST_PRIORITY, 0), -ENOTSUP);
		miost_os_queue_free(f.queue);
		tap_skip("this system has no priority events");
	}
	make_tcp_pair("127.0.0.1:0", fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_eq(send(fds[1], "!", 1, MSG_OOB), 1);
	wait_for(fds[0], POLLPRI);
	expect_nothing(&f);		/* not asked for */
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 2, MIOST_PRIORITY,
					   0));
	expect(&f, 2, MIOST_PRIORITY);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
never_connected(void)
{
	struct fixture f = make_fixture();
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (!on_epoll()) {
		close(fd);
		miost_os_queue_free(f.queue);
		tap_skip("kqueue says nothing of such a socket");
	}
	add(&f, fd, 1, MIOST_READABLE, MIOST_LEVEL);
	expect(&f, 1, MIOST_HUP | MIOST_READ_CLOSED | MIOST_WRITE_CLOSED);
	close(fd);
	miost_os_queue_free(f.queue);
}

/* Capacity. */
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

TAP_MAIN(tests)
