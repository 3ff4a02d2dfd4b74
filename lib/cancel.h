/* SPDX-License-Identifier: MIT */
/*
 * Thread cancellation. close(2), connect(2), waitid(2), kevent(2) and others
 * are cancellation points. A thread that is cancelled in one of them would leak
 * descriptors and memory, or lose what it has taken. So functions that make
 * more than one system call are not cancellation points, except for polls and
 * those that the manual names.
 */
#ifndef MIOST_CANCEL_H
#define MIOST_CANCEL_H

#ifdef HAVE_PTHREAD_SETCANCELSTATE
#include <pthread.h>

/* Returns the state to pass to miost__cancel_restore(). */
static inline int
miost__cancel_disable(void)
{
	int state;

	/* Fails only for an unknown state. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static inline void
miost__cancel_restore(int state)
{
	(void)pthread_setcancelstate(state, &state);
}

#else

static inline int
miost__cancel_disable(void)
{
	return 0;
}

static inline void
miost__cancel_restore(int state)
{
	(void)state;
}

#endif
#endif
