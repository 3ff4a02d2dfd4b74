/* SPDX-License-Identifier: MIT */
/*
 * Wakers inside: what their queue does with them, and what a waker
 * needs of a system. Of the latter configure picks one file.
 */
#ifndef MIOST_OS_WAKER_H
#define MIOST_OS_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <miost/version.h>
#include <miost/waker.h>

struct miost_waker {
	struct miost_waker *next;	/* of the same queue, whose it is */
	/* A wake is on its way to the queue: another would change nothing. */
	atomic_uint woken;	/* 0 or 1 */
	/* The clones. The last one closes the descriptors. */
	atomic_uint users;
	/* The queue, if it lives, and the users as one. The last one frees. */
	atomic_uint holders;
	struct miost_os_queue *queue;	/* which it holds until it closes */
	int receiver;		/* what is registered, edge-triggered */
	int sender;		/* may be the same */
	miost_id id;		/* where each wake has to bring it */
};

/*
 * The queue's side. After every wait, and before its events are handed over:
 * whoever wakes from now on is heard again, and those that were freed leave the
 * list.
 */
void miost__waker_rearm(struct miost_waker **list);

/* A wait ended without that: its events may be lost, and are made once more. */
void miost__waker_repeat(struct miost_waker *first);

/* The queue is freed. */
void miost__waker_abandon(struct miost_waker *first);

/* The system's side: MIOST_FEATURE_WAKER_*. */
extern const enum miost_feature miost__waker_kind;

/*
 * Makes the descriptors, non-blocking and close-on-exec, and registers the
 * receiver. What fails leaves nothing.
 */
int miost__waker_open(struct miost_waker *waker,
		      struct miost_os_queue *queue, miost_id id);

/*
 * Makes one more event, whatever was made before. Called by several threads at
 * once and by signal handlers; may change errno, but does not block, and is no
 * cancellation point.
 */
int miost__waker_signal(const struct miost_waker *waker);

/* Takes the receiver out of the queue, if that lives, and closes all. */
void miost__waker_close(const struct miost_waker *waker);

#endif
