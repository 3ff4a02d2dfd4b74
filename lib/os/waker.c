/* SPDX-License-Identifier: MIT */
/*
 * Wakers: their lives, and not calling the system for a loop that is awake.
 *
 * A wake sets `woken` and calls the system only if it was clear. The queue
 * clears it after every wait, whatever that gave, before it hands the events
 * over, and sometimes between two waits. No wake is lost:
 *
 * - Say that wake X finds `woken` set, and so does nothing. The exchange that
 *   set it, E, is of a wake that calls the system after it, and thereby makes
 *   an event that some wait W gives. Once W has, the queue clears: by an
 *   exchange C, the first one after E, after W or before it. X comes between E
 *   and C, since it found `woken` set by E.
 * - So X comes before W's events are handed over, and the event is not only of
 *   E but of X, too. What happened before X is seen by what the program does
 *   after W: X, or an exchange after it, is what C read. All are exchanges,
 *   each releases and acquires, and C is no later than W's own.
 * - The queue first looks at `woken`, without order, and leaves it when it is
 *   clear. After W it cannot miss E: the write came after E, and W after that.
 *   If it is clear, C was before.
 * - A wait that was cancelled may have taken events with it, also of wakers
 *   whose `woken` is clear. The next one first calls the system for all.
 * - A sink without room for the waker's event does not lose it: `woken` is
 *   clear too early then, which costs one call more. So does a wait that gave
 *   something else between E and its write, or a clear between two waits.
 *
 * That a wake is heard waits for the thread of E to get from the exchange to
 * the end of its call. tests/waker.pml is a model of this that can be
 * checked exhaustively.
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
 * A signal handler may not take a lock. Of a byte it might have to: on riscv64
 * compilers leave that to a library.
 */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "atomic_uint is always lock-free");

/* It is const for those who only wake: their own is what changes in it. */
static struct miost_waker *
shared(const struct miost_waker *waker)
{
	return (struct miost_waker *)(uintptr_t)waker;
}

/* Takes one off a count; whether it was the last. */
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

/* Those whose users have gone cannot leave the list on their own. */
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
	/* A program may make and free many without a poll. */
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

/* Adds a user, unless the last one is about to close the descriptors. */
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
