/* SPDX-License-Identifier: MIT */
/* Unix sockets, and pipes. Both are plain descriptors: close(2) ends them. */
#ifndef MIOST_UNIX_H
#define MIOST_UNIX_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <miost/base.h>
#include <miost/net.h>

MIOST_BEGIN_DECLS

/*
 * Every descriptor made here is non-blocking and close-on-exec. The calls on
 * any socket, and those on datagram sockets, are in <miost/net.h>. An address
 * that is not a Unix one is -EAFNOSUPPORT, and a malformed one -EINVAL.
 */

/*
 * Connects a stream to a listener; returns its descriptor, which is connected
 * but for systems that still connect it: there miost_socket_connected() tells.
 * -ENOENT, -ECONNREFUSED: nobody listens; -EAGAIN, on some systems
 * -ECONNREFUSED: the listener's backlog is full; -EACCES: not allowed to.
 */
MIOST_API int miost_unix_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Listens for streams; returns a descriptor. The backlog is the system's
 * largest. The path is made, and is the caller's to unlink.
 * -EADDRINUSE: the path exists, or the abstract name is taken.
 */
MIOST_API int miost_unix_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a datagram socket that has the address; returns its descriptor. The
 * path is made, and is the caller's to unlink. -EADDRINUSE: as above.
 */
MIOST_API int miost_unix_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Makes two sockets that are each other's peer: SOCK_STREAM, SOCK_DGRAM or
 * SOCK_SEQPACKET. Returns 0, or, with `fds` as they were,
 * -EINVAL: another type; -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT: the
 * system has no SOCK_SEQPACKET of Unix.
 */
MIOST_API int miost_unix_pair(int type, int fds[2]) MIOST_NONNULL(2);

/*
 * Makes a pipe: fds[0] receives what fds[1] sends. Returns 0, or, with `fds`
 * as they were, what the system says: -EMFILE, -ENFILE.
 */
MIOST_API int miost_pipe(int fds[2]) MIOST_NONNULL(1);

/*
 * The calls below are for pipes, and work on any descriptor that read(2) and
 * write(2) do. They return a negative error: -EBADF when `fd` is not open, or
 * not for this direction, -EAGAIN when it would block, and what the system
 * says. None is interrupted by a signal.
 *
 * A write to a pipe without a reader is -EPIPE. It raises SIGPIPE, too, but
 * not where the system can tell a pipe at birth not to (macOS, NetBSD): a
 * program that writes to pipes ignores that signal. So does a write to a socket
 * by these calls; those on sockets do not.
 */

/*
 * Receives up to `len` bytes. Returns how many, 0 at the end: when there is no
 * sender any more. 0, too, when `len` is 0, without a look at `fd`.
 */
MIOST_API ssize_t miost_pipe_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_readv(int fd, const struct iovec *iov, int n);

/*
 * Sends up to `len` bytes. Returns how many were taken, which may be fewer;
 * up to PIPE_BUF bytes are taken whole or not at all.
 */
MIOST_API ssize_t miost_pipe_write(int fd, const void *buf, size_t len);

/* The same from `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_writev(int fd, const struct iovec *iov, int n);

MIOST_END_DECLS

#endif
