/* SPDX-License-Identifier: MIT */
/* Declarations that the files for sockets and pipes share. */
#ifndef MIOST_NET_NET_H
#define MIOST_NET_NET_H

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include <miost/net.h>

#ifndef HAVE_MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* such systems have SO_NOSIGPIPE */
#endif

/* The length of a Unix address without a name. */
#define UNIX_PATH offsetof(struct sockaddr_un, sun_path)

/* Returns -errno, or -EAGAIN for EWOULDBLOCK. */
int miost__net_error(void);

/*
 * Whether errno may mean that the system call is not available: older kernels
 * lack it, and sandboxes refuse it with errors of their choice. The caller then
 * uses older calls. If the error had another cause, these fail with it again.
 */
static inline bool
miost__net_refused(void)
{
	return errno == ENOSYS || errno == EPERM || errno == EACCES ||
	       errno == EINVAL || errno == EOPNOTSUPP;
}

/* Makes a socket of the family of an IPv4 or IPv6 address. */
int miost__net_inet(const struct miost_addr *addr, int type);

/*
 * The last step of making a socket: returns `fd` if `err` is 0, else closes
 * `fd` and returns `err`.
 */
int miost__net_own(int fd, int err);

/*
 * Starts to connect a new socket and returns it; on failure closes it and
 * returns the error. If `fd` is the error of an earlier step, returns that.
 */
int miost__net_connect(int fd, const struct miost_addr *addr);

/*
 * The last step of making two descriptors: calls `set_up` for each, after
 * making it non-blocking and close-on-exec if it is not yet (`plain`). On
 * failure closes both.
 */
int miost__net_set_up_pair(const int fds[2], bool plain, int (*set_up)(int fd));

/* Makes a pair of Unix sockets that are connected to each other. */
int miost__net_pair(int type, int fds[2]);

/* Makes a descriptor of any kind non-blocking and close-on-exec. */
int miost__net_set_flags(int fd);

/* Options of type int. A value below 0 is read as 0. */
int miost__net_get_option(int fd, int level, int name);
int miost__net_set_option(int fd, int level, int name, int value);

/* Changes an address that the system stored to one that every call accepts. */
void miost__net_settle(struct miost_addr *addr);

/* The length of an address to pass to the system. -EINVAL: it is not valid. */
int miost__net_length(const struct miost_addr *addr);

/* Cuts a length to INT_MAX: macOS refuses to move more bytes in one call. */
static inline size_t
miost__net_cut(size_t len)
{
	return len < INT_MAX ? len : INT_MAX;
}

/* The buffers to pass to one call of readv(2) or writev(2). */
struct miost__net_buffers {
	const struct iovec *iov;
	unsigned short n;	/* fits an int as well as a size_t */
	bool empty;		/* all lengths are 0 */
	struct iovec cut;	/* the first buffer, if it is too long */
};

/*
 * Chooses as many of the `n` buffers as one call can move. -EINVAL: `n` is
 * negative or too large.
 */
int miost__net_take_buffers(struct miost__net_buffers *buffers, int fd,
			    const struct iovec *iov, int n);

#endif
