/* SPDX-License-Identifier: MIT */
/* Socket options. */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "net.h"

/*
 * On FreeBSD, sockets with SO_REUSEPORT share a port, but the last one gets all
 * the traffic. SO_REUSEPORT_LB spreads it, like SO_REUSEPORT on Linux.
 */
#ifdef SO_REUSEPORT_LB
#define REUSE_PORT SO_REUSEPORT_LB
#elif defined(SO_REUSEPORT)
#define REUSE_PORT SO_REUSEPORT
#endif

int
miost__net_get_option(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, name, &value, &len) < 0)
		return -errno;
	/* A hop limit of -1 is the kernel's default on FreeBSD and NetBSD. */
	return value > 0 ? value : 0;
}

int
miost__net_set_option(int fd, int level, int name, int value)
{
	if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
		return -errno;
	return 0;
}

/* Returns 1 if the option is on, 0 if it is off. */
static int
get_switch(int fd, int level, int name)
{
	int value = miost__net_get_option(fd, level, name);

	return value > 0 ? 1 : value;
}

int
miost_socket_take_error(int fd, int *error)
{
	int value = miost__net_get_option(fd, SOL_SOCKET, SO_ERROR);

	if (value < 0)
		return value;
	*error = value;
	return 0;
}

int
miost_socket_reuse_addr(int fd)
{
	return get_switch(fd, SOL_SOCKET, SO_REUSEADDR);
}

int
miost_socket_set_reuse_addr(int fd, bool reuse_addr)
{
	return miost__net_set_option(fd, SOL_SOCKET, SO_REUSEADDR, reuse_addr);
}

int
miost_socket_reuse_port(int fd)
{
#ifdef REUSE_PORT
	return get_switch(fd, SOL_SOCKET, REUSE_PORT);
#else
	(void)fd;
	return -ENOTSUP;
#endif
}

int
miost_socket_set_reuse_port(int fd, bool reuse_port)
{
#ifdef REUSE_PORT
	return miost__net_set_option(fd, SOL_SOCKET, REUSE_PORT, reuse_port);
#else
	(void)fd, (void)reuse_port;
	return -ENOTSUP;
#endif
}

int
miost_socket_v6only(int fd)
{
	return get_switch(fd, IPPROTO_IPV6, IPV6_V6ONLY);
}

int
miost_socket_set_v6only(int fd, bool v6only)
{
	return miost__net_set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
}

/* Chooses the option that is the time to live: IPv6 has one of its own. */
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

	return err < 0 ? err : miost__net_get_option(fd, level, name);
}

int
miost_socket_set_ttl(int fd, int ttl)
{
	int level, name;
	int err;

	if (ttl < 1 || ttl > 255)
		return -EINVAL;
	err = ttl_option(fd, &level, &name);
	return err < 0 ? err : miost__net_set_option(fd, level, name, ttl);
}

int
miost_socket_nodelay(int fd)
{
	return get_switch(fd, IPPROTO_TCP, TCP_NODELAY);
}

int
miost_socket_set_nodelay(int fd, bool nodelay)
{
	return miost__net_set_option(fd, IPPROTO_TCP, TCP_NODELAY, nodelay);
}

int
miost_socket_recv_buffer_size(int fd)
{
	return miost__net_get_option(fd, SOL_SOCKET, SO_RCVBUF);
}

int
miost_socket_set_recv_buffer_size(int fd, int size)
{
	if (size <= 0)
		return -EINVAL;
	return miost__net_set_option(fd, SOL_SOCKET, SO_RCVBUF, size);
}

int
miost_socket_send_buffer_size(int fd)
{
	return miost__net_get_option(fd, SOL_SOCKET, SO_SNDBUF);
}

int
miost_socket_set_send_buffer_size(int fd, int size)
{
	if (size <= 0)
		return -EINVAL;
	return miost__net_set_option(fd, SOL_SOCKET, SO_SNDBUF, size);
}
