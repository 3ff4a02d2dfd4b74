/* SPDX-License-Identifier: MIT */
/* Addresses and sockets. Sockets are plain descriptors: close(2) ends them. */
#ifndef MIOST_NET_H
#define MIOST_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <miost/base.h>

MIOST_BEGIN_DECLS

/*
 * An IPv4, IPv6 or Unix address: the first `len` bytes of `storage`. May be
 * filled in by hand. Wherever a call fills in an address, NULL means that it
 * is not wanted.
 */
struct miost_addr {
	socklen_t len;
	struct sockaddr_storage storage;
};

/*
 * Reads a numeric address; no name is looked up, except that of an interface:
 *
 *   127.0.0.1:80   [::1]:80   [fe80::1%eth0]:80   [fe80::1%2]:80
 *   unix:/run/socket   unix:@abstract (Linux)
 *
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
 * -ENOTSOCK when it is not a socket, -EAGAIN when it would block, and what
 * the system says. None is interrupted by a signal, none raises SIGPIPE.
 */

/*
 * Starts a connection to an IPv4 or IPv6 address; returns its descriptor,
 * non-blocking and close-on-exec. Whether it came about is known once it is
 * writable: ask miost_tcp_connected().
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address.
 */
MIOST_API int miost_tcp_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Of a socket that connects or has connected: 0 once it is connected,
 * -EINPROGRESS before, and if it failed the reason why, such as -ECONNREFUSED.
 * Asking takes the pending error: asked again, a failed connection is
 * -ENOTCONN.
 */
MIOST_API int miost_tcp_connected(int fd);

/*
 * Listens on an IPv4 or IPv6 address, port 0 for one that is free; returns a
 * descriptor, non-blocking and close-on-exec. The address and port may be
 * used again at once and by several listeners (SO_REUSEADDR, SO_REUSEPORT);
 * the backlog is the system's largest.
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address.
 */
MIOST_API int miost_tcp_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Takes a connection; returns its descriptor, non-blocking and close-on-exec,
 * and stores the peer's address. A connection that was given up before it was
 * taken is passed over.
 * -EAGAIN: none waits; -EMFILE, -ENFILE: no descriptor was free, and the
 * connection still waits.
 */
MIOST_API int miost_tcp_accept(int listener, struct miost_addr *addr);

/*
 * Makes a UDP socket that has the address, port 0 for one that is free;
 * returns its descriptor, non-blocking and close-on-exec.
 * -EAFNOSUPPORT: not an IPv4 or IPv6 address.
 */
MIOST_API int miost_udp_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * The calls below are for datagram sockets of any kind, those of Unix
 * included, and a datagram is sent or received whole or not at all. Of one
 * that is longer than the memory it is received into, the rest is lost.
 */

/*
 * Makes `addr` the peer: miost_socket_write() sends to it, only its datagrams
 * are received, and its errors, such as -ECONNREFUSED, are reported. Again for
 * another peer.
 */
MIOST_API int miost_udp_connect(int fd, const struct miost_addr *addr)
	MIOST_NONNULL(2);

/*
 * Sends a datagram of `len` bytes, 0 included, and returns `len`.
 * -EMSGSIZE: too long for one; -EISCONN: the socket has a peer, on systems
 * where it may then not send to others.
 */
MIOST_API ssize_t miost_udp_send_to(int fd, const void *buf, size_t len,
				    const struct miost_addr *addr)
	MIOST_NONNULL(4);

/*
 * Receives a datagram and stores who sent it; `addr->len` is 0 when that is a
 * Unix socket without a name. Returns its length, which may be 0.
 */
MIOST_API ssize_t miost_udp_recv_from(int fd, void *buf, size_t len,
				      struct miost_addr *addr);

/* The same, but leaves the datagram where it is. */
MIOST_API ssize_t miost_udp_peek_from(int fd, void *buf, size_t len,
				      struct miost_addr *addr);

/* One of many datagrams. The memory is the caller's. */
struct miost_datagram {
	void *data;
	/* How long it is; when it is to be received: how much may be. */
	size_t len;
	/* To or from whom; `addr.len` of 0 sends to the connected peer. */
	struct miost_addr addr;
};

/*
 * Sends the first of `n` datagrams, as many as one system call takes, and
 * returns how many. An error is that of the first datagram; those before one
 * that fails are sent, and counted. 0: `n` is 0.
 */
MIOST_API int miost_udp_send_many(int fd,
				  const struct miost_datagram *datagrams,
				  size_t n);

/*
 * Receives up to `n` datagrams, as many as wait and one system call gives, and
 * returns how many. `len` and `addr` are stored in those, and no other is
 * changed. 0: `n` is 0.
 */
MIOST_API int miost_udp_recv_many(int fd, struct miost_datagram *datagrams,
				  size_t n);

/*
 * Receives up to `len` bytes, 1 at least. Returns how many, 0 at the end of the
 * stream (or of an empty datagram), or a negative error.
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

/* The time to live, or hop limit, of packets sent: 1 to 255. */
MIOST_API int miost_socket_ttl(int fd);

/* -EINVAL: `ttl` is not 1 to 255. */
MIOST_API int miost_socket_set_ttl(int fd, int ttl);

/* 1 when small writes are sent at once (TCP_NODELAY), else 0. */
MIOST_API int miost_socket_nodelay(int fd);

MIOST_API int miost_socket_set_nodelay(int fd, bool nodelay);

/* A second, close-on-exec descriptor of the same socket, or other file. */
MIOST_API int miost_socket_clone(int fd);

MIOST_END_DECLS

#endif
