/* SPDX-License-Identifier: MIT */
/* The calls that fault.h puts in place of the system's. */
#include <limits.h>
#include <stdarg.h>
#ifdef HAVE_SYSCALL
#include <sys/syscall.h>
#endif

#include "fault_calls.h"

/* Whether flags are int or unsigned is not the same in all C libraries. */
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif

struct faults faults;

static bool
fails(enum call call)
{
	int n = ++faults.count[call];

	if (call == faults.refused && n == 1) {
		errno = ENOSYS;
		return true;
	}
	if (call != faults.failing || n < faults.first || n > faults.last)
		return false;
	errno = faults.error;
	return true;
}

/* As macOS does of what it is asked to move, beside what is to fail. */
static bool
refuses(enum call call, size_t len)
{
	if (fails(call))
		return true;
	if (len <= INT_MAX)
		return false;
	errno = EINVAL;
	return true;
}

static size_t
sum_of(const struct iovec *iov, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += iov[i].iov_len;
	return sum;
}

static size_t
length_of(const struct msghdr *message)
{
	return sum_of(message->msg_iov, (size_t)message->msg_iovlen);
}

#if defined(HAVE_RECVMMSG) || defined(HAVE_SENDMMSG)
static size_t
longest_of(const struct mmsghdr *messages, unsigned int n)
{
	size_t longest = 0;

	for (unsigned int i = 0; i < n; i++)
		if (length_of(&messages[i].msg_hdr) > longest)
			longest = length_of(&messages[i].msg_hdr);
	return longest;
}
#endif

void *
fault_malloc(size_t size)
{
	return fails(MALLOC) ? NULL : (malloc)(size);
}

void *
fault_calloc(size_t n, size_t size)
{
	return fails(CALLOC) ? NULL : (calloc)(n, size);
}

void *
fault_realloc(void *old, size_t size)
{
	return fails(REALLOC) ? NULL : (realloc)(old, size);
}

void *
fault_mmap(void *addr, size_t len, int protection, int flags, int fd,
	   off_t offset)
{
	return fails(MMAP) ? MAP_FAILED
			   : (mmap)(addr, len, protection, flags, fd, offset);
}

int
fault_madvise(void *addr, size_t len, int advice)
{
	return fails(MADVISE) ? -1 : (madvise)(addr, len, advice);
}

int
fault_socket(int family, int type, int protocol)
{
	return fails(SOCKET) ? -1 : (socket)(family, type, protocol);
}

int
fault_socketpair(int family, int type, int protocol, int fds[2])
{
	return fails(SOCKETPAIR) ? -1
				 : (socketpair)(family, type, protocol, fds);
}

int
fault_fcntl(int fd, int command, int argument, ...)
{
	return fails(FCNTL) ? -1 : (fcntl)(fd, command, argument);
}

/* With an error of 0 it says a value that is not the option's. */
int
fault_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if ((faults.option != 0 && faults.option != name) ||
	    !fails(GETSOCKOPT))
		return (getsockopt)(fd, level, name, value, len);
	if (faults.error != 0)
		return -1;
	memcpy(value, &faults.value, sizeof(faults.value));
	return 0;
}

int
fault_setsockopt(int fd, int level, int name, const void *value,
		 socklen_t len)
{
	return fails(SETSOCKOPT) ? -1
				 : (setsockopt)(fd, level, name, value, len);
}

int
fault_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(BIND) ? -1 : (bind)(fd, addr, len);
}

int
fault_listen(int fd, int backlog)
{
	return fails(LISTEN) ? -1 : (listen)(fd, backlog);
}

int
fault_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(CONNECT) ? -1 : (connect)(fd, addr, len);
}

int
fault_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return fails(ACCEPT) ? -1 : (accept)(fd, addr, len);
}

#ifdef HAVE_ACCEPT4
int
fault_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return fails(ACCEPT) ? -1 : (accept4)(fd, addr, len, flags);
}
#endif

ssize_t
fault_recv(int fd, void *buf, size_t len, int flags)
{
	return refuses(RECV, len) ? -1 : (recv)(fd, buf, len, flags);
}

ssize_t
fault_send(int fd, const void *buf, size_t len, int flags)
{
	return refuses(SEND, len) ? -1 : (send)(fd, buf, len, flags);
}

ssize_t
fault_recvmsg(int fd, struct msghdr *message, int flags)
{
	if (refuses(RECVMSG, length_of(message)))
		return -1;
	return (recvmsg)(fd, message, flags);
}

ssize_t
fault_sendmsg(int fd, const struct msghdr *message, int flags)
{
	if (refuses(SENDMSG, length_of(message)))
		return -1;
	return (sendmsg)(fd, message, flags);
}

ssize_t
fault_recvfrom(int fd, void *buf, size_t len, int flags,
	       struct sockaddr *addr, socklen_t *addr_len)
{
	if (refuses(RECVFROM, len))
		return -1;
	return (recvfrom)(fd, buf, len, flags, addr, addr_len);
}

ssize_t
fault_sendto(int fd, const void *buf, size_t len, int flags,
	     const struct sockaddr *addr, socklen_t addr_len)
{
	if (refuses(SENDTO, len))
		return -1;
	return (sendto)(fd, buf, len, flags, addr, addr_len);
}

#ifdef HAVE_RECVMMSG
int
fault_recvmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags,
	       struct timespec *timeout)
{
	if (refuses(RECVMMSG, longest_of(messages, n)))
		return -1;
	return (int)(recvmmsg)(fd, messages, n, flags, timeout);
}
#endif

#ifdef HAVE_SENDMMSG
int
fault_sendmmsg(int fd, struct mmsghdr *messages, unsigned int n, int flags)
{
	if (refuses(SENDMMSG, longest_of(messages, n)))
		return -1;
	return (int)(sendmmsg)(fd, messages, n, flags);
}
#endif

int
fault_pipe(int fds[2])
{
	return fails(PIPE) ? -1 : (pipe)(fds);
}

#ifdef HAVE_PIPE2
int
fault_pipe2(int fds[2], int flags)
{
	return fails(PIPE) ? -1 : (pipe2)(fds, flags);
}
#endif

ssize_t
fault_read(int fd, void *buf, size_t len)
{
	return refuses(READ, len) ? -1 : (read)(fd, buf, len);
}

ssize_t
fault_readv(int fd, const struct iovec *iov, int n)
{
	return refuses(READV, sum_of(iov, (size_t)n)) ? -1
						      : (readv)(fd, iov, n);
}

ssize_t
fault_write(int fd, const void *buf, size_t len)
{
	return refuses(WRITE, len) ? -1 : (write)(fd, buf, len);
}

ssize_t
fault_writev(int fd, const struct iovec *iov, int n)
{
	return refuses(WRITEV, sum_of(iov, (size_t)n)) ? -1
						       : (writev)(fd, iov, n);
}

/* This one returns its error. */
int
fault_pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return fails(SIGMASK) ? faults.error
			      : (pthread_sigmask)(how, set, old);
}

int
fault_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	int result = fails(WAITID) ? -1 : (waitid)(type, id, info, options);

	if (result == 0 && faults.fake_cores && info->si_code == CLD_KILLED)
		info->si_code = CLD_DUMPED;
	return result;
}

pid_t
fault_waitpid(pid_t pid, int *status, int options)
{
	if (fails(WAITPID))
		return -1;
	if (faults.vain_waits > 0) {
		faults.vain_waits--;
		check(options & WNOHANG);
		return 0;
	}
	return (waitpid)(pid, status, options);
}

#ifdef HAVE_SIGTIMEDWAIT
int
fault_sigtimedwait(const sigset_t *set, siginfo_t *info,
		   const struct timespec *timeout)
{
	return fails(SIGTIMEDWAIT) ? -1 : (sigtimedwait)(set, info, timeout);
}
#endif

/* Once, and it need not return. */
static void
call_after_wait(void)
{
	void (*after)(void) = faults.after_wait;

	faults.after_wait = NULL;
	if (after != NULL)
		after();
}

#ifdef HAVE_KQUEUE
int
fault_kqueue(void)
{
	return fails(KQUEUE) ? -1 : (kqueue)();
}

/* A call that changes and one that waits fail apart, and so do receipts. */
int
fault_kevent(int kq, const struct kevent *changes, unsigned short n_changes,
	     struct kevent *events, unsigned short n_events,
	     const struct timespec *timeout)
{
	const struct timespec none = { .tv_sec = 0 };
	bool failed = fails(n_changes > 0 ? KEVENT_CHANGE : KEVENT_WAIT);
	int error = errno;
	int n;

	if (failed && !faults.made)
		return -1;
	if (n_changes == 0) {
		faults.waited = timeout == NULL ? -1
				: timeout->tv_sec * SECOND + timeout->tv_nsec;
		if (faults.fake_waits && timeout != NULL) {
			faults.clock += faults.waited;
			timeout = &none;
		}
	}
	n = (kevent)(kq, changes, n_changes, events, n_events, timeout);
	if (n_changes == 0)
		call_after_wait();
	for (int i = 0; n_changes > 0 && i < n; i++)
		if (fails(KEVENT_RECEIPT)) {
			events[i].flags = EV_ERROR;
			events[i].data = faults.error;
		}
	errno = failed ? error : errno;
	return failed ? -1 : n;
}
#endif

#undef getpeername
int
fault_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	void (*after)(void) = faults.after_getpeername;
	int result = fails(GETPEERNAME) ? -1 : getpeername(fd, addr, len);
	int error = errno;

	faults.after_getpeername = NULL;
	if (after != NULL)
		after();
	errno = error;
	return result;
}

#undef getsockname
int
fault_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	bool failed = fails(GETSOCKNAME);
	int result = failed && faults.error != 0 ? -1
						 : getsockname(fd, addr, len);

	/* With an error of 0 it is of a family that nobody knows. */
	if (failed && result == 0)
		addr->sa_family = 99;
	if (result == 0 && faults.name_len != 0)
		*len = faults.name_len;
	return result;
}

unsigned int
fault_if_nametoindex(const char *name)
{
	return fails(NAMETOINDEX) ? 0 : (if_nametoindex)(name);
}

char *
fault_if_indextoname(unsigned int index, char *name)
{
	if (faults.interface == NULL)
		return (if_indextoname)(index, name);
	return strcpy(name, faults.interface);
}

#undef poll
int
fault_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return faults.not_writable ? 0 : poll(fds, n, timeout);
}

int
fault_clock_gettime(clockid_t clock, struct timespec *now)
{
	faults.count[CLOCK]++;
	if (!faults.fake_waits)
		return (clock_gettime)(clock, now);
	now->tv_sec = (time_t)(faults.clock / SECOND);
	now->tv_nsec = (long)(faults.clock % SECOND);
	return 0;
}

#ifdef HAVE_EPOLL_CREATE1
int
fault_epoll_create1(int flags)
{
	return fails(EPOLL_CREATE) ? -1 : (epoll_create1)(flags);
}

int
fault_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	return fails(EPOLL_CTL) ? -1
				: (epoll_ctl)(epfd, operation, fd, event);
}

int
fault_epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
	if (fails(EPOLL_WAIT))
		return -1;
	faults.waited = timeout < 0 ? -1 : timeout * MS;
	if (faults.fake_waits && timeout >= 0) {
		faults.clock += faults.waited;
		timeout = 0;
	}
	n = (epoll_wait)(epfd, events, n, timeout);
	call_after_wait();
	return n;
}

int
fault_epoll_pwait2(int epfd, struct epoll_event *events, int n,
		   const struct timespec *timeout, const void *mask)
{
	if (fails(EPOLL_PWAIT2))
		return -1;
	check(mask == NULL);
	faults.waited = timeout->tv_sec * SECOND + timeout->tv_nsec;
	faults.clock += faults.waited;
	return (epoll_wait)(epfd, events, n, 0);
}

int
fault_eventfd(unsigned int count, int flags)
{
	return fails(EVENTFD) ? -1 : (eventfd)(count, flags);
}

int
fault_signalfd(int fd, const sigset_t *set, int flags)
{
	return fails(SIGNALFD) ? -1 : (signalfd)(fd, set, flags);
}

#endif

#ifdef HAVE_SYSCALL
#if defined(HAVE_SYS_EPOLL_PWAIT2) && defined(HAVE_EPOLL_CREATE1)
/* The raw call takes two 64-bit numbers on every machine. */
static long
pwait2(va_list args)
{
	int epfd = va_arg(args, int);
	struct epoll_event *events = va_arg(args, struct epoll_event *);
	int n = va_arg(args, int);
	const int64_t *raw = va_arg(args, const int64_t *);
	struct timespec span;

	span.tv_sec = (time_t)raw[0];
	span.tv_nsec = (long)raw[1];
	return fault_epoll_pwait2(epfd, events, n, &span, NULL);
}
#endif

static long
read_or_write(long number, va_list args)
{
	int fd = va_arg(args, int);
	void *buf = va_arg(args, void *);
	size_t len = va_arg(args, size_t);

	return number == SYS_read ? fault_read(fd, buf, len)
				  : fault_write(fd, buf, len);
}

long
fault_syscall(long number, ...)
{
	long result = -1;
	va_list args;

	va_start(args, number);
	switch (number) {
#if defined(HAVE_SYS_EPOLL_PWAIT2) && defined(HAVE_EPOLL_CREATE1)
	case SYS_epoll_pwait2:
		result = pwait2(args);
		break;
#endif
#ifdef HAVE_SYS_PIDFD_OPEN
	case SYS_pidfd_open:
		if (!fails(PIDFD_OPEN))
			result = (syscall)(number, va_arg(args, pid_t), 0);
		break;
#endif
	case SYS_read:
	case SYS_write:
		result = read_or_write(number, args);
		break;
	default:
		abort();
	}
	va_end(args);
	return result;
}
#endif
