/* SPDX-License-Identifier: MIT */
/*
 * The model's descriptors: sockets and pipes, what was sent through them, and
 * what poll(2) says of them.
 */
#include "config.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>

#include "model.h"

enum { MOST = 20000 };		/* bytes in one TCP connection */

struct end ends[ENDS];

static volatile sig_atomic_t broken_pipes;

static const struct fault reads[] = {
	{ RECV, EINTR }, { READ, EINTR }, { RECVMSG, EINTR }, { READV, EINTR },
	{ RECV, EAGAIN }, { READ, EAGAIN }, { RECVMSG, EAGAIN },
	{ RECV, EIO }, { READ, EIO }, { READV, EIO },
};

static const struct fault writes[] = {
	{ SEND, EINTR }, { WRITE, EINTR }, { SENDMSG, EINTR },
	{ WRITEV, EINTR }, { SEND, EAGAIN }, { WRITE, EAGAIN },
	{ SENDMSG, ENOBUFS }, { SEND, EIO }, { WRITE, EIO }, { WRITEV, EIO },
};

static const struct fault opens[] = {
	{ SOCKETPAIR, EMFILE }, { PIPE, ENFILE }, { SOCKET, EMFILE },
	{ SETSOCKOPT, ENOBUFS }, { FCNTL, EINVAL }, { BIND, EADDRINUSE },
	{ LISTEN, EADDRINUSE }, { CONNECT, ENETUNREACH }, { ACCEPT, EMFILE },
	{ ACCEPT, EINTR }, { ACCEPT, ECONNABORTED },
};

static void
count_broken(int number)
{
	(void)number;
	broken_pipes++;
}

void
fds_open(void)
{
	struct sigaction action = { .sa_handler = count_broken };

	for (int i = 0; i < ENDS; i++)
		ends[i] = (struct end){ .fd = -1, .peer = -1 };
	broken_pipes = 0;
	expect_eq(sigaction(SIGPIPE, &action, NULL), 0);
}

void
fds_close(void)
{
	for (int i = 0; i < ENDS; i++)
		if (ends[i].fd >= 0)
			close(ends[i].fd);
	(void)signal(SIGPIPE, SIG_DFL);
}

int
fds_pick(unsigned int n)
{
	for (unsigned int i = 0; i < ENDS; i++)
		if (ends[(n + i) % ENDS].fd >= 0)
			return (int)((n + i) % ENDS);
	return -1;
}

/* What poll(2) says of each. */
void
fds_sample(void)
{
	struct pollfd list[ENDS];

	for (int i = 0; i < ENDS; i++) {
		list[i].fd = ends[i].fd;
		list[i].events = POLLIN | POLLPRI | POLLOUT;
#ifdef POLLRDHUP
		list[i].events |= POLLRDHUP;
#endif
		list[i].revents = 0;
	}
	expect(poll(list, ENDS, 0) >= 0);
	for (int i = 0; i < ENDS; i++)
		ends[i].bits = list[i].revents;
}

/* Whether what is on its way to a TCP socket has come. */
static bool
has_come(const struct end *end, short bits)
{
	struct pollfd look = { .fd = end->fd, .events = bits };
	int unread = 0;

	if (poll(&look, 1, 0) <= 0)
		return false;
	if (bits != POLLIN || end->peer < 0 || end->shut_in ||
	    ioctl(end->fd, FIONREAD, &unread) < 0)
		return true;
	return end->taken + (unsigned long)unread >= ends[end->peer].sent;
}

/*
 * Waits until the other side of a connection has it. On one machine it has, as
 * a rule, when the call returns; but another thread of the kernel may bring it,
 * and tells poll(2) of it a moment before it tells the queue.
 */
static void
settle(int end, short bits)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	/* A reset need not come. */
	const int most = bits == POLLERR ? 5 : 500;

	if (end < 0 || ends[end].fd < 0 || ends[end].kind != TCP)
		return;
	for (int i = 0; i < most && !has_come(&ends[end], bits); i++)
		(void)nanosleep(&moment, NULL);
}

/* All that an operation on `end` has changed; `more` came to its peer. */
static void
changed(int end, bool more)
{
	short before[ENDS];
	int peer = ends[end].peer;

	for (int i = 0; i < ENDS; i++)
		before[i] = ends[i].bits;
	fds_sample();
	for (int i = 0; i < ENDS; i++)
		os_end_changed(i, before[i], i == end || i == peer,
			       more && i == peer);
}

/* Opening. */

/*
 * A connection, in steps. Without those that make none of it the library's
 * error is the only one there is.
 */
static int
open_tcp(int fds[2])
{
	struct miost_addr addr;
	int listener, err;
	struct pollfd wait = { .events = POLLIN };

	expect_eq(miost_addr_parse("127.0.0.1:0", &addr), 0);
	listener = miost_tcp_listen(&addr);
	if (listener < 0)
		return listener;
	expect_eq(miost_socket_local_addr(listener, &addr), 0);
	fds[0] = miost_tcp_connect(&addr);
	if (fds[0] < 0) {
		close(listener);
		return fds[0];
	}
	wait.fd = listener;
	expect_eq(poll(&wait, 1, 10000), 1);
	do
		fds[1] = miost_socket_accept(listener, NULL);
	while (fds[1] == -EAGAIN && poll(&wait, 1, 100) == 1);
	err = fds[1];
	close(listener);
	if (err < 0)
		close(fds[0]);
	else
		expect_eq(miost_socket_connected(fds[0]), 0);
	return err < 0 ? err : 0;
}

static int
open_two(unsigned int kind, int fds[2])
{
	switch (kind) {
	case 0:
		return miost_unix_pair(SOCK_DGRAM, fds);
	case 1:
		return open_tcp(fds);
	case 2:
	case 3:
		return miost_pipe(fds);
	default:
		return miost_unix_pair(SOCK_STREAM, fds);
	}
}

static int
free_end(int from)
{
	while (from < ENDS && ends[from].fd >= 0)
		from++;
	return from;
}

static void
do_open(const struct op *op)
{
	static const enum end_kind kinds[][2] = {
		{ DATAGRAM, DATAGRAM }, { TCP, TCP },
		{ PIPE_READER, PIPE_WRITER }, { PIPE_READER, PIPE_WRITER },
		{ STREAM, STREAM }, { STREAM, STREAM },
	};
	static const char *const names[] = { "datagrams", "TCP", "pipe", "pipe",
					     "stream", "stream" };
	unsigned int kind = op->a % 6;
	int at[2], fds[2] = { -7, -7 };
	int err, fault;

	at[0] = free_end(0);
	at[1] = free_end(at[0] + 1);
	if (at[1] >= ENDS)
		return;
	model_say("open %s: ends %d and %d", names[kind], at[0], at[1]);
	ARM(op, opens);
	err = open_two(kind, fds);
	fault = model_unarm();
	if (err != 0) {
		expect(err == fault && fault != -EINTR &&
		       fault != -ECONNABORTED);
		return;
	}
	for (int i = 0; i < 2; i++) {
		expect(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		expect(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
		ends[at[i]] = (struct end){ .kind = kinds[kind][i],
					    .fd = fds[i], .peer = at[1 - i] };
	}
	fds_sample();
}

/* Whether all that it was sent has been read. */
static bool
is_drained(const struct end *end)
{
	return end->peer < 0 || end->taken >= ends[end->peer].sent;
}

static void
do_close(const struct op *op)
{
	int i = fds_pick(op->a), peer;
	bool drained, deregister = op->b % 2;

	if (i < 0)
		return;
	peer = ends[i].peer;
	drained = is_drained(&ends[i]);
	model_say("%sclose end %d", deregister ? "deregister and " : "", i);
	os_end_closes(i, deregister);
	close(ends[i].fd);
	ends[i].fd = -1;
	if (peer >= 0) {
		if (!drained)
			ends[peer].reset = true;
		if (ends[i].kind == PIPE_READER)
			ends[peer].deaf = true;
#ifdef POLLRDHUP
		settle(peer, POLLRDHUP);
#endif
	}
	changed(i, false);
	if (peer >= 0)
		ends[peer].peer = -1;
	ends[i].peer = -1;
}

/* Sending. */

static bool
is_pipe(const struct end *end)
{
	return end->kind == PIPE_READER || end->kind == PIPE_WRITER;
}

/* The byte at a place of a stream. */
static char
byte_at(int writer, unsigned long at)
{
	return (char)(at * 31 + (unsigned long)writer * 7 + at / 251);
}

static ssize_t
write_some(const struct end *end, char *buf, size_t len, bool vector)
{
	struct iovec iov[2] = { { buf, len / 3 }, { buf + len / 3,
						    len - len / 3 } };

	if (is_pipe(end))
		return vector ? miost_pipe_writev(end->fd, iov, 2)
			      : miost_pipe_write(end->fd, buf, len);
	return vector ? miost_socket_writev(end->fd, iov, 2)
		      : miost_socket_write(end->fd, buf, len);
}

static bool
peer_hears(const struct end *end)
{
	return end->peer >= 0 && !ends[end->peer].shut_in;
}

/* Of TCP, who sends to a closed half may get a reset. */
static bool
may_be_reset(const struct end *end)
{
	if (end->reset || end->peer < 0)
		return true;
	return end->kind == TCP && (end->shut_in || ends[end->peer].shut_in);
}

/* Why a write to a healthy end may take nothing. */
static void
expect_write_error(const struct end *end, ssize_t n, int fault)
{
	if (fault != 0 && fault != -EINTR && n == fault)
		return;
	if (end->kind == PIPE_READER) {
		expect_eq(n, -EBADF);
		return;
	}
	if (n == -EAGAIN) {
		expect(end->peer >= 0);
		expect(!is_drained(&ends[end->peer]));
	} else if (end->kind == DATAGRAM && end->peer < 0) {
		expect(n == -ECONNREFUSED || n == -ECONNRESET ||
		       n == -EPIPE || n == -ENOTCONN);
	} else {
		expect(n == -EPIPE || (n == -ECONNRESET && may_be_reset(end)));
		expect(end->shut_out || !peer_hears(end) || may_be_reset(end));
	}
}

static void
do_write(const struct op *op)
{
	static char buf[65536];
	int i = fds_pick(op->a), fault;
	int broken = (int)broken_pipes;
	struct end *end = &ends[i < 0 ? 0 : i];
	size_t len = 1 + op->v % (op->b % 4 == 0 ? 65535 : 600);
	bool heard;
	ssize_t n;

	if (i < 0)
		return;
	heard = peer_hears(end);
	if (end->kind == DATAGRAM && len > 1000)
		len = 1000;
	if (end->kind == TCP && end->peer >= 0 &&
	    end->sent + len > ends[end->peer].taken + MOST)
		return;
	for (size_t k = 0; k < len; k++)
		buf[k] = byte_at(i, end->kind == DATAGRAM ? k : end->sent + k);
	model_say("write %zu bytes to end %d", len, i);
	ARM(op, writes);
	n = write_some(end, buf, len, op->c % 4 == 0);
	fault = model_unarm();
	if (n <= 0)
		expect_write_error(end, n, fault);
	expect(n <= (ssize_t)len);
	/* Only pipes may raise it. */
	if (end->kind != PIPE_WRITER || n != -EPIPE)
		expect_eq(broken_pipes, broken);
	if (n > 0) {
		expect(end->kind != DATAGRAM || n == (ssize_t)len);
		end->sent += end->kind == DATAGRAM ? 1 : (unsigned long)n;
		expect(!is_pipe(end) || end->peer >= 0);
		if (heard)
			settle(end->peer, POLLIN);
		else
			settle(i, POLLERR);	/* a reset comes back */
	}
	changed(i, n > 0);
	/* What a reset is told by, a later write takes. */
	if (end->kind == TCP && end->peer < 0)
		end->reset = true;
}

/* Receiving. */

static ssize_t
read_some(const struct end *end, char *buf, size_t len, bool vector)
{
	struct iovec iov[2] = { { buf, len / 3 }, { buf + len / 3,
						    len - len / 3 } };

	if (is_pipe(end))
		return vector ? miost_pipe_readv(end->fd, iov, 2)
			      : miost_pipe_read(end->fd, buf, len);
	return vector ? miost_socket_readv(end->fd, iov, 2)
		      : miost_socket_read(end->fd, buf, len);
}

/* What a read may say that gives no data. */
static void
expect_read_error(const struct end *end, ssize_t n, int fault, bool drained)
{
	bool over = end->peer < 0 || ends[end->peer].shut_out || end->shut_in;

	if (fault != 0 && fault != -EINTR && n == fault)
		return;
	if (end->kind == PIPE_WRITER)
		expect_eq(n, -EBADF);
	else if (may_be_reset(end))
		expect(n == 0 || n == -ECONNRESET || n == -EPIPE ||
		       n == -EAGAIN);
	else if (end->kind == DATAGRAM && n < 0)
		expect(n == -EAGAIN || n == -ECONNRESET || n == -ENOTCONN);
	else if (n == 0)
		expect(over);
	else
		expect(n == -EAGAIN && !over);
	/* What is still there cannot be told of one whose peer has closed. */
	if (n == -EAGAIN && end->peer >= 0)
		expect(drained || may_be_reset(end));
}

static void
do_read(const struct op *op)
{
	static char buf[65536];
	int i = fds_pick(op->a), fault;
	struct end *end = &ends[i < 0 ? 0 : i];
	size_t len = op->b % 4 == 0 ? sizeof(buf) : 1 + op->v % 600;
	bool drained;
	ssize_t n;

	if (i < 0)
		return;
	drained = is_drained(end);
	model_say("read %zu bytes from end %d", len, i);
	ARM(op, reads);
	if (op->c % 4 == 1 && !is_pipe(end))
		n = miost_socket_peek(end->fd, buf, len);
	else
		n = read_some(end, buf, len, op->c % 4 == 0);
	fault = model_unarm();
	if (n <= 0) {
		expect_read_error(end, n, fault, drained);
	} else {
		unsigned long at = end->kind == DATAGRAM ? 0 : end->taken;
		int writer = end->peer;

		expect(n <= (ssize_t)len);
		for (ssize_t k = 0; k < n && writer >= 0; k++)
			expect_eq(buf[k], byte_at(writer, at +
						  (unsigned long)k));
		if (op->c % 4 != 1 || is_pipe(end))
			end->taken += end->kind == DATAGRAM
					      ? 1 : (unsigned long)n;
	}
	changed(i, false);
}

static void
do_shutdown(const struct op *op)
{
	static const int hows[] = { SHUT_WR, SHUT_WR, SHUT_RDWR, SHUT_RD };
	int i = fds_pick(op->a), how = hows[op->b % 4], err;
	struct end *end = &ends[i < 0 ? 0 : i];

	if (i < 0 || end->kind == DATAGRAM)
		return;
	model_say("shut end %d: %d", i, how);
	err = miost_socket_shutdown(end->fd, how);
	if (is_pipe(end)) {
		expect_eq(err, -ENOTSOCK);
		return;
	}
	expect(err == 0 || (err == -ENOTCONN &&
			    (end->peer < 0 || end->kind == TCP)));
	end->shut_out |= how != SHUT_RD;
	end->shut_in |= how != SHUT_WR;
#ifdef POLLRDHUP
	if (how != SHUT_RD)
		settle(end->peer, POLLRDHUP);
#endif
	changed(i, false);
}

void
fds_do(const struct op *op)
{
	fds_sample();
	switch (op->kind) {
	case OP_OPEN:
		do_open(op);
		break;
	case OP_CLOSE:
		do_close(op);
		break;
	case OP_WRITE:
		do_write(op);
		break;
	case OP_READ:
		do_read(op);
		break;
	default:
		do_shutdown(op);
	}
}
