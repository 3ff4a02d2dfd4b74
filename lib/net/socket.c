/* SPDX-License-Identifier: MIT */
/*
 * Sockets step by step: making, binding, listening, connecting and accepting;
 * and the addresses of both ends.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "../cancel.h"
#include "net.h"

int
miost__net_error(void)
{
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

static void
close_fd(int fd)
{
	int state = miost__cancel_disable();

	close(fd);
	miost__cancel_restore(state);
}

int
miost__net_own(int fd, int err)
{
	if (err == 0)
		return fd;
	close_fd(fd);
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

/* Makes a socket, non-blocking and close-on-exec from the start if possible. */
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
	/* The default differs from system to system. */
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
		close_fd(fds[0]);
		close_fd(fds[1]);
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
	/* Given a Unix address without a name, Linux would choose a name. */
	if (own->sa_family == AF_UNIX && (size_t)len <= UNIX_PATH)
		return -EINVAL;
	return bind(fd, own, (socklen_t)len) < 0 ? -errno : 0;
}

int
miost_socket_listen(int fd)
{
	/* Every system cuts the backlog to the largest that it allows. */
	return listen(fd, INT_MAX) < 0 ? -errno : 0;
}

int
miost_socket_connect(int fd, const struct miost_addr *addr)
{
	const struct sockaddr *peer = (const struct sockaddr *)&addr->storage;
	int len = miost__net_length(addr);

	if (len < 0)
		return len;
	/* After EINTR a non-blocking socket goes on connecting. */
	if (connect(fd, peer, (socklen_t)len) < 0 && errno != EINPROGRESS &&
	    errno != EINTR)
		return miost__net_error();
	return 0;
}

int
miost__net_connect(int fd, const struct miost_addr *addr)
{
	int state, err;

	if (fd < 0)
		return fd;
	state = miost__cancel_disable();
	err = miost_socket_connect(fd, addr);
	miost__cancel_restore(state);
	return miost__net_own(fd, err);
}

/*
 * Takes the pending error and returns it, negative. If there is none, returns 0
 * if the socket has a peer, else -ENOTCONN.
 */
static int
ask_connected(int fd)
{
	int error;
	int err = miost_socket_take_error(fd, &error);

	if (err < 0)
		return err;
	return error != 0 ? -error : miost_socket_peer_addr(fd, NULL);
}

/*
 * Returns the state of a TCP connection, or a negative error. Only some states,
 * such as SYN_SENT and SYN_RECEIVED, have the same number on all systems.
 */
static int
tcp_state(int fd)
{
#if defined(TCP_INFO)
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int err = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
#elif defined(TCP_CONNECTION_INFO)
	struct tcp_connection_info info;
	socklen_t len = sizeof(info);
	int err = getsockopt(fd, IPPROTO_TCP, TCP_CONNECTION_INFO, &info,
			     &len);
#endif
#if defined(TCP_INFO) || defined(TCP_CONNECTION_INFO)
	return err < 0 ? -errno : info.tcpi_state;
#else
	(void)fd;
	return -ENOPROTOOPT;
#endif
}

/* Whether the socket has a local port. True for families without ports. */
static bool
has_port(const struct miost_addr *own)
{
	struct sockaddr_in in;

	/* The port of an IPv6 address is in the same place. */
	memcpy(&in, &own->storage, sizeof(in));
	return (in.sin_family != AF_INET && in.sin_family != AF_INET6) ||
	       in.sin_port != 0;
}

/*
 * Whether a socket that has neither a peer nor an error is connecting.
 *
 * poll(2) does not tell on FreeBSD 13 and NetBSD 7.99: there a stream that was
 * never told to connect is not writable either. For TCP this looks at the state
 * of the connection, or, if the system does not give the state, at the local
 * port, which every socket gets when it begins to connect. For Unix sockets it
 * tries to receive: EAGAIN means that the socket is connecting. For TCP that
 * does not work on FreeBSD with the tunable net.inet.tcp.soreceive_stream.
 */
static bool
connects(int fd)
{
	enum { SYN_SENT = 2, SYN_RECEIVED = 3 };
	struct miost_addr own;
	char byte;
	int state;

	if (miost__net_get_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM ||
	    miost__net_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) > 0 ||
	    miost_socket_local_addr(fd, &own) < 0)
		return false;
	if (own.storage.ss_family == AF_UNIX)
		return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		       miost__net_error() == -EAGAIN;
	state = tcp_state(fd);
	if (state >= 0)
		return state == SYN_SENT || state == SYN_RECEIVED;
	return has_port(&own);
}

int
miost_socket_connected(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int err = ask_connected(fd);

	if (err != -ENOTCONN)
		return err;
	/*
	 * The socket has no peer: not yet, no longer, or it never had one.
	 * While it is connecting it is not writable. If it is not connecting
	 * now, it may have got a peer or an error since the first look.
	 */
	if (poll(&wait, 1, 0) == 0 && connects(fd))
		return -EINPROGRESS;
	return ask_connected(fd);
}

/* Accepts, non-blocking and close-on-exec from the start if possible. */
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

/* Accepts one connection. Stores the peer's address as the system gives it. */
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
	/* On macOS setsockopt gives EINVAL if the connection is over. */
	if (err == -EINVAL)
		err = -ECONNABORTED;
	return miost__net_own(fd, err);
}

int
miost_socket_accept(int listener, struct miost_addr *addr)
{
	/* On most systems a listener's queue holds no more. */
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

/* `call` is getsockname(2) or getpeername(2). */
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

	/* On macOS getpeername gives EINVAL if the connection is over. */
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
