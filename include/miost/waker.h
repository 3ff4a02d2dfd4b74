/* SPDX-License-Identifier: MIT */
/* Waking a loop from another thread or from a signal handler. */
#ifndef MIOST_WAKER_H
#define MIOST_WAKER_H

#include <miost/base.h>
#include <miost/event.h>
#include <miost/os.h>

MIOST_BEGIN_DECLS

/*
 * Threads share one of these, or hold a clone each. What one thread wrote
 * before it woke the queue, the thread that polls it sees once it has the
 * event.
 */
struct miost_waker;

/*
 * Makes a waker of `queue`, whose wakes are events with MIOST_READABLE and
 * `id`. Called by the thread that owns the queue.
 * Returns 0, -ENOMEM, or what the system says: -EMFILE, -ENFILE, -ENOSPC.
 */
MIOST_API int miost_waker_new(struct miost_os_queue *queue, miost_id id,
			      struct miost_waker **waker)
	MIOST_NONNULL(1, 3);

/*
 * Makes another that wakes the same queue with the same id, and lives until
 * it is freed itself. Thread-safe. Returns 0.
 */
MIOST_API int miost_waker_clone(const struct miost_waker *waker,
				struct miost_waker **clone)
	MIOST_NONNULL(1, 2);

/*
 * Wakes the queue: a poll that waits returns, or the next one does not wait.
 * Wakes before a poll may come as one event; after the last of them one
 * always comes, and there is nothing to read. Does nothing once the queue is
 * freed. Not for a forked child, whose wakes may be lost.
 * Thread-safe and async-signal-safe, never blocks, leaves errno as it was.
 * Returns 0.
 */
MIOST_API int miost_waker_wake(const struct miost_waker *waker)
	MIOST_NONNULL(1);

/*
 * Frees this one alone, before or after the queue and its other clones. No
 * event comes after the last. Thread-safe. NULL is ignored.
 */
MIOST_API void miost_waker_free(struct miost_waker *waker);

MIOST_END_DECLS

#endif
