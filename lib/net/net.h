/* SPDX-License-Identifier: MIT */
/* What the files for sockets share. */
#ifndef MIOST_NET_NET_H
#define MIOST_NET_NET_H

#include <sys/types.h>

#include <miost/net.h>

/* The system's last error, negative, and the same one whenever it blocks. */
int miost__net_error(void);

/* Makes a non-blocking, close-on-exec socket of which no send is fatal. */
int miost__net_socket(int family, int type);

/* The same for an IPv4 or IPv6 address. */
int miost__net_inet(const struct miost_addr *addr, int type);

/* Gives such a socket its address; returns it, or abandons it. */
int miost__net_bind(int fd, const struct miost_addr *addr);

/* Makes two such Unix sockets, each other's peer. */
int miost__net_pair(int type, int fds[2]);

/* Makes a descriptor of any kind non-blocking and close-on-exec. */
int miost__net_set_flags(int fd);

/*
 * Connects such a socket, or has begun to; returns it. Abandons it if that
 * fails.
 */
int miost__net_connect(int fd, const struct miost_addr *addr);

/* Accepts a connection as such a socket. */
int miost__net_accept(int listener, struct miost_addr *addr);

/* Closes a socket that could not be used; returns `err`. */
int miost__net_abandon(int fd, int err);

#endif
