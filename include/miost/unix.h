/* SPDX-License-Identifier: MIT */
/* Unix sockets and pipes. Both are descriptors, which close(2) closes. */
#ifndef MIOST_UNIX_H
#define MIOST_UNIX_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <miost/base.h>
#include <miost/net.h>

MIOST_BEGIN_DECLS

/*
 * All descriptors that these calls make are non-blocking and close-on-exec. The
 * calls on sockets are in <miost/net.h>. All calls with an address fail with
 * -EAFNOSUPPORT: it is not a Unix address;
 * -EINVAL: its length does not fit, or it has no name;
 * -EACCES, -EPERM: permission is denied;
 * -ELOOP, -ENAMETOOLONG, -ENOENT, -ENOTDIR: the path does not exist or cannot
 * be followed;
 * -EMFILE, -ENFILE: no descriptor is free;
 * -ENOBUFS, -ENOMEM: there is not enough memory.
 */

/*
 * Makes a stream and connects it to a listener. Returns its descriptor. On most
 * systems the stream is then connected; on the others miost_socket_connected()
 * tells later whether it is.
 * -ECONNREFUSED: nobody listens;
 * -EAGAIN: the listener's backlog is full. Systems other than Linux then fail
 * with -ECONNREFUSED;
 * -EPROTOTYPE: the socket at the address is not a stream.
 */
MIOST_API int miost_unix_connect(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a stream socket that listens, with the largest backlog that the system
 * allows. Returns its descriptor. The path is created as a file, which the
 * caller unlinks later.
 * -EADDRINUSE: the path exists, or another socket has the abstract name;
 * -EIO, -ENOSPC, -EROFS: the file system cannot create the file.
 */
MIOST_API int miost_unix_listen(const struct miost_addr *addr)
	MIOST_NONNULL(1);

/*
 * Makes a datagram socket that is bound to the address. Returns its descriptor.
 * The path and the errors are as for miost_unix_listen().
 */
MIOST_API int miost_unix_bind(const struct miost_addr *addr) MIOST_NONNULL(1);

/*
 * Makes two sockets that are connected to each other, of type SOCK_STREAM,
 * SOCK_DGRAM or SOCK_SEQPACKET. Returns 0. On failure it leaves `fds` as it
 * was, and returns
 * -EINVAL: `type` is not one of these;
 * -EPROTONOSUPPORT, -EPROTOTYPE, -ESOCKTNOSUPPORT: the system does not support
 * SOCK_SEQPACKET for Unix sockets;
 * -EMFILE, -ENFILE: no descriptor is free;
 * -ENOBUFS, -ENOMEM: there is not enough memory.
 */
MIOST_API int miost_unix_pair(int type, int fds[2]) MIOST_NONNULL(2);

/*
 * Makes a pipe. Bytes that are written to fds[1] are read from fds[0]. Returns
 * 0. On failure it leaves `fds` as it was, and returns
 * -EMFILE, -ENFILE: no descriptor is free;
 * -ENOMEM: there is not enough memory.
 */
MIOST_API int miost_pipe(int fds[2]) MIOST_NONNULL(1);

/*
 * The calls below are for pipes, and work on every file that read(2) and
 * write(2) work on. A call transfers at most INT_MAX bytes: longer lengths are
 * reduced. A signal does not make a call fail. On failure they return
 * -EBADF: `fd` is not open, or is not open in the direction of the call;
 * -EAGAIN: the call would block; on files other than pipes, other errors too.
 *
 * A write to a pipe without a reader fails with -EPIPE. It also raises SIGPIPE,
 * except for pipes that the library makes on macOS and NetBSD: a program that
 * writes to pipes ignores that signal. These calls also raise it when they
 * write to a socket whose peer is gone; the calls of <miost/net.h> do not.
 */

/*
 * Reads up to `len` bytes. Returns their number, which is 0 at the end, when
 * there is no writer any more. Also returns 0, and ignores `fd`, if `len` is 0.
 */
MIOST_API ssize_t miost_pipe_read(int fd, void *buf, size_t len);

/* The same into `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_readv(int fd, const struct iovec *iov, int n);

/*
 * Writes up to `len` bytes. Returns how many it wrote, which may be fewer. A
 * write of up to PIPE_BUF bytes writes all of them or none.
 * -EPIPE: there is no reader.
 */
MIOST_API ssize_t miost_pipe_write(int fd, const void *buf, size_t len);

/* The same from `n` buffers in turn. -EINVAL: `n` is negative or too large. */
MIOST_API ssize_t miost_pipe_writev(int fd, const struct iovec *iov, int n);

MIOST_END_DECLS

#endif
