/* SPDX-License-Identifier: MIT */
/*
 * Included before every file of the library when it is compiled for the tests
 * of failures: the calls that can fail go through fault_calls.c, which counts
 * them and makes them fail. Tests include fault_calls.h.
 */
#ifndef FAULT_H
#define FAULT_H

#include "config.h"

#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_KQUEUE
#include <sys/types.h>
#include <sys/event.h>
#endif
#ifdef HAVE_EPOLL_CREATE1
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#endif

void *fault_malloc(size_t size);
void *fault_calloc(size_t n, size_t size);
void *fault_realloc(void *old, size_t size);
int fault_socket(int family, int type, int protocol);
int fault_socketpair(int family, int type, int protocol, int fds[2]);
int fault_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int fault_setsockopt(int fd, int level, int name, const void *value,
		     socklen_t len);
void *fault_mmap(void *addr, size_t len, int protection, int flags, int fd,
		 off_t offset);
int fault_madvise(void *addr, size_t len, int advice);
int fault_fcntl(int fd, int command, int argument, ...);
int fault_bind(int fd, const struct sockaddr *addr, socklen_t len);
int fault_listen(int fd, int backlog);
int fault_connect(int fd, const struct sockaddr *addr, socklen_t len);
int fault_accept(int fd, struct sockaddr *addr, socklen_t *len);
int fault_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
ssize_t fault_recv(int fd, void *buf, size_t len, int flags);
ssize_t fault_send(int fd, const void *buf, size_t len, int flags);
ssize_t fault_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t fault_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t fault_recvfrom(int fd, void *buf, size_t len, int flags,
		       struct sockaddr *addr, socklen_t *addr_len);
ssize_t fault_sendto(int fd, const void *buf, size_t len, int flags,
		     const struct sockaddr *addr, socklen_t addr_len);
int fault_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int fault_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
unsigned int fault_if_nametoindex(const char *name);
char *fault_if_indextoname(unsigned int index, char *name);
int fault_poll(struct pollfd *fds, nfds_t n, int timeout);
int fault_pipe(int fds[2]);
ssize_t fault_read(int fd, void *buf, size_t len);
ssize_t fault_readv(int fd, const struct iovec *iov, int n);
ssize_t fault_write(int fd, const void *buf, size_t len);
ssize_t fault_writev(int fd, const struct iovec *iov, int n);
int fault_clock_gettime(clockid_t clock, struct timespec *now);
int fault_pthread_sigmask(int how, const sigset_t *set, sigset_t *old);
int fault_waitid(idtype_t type, id_t id, siginfo_t *info, int options);
pid_t fault_waitpid(pid_t pid, int *status, int options);

#define malloc(size) fault_malloc(size)
#define calloc(n, size) fault_calloc(n, size)
#define realloc(old, size) fault_realloc(old, size)
#define mmap(addr, len, protection, flags, fd, offset) \
	fault_mmap(addr, len, protection, flags, fd, offset)
#define madvise(addr, len, advice) fault_madvise(addr, len, advice)
#define socket(family, type, protocol) fault_socket(family, type, protocol)
#define socketpair(family, type, protocol, fds) \
	fault_socketpair(family, type, protocol, fds)
#define getsockopt(fd, level, name, value, len) \
	fault_getsockopt(fd, level, name, value, len)
#define setsockopt(fd, level, name, value, len) \
	fault_setsockopt(fd, level, name, value, len)
/* With or without an argument; one more is not looked at. */
#define fcntl(...) fault_fcntl(__VA_ARGS__, 0)
#define bind(fd, addr, len) fault_bind(fd, addr, len)
#define listen(fd, backlog) fault_listen(fd, backlog)
#define connect(fd, addr, len) fault_connect(fd, addr, len)
#define accept(fd, addr, len) fault_accept(fd, addr, len)
#define accept4(fd, addr, len, flags) fault_accept4(fd, addr, len, flags)
#define recv(fd, buf, len, flags) fault_recv(fd, buf, len, flags)
#define send(fd, buf, len, flags) fault_send(fd, buf, len, flags)
#define recvmsg(fd, message, flags) fault_recvmsg(fd, message, flags)
#define sendmsg(fd, message, flags) fault_sendmsg(fd, message, flags)
#define recvfrom(fd, buf, len, flags, addr, addr_len) \
	fault_recvfrom(fd, buf, len, flags, addr, addr_len)
#define sendto(fd, buf, len, flags, addr, addr_len) \
	fault_sendto(fd, buf, len, flags, addr, addr_len)
/* Their addresses are taken. */
#define getsockname fault_getsockname
#define getpeername fault_getpeername
#define if_nametoindex(name) fault_if_nametoindex(name)
#define if_indextoname(index, name) fault_if_indextoname(index, name)
/* Operations of sources have that name, too, and get this one. */
#define poll fault_poll
#define pipe(fds) fault_pipe(fds)
#define read(fd, buf, len) fault_read(fd, buf, len)
#define readv(fd, iov, n) fault_readv(fd, iov, n)
#define write(fd, buf, len) fault_write(fd, buf, len)
#define writev(fd, iov, n) fault_writev(fd, iov, n)
#define clock_gettime(clock, now) fault_clock_gettime(clock, now)
/* NetBSD has a macro of that name. */
#undef pthread_sigmask
#define pthread_sigmask(how, set, old) fault_pthread_sigmask(how, set, old)
#define waitid(type, id, info, options) fault_waitid(type, id, info, options)
#define waitpid(pid, status, options) fault_waitpid(pid, status, options)

#ifdef HAVE_SIGTIMEDWAIT
int fault_sigtimedwait(const sigset_t *set, siginfo_t *info,
		       const struct timespec *timeout);

#define sigtimedwait(set, info, timeout) fault_sigtimedwait(set, info, timeout)
#endif

#ifdef HAVE_KQUEUE
/* The counts are int or size_t. */
int fault_kqueue(void);
int fault_kevent(int kq, const struct kevent *changes,
		 unsigned short n_changes, struct kevent *events,
		 unsigned short n_events, const struct timespec *timeout);

#define kqueue() fault_kqueue()
#define kqueue1(flags) fault_kqueue()
#define kevent(kq, changes, n_changes, events, n_events, timeout) \
	fault_kevent(kq, changes, n_changes, events, n_events, timeout)
#endif

#ifdef HAVE_SYSCALL
long fault_syscall(long number, ...);

#define syscall(...) fault_syscall(__VA_ARGS__)
#endif

#ifdef HAVE_PIPE2
int fault_pipe2(int fds[2], int flags);

#define pipe2(fds, flags) fault_pipe2(fds, flags)
#endif

#ifdef HAVE_RECVMMSG
int fault_recvmmsg(int fd, struct mmsghdr *messages, unsigned int n,
		   int flags, struct timespec *timeout);

#define recvmmsg(fd, messages, n, flags, timeout) \
	fault_recvmmsg(fd, messages, n, flags, timeout)
#endif

#ifdef HAVE_SENDMMSG
int fault_sendmmsg(int fd, struct mmsghdr *messages, unsigned int n,
		   int flags);

#define sendmmsg(fd, messages, n, flags) \
	fault_sendmmsg(fd, messages, n, flags)
#endif

#ifdef HAVE_EPOLL_CREATE1
int fault_epoll_create1(int flags);
int fault_epoll_ctl(int epfd, int operation, int fd,
		    struct epoll_event *event);
int fault_epoll_wait(int epfd, struct epoll_event *events, int n,
		     int timeout);
int fault_epoll_pwait2(int epfd, struct epoll_event *events, int n,
		       const struct timespec *timeout, const void *mask);
int fault_eventfd(unsigned int count, int flags);
int fault_signalfd(int fd, const sigset_t *set, int flags);
#define epoll_create1(flags) fault_epoll_create1(flags)
#define epoll_ctl(epfd, operation, fd, event) \
	fault_epoll_ctl(epfd, operation, fd, event)
#define epoll_wait(epfd, events, n, timeout) \
	fault_epoll_wait(epfd, events, n, timeout)
#define epoll_pwait2(epfd, events, n, timeout, mask) \
	fault_epoll_pwait2(epfd, events, n, timeout, mask)
#define eventfd(count, flags) fault_eventfd(count, flags)
#define signalfd(fd, set, flags) fault_signalfd(fd, set, flags)
#endif

#endif
