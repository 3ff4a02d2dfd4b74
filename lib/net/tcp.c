/* SPDX-License-Identifier: MIT */
/* TCP: sockets that connect or listen, made in one call. */
#include "config.h"

#include "net.h"

int
miost_tcp_connect(const struct miost_addr *addr)
{
	return miost__net_connect(miost__net_inet(addr, SOCK_STREAM), addr);
}

int
miost_tcp_listen(const struct miost_addr *addr)
{
	int fd = miost__net_inet(addr, SOCK_STREAM);
	int err;

	if (fd < 0)
		return fd;
	err = miost_socket_set_reuse_addr(fd, true);
	if (err == 0)
		err = miost_socket_bind(fd, addr);
	if (err == 0)
		err = miost_socket_listen(fd);
	return miost__net_own(fd, err);
}
