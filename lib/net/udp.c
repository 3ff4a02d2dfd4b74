/* SPDX-License-Identifier: MIT */
/* UDP: bound sockets, made in one call. */
#include "config.h"

#include "net.h"

int
miost_udp_bind(const struct miost_addr *addr)
{
	int fd = miost__net_inet(addr, SOCK_DGRAM);

	return fd < 0 ? fd : miost__net_own(fd, miost_socket_bind(fd, addr));
}
