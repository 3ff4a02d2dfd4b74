/* SPDX-License-Identifier: MIT */
/*
 * kqueue for Linux, as kqueue.c plays it: with the types and numbers of
 * FreeBSD 13, or with KQUEUE_DOUBLE_NETBSD with those of NetBSD before 10. What
 * the double does not do is not declared: neither other filters nor other
 * notes, and no EVFILT_EXCEPT, which neither of them has.
 */
#ifndef KQUEUE_DOUBLE_SYS_EVENT_H
#define KQUEUE_DOUBLE_SYS_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef KQUEUE_DOUBLE_NETBSD

#define EVFILT_READ 0U
#define EVFILT_WRITE 1U
#define EVFILT_PROC 4U
#define EVFILT_SIGNAL 5U
#define EVFILT_TIMER 6U

struct kevent {
	uintptr_t ident;
	uint32_t filter;
	uint32_t flags;
	uint32_t fflags;
	int64_t data;
	intptr_t udata;
};

#define EV_SET_REST_(event) ((void)0)

#else

#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_PROC (-5)
#define EVFILT_SIGNAL (-6)
#define EVFILT_TIMER (-7)
#define EVFILT_USER (-11)

struct kevent {
	uintptr_t ident;
	short filter;
	unsigned short flags;
	unsigned int fflags;
	int64_t data;
	void *udata;
	uint64_t ext[4];
};

#define EV_SET_REST_(event) \
	((event)->ext[0] = (event)->ext[1] = (event)->ext[2] = \
		 (event)->ext[3] = 0)

/* Of EVFILT_USER: fires it, and what becomes of the flags that it keeps. */
#define NOTE_TRIGGER 0x01000000U
#define NOTE_FFNOP 0x00000000U
#define NOTE_FFAND 0x40000000U
#define NOTE_FFOR 0x80000000U
#define NOTE_FFCOPY 0xc0000000U
#define NOTE_FFCTRLMASK 0xc0000000U
#define NOTE_FFLAGSMASK 0x00ffffffU

#endif

/* What to do. */
#define EV_ADD 0x0001U
#define EV_DELETE 0x0002U
#define EV_ENABLE 0x0004U
#define EV_DISABLE 0x0008U

/* How it is from then on. */
#define EV_ONESHOT 0x0010U
#define EV_CLEAR 0x0020U
#define EV_RECEIPT 0x0040U
#define EV_DISPATCH 0x0080U

/* What the kernel says, and does not listen to. */
#define EV_SYSFLAGS 0xf000U
#define EV_ERROR 0x4000U
#define EV_EOF 0x8000U

/* Of EVFILT_READ on a socket: it waits for as many bytes as `data` says. */
#define NOTE_LOWAT 0x00000001U

/* Of EVFILT_PROC. */
#define NOTE_EXIT 0x80000000U

/* As in the systems: sets every field, and converts as an assignment does. */
#define EV_SET(event, id, kind, actions, notes, value, user) \
	do { \
		struct kevent *ev_set_ = (event); \
		ev_set_->ident = (id); \
		ev_set_->filter = (kind); \
		ev_set_->flags = (actions); \
		ev_set_->fflags = (notes); \
		ev_set_->data = (value); \
		ev_set_->udata = (user); \
		EV_SET_REST_(ev_set_); \
	} while (0)

#ifdef __cplusplus
extern "C" {
#endif

int kqueue(void);

#ifdef KQUEUE_DOUBLE_NETBSD
int kevent(int kq, const struct kevent *changes, size_t nchanges,
	   struct kevent *events, size_t nevents,
	   const struct timespec *timeout);
#else
int kevent(int kq, const struct kevent *changes, int nchanges,
	   struct kevent *events, int nevents, const struct timespec *timeout);
#endif

#ifdef __cplusplus
}
#endif

#endif
