/* SPDX-License-Identifier: MIT */
/* Timers: an event once a deadline has passed. */
#ifndef MIOST_TIMERS_H
#define MIOST_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * The current time in nanoseconds on CLOCK_MONOTONIC, the clock of all
 * deadlines. Thread-safe and async-signal-safe.
 */
MIOST_API int64_t miost_now(void);

/*
 * The deadline `span` nanoseconds after `now`, or before it if `span` is
 * negative. A sum that is out of range becomes INT64_MAX or INT64_MIN. A busy
 * loop can read the clock once per iteration and compute its deadlines from
 * that time. Thread-safe and async-signal-safe.
 */
MIOST_API int64_t miost_deadline(int64_t now, int64_t span);

/*
 * A key, which names one live timer of one `struct miost_timers`. Once the
 * timer has fired or been cancelled, its key is invalid for good. 0 is never a
 * key.
 */
typedef uint64_t miost_timer;

/*
 * The cost of calls: n is the largest number of timers that were ever live at
 * once, and m is the number of timers that the library can keep in order, which
 * is n / 32 if n is large. Adding, changing and cancelling a timer takes
 * constant time on average, and O(log m) if the timer is due soon. At worst an
 * add takes O(n), and a change or a cancel O(m). A poll takes constant time on
 * average, O(log m) for each event, and at worst O(n); it delivers at most m
 * events. miost_timers_get() takes constant time, and miost_timers_cancel_id()
 * O(n). With a million timers O(n) is up to 5 ms. See miost_timers(3).
 */
struct miost_timers;

/* Makes timers on CLOCK_MONOTONIC. Returns 0 or -ENOMEM. */
MIOST_API int miost_timers_new(struct miost_timers **timers) MIOST_NONNULL(1);

/*
 * Makes timers on another clock. The library calls `now` with `arg` whenever it
 * needs the time. `now` returns nanoseconds, and must not use the timers. A
 * timer fires in the first poll that reads its deadline, or a later time, from
 * the clock. A poll reads the clock, and then sleeps in real time until the
 * earliest deadline: it wakes late or early if the clock runs at another pace
 * or is set meanwhile. Returns 0 or -ENOMEM.
 */
MIOST_API int miost_timers_new_with_clock(struct miost_timers **timers,
					  int64_t (*now)(void *arg), void *arg)
	MIOST_NONNULL(1, 2);

/* Frees the timers, whose memory is kept until then. NULL is ignored. */
MIOST_API void miost_timers_free(struct miost_timers *timers);

/*
 * The timers as a source, valid until they are freed. A timer gives one event
 * with MIOST_TIMER once its deadline has passed, and never before. Events come
 * in the order of their deadlines, then of their ids. One poll may deliver only
 * the first part of a large backlog.
 */
MIOST_API struct miost_source *miost_timers_source(struct miost_timers *timers)
	MIOST_NONNULL(1);

/* The number of live timers, which have neither fired nor been cancelled. */
MIOST_API size_t miost_timers_len(const struct miost_timers *timers)
	MIOST_NONNULL(1);

/*
 * Makes room: adding a timer cannot fail as long as at most `n` timers are
 * live. A place for a timer wears out after 2^31 timers have used it: a program
 * that adds so many calls this function again. Returns 0, or -ENOMEM and leaves
 * the timers as they were.
 */
MIOST_API int miost_timers_reserve(struct miost_timers *timers, size_t n)
	MIOST_NONNULL(1);

/*
 * Adds a timer that is due at `deadline`, which may be in the past. Any number
 * of timers may share an id. Stores the key in `*key`, unless `key` is NULL.
 * Returns 0, or -ENOMEM and changes nothing.
 */
MIOST_API int miost_timers_add_deadline(struct miost_timers *timers,
					miost_id id, int64_t deadline,
					miost_timer *key) MIOST_NONNULL(1);

/*
 * Adds a timer that is due `timeout` nanoseconds from now. Reads the clock.
 * Returns 0, -ENOMEM as above, or -EINVAL: `timeout` is negative.
 */
MIOST_API int miost_timers_add_timeout(struct miost_timers *timers,
				       miost_id id, int64_t timeout,
				       miost_timer *key) MIOST_NONNULL(1);

/*
 * Returns 0 if the timer is live, and stores its deadline in `*deadline`,
 * unless `deadline` is NULL. Returns -ENOENT if the timer has fired or been
 * cancelled. If the handler of a timer's event finds that the timer is live,
 * the event is stale: the timer was added again earlier in the same batch.
 */
MIOST_API int miost_timers_get(const struct miost_timers *timers,
			       miost_timer key, int64_t *deadline)
	MIOST_NONNULL(1);

/*
 * Moves a timer to another deadline, earlier or later. The key stays valid.
 * Returns 0, or -ENOENT: the timer has fired or been cancelled.
 */
MIOST_API int miost_timers_change(struct miost_timers *timers, miost_timer key,
				  int64_t deadline) MIOST_NONNULL(1);

/*
 * Moves a timer to `timeout` nanoseconds from now. Reads the clock. Returns 0,
 * -ENOENT as above, or -EINVAL: `timeout` is negative.
 */
MIOST_API int miost_timers_change_timeout(struct miost_timers *timers,
					  miost_timer key, int64_t timeout)
	MIOST_NONNULL(1);

/*
 * Removes a timer. Returns 0, or -ENOENT: it has fired or been cancelled.
 */
MIOST_API int miost_timers_cancel(struct miost_timers *timers, miost_timer key)
	MIOST_NONNULL(1);

/*
 * Removes one timer with this id, the one with the earliest deadline. Looks at
 * every timer: cancelling by key is faster. Returns 0, or -ENOENT: no live
 * timer has this id.
 */
MIOST_API int miost_timers_cancel_id(struct miost_timers *timers, miost_id id)
	MIOST_NONNULL(1);

MIOST_END_DECLS

#endif
