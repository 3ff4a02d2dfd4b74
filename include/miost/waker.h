/* SPDX-License-Identifier: MIT */
/* Waking a loop from another thread or from a signal handler. */
#ifndef MIOST_WAKER_H
#define MIOST_WAKER_H

#include <miost/base.h>
#include <miost/event.h>
#include <miost/os.h>

MIOST_BEGIN_DECLS

/*
 * Threads may share a waker, or each have a clone. After the event the polling
 * thread sees everything that a thread wrote before it woke the queue.
 */
struct miost_waker;

/*
 * Makes a waker of `queue`, whose wakes are events with MIOST_READABLE and
 * `id`. Only the thread that the queue belongs to may call this.
 * Returns 0, or fails with -ENOMEM, -EMFILE, -ENFILE or -ENOSPC.
 */
MIOST_API int miost_waker_new(struct miost_os_queue *queue, miost_id id,
			      struct miost_waker **waker)
	MIOST_NONNULL(1, 3);

/*
 * Makes another waker for the same queue and id, which stays valid until it is
 * freed itself. Thread-safe. Returns 0.
 */
MIOST_API int miost_waker_clone(const struct miost_waker *waker,
				struct miost_waker **clone)
	MIOST_NONNULL(1, 2);

/*
 * Wakes the queue: a waiting poll returns, or the next poll does not wait.
 * Several wakes before a poll may come as one event. After the last wake an
 * event always comes, and there is nothing to read. Does nothing once the queue
 * has been freed. A forked child must not call this: its wakes may be lost.
 * Thread-safe and async-signal-safe, never blocks, leaves errno unchanged.
 * Returns 0.
 */
MIOST_API int miost_waker_wake(const struct miost_waker *waker)
	MIOST_NONNULL(1);

/*
 * Frees this waker and leaves its clones alone, before or after the queue. Once
 * the waker and all its clones are freed, no more events come. Thread-safe.
 * NULL is ignored.
 */
MIOST_API void miost_waker_free(struct miost_waker *waker);

MIOST_END_DECLS

#endif
