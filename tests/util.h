/* SPDX-License-Identifier: MIT */
/* What several tests need: time, and connected pairs. */
#ifndef UTIL_H
#define UTIL_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <miost.h>

#include "tap.h"

#define MS INT64_C(1000000)
#define SECOND (1000 * MS)

/* A bound of time as long as this machine needs; none for lower bounds. */
static inline int64_t
scaled(int64_t span)
{
	return (int64_t)((double)span * tap_time_factor());
}

/* What kqueue does otherwise says the manual, and each test of it. */
static inline bool
on_epoll(void)
{
	return strcmp(miost_backend(), "epoll") == 0;
}

/* Whether all of `bits` are in `ready`. */
static inline bool
has_all(miost_ready ready, miost_ready bits)
{
	return (ready & bits) == bits;
}

static inline struct miost_event
event_of(miost_id id, miost_ready readiness)
{
	struct miost_event event = { .id = id, .readiness = readiness };

	return event;
}

static inline sigset_t
set_of_one(int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	return set;
}

/* Calls that never should fail here. */
#define check_ok(call) check_eq(call, 0)

static inline void
set_nonblocking(int fd)
{
	check_ok(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

/* Two connected Unix stream sockets. */
static inline void
make_pair(int fds[2])
{
	check_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
}

static inline void
make_pipe(int fds[2])
{
	check_ok(pipe(fds));
	set_nonblocking(fds[0]);
	set_nonblocking(fds[1]);
}

static inline void
close_pair(const int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

/* Closes what clean-up would, early. */
static inline void
drop(int *fd)
{
	close(*fd);
	*fd = -1;
}

static inline struct miost_addr
parse(const char *text)
{
	struct miost_addr addr;

	check_ok(miost_addr_parse(text, &addr));
	return addr;
}

static inline void
same_addr(const struct miost_addr *a, const struct miost_addr *b)
{
	char text_a[128], text_b[128];

	check(miost_addr_format(a, text_a, sizeof(text_a)) > 0);
	check(miost_addr_format(b, text_b, sizeof(text_b)) > 0);
	check_str(text_a, text_b);
	/* Whether the NUL after a path counts is not the same everywhere. */
	if (a->storage.ss_family != AF_UNIX)
		check_eq(a->len, b->len);
}

#define IPV4 "127.0.0.1:0"
#define IPV6 "[::1]:0"

/* An address that the system chose, of what listens or is bound to `any`. */
static inline int
listen_on(const char *any, struct miost_addr *addr)
{
	int fd;

	*addr = parse(any);
	fd = miost_tcp_listen(addr);
	check(fd >= 0);
	check_ok(miost_socket_local_addr(fd, addr));
	return fd;
}

static inline int
bind_udp(const char *any, struct miost_addr *addr)
{
	int fd;

	*addr = parse(any);
	fd = miost_udp_bind(addr);
	check(fd >= 0);
	check_ok(miost_socket_local_addr(fd, addr));
	return fd;
}

/* Waits with poll(2), so that no test of the queue leans on the queue. */
static inline short
wait_for(int fd, short events)
{
	struct pollfd wait = { .fd = fd, .events = events };

	check_eq(poll(&wait, 1, (int)(scaled(10 * SECOND) / MS)), 1);
	return wait.revents;
}

/*
 * A TCP listener that takes no more, so that connections stay on their way.
 * What filled its queue is gone, and still in it.
 */
static inline int
make_full_listener(struct miost_addr *addr)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fds[16], n, ready = 1;

	*addr = parse(IPV4);
	check_ok(miost_socket_bind(listener, addr));
	check_ok(listen(listener, 0));
	check_ok(miost_socket_local_addr(listener, addr));
	for (n = 0; n < 16 && ready > 0; n++) {
		struct pollfd wait = { .events = POLLOUT };

		fds[n] = miost_tcp_connect(addr);
		check(fds[n] >= 0);
		wait.fd = fds[n];
		ready = poll(&wait, 1, 200);
	}
	while (n > 0)
		close(fds[--n]);
	if (ready > 0) {
		close(listener);
		tap_skip("this system's smallest backlog takes 16");
	}
	return listener;
}

/* Two connected TCP sockets: fds[0] connected, fds[1] was accepted. */
static inline void
make_tcp_pair(const char *any, int fds[2])
{
	struct miost_addr addr;
	int listener = listen_on(any, &addr);

	fds[0] = miost_tcp_connect(&addr);
	check(fds[0] >= 0);
	wait_for(listener, POLLIN);
	fds[1] = miost_socket_accept(listener, NULL);
	check(fds[1] >= 0);
	wait_for(fds[0], POLLOUT);
	check_ok(miost_socket_connected(fds[0]));
	close(listener);
}

/* So that its peer is reset. */
static inline void
abort_tcp(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	check_ok(
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(fd);
}

/* A call that makes a descriptor as all of them should be. */
static inline int
from_birth(int fd)
{
	check(fd >= 0);
	check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	check(fcntl(fd, F_GETFL) & O_NONBLOCK);
	return fd;
}

/* fork(2), of which each line of output has one writer. */
static inline pid_t
start_fork(void)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	check(child >= 0);
	return child;
}

/* A child that ends at once. */
static inline pid_t
start_child(int status)
{
	pid_t child = start_fork();

	if (child == 0)
		_exit(status);
	return child;
}

/* Waits until it has ended, and leaves it to be reaped. */
static inline void
await_end(pid_t child)
{
	siginfo_t info;

	check_ok(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
}

/* Reaps it; returns its status. */
static inline int
reap(pid_t child)
{
	int status = -1;

	check_eq(waitpid(child, &status, 0), child);
	return status;
}

/*
 * A child that waits for a byte or the end of the pipe, and ends so. Until then
 * it has copies of all that is open now.
 */
static inline pid_t
start_gated(int gate[2], int status)
{
	pid_t child;
	char byte;

	check_ok(pipe(gate));
	child = start_fork();
	if (child == 0) {
		close(gate[1]);
		(void)!read(gate[0], &byte, 1);
		_exit(status);
	}
	close(gate[0]);
	return child;
}

/* Lets it end; later children have the end of the pipe, too. */
static inline void
let_end(const int gate[2])
{
	check_eq(write(gate[1], "", 1), 1);
	close(gate[1]);
}

/* To begin a test with that takes all descriptors away. */
static inline void
need_limit(void)
{
	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind keeps a limit of its own");
}

/* None can be made from now on. */
static inline void
forbid_descriptors(struct rlimit *old)
{
	struct rlimit limit;

	check_ok(getrlimit(RLIMIT_NOFILE, old));
	limit = *old;
	limit.rlim_cur = 0;
	check_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

static inline void
allow_descriptors(const struct rlimit *old)
{
	check_ok(setrlimit(RLIMIT_NOFILE, old));
}

/* Skips a test for which there are not enough descriptors. */
static inline void
need_descriptors(int n)
{
	int fd = fcntl(0, F_DUPFD, n);

	if (fd < 0)
		tap_skip("the limit of open files is too low");
	close(fd);
}

/* Of pairs of Unix sockets; macOS has none of this type. */
static inline bool
has_packets(void)
{
	int fds[2];
	int err = miost_unix_pair(SOCK_SEQPACKET, fds);

	if (err == -EPROTONOSUPPORT || err == -EPROTOTYPE ||
	    err == -ESOCKTNOSUPPORT)
		return false;
	check_ok(err);
	close_pair(fds);
	return true;
}

static inline void
need_packets(void)
{
	if (!has_packets())
		tap_skip("this system has no packets on Unix sockets");
}

static inline bool
has_ipv6(void)
{
	struct miost_addr addr = parse(IPV6);
	int fd = miost_tcp_listen(&addr);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static inline void
need_ipv6(void)
{
	if (!has_ipv6())
		tap_skip("this machine has no IPv6 loopback address");
}

#endif
