/* SPDX-License-Identifier: MIT */
/*
 * The double of kqueue against what was observed of the systems: first one
 * test for each row of the table of observations, then what their sources say.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "../tap.h"

#ifdef KQUEUE_DOUBLE_NETBSD
enum { NETBSD = true };
typedef uint32_t filter_number;
typedef uint32_t flag_bits;
typedef intptr_t udata_type;
#else
enum { NETBSD = false };
typedef short filter_number;
typedef unsigned short flag_bits;
typedef void *udata_type;
#endif

#define READ ((filter_number)EVFILT_READ)
#define WRITE ((filter_number)EVFILT_WRITE)
#define PROC ((filter_number)EVFILT_PROC)
#define SIGNAL ((filter_number)EVFILT_SIGNAL)
#define check_ok(call) check_eq(call, 0)

/* Long enough for whatever must come. */
enum { LONG_MS = 10000 };

static struct kevent events[8];

static struct timespec
span(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	return time;
}

static int64_t
now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static struct kevent
make(int ident, filter_number filter, uint32_t flags, uint32_t fflags,
     uintptr_t udata)
{
	struct kevent event;

	EV_SET(&event, (uintptr_t)ident, filter, (flag_bits)flags, fflags, 0,
	       (udata_type)udata);
	return event;
}

/* One change, without room for its outcome. Returns 0 or the errno. */
static int
change_with(int kq, int ident, filter_number filter, uint32_t flags,
	    uint32_t fflags, uintptr_t udata)
{
	struct kevent change = make(ident, filter, flags, fflags, udata);

	return kevent(kq, &change, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static int
change(int kq, int ident, filter_number filter, uint32_t flags)
{
	return change_with(kq, ident, filter, flags, 0, 0);
}

/* Watches for as many bytes as `mark` says. */
static int
add_marked(int kq, int fd, uint32_t flags, int64_t mark)
{
	struct kevent change = make(fd, READ, EV_ADD | flags, NOTE_LOWAT, 0);

	change.data = mark;
	return kevent(kq, &change, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static int
wait_for(int kq, int n, int ms)
{
	struct timespec timeout = span(ms);

	memset(events, 0, sizeof(events));
	return kevent(kq, NULL, 0, events, (flag_bits)n, &timeout);
}

/* Exactly one event, which is `events[0]` then, of this filter. */
static void
expect_one(int kq, int ident, filter_number filter)
{
	check_eq(wait_for(kq, 8, LONG_MS), 1);
	check_eq(events[0].ident, ident);
	check_eq(events[0].filter, filter);
}

static void
expect_none(int kq)
{
	check_eq(wait_for(kq, 8, 0), 0);
}

static void
expect(int kq, int ident, filter_number filter, int64_t data, bool eof,
       unsigned int fflags)
{
	expect_one(kq, ident, filter);
	check_eq(events[0].data, data);
	check_eq((events[0].flags & EV_EOF) != 0, eof);
	check_eq(events[0].fflags, fflags);
}

static bool
is_readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 0) == 1 && look.revents == POLLIN;
}

static void
send_bytes(int fd, size_t n)
{
	check_eq(write(fd, "12345678", n), n);
}

static void
receive_bytes(int fd, size_t n)
{
	char buf[8];

	check_eq(read(fd, buf, n), n);
}

static int
make_kqueue(void)
{
	int kq = kqueue();

	check(kq >= 0);
	return kq;
}

static void
set_nonblocking(int fd)
{
	check_ok(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static void
make_pipe(int fds[2])
{
	check_ok(pipe(fds));
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
}

static void
make_pair(int fds[2])
{
	check_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
}

static int
bind_any(int type, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	int fd = socket(AF_INET, type, 0);

	check(fd >= 0);
	memset(addr, 0, sizeof(*addr));
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check_ok(bind(fd, (struct sockaddr *)addr, len));
	check_ok(getsockname(fd, (struct sockaddr *)addr, &len));
	return fd;
}

static int
connect_to(int type, const struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);

	check(fd >= 0);
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		check_eq(errno, EINPROGRESS);
	return fd;
}

static void
make_tcp_pair(int fds[2])
{
	struct sockaddr_in addr;
	int listener = bind_any(SOCK_STREAM, &addr);

	check_ok(listen(listener, 1));
	fds[0] = connect_to(SOCK_STREAM, &addr);
	fds[1] = accept(listener, NULL, NULL);
	check(fds[1] >= 0);
	set_nonblocking(fds[1]);
	close(listener);
}

static void
close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* So that its peer is reset. */
static void
abort_tcp(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	check_ok(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger,
			    sizeof(linger)));
	close(fd);
}

static int
error_of(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	check_ok(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len));
	return err;
}

/* The rows. */

static void
read_on(int fds[2])
{
	int kq = make_kqueue();

	check_ok(change_with(kq, fds[0], READ, EV_ADD, 0, 7));
	expect_none(kq);
	send_bytes(fds[1], 3);
	expect(kq, fds[0], READ, 3, false, 0);
	check_eq((uintptr_t)events[0].udata, 7);
	receive_bytes(fds[0], 1);
	expect(kq, fds[0], READ, 2, false, 0);
	close(fds[1]);
	/* FIN takes its time. */
	while (!(events[0].flags & EV_EOF))
		expect_one(kq, fds[0], READ);
	expect(kq, fds[0], READ, 2, true, 0);
	receive_bytes(fds[0], 2);
	expect(kq, fds[0], READ, 0, true, 0);
	close(fds[0]);
	close(kq);
}

static void
read_on_pipe(void)
{
	int fds[2];

	make_pipe(fds);
	read_on(fds);
}

static void
read_on_unix(void)
{
	int fds[2];

	make_pair(fds);
	read_on(fds);
}

static void
read_on_tcp(void)
{
	int fds[2];

	make_tcp_pair(fds);
	read_on(fds);
}

static void
write_on(int fds[2])
{
	static const char block[4096];
	int kq = make_kqueue();

	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	for (int i = 0; i < 2; i++) {
		expect_one(kq, fds[0], WRITE);
		check(events[0].data > 0);
		check_eq(events[0].flags & EV_EOF, 0);
	}
	while (write(fds[0], block, sizeof(block)) > 0)
		;
	check_eq(errno, EAGAIN);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
write_on_sockets(void)
{
	int fds[2];

	make_pair(fds);
	write_on(fds);
	make_tcp_pair(fds);
	write_on(fds);
}

static void
listener_data(void)
{
	struct sockaddr_in addr;
	int listener = bind_any(SOCK_STREAM, &addr);
	int kq = make_kqueue();
	int fds[2];

	check_ok(listen(listener, 8));
	check_ok(change(kq, listener, READ, EV_ADD));
	check_ok(change(kq, listener, WRITE, EV_ADD));
	expect_none(kq);
	fds[0] = connect_to(SOCK_STREAM, &addr);
	expect(kq, listener, READ, 1, false, 0);
	fds[1] = connect_to(SOCK_STREAM, &addr);
	expect(kq, listener, READ, 2, false, 0);
	close_pair(fds);
	close(listener);
	close(kq);
}

static void
udp_data(void)
{
	struct sockaddr_in addr;
	int fd = bind_any(SOCK_DGRAM, &addr);
	int peer = connect_to(SOCK_DGRAM, &addr);
	int kq = make_kqueue();

	check_ok(change(kq, fd, READ, EV_ADD));
	send_bytes(peer, 6);
	send_bytes(peer, 2);
	expect(kq, fd, READ, 6, false, 0);
	close(peer);
	close(fd);
	close(kq);
}

static void
udp_peer_gone(void)
{
	struct sockaddr_in addr;
	int fd = bind_any(SOCK_DGRAM, &addr);
	int peer = connect_to(SOCK_DGRAM, &addr);
	int kq = make_kqueue();

	close(fd);
	check_ok(change(kq, peer, READ, EV_ADD));
	expect_none(kq);
	send_bytes(peer, 1);
	expect(kq, peer, READ, 0, false, 0);
	check_eq(error_of(peer), ECONNREFUSED);
	expect_none(kq);
	close(peer);
	close(kq);
}

static void
refused(void)
{
	struct sockaddr_in addr;
	int listener = bind_any(SOCK_STREAM, &addr);
	int kq = make_kqueue();
	int fd;

	close(listener);
	fd = connect_to(SOCK_STREAM, &addr);
	check_ok(change(kq, fd, WRITE, EV_ADD));
	expect_one(kq, fd, WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, ECONNREFUSED);
	check_eq(error_of(fd), ECONNREFUSED);
	expect_one(kq, fd, WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, 0);
	close(fd);
	close(kq);
}

static void
reset(void)
{
	int kq = make_kqueue();
	int fds[2];

	for (int i = 0; i < 2; i++) {
		make_tcp_pair(fds);
		check_ok(change(kq, fds[i], READ, EV_ADD));
		abort_tcp(fds[1 - i]);
		expect(kq, fds[i], READ, 0, true, ECONNRESET);
		check_ok(change(kq, fds[i], WRITE, EV_ADD));
		check_eq(wait_for(kq, 8, LONG_MS), 2);
		check_eq(events[0].fflags, ECONNRESET);
		check_eq(events[1].fflags, ECONNRESET);
		check(events[0].flags & events[1].flags & EV_EOF);
		check_eq(error_of(fds[i]), ECONNRESET);
		close(fds[i]);
	}
	close(kq);
}

static void
clear_read_and_write(void)
{
	int kq = make_kqueue();
	int fds[2];

	for (int tcp = 0; tcp < 2; tcp++) {
		if (tcp)
			make_tcp_pair(fds);
		else
			make_pair(fds);
		check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
		check_ok(change(kq, fds[0], WRITE, EV_ADD | EV_CLEAR));
		expect_one(kq, fds[0], WRITE);
		expect_none(kq);
		send_bytes(fds[1], 1);
		expect(kq, fds[0], READ, 1, false, 0);
		expect_none(kq);
		/* More of it is an edge, and what was there still counts. */
		send_bytes(fds[1], 1);
		expect(kq, fds[0], READ, 2, false, 0);
		expect_none(kq);
		close_pair(fds);
	}
	close(kq);
}

static void
clear_and_fin(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_tcp_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 1, false, 0);
	close(fds[1]);
	expect(kq, fds[0], READ, 1, true, 0);
	expect_none(kq);
	close(fds[0]);
	close(kq);
}

static void
clear_and_partial_read(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
	send_bytes(fds[1], 8);
	expect(kq, fds[0], READ, 8, false, 0);
	expect_none(kq);
	receive_bytes(fds[0], 3);
	expect(kq, fds[0], READ, 5, false, 0);
	expect_none(kq);
	close_pair(fds);
	/* On a socket it is quiet. */
	make_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
	send_bytes(fds[1], 8);
	expect(kq, fds[0], READ, 8, false, 0);
	receive_bytes(fds[0], 3);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
clear_added_again(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
	send_bytes(fds[1], 1);
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_CLEAR));
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
level_added_again(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change_with(kq, fds[0], READ, EV_ADD, 0, 1));
	send_bytes(fds[1], 1);
	/* The flags of the first time stay. */
	check_ok(change_with(kq, fds[0], READ, EV_ADD | EV_ONESHOT, 0, 2));
	for (int i = 0; i < 2; i++) {
		expect_one(kq, fds[0], READ);
		check_eq((uintptr_t)events[0].udata, 2);
	}
	close_pair(fds);
	close(kq);
}

static void
added_disabled(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	send_bytes(fds[1], 1);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_DISABLE));
	expect_none(kq);
	check(!is_readable(kq));
	/* To add it again does not enable it. */
	check_ok(change(kq, fds[0], READ, EV_ADD));
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_ENABLE));
	check(is_readable(kq));
	expect_one(kq, fds[0], READ);
	check_ok(change(kq, fds[0], READ, EV_DISABLE));
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_ENABLE));
	expect_one(kq, fds[0], READ);
	close_pair(fds);
	close(kq);
}

static void
oneshot_then_delete(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	send_bytes(fds[1], 1);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_ONESHOT));
	expect_one(kq, fds[0], READ);
	check(events[0].flags & EV_ONESHOT);
	expect_none(kq);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	close_pair(fds);
	close(kq);
}

static void
dispatch_then_enable(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	send_bytes(fds[1], 1);
	check_ok(change_with(kq, fds[0], READ, EV_ADD | EV_DISPATCH, 0, 1));
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	check_ok(change_with(kq, fds[0], READ, EV_ENABLE, 0, 2));
	if (NETBSD) {
		expect_none(kq);
		send_bytes(fds[1], 1);
		expect_one(kq, fds[0], READ);
		check_eq((uintptr_t)events[0].udata, 1);
	} else {
		expect_one(kq, fds[0], READ);
		check_eq((uintptr_t)events[0].udata, 2);
	}
	/* It is disabled now, which is no less there. */
	send_bytes(fds[1], 1);
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_DELETE));
	check_ok(change(kq, fds[0], READ, EV_ADD));
	expect_one(kq, fds[0], READ);
	close_pair(fds);
	close(kq);
}

/* NetBSD's kern_event.c tests EV_CLEAR first, and EV_DISPATCH in its else. */
static void
dispatch_and_clear(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_DISPATCH | EV_CLEAR));
	send_bytes(fds[1], 1);
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	send_bytes(fds[1], 1);
	if (NETBSD)
		expect_one(kq, fds[0], READ);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
receipt_with_room(int room)
{
	const struct timespec *forever = NULL;
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	send_bytes(fds[1], 1);
	memset(events, 0xff, sizeof(events));
	events[0] = make(fds[0], READ, EV_ADD | EV_RECEIPT, 0, 5);
	events[1] = make(fds[0], WRITE, EV_DELETE | EV_RECEIPT, 0, 6);
	check_eq(kevent(kq, events, 2, events, (flag_bits)room, forever), 2);
	check_eq(events[0].ident, fds[0]);
	check_eq(events[0].filter, READ);
	check_eq(events[0].flags, EV_ERROR);
	check_eq(events[0].data, 0);
	check_eq((uintptr_t)events[0].udata, 5);
	check_eq(events[1].filter, WRITE);
	check_eq(events[1].data, ENOENT);
	expect_one(kq, fds[0], READ);
	close_pair(fds);
	close(kq);
}

static void
receipt_exact(void)
{
	receipt_with_room(2);
}

static void
receipt_with_spare_room(void)
{
	receipt_with_room(8);
}

static void
receipt_without_room(void)
{
	struct kevent changes[2];
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	changes[0] = make(fds[0], READ, EV_ADD | EV_RECEIPT, 0, 0);
	changes[1] = make(fds[0], WRITE, EV_ADD | EV_RECEIPT, 0, 0);
	check_eq(kevent(kq, changes, 2, NULL, 0, NULL), 0);
	/* The kernel stops at the first that it cannot report. */
	check_ok(change(kq, fds[0], READ, EV_DELETE));
	check_eq(change(kq, fds[0], WRITE, EV_DELETE), ENOENT);
	close_pair(fds);
	close(kq);
}

static void
error_record(void)
{
	struct kevent change_of_it;
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	change_of_it = make(fds[0], READ, EV_DELETE | EV_CLEAR, 3, 4);
	check_eq(kevent(kq, &change_of_it, 1, events, 1, NULL), 1);
	check_eq(events[0].flags, EV_ERROR);
	check_eq(events[0].data, ENOENT);
	check_eq(events[0].fflags, 3);
	check_eq((uintptr_t)events[0].udata, 4);
	close_pair(fds);
	close(kq);
}

static void
absent(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	check_eq(change(kq, fds[0], READ, EV_ENABLE), ENOENT);
	check_eq(change(kq, fds[0], READ, EV_DISABLE), ENOENT);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	check_eq(change(kq, fds[0], WRITE, EV_DELETE), ENOENT);
	check_eq(change(kq, fds[1], READ, EV_DELETE), ENOENT);
	close_pair(fds);
	close(kq);
}

static void
closed_descriptor(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	close_pair(fds);
	check_eq(change(kq, fds[0], READ, EV_DELETE), EBADF);
	check_eq(change(kq, fds[0], READ, EV_ADD), EBADF);
	check_eq(change(kq, -1, READ, EV_ADD), EBADF);
	close(kq);
}

static void
bad_kqueue(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	close(kq);
	check_eq(wait_for(kq, 1, 0), -1);
	check_eq(errno, EBADF);
	check_eq(change(-1, fds[0], READ, EV_ADD), EBADF);
	check_eq(change(fds[1], fds[0], READ, EV_ADD), EBADF);
	close_pair(fds);
}

static void
no_room(void)
{
	struct timespec second = span(1000);
	int kq = make_kqueue();
	int64_t start = now_us();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	check_eq(kevent(kq, NULL, 0, events, 0, &second), 0);
	check_eq(kevent(kq, NULL, 0, NULL, 0, NULL), 0);
	check(now_us() - start < 900000);
	close_pair(fds);
	close(kq);
}

static int64_t
overshoot(int kq, int us)
{
	struct timespec timeout = { 0, us * 1000L };
	int64_t start = now_us();

	check_eq(kevent(kq, NULL, 0, events, 8, &timeout), 0);
	return now_us() - start - us;
}

static void
timeouts(void)
{
	int kq = make_kqueue();
	int64_t best = INT64_MAX, over;

	for (int us = 300; us < 30000; us += 7300) {
		over = overshoot(kq, us);
		check(over >= (NETBSD ? 10000 : 0));
		best = over < best ? over : best;
	}
	/* The best of them, on a machine that has other things to do. */
	check((double)best < (NETBSD ? 20000 : 10000) * tap_time_factor());
	close(kq);
}

static void
wide_udata(void)
{
	const uintptr_t wide = UINTPTR_MAX - 12345;
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change_with(kq, fds[0], WRITE, EV_ADD, 0, wide));
	expect_one(kq, fds[0], WRITE);
	check((uintptr_t)events[0].udata == wide);
	close_pair(fds);
	close(kq);
}

#ifdef EVFILT_USER

#define USER ((filter_number)EVFILT_USER)

static int user_kq;

static void *
trigger_thrice(void *arg)
{
	struct timespec moment = span(20);

	(void)arg;
	nanosleep(&moment, NULL);
	for (int i = 0; i < 3; i++)
		if (change_with(user_kq, 1, USER, 0, NOTE_TRIGGER, 9) != 0)
			return NULL;
	return &user_kq;
}

static void
user_from_a_thread(void)
{
	pthread_t thread;
	void *result;

	user_kq = make_kqueue();
	check_ok(change_with(user_kq, 1, USER, EV_ADD | EV_CLEAR, 0, 9));
	expect_none(user_kq);
	check_ok(pthread_create(&thread, NULL, trigger_thrice, NULL));
	expect_one(user_kq, 1, USER);
	check_ok(pthread_join(thread, &result));
	check(result != NULL);
	/* Up to two triggers came after the first event, as one. */
	check(wait_for(user_kq, 8, 0) <= 1);
	expect_none(user_kq);
	for (int i = 0; i < 3; i++)
		change_with(user_kq, 1, USER, 0, NOTE_TRIGGER, 9);
	expect_one(user_kq, 1, USER);
	expect_none(user_kq);
	close(user_kq);
}

static void
trigger_overwrites_udata(void)
{
	int kq = make_kqueue();

	check_ok(change_with(kq, 1, USER, EV_ADD | EV_CLEAR, 0, 9));
	check_ok(change_with(kq, 1, USER, 0, NOTE_TRIGGER, 0));
	expect_one(kq, 1, USER);
	check_eq((uintptr_t)events[0].udata, 0);
	close(kq);
}

#endif

static int added_kq;
static int added_fd;

static void *
add_soon(void *arg)
{
	struct timespec moment = span(20);

	(void)arg;
	nanosleep(&moment, NULL);
	change(added_kq, added_fd, WRITE, EV_ADD);
	return NULL;
}

static void
added_by_a_thread(void)
{
	pthread_t thread;
	int fds[2];

	make_pair(fds);
	added_kq = make_kqueue();
	added_fd = fds[0];
	check_ok(pthread_create(&thread, NULL, add_soon, NULL));
	expect_one(added_kq, fds[0], WRITE);
	check_ok(pthread_join(thread, NULL));
	close_pair(fds);
	close(added_kq);
}

static void
duplicated_kqueue(void)
{
	int kq = make_kqueue();
	int copy = dup(kq);
	int fds[2];

	make_pair(fds);
	check_ok(change(copy, fds[0], WRITE, EV_ADD));
	expect_one(kq, fds[0], WRITE);
	close(copy);
	expect_one(kq, fds[0], WRITE);
	copy = dup(kq);
	expect_one(copy, fds[0], WRITE);
	close(kq);
	expect_one(copy, fds[0], WRITE);
	close(copy);
	check_eq(change(copy, fds[0], WRITE, EV_ADD), EBADF);
	close_pair(fds);
}

/* FreeBSD tells the outer kqueue from a task: who does not wait may miss it. */
static void
kqueue_in_kqueue_later(void)
{
	int inner = make_kqueue(), outer = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(inner, fds[0], READ, EV_ADD));
	check_ok(change(outer, inner, READ, EV_ADD));
	send_bytes(fds[1], 1);
	check_eq(wait_for(outer, 8, 0), NETBSD);
	check_eq(wait_for(outer, 8, 0), 1);
	check_eq(wait_for(outer, 8, 0), 1);
	close_pair(fds);
	close(inner);
	close(outer);
}

static void
kqueue_in_kqueue(void)
{
	int inner = make_kqueue(), outer = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(inner, fds[0], READ, EV_ADD));
	check_ok(change(inner, fds[1], WRITE, EV_ADD));
	check_ok(change(outer, inner, READ, EV_ADD));
	check_eq(change(inner, inner, READ, EV_ADD), EINVAL);
	check_eq(change(outer, inner, WRITE, EV_ADD), EINVAL);
	expect(outer, inner, READ, 1, false, 0);
	check_ok(change(inner, fds[1], WRITE, EV_DELETE));
	expect_none(outer);
	send_bytes(fds[1], 1);
	expect(outer, inner, READ, 1, false, 0);
	receive_bytes(fds[0], 1);
	/* Until it has been scanned. */
	expect(outer, inner, READ, 1, false, 0);
	expect_none(inner);
	expect_none(outer);
	close_pair(fds);
	close(inner);
	expect_none(outer);
	close(outer);
}

/* By edge: while one knote waits in the inner one, more of it is no news. */
static void
kqueue_in_kqueue_by_edge(void)
{
	int inner = make_kqueue(), outer = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(inner, fds[0], READ, EV_ADD));
	check_ok(change(outer, inner, READ, EV_ADD | EV_CLEAR));
	for (int i = 0; i < 3; i++) {
		expect_none(outer);
		send_bytes(fds[1], 1);
		expect(outer, inner, READ, 1, false, 0);
		expect_none(outer);
		send_bytes(fds[1], 1);
		expect_none(outer);
		expect_one(inner, fds[0], READ);
		expect_none(outer);
		/* Another that comes to wait there is. */
		check_ok(change(inner, fds[1], WRITE, EV_ADD));
		expect(outer, inner, READ, 2, false, 0);
		check_ok(change(inner, fds[1], WRITE, EV_DELETE));
		receive_bytes(fds[0], 2);
		expect_none(inner);
	}
	close_pair(fds);
	close(inner);
	close(outer);
}

static void
polled_kqueue(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	check(!is_readable(kq));
	send_bytes(fds[1], 1);
	check(is_readable(kq));
	expect_one(kq, fds[0], READ);
	check(is_readable(kq));
	receive_bytes(fds[0], 1);
	check(is_readable(kq));
	expect_none(kq);
	check(!is_readable(kq));
	check_ok(change(kq, fds[1], WRITE, EV_ADD));
	check(is_readable(kq));
	check_ok(change(kq, fds[1], WRITE, EV_DISABLE));
	expect_none(kq);
	check(!is_readable(kq));
	close_pair(fds);
	close(kq);
}

static void
closed_while_registered(void)
{
	int kq = make_kqueue();
	int fds[2];
	int copy;

	make_pair(fds);
	send_bytes(fds[1], 1);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	check_eq(wait_for(kq, 8, LONG_MS), 2);
	copy = dup(fds[0]);
	close(fds[0]);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect_none(kq);
	/* The same file under the same number is a new one to the kqueue. */
	check_eq(dup2(copy, fds[0]), fds[0]);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	expect_one(kq, fds[0], READ);
	close(copy);
	expect_one(kq, fds[0], READ);
	close_pair(fds);
	close(kq);
}

static void
alternates(void)
{
	filter_number last;
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	send_bytes(fds[1], 1);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	check_eq(wait_for(kq, 1, LONG_MS), 1);
	for (int i = 0; i < 4; i++) {
		last = events[0].filter;
		check_eq(wait_for(kq, 1, LONG_MS), 1);
		check(events[0].filter != last);
	}
	close_pair(fds);
	close(kq);
}

static sigset_t
block(int number)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, number);
	check_ok(pthread_sigmask(SIG_BLOCK, &set, &old));
	return old;
}

/* Takes a pending signal, and so shows that it still was pending. */
static void
take_signal(int number)
{
	struct timespec none = span(0);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	check_eq(sigtimedwait(&set, NULL, &none), number);
}

static void
signals(void)
{
	sigset_t old = block(SIGUSR1);
	int kq = make_kqueue();

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
		check_eq((uintptr_t)events[0].udata, 3);
		check(events[0].flags & EV_CLEAR);
		expect_none(kq);
		take_signal(SIGUSR1);
	}
	check_ok(change(kq, SIGUSR1, SIGNAL, EV_DELETE));
	check_eq(change(kq, SIGUSR1, SIGNAL, EV_DELETE), ENOENT);
	check_eq(change(kq, 1000, SIGNAL, EV_ADD), EINVAL);
	close(kq);
	check_ok(pthread_sigmask(SIG_SETMASK, &old, NULL));
}

static pid_t
start_child(int *says)
{
	int fds[2];
	pid_t pid;
	char byte;

	check_ok(pipe(fds));
	pid = fork();
	check(pid >= 0);
	if (pid == 0) {
		close(fds[1]);
		_exit(read(fds[0], &byte, 1) == 1 ? byte : 0);
	}
	close(fds[0]);
	*says = fds[1];
	return pid;
}

static void
end_child(int says, char status)
{
	check_eq(write(says, &status, 1), 1);
	close(says);
}

/* Waits for its end, and leaves it a zombie. */
static void
wait_for_end(pid_t pid)
{
	siginfo_t info;

	check_ok(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
}

static void
expect_exit(int kq, pid_t pid)
{
	int status;

	expect(kq, pid, PROC, 7 << 8, true, NOTE_EXIT);
	check(events[0].flags & EV_ONESHOT);
	expect_none(kq);
	check_eq(change(kq, pid, PROC, EV_DELETE), ENOENT);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(WEXITSTATUS(status), 7);
}

static void
processes(void)
{
	int kq = make_kqueue();
	pid_t pid;
	int says;

	pid = start_child(&says);
	check_ok(change_with(kq, pid, PROC, EV_ADD, NOTE_EXIT, 0));
	expect_none(kq);
	end_child(says, 7);
	expect_exit(kq, pid);
	check_eq(change_with(kq, pid, PROC, EV_ADD, NOTE_EXIT, 0), ESRCH);
	pid = start_child(&says);
	end_child(says, 7);
	wait_for_end(pid);
	if (NETBSD) {
		check_eq(change_with(kq, pid, PROC, EV_ADD, NOTE_EXIT, 0),
			 ESRCH);
		check_eq(waitpid(pid, NULL, 0), pid);
	} else {
		check_ok(change_with(kq, pid, PROC, EV_ADD, NOTE_EXIT, 0));
		expect_exit(kq, pid);
	}
	close(kq);
}

#define TIMER ((filter_number)EVFILT_TIMER)

static void
timers(void)
{
	struct kevent one = make(5, TIMER, EV_ADD | EV_ONESHOT, 0, 0);
	int kq = make_kqueue();
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
	check_ok(change(kq, 5, TIMER, EV_DELETE));
	expect_none(kq);
	close(kq);
}

/* What the sources say. */

static void
kept_flags(void)
{
	const uint32_t kept = EV_CLEAR | EV_DISPATCH | EV_RECEIPT;
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	events[0] = make(fds[0], WRITE,
			 EV_ADD | EV_ENABLE | kept | EV_SYSFLAGS, 0, 0);
	check_eq(kevent(kq, events, 1, events, 1, NULL), 1);
	expect_one(kq, fds[0], WRITE);
	check_eq(events[0].flags, kept | (NETBSD ? EV_ADD | EV_ENABLE : 0));
	close_pair(fds);
	close(kq);
}

/*
 * filt_soread of FreeBSD, NetBSD and OpenBSD: the end and an error come before
 * the mark, which is compared with the bytes that are there.
 */
static void
mark_on(int fds[2])
{
	int kq = make_kqueue();

	check_ok(add_marked(kq, fds[0], 0, 4));
	send_bytes(fds[1], 3);
	expect_none(kq);
	send_bytes(fds[1], 2);
	for (int i = 0; i < 2; i++)
		expect(kq, fds[0], READ, 5, false, 0);
	receive_bytes(fds[0], 2);
	expect_none(kq);
	/* Added again it has a new one (kqueue_register, "may change"). */
	check_ok(add_marked(kq, fds[0], 0, 2));
	expect(kq, fds[0], READ, 3, false, 0);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	receive_bytes(fds[0], 2);
	expect(kq, fds[0], READ, 1, false, 0);
	/* More than there can be. */
	check_ok(add_marked(kq, fds[0], 0, INT_MAX));
	expect_none(kq);
	send_bytes(fds[1], 8);
	expect_none(kq);
	check_ok(shutdown(fds[1], SHUT_WR));
	for (int i = 0; i < 2; i++)
		expect(kq, fds[0], READ, 9, true, 0);
	close_pair(fds);
	close(kq);
}

static void
mark_on_sockets(void)
{
	int fds[2];

	make_pair(fds);
	mark_on(fds);
	make_tcp_pair(fds);
	mark_on(fds);
}

static void
mark_and_clear(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(add_marked(kq, fds[0], EV_CLEAR, 4));
	send_bytes(fds[1], 3);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 4, false, 0);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 5, false, 0);
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_DELETE));
	check_ok(add_marked(kq, fds[0], EV_CLEAR, INT_MAX));
	send_bytes(fds[1], 1);
	expect_none(kq);
	check_ok(shutdown(fds[1], SHUT_WR));
	expect(kq, fds[0], READ, 6, true, 0);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

/* so_error in filt_soread: with the end of a stream, alone with a datagram. */
static void
mark_and_error(void)
{
	struct sockaddr_in addr;
	int fd = bind_any(SOCK_DGRAM, &addr);
	int peer = connect_to(SOCK_DGRAM, &addr);
	int kq = make_kqueue();
	int fds[2];

	make_tcp_pair(fds);
	check_ok(add_marked(kq, fds[0], 0, INT_MAX));
	abort_tcp(fds[1]);
	expect(kq, fds[0], READ, 0, true, ECONNRESET);
	close(fds[0]);
	close(fd);
	check_ok(add_marked(kq, peer, 0, INT_MAX));
	expect_none(kq);
	send_bytes(peer, 1);
	expect(kq, peer, READ, 0, false, 0);
	check_eq(error_of(peer), ECONNREFUSED);
	expect_none(kq);
	close(peer);
	close(kq);
}

/*
 * Neither filt_piperead of FreeBSD and NetBSD, nor what looks at listeners
 * (FreeBSD: filt_soread if SOLISTENING, NetBSD: filt_solisten) has a mark.
 */
static void
mark_ignored(void)
{
	struct sockaddr_in addr;
	int listener = bind_any(SOCK_STREAM, &addr);
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(add_marked(kq, fds[0], 0, INT_MAX));
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 1, false, 0);
	close_pair(fds);
	check_ok(listen(listener, 8));
	check_ok(add_marked(kq, listener, 0, INT_MAX));
	expect_none(kq);
	fds[0] = connect_to(SOCK_STREAM, &addr);
	expect(kq, listener, READ, 1, false, 0);
	close(fds[0]);
	close(listener);
	close(kq);
}

/*
 * KN_DISABLED in kqueue_register: FreeBSD sets it before it looks, NetBSD after
 * knote_activate, so that the kqueue is readable until it has been scanned.
 * Data that comes while it is disabled makes a knote active, which EV_ENABLE
 * then queues.
 */
static void
data_while_disabled(void)
{
	int kq = make_kqueue();
	int fds[2];

	for (int clear = 0; clear < 2; clear++) {
		uint32_t flags = clear ? EV_CLEAR : 0;

		make_pair(fds);
		check_ok(change(kq, fds[0], READ, EV_ADD | EV_DISABLE | flags));
		check(!is_readable(kq));
		send_bytes(fds[1], 1);
		expect_none(kq);
		check_ok(change(kq, fds[0], READ, EV_ENABLE));
		expect(kq, fds[0], READ, 1, false, 0);
		/* What is gone again is not told. */
		check_ok(change(kq, fds[0], READ, EV_DISABLE));
		send_bytes(fds[1], 1);
		receive_bytes(fds[0], 2);
		expect_none(kq);
		check_ok(change(kq, fds[0], READ, EV_ENABLE));
		expect_none(kq);
		check_ok(change(kq, fds[0], READ, EV_DISABLE));
		check_ok(change(kq, fds[0], READ, EV_DELETE));
		check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
		send_bytes(fds[1], 1);
		check_ok(change(kq, fds[0], READ, EV_ADD | EV_DISABLE | flags));
		check_eq(is_readable(kq), NETBSD);
		expect_none(kq);
		check(!is_readable(kq));
		close_pair(fds);
	}
	close(kq);
}

/* The end of what is disabled is kept, too, and deleting does not tell it. */
static void
end_while_disabled(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD | EV_DISABLE));
	check_ok(change(kq, fds[1], READ, EV_ADD | EV_DISABLE));
	close(fds[1]);
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_ENABLE));
	expect(kq, fds[0], READ, 0, true, 0);
	check_ok(change(kq, fds[0], READ, EV_DISABLE));
	expect_none(kq);
	check_ok(change(kq, fds[0], READ, EV_DELETE));
	expect_none(kq);
	close(fds[0]);
	close(kq);
}

static void
pipe_without_reader(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(kq, fds[1], WRITE, EV_ADD));
	expect_one(kq, fds[1], WRITE);
	check_eq(events[0].flags & EV_EOF, 0);
	check(events[0].data >= 512);
	close(fds[0]);
	expect(kq, fds[1], WRITE, 0, true, 0);
	/* FreeBSD's pipeclose() calls knlist_clear(): each is for once. */
	if (NETBSD) {
		expect(kq, fds[1], WRITE, 0, true, 0);
		check_ok(change(kq, fds[1], WRITE, EV_DELETE));
	} else {
		check(events[0].flags & EV_ONESHOT);
		expect_none(kq);
		check_eq(change(kq, fds[1], WRITE, EV_DELETE), ENOENT);
	}
	check_eq(change(kq, fds[1], WRITE, EV_ADD), NETBSD ? EBADF : EPIPE);
	close(fds[1]);
	close(kq);
}

/* NetBSD's pipeclose() wakes who writes before it marks the end. */
static void
full_pipe_without_reader(void)
{
	static const char block[4096];
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	while (write(fds[1], block, sizeof(block)) > 0)
		;
	check_ok(change(kq, fds[1], WRITE, EV_ADD));
	expect_none(kq);
	close(fds[0]);
	if (NETBSD)
		check_eq(wait_for(kq, 8, 50), 0);
	else
		expect(kq, fds[1], WRITE, 0, true, 0);
	close(fds[1]);
	close(kq);
}

/* That a peer sends no more is no news to who writes and has room. */
static void
no_news_to_writers(void)
{
	int kq = make_kqueue();
	int fds[2];

	for (int tcp = 0; tcp < 2; tcp++) {
		if (tcp)
			make_tcp_pair(fds);
		else
			make_pair(fds);
		check_ok(change(kq, fds[0], WRITE, EV_ADD | EV_CLEAR));
		expect_one(kq, fds[0], WRITE);
		expect_none(kq);
		check_ok(shutdown(fds[1], SHUT_WR));
		check_eq(wait_for(kq, 8, 50), 0);
		check_ok(change(kq, fds[0], WRITE, EV_DELETE));
		close_pair(fds);
	}
	close(kq);
}

static void
other_end_of_pipe(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pipe(fds);
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	check_ok(change(kq, fds[1], READ, EV_ADD));
	send_bytes(fds[1], 1);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
unix_peer_closed(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	close(fds[1]);
	expect(kq, fds[0], READ, 0, true, 0);
	check_ok(change(kq, fds[0], READ, EV_DELETE));
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	expect_one(kq, fds[0], WRITE);
	check(events[0].flags & EV_EOF);
	check_eq(events[0].fflags, 0);
	close(fds[0]);
	close(kq);
}

static void
half_closed(void)
{
	int kq = make_kqueue();
	int fds[2];

	for (int tcp = 0; tcp < 2; tcp++) {
		if (tcp)
			make_tcp_pair(fds);
		else
			make_pair(fds);
		check_ok(change(kq, fds[0], READ, EV_ADD));
		check_ok(shutdown(fds[1], SHUT_WR));
		expect(kq, fds[0], READ, 0, true, 0);
		check_ok(change(kq, fds[0], READ, EV_DELETE));
		check_ok(change(kq, fds[0], WRITE, EV_ADD));
		expect_one(kq, fds[0], WRITE);
		check_eq(events[0].flags & EV_EOF, 0);
		check_ok(change(kq, fds[0], WRITE, EV_DELETE));
		check_ok(change(kq, fds[1], WRITE, EV_ADD));
		expect_one(kq, fds[1], WRITE);
		check(events[0].flags & EV_EOF);
		check_eq(events[0].fflags, 0);
		close_pair(fds);
	}
	close(kq);
}

static void
never_connected(int domain, int type)
{
	int fd = socket(domain, type, 0);
	int kq = make_kqueue();

	check(fd >= 0);
	check_ok(change(kq, fd, READ, EV_ADD));
	check_ok(change(kq, fd, WRITE, EV_ADD));
	if (type == SOCK_DGRAM)
		expect_one(kq, fd, WRITE);
	else
		expect_none(kq);
	check_eq(is_readable(kq), type == SOCK_DGRAM);
	close(fd);
	close(kq);
}

static void
unconnected(void)
{
	never_connected(AF_INET, SOCK_STREAM);
	never_connected(AF_INET, SOCK_DGRAM);
	never_connected(AF_UNIX, SOCK_STREAM);
	never_connected(AF_UNIX, SOCK_SEQPACKET);
	never_connected(AF_UNIX, SOCK_DGRAM);
}

static void
connected_later(void)
{
	struct sockaddr_in addr;
	int listener = bind_any(SOCK_STREAM, &addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int kq = make_kqueue();

	check_ok(listen(listener, 1));
	check_ok(change(kq, fd, READ, EV_ADD | EV_CLEAR));
	check_ok(change(kq, fd, WRITE, EV_ADD | EV_CLEAR));
	expect_none(kq);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		check_eq(errno, EINPROGRESS);
	expect_one(kq, fd, WRITE);
	check_eq(events[0].flags & EV_EOF, 0);
	close(fd);
	close(listener);
	close(kq);
}

static void
unix_connected_later(void)
{
	struct sockaddr addr;
	socklen_t len = sizeof(addr.sa_family);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int kq = make_kqueue();

	memset(&addr, 0, sizeof(addr));
	addr.sa_family = AF_UNIX;
	check_ok(bind(listener, &addr, len));
	len = sizeof(addr);
	check_ok(getsockname(listener, &addr, &len));
	check_ok(listen(listener, 1));
	check_ok(change(kq, listener, READ, EV_ADD));
	check_ok(change(kq, fd, WRITE, EV_ADD | EV_CLEAR));
	expect_none(kq);
	check_ok(connect(fd, &addr, len));
	check_eq(wait_for(kq, 8, LONG_MS), 2);
	expect(kq, listener, READ, 1, false, 0);
	close(fd);
	close(listener);
	close(kq);
}

static void
regular_file(void)
{
	FILE *file = tmpfile();
	int kq = make_kqueue();
	int fd;

	check(file != NULL);
	fd = fileno(file);
	check_ok(change(kq, fd, READ, EV_ADD));
	expect_none(kq);
	send_bytes(fd, 8);
	expect_none(kq);
	check_eq(lseek(fd, 3, SEEK_SET), 3);
	expect(kq, fd, READ, 5, false, 0);
	receive_bytes(fd, 5);
	expect_none(kq);
	check_ok(change(kq, fd, WRITE, EV_ADD));
	expect(kq, fd, WRITE, 0, false, 0);
	/* Which the C library closes, with nobody looking. */
	fclose(file);
	check_eq(change(kq, fd, WRITE, EV_DELETE), EBADF);
	close(kq);
}

/* A number that was closed unseen and is in use again is a new one. */
static void
stale_number(void)
{
	int kq = make_kqueue();
	int fds[2], more[2];

	make_pair(fds);
	make_pair(more);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	check_eq(dup2(more[0], fds[0]), fds[0]);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	check_ok(change(kq, fds[0], READ, EV_ADD));
	send_bytes(more[1], 1);
	expect(kq, fds[0], READ, 1, false, 0);
	close_pair(more);
	close_pair(fds);
	close(kq);
}

static void
bad_changes(void)
{
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_eq(change(kq, fds[0], (filter_number)-7, EV_ADD), EINVAL);
	check_eq(change(kq, fds[0], (filter_number)-100, EV_ADD), EINVAL);
	check_eq(change(kq, fds[0], (filter_number)100, EV_ADD), EINVAL);
	if (!NETBSD)
		check_eq(change(kq, fds[0], READ,
				EV_ADD | EV_ENABLE | EV_DISABLE), EINVAL);
	close_pair(fds);
	close(kq);
}

static void
bad_timeouts(void)
{
	struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
	const size_t n = sizeof(bad) / sizeof(bad[0]);
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	for (size_t i = 0; i < n; i++) {
		check_eq(kevent(kq, NULL, 0, events, 1, &bad[i]), -1);
		check_eq(errno, EINVAL);
		check_eq(kevent(kq, NULL, 0, NULL, 0, &bad[i]), 0);
	}
	close_pair(fds);
	close(kq);
}

static void
order_of_changes(void)
{
	struct kevent changes[3];
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	changes[0] = make(fds[0], WRITE, EV_ADD, 0, 1);
	changes[1] = make(fds[0], WRITE, EV_ADD, 0, 2);
	changes[2] = make(fds[1], WRITE, EV_ADD, 0, 3);
	check_eq(kevent(kq, changes, 3, events, 8, NULL), 2);
	check_eq((uintptr_t)events[0].udata, 2);
	check_eq((uintptr_t)events[1].udata, 3);
	/* Errors come alone, and what follows them is done. */
	changes[0] = make(fds[0], READ, EV_DELETE, 0, 4);
	changes[1] = make(fds[0], WRITE, EV_DELETE, 0, 5);
	changes[2] = make(fds[1], WRITE, EV_DELETE, 0, 6);
	check_eq(kevent(kq, changes, 3, events, 8, NULL), 1);
	check_eq((uintptr_t)events[0].udata, 4);
	expect_none(kq);
	close_pair(fds);
	close(kq);
}

static void
failure_without_room(void)
{
	struct kevent changes[3];
	int kq = make_kqueue();
	int fds[2];

	make_pair(fds);
	changes[0] = make(fds[0], WRITE, EV_ADD, 0, 0);
	changes[1] = make(fds[0], READ, EV_DELETE, 0, 0);
	changes[2] = make(fds[0], READ, EV_ADD, 0, 0);
	check_eq(kevent(kq, changes, 3, NULL, 0, NULL), -1);
	check_eq(errno, ENOENT);
	check_ok(change(kq, fds[0], WRITE, EV_DELETE));
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	close_pair(fds);
	close(kq);
}

static void
same_number_again(void)
{
	int kq = make_kqueue();
	int fds[2];
	int again;

	make_pair(fds);
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	errno = 0;
	expect_one(kq, fds[0], WRITE);
	close(kq);
	check_eq(errno, 0);
	again = make_kqueue();
	check_eq(again, kq);
	expect_none(again);
	check_eq(change(again, fds[0], WRITE, EV_DELETE), ENOENT);
	check_eq(fcntl(again, F_GETFD), 0);
	close_pair(fds);
	close(again);
}

static void
gone_after_fork(void)
{
	int kq = make_kqueue();
	int status;
	int fds[2];
	pid_t pid;

	make_pair(fds);
	check_ok(change(kq, fds[0], WRITE, EV_ADD));
	pid = fork();
	if (pid == 0)
		_exit(wait_for(kq, 1, 0) == -1 && errno == EBADF &&
		      fcntl(kq, F_GETFD) == -1 && close(fds[0]) == 0 &&
		      kqueue() == kq && wait_for(kq, 1, 0) == 0 &&
		      close(kq) == 0 && close(fds[1]) == 0);
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(WEXITSTATUS(status), 1);
	expect_one(kq, fds[0], WRITE);
	close_pair(fds);
	close(kq);
}

static volatile sig_atomic_t handled;

static void
handle(int number)
{
	(void)number;
	handled = 1;
}

/* Installs a handler, and has the signal come while the caller sleeps. */
static pid_t
signal_soon(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };
	struct timespec moment = span(50);
	pid_t pid;

	check_ok(sigaction(SIGUSR2, &action, NULL));
	pid = fork();
	if (pid == 0) {
		nanosleep(&moment, NULL);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	return pid;
}

static void
interrupted(void)
{
	int kq = make_kqueue();
	pid_t pid = signal_soon(handle);

	check_eq(wait_for(kq, 8, LONG_MS), -1);
	check_eq(errno, EINTR);
	check(handled);
	check_eq(waitpid(pid, NULL, 0), pid);
	signal(SIGUSR2, SIG_DFL);
	close(kq);
}

#ifdef EVFILT_USER

static void
trigger_in_handler(int number)
{
	int saved = errno;

	(void)number;
	change_with(user_kq, 1, USER, 0, NOTE_TRIGGER, 0);
	errno = saved;
}

static void
user_from_a_handler(void)
{
	pid_t pid;
	int n;

	user_kq = make_kqueue();
	check_ok(change(user_kq, 1, USER, EV_ADD | EV_CLEAR));
	pid = signal_soon(trigger_in_handler);
	n = wait_for(user_kq, 8, LONG_MS);
	if (n < 0) {
		check_eq(errno, EINTR);
		n = wait_for(user_kq, 8, 0);
	}
	check_eq(n, 1);
	check_eq(events[0].filter, USER);
	check_eq(waitpid(pid, NULL, 0), pid);
	signal(SIGUSR2, SIG_DFL);
	close(user_kq);
}

static void
user_flags(void)
{
	int kq = make_kqueue();

	/* A trigger that adds does not trigger, nor one that clears. */
	check_ok(change_with(kq, 1, USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, EV_CLEAR, NOTE_TRIGGER, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, 0,
			     NOTE_FFCOPY | NOTE_TRIGGER | 0x6, 0));
	expect(kq, 1, USER, 0, false, 0x6);
	check_ok(change_with(kq, 1, USER, 0, NOTE_FFOR | 0x1, 0));
	check_ok(change_with(kq, 1, USER, 0, NOTE_FFAND | 0x5, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, 0, NOTE_TRIGGER, 0));
	expect(kq, 1, USER, 0, false, 0x5);
	/* Without EV_CLEAR it stays. */
	check_ok(change(kq, 2, USER, EV_ADD));
	check_ok(change_with(kq, 2, USER, 0, NOTE_TRIGGER, 0));
	expect_one(kq, 2, USER);
	expect_one(kq, 2, USER);
	check_eq(change_with(kq, 3, USER, 0, NOTE_TRIGGER, 0), ENOENT);
	close(kq);
}

#endif

static void
no_descriptors(void)
{
	struct rlimit limit, none;
	int kq;

	check_ok(getrlimit(RLIMIT_NOFILE, &limit));
	none = limit;
	for (none.rlim_cur = 0; none.rlim_cur < 8; none.rlim_cur++) {
		check_ok(setrlimit(RLIMIT_NOFILE, &none));
		kq = kqueue();
		check_ok(setrlimit(RLIMIT_NOFILE, &limit));
		if (kq < 0)
			check_eq(errno, EMFILE);
		else
			close(kq);
	}
}

static const struct tap_test tests[] = {
	{ "EVFILT_READ on pipe", read_on_pipe },
	{ "EVFILT_READ on Unix", read_on_unix },
	{ "EVFILT_READ on TCP", read_on_tcp },
	{ "EVFILT_WRITE data on sockets", write_on_sockets },
	{ "listener data", listener_data },
	{ "UDP data, of which Linux tells the first", udp_data },
	{ "connected UDP, peer gone", udp_peer_gone },
	{ "connection refused", refused },
	{ "reset: READ and WRITE carry fflags", reset },
	{ "EV_CLEAR, READ and WRITE, data arrives", clear_read_and_write },
	{ "same, FIN with unread data", clear_and_fin },
	{ "EV_CLEAR on a pipe, partial read", clear_and_partial_read },
	{ "EV_ADD again on an EV_CLEAR filter", clear_added_again },
	{ "EV_ADD again on a level filter", level_added_again },
	{ "EV_ADD|EV_DISABLE", added_disabled },
	{ "EV_ONESHOT fired, then EV_DELETE", oneshot_then_delete },
	{ "EV_DISPATCH then EV_ENABLE, still ready", dispatch_then_enable },
	{ "EV_DISPATCH with EV_CLEAR", dispatch_and_clear },
	{ "EV_RECEIPT with nevents == nchanges", receipt_exact },
	{ "EV_RECEIPT with spare room", receipt_with_spare_room },
	{ "EV_RECEIPT with nevents 0", receipt_without_room },
	{ "flags in an EV_ERROR record", error_record },
	{ "delete, enable, disable of an absent filter", absent },
	{ "delete on a closed descriptor", closed_descriptor },
	{ "bad kqueue descriptor", bad_kqueue },
	{ "nevents 0, timeout 1 s", no_room },
	{ "timeout overshoot", timeouts },
	{ "64-bit udata kept", wide_udata },
#ifdef EVFILT_USER
	{ "EVFILT_USER triggered from a thread", user_from_a_thread },
	{ "a trigger overwrites udata", trigger_overwrites_udata },
#endif
	{ "added by another thread wakes the waiter", added_by_a_thread },
	{ "dup of a kqueue descriptor", duplicated_kqueue },
	{ "a kqueue in a kqueue", kqueue_in_kqueue },
	{ "the outer one is told later", kqueue_in_kqueue_later },
	{ "the same by edge", kqueue_in_kqueue_by_edge },
	{ "poll(2) on a kqueue", polled_kqueue },
	{ "closing a registered descriptor", closed_while_registered },
	{ "nevents 1 with READ and WRITE ready", alternates },
	{ "EVFILT_SIGNAL, signal blocked", signals },
	{ "EVFILT_PROC NOTE_EXIT", processes },
	{ "EVFILT_TIMER, once and periodic", timers },

	{ "flags that an event keeps", kept_flags },
	{ "NOTE_LOWAT on a socket", mark_on_sockets },
	{ "NOTE_LOWAT with EV_CLEAR", mark_and_clear },
	{ "NOTE_LOWAT, and an error", mark_and_error },
	{ "NOTE_LOWAT on a pipe and a listener: ignored", mark_ignored },
	{ "EV_ADD|EV_DISABLE, then data", data_while_disabled },
	{ "EV_ADD|EV_DISABLE, then the end", end_while_disabled },
	{ "a pipe without a reader", pipe_without_reader },
	{ "a full one", full_pipe_without_reader },
	{ "a peer's half-close is no news to writers", no_news_to_writers },
	{ "the filter of a pipe's other end", other_end_of_pipe },
	{ "a Unix stream whose peer closed", unix_peer_closed },
	{ "half-closed streams", half_closed },
	{ "sockets never connected", unconnected },
	{ "added, and then connected", connected_later },
	{ "the same with a Unix stream", unix_connected_later },
	{ "regular files", regular_file },
	{ "a number that means another file", stale_number },
	{ "bad filters and flags", bad_changes },
	{ "bad timeouts", bad_timeouts },
	{ "order of changes", order_of_changes },
	{ "a change fails without room to say so", failure_without_room },
	{ "a new kqueue with an old number", same_number_again },
	{ "a forked child has no kqueues", gone_after_fork },
	{ "a handler interrupts", interrupted },
#ifdef EVFILT_USER
	{ "EVFILT_USER triggered from a handler", user_from_a_handler },
	{ "flags of EVFILT_USER", user_flags },
#endif
	{ "no descriptors left", no_descriptors },
};

TAP_MAIN(tests)
