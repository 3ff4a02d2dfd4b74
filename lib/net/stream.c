/* SPDX-License-Identifier: MIT */
/* Reading and writing on sockets, and choosing how much one call can move. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "net.h"

#ifndef IOV_MAX
#define IOV_MAX 1024
#endif

static ssize_t
receive(int fd, void *buf, size_t len, int flags)
{
	ssize_t n;

	/*
	 * With no room, systems return 0, fail with EAGAIN, or report a
	 * datagram that never came.
	 */
	if (len == 0)
		return 0;
	do
		n = recv(fd, buf, miost__net_cut(len), flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

ssize_t
miost_socket_read(int fd, void *buf, size_t len)
{
	return receive(fd, buf, len, 0);
}

ssize_t
miost_socket_peek(int fd, void *buf, size_t len)
{
	return receive(fd, buf, len, MSG_PEEK);
}

ssize_t
miost_socket_write(int fd, const void *buf, size_t len)
{
	ssize_t n;

	do
		n = send(fd, buf, miost__net_cut(len), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

/*
 * Whether a call on the descriptor may move a part of the bytes, as it may on a
 * stream or a pipe. Messages are moved whole.
 */
static bool
is_stream(int fd)
{
	int type = miost__net_get_option(fd, SOL_SOCKET, SO_TYPE);

	return type == SOCK_STREAM || type == -ENOTSOCK;
}

int
miost__net_take_buffers(struct miost__net_buffers *buffers, int fd,
			const struct iovec *iov, int n)
{
	size_t room = INT_MAX;
	int i;

	if (n < 0 || n > IOV_MAX)
		return -EINVAL;
	buffers->iov = iov;
	buffers->n = (unsigned short)n;
	for (i = 0; i < n && iov[i].iov_len <= room; i++)
		room -= iov[i].iov_len;
	buffers->empty = i == n && room == INT_MAX;
	if (i == n || !is_stream(fd))
		return 0;
	if (room < INT_MAX) {
		buffers->n = (unsigned short)i;
	} else {
		buffers->cut.iov_base = iov[i].iov_base;
		buffers->cut.iov_len = INT_MAX;
		buffers->iov = &buffers->cut;
		buffers->n = 1;
	}
	return 0;
}

/* Takes the buffers and makes the message for recvmsg(2) or sendmsg(2). */
static int
make_message(struct msghdr *message, struct miost__net_buffers *buffers, int fd,
	     const struct iovec *iov, int n)
{
	int err = miost__net_take_buffers(buffers, fd, iov, n);

	if (err < 0)
		return err;
	memset(message, 0, sizeof(*message));
	/* msg_iov is not const, but the system only reads the array. */
	message->msg_iov = (struct iovec *)(uintptr_t)buffers->iov;
	/* msg_iovlen is signed on some systems, unsigned on others. */
	message->msg_iovlen = buffers->n;
	return 0;
}

ssize_t
miost_socket_readv(int fd, const struct iovec *iov, int n)
{
	struct miost__net_buffers buffers;
	struct msghdr message;
	ssize_t count = make_message(&message, &buffers, fd, iov, n);

	if (count < 0 || buffers.empty)
		return count;
	do
		count = recvmsg(fd, &message, 0);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}

ssize_t
miost_socket_writev(int fd, const struct iovec *iov, int n)
{
	struct miost__net_buffers buffers;
	struct msghdr message;
	ssize_t count = make_message(&message, &buffers, fd, iov, n);

	if (count < 0)
		return count;
	do
		count = sendmsg(fd, &message, MSG_NOSIGNAL);
	while (count < 0 && errno == EINTR);
	return count < 0 ? miost__net_error() : count;
}
