/* SPDX-License-Identifier: MIT */
/* Pipes. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <miost/unix.h>

#include "net.h"

/* Where the system can do so, a failed write does not raise SIGPIPE. */
#ifdef HAVE_O_NOSIGPIPE
#define PIPE_FLAGS (O_NONBLOCK | O_CLOEXEC | O_NOSIGPIPE)
#else
#define PIPE_FLAGS (O_NONBLOCK | O_CLOEXEC)
#endif

static int
set_no_sigpipe(int fd)
{
#ifdef HAVE_F_SETNOSIGPIPE
	if (fcntl(fd, F_SETNOSIGPIPE, 1) < 0)
		return -errno;
#else
	(void)fd;
#endif
	return 0;
}

static int
new_pipe(int fds[2])
{
#ifdef HAVE_PIPE2
	if (pipe2(fds, PIPE_FLAGS) == 0)
		return miost__net_set_up_pair(fds, false, set_no_sigpipe);
	if (!miost__net_refused())
		return -errno;
#endif
	if (pipe(fds) < 0)
		return -errno;
	return miost__net_set_up_pair(fds, true, set_no_sigpipe);
}

int
miost_pipe(int fds[2])
{
	int made[2];
	int err = new_pipe(made);

	if (err < 0)
		return err;
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
