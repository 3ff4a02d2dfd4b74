/* SPDX-License-Identifier: MIT */
/* Which of the library's calls are to fail, and what it called. */
#ifndef FAULT_CALLS_H
#define FAULT_CALLS_H

#include "util.h"

enum call {
	NO_CALL,
	MALLOC, CALLOC, REALLOC, MMAP, MADVISE,
	SOCKET, SOCKETPAIR, GETSOCKOPT, SETSOCKOPT, FCNTL,
	BIND, LISTEN, CONNECT, ACCEPT, GETSOCKNAME, GETPEERNAME,
	NAMETOINDEX,
	RECV, SEND, RECVMSG, SENDMSG, RECVFROM, SENDTO, RECVMMSG, SENDMMSG,
	PIPE, READ, READV, WRITE, WRITEV,
	CLOCK, SIGMASK, WAITID, WAITPID, SIGTIMEDWAIT,
	KQUEUE, KEVENT_CHANGE, KEVENT_RECEIPT, KEVENT_WAIT,
	EPOLL_CREATE, EPOLL_CTL, EPOLL_WAIT, EPOLL_PWAIT2,
	EVENTFD, SIGNALFD, PIDFD_OPEN,
	CALLS
};

struct faults {
	int count[CALLS];	/* of each call since reset_faults() */
	enum call failing;
	int first, last;	/* which of them fail */
	int error;
	enum call refused;	/* the first of these is -ENOSYS, too */
	bool made;		/* what fails has been done all the same */
	int64_t waited;		/* the last timeout, in nanoseconds */
	void (*after_getpeername)(void);
	void (*after_wait)(void);
	int option;		/* if not 0, only its getsockopt(2) fails */
	int value;		/* of the option, if the error is 0 */
	socklen_t name_len;	/* if not 0, that of every socket's name */
	const char *interface;	/* if not NULL, the name of every interface */
	bool not_writable;	/* poll(2) finds nothing, as FreeBSD's does */
	bool fake_waits;	/* waits take no time, the clock goes on */
	bool fake_cores;	/* children that were killed left a core */
	int vain_waits;		/* so often waitpid says that the child runs */
	int64_t clock;
};

extern struct faults faults;

/* Nothing fails from now on, and nothing has been called. */
static inline void
reset_faults(void)
{
	memset(&faults, 0, sizeof(faults));
}

/* From now on the `nth` of these calls fails, and all up to the `last`. */
static inline void
fail(enum call call, int nth, int last, int error)
{
	reset_faults();
	faults.failing = call;
	faults.first = nth;
	faults.last = last;
	faults.error = error;
}

/* With the first of these calls failing, the library's gives the error. */
#define check_fails(name, error, call)                                         \
	do {                                                                   \
		fail(name, 1, 1, error);                                       \
		check_eq(call, -(error));                                      \
	} while (0)

/* Interrupted twice, it is tried a third time, and has this result. */
#define check_goes_on(name, call, result)                                      \
	do {                                                                   \
		fail(name, 1, 2, EINTR);                                       \
		check_eq(call, result);                                        \
		check_eq(faults.count[name], 3);                               \
	} while (0)

#endif
