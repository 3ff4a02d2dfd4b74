/* SPDX-License-Identifier: MIT */
/*
 * Failures of sockets and pipes: every system call fails in turn, and nothing
 * may be leaked, lost or half done. And calls as other systems have them.
 */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/time.h>

#include "config.h"

#include "fault_calls.h"

/* What tells the state of TCP, or nothing does. */
#if !defined(TCP_INFO) && defined(TCP_CONNECTION_INFO)
#define TCP_INFO TCP_CONNECTION_INFO
#elif !defined(TCP_INFO)
#define TCP_INFO (-1)
#endif

/* Every call of connect and listen fails once: tap.h looks for leaks. */
static void
sockets_are_closed(void)
{
	static const struct {
		enum call call;
		int nth;
		int error;
	} cases[] = {
		{ SOCKET, 1, EMFILE },	   { SETSOCKOPT, 1, ENOBUFS },
		{ BIND, 1, EACCES },
		{ LISTEN, 1, EADDRINUSE }, { CONNECT, 1, ENETUNREACH },
		{ CONNECT, 1, EACCES },
	};
	struct miost_addr addr = parse(IPV4);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fail(cases[i].call, cases[i].nth, INT_MAX, cases[i].error);
		if (cases[i].call != CONNECT)
			check_eq(miost_tcp_listen(&addr), -cases[i].error);
		if (cases[i].call == SOCKET || cases[i].call == CONNECT)
			check_eq(miost_tcp_connect(&addr), -cases[i].error);
	}
}

static void
made_or_not(int fd)
{
	if (fd == -ENOBUFS)
		return;
	from_birth(fd);
	close(fd);
}

/* The same of the others that make sockets and pipes. */
static void
others_are_closed(void)
{
	static const enum call calls[] = {
		SOCKET, SOCKETPAIR, SETSOCKOPT, FCNTL, BIND, LISTEN, CONNECT,
		PIPE
	};
	struct miost_addr udp = parse(IPV4);
	struct miost_addr addr;
	char path[64];

	snprintf(path, sizeof(path), "unix:/tmp/miost-fault.%ld",
		 (long)getpid());
	addr = parse(path);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int nth = 1; nth <= 6; nth++) {
			int fds[2] = { -7, -7 }, err;

			fail(calls[i], nth, nth, ENOBUFS);
			made_or_not(miost_udp_bind(&udp));
			made_or_not(miost_unix_bind(&addr));
			(void)unlink(path + strlen("unix:"));
			made_or_not(miost_unix_listen(&addr));
			check(miost_unix_connect(&addr) < 0);
			(void)unlink(path + strlen("unix:"));
			err = miost_unix_pair(SOCK_DGRAM, fds);
			check(err == -ENOBUFS ? fds[0] == -7 : err == 0);
			if (err == 0)
				close_pair(fds);
			fds[0] = -7;
			err = miost_pipe(fds);
			check(err == -ENOBUFS ? fds[0] == -7 : err == 0);
			if (err == 0)
				close_pair(fds);
		}
	}
}

static void
connect_interrupted(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd;

	fail(CONNECT, 1, 1, EINTR);
	fd = miost_tcp_connect(&addr);
	check(fd >= 0);
	check_eq(faults.count[CONNECT], 1);
	close(fd);
	fail(CONNECT, 1, 1, EINPROGRESS);
	fd = miost_tcp_connect(&addr);
	check(fd >= 0);
	close(fd);
}

/* A connection that comes about, or fails, while it is asked about. */

static struct {
	int fd;
	struct miost_addr addr;
} late;

static void
connect_late(void)
{
	(connect)(late.fd, (struct sockaddr *)&late.addr.storage,
		  late.addr.len);
}

static void
connected_meanwhile(void)
{
	for (int listens = 0; listens < 2; listens++) {
		int listener;

		late.addr = parse(IPV4);
		listener = miost_tcp_listen(&late.addr);
		check(listener >= 0);
		check_ok(miost_socket_local_addr(listener, &late.addr));
		if (!listens)
			close(listener);
		late.fd = socket(AF_INET, SOCK_STREAM, 0);
		set_nonblocking(late.fd);
		reset_faults();
		faults.after_getpeername = connect_late;
		check_eq(miost_socket_connected(late.fd),
			 listens ? 0 : -ECONNREFUSED);
		reset_faults();
		close(late.fd);
		if (listens)
			close(listener);
	}
}

/* From now on poll(2) is FreeBSD's: what has no peer is not writable. */
static int
ask_connected(int fd)
{
	faults.not_writable = true;
	return miost_socket_connected(fd);
}

static void
never_connected_of(int family, int type, const char *any)
{
	struct miost_addr addr = parse(any);
	int fd = miost_socket_new(family, type);

	check(fd >= 0);
	reset_faults();
	check_eq(ask_connected(fd), -ENOTCONN);
	/* A system that does not say the state of TCP. */
	fail(GETSOCKOPT, 1, INT_MAX, ENOPROTOOPT);
	faults.option = TCP_INFO;
	check_eq(ask_connected(fd), -ENOTCONN);
	reset_faults();
	if (family != AF_UNIX) {
		check_ok(miost_socket_bind(fd, &addr));
		check_eq(ask_connected(fd),
			 TCP_INFO > 0 || type == SOCK_DGRAM ? -ENOTCONN
							    : -EINPROGRESS);
		/* Closed, as the BSDs number it. */
		fail(GETSOCKOPT, 1, INT_MAX, 0);
		faults.option = TCP_INFO;
		faults.value = 0;
		if (TCP_INFO > 0)
			check_eq(ask_connected(fd), -ENOTCONN);
	}
	reset_faults();
	close(fd);
}

static void
never_connected(void)
{
	never_connected_of(AF_INET, SOCK_STREAM, "127.0.0.1:0");
	never_connected_of(AF_INET, SOCK_DGRAM, "127.0.0.1:0");
	never_connected_of(AF_UNIX, SOCK_STREAM, "unix:");
	never_connected_of(AF_UNIX, SOCK_DGRAM, "unix:");
	if (has_ipv6()) {
		never_connected_of(AF_INET6, SOCK_STREAM, "[::1]:0");
		never_connected_of(AF_INET6, SOCK_DGRAM, "[::1]:0");
	}
}

/* What is on its way is so also for systems that tell less. */
static void
on_the_way(void)
{
	struct miost_addr addr;
	int listener = make_full_listener(&addr);
	int fd = miost_tcp_connect(&addr);

	check(fd >= 0);
	reset_faults();
	check_eq(ask_connected(fd), -EINPROGRESS);
	fail(GETSOCKOPT, 1, INT_MAX, ENOPROTOOPT);
	faults.option = TCP_INFO;
	check_eq(ask_connected(fd), -EINPROGRESS);
	/* Both ends connect to each other. */
	fail(GETSOCKOPT, 1, INT_MAX, 0);
	faults.option = TCP_INFO;
	faults.value = 3;
	check_eq(ask_connected(fd), -EINPROGRESS);
	/* A descriptor that another thread closes meanwhile. */
	fail(GETSOCKNAME, 1, 1, EBADF);
	check_eq(ask_connected(fd), -ENOTCONN);
	reset_faults();
	close(fd);
	close(listener);

	/* A Unix stream of a BSD whose listener has LOCAL_CONNWAIT. */
	fd = miost_socket_new(AF_UNIX, SOCK_STREAM);
	fail(RECV, 1, 1, EWOULDBLOCK);
	check_eq(ask_connected(fd), -EINPROGRESS);
	check_eq(faults.count[RECV], 1);
	reset_faults();
	close(fd);

	/* A family of whose addresses nothing is known. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	fail(GETSOCKNAME, 1, INT_MAX, 0);
	check_eq(ask_connected(fd), -EINPROGRESS);
	reset_faults();
	close(fd);
}

/* A Unix stream that got its peer, and bytes, while it was asked about. */
static void
connected_with_bytes(void)
{
	int fds[2];

	make_pair(fds);
	check_eq(miost_socket_write(fds[1], "xyz", 3), 3);
	fail(GETPEERNAME, 1, 1, ENOTCONN);
	check_ok(ask_connected(fds[0]));
	check_eq(faults.count[RECV], 1);
	/* So macOS says that it is over. */
	fail(GETPEERNAME, 1, 1, EINVAL);
	check_eq(miost_socket_peer_addr(fds[0], NULL), -ENOTCONN);
	reset_faults();
	close_pair(fds);
}

/* A name whose length is above its memory's. */
static void
long_names(void)
{
	struct miost_datagram datagram = { .data = (char[4]){ "" }, .len = 4 };
	struct miost_addr addr = parse(IPV4);
	char buf[4];
	int fds[2];

	fds[0] = miost_udp_bind(&addr);
	check(fds[0] >= 0);
	reset_faults();
	faults.name_len = 200;
	check_ok(miost_socket_local_addr(fds[0], &addr));
	check_eq(addr.len, sizeof(addr.storage));
	reset_faults();
	close(fds[0]);

	/* A sender without a name, on a socket that has none to be asked. */
	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	for (int i = 0; i < 2; i++)
		check_eq(miost_socket_write(fds[1], "x", 1), 1);
	fail(GETSOCKNAME, 1, 2, ENOBUFS);
	check_eq(miost_socket_recv_from(fds[0], buf, 4, &addr), 1);
	check_eq(addr.len, 0);
	check_eq(miost_socket_recv_many(fds[0], &datagram, 1), 1);
	check_eq(datagram.addr.len, 0);
	reset_faults();
	close_pair(fds);
}

/* Interfaces as there are few, and errors of looking for one. */
static void
interfaces(void)
{
	struct miost_addr addr = parse("[fe80::1%1]:80");
	char text[64];

	reset_faults();
	faults.interface = "007";
	check_eq(miost_addr_format(&addr, text, sizeof(text)), 14);
	check_str(text, "[fe80::1%1]:80");
	faults.interface = "7up";
	check_eq(miost_addr_format(&addr, text, sizeof(text)), 16);
	check_str(text, "[fe80::1%7up]:80");
	fail(NAMETOINDEX, 1, INT_MAX, ENXIO);
	check_eq(miost_addr_parse("[fe80::1%x]:80", &addr), -ENODEV);
	fail(NAMETOINDEX, 1, INT_MAX, ENOBUFS);
	check_eq(miost_addr_parse("[fe80::1%x]:80", &addr), -ENOBUFS);
}

/* The hop limit of an IPv6 socket is -1 where the kernel chooses. */
static void
no_hop_limit(void)
{
	int fd;

	need_ipv6();
	fd = miost_socket_new(AF_INET6, SOCK_STREAM);
	check(fd >= 0);
	fail(GETSOCKOPT, 1, 1, 0);
	faults.value = -1;
	check_eq(miost_socket_ttl(fd), 0);
	check_eq(faults.count[GETSOCKOPT], 1);
	check_fails(GETSOCKOPT, ENOBUFS, miost_socket_ttl(fd));
	reset_faults();
	close(fd);
}

/* Calls that a sandbox, or an older kernel, refuses. */

static const int refusals[] = { ENOSYS, EPERM, EACCES, EINVAL, EOPNOTSUPP };

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static void
sockets_refused(void)
{
#ifdef HAVE_SOCK_NONBLOCK
	int fds[2], fd;

	for (int i = 0; i < REFUSALS; i++) {
		fail(SOCKET, 1, 1, refusals[i]);
		fd = miost_socket_new(AF_INET, SOCK_STREAM);
		check_eq(faults.count[SOCKET], 2);
		from_birth(fd);
		close(fd);
		fail(SOCKET, 1, 2, refusals[i]);
		check_eq(miost_socket_new(AF_INET, SOCK_STREAM), -refusals[i]);
		fail(SOCKETPAIR, 1, 1, refusals[i]);
		check_ok(miost_unix_pair(SOCK_STREAM, fds));
		from_birth(fds[0]);
		from_birth(fds[1]);
		close_pair(fds);
		fail(SOCKETPAIR, 1, 2, refusals[i]);
		check_eq(miost_unix_pair(SOCK_STREAM, fds), -refusals[i]);
	}
	reset_faults();
#else
	tap_skip("this system has no SOCK_NONBLOCK");
#endif
}

static void
pipes_refused(void)
{
#ifdef HAVE_PIPE2
	int fds[2];

	for (int i = 0; i < REFUSALS; i++) {
		fail(PIPE, 1, 1, refusals[i]);
		check_ok(miost_pipe(fds));
		check_eq(faults.count[PIPE], 2);
		from_birth(fds[0]);
		from_birth(fds[1]);
		close_pair(fds);
		fail(PIPE, 1, 2, refusals[i]);
		check_eq(miost_pipe(fds), -refusals[i]);
	}
	reset_faults();
#else
	tap_skip("this system has no pipe2");
#endif
}

/* The flags cannot be set: the two are closed, as tap.h sees. */
static void
plain_pairs_are_closed(void)
{
#if defined(HAVE_PIPE2) && defined(HAVE_SOCK_NONBLOCK)
	for (int nth = 1; nth <= 6; nth++) {
		int fds[2] = { -7, -7 };

		fail(FCNTL, nth, nth, ENOBUFS);
		faults.refused = PIPE;
		check_eq(miost_pipe(fds), -ENOBUFS);
		fail(FCNTL, nth, nth, ENOBUFS);
		faults.refused = SOCKETPAIR;
		check_eq(miost_unix_pair(SOCK_STREAM, fds), -ENOBUFS);
		check_eq(fds[0], -7);
		check_eq(fds[1], -7);
		fail(FCNTL, (nth - 1) % 3 + 1, 3, ENOBUFS);
		faults.refused = SOCKET;
		check_eq(miost_socket_new(AF_INET, SOCK_DGRAM), -ENOBUFS);
	}
	reset_faults();
#else
	tap_skip("this system has neither pipe2 nor SOCK_NONBLOCK");
#endif
}

static void
accept_refused(void)
{
#ifdef HAVE_ACCEPT4
	struct miost_addr addr, peer, local;
	int listener = listen_on(IPV4, &addr);

	for (int i = 0; i < REFUSALS; i++) {
		int client = miost_tcp_connect(&addr), fd;

		check(client >= 0);
		wait_for(listener, POLLIN);
		/* And what it is then given by may fail, too. */
		fail(FCNTL, i % 3 + 1, i % 3 + 1, ENOBUFS);
		faults.refused = ACCEPT;
		if (i < 3) {
			check_eq(miost_socket_accept(listener, NULL), -ENOBUFS);
			close(client);
			continue;
		}
		fail(ACCEPT, 1, 1, refusals[i]);
		fd = miost_socket_accept(listener, &peer);
		check_eq(faults.count[ACCEPT], 2);
		from_birth(fd);
		check_ok(miost_socket_local_addr(client, &local));
		same_addr(&peer, &local);
		close(fd);
		close(client);
	}
	for (int i = 0; i < REFUSALS; i++) {
		fail(ACCEPT, 1, 1, refusals[i]);
		check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
		fail(ACCEPT, 1, 2, refusals[i]);
		check_eq(miost_socket_accept(listener, NULL), -refusals[i]);
	}
	reset_faults();
	close(listener);
#else
	tap_skip("this system has no accept4");
#endif
}

/* Descriptor 0 is no error of the older calls, either. */
static void
zero_after_refusal(void)
{
#if defined(HAVE_ACCEPT4) && defined(HAVE_SOCK_NONBLOCK)
	struct miost_addr addr;
	int listener = listen_on(IPV4, &addr), client, fd;
	int keep = fcntl(0, F_DUPFD_CLOEXEC, 100);

	if (keep < 0) {
		close(listener);
		tap_skip("there is no descriptor 0 to begin with");
	}
	client = miost_tcp_connect(&addr);
	check(client > 0);
	wait_for(listener, POLLIN);
	close(0);
	for (int i = 0; i < 2; i++) {
		reset_faults();
		faults.refused = i ? SOCKET : ACCEPT;
		fd = i ? miost_socket_new(AF_INET, SOCK_STREAM)
		       : miost_socket_accept(listener, NULL);
		check_eq(fd, 0);
		from_birth(fd);
		close(fd);
	}
	reset_faults();
	check_eq(dup2(keep, 0), 0);
	close(keep);
	close(client);
	close(listener);
#else
	tap_skip("this system has neither accept4 nor SOCK_NONBLOCK");
#endif
}

/* Others than those: they are said, and nothing else is tried. */
static void
other_errors(void)
{
	struct miost_addr addr;
	int listener = listen_on(IPV4, &addr);
	int fds[2] = { -7, -7 };

	check_fails(SOCKET, ENFILE, miost_socket_new(AF_INET, SOCK_STREAM));
	check_fails(SOCKETPAIR, ENFILE, miost_unix_pair(SOCK_STREAM, fds));
	check_fails(PIPE, ENFILE, miost_pipe(fds));
	check_fails(ACCEPT, ENOBUFS, miost_socket_accept(listener, NULL));
	/* One that the older calls have, too, is the result. */
	for (int i = 0; i < REFUSALS; i++) {
		fail(SOCKET, 1, INT_MAX, refusals[i]);
		check_eq(miost_socket_new(AF_INET, SOCK_STREAM), -refusals[i]);
	}
	reset_faults();
	close(listener);
}

static void
accept_goes_on(void)
{
	static const int passed_over[] = { EINTR, ECONNABORTED, EPROTO };
	struct miost_addr addr;
	int listener = listen_on(IPV4, &addr);

	for (int i = 0; i < 3; i++) {
		fail(ACCEPT, 1, 3, passed_over[i]);
		check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
		check_eq(faults.count[ACCEPT], 4);
	}
	check_fails(ACCEPT, ENFILE, miost_socket_accept(listener, NULL));
	check_eq(faults.count[ACCEPT], 1);
	/* But not without end. */
	for (int i = 1; i < 3; i++) {
		fail(ACCEPT, 1, INT_MAX, passed_over[i]);
		check_eq(miost_socket_accept(listener, NULL), -passed_over[i]);
		check_eq(faults.count[ACCEPT], 128);
	}
	fail(ACCEPT, 1, 127, ECONNABORTED);
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
	fail(ACCEPT, 1, 1000, EINTR);
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
	reset_faults();
	close(listener);
}

/* What was over before it got its options is not the listener's, either. */
static void
accept_passes_over(void)
{
#ifdef HAVE_SO_NOSIGPIPE
	struct miost_addr addr;
	int listener = listen_on(IPV4, &addr);
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = miost_tcp_connect(&addr);
		wait_for(fds[i], POLLOUT);
	}
	wait_for(listener, POLLIN);
	fail(SETSOCKOPT, 1, 2, EINVAL);
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
	check_eq(faults.count[ACCEPT], 3);
	reset_faults();
	close_pair(fds);
	close(listener);
#else
	tap_skip("this system's sockets need no option against SIGPIPE");
#endif
}

static void
reads_go_on(void)
{
	char buf[4] = "";
	struct iovec iov = { buf, sizeof(buf) };
	int fds[2];

	make_pair(fds);
	check_goes_on(SEND, miost_socket_write(fds[0], "x", 1), 1);
	check_goes_on(RECV, miost_socket_read(fds[1], buf, sizeof(buf)), 1);
	fail(RECV, 1, 1, EWOULDBLOCK);
	check_eq(miost_socket_read(fds[1], buf, sizeof(buf)), -EAGAIN);
	check_fails(RECV, ECONNRESET,
		    miost_socket_peek(fds[1], buf, sizeof(buf)));
	check_goes_on(SENDMSG, miost_socket_writev(fds[0], &iov, 1), 4);
	check_goes_on(RECVMSG, miost_socket_readv(fds[1], &iov, 1), 4);
	check_fails(SEND, ENOBUFS, miost_socket_write(fds[0], "x", 1));
	reset_faults();
	close_pair(fds);
}

/* The calls that take or give many, on systems that have them or not. */
#ifdef HAVE_SENDMMSG
#define SEND_MANY SENDMMSG
#else
#define SEND_MANY SENDMSG
#endif
#ifdef HAVE_RECVMMSG
#define RECV_MANY RECVMMSG
#else
#define RECV_MANY RECVMSG
#endif

static void
datagrams_go_on(void)
{
	struct miost_addr addr;
	struct miost_datagram many[2] = { { .data = NULL } };
	int fd = bind_udp(IPV4, &addr);
	char buf[4] = "";

	for (int i = 0; i < 2; i++) {
		many[i].data = buf;
		many[i].len = 1;
		many[i].addr = addr;
	}
	check_goes_on(SENDTO, miost_socket_send_to(fd, "x", 1, &addr), 1);
	check_fails(SENDTO, ENOBUFS, miost_socket_send_to(fd, "x", 1, &addr));
	wait_for(fd, POLLIN);
	check_goes_on(RECVFROM, miost_socket_peek_from(fd, buf, 4, NULL), 1);
	check_fails(RECVFROM, ECONNREFUSED,
		    miost_socket_recv_from(fd, buf, 4, NULL));
	check_eq(miost_socket_recv_from(fd, buf, 4, NULL), 1);
	fail(SEND_MANY, 1, 2, EINTR);
	check_eq(miost_socket_send_many(fd, many, 2), 2);
	fail(SEND_MANY, 1, 1, EWOULDBLOCK);
	check_eq(miost_socket_send_many(fd, many, 2), -EAGAIN);
	wait_for(fd, POLLIN);
	fail(RECV_MANY, 1, 2, EINTR);
	check_eq(miost_socket_recv_many(fd, many, 2), 2);
	check_fails(RECV_MANY, ECONNREFUSED,
		    miost_socket_recv_many(fd, many, 2));
	reset_faults();
	close(fd);
}

/* Without memory to receive into, no system is asked. */
static void
no_memory_to_receive_into(void)
{
	char buf[4];
	struct miost_datagram many[3] = {
		{ .data = buf, .len = 4 }, { .data = buf }, { .data = buf },
	};
	struct iovec iov[2] = { { buf, 0 }, { buf, 0 } };
	struct miost_addr addr;
	int fds[2];

	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	for (int full = 0; full < 2; full++) {
		reset_faults();
		memset(&addr, 0x55, sizeof(addr));
		many[1].addr.len = 77;
		check_eq(miost_socket_read(fds[0], buf, 0), 0);
		check_eq(miost_socket_peek(fds[0], buf, 0), 0);
		check_eq(miost_socket_readv(fds[0], iov, 2), 0);
		check_eq(miost_socket_readv(fds[0], NULL, 0), 0);
		check_eq(miost_socket_recv_from(fds[0], buf, 0, &addr), 0);
		check_eq(miost_socket_peek_from(fds[0], buf, 0, &addr), 0);
		check_eq(miost_socket_recv_many(fds[0], many + 1, 2), 0);
		check_eq(addr.len, 0x55555555);
		check_eq(many[1].addr.len, 77);
		check_eq(miost_pipe_read(fds[0], buf, 0), 0);
		check_eq(miost_pipe_readv(fds[0], iov, 2), 0);
		check_eq(faults.count[RECV] + faults.count[RECVMSG] +
			 faults.count[RECVFROM] + faults.count[RECVMMSG] +
			 faults.count[READ] + faults.count[READV], 0);
		for (int i = 0; i < 2 && !full; i++)
			check_eq(miost_socket_write(fds[1], "abc", 3), 3);
	}
	/* Those before one that has none are received. */
	check_eq(miost_socket_recv_many(fds[0], many, 3), 1);
	check_eq(many[0].len, 3);
	check_eq(many[1].addr.len, 77);
	check_eq(miost_socket_read(fds[0], buf, 4), 3);
	check_eq(miost_socket_read(fds[0], buf, 4), -EAGAIN);
	reset_faults();
	close_pair(fds);
}

/* Skips a test of the calls for many datagrams where there are none. */
static void
need_many(void)
{
#if !defined(HAVE_RECVMMSG) || !defined(HAVE_SENDMMSG)
	tap_skip("this system has no calls for many datagrams");
#endif
}

/* Where the calls for many are refused, they go one by one. */
static void
many_refused(void)
{
	struct miost_addr addr;
	struct miost_datagram many[3];
	struct timeval span = { .tv_usec = 50000 };
	char data[3][4] = { "a", "b", "c" };
	int64_t before;
	int fd;

	need_many();
	fd = bind_udp(IPV4, &addr);
	for (int i = 0; i < REFUSALS; i++) {
		for (int k = 0; k < 3; k++)
			many[k] = (struct miost_datagram){
				.data = data[k], .len = (size_t)k + 1,
				.addr = addr,
			};
		fail(SENDMMSG, 1, INT_MAX, refusals[i]);
		check_eq(miost_socket_send_many(fd, many, 3), 3);
		check_eq(faults.count[SENDMSG], 3);
		wait_for(fd, POLLIN);
		for (int k = 0; k < 3; k++) {
			many[k].len = 3;
			memset(&many[k].addr, 0x55, sizeof(many[k].addr));
		}
		many[2].len = 2;
		fail(RECVMMSG, 1, INT_MAX, refusals[i]);
		check_eq(miost_socket_recv_many(fd, many, 3), 3);
		check_eq(faults.count[RECVMSG], 3);
		for (int k = 0; k < 3; k++) {
			check_eq(many[k].len, k < 2 ? k + 1 : 2);
			check_eq(many[k].flags, k < 2 ? 0 : MIOST_TRUNCATED);
			same_addr(&many[k].addr, &addr);
		}
		fail(RECVMMSG, 1, INT_MAX, refusals[i]);
		check_eq(miost_socket_recv_many(fd, many, 3), -EAGAIN);
		check_eq(faults.count[RECVMSG], 1);
	}
	/* One that fails later ends the call. */
	for (int k = 0; k < 3; k++)
		many[k] = (struct miost_datagram){ data[k], 1, addr, 0, 0 };
	fail(SENDMSG, 3, 3, ENOBUFS);
	faults.refused = SENDMMSG;
	check_eq(miost_socket_send_many(fd, many, 3), 2);
	wait_for(fd, POLLIN);
	check_eq(miost_socket_recv_many(fd, many, 3), 2);
	fail(SENDMSG, 2, 2, ENOBUFS);
	faults.refused = SENDMMSG;
	check_eq(miost_socket_send_many(fd, many, 3), 1);
	fail(SENDMSG, 1, 1, ENOBUFS);
	faults.refused = SENDMMSG;
	check_eq(miost_socket_send_many(fd, many, 3), -ENOBUFS);
	fail(SENDMSG, 1, 2, EINTR);
	faults.refused = SENDMMSG;
	check_eq(miost_socket_send_many(fd, many, 1), 1);
	wait_for(fd, POLLIN);
	fail(RECVMSG, 2, 2, EINTR);
	faults.refused = RECVMMSG;
	check_eq(miost_socket_recv_many(fd, many, 3), 1);
	fail(RECVMSG, 1, 2, EINTR);
	faults.refused = RECVMMSG;
	check_eq(miost_socket_recv_many(fd, many, 3), 1);
	/* Empty ones count. */
	for (int k = 0; k < 3; k++)
		many[k] = (struct miost_datagram){ data[k], 0, addr, 0, 0 };
	reset_faults();
	faults.refused = SENDMMSG;
	check_eq(miost_socket_send_many(fd, many, 3), 3);
	wait_for(fd, POLLIN);
	for (int k = 0; k < 3; k++)
		many[k].len = 4;
	reset_faults();
	faults.refused = RECVMMSG;
	check_eq(miost_socket_recv_many(fd, many, 3), 3);
	check_eq(many[2].len, 0);
	/* A blocking socket waits for the first alone. */
	check_ok(fcntl(fd, F_SETFL, 0));
	check_ok(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &span, sizeof(span)));
	before = miost_now();
	reset_faults();
	faults.refused = RECVMMSG;
	many[0].len = 4;
	check_eq(miost_socket_recv_many(fd, many, 1), -EAGAIN);
	check(miost_now() - before >= 30 * MS);
	reset_faults();
	close(fd);
}

/* How many datagrams go to a blocking socket's peer, and for how long. */
static int
send_blocking(int fd, size_t n, int64_t *span)
{
	struct miost_datagram many[3];
	int64_t before = miost_now();
	char byte = 'x';
	int sent;

	for (size_t i = 0; i < n; i++)
		many[i] = (struct miost_datagram){ .data = &byte, .len = 1 };
	reset_faults();
	faults.refused = SENDMMSG;
	sent = miost_socket_send_many(fd, many, n);
	*span = miost_now() - before;
	return sent;
}

static void
limit_sends(int fd, int64_t us)
{
	struct timeval limit = { (time_t)(us / 1000000),
				 (suseconds_t)(us % 1000000) };

	check_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit,
			    sizeof(limit)));
}

/* One by one, a blocking socket waits for room for the first alone. */
static void
many_refused_blocking(void)
{
	const int64_t most = scaled(2 * SECOND);
	int64_t span;
	char buf[4];
	int fds[2];

	need_many();
	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	while (miost_socket_write(fds[0], "x", 1) == 1)
		;
	check_eq(miost_socket_read(fds[1], buf, 4), 1);
	check_ok(fcntl(fds[0], F_SETFL, 0));
	limit_sends(fds[0], most / 1000);
	check_eq(send_blocking(fds[0], 3, &span), 1);
	check(span < most / 2);
	limit_sends(fds[0], 50000);
	check_eq(send_blocking(fds[0], 1, &span), -EAGAIN);
	check(span >= 30 * MS);
	close_pair(fds);
	/* A stream whose peer is gone raises no SIGPIPE. */
	check(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	make_pair(fds);
	close(fds[1]);
	check_eq(send_blocking(fds[0], 2, &span), -EPIPE);
	reset_faults();
	close(fds[0]);
}

/* An error of the socket's own, told once, may be one of a sandbox, too. */
static void
many_and_pending_errors(void)
{
	struct miost_datagram datagram = { .data = (char[]){ 'x' }, .len = 1 };
	int fd;

	need_many();
	fd = bind_udp(IPV4, &datagram.addr);
	for (int i = 0; i < REFUSALS; i++) {
		if (refusals[i] == ENOSYS)
			continue;
		fail(SENDMMSG, 1, 1, refusals[i]);
		check_eq(miost_socket_send_many(fd, &datagram, 1),
			 -refusals[i]);
		check_eq(faults.count[SENDMSG], 0);
		fail(RECVMMSG, 1, 1, refusals[i]);
		check_eq(miost_socket_recv_many(fd, &datagram, 1),
			 -refusals[i]);
		check_eq(faults.count[RECVMSG], 0);
	}
	reset_faults();
	check_eq(miost_socket_send_many(fd, &datagram, 1), 1);
	close(fd);
}

/* One system call each, where the system has it. */
static void
many_is_one_call(void)
{
	static struct miost_datagram many[100];
	struct miost_addr addr;
	char buf[4] = "abc";
	int fd;

	need_many();
	fd = bind_udp(IPV4, &addr);
	for (int i = 0; i < 100; i++) {
		many[i].data = buf;
		many[i].len = 1;
		many[i].addr = addr;
	}
	reset_faults();
	check_eq(miost_socket_send_many(fd, many, 100), 64);
	check_eq(faults.count[SENDMMSG], 1);
	wait_for(fd, POLLIN);
	check_eq(miost_socket_recv_many(fd, many, 100), 64);
	check_eq(faults.count[RECVMMSG], 1);
	reset_faults();
	close(fd);
}

static void
pipes_go_on(void)
{
	char buf[4] = "";
	struct iovec iov = { buf, sizeof(buf) };
	int fds[2];

	check_ok(miost_pipe(fds));
	check_goes_on(WRITE, miost_pipe_write(fds[1], "x", 1), 1);
	check_goes_on(READ, miost_pipe_read(fds[0], buf, 4), 1);
	check_goes_on(WRITEV, miost_pipe_writev(fds[1], &iov, 1), 4);
	check_goes_on(READV, miost_pipe_readv(fds[0], &iov, 1), 4);
	fail(READ, 1, 1, EWOULDBLOCK);
	check_eq(miost_pipe_read(fds[0], buf, 4), -EAGAIN);
	check_fails(WRITE, EIO, miost_pipe_write(fds[1], "x", 1));
	check_fails(READV, EIO, miost_pipe_readv(fds[0], &iov, 1));
	check_fails(WRITEV, EIO, miost_pipe_writev(fds[1], &iov, 1));
	reset_faults();
	close_pair(fds);
}

static const struct tap_test tests[] = {
	{ "whatever fails, the socket is closed", sockets_are_closed },
	{ "an interrupted connect goes on", connect_interrupted },
	{ "a connection that changes while it is asked about",
	  connected_meanwhile },
	{ "never connected: -ENOTCONN, whatever poll(2) says",
	  never_connected },
	{ "on its way: -EINPROGRESS, whatever else is known", on_the_way },
	{ "connected, with bytes, while it is asked about",
	  connected_with_bytes },
	{ "names that are longer than their memory, and none", long_names },
	{ "names of interfaces", interfaces },
	{ "a hop limit that the kernel chooses is 0", no_hop_limit },
	{ "sockets without SOCK_NONBLOCK", sockets_refused },
	{ "pipes without pipe2", pipes_refused },
	{ "pairs that get no flags are closed", plain_pairs_are_closed },
	{ "connections without accept4", accept_refused },
	{ "descriptor 0 of older calls", zero_after_refusal },
	{ "other errors are no refusals", other_errors },
	{ "accept passes over what is not the listener's", accept_goes_on },
	{ "accept passes over what is over", accept_passes_over },
	{ "reads and writes go on when interrupted", reads_go_on },
	{ "sockets of other kinds, and pipes, are closed", others_are_closed },
	{ "datagrams go on when interrupted", datagrams_go_on },
	{ "nothing to receive into: 0", no_memory_to_receive_into },
	{ "many datagrams without recvmmsg and sendmmsg", many_refused },
	{ "and a blocking socket waits for the first", many_refused_blocking },
	{ "an error of the socket is no refusal", many_and_pending_errors },
	{ "many datagrams are one call", many_is_one_call },
	{ "pipes go on when interrupted", pipes_go_on },
};

TAP_MAIN_WITH(tests, reset_faults, reset_faults)
