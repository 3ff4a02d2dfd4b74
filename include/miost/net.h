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
 * An IPv4, IPv6 or Unix address: the first `len` bytes of `storage`. May be
 * filled in by hand. Wherever a call stores an address, NULL means that it is
 * not wanted, and the address of a Unix socket without a name is the one that
 * "unix:" is read as.
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
 * Writes an address in the form that miost_addr_parse() reads. As snprintf(3)
 * does: at most `size` bytes with the final NUL, and the length that the whole
 * text has without it is returned. `buf` may be NULL when `size` is 0.
 * A Unix socket without a name is "unix:"; a NUL in an abstract name shows
 * as '@'; a path that starts with '@' as "unix:./@". A path that fills all of
 * sun_path, without a NUL, is written, but too long to be read.
 * -EINVAL: `addr->len` does not fit the family;
 * -EAFNOSUPPORT: another family.
 */
MIOST_API int miost_addr_format(const struct miost_addr *addr, char *buf,
				size_t size) MIOST_NONNULL(1);

/*
 * All calls below return a negative error: -EBADF when `fd` is not open,
 * -ENOTSOCK when it is not a socket, -EAGAIN when it would block, -EINVAL for
 * an address whose length does not fit, and what the system says. None is
 * interrupted by a signal, none raises SIGPIPE. With no memory to receive into,
 * a call that receives returns 0, takes nothing, and does not look at `fd`.
 */

/* Steps: what a socket of any family is made, bound and connected by. */

/*
 * Makes a socket of a family (AF_INET, AF_INET6, AF_UNIX) and a type
 * (SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET); returns its descriptor,
 * non-blocking and close-on-exec. One of AF_INET6 is for IPv6 alone; see
 * miost_socket_set_v6only().
 * -EAFNOSUPPORT, -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT, -EINVAL: the
 * system has no such sockets; -EMFILE, -ENFILE: no descriptor is free.
 */
MIOST_API int miost_socket_new(int family, int type);

/*
 * Gives the socket an address, port 0 for one that is free. A Unix path is made,
 * and is the caller's to unlink. Returns 0.
 * -EADDRINUSE: another has it; for a Unix socket, the path exists;
 * -EADDRNOTAVAIL: it is none of this machine's;
 * -EACCES: not allowed to; -EINVAL: the socket has an address, or a Unix
 * address has no name;
 * -EAFNOSUPPORT: the address is of another family than the socket.
 */
MIOST_API int miost_socket_bind(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Listens for connections, with the largest backlog that the system has.
 * Returns 0. -EADDRINUSE: another socket listens on the address;
 * -EOPNOTSUPP: not a socket that can listen.
 */
MIOST_API int miost_socket_listen(int fd);

/*
 * Connects a stream socket, or begins to; miost_socket_connected() tells which,
 * once the socket is writable. To a datagram socket it gives a peer: what is
 * written goes there, only its datagrams are received, and its errors, such as
 * -ECONNREFUSED, are reported; again for another peer. Returns 0.
 * -EISCONN, -EALREADY: the stream is connected, or connects, already;
 * -EAFNOSUPPORT: the address is of another family than the socket;
 * -ENETUNREACH, -EADDRNOTAVAIL and others: what the system knows at once. Of
 * Unix streams, see miost_unix_connect().
 */
MIOST_API int miost_socket_connect(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Of a socket that connects or has connected: 0 once it is connected,
 * -EINPROGRESS before, and if it failed the reason why, such as -ECONNREFUSED.
 * Asking takes the pending error: asked again, a failed connection is
 * -ENOTCONN, as are a socket that was never connected and a listener.
 */
MIOST_API int miost_socket_connected(int fd);

/*
 * Takes a connection; returns its descriptor, non-blocking and close-on-exec,
 * and stores the peer's address. A connection that was given up before it was
 * taken is passed over, but no more than 128 of them in one call.
 * -EAGAIN: none waits; -EMFILE, -ENFILE: no descriptor was free, and the
 * connection still waits; -ECONNABORTED, -EPROTO: 128 were given up, and others
 * may wait: call again; -EINVAL: the socket does not listen;
 * -EOPNOTSUPP: not a stream.
 */
MIOST_API int miost_socket_accept(int fd, struct miost_addr *addr);

/*
 * Options. A getter returns the value, a setter 0. -ENOPROTOOPT, -EOPNOTSUPP:
 * not an option of such a socket.
 */

/*
 * 1 when the socket may be bound to an address that connections of an earlier
 * socket still linger on (SO_REUSEADDR), else 0.
 */
MIOST_API int miost_socket_reuse_addr(int fd);
MIOST_API int miost_socket_set_reuse_addr(int fd, bool reuse_addr);

/*
 * 1 when several sockets that all have this option may be bound to the same
 * address and port (SO_REUSEPORT; on FreeBSD SO_REUSEPORT_LB), else 0.
 * -ENOTSUP: the system has no such thing.
 */
MIOST_API int miost_socket_reuse_port(int fd);
MIOST_API int miost_socket_set_reuse_port(int fd, bool reuse_port);

/*
 * 1 when an IPv6 socket has nothing to do with IPv4 (IPV6_V6ONLY), as all that
 * the library makes; 0 when one that is bound to [::] serves IPv4, too. Set it
 * before the socket is bound.
 * -EINVAL: it is bound, or the system, OpenBSD, cannot do otherwise.
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

/* 1 when small writes are sent at once (TCP_NODELAY), else 0. */
MIOST_API int miost_socket_nodelay(int fd);
MIOST_API int miost_socket_set_nodelay(int fd, bool nodelay);

/*
 * The size in bytes of the buffer that holds what was received (SO_RCVBUF), or
 * what is to be sent (SO_SNDBUF). The system rounds what is set and cuts it to
 * its limits, and Linux counts its own needs in: it makes, and says, twice as
 * much. -EINVAL: the size is not positive.
 */
MIOST_API int miost_socket_recv_buffer_size(int fd);
MIOST_API int miost_socket_set_recv_buffer_size(int fd, int size);
MIOST_API int miost_socket_send_buffer_size(int fd);
MIOST_API int miost_socket_set_send_buffer_size(int fd, int size);

/* Whole ways. */

/*
 * Makes a socket and begins to connect it to an IPv4 or IPv6 address; returns
 * its descriptor. miost_socket_connected() tells, once it is writable, whether
 * it is connected.
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a socket that listens on an IPv4 or IPv6 address, port 0 for one that
 * is free; returns its descriptor. The address can be used again as soon as the
 * listener is closed (SO_REUSEADDR).
 * -EADDRINUSE: another socket listens on it;
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address; and the errors of the steps.
 */
MIOST_API int miost_tcp_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a UDP socket that has the IPv4 or IPv6 address, port 0 for one that is
 * free; returns its descriptor. Errors as of miost_tcp_listen().
 */
MIOST_API int miost_udp_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Datagrams, of any family: each is sent or received whole or not at all. Of
 * one that is longer than the memory it is received into, the rest is lost.
 */

/*
 * Sends a datagram of `len` bytes, 0 included, and returns `len`.
 * -EMSGSIZE: too long for one; -EISCONN: the socket has a peer, on systems
 * where it may then not send to others.
 */
MIOST_API ssize_t miost_socket_send_to(int fd, const void *buf, size_t len,
				       const struct miost_addr *addr)
	MIOST_NONNULL(4);

/*
 * Receives a datagram and stores who sent it. Returns how many bytes are
 * stored, which may be 0.
 */
MIOST_API ssize_t miost_socket_recv_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* The same, but leaves the datagram where it is. */
MIOST_API ssize_t miost_socket_peek_from(int fd, void *buf, size_t len,
					 struct miost_addr *addr);

/* Flags of a datagram that was received: it was longer than its memory. */
#define MIOST_TRUNCATED UINT32_C(0x1)

/* One of many datagrams. The memory is the caller's. */
struct miost_datagram {
	void *data;
	/* How long it is; when it is to be received: how much may be. */
	size_t len;
	/* To or from whom; `addr.len` of 0 sends to the connected peer. */
	struct miost_addr addr;
	/* Stored by a receive; a send does not look at it. */
	uint32_t flags;
};

/*
 * Sends the first of `n` datagrams, at most 64, in one system call where there
 * is one, and returns how many. An error is that of the first datagram; those
 * before one that fails are sent, and counted. 0: `n` is 0.
 */
MIOST_API int miost_socket_send_many(int fd,
				     const struct miost_datagram *datagrams,
				     size_t n);

/*
 * Receives up to `n` datagrams, as many as wait, at most 64, and returns how
 * many. `len`, `addr` and `flags` are stored in those, and no other is changed.
 * One whose `len` is 0 ends the call, as the end of the array does. 0: there is
 * none before it.
 */
MIOST_API int miost_socket_recv_many(int fd, struct miost_datagram *datagrams,
				     size_t n);

/* Streams, and the datagrams of a connected socket. */

/*
 * Receives up to `len` bytes. Returns how many, 0 at the end of the stream (or
 * of an empty datagram, or when `len` is 0), or a negative error.
 */
MIOST_API ssize_t miost_socket_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_socket_readv(int fd, const struct iovec *iov, int n);

/* The same as a read, but leaves the bytes where they are. */
MIOST_API ssize_t miost_socket_peek(int fd, void *buf, size_t len);

/*
 * Sends up to `len` bytes. Returns how many were taken, which may be fewer.
 * -EPIPE: the sending half was shut down, the peer is gone, or on some systems
 * there never was one.
 */
MIOST_API ssize_t miost_socket_write(int fd, const void *buf, size_t len);

/* The same from `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_socket_writev(int fd, const struct iovec *iov, int n);

/* The address of this end. */
MIOST_API int miost_socket_local_addr(int fd, struct miost_addr *addr);

/* The address of the other end. -ENOTCONN: there is none. */
MIOST_API int miost_socket_peer_addr(int fd, struct miost_addr *addr);

/* `how` as for shutdown(2): SHUT_RD, SHUT_WR or SHUT_RDWR, else -EINVAL. */
MIOST_API int miost_socket_shutdown(int fd, int how);

/* Stores the pending error, a positive errno or 0, and so takes it. */
MIOST_API int miost_socket_take_error(int fd, int *error) MIOST_NONNULL(2);

/* A second, close-on-exec descriptor of the same socket, or other file. */
MIOST_API int miost_socket_clone(int fd);

MIOST_END_DECLS

#endif
