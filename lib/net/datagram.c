/* SPDX-License-Identifier: MIT */
/* Datagrams, of any family. */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "net.h"

/* The most datagrams per call: few enough for arrays on the stack. */
enum { MANY = 64 };

ssize_t
miost_socket_send_to(int fd, const void *buf, size_t len,
		     const struct miost_addr *addr)
{
	const struct sockaddr *to = (const struct sockaddr *)&addr->storage;
	int to_len = miost__net_length(addr);
	ssize_t n;

	if (to_len < 0)
		return to_len;
	do
		n = sendto(fd, buf, miost__net_cut(len), MSG_NOSIGNAL, to,
			   (socklen_t)to_len);
	while (n < 0 && errno == EINTR);
	return n < 0 ? miost__net_error() : n;
}

/*
 * The address of a sender for which the system stores none: on Linux an unnamed
 * Unix socket, and on all systems the peer of a stream. For a Unix socket it is
 * the address without a name; else its length is 0.
 */
static struct miost_addr
unnamed_sender(int fd)
{
	struct miost_addr addr;

	if (miost_socket_local_addr(fd, &addr) < 0 ||
	    addr.storage.ss_family != AF_UNIX)
		memset(&addr, 0, sizeof(addr));
	else
		addr.len = sizeof(addr.storage.ss_family);
	miost__net_settle(&addr);
	return addr;
}

static ssize_t
receive_from(int fd, void *buf, size_t len, int flags, struct miost_addr *addr)
{
	struct miost_addr from;
	ssize_t n;

	/* With no room FreeBSD returns 0 even if there is no datagram. */
	if (len == 0)
		return 0;
	memset(&from, 0, sizeof(from));
	do {
		from.len = sizeof(from.storage);
		n = recvfrom(fd, buf, miost__net_cut(len), flags,
			     (struct sockaddr *)&from.storage, &from.len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return miost__net_error();
	if (addr != NULL) {
		miost__net_settle(&from);
		*addr = from.len > 0 ? from : unnamed_sender(fd);
	}
	return n;
}

ssize_t
miost_socket_recv_from(int fd, void *buf, size_t len, struct miost_addr *addr)
{
	return receive_from(fd, buf, len, 0, addr);
}

ssize_t
miost_socket_peek_from(int fd, void *buf, size_t len, struct miost_addr *addr)
{
	return receive_from(fd, buf, len, MSG_PEEK, addr);
}

/* Many datagrams per call. */

#if defined(HAVE_RECVMMSG) && defined(HAVE_SENDMMSG)
/* FreeBSD declares the numbers in it and its calls as size_t and ssize_t. */
typedef struct mmsghdr message;
#else
typedef struct {
	struct msghdr msg_hdr;
	unsigned int msg_len;
} message;
#endif

/*
 * One datagram per system call. An error after the first datagram is dropped.
 * The next call fails with it again, unless it was a pending error, which the
 * system has cleared.
 */

static int
send_each(int fd, message *messages, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (sendmsg(fd, &messages[i].msg_hdr,
			    MSG_NOSIGNAL | (i > 0 ? MSG_DONTWAIT : 0)) < 0)
			return i > 0 ? (int)i : -1;
	return (int)n;
}

static int
receive_each(int fd, message *messages, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		ssize_t len = recvmsg(fd, &messages[i].msg_hdr,
				      i > 0 ? MSG_DONTWAIT : 0);

		if (len < 0)
			return i > 0 ? (int)i : -1;
		messages[i].msg_len = (unsigned int)len;
	}
	return (int)n;
}

/* All datagrams in one system call, where the system can. */

#if defined(HAVE_RECVMMSG) && defined(HAVE_SENDMMSG)
/*
 * Whether the call that has failed is not available. A pending error of the
 * socket may have the same number, such as EACCES after an ICMPv6 message, and
 * an older call would not fail with it again. So this makes the call without a
 * socket, which fails with EBADF if the call is available.
 */
static bool
is_refused(bool sends)
{
	int error = errno;
	message none;
	int count;

	if (error == ENOSYS || !miost__net_refused())
		return error == ENOSYS;
	if (sends)
		count = (int)sendmmsg(-1, &none, 0, 0);
	else
		count = (int)recvmmsg(-1, &none, 0, 0, NULL);
	if (count < 0 && errno != EBADF)
		return true;
	errno = error;
	return false;
}
#endif

static int
send_messages(int fd, message *messages, unsigned int n)
{
#if defined(HAVE_RECVMMSG) && defined(HAVE_SENDMMSG)
	int sent = (int)sendmmsg(fd, messages, n, MSG_NOSIGNAL);

	if (sent >= 0 || !is_refused(true))
		return sent;
#endif
	return send_each(fd, messages, n);
}

static int
receive_messages(int fd, message *messages, unsigned int n)
{
#if defined(HAVE_RECVMMSG) && defined(HAVE_SENDMMSG)
	/* A blocking socket waits for the first datagram only. */
	int received = (int)recvmmsg(fd, messages, n, MSG_WAITFORONE, NULL);

	if (received >= 0 || !is_refused(false))
		return received;
#endif
	return receive_each(fd, messages, n);
}

/*
 * Fills in the system's structs for `n` datagrams. Neither this nor a send
 * writes to their `data`.
 */
static void
make_messages(message *messages, struct iovec *parts,
	      const struct miost_datagram *datagrams, unsigned int n)
{
	memset(messages, 0, n * sizeof(*messages));
	for (unsigned int i = 0; i < n; i++) {
		parts[i].iov_base = datagrams[i].data;
		parts[i].iov_len = miost__net_cut(datagrams[i].len);
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

int
miost_socket_send_many(int fd, const struct miost_datagram *datagrams, size_t n)
{
	message messages[MANY];
	struct iovec parts[MANY];
	unsigned int count = n < MANY ? (unsigned int)n : MANY;
	int sent;

	make_messages(messages, parts, datagrams, count);
	for (unsigned int i = 0; i < count; i++) {
		const struct miost_addr *to = &datagrams[i].addr;
		int len = to->len > 0 ? miost__net_length(to) : 0;

		if (len < 0) {
			if (i == 0)
				return len;
			count = i;
		} else if (len > 0) {
			/* msg_name is not const, but a send only reads it. */
			messages[i].msg_hdr.msg_name =
				(void *)(uintptr_t)&to->storage;
			messages[i].msg_hdr.msg_namelen = (socklen_t)len;
		}
	}
	if (count == 0)
		return 0;
	do
		sent = send_messages(fd, messages, count);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? miost__net_error() : sent;
}

/* How many datagrams one call may receive: those before one of length 0. */
static unsigned int
receivable(const struct miost_datagram *datagrams, size_t n)
{
	unsigned int count = 0;

	while (count < MANY && count < n && datagrams[count].len > 0)
		count++;
	return count;
}

/*
 * Stores the length and the flags of a received datagram, and completes the
 * sender's address. The system has stored that and the data already.
 */
static void
store(struct miost_datagram *datagram, const message *got)
{
	struct miost_addr *from = &datagram->addr;

	datagram->len = (size_t)got->msg_len;
	datagram->flags = got->msg_hdr.msg_flags & MSG_TRUNC
				  ? MIOST_TRUNCATED : 0;
	datagram->reserved = 0;
	from->len = got->msg_hdr.msg_namelen;
	miost__net_settle(from);
	memset((char *)&from->storage + from->len, 0,
	       sizeof(from->storage) - from->len);
}

int
miost_socket_recv_many(int fd, struct miost_datagram *datagrams, size_t n)
{
	message messages[MANY];
	struct iovec parts[MANY];
	struct miost_addr unnamed = { .len = 0 };
	unsigned int count = receivable(datagrams, n);
	int received;

	if (count == 0)
		return 0;
	make_messages(messages, parts, datagrams, count);
	for (unsigned int i = 0; i < count; i++) {
		/* The system writes to it only if it receives a datagram. */
		messages[i].msg_hdr.msg_name = &datagrams[i].addr.storage;
		messages[i].msg_hdr.msg_namelen =
			sizeof(datagrams[i].addr.storage);
	}
	do
		received = receive_messages(fd, messages, count);
	while (received < 0 && errno == EINTR);
	if (received < 0)
		return miost__net_error();
	for (int i = 0; i < received; i++) {
		store(&datagrams[i], &messages[i]);
		if (datagrams[i].addr.len > 0)
			continue;
		if (unnamed.len == 0)
			unnamed = unnamed_sender(fd);
		datagrams[i].addr = unnamed;
	}
	return received;
}
