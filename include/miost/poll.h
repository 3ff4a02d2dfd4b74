/* SPDX-License-Identifier: MIT */
/* Polling several sources in one call. */
#ifndef MIOST_POLL_H
#define MIOST_POLL_H

#include <stddef.h>
#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * Moves events from the `n` sources to `sink`. Waits in the first source, for
 * `timeout` nanoseconds (0: does not wait; negative: waits without end) or for
 * the smallest span that a source's max_timeout gives, whichever is less. Then
 * takes the events of the other sources in order, without waiting. Put the OS
 * queue first: no other source of the library can wait.
 *
 * Returns the number of events that were added; 0 at once if `n` is 0. Fails
 * with the first error of a source or of the sink; the sink may hold events of
 * the sources before it.
 * -ENOBUFS: the sink was full from the start; nothing was waited for or taken.
 * -EINTR: a signal handler ran, or, on Linux, the process was stopped and
 *	   continued. Poll again.
 * -ENOMEM: a sink that grows is full, and there is no memory; no event is lost.
 */
MIOST_API int miost_poll(struct miost_source *const sources[], size_t n,
			 struct miost_sink *sink, int64_t timeout)
	MIOST_NONNULL(3);

/*
 * Does the same as miost_poll() with an array: stores up to `capacity` events,
 * from events[0] on, and returns their number. -ENOBUFS: `capacity` is 0.
 * If a source fails after events were stored, the call returns their number and
 * drops the error. A lasting failure comes again in a later poll.
 */
MIOST_API int miost_poll_events(struct miost_source *const sources[], size_t n,
				struct miost_event *events, size_t capacity,
				int64_t timeout);

/*
 * Returns how long a foreign loop may sleep before it polls the sources: the
 * smallest span in nanoseconds until one of them has an event; 0 if one has an
 * event now; MIOST_FOREVER if none can tell, or if `n` is 0. The OS queue
 * cannot tell: the foreign loop watches its descriptor. Call this again after
 * every poll, and whenever timers or queued events were added, changed or
 * removed.
 */
MIOST_API int64_t miost_max_timeout(struct miost_source *const sources[],
				    size_t n);

MIOST_END_DECLS

#endif
