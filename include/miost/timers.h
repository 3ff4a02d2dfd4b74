/* SPDX-License-Identifier: MIT */
/* Timers: events that come once a deadline has passed. */
#ifndef MIOST_TIMERS_H
#define MIOST_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * The time now in nanoseconds, on CLOCK_MONOTONIC: the clock of all deadlines.
 * Thread-safe and async-signal-safe.
 */
MIOST_API int64_t miost_now(void);

/*
 * The deadline `span` nanoseconds after `now`, or the nearest that can be
 * expressed. Lets a busy loop read the clock once an iteration.
 */
static inline int64_t
miost_deadline(int64_t now, int64_t span)
{
	if (span >= 0)
		return now > INT64_MAX - span ? INT64_MAX : now + span;
	return now < INT64_MIN - span ? INT64_MIN : now + span;
}

/*
 * Names one live timer of one `struct miost_timers`. A key whose timer has
 * fired or was cancelled stays invalid for good; 0 never is a key.
 */
typedef uint64_t miost_timer;

struct miost_timers;

/* Returns 0 or -ENOMEM. */
MIOST_API int miost_timers_new(struct miost_timers **timers) MIOST_NONNULL(1);

/*
 * The same on another clock, which `now` reads: nanoseconds that never go
 * back. It is called with `arg` whenever the clock would be read, and may not
 * use the timers. A poll sleeps as long as the clock says, so one that does
 * not go as fast as time does makes it late or wakes it early.
 */
MIOST_API int miost_timers_new_with_clock(struct miost_timers **timers,
					  int64_t (*now)(void *arg), void *arg)
	MIOST_NONNULL(1, 2);

/* Frees the timers with all their memory, kept till then. NULL is ignored. */
MIOST_API void miost_timers_free(struct miost_timers *timers);

/*
 * The timers as a source, valid until they are freed. Delivers one
 * MIOST_TIMER event a timer, once its deadline has passed and never before,
 * in the order of deadline, then id. Of a large backlog one poll may deliver
 * the first part alone.
 */
MIOST_API struct miost_source *miost_timers_source(struct miost_timers *timers)
	MIOST_NONNULL(1);

/* How many timers are live: added, not fired, not cancelled. */
MIOST_API size_t miost_timers_len(const struct miost_timers *timers)
	MIOST_NONNULL(1);

/*
 * Makes room, so that adds cannot fail while at most `n` timers are live. (One
 * place wears out with every 2^31 timers that come and go; ask again then.)
 * Returns 0 or -ENOMEM, and then the timers are as they were.
 */
MIOST_API int miost_timers_reserve(struct miost_timers *timers, size_t n)
	MIOST_NONNULL(1);

/*
 * Adds a timer that is due at `deadline`, at once if that is in the past. Many
 * timers may have one id. The key for change and cancel is stored in `*key`,
 * unless that is NULL. Returns 0 or -ENOMEM, and then nothing has changed.
 */
MIOST_API int miost_timers_add_deadline(struct miost_timers *timers,
					miost_id id, int64_t deadline,
					miost_timer *key) MIOST_NONNULL(1);

/*
 * The same, `timeout` nanoseconds from now, for which it reads the clock.
 * -EINVAL: `timeout` is negative.
 */
MIOST_API int miost_timers_add_timeout(struct miost_timers *timers,
				       miost_id id, int64_t timeout,
				       miost_timer *key) MIOST_NONNULL(1);

/*
 * Moves a timer to another deadline, in either direction; the key stays valid.
 * Returns 0, or -ENOENT when the timer has fired or was cancelled.
 */
MIOST_API int miost_timers_change(struct miost_timers *timers, miost_timer key,
				  int64_t deadline) MIOST_NONNULL(1);

/* Removes a timer. Returns 0, or -ENOENT as above. */
MIOST_API int miost_timers_cancel(struct miost_timers *timers, miost_timer key)
	MIOST_NONNULL(1);

/*
 * Removes one timer with this id, the one with the earliest deadline, by
 * looking at all of them; a key is quicker. Returns 0, or -ENOENT when no live
 * timer has this id.
 */
MIOST_API int miost_timers_remove_deadline(struct miost_timers *timers,
					   miost_id id) MIOST_NONNULL(1);

MIOST_END_DECLS

#endif
