/* SPDX-License-Identifier: MIT */
/* Unix sockets that connect, listen, are bound or paired, made in one call. */
#include "config.h"

#include <errno.h>

#include <miost/unix.h>

#include "net.h"

/* Makes a Unix socket if `addr` is a Unix address. */
static int
unix_socket(const struct miost_addr *addr, int type)
{
	if (addr->len > sizeof(addr->storage))
		return -EINVAL;
	if (addr->storage.ss_family != AF_UNIX)
		return -EAFNOSUPPORT;
	return miost_socket_new(AF_UNIX, type);
}

/* The same, and binds the socket to the address. */
static int
bound_socket(const struct miost_addr *addr, int type)
{
	int fd = unix_socket(addr, type);

	return fd < 0 ? fd : miost__net_own(fd, miost_socket_bind(fd, addr));
}

int
miost_unix_connect(const struct miost_addr *addr)
{
	return miost__net_connect(unix_socket(addr, SOCK_STREAM), addr);
}

int
miost_unix_listen(const struct miost_addr *addr)
{
	int fd = bound_socket(addr, SOCK_STREAM);

	return fd < 0 ? fd : miost__net_own(fd, miost_socket_listen(fd));
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
