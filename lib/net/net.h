/* SPDX-License-Identifier: MIT */
/* What the files for sockets share. */
#ifndef MIOST_NET_NET_H
#define MIOST_NET_NET_H

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#include <miost/net.h>

#ifndef HAVE_MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* then SO_NOSIGPIPE does it */
#endif

/* The length of a Unix address without a name. */
#define UNIX_PATH offsetof(struct sockaddr_un, sun_path)

/* The system's last error, negative, and the same one whenever it blocks. */
int miost__net_error(void);

/*
 * Whether the last error may mean that there is no such call: an older kernel
 * has none, and a sandbox says what it likes. Older calls then do the work, and
 * give the error again if it was of another kind.
 */
static inline bool
miost__net_refused(void)
{
	return errno == ENOSYS || errno == EPERM || errno == EACCES ||
	       errno == EINVAL || errno == EOPNOTSUPP;
}

/* Makes a socket for an IPv4 or IPv6 address. */
int miost__net_inet(const struct miost_addr *addr, int type);

/* The last step of a socket: returns it, or, if a step failed, closes it. */
int miost__net_own(int fd, int err);

/* The step of a whole way that connects: the same, after it has connected. */
int miost__net_connect(int fd, const struct miost_addr *addr);

/*
 * The last steps of two descriptors: made non-blocking and close-on-exec, if
 * they are `plain`, and set up; or, if a step failed, closed.
 */
int miost__net_set_up_pair(const int fds[2], bool plain, int (*set_up)(int fd));

/* Makes two Unix sockets, each other's peer. */
int miost__net_pair(int type, int fds[2]);

/* Makes a descriptor of any kind non-blocking and close-on-exec. */
int miost__net_set_flags(int fd);

/* An option that is a number. */
int miost__net_get_option(int fd, int level, int name);
int miost__net_set_option(int fd, int level, int name, int value);

/* Makes what the system has stored as an address one that every call takes. */
void miost__net_settle(struct miost_addr *addr);

/* How much of an address the system is given. -EINVAL: it is none. */
int miost__net_length(const struct miost_addr *addr);

/* macOS refuses to move more bytes in one call. */
static inline size_t
miost__net_cut(size_t len)
{
	return len < INT_MAX ? len : INT_MAX;
}

/* The buffers that one call of readv(2) or writev(2) is given. */
struct miost__net_buffers {
	const struct iovec *iov;
	unsigned short n;	/* goes into an int or a size_t */
	bool empty;		/* there is no byte of memory */
	struct iovec cut;
};

/* Takes what one call can. -EINVAL: `n` is negative or too large. */
int miost__net_take_buffers(struct miost__net_buffers *buffers, int fd,
			    const struct iovec *iov, int n);

#endif
