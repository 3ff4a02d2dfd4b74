/* SPDX-License-Identifier: MIT */
/* The end of child processes as events. */
#ifndef MIOST_PROCESS_H
#define MIOST_PROCESS_H

#include <sys/types.h>

#include <miost/base.h>
#include <miost/event.h>
#include <miost/os.h>

MIOST_BEGIN_DECLS

struct miost_process;

/*
 * Watches a child of the calling process: when it ends, or if it has ended
 * already, `queue` has one event with MIOST_READABLE and `id`. The child is
 * reaped by miost_process_wait(), and by nothing else in the library. While a
 * tracer holds the dead child it cannot be reaped: then an event comes with
 * which miost_process_wait() returns 0, and another one later.
 *
 * Returns 0, or
 * -EINVAL: `pid` is not positive;
 * -ESRCH: there is no such process, or it has been reaped already, or the
 *   number is a thread's;
 * -ECHILD: it is not a child of this process, or one that clone(2) made without
 *   an exit signal;
 * -ENOTSUP: the system cannot: on Linux before 5.4, or in a sandbox;
 * -EACCES: it has other users, on NetBSD and OpenBSD;
 * -ENOMEM, or what the system says: -EMFILE, -ENFILE, -ENOSPC.
 */
MIOST_API int miost_process_new(struct miost_os_queue *queue, pid_t pid,
				miost_id id, struct miost_process **process)
	MIOST_NONNULL(1, 4);

/*
 * Returns 1 when the child has ended and is now reaped, with its status, as
 * wait(2) gives it, in `*status`, unless that is NULL; 0 while it runs, or
 * cannot be reaped yet. Never blocks. -ENOMEM: it cannot be reaped yet, and on
 * kqueue there was no memory to look again later; call again.
 * -ECHILD: it was reaped before, or, because SIGCHLD is ignored, by the system.
 */
MIOST_API int miost_process_wait(struct miost_process *process, int *status)
	MIOST_NONNULL(1);

/*
 * Stops watching, whether the child runs, has ended or was reaped; it is left
 * as it is. The queue may have been freed before. NULL is ignored.
 */
MIOST_API void miost_process_free(struct miost_process *process);

MIOST_END_DECLS

#endif
