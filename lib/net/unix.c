/* SPDX-License-Identifier: MIT */
/* Unix sockets. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

#include <miost/unix.h>

#include "net.h"

/* A socket for a Unix address. */
static int
unix_socket(const struct miost_addr *addr, int type)
{
	if (addr->len > sizeof(addr->storage))
		return -EINVAL;
	if (addr->storage.ss_family != AF_UNIX)
		return -EAFNOSUPPORT;
	return miost__net_socket(AF_UNIX, type);
}

/* The same with the address as its own. */
static int
bound_socket(const struct miost_addr *addr, int type)
{
	int fd = unix_socket(addr, type);

	return fd < 0 ? fd : miost__net_bind(fd, addr);
}

int
miost_unix_connect(const struct miost_addr *addr)
{
	int fd = unix_socket(addr, SOCK_STREAM);

	return fd < 0 ? fd : miost__net_connect(fd, addr);
}

int
miost_unix_listen(const struct miost_addr *addr)
{
	int fd = bound_socket(addr, SOCK_STREAM);

	if (fd < 0)
		return fd;
	/* Every system cuts the backlog to the largest it has. */
	if (listen(fd, INT_MAX) < 0)
		return miost__net_abandon(fd, -errno);
	return fd;
}

int
miost_unix_accept(int listener, struct miost_addr *addr)
{
	return miost__net_accept(listener, addr);
}

int
miost_unix_bind(const struct miost_addr *addr)
{
	return bound_socket(addr, SOCK_DGRAM);
}

int
miost_unix_pair(int type, int fds[2])
{
	int made[2];
	int err;

	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -EINVAL;
	err = miost__net_pair(type, made);
	if (err < 0)
		return err;
	fds[0] = made[0];
	fds[1] = made[1];
	return 0;
}
