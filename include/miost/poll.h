/* SPDX-License-Identifier: MIT */
/* The one call that a program waits in. */
#ifndef MIOST_POLL_H
#define MIOST_POLL_H

#include <stddef.h>
#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * Moves events from the `n` sources to `sink`. Waits in the first source for
 * the smallest of `timeout` (nanoseconds; 0 does not wait, negative waits
 * without end) and what every source's max_timeout says, then asks the others
 * in order without waiting. Put the system's queue first: nothing else can
 * wait.
 *
 * Returns how many events were added. No sources: 0 at once.
 * -ENOBUFS: the sink was full from the start; nothing was waited for or taken.
 * -EINTR: a signal handler ran, or on Linux the process was stopped and goes
 * on. Poll again.
 * Any other negative value is the first error of a source or of the sink.
 * After an error the sink may hold events of the sources before it.
 */
MIOST_API int miost_poll(struct miost_source *const sources[], size_t n,
			 struct miost_sink *sink, int64_t timeout)
	MIOST_NONNULL(3);

MIOST_END_DECLS

#endif
