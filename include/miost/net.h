/* SPDX-License-Identifier: MIT */
/* Addresses and sockets. A socket is a descriptor, which close(2) closes. */
#ifndef MIOST_NET_H
#define MIOST_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <miost/base.h>

MIOST_BEGIN_DECLS

/*
 * An IPv4, IPv6 or Unix address: the first `len` bytes of `storage`. A program
 * may fill it in. The caller may pass NULL to a call on a socket that stores an
 * address if it does not want the address. A Unix socket without a name always
 * has the address that miost_addr_parse() reads from "unix:".
 */
struct miost_addr {
	socklen_t len;
	struct sockaddr_storage storage;
};

/*
 * Reads a numeric address. Looks up no names, except those of interfaces:
 *
 *   127.0.0.1:80   [::1]:80   [fe80::1%eth0]:80   [fe80::1%2]:80
 *   unix:/run/socket   unix:@abstract (Linux)   unix: (without a name)
 *
 * "unix:./@name" is the path "@name", without the "./".
 * Returns 0. On failure it leaves `*addr` as it was, and returns
 * -EINVAL: `text` is not such an address, or its port is above 65535;
 * -ENAMETOOLONG: the path or name does not fit a Unix address;
 * -ENODEV: there is no interface with this name;
 * -EMFILE, -ENFILE: no descriptor is free to look up the interface with;
 * -ENOTSUP: the system has no abstract names.
 */
MIOST_API int miost_addr_parse(const char *text, struct miost_addr *addr)
	MIOST_NONNULL(1, 2);

/*
 * Writes an address in the form that miost_addr_parse() reads. Like snprintf(3)
 * it writes at most `size` bytes, including the final NUL, and returns the
 * length of the whole text without the NUL. `buf` may be NULL if `size` is 0.
 * A Unix socket without a name becomes "unix:", a NUL in an abstract name '@',
 * and the path "@name" "unix:./@name". The text of a path that fills all of
 * sun_path can be too long to be read again.
 * -EINVAL: `addr->len` does not fit the family;
 * -EAFNOSUPPORT: the family is not IPv4, IPv6 or Unix.
 */
MIOST_API int miost_addr_format(const struct miost_addr *addr, char *buf,
				size_t size) MIOST_NONNULL(1);

/*
 * All calls below return a negative error on failure. Common to all are
 * -EBADF: `fd` is not open; -ENOTSOCK: `fd` is not a socket;
 * -EAGAIN: the call would block;
 * -EINVAL: the length of an address does not fit its family;
 * -EMFILE, -ENFILE: no descriptor is free;
 * -ENOBUFS, -ENOMEM: there is not enough memory.
 * Any other error comes from the system; the manual lists it.
 *
 * If there is no room for even one byte, a call that receives returns 0,
 * receives nothing, and ignores `fd`.
 *
 * A signal does not make a call fail. No call raises SIGPIPE, except on macOS
 * for a socket that the library did not make.
 */

/* Sockets of any family, step by step. */

/*
 * Makes a socket of a family (AF_INET, AF_INET6, AF_UNIX) and a type
 * (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET). Returns its descriptor, which is
 * non-blocking and close-on-exec. A socket of AF_INET6 is for IPv6 alone; see
 * miost_socket_set_v6only().
 * -EAFNOSUPPORT, -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT, -EINVAL: the
 * system has no such sockets; -EACCES, -EPERM: permission is denied.
 */
MIOST_API int miost_socket_new(int family, int type);

/*
 * Gives the socket an address. If the port is 0, the system chooses a free one.
 * A Unix path is created as a file, which the caller unlinks later. Returns 0.
 * -EADDRINUSE: another socket has the address, no port is free, or a Unix path
 * already exists;
 * -EADDRNOTAVAIL: the address is not one of this machine's addresses;
 * -EACCES, -EPERM: permission is denied;
 * -EINVAL: the socket already has an address, or a Unix address has no name;
 * -EAFNOSUPPORT, on some systems -EINVAL: the address is not of the socket's
 * family.
 */
MIOST_API int miost_socket_bind(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Listens for connections, with the largest backlog that the system allows.
 * Returns 0.
 * -EADDRINUSE: another socket listens on the address, or no port is free;
 * -EDESTADDRREQ, -EINVAL: a Unix socket has no address, or the socket is
 * connected;
 * -EOPNOTSUPP: the socket is of a type that cannot listen.
 */
MIOST_API int miost_socket_listen(int fd);

/*
 * Connects a stream, or starts to connect it: returns 0 in both cases, and
 * never -EINPROGRESS. Once the socket is writable, miost_socket_connected()
 * tells whether it is connected.
 *
 * Gives a datagram socket a peer: writes go to the peer, only its datagrams are
 * received, and its errors, such as -ECONNREFUSED, are reported. Datagrams that
 * are already in the socket's queue stay there. A second call changes the peer.
 * Returns 0.
 *
 * -EISCONN: the stream is already connected;
 * -EALREADY: an earlier call is still connecting it;
 * -EAFNOSUPPORT, on some systems -EINVAL: the address is not of the socket's
 * family; -EINVAL: a Unix address has no name;
 * -EACCES, -EPERM: permission is denied;
 * -EADDRINUSE, -EADDRNOTAVAIL: no port is free;
 * -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH and others: errors that the system
 * detects immediately. For a Unix stream see miost_unix_connect().
 */
MIOST_API int miost_socket_connect(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Returns 0 if the socket is connected, -EINPROGRESS while a connection is in
 * progress, and otherwise the error that ended it, such as -ECONNREFUSED. The
 * call clears the pending error: a second call returns -ENOTCONN. It also
 * returns -ENOTCONN for a stream that has not been asked to connect, for a
 * listener, and for a datagram socket without a peer.
 */
MIOST_API int miost_socket_connected(int fd);

/*
 * Accepts a connection. Returns its descriptor, which is non-blocking and
 * close-on-exec, and stores the peer's address. Skips up to 128 connections
 * that were aborted before they were accepted.
 * -EAGAIN: no connection is waiting; -EMFILE, -ENFILE: no descriptor is free,
 * and the connection is still waiting; -ECONNABORTED, -EPROTO: 128 connections
 * were aborted, and others may be waiting: call again;
 * -EINVAL: the socket does not listen;
 * -EOPNOTSUPP, on some systems -EINVAL: it is of a type that cannot listen.
 */
MIOST_API int miost_socket_accept(int fd, struct miost_addr *addr);

/*
 * Options. A getter returns the value, and a setter returns 0.
 * -ENOPROTOOPT, -EOPNOTSUPP, on some systems -EINVAL: the socket has no such
 * option.
 */

/*
 * 1 if the socket may be bound to an address that closed connections of an
 * earlier socket still occupy (SO_REUSEADDR), else 0. Set it before the socket
 * is bound.
 */
MIOST_API int miost_socket_reuse_addr(int fd);
MIOST_API int miost_socket_set_reuse_addr(int fd, bool reuse_addr);

/*
 * 1 if the socket may share its address and port with other sockets on which
 * this option is set (SO_REUSEPORT; on FreeBSD SO_REUSEPORT_LB), else 0. Set it
 * before the socket is bound.
 * -ENOTSUP: the system has no such option.
 */
MIOST_API int miost_socket_reuse_port(int fd);
MIOST_API int miost_socket_set_reuse_port(int fd, bool reuse_port);

/*
 * 1 if an IPv6 socket is for IPv6 alone (IPV6_V6ONLY), 0 if it also serves IPv4
 * when it is bound to [::]. The library makes sockets for IPv6 alone. Set the
 * option before the socket is bound.
 * -EINVAL: the socket is already bound, or `v6only` is false on OpenBSD.
 */
MIOST_API int miost_socket_v6only(int fd);
MIOST_API int miost_socket_set_v6only(int fd, bool v6only);

/*
 * The time to live, or hop limit, of the packets that the socket sends, from 1
 * to 255. The getter returns 0 if the socket has no value of its own and the
 * kernel chooses one, as it does for a new IPv6 socket on FreeBSD and NetBSD.
 * -EINVAL: `ttl` is out of range.
 */
MIOST_API int miost_socket_ttl(int fd);
MIOST_API int miost_socket_set_ttl(int fd, int ttl);

/* 1 if the socket sends small writes immediately (TCP_NODELAY), else 0. */
MIOST_API int miost_socket_nodelay(int fd);
MIOST_API int miost_socket_set_nodelay(int fd, bool nodelay);

/*
 * The size in bytes of the receive buffer (SO_RCVBUF) and the send buffer
 * (SO_SNDBUF). Linux brings the size that is set within its limits, doubles it,
 * and returns the doubled value.
 * -EINVAL: the size is not positive;
 * -ENOBUFS: on systems other than Linux, the size is above the limit.
 */
MIOST_API int miost_socket_recv_buffer_size(int fd);
MIOST_API int miost_socket_set_recv_buffer_size(int fd, int size);
MIOST_API int miost_socket_send_buffer_size(int fd);
MIOST_API int miost_socket_set_send_buffer_size(int fd, int size);

/* Sockets in one call. */

/*
 * Makes a socket and starts to connect it to an IPv4 or IPv6 address. Returns
 * its descriptor. Once the socket is writable, miost_socket_connected() tells
 * whether it is connected.
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a socket that listens on an IPv4 or IPv6 address. If the port is 0, the
 * system chooses a free one. Returns the socket's descriptor. The address can
 * be used again as soon as the listener is closed (SO_REUSEADDR).
 * -EADDRINUSE: another socket listens on the address;
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a UDP socket that is bound to an IPv4 or IPv6 address. If the port is
 * 0, the system chooses a free one. Returns the socket's descriptor.
 * -EADDRINUSE: another UDP socket has the address;
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_udp_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Datagrams of any family. A datagram is sent whole or not at all. If a
 * received datagram is longer than the memory for it, the rest of it is lost.
 */

/*
 * Sends a datagram of `len` bytes, which may be 0, and returns `len`.
 * -EMSGSIZE: the datagram is too long; -EISCONN: the socket has a peer, and the
 * system then does not let it send to an address;
 * -EACCES, -EPERM: permission is denied;
 * -EHOSTUNREACH, -ENETUNREACH: the address cannot be reached;
 * -EAFNOSUPPORT, on some systems -EINVAL or -ENETUNREACH: the address is not of
 * the socket's family, or is an IPv4-mapped IPv6 address;
 * -EINVAL: the port is 0, or a Unix address has no name;
 * -ECONNREFUSED, -ENOENT: no Unix socket has the address; -EPROTOTYPE: it is of
 * another type; -EPIPE: writing was shut down.
 */
MIOST_API ssize_t miost_socket_send_to(int fd, const void *buf, size_t len,
				       const struct miost_addr *addr)
	MIOST_NONNULL(4);

/*
 * Receives a datagram and stores the sender's address. Returns the number of
 * bytes that it stored in `buf`, which may be 0.
 * -ECONNREFUSED and others: an earlier datagram did not reach the peer.
 */
MIOST_API ssize_t miost_socket_recv_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* The same, but leaves the datagram in the socket for the next call. */
MIOST_API ssize_t miost_socket_peek_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* A flag of a received datagram: it was longer than its memory. */
#define MIOST_TRUNCATED UINT32_C(0x1)

/* One of many datagrams. The memory belongs to the caller. */
struct miost_datagram {
	void *data;
	/* The length; before a receive, the size of the memory. */
	size_t len;
	/* The receiver or sender; an `addr.len` of 0 sends to the peer. */
	struct miost_addr addr;
	/* A receive stores these two; a send ignores them. */
	uint32_t flags;
	uint32_t reserved;	/* stored as 0 */
};

/*
 * Sends the first of `n` datagrams: as many as one system call sends, and 64 at
 * most. Returns their number, which is 0 only if `n` is 0. An error is about
 * the first datagram: if a later one cannot be sent, the call returns the
 * number of datagrams before it.
 * Fails with the errors of miost_socket_send_to(), and with
 * -EDESTADDRREQ, -ENOTCONN: the datagram has no address, and the socket has no
 * peer.
 */
MIOST_API int miost_socket_send_many(int fd,
				     const struct miost_datagram *datagrams,
				     size_t n);

/*
 * Receives up to `n` datagrams: as many as are waiting and one system call
 * receives, and 64 at most. A datagram with a `len` of 0 ends the array.
 * Returns the number of datagrams, which is 0 only if the array is empty.
 * Stores `len`, `addr` and `flags` in these datagrams, and changes no others.
 * Fails with the errors of miost_socket_recv_from().
 */
MIOST_API int miost_socket_recv_many(int fd, struct miost_datagram *datagrams,
				     size_t n);

/*
 * Streams, and datagrams without their addresses. A call transfers at most
 * INT_MAX bytes: longer lengths are reduced.
 */

/*
 * Receives up to `len` bytes. Returns their number, which is 0 at the end of a
 * stream, for an empty datagram, and if `len` is 0.
 * -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT: the
 * connection failed, or the peer ended it;
 * -ENOTCONN, for a Unix stream on Linux -EINVAL: the socket is not connected.
 */
MIOST_API ssize_t miost_socket_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_socket_readv(int fd, const struct iovec *iov, int n);

/* Reads, but leaves the bytes in the socket for the next read. */
MIOST_API ssize_t miost_socket_peek(int fd, void *buf, size_t len);

/*
 * Sends up to `len` bytes. Returns how many the system accepted, which may be
 * fewer.
 * -EPIPE: writing was shut down, or the peer is gone;
 * -ENOTCONN, on Linux -EPIPE for TCP and -EDESTADDRREQ for UDP: the socket has
 * no peer;
 * -EMSGSIZE: the datagram is too long; -EPERM: a firewall forbids it;
 * -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT: as for a
 * read.
 */
MIOST_API ssize_t miost_socket_write(int fd, const void *buf, size_t len);

/* The same from `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_socket_writev(int fd, const struct iovec *iov, int n);

/* The address of this end. */
MIOST_API int miost_socket_local_addr(int fd, struct miost_addr *addr);

/* The address of the other end. -ENOTCONN: the socket has no peer. */
MIOST_API int miost_socket_peer_addr(int fd, struct miost_addr *addr);

/*
 * Ends reading (SHUT_RD), writing (SHUT_WR) or both (SHUT_RDWR). Returns 0.
 * -EINVAL: `how` is not one of these;
 * -ENOTCONN: the socket is not connected. Unix sockets on Linux, and all
 * sockets on NetBSD, return 0 instead.
 */
MIOST_API int miost_socket_shutdown(int fd, int how);

/*
 * Stores the pending error, a positive errno value, or 0 if there is none, and
 * clears it. Returns 0.
 */
MIOST_API int miost_socket_take_error(int fd, int *error) MIOST_NONNULL(2);

/* Duplicates the descriptor of a socket or other file, close-on-exec. */
MIOST_API int miost_socket_clone(int fd);

MIOST_END_DECLS

#endif
