/* SPDX-License-Identifier: MIT */
/* TCP: connections and listeners. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "net.h"

int
miost_tcp_connect(const struct miost_addr *addr)
{
	int fd = miost__net_inet(addr, SOCK_STREAM);

	return fd < 0 ? fd : miost__net_connect(fd, addr);
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
miost_tcp_connected(int fd)
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

static int
listen_on(int fd, const struct miost_addr *addr)
{
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&addr->storage, addr->len) < 0)
		return -errno;
	/* Every system cuts the backlog to the largest it has. */
	if (listen(fd, INT_MAX) < 0)
		return -errno;
	return 0;
}

int
miost_tcp_listen(const struct miost_addr *addr)
{
	int fd = miost__net_inet(addr, SOCK_STREAM);
	int err;

	if (fd < 0)
		return fd;
	err = listen_on(fd, addr);
	return err < 0 ? miost__net_abandon(fd, err) : fd;
}

int
miost_tcp_accept(int listener, struct miost_addr *addr)
{
	return miost__net_accept(listener, addr);
}
