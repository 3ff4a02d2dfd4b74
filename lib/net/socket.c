/* SPDX-License-Identifier: MIT */
/* Sockets in steps: made, bound, connected, accepted, and their two ends. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

int
miost__net_error(void)
{
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

int
miost__net_own(int fd, int err)
{
	if (err == 0)
		return fd;
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

/* With its flags from birth, where the system can do so. */
static int
new_socket(int family, int type)
{
	int fd;

#ifdef HAVE_SOCK_NONBLOCK
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 || !miost__net_refused())
		return fd < 0 ? -errno : fd;
#endif
	fd = socket(family, type, 0);
	return fd < 0 ? -errno : miost__net_own(fd, miost__net_set_flags(fd));
}

int
miost_socket_new(int family, int type)
{
	int fd = new_socket(family, type);
	int err;

	if (fd < 0)
		return fd;
	err = set_no_sigpipe(fd);
	/* What it is otherwise differs from system to system. */
	if (err == 0 && family == AF_INET6)
		err = miost_socket_set_v6only(fd, true);
	return miost__net_own(fd, err);
}

int
miost__net_inet(const struct miost_addr *addr, int type)
{
	int family = addr->storage.ss_family;

	if (addr->len > sizeof(addr->storage))
		return -EINVAL;
	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	return miost_socket_new(family, type);
}

int
miost__net_set_up_pair(const int fds[2], bool plain, int (*set_up)(int fd))
{
	int err = 0;

	for (int i = 0; i < 2 && err == 0; i++) {
		err = plain ? miost__net_set_flags(fds[i]) : 0;
		if (err == 0)
			err = set_up(fds[i]);
	}
	if (err < 0) {
		close(fds[0]);
		close(fds[1]);
	}
	return err;
}

int
miost__net_pair(int type, int fds[2])
{
#ifdef HAVE_SOCK_NONBLOCK
	if (socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) == 0)
		return miost__net_set_up_pair(fds, false, set_no_sigpipe);
	if (!miost__net_refused())
		return -errno;
#endif
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		return -errno;
	return miost__net_set_up_pair(fds, true, set_no_sigpipe);
}

int
miost_socket_bind(int fd, const struct miost_addr *addr)
{
	const struct sockaddr *own = (const struct sockaddr *)&addr->storage;
	int len = miost__net_length(addr);

	if (len < 0)
		return len;
	/* Without a name Linux would choose one. */
	if (own->sa_family == AF_UNIX && (size_t)len <= UNIX_PATH)
		return -EINVAL;
	return bind(fd, own, (socklen_t)len) < 0 ? -errno : 0;
}

int
miost_socket_listen(int fd)
{
	/* Every system cuts the backlog to the largest it has. */
	return listen(fd, INT_MAX) < 0 ? -errno : 0;
}

int
miost_socket_connect(int fd, const struct miost_addr *addr)
{
	const struct sockaddr *peer = (const struct sockaddr *)&addr->storage;
	int len = miost__net_length(addr);

	if (len < 0)
		return len;
	/* Interrupted, a non-blocking socket goes on connecting. */
	if (connect(fd, peer, (socklen_t)len) < 0 && errno != EINPROGRESS &&
	    errno != EINTR)
		return miost__net_error();
	return 0;
}

/* The pending error, or else whether there is a peer: 0 or -ENOTCONN. */
static int
ask_connected(int fd)
{
	int error;
	int err = miost_socket_take_error(fd, &error);

	if (err < 0)
		return err;
	return error != 0 ? -error : miost_socket_peer_addr(fd, NULL);
}

int
miost_socket_connected(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int err = ask_connected(fd);

	if (err != -ENOTCONN)
		return err;
	/*
	 * No peer: not yet, or not any more, or never. Only the first of them
	 * is not writable; and what is by now may have changed since it was
	 * asked.
	 */
	return poll(&wait, 1, 0) > 0 ? ask_connected(fd) : -EINPROGRESS;
}

/* Accepts, with the flags from birth where the system can do so. */
static int
accept_fd(int listener, struct sockaddr *peer, socklen_t *len)
{
	int fd;

#ifdef HAVE_ACCEPT4
	fd = accept4(listener, peer, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0 || !miost__net_refused())
		return fd < 0 ? miost__net_error() : fd;
#endif
	fd = accept(listener, peer, len);
	if (fd < 0)
		return miost__net_error();
	return miost__net_own(fd, miost__net_set_flags(fd));
}

/* Accepts what waits first; `peer` is filled in. */
static int
accept_one(int listener, struct miost_addr *peer)
{
	int err, fd;

	memset(peer, 0, sizeof(*peer));
	peer->len = sizeof(peer->storage);
	fd = accept_fd(listener, (struct sockaddr *)&peer->storage, &peer->len);
	if (fd < 0)
		return fd;
	err = set_no_sigpipe(fd);
	/* So macOS says that the connection is over already. */
	if (err == -EINVAL)
		err = -ECONNABORTED;
	return miost__net_own(fd, err);
}

int
miost_socket_accept(int listener, struct miost_addr *addr)
{
	/* A listener has no more in its queue on most systems. */
	enum { GIVEN_UP = 128 };
	struct miost_addr peer;
	int given_up = 0;
	int fd;

	do {
		fd = accept_one(listener, &peer);
		/* These are errors of a connection, not of the listener. */
		if (fd == -ECONNABORTED || fd == -EPROTO)
			given_up++;
		else if (fd != -EINTR)
			break;
	} while (given_up < GIVEN_UP);
	if (fd >= 0 && addr != NULL) {
		miost__net_settle(&peer);
		*addr = peer;
	}
	return fd;
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
	miost__net_settle(&end);
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

int
miost_socket_clone(int fd)
{
	int clone = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	return clone < 0 ? -errno : clone;
}
