/* SPDX-License-Identifier: MIT */
/*
 * Cancellation of threads. close(2), connect(2), waitid(2), kevent(2) and others
 * are cancellation points. A thread that ended in one of them would leave its
 * descriptors and memory behind, or lose what it took. Of the functions that
 * need more than one system call, only polls are cancellation points.
 */
#ifndef MIOST_CANCEL_H
#define MIOST_CANCEL_H

#ifdef HAVE_PTHREAD_SETCANCELSTATE
#include <pthread.h>

/* Returns what miost__cancel_restore() wants. */
static inline int
miost__cancel_disable(void)
{
	int state;

	/* Fails only for a state that does not exist. */
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
