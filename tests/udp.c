/* SPDX-License-Identifier: MIT */
/* Datagrams: connected and not, one and many a call. */
#include <netinet/in.h>
#include <stdint.h>
#include <sys/un.h>

#include "util.h"

/* Two sockets that know each other's address. */
struct two {
	int fds[2];
	struct miost_addr addrs[2];
};

static void
make_two(struct two *two, const char *text)
{
	for (int i = 0; i < 2; i++)
		two->fds[i] = from_birth(bind_udp(text, &two->addrs[i]));
}

static void
connect_two(struct two *two)
{
	for (int i = 0; i < 2; i++)
		check_ok(miost_socket_connect(two->fds[i], &two->addrs[!i]));
}

static void
unconnected_by(const char *text)
{
	struct miost_addr from;
	char buf[16];
	struct two t;

	make_two(&t, text);
	check_eq(miost_socket_recv_from(t.fds[1], buf, sizeof(buf), &from),
		 -EAGAIN);
	check_eq(miost_socket_peek_from(t.fds[1], buf, sizeof(buf), &from),
		 -EAGAIN);
	check_eq(miost_socket_send_to(t.fds[0], "hello", 5, &t.addrs[1]), 5);
	check_eq(miost_socket_send_to(t.fds[0], "you", 3, &t.addrs[1]), 3);
	wait_for(t.fds[1], POLLIN);
	for (int i = 0; i < 2; i++) {
		memset(&from, 0, sizeof(from));
		check_eq(miost_socket_peek_from(t.fds[1], buf, sizeof(buf),
					     &from), 5);
		check(memcmp(buf, "hello", 5) == 0);
		same_addr(&from, &t.addrs[0]);
	}
	memset(&from, 0, sizeof(from));
	check_eq(miost_socket_recv_from(t.fds[1], buf, sizeof(buf), &from), 5);
	same_addr(&from, &t.addrs[0]);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_recv_from(t.fds[1], buf, sizeof(buf), NULL), 3);
	check(memcmp(buf, "you", 3) == 0);
	/* And back. */
	errno = EINTR;	/* of an earlier call */
	check_eq(miost_socket_send_to(t.fds[1], "", 0, &from), 0);
	wait_for(t.fds[0], POLLIN);
	errno = EINTR;
	check_eq(miost_socket_recv_from(t.fds[0], buf, sizeof(buf), &from), 0);
	same_addr(&from, &t.addrs[1]);
	check_eq(miost_socket_recv_from(t.fds[0], buf, sizeof(buf), &from),
		 -EAGAIN);
	close_pair(t.fds);
}

static void
unconnected(void)
{
	unconnected_by(IPV4);
}

static void
unconnected_ipv6(void)
{
	need_ipv6();
	unconnected_by(IPV6);
}

static void
connected_by(const char *text)
{
	struct miost_addr addr, stranger_addr;
	int stranger;
	char buf[16];
	struct two t;

	make_two(&t, text);
	connect_two(&t);
	stranger = bind_udp(text, &stranger_addr);
	check_ok(miost_socket_peer_addr(t.fds[0], &addr));
	same_addr(&addr, &t.addrs[1]);
	check_eq(miost_socket_send_to(stranger, "no", 2, &t.addrs[1]), 2);
	check_eq(miost_socket_write(t.fds[0], "hello", 5), 5);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_peek(t.fds[1], buf, sizeof(buf)), 5);
	check_eq(miost_socket_read(t.fds[1], buf, sizeof(buf)), 5);
	check(memcmp(buf, "hello", 5) == 0);
	check_eq(miost_socket_read(t.fds[1], buf, sizeof(buf)), -EAGAIN);
	check_eq(miost_socket_write(t.fds[1], "back", 4), 4);
	wait_for(t.fds[0], POLLIN);
	check_eq(miost_socket_recv_from(t.fds[0], buf, sizeof(buf), &addr), 4);
	same_addr(&addr, &t.addrs[1]);
	/* Another peer. */
	check_ok(miost_socket_connect(t.fds[0], &stranger_addr));
	check_eq(miost_socket_write(t.fds[0], "you", 3), 3);
	wait_for(stranger, POLLIN);
	check_eq(miost_socket_recv_from(stranger, buf, sizeof(buf), &addr), 3);
	same_addr(&addr, &t.addrs[0]);
	close(stranger);
	close_pair(t.fds);
}

static void
connected(void)
{
	connected_by(IPV4);
}

static void
connected_ipv6(void)
{
	need_ipv6();
	connected_by(IPV6);
}

static void
vectors(void)
{
	char a[3], b[8];
	struct iovec out[2] = { { (char[]){ "hel" }, 3 },
				{ (char[]){ "lo" }, 2 } };
	struct iovec in[2] = { { a, 3 }, { b, 8 } };
	struct two t;

	make_two(&t, IPV4);
	connect_two(&t);
	check_eq(miost_socket_writev(t.fds[0], out, 2), 5);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_readv(t.fds[1], in, 2), 5);
	check(memcmp(a, "hel", 3) == 0 && memcmp(b, "lo", 2) == 0);
	close_pair(t.fds);
}

/* Each call on the socket that it is not for. */
static void
wrong_one(void)
{
	struct miost_addr addr;
	ssize_t n;
	struct two t;
	char buf[4];

	make_two(&t, IPV4);
	n = miost_socket_write(t.fds[0], "x", 1);
	check(n == -EDESTADDRREQ || n == -ENOTCONN);
	check_eq(miost_socket_peer_addr(t.fds[0], &addr), -ENOTCONN);
	check_eq(miost_socket_read(t.fds[0], buf, 4), -EAGAIN);
	n = miost_socket_accept(t.fds[0], NULL);
	check(n == -EOPNOTSUPP || n == -EINVAL);
	check(miost_socket_nodelay(t.fds[0]) < 0);

	connect_two(&t);
	n = miost_socket_send_to(t.fds[0], "x", 1, &t.addrs[1]);
	check(n == 1 || n == -EISCONN);
	close_pair(t.fds);

	/* Said, and yet done on Linux: the last of it. */
	make_two(&t, IPV4);
	n = miost_socket_shutdown(t.fds[0], SHUT_RDWR);
	check(n == -ENOTCONN || n == 0);	/* 0 on NetBSD */
	close_pair(t.fds);
}

static void
bad_arguments(void)
{
	struct miost_addr addr = parse("unix:/tmp/x"), own;
	struct miost_datagram datagram = { .data = (char[]){ "x" }, .len = 1 };
	int fds[2], fd;
	char buf[4];

	check_eq(miost_udp_bind(&addr), -EAFNOSUPPORT);
	memset(&addr, 0, sizeof(addr));
	check_eq(miost_udp_bind(&addr), -EAFNOSUPPORT);
	addr = parse(IPV4);
	addr.len = 3;
	check_eq(miost_udp_bind(&addr), -EINVAL);
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_udp_bind(&addr), -EINVAL);
	addr = parse("192.0.2.1:0");
	check_eq(miost_udp_bind(&addr), -EADDRNOTAVAIL);

	fd = bind_udp(IPV4, &own);
	check_eq(miost_udp_bind(&own), -EADDRINUSE);
	own.len = sizeof(own.storage) + 1;
	datagram.addr = own;
	check_eq(miost_socket_connect(fd, &own), -EINVAL);
	check_eq(miost_socket_send_to(fd, "x", 1, &own), -EINVAL);
	check_eq(miost_socket_send_many(fd, &datagram, 1), -EINVAL);
	for (own.len = 0; own.len <= 2; own.len++) {
		check_eq(miost_socket_connect(fd, &own), -EINVAL);
		check_eq(miost_socket_send_to(fd, "x", 1, &own), -EINVAL);
		datagram.addr.len = own.len;
		if (own.len > 0)
			check_eq(miost_socket_send_many(fd, &datagram, 1),
				 -EINVAL);
	}
#ifdef __linux__
	/* All of the storage is more than it needs, and no harm. */
	own.len = sizeof(own.storage);
	datagram.addr.len = own.len;
	check_eq(miost_socket_send_to(fd, "x", 1, &own), 1);
	check_eq(miost_socket_send_many(fd, &datagram, 1), 1);
	check_ok(miost_socket_connect(fd, &own));
	own = parse(IPV4);
	own.len = sizeof(own.storage);
	fds[0] = miost_udp_bind(&own);
	check(fds[0] >= 0);
	fds[1] = miost_tcp_listen(&own);
	check(fds[1] >= 0);
	close_pair(fds);
#endif
	close(fd);

	make_pipe(fds);
	own = parse("127.0.0.1:9");
	datagram.addr = own;
	for (int i = 0; i < 2; i++) {
		int bad = i ? -1 : fds[0];
		int err = i ? -EBADF : -ENOTSOCK;

		check_eq(miost_socket_connect(bad, &own), err);
		check_eq(miost_socket_send_to(bad, "x", 1, &own), err);
		check_eq(miost_socket_recv_from(bad, buf, 4, NULL), err);
		check_eq(miost_socket_peek_from(bad, buf, 4, NULL), err);
		check_eq(miost_socket_send_many(bad, &datagram, 1), err);
		check_eq(miost_socket_recv_many(bad, &datagram, 1), err);
	}
	close_pair(fds);
}

static void
too_long(void)
{
	static char block[70000];
	char buf[] = "....";
	struct two t;

	make_two(&t, IPV4);
	check_eq(miost_socket_send_to(t.fds[0], block, sizeof(block),
				   &t.addrs[1]), -EMSGSIZE);
	/* What does not fit is lost, and what follows is not. */
	check_eq(miost_socket_send_to(t.fds[0], "abcdef", 6, &t.addrs[1]), 6);
	check_eq(miost_socket_send_to(t.fds[0], "gh", 2, &t.addrs[1]), 2);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_recv_from(t.fds[1], buf, 3, NULL), 3);
	check(memcmp(buf, "abc.", 4) == 0);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_recv_from(t.fds[1], buf, 3, NULL), 2);
	check(memcmp(buf, "ghc.", 4) == 0);
	close_pair(t.fds);
}

/* A peer that is gone: its machine says so, and that is this socket's error. */
static void
refused(void)
{
	struct miost_os_queue *queue;
	struct miost_event storage[4];
	int error = 0;
	struct two t;

	make_two(&t, IPV4);
	check_ok(miost_socket_connect(t.fds[0], &t.addrs[1]));
	close(t.fds[1]);
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_os_queue_register(queue, t.fds[0], 1, MIOST_READABLE,
					 MIOST_LEVEL));
	check_eq(miost_socket_write(t.fds[0], "x", 1), 1);
	check_eq(miost_os_queue_poll(queue, storage, 4, scaled(10 * SECOND)),
		 1);
	check(storage[0].readiness & (MIOST_ERROR | MIOST_READABLE));
	check_ok(miost_socket_take_error(t.fds[0], &error));
	check_eq(error, ECONNREFUSED);
	check_eq(miost_socket_read(t.fds[0], &error, 1), -EAGAIN);
	miost_os_queue_free(queue);
	close(t.fds[0]);
}

/* Many a call. */

enum { MANY = 200 };

static char data[MANY][8];
static struct miost_datagram datagrams[MANY];

static void
fill(const struct miost_addr *to)
{
	for (int i = 0; i < MANY; i++) {
		datagrams[i].data = data[i];
		datagrams[i].len = (size_t)snprintf(data[i], sizeof(data[i]),
						    "%d", i);
		if (to != NULL)
			datagrams[i].addr = *to;
		else
			datagrams[i].addr.len = 0;
	}
}

static void
empty(void)
{
	for (int i = 0; i < MANY; i++) {
		memset(data[i], '.', sizeof(data[i]));
		datagrams[i].data = data[i];
		datagrams[i].len = sizeof(data[i]);
		memset(&datagrams[i].addr, 0x55, sizeof(datagrams[i].addr));
	}
}

/* All that wait, from `from` on; whatever is not received is left alone. */
static int
receive_from_on(int fd, int from, const struct miost_addr *sender)
{
	int n;

	empty();
	wait_for(fd, POLLIN);
	n = miost_socket_recv_many(fd, datagrams, MANY);
	check(n > 0);
	for (int i = 0; i < n; i++) {
		char text[8];

		snprintf(text, sizeof(text), "%d", from + i);
		check_eq(datagrams[i].len, strlen(text));
		check(memcmp(data[i], text, strlen(text)) == 0);
		check_eq(data[i][strlen(text)], '.');
		same_addr(&datagrams[i].addr, sender);
	}
	for (int i = n; i < MANY; i++) {
		check_eq(datagrams[i].len, sizeof(data[i]));
		check_eq(data[i][0], '.');
		check_eq(datagrams[i].addr.len, 0x55555555);
	}
	return n;
}

static void
many_by(const char *text, bool with_peer)
{
	struct two t;
	int sent = 0, received = 0;

	make_two(&t, text);
	if (with_peer)
		connect_two(&t);
	empty();
	check_eq(miost_socket_recv_many(t.fds[1], datagrams, MANY), -EAGAIN);
	check_eq(miost_socket_recv_many(t.fds[1], datagrams, 0), 0);
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 0), 0);
	while (sent < MANY) {
		int n;

		fill(with_peer ? NULL : &t.addrs[1]);
		n = miost_socket_send_many(t.fds[0], datagrams + sent,
					(size_t)(MANY - sent));
		check(n > 0);
		sent += n;
		while (received < sent)
			received += receive_from_on(t.fds[1], received,
						    &t.addrs[0]);
	}
	check_eq(received, MANY);
	check_eq(miost_socket_recv_many(t.fds[1], datagrams, MANY), -EAGAIN);
	close_pair(t.fds);
}

static void
many(void)
{
	many_by(IPV4, false);
}

static void
many_connected(void)
{
	many_by(IPV4, true);
}

static void
many_ipv6(void)
{
	need_ipv6();
	many_by(IPV6, false);
}

/* Those before one that fails are sent; it is the error of the next call. */
static void
one_of_many_fails(void)
{
	static char block[70000];
	struct two t;

	make_two(&t, IPV4);
	fill(&t.addrs[1]);
	datagrams[2].data = block;
	datagrams[2].len = sizeof(block);
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 5), 2);
	check_eq(miost_socket_send_many(t.fds[0], datagrams + 2, 3), -EMSGSIZE);
	check_eq(receive_from_on(t.fds[1], 0, &t.addrs[0]), 2);
	fill(&t.addrs[1]);
	datagrams[1].addr.len = sizeof(datagrams[1].addr.storage) + 1;
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 5), 1);
	check_eq(miost_socket_send_many(t.fds[0], datagrams + 1, 4), -EINVAL);
	check_eq(receive_from_on(t.fds[1], 0, &t.addrs[0]), 1);
	/* Not even to the peer, which needs no address. */
	check_ok(miost_socket_connect(t.fds[0], &t.addrs[1]));
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 5), 1);
	close_pair(t.fds);
}

/* To the peer or to others, each as its address says. */
static void
many_peers(void)
{
	struct miost_addr addr;
	char buf[8];
	struct two t;
	int third;

	make_two(&t, IPV4);
	third = bind_udp(IPV4, &addr);
	fill(&addr);
	datagrams[1].addr = t.addrs[1];
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 3), 3);
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_recv_from(t.fds[1], buf, 8, NULL), 1);
	check_eq(buf[0], '1');
	wait_for(third, POLLIN);
	check_eq(miost_socket_recv_from(third, buf, 8, NULL), 1);
	check_eq(buf[0], '0');
	wait_for(third, POLLIN);
	check_eq(miost_socket_recv_from(third, buf, 8, NULL), 1);
	check_eq(buf[0], '2');
	close(third);
	close_pair(t.fds);
}

/* A blocking socket waits for the first one alone. */
static void
many_blocking(void)
{
	struct two t;

	make_two(&t, IPV4);
	check_ok(fcntl(t.fds[1], F_SETFL, 0));
	fill(&t.addrs[1]);
	check_eq(miost_socket_send_many(t.fds[0], datagrams, 3), 3);
	check_eq(receive_from_on(t.fds[1], 0, &t.addrs[0]), 3);
	close_pair(t.fds);
}

static void
truncated_of_many(void)
{
	struct two t;

	make_two(&t, IPV4);
	check_eq(miost_socket_send_to(t.fds[0], "abcdef", 6, &t.addrs[1]), 6);
	check_eq(miost_socket_send_to(t.fds[0], "g", 1, &t.addrs[1]), 1);
	check_eq(miost_socket_send_to(t.fds[0], "", 0, &t.addrs[1]), 0);
	empty();
	datagrams[0].len = 3;
	wait_for(t.fds[1], POLLIN);
	check_eq(miost_socket_recv_many(t.fds[1], datagrams, 4), 3);
	check_eq(datagrams[0].len, 3);
	check(memcmp(data[0], "abc.", 4) == 0);
	check_eq(datagrams[1].len, 1);
	check_eq(datagrams[2].len, 0);
	close_pair(t.fds);
}

static const struct tap_test tests[] = {
	{ "unconnected", unconnected },
	{ "unconnected, IPv6", unconnected_ipv6 },
	{ "connected", connected },
	{ "connected, IPv6", connected_ipv6 },
	{ "vectors", vectors },
	{ "each call on the wrong one", wrong_one },
	{ "bad addresses, and what is no socket", bad_arguments },
	{ "too long to send, and to receive", too_long },
	{ "a peer that is gone: ECONNREFUSED", refused },
	{ "many a call", many },
	{ "many a call, connected", many_connected },
	{ "many a call, IPv6", many_ipv6 },
	{ "one of many fails", one_of_many_fails },
	{ "many, to several peers", many_peers },
	{ "many from a blocking socket", many_blocking },
	{ "many, longer than the memory and empty", truncated_of_many },
};

TAP_MAIN(tests)
