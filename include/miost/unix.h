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
 * Every descriptor that is made here is non-blocking and close-on-exec. The
 * calls on sockets are in <miost/net.h>. All calls with an address fail with
 * -EAFNOSUPPORT: it is not a Unix address;
 * -EINVAL: its length does not fit, or it has no name;
 * -EACCES, -EPERM: not allowed to;
 * -ELOOP, -ENAMETOOLONG, -ENOENT, -ENOTDIR: there is no such path;
 * -EMFILE, -ENFILE: no descriptor is free; -ENOBUFS, -ENOMEM: no memory is.
 */

/*
 * Connects a stream to a listener; returns its descriptor. On most systems it
 * is connected then; on the others miost_socket_connected() tells later.
 * -ECONNREFUSED: nobody listens; -EAGAIN, on other systems than Linux
 * -ECONNREFUSED: the listener's backlog is full;
 * -EPROTOTYPE: the socket at the address is not a stream.
 */
MIOST_API int miost_unix_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Listens for streams, with the largest backlog that the system allows; returns
 * a descriptor. The path is created as a file, which the caller unlinks later.
 * -EADDRINUSE: the path exists, or another socket has the abstract name;
 * -EIO, -ENOSPC, -EROFS: the file system cannot create the file.
 */
MIOST_API int miost_unix_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a datagram socket that is bound to the address; returns its descriptor.
 * The path and the errors are as for miost_unix_listen().
 */
MIOST_API int miost_unix_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Makes two sockets that are connected to each other, of type SOCK_STREAM,
 * SOCK_DGRAM or SOCK_SEQPACKET. Returns 0, or, leaving `fds` alone,
 * -EINVAL: another type; -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT: the
 * system does not have SOCK_SEQPACKET for Unix sockets;
 * -EMFILE, -ENFILE: no descriptor is free; -ENOBUFS, -ENOMEM: no memory is.
 */
MIOST_API int miost_unix_pair(int type, int fds[2]) MIOST_NONNULL(2);

/*
 * Makes a pipe: fds[0] reads what fds[1] writes. Returns 0, or, leaving `fds`
 * alone, -EMFILE, -ENFILE: no descriptor is free; -ENOMEM: no memory is.
 */
MIOST_API int miost_pipe(int fds[2]) MIOST_NONNULL(1);

/*
 * The calls below are for pipes, and work on everything that read(2) and
 * write(2) work on. A call moves at most INT_MAX bytes: longer lengths are cut.
 * A signal does not make a call fail. On failure they return
 * -EBADF: `fd` is not open, or not for this direction;
 * -EAGAIN: the call would block; and what the system says of other files.
 *
 * A write to a pipe without a reader fails with -EPIPE. It also raises SIGPIPE,
 * except for pipes that the library makes on macOS and NetBSD: a program that
 * writes to pipes ignores that signal. So does a write by these calls to a
 * socket whose peer is gone; the calls of <miost/net.h> raise no signal.
 */

/*
 * Reads up to `len` bytes. Returns how many; 0 at the end, when there is no
 * writer any more, and if `len` is 0, without a look at `fd`.
 */
MIOST_API ssize_t miost_pipe_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_readv(int fd, const struct iovec *iov, int n);

/*
 * Writes up to `len` bytes. Returns how many were taken, which may be fewer; up
 * to PIPE_BUF bytes are taken whole or not at all. -EPIPE: there is no reader.
 */
MIOST_API ssize_t miost_pipe_write(int fd, const void *buf, size_t len);

/* The same from `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_writev(int fd, const struct iovec *iov, int n);

MIOST_END_DECLS

#endif
