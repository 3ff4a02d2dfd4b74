/* SPDX-License-Identifier: MIT */
/* Signals as events. */
#ifndef MIOST_SIGNALS_H
#define MIOST_SIGNALS_H

#include <stdbool.h>
#include <sys/select.h>		/* sigset_t, in strict ISO C too */
#include <sys/types.h>

#include <miost/base.h>
#include <miost/event.h>
#include <miost/os.h>

MIOST_BEGIN_DECLS

struct miost_signals;

/*
 * Blocks the set's signals for the calling thread, and from then on, while one
 * of them is pending, `queue` has an event with MIOST_READABLE and `id` in
 * every poll. Other threads must block them as well, or the signals may be
 * delivered to them: call this before making those threads, so that they
 * inherit the mask.
 *
 * Returns 0, or, with the mask as it was,
 * -EINVAL: the set is empty, or has SIGKILL or SIGSTOP;
 * -ENOMEM, or what the system says: -EMFILE, -ENFILE, -ENOSPC.
 */
MIOST_API int miost_signals_new(struct miost_os_queue *queue,
				const sigset_t *set, miost_id id,
				struct miost_signals **signals)
	MIOST_NONNULL(1, 2, 4);

/*
 * Takes one pending signal and returns its number; 0: none is pending.
 * Standard signals with the same number count as one while they are pending.
 */
MIOST_API int miost_signals_receive(struct miost_signals *signals)
	MIOST_NONNULL(1);

/*
 * Unblocks, for the calling thread, those signals that `new` blocked and that
 * were not blocked before; what is pending of them then acts as if it had just
 * come. The queue may have been freed before. NULL is ignored.
 */
MIOST_API void miost_signals_free(struct miost_signals *signals);

/* How many signals are in the set. */
MIOST_API int miost_signal_set_size(const sigset_t *set) MIOST_NONNULL(1);

/*
 * The lowest number in the set that is above `after`, or 0 when there is none:
 *	for (n = 0; (n = miost_signal_set_next(&set, n)) != 0;)
 */
MIOST_API int miost_signal_set_next(const sigset_t *set, int after)
	MIOST_NONNULL(1);

/* Whether all of `other` is in the set. */
MIOST_API bool miost_signal_set_contains(const sigset_t *set,
					 const sigset_t *other)
	MIOST_NONNULL(1, 2);

MIOST_END_DECLS

#endif
