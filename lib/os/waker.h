/* SPDX-License-Identifier: MIT */
/*
 * Internals of wakers: the functions that the queue calls, which waker.c
 * defines for every system, and those that waker.c calls, which
 * waker_eventfd.c, waker_pipe.c or waker_user.c defines. configure picks one of
 * the three.
 */
#ifndef MIOST_OS_WAKER_H
#define MIOST_OS_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <miost/version.h>
#include <miost/waker.h>

struct miost_waker {
	/* The queue's list, which only the queue's thread uses. */
	struct miost_waker *next;
	/* 1: a wake is on its way to the queue, and a second is not needed. */
	atomic_uint woken;	/* 0 or 1 */
	/* The clones not yet freed. The last one closes the descriptors. */
	atomic_uint users;
	/* The list counts 1, all users together 1. At 0 the waker is freed. */
	atomic_uint holders;
	struct miost_os_queue *queue;	/* held until the last user is freed */
	int receiver;		/* the descriptor registered, edge-triggered */
	int sender;		/* may be the same */
	miost_id id;		/* for EVFILT_USER: each wake passes it */
};

/*
 * The queue's side. Called after every wait, before its events are handed over.
 * Clears `woken`, so that the next wake calls the system again, and removes
 * freed wakers from the list.
 */
void miost__waker_rearm(struct miost_waker **list);

/*
 * Called if a wait ended without miost__waker_rearm(). The wakers' events may
 * be lost, so this makes one for each waker again.
 */
void miost__waker_repeat(struct miost_waker *first);

/* Called when the queue is freed: gives up its hold on the wakers. */
void miost__waker_abandon(struct miost_waker *first);

/* The system's side. Its kind is one of MIOST_FEATURE_WAKER_*. */
extern const enum miost_feature miost__waker_kind;

/*
 * Opens the descriptors, non-blocking and close-on-exec, and registers the
 * receiver. On failure closes all descriptors.
 */
int miost__waker_open(struct miost_waker *waker,
		      struct miost_os_queue *queue, miost_id id);

/*
 * Makes one more event, even if earlier ones were not taken yet. Thread-safe
 * and async-signal-safe. May change errno, but never blocks, and is not a
 * cancellation point.
 */
int miost__waker_signal(const struct miost_waker *waker);

/* Deregisters the receiver, unless the queue was freed, and closes all. */
void miost__waker_close(const struct miost_waker *waker);

#endif
