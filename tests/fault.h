/* SPDX-License-Identifier: MIT */
/*
 * Included before every file of the library when it is compiled into
 * tests/fault: the calls that can fail go through fault.c, which counts them
 * and makes them fail.
 */
#ifndef FAULT_H
#define FAULT_H

#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_EPOLL_CREATE1
#include <sys/epoll.h>
#endif

void *fault_malloc(size_t size);
void *fault_calloc(size_t n, size_t size);
void *fault_realloc(void *old, size_t size);
int fault_socket(int family, int type, int protocol);
int fault_setsockopt(int fd, int level, int name, const void *value,
		     socklen_t len);
int fault_bind(int fd, const struct sockaddr *addr, socklen_t len);
int fault_listen(int fd, int backlog);
int fault_connect(int fd, const struct sockaddr *addr, socklen_t len);
int fault_accept(int fd, struct sockaddr *addr, socklen_t *len);
int fault_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
ssize_t fault_recv(int fd, void *buf, size_t len, int flags);
ssize_t fault_send(int fd, const void *buf, size_t len, int flags);
ssize_t fault_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t fault_sendmsg(int fd, const struct msghdr *message, int flags);
int fault_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int fault_clock_gettime(clockid_t clock, struct timespec *now);

#define malloc(size) fault_malloc(size)
#define calloc(n, size) fault_calloc(n, size)
#define realloc(old, size) fault_realloc(old, size)
#define socket(family, type, protocol) fault_socket(family, type, protocol)
#define setsockopt(fd, level, name, value, len) \
	fault_setsockopt(fd, level, name, value, len)
#define bind(fd, addr, len) fault_bind(fd, addr, len)
#define listen(fd, backlog) fault_listen(fd, backlog)
#define connect(fd, addr, len) fault_connect(fd, addr, len)
#define accept(fd, addr, len) fault_accept(fd, addr, len)
#define accept4(fd, addr, len, flags) fault_accept4(fd, addr, len, flags)
#define recv(fd, buf, len, flags) fault_recv(fd, buf, len, flags)
#define send(fd, buf, len, flags) fault_send(fd, buf, len, flags)
#define recvmsg(fd, message, flags) fault_recvmsg(fd, message, flags)
#define sendmsg(fd, message, flags) fault_sendmsg(fd, message, flags)
/* Its address is taken. */
#define getpeername fault_getpeername
#define clock_gettime(clock, now) fault_clock_gettime(clock, now)

#ifdef HAVE_EPOLL_CREATE1
int fault_epoll_create1(int flags);
int fault_epoll_ctl(int epfd, int operation, int fd,
		    struct epoll_event *event);
int fault_epoll_wait(int epfd, struct epoll_event *events, int n,
		     int timeout);
int fault_epoll_pwait2(int epfd, struct epoll_event *events, int n,
		       const struct timespec *timeout, const void *mask);

/* The raw call: `timeout` is two 64-bit numbers on every machine. */
long fault_syscall(long number, int epfd, struct epoll_event *events, int n,
		   const void *timeout, const void *mask, size_t mask_size);

#define epoll_create1(flags) fault_epoll_create1(flags)
#define epoll_ctl(epfd, operation, fd, event) \
	fault_epoll_ctl(epfd, operation, fd, event)
#define epoll_wait(epfd, events, n, timeout) \
	fault_epoll_wait(epfd, events, n, timeout)
#define epoll_pwait2(epfd, events, n, timeout, mask) \
	fault_epoll_pwait2(epfd, events, n, timeout, mask)
#define syscall(number, epfd, events, n, timeout, mask, mask_size) \
	fault_syscall(number, epfd, events, n, timeout, mask, mask_size)
#endif

#endif
