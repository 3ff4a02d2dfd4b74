/* SPDX-License-Identifier: MIT */
/* The end of a child process as an event. */
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
 * already, `queue` has one event with MIOST_READABLE and `id`. Only
 * miost_process_wait() reaps the child. If a tracer holds the dead child, it
 * cannot be reaped: miost_process_wait() returns 0 after the event, and another
 * event comes later.
 *
 * Returns 0, or fails with
 * -EINVAL: `pid` is not positive;
 * -ESRCH: there is no such process, it has already been reaped, or the number
 *   belongs to a thread;
 * -ECHILD: it is not a child of this process, or is a child that clone(2) made
 *   without an exit signal;
 * -ENOTSUP: the system is too old (Linux before 5.4), or a sandbox refuses a
 *   call;
 * -EACCES: the child has other user ids, on NetBSD and OpenBSD;
 * -ENOMEM, -EMFILE, -ENFILE or -ENOSPC.
 */
MIOST_API int miost_process_new(struct miost_os_queue *queue, pid_t pid,
				miost_id id, struct miost_process **process)
	MIOST_NONNULL(1, 4);

/*
 * Returns 1 if the child has ended and is now reaped, and stores its status, in
 * the form of wait(2), in `*status`, unless `status` is NULL. Returns 0 while
 * the child runs, or cannot be reaped yet. Never blocks. Fails with
 * -ECHILD: the child has already been reaped, by another call or by the system;
 * -ENOTSUP: a sandbox that was entered meanwhile refuses a call;
 * -ENOMEM: on kqueue, the child cannot be reaped yet, and there is no memory
 *   for the timer that gives the next event; call again later.
 */
MIOST_API int miost_process_wait(struct miost_process *process, int *status)
	MIOST_NONNULL(1);

/*
 * Frees the object and stops watching the child, which is not reaped. The queue
 * may already have been freed. NULL is ignored.
 */
MIOST_API void miost_process_free(struct miost_process *process);

MIOST_END_DECLS

#endif
