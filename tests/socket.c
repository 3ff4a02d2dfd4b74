/* SPDX-License-Identifier: MIT */
/* What all sockets have. */
#include <limits.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "util.h"

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

static void
read_and_write(void)
{
	char buf[16];
	int fds[2];

	make_pair(fds);
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), -EAGAIN);
	check_eq(miost_socket_peek(fds[0], buf, sizeof(buf)), -EAGAIN);
	check_eq(miost_socket_write(fds[1], "hello", 5), 5);
	check_eq(miost_socket_peek(fds[0], buf, 3), 3);
	check_eq(miost_socket_peek(fds[0], buf, sizeof(buf)), 5);
	check_eq(miost_socket_read(fds[0], buf, 2), 2);
	check(memcmp(buf, "he", 2) == 0);
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), 3);
	check(memcmp(buf, "llo", 3) == 0);
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), -EAGAIN);
	close(fds[1]);
	errno = EINTR;	/* of an earlier call */
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), 0);
	errno = EINTR;
	check_eq(miost_socket_peek(fds[0], buf, sizeof(buf)), 0);
	close(fds[0]);
}

static void
vectors(void)
{
	char a[2], b[3], c[8];
	struct iovec out[3] = { { (char[]){ "he" }, 2 },
				{ (char[]){ "" }, 0 },
				{ (char[]){ "llo!" }, 4 } };
	struct iovec in[3] = { { a, 2 }, { b, 3 }, { c, 8 } };
	static struct iovec most[IOV_MAX];
	int fds[2];

	make_pair(fds);
	check_eq(miost_socket_readv(fds[0], in, 3), -EAGAIN);
	check_eq(miost_socket_writev(fds[1], out, 3), 6);
	check_eq(miost_socket_readv(fds[0], in, 3), 6);
	check(memcmp(a, "he", 2) == 0);
	check(memcmp(b, "llo", 3) == 0);
	check_eq(c[0], '!');
	most[IOV_MAX - 1] = out[0];
	check_eq(miost_socket_writev(fds[1], most, IOV_MAX), 2);
	check_eq(miost_socket_readv(fds[0], most, IOV_MAX), 2);
	check_eq(miost_socket_writev(fds[1], out, -1), -EINVAL);
	check_eq(miost_socket_readv(fds[0], in, -1), -EINVAL);
	check_eq(miost_socket_writev(fds[1], out, INT_MAX), -EINVAL);
	check_eq(miost_socket_readv(fds[0], in, INT_MAX), -EINVAL);
	errno = EINTR;
	check_eq(miost_socket_writev(fds[1], NULL, 0), 0);
	errno = EINTR;
	check_eq(miost_socket_write(fds[1], "", 0), 0);
	check_eq(miost_socket_writev(-1, out, 3), -EBADF);
	check_eq(miost_socket_readv(-1, in, 3), -EBADF);
	close(fds[1]);
	errno = EINTR;
	check_eq(miost_socket_readv(fds[0], in, 3), 0);
	check_eq(miost_socket_writev(fds[0], out, 3), -EPIPE);
	close(fds[0]);
}

static void
full(void)
{
	static const char block[65536];
	ssize_t n;
	int fds[2];

	make_pair(fds);
	while ((n = miost_socket_write(fds[0], block, sizeof(block))) > 0)
		;
	check_eq(n, -EAGAIN);
	close_pair(fds);
}

/* A test that raised SIGPIPE would be ended by it. */
static void
no_sigpipe(void)
{
	char byte = 'x';
	struct miost_datagram two[2] = { { .data = &byte, .len = 1 },
					 { .data = &byte, .len = 1 } };
	struct miost_addr peer;
	int fds[2], err;

	check(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	make_pair(fds);
	close(fds[1]);
	check_eq(miost_socket_write(fds[0], "x", 1), -EPIPE);
	check_eq(miost_socket_send_many(fds[0], two, 2), -EPIPE);
	close(fds[0]);

	make_tcp_pair(IPV4, fds);
	check_ok(miost_socket_peer_addr(fds[0], &peer));
	check_ok(miost_socket_shutdown(fds[0], SHUT_WR));
	check_eq(miost_socket_write(fds[0], "x", 1), -EPIPE);
	/* Not all systems take an address here. */
	err = (int)miost_socket_send_to(fds[0], "x", 1, &peer);
	check(err == -EPIPE || err == -EISCONN);
	close_pair(fds);
}

static void
not_sockets(void)
{
	struct miost_addr addr;
	int fds[2], error;
	char buf[1] = "";

	make_pipe(fds);
	for (int i = 0; i < 2; i++) {
		int fd = i ? -1 : fds[0];
		int err = i ? -EBADF : -ENOTSOCK;

		check_eq(miost_socket_read(fd, buf, 1), err);
		check_eq(miost_socket_peek(fd, buf, 1), err);
		check_eq(miost_socket_write(fd, buf, 1), err);
		check_eq(miost_socket_local_addr(fd, &addr), err);
		check_eq(miost_socket_peer_addr(fd, &addr), err);
		check_eq(miost_socket_shutdown(fd, SHUT_RD), err);
		check_eq(miost_socket_take_error(fd, &error), err);
		check_eq(miost_socket_ttl(fd), err);
		check_eq(miost_socket_set_ttl(fd, 1), err);
		check_eq(miost_socket_nodelay(fd), err);
		check_eq(miost_socket_set_nodelay(fd, true), err);
		check_eq(miost_socket_accept(fd, NULL), err);
		check_eq(miost_socket_connected(fd), err);
	}
	check_eq(miost_socket_clone(-1), -EBADF);
	close_pair(fds);
}

static void
addresses_of(const char *any)
{
	struct miost_addr local, peer, other;
	int fds[2];

	make_tcp_pair(any, fds);
	for (int i = 0; i < 2; i++) {
		check_ok(miost_socket_local_addr(fds[i], &local));
		check_ok(miost_socket_peer_addr(fds[!i], &peer));
		same_addr(&local, &peer);
	}
	check_ok(miost_socket_local_addr(fds[0], NULL));
	check_ok(miost_socket_peer_addr(fds[0], NULL));
	close_pair(fds);

	other = parse(any);
	fds[0] = miost_tcp_listen(&other);
	check(fds[0] >= 0);
	check_eq(miost_socket_peer_addr(fds[0], &peer), -ENOTCONN);
	close(fds[0]);
}

static void
addresses(void)
{
	addresses_of("127.0.0.1:0");
}

static void
addresses_ipv6(void)
{
	need_ipv6();
	addresses_of("[::1]:0");
}

static void
halves(void)
{
	char buf[4];
	int fds[2], err;

	make_tcp_pair(IPV4, fds);
	check_eq(miost_socket_shutdown(fds[0], 77), -EINVAL);
	check_eq(miost_socket_shutdown(fds[0], -1), -EINVAL);
	check_ok(miost_socket_shutdown(fds[0], SHUT_WR));
	wait_for(fds[1], POLLIN);
	check_eq(miost_socket_read(fds[1], buf, sizeof(buf)), 0);
	check_eq(miost_socket_write(fds[1], "back", 4), 4);
	wait_for(fds[0], POLLIN);
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), 4);
	check_ok(miost_socket_shutdown(fds[1], SHUT_RDWR));
	wait_for(fds[0], POLLIN);
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), 0);
	close_pair(fds);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	err = miost_socket_shutdown(fds[0], SHUT_WR);
	check(err == -ENOTCONN || err == 0);	/* 0 on NetBSD */
	close(fds[0]);
}

static void
pending_error(void)
{
	int fds[2], error = -1;

	make_tcp_pair(IPV4, fds);
	check_ok(miost_socket_take_error(fds[0], &error));
	check_eq(error, 0);
	abort_tcp(fds[1]);
	wait_for(fds[0], POLLIN);
	check_ok(miost_socket_take_error(fds[0], &error));
	check_eq(error, ECONNRESET);
	check_ok(miost_socket_take_error(fds[0], &error));
	check_eq(error, 0);
	close(fds[0]);
}

/* Asks the system, not the library. */
static int
true_ttl(int fd, int family)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (family == AF_INET)
		getsockopt(fd, IPPROTO_IP, IP_TTL, &value, &len);
	else
		getsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &value, &len);
	return value;
}

static void
ttl_of(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	check(fd >= 0);
	/* 0: what the kernel uses, as FreeBSD and NetBSD say of IPv6. */
	check(miost_socket_ttl(fd) >= (family == AF_INET ? 1 : 0));
	check(miost_socket_ttl(fd) <= 255);
	check_ok(miost_socket_set_ttl(fd, 1));
	check_eq(miost_socket_ttl(fd), 1);
	check_eq(true_ttl(fd, family), 1);
	check_ok(miost_socket_set_ttl(fd, 255));
	check_eq(miost_socket_ttl(fd), 255);
	check_eq(miost_socket_set_ttl(fd, 0), -EINVAL);
	check_eq(miost_socket_set_ttl(fd, 256), -EINVAL);
	check_eq(miost_socket_set_ttl(fd, -1), -EINVAL);
	check_eq(miost_socket_ttl(fd), 255);
	close(fd);
}

static void
ttl(void)
{
	ttl_of(AF_INET);
}

static void
ttl_ipv6(void)
{
	need_ipv6();
	ttl_of(AF_INET6);
}

static void
nodelay(void)
{
	int fds[2];

	make_tcp_pair(IPV4, fds);
	check_eq(miost_socket_nodelay(fds[0]), 0);
	check_ok(miost_socket_set_nodelay(fds[0], true));
	check_eq(miost_socket_nodelay(fds[0]), 1);
	check_ok(miost_socket_set_nodelay(fds[0], false));
	check_eq(miost_socket_nodelay(fds[0]), 0);
	close_pair(fds);
}

static void
clones(void)
{
	int fds[2], clone;
	char buf[4];

	make_tcp_pair(IPV4, fds);
	clone = miost_socket_clone(fds[0]);
	check(clone >= 0);
	check(clone != fds[0]);
	check(fcntl(clone, F_GETFD) & FD_CLOEXEC);
	check(fcntl(clone, F_GETFL) & O_NONBLOCK);
	close(fds[0]);
	check_eq(miost_socket_write(clone, "ping", 4), 4);
	wait_for(fds[1], POLLIN);
	check_eq(miost_socket_read(fds[1], buf, 4), 4);
	close(clone);
	wait_for(fds[1], POLLIN);
	check_eq(miost_socket_read(fds[1], buf, 4), 0);
	close(fds[1]);
}

/* A blocking read that a signal handler ends, and then satisfies. */

static volatile sig_atomic_t alarms;
static volatile sig_atomic_t answer_to;

static void
on_alarm(int number)
{
	int saved = errno;

	(void)number;
	/* The first times it only interrupts. */
	if (++alarms == 3 && write((int)answer_to, "x", 1) < 0)
		_exit(99);
	errno = saved;
}

static void
retried(void)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct itimerval every = { { 0, 20000 }, { 0, 20000 } };
	struct itimerval off = { { 0, 0 }, { 0, 0 } };
	char buf[4];
	int fds[2];

	check_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	alarms = 0;
	answer_to = fds[1];
	check_ok(sigaction(SIGALRM, &action, &old));
	check_ok(setitimer(ITIMER_REAL, &every, NULL));
	check_eq(miost_socket_read(fds[0], buf, sizeof(buf)), 1);
	check_ok(setitimer(ITIMER_REAL, &off, NULL));
	check_ok(sigaction(SIGALRM, &old, NULL));
	check(alarms >= 3);
	close_pair(fds);
}

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0		/* FreeBSD reserves nothing, unless asked to */
#endif

/* More than a call takes, from buffers that are as long as they say. */
static void
long_buffers(void)
{
	static const size_t size = SIZE_MAX > UINT32_MAX ? (size_t)3 << 30 : 0;
	struct miost_addr addr;
	struct miost_datagram datagram = { .len = size };
	struct iovec iov[3];
	int fds[2], udp;
	char *memory;

	if (size == 0)
		tap_skip("no buffer is too long for a call here");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		tap_skip("there is not enough memory");
	datagram.data = memory;
	iov[0] = (struct iovec){ memory, 0 };
	iov[1] = (struct iovec){ memory, size };
	iov[2] = (struct iovec){ memory, 1 };

	make_pair(fds);
	for (int i = 0; i < 4; i++) {
		const struct iovec *from = i < 3 ? &iov[i % 2] : &iov[1];

		check(i % 2 ? miost_socket_write(fds[0], memory, size) > 0
			    : miost_socket_writev(fds[0], from, 2) > 0);
		check(miost_socket_peek(fds[1], memory, size) > 0);
		check(miost_socket_recv_from(fds[1], memory, size, NULL) > 0);
		while (miost_socket_readv(fds[1], from, 2) > 0 ||
		       miost_socket_read(fds[1], memory, size) > 0)
			;
	}
	/* What comes first is moved, and what does not fit stays. */
	check_eq(miost_socket_writev(fds[0], iov + 2, 1), 1);
	iov[0] = (struct iovec){ memory, 1 };
	check_eq(miost_socket_writev(fds[0], iov, 2), 1);
	check_eq(miost_socket_read(fds[1], memory, 8), 2);
	close_pair(fds);

	check_ok(miost_pipe(fds));
	check(miost_pipe_write(fds[1], memory, size) > 0);
	check(miost_pipe_readv(fds[0], iov + 1, 2) > 0);
	check_eq(miost_pipe_writev(fds[1], iov, 2), 1);
	check(miost_pipe_read(fds[0], memory, size) > 0);
	close_pair(fds);

	/* A datagram is not cut: it is too long, or comes whole. */
	udp = bind_udp(IPV4, &addr);
	datagram.addr = addr;
	check_eq(miost_socket_send_to(udp, memory, size, &addr), -EMSGSIZE);
	check_eq(miost_socket_send_many(udp, &datagram, 1), -EMSGSIZE);
	check_eq(miost_socket_send_to(udp, memory, 100, &addr), 100);
	wait_for(udp, POLLIN);
	check_eq(miost_socket_recv_many(udp, &datagram, 1), 1);
	check_eq(datagram.len, 100);
	iov[0] = (struct iovec){ memory, 100 };
	check_ok(miost_socket_connect(udp, &addr));
	check(miost_socket_writev(udp, iov, 2) < 0);
	close(udp);
	check_ok(munmap(memory, size));
}

static const struct tap_test tests[] = {
	{ "read, peek and write", read_and_write },
	{ "vectors", vectors },
	{ "a full socket: -EAGAIN", full },
	{ "-EPIPE, and never SIGPIPE", no_sigpipe },
	{ "no socket: -ENOTSOCK, not open: -EBADF", not_sockets },
	{ "the addresses of both ends", addresses },
	{ "the addresses of both ends, IPv6", addresses_ipv6 },
	{ "shutdown of each half", halves },
	{ "the pending error is taken", pending_error },
	{ "time to live", ttl },
	{ "hop limit, IPv6", ttl_ipv6 },
	{ "nodelay", nodelay },
	{ "clones", clones },
	{ "a read that a signal interrupts goes on", retried },
	{ "what is longer than a call takes is cut", long_buffers },
};

TAP_MAIN(tests)
