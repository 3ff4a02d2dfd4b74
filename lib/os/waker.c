/* SPDX-License-Identifier: MIT */
/*
 * Wakers: their lifetime, and how a wake avoids the system call if the loop is
 * awake or is being woken already.
 *
 * A wake sets `woken`, and calls the system only if it was clear. The queue
 * clears `woken` after every wait, whatever the wait returned, before it hands
 * over the events, and sometimes between two waits. No wake is lost:
 *
 * - Suppose that wake X finds `woken` set, and so does nothing more. The
 *   exchange E that set `woken` is part of a wake that calls the system
 *   afterwards. That call makes an event, which some wait W returns. Let C be
 *   the first exchange after E by which the queue clears `woken`: the one that
 *   follows W, or one before W. X comes between E and C, since it found `woken`
 *   as E had set it.
 * - Hence X comes before the events of W are handed over, and W's event serves
 *   both wakes. What the program does after W also sees what happened before X:
 *   C read the value that X, or an exchange after X, had written. Every
 *   exchange is both a release and an acquire, and C is at the latest the one
 *   after W.
 * - The queue first loads `woken`, in relaxed order, and does nothing if it is
 *   clear. After W this load cannot miss E: the system call came after E, and W
 *   came after the system call. If the load finds `woken` clear, C came before.
 * - A cancelled wait may have taken events with it, even those of wakers whose
 *   `woken` is clear. So the next wait first calls the system for all wakers.
 * - If a sink has no room for the waker's event, the event is not lost: `woken`
 *   is then cleared too early, which costs one more system call. So does a wait
 *   that returns another event between E and its system call, or a clear
 *   between two waits.
 *
 * X takes effect only when E's thread has finished its system call.
 * tests/waker.pml is a model of all this that can be checked exhaustively.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "../cancel.h"
#include "../core/probes.h"
#include "os_queue.h"
#include "waker.h"

/*
 * Signal handlers may not take locks. An atomic byte might need one: on
 * riscv64, compilers call a library for it.
 */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "atomic_uint is always lock-free");

/* Calls that only wake or clone take a const waker, but change its atomics. */
static struct miost_waker *
shared(const struct miost_waker *waker)
{
	return (struct miost_waker *)(uintptr_t)waker;
}

/* Decrements a count. Returns whether it is 0 now. */
static bool
drop(atomic_uint *count)
{
	return atomic_fetch_sub_explicit(count, 1, memory_order_acq_rel) == 1;
}

static void
release(struct miost_waker *waker)
{
	if (drop(&waker->holders))
		free(waker);
}

/*
 * The list is for the queue's thread alone. So it is here that wakers leave it,
 * not where their last user frees them.
 */
void
miost__waker_rearm(struct miost_waker **list)
{
	struct miost_waker *waker;

	while ((waker = *list) != NULL) {
		if (atomic_load_explicit(&waker->users,
					 memory_order_relaxed) == 0) {
			*list = waker->next;
			release(waker);
			continue;
		}
		if (atomic_load_explicit(&waker->woken, memory_order_relaxed))
			atomic_exchange_explicit(&waker->woken, 0,
						 memory_order_acq_rel);
		list = &waker->next;
	}
}

static int
new_waker(struct miost_os_queue *queue, miost_id id, struct miost_waker **out)
{
	struct miost_waker *waker = malloc(sizeof(*waker));
	int err;

	if (waker == NULL)
		return -ENOMEM;
	waker->queue = queue;
	err = miost__waker_open(waker, queue, id);
	if (err < 0) {
		free(waker);
		return err;
	}
	atomic_init(&waker->woken, 0);
	atomic_init(&waker->users, 1);
	atomic_init(&waker->holders, 2);
	/* Removes freed wakers. Many may be made and freed without a poll. */
	miost__waker_rearm(&queue->wakers);
	miost__os_queue_hold(queue);
	waker->next = queue->wakers;
	queue->wakers = waker;
	*out = waker;
	return 0;
}

int
miost_waker_new(struct miost_os_queue *queue, miost_id id,
		struct miost_waker **out)
{
	int state = miost__cancel_disable();
	int err = new_waker(queue, id, out);

	miost__cancel_restore(state);
	return err;
}

int
miost_waker_clone(const struct miost_waker *waker,
		  struct miost_waker **clone)
{
	*clone = shared(waker);
	atomic_fetch_add_explicit(&(*clone)->users, 1, memory_order_relaxed);
	return 0;
}

int
miost_waker_wake(const struct miost_waker *waker)
{
	atomic_uint *woken = &shared(waker)->woken;
	int saved, err;

	if (atomic_exchange_explicit(woken, 1, memory_order_acq_rel)) {
		MIOST__PROBE(wake, waker, 0);
		return 0;
	}
	saved = errno;
	err = miost__waker_signal(waker);
	if (err < 0)
		atomic_store_explicit(woken, 0, memory_order_release);
	errno = saved;
	MIOST__PROBE(wake, waker, 1);
	return err;
}

void
miost_waker_free(struct miost_waker *waker)
{
	int state;

	if (waker == NULL || !drop(&waker->users))
		return;
	state = miost__cancel_disable();
	miost__waker_close(waker);
	miost__cancel_restore(state);
	miost__os_queue_release(waker->queue);
	release(waker);
}

/* Adds a user, unless the last one is gone, and may be closing the waker. */
static bool
hold_user(struct miost_waker *waker)
{
	unsigned int users = atomic_load_explicit(&waker->users,
						  memory_order_relaxed);

	while (users > 0 &&
	       !atomic_compare_exchange_weak_explicit(
		       &waker->users, &users, users + 1, memory_order_acquire,
		       memory_order_relaxed))
		;
	return users > 0;
}

void
miost__waker_repeat(struct miost_waker *first)
{
	for (; first != NULL; first = first->next) {
		if (!hold_user(first))
			continue;
		(void)miost__waker_signal(first);
		miost_waker_free(first);
	}
}

void
miost__waker_abandon(struct miost_waker *first)
{
	while (first != NULL) {
		struct miost_waker *waker = first;

		first = waker->next;
		release(waker);
	}
}
