/* SPDX-License-Identifier: MIT */
/* Pipes. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <miost/unix.h>

#include "net.h"

/* A write that fails raises no SIGPIPE, where the system can be told so. */
#if defined(HAVE_PIPE2) && defined(HAVE_O_NOSIGPIPE)
#define PIPE_FLAGS (O_NONBLOCK | O_CLOEXEC | O_NOSIGPIPE)
#else
#define PIPE_FLAGS (O_NONBLOCK | O_CLOEXEC)
#endif

#if !defined(HAVE_PIPE2) || defined(HAVE_F_SETNOSIGPIPE)
static int
set_up(int fd)
{
	int err = 0;

#ifndef HAVE_PIPE2
	err = miost__net_set_flags(fd);
#endif
#ifdef HAVE_F_SETNOSIGPIPE
	if (err == 0 && fcntl(fd, F_SETNOSIGPIPE, 1) < 0)
		err = -errno;
#endif
	return err;
}
#else
static int
set_up(int fd)
{
	(void)fd;
	return 0;
}
#endif

int
miost_pipe(int fds[2])
{
	int made[2];
	int err;

#ifdef HAVE_PIPE2
	if (pipe2(made, PIPE_FLAGS) < 0)
		return -errno;
#else
	if (pipe(made) < 0)
		return -errno;
#endif
	err = set_up(made[0]);
	if (err == 0)
		err = set_up(made[1]);
	if (err < 0) {
		close(made[0]);
		close(made[1]);
		return err;
	}
	fds[0] = made[0];
	fds[1] = made[1];
	return 0;
}

ssize_t
miost_pipe_read(int fd, void *buf, size_t len)
{
	ssize_t n;

	if (len == 0)
		return 0;
	do
		n = read(fd, buf, miost__net_cut(len));
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

ssize_t
miost_pipe_readv(int fd, const struct iovec *iov, int n)
{
	struct miost__net_buffers buffers;
	ssize_t count = miost__net_take_buffers(&buffers, fd, iov, n);

	if (count < 0 || buffers.empty)
		return count;
	do
		count = readv(fd, buffers.iov, buffers.n);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}

ssize_t
miost_pipe_write(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = write(fd, buf, miost__net_cut(len));
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

ssize_t
miost_pipe_writev(int fd, const struct iovec *iov, int n)
{
	struct miost__net_buffers buffers;
	ssize_t count = miost__net_take_buffers(&buffers, fd, iov, n);

	if (count < 0)
		return count;
	do
		count = writev(fd, buffers.iov, buffers.n);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}
