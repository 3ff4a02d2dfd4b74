/* SPDX-License-Identifier: MIT */
/* What all sockets have: their birth, reads, writes and options. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#ifndef HAVE_MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* then SO_NOSIGPIPE does it */
#endif
#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

int
miost__net_error(void)
{
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int
miost__net_abandon(int fd, int err)
{
	close(fd);
	return err;
}

int
miost__net_set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

static int
set_no_sigpipe(int fd)
{
#ifdef HAVE_SO_NOSIGPIPE
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) < 0)
		return -errno;
#else
	(void)fd;
#endif
	return 0;
}

int
miost__net_socket(int family, int type)
{
	int err = 0;
	int fd;

#ifdef HAVE_SOCK_NONBLOCK
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
#else
	fd = socket(family, type, 0);
	if (fd < 0)
		return -errno;
	err = miost__net_set_flags(fd);
#endif
	if (err == 0)
		err = set_no_sigpipe(fd);
	return err < 0 ? miost__net_abandon(fd, err) : fd;
}

int
miost__net_inet(const struct miost_addr *addr, int type)
{
	int family = addr->storage.ss_family;

	if (addr->len > sizeof(addr->storage))
		return -EINVAL;
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	return miost__net_socket(family, type);
}

int
miost__net_bind(int fd, const struct miost_addr *addr)
{
	const struct sockaddr *own = (const struct sockaddr *)&addr->storage;

	if (bind(fd, own, addr->len) < 0)
		return miost__net_abandon(fd, -errno);
	return fd;
}

int
miost__net_pair(int type, int fds[2])
{
	int err = 0;

#ifdef HAVE_SOCK_NONBLOCK
	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) < 0)
		return -errno;
#else
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -errno;
#endif
	for (int i = 0; i < 2 && err == 0; i++) {
#ifndef HAVE_SOCK_NONBLOCK
		err = miost__net_set_flags(fds[i]);
#endif
		if (err == 0)
			err = set_no_sigpipe(fds[i]);
	}
	if (err < 0) {
		close(fds[1]);
		return miost__net_abandon(fds[0], err);
	}
	return 0;
}

int
miost__net_connect(int fd, const struct miost_addr *addr)
{
	const struct sockaddr *peer = (const struct sockaddr *)&addr->storage;

	/* Interrupted, a non-blocking socket goes on connecting. */
	if (connect(fd, peer, addr->len) < 0 && errno != EINPROGRESS &&
	    errno != EINTR)
		return miost__net_abandon(fd, miost__net_error());
	return fd;
}

/* Errors of a connection that was given up, not of the listener. */
static bool
try_again(int err)
{
	return err == -EINTR || err == -ECONNABORTED || err == -EPROTO;
}

/* Accepts what waits first; `peer` is filled in. */
static int
accept_one(int listener, struct miost_addr *peer)
{
	struct sockaddr *storage = (struct sockaddr *)&peer->storage;
	int err = 0;
	int fd;

	memset(peer, 0, sizeof(*peer));
	peer->len = sizeof(peer->storage);
#ifdef HAVE_ACCEPT4
	fd = accept4(listener, storage, &peer->len,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return miost__net_error();
#else
	fd = accept(listener, storage, &peer->len);
	if (fd < 0)
		return miost__net_error();
	err = miost__net_set_flags(fd);
#endif
	if (err == 0) {
		err = set_no_sigpipe(fd);
		/* So macOS says that the connection is over already. */
		if (err == -EINVAL)
			err = -ECONNABORTED;
	}
	return err < 0 ? miost__net_abandon(fd, err) : fd;
}

int
miost__net_accept(int listener, struct miost_addr *addr)
{
	struct miost_addr peer;
	int fd;

	do
		fd = accept_one(listener, &peer);
	while (try_again(fd));
	if (fd >= 0 && addr != NULL)
		*addr = peer;
	return fd;
}

static ssize_t
receive(int fd, void *buf, size_t len, int flags)
{
	ssize_t n;

	do
		n = recv(fd, buf, len, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

ssize_t
miost_socket_read(int fd, void *buf, size_t len)
{
	return receive(fd, buf, len, 0);
}

ssize_t
miost_socket_peek(int fd, void *buf, size_t len)
{
	return receive(fd, buf, len, MSG_PEEK);
}

ssize_t
miost_socket_write(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = send(fd, buf, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

/* The one message that readv and writev are. */
static int
make_message(struct msghdr *message, const struct iovec *iov, int n)
{
	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	memset(message, 0, sizeof(*message));
	/* The system does not write to it. */
	message->msg_iov = (struct iovec *)(uintptr_t)iov;
	/* Signed on some systems, unsigned on others. */
	message->msg_iovlen = (unsigned short)n;
	return 0;
}

ssize_t
miost_socket_readv(int fd, const struct iovec *iov, int n)
{
	struct msghdr message;
	ssize_t count = make_message(&message, iov, n);

	if (count < 0)
		return count;
	do
		count = recvmsg(fd, &message, 0);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}

ssize_t
miost_socket_writev(int fd, const struct iovec *iov, int n)
{
	struct msghdr message;
	ssize_t count = make_message(&message, iov, n);

	if (count < 0)
		return count;
	do
		count = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}

/* The one of two calls that says the address of an end of a socket. */
static int
get_addr(int (*call)(int, struct sockaddr *, socklen_t *), int fd,
	 struct miost_addr *addr)
{
	struct miost_addr end;

	memset(&end, 0, sizeof(end));
	end.len = sizeof(end.storage);
	if (call(fd, (struct sockaddr *)&end.storage, &end.len) < 0)
		return -errno;
	if (addr != NULL)
		*addr = end;
	return 0;
}

int
miost_socket_local_addr(int fd, struct miost_addr *addr)
{
	return get_addr(getsockname, fd, addr);
}

int
miost_socket_peer_addr(int fd, struct miost_addr *addr)
{
	int err = get_addr(getpeername, fd, addr);

	/* So macOS says that the connection is over. */
	return err == -EINVAL ? -ENOTCONN : err;
}

int
miost_socket_shutdown(int fd, int how)
{
	return shutdown(fd, how) < 0 ? -errno : 0;
}

/* An option that is a number: 0 or more. */
static int
get_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -errno;
	return value;
}

static int
set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

int
miost_socket_take_error(int fd, int *error)
{
	int value = get_option(fd, SOL_SOCKET, SO_ERROR);

	if (value < 0)
		return value;
	*error = value;
	return 0;
}

/* Which option is the time to live: IPv6 has its own. */
static int
ttl_option(int fd, int *level, int *name)
{
	struct miost_addr addr;
	int err = miost_socket_local_addr(fd, &addr);

	if (err < 0)
		return err;
	if (addr.storage.ss_family == AF_INET6) {
		*level = IPPROTO_IPV6;
		*name = IPV6_UNICAST_HOPS;
	} else {
		*level = IPPROTO_IP;
		*name = IP_TTL;
	}
	return 0;
}

int
miost_socket_ttl(int fd)
{
	int level, name;
	int err = ttl_option(fd, &level, &name);

	return err < 0 ? err : get_option(fd, level, name);
}

int
miost_socket_set_ttl(int fd, int ttl)
{
	int level, name;
	int err;

	if (ttl < 1 || ttl > 255)
		return -EINVAL;
	err = ttl_option(fd, &level, &name);
	return err < 0 ? err : set_option(fd, level, name, ttl);
}

int
miost_socket_nodelay(int fd)
{
	int value = get_option(fd, IPPROTO_TCP, TCP_NODELAY);

	return value > 0 ? 1 : value;
}

int
miost_socket_set_nodelay(int fd, bool nodelay)
{
	return set_option(fd, IPPROTO_TCP, TCP_NODELAY, nodelay);
}

int
miost_socket_clone(int fd)
{
	int clone = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return clone < 0 ? -errno : clone;
}
