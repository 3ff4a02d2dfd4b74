/* SPDX-License-Identifier: MIT */
/* Signals as events. */
#ifndef MIOST_SIGNALS_H
#define MIOST_SIGNALS_H

#include <stdbool.h>
#include <sys/select.h>		/* sigset_t, even in strict ISO C */
#include <sys/types.h>

#include <miost/base.h>
#include <miost/event.h>
#include <miost/os.h>

MIOST_BEGIN_DECLS

struct miost_signals;

/*
 * Blocks the signals in `set` for the calling thread. From then on, every poll
 * of `queue` has an event with MIOST_READABLE and `id` while one of these
 * signals is pending. Other threads must block them as well, or the signals may
 * be delivered to them: call this before starting those threads, which then
 * inherit the mask.
 *
 * Returns 0, or leaves the mask unchanged and fails with
 * -EINVAL: the set is empty, or contains SIGKILL or SIGSTOP;
 * -ENOMEM, -EMFILE, -ENFILE or -ENOSPC.
 */
MIOST_API int miost_signals_new(struct miost_os_queue *queue,
				const sigset_t *set, miost_id id,
				struct miost_signals **signals)
	MIOST_NONNULL(1, 2, 4);

/*
 * Takes one pending signal and returns its number, or 0 if none is pending.
 * Pending standard signals with the same number count as one. Fails with
 * -ENOMEM: on kqueue, there is no memory for the event of the signals that are
 *   still pending; no signal is lost; call again later.
 */
MIOST_API int miost_signals_receive(struct miost_signals *signals)
	MIOST_NONNULL(1);

/*
 * Frees the object, and unblocks, for the calling thread, the signals that
 * miost_signals_new() blocked, except those that were blocked before. A pending
 * signal then takes effect. The queue may already have been freed. NULL is
 * ignored.
 */
MIOST_API void miost_signals_free(struct miost_signals *signals);

/* Returns the number of signals in the set. */
MIOST_API int miost_signal_set_size(const sigset_t *set) MIOST_NONNULL(1);

/*
 * Returns the lowest number in the set above `after`, or 0 if there is none:
 *	for (n = 0; (n = miost_signal_set_next(&set, n)) != 0;)
 */
MIOST_API int miost_signal_set_next(const sigset_t *set, int after)
	MIOST_NONNULL(1);

/* Returns whether all signals in `other` are also in `set`. */
MIOST_API bool miost_signal_set_contains(const sigset_t *set,
					 const sigset_t *other)
	MIOST_NONNULL(1, 2);

MIOST_END_DECLS

#endif
