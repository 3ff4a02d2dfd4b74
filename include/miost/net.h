/* SPDX-License-Identifier: MIT */
/* Addresses and sockets. Sockets are plain descriptors: close(2) ends them. */
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
 * may fill it in. Where a call on a socket stores an address, NULL means that
 * the caller does not want it. The address of a Unix socket without a name is
 * always the one that miost_addr_parse() reads from "unix:".
 */
struct miost_addr {
	socklen_t len;
	struct sockaddr_storage storage;
};

/*
 * Reads a numeric address; no name is looked up, except that of an interface:
 *
 *   127.0.0.1:80   [::1]:80   [fe80::1%eth0]:80   [fe80::1%2]:80
 *   unix:/run/socket   unix:@abstract (Linux)   unix: (without a name)
 *
 * "unix:./@" begins the path that begins with '@', without its "./".
 * Returns 0, or, leaving `*addr` alone,
 * -EINVAL: not such an address, or a port above 65535;
 * -ENAMETOOLONG: the path or name does not fit a Unix address;
 * -ENODEV: there is no interface of that name;
 * -EMFILE, -ENFILE: there is no descriptor to look for it with;
 * -ENOTSUP: the system has no abstract names.
 */
MIOST_API int miost_addr_parse(const char *text, struct miost_addr *addr)
	MIOST_NONNULL(1, 2);

/*
 * Writes an address in the form that miost_addr_parse() reads: like snprintf(3)
 * at most `size` bytes with the final NUL. Returns the length of the whole text
 * without the NUL. `buf` may be NULL when `size` is 0.
 * A Unix socket without a name is "unix:"; a NUL in an abstract name becomes
 * '@'; a path that starts with '@' becomes "unix:./@". The text of a path that
 * fills all of sun_path can be too long to be read.
 * -EINVAL: `addr->len` does not fit the family;
 * -EAFNOSUPPORT: another family.
 */
MIOST_API int miost_addr_format(const struct miost_addr *addr, char *buf,
				size_t size) MIOST_NONNULL(1);

/*
 * All calls below return a negative error on failure. Common to all are
 * -EBADF: `fd` is not open; -ENOTSOCK: it is not a socket;
 * -EAGAIN: the call would block;
 * -EINVAL: the length of an address does not fit its family;
 * -EMFILE, -ENFILE: no descriptor is free; -ENOBUFS, -ENOMEM: no memory is.
 * They pass on what else the system says; the manual lists it.
 *
 * With room for no byte at all, a call that receives returns 0, takes nothing,
 * and does not look at `fd`.
 *
 * A signal does not make a call fail. No call raises SIGPIPE, except on macOS
 * for a socket that the library did not make.
 */

/* Steps to a socket of any family. */

/*
 * Makes a socket of a family (AF_INET, AF_INET6, AF_UNIX) and a type
 * (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET); returns its descriptor,
 * non-blocking and close-on-exec. A socket of AF_INET6 is for IPv6 alone; see
 * miost_socket_set_v6only().
 * -EAFNOSUPPORT, -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT, -EINVAL: the
 * system has no such sockets; -EACCES, -EPERM: not allowed to.
 */
MIOST_API int miost_socket_new(int family, int type);

/*
 * Gives the socket an address; with port 0 the system chooses a free port. A
 * Unix path is created as a file, which the caller unlinks later. Returns 0.
 * -EADDRINUSE: another socket has the address, no port is free, or the Unix
 * path exists;
 * -EADDRNOTAVAIL: the address is not one of this machine's;
 * -EACCES, -EPERM: not allowed to;
 * -EINVAL: the socket has an address already, or a Unix address has no name;
 * -EAFNOSUPPORT, on some systems -EINVAL: the address is of another family than
 * the socket.
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
 * Connects a stream, or starts to: returns 0 in both cases, and never
 * -EINPROGRESS. Once the socket is writable, miost_socket_connected() tells
 * whether it is connected.
 *
 * Gives a datagram socket a peer: writes go to the peer, only its datagrams are
 * received, and its errors, such as -ECONNREFUSED, are reported. What is in the
 * queue already stays there. A second call changes the peer. Returns 0.
 *
 * -EISCONN: the stream is connected; -EALREADY: it is being connected;
 * -EAFNOSUPPORT, on some systems -EINVAL: the address is of another family than
 * the socket; -EINVAL: a Unix address has no name;
 * -EACCES, -EPERM: not allowed to;
 * -EADDRINUSE, -EADDRNOTAVAIL: no port is free;
 * -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH and others: errors that the system
 * knows at once. For a Unix stream see miost_unix_connect().
 */
MIOST_API int miost_socket_connect(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Returns 0 if the socket is connected, -EINPROGRESS while a connection is
 * under way, and otherwise the error that ended it, such as -ECONNREFUSED. The
 * call takes the pending error: a second one gives -ENOTCONN. So do a stream
 * that was never told to connect, a listener, and a datagram socket without a
 * peer.
 */
MIOST_API int miost_socket_connected(int fd);

/*
 * Takes a connection; returns its descriptor, non-blocking and close-on-exec,
 * and stores the peer's address. Skips connections that were aborted before,
 * 128 at most.
 * -EAGAIN: none waits; -EMFILE, -ENFILE: no descriptor is free, and the
 * connection still waits; -ECONNABORTED, -EPROTO: 128 were aborted, and others
 * may wait: call again; -EINVAL: the socket does not listen;
 * -EOPNOTSUPP, on some systems -EINVAL: it is of a type that cannot listen.
 */
MIOST_API int miost_socket_accept(int fd, struct miost_addr *addr);

/*
 * Options. A getter returns the value, a setter 0.
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
 * 1 if several sockets that all have this option may be bound to the same
 * address and port (SO_REUSEPORT; on FreeBSD SO_REUSEPORT_LB), else 0. Set it
 * before the socket is bound.
 * -ENOTSUP: the system has no such option.
 */
MIOST_API int miost_socket_reuse_port(int fd);
MIOST_API int miost_socket_set_reuse_port(int fd, bool reuse_port);

/*
 * 1 if an IPv6 socket is for IPv6 alone (IPV6_V6ONLY), which is how the library
 * makes it; 0 if it also serves IPv4 when it is bound to [::]. Set it before
 * the socket is bound.
 * -EINVAL: the socket is bound, or the option would be cleared on OpenBSD.
 */
MIOST_API int miost_socket_v6only(int fd);
MIOST_API int miost_socket_set_v6only(int fd, bool v6only);

/*
 * The time to live, or hop limit, of packets sent: 1 to 255, else -EINVAL. The
 * getter returns 0 when the socket has none of its own, and the kernel chooses:
 * an IPv6 socket on FreeBSD and NetBSD.
 */
MIOST_API int miost_socket_ttl(int fd);
MIOST_API int miost_socket_set_ttl(int fd, int ttl);

/* 1 if small writes are sent at once (TCP_NODELAY), else 0. */
MIOST_API int miost_socket_nodelay(int fd);
MIOST_API int miost_socket_set_nodelay(int fd, bool nodelay);

/*
 * The size in bytes of the buffer for what was received (SO_RCVBUF) or what is
 * to be sent (SO_SNDBUF). Linux cuts the size that is set to its limits,
 * doubles it, and returns the doubled value.
 * -EINVAL: the size is not positive; -ENOBUFS: it is above the limit, on other
 * systems.
 */
MIOST_API int miost_socket_recv_buffer_size(int fd);
MIOST_API int miost_socket_set_recv_buffer_size(int fd, int size);
MIOST_API int miost_socket_send_buffer_size(int fd);
MIOST_API int miost_socket_set_send_buffer_size(int fd, int size);

/* Sockets in one call. */

/*
 * Makes a socket and starts to connect it to an IPv4 or IPv6 address; returns
 * its descriptor. Once it is writable, miost_socket_connected() tells whether
 * it is connected.
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a socket that listens on an IPv4 or IPv6 address; with port 0 the
 * system chooses a free port. Returns its descriptor. The address can be used
 * again as soon as the listener is closed (SO_REUSEADDR).
 * -EADDRINUSE: another socket listens on the address;
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a UDP socket that is bound to an IPv4 or IPv6 address; with port 0 the
 * system chooses a free port. Returns its descriptor.
 * -EADDRINUSE: another UDP socket has the address;
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_udp_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Datagrams of any family. Each is sent or received whole or not at all. If it
 * is longer than the memory into which it is received, the rest is lost.
 */

/*
 * Sends a datagram of `len` bytes, which may be 0, and returns `len`.
 * -EMSGSIZE: the datagram is too long; -EISCONN: the socket has a peer, and the
 * system then sends to no other address; -EACCES, -EPERM: not allowed to;
 * -EHOSTUNREACH, -ENETUNREACH: there is no way to the address;
 * -EAFNOSUPPORT, on some systems -EINVAL or -ENETUNREACH: the address is of
 * another family than the socket, or is an IPv4 address mapped into IPv6;
 * -EINVAL: the port is 0, or a Unix address has no name;
 * -ECONNREFUSED, -ENOENT: no Unix socket has the address; -EPROTOTYPE: it is of
 * another type; -EPIPE: writing was shut down.
 */
MIOST_API ssize_t miost_socket_send_to(int fd, const void *buf, size_t len,
				       const struct miost_addr *addr)
	MIOST_NONNULL(4);

/*
 * Receives a datagram and stores the sender's address. Returns how many bytes
 * are stored in `buf`, which may be 0.
 * -ECONNREFUSED and others: an earlier datagram did not reach the peer.
 */
MIOST_API ssize_t miost_socket_recv_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* The same, but leaves the datagram where it is. */
MIOST_API ssize_t miost_socket_peek_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* A flag of a datagram that was received: it was longer than its memory. */
#define MIOST_TRUNCATED UINT32_C(0x1)

/* One of many datagrams. The memory is the caller's. */
struct miost_datagram {
	void *data;
	/* Its length; before it is received, the size of the memory. */
	size_t len;
	/* The receiver or sender; an `addr.len` of 0 sends to the peer. */
	struct miost_addr addr;
	/* Stored when it is received; ignored when it is sent. */
	uint32_t flags;
	uint32_t reserved;	/* 0, likewise */
};

/*
 * Sends the first of `n` datagrams, as many as one system call takes, and 64 at
 * most. Returns how many; 0 only if `n` is 0. An error is about the first
 * datagram: if a later one fails, the datagrams before it are sent and counted.
 * Fails with the errors of miost_socket_send_to(), and with
 * -EDESTADDRREQ, -ENOTCONN: there is no address, and the socket has no peer.
 */
MIOST_API int miost_socket_send_many(int fd,
				     const struct miost_datagram *datagrams,
				     size_t n);

/*
 * Receives up to `n` datagrams, as many as wait and one system call gives, and
 * 64 at most. A datagram whose `len` is 0 ends the array. Returns how many; 0
 * only if there is none before the end. Stores `len`, `addr` and `flags` in
 * these, and changes nothing in the others.
 * Fails with the errors of miost_socket_recv_from().
 */
MIOST_API int miost_socket_recv_many(int fd, struct miost_datagram *datagrams,
				     size_t n);

/*
 * Streams, and datagrams without their addresses. A call moves at most INT_MAX
 * bytes: longer lengths are cut.
 */

/*
 * Receives up to `len` bytes. Returns how many; 0 at the end of a stream, for
 * an empty datagram, and if `len` is 0.
 * -ECONNREFUSED, -ECONNRESET, -EHOSTUNREACH, -ENETUNREACH, -ETIMEDOUT: the
 * connection failed, or the peer ended it;
 * -ENOTCONN, for a Unix stream on Linux -EINVAL: it is not connected.
 */
MIOST_API ssize_t miost_socket_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_socket_readv(int fd, const struct iovec *iov, int n);

/* Reads, but leaves the bytes where they are. */
MIOST_API ssize_t miost_socket_peek(int fd, void *buf, size_t len);

/*
 * Sends up to `len` bytes. Returns how many were taken, which may be fewer.
 * -EPIPE: writing was shut down, or the peer is gone;
 * -ENOTCONN, for TCP on Linux -EPIPE, for UDP there -EDESTADDRREQ: there is no
 * peer;
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
 * -EINVAL: another `how`;
 * -ENOTCONN: the socket is not connected; but 0 for Unix sockets on Linux, and
 * on NetBSD.
 */
MIOST_API int miost_socket_shutdown(int fd, int how);

/*
 * Takes the pending error from the socket and stores it: a positive errno, or 0
 * if there is none. Returns 0.
 */
MIOST_API int miost_socket_take_error(int fd, int *error) MIOST_NONNULL(2);

/* Makes a second, close-on-exec descriptor of the same socket or other file. */
MIOST_API int miost_socket_clone(int fd);

MIOST_END_DECLS

#endif
