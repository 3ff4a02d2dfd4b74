/* SPDX-License-Identifier: MIT */
/*
 * Child processes by EVFILT_PROC. Each has a kqueue of its own, which the queue
 * watches. Quirks of systems that this file deals with:
 *
 * - On macOS and OpenBSD, EV_ADD fails with ESRCH if the child has ended
 *   already. The writing end of an empty pipe, which is always writable, then
 *   makes the kqueue ready instead.
 * - The end of a child is reported once, and possibly before the child can be
 *   reaped: on macOS shortly before, and on every system if a tracer holds the
 *   dead child. A timer then makes the kqueue ready again for another look,
 *   after pauses that double each time, up to LONGEST_PAUSE.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <miost/unix.h>

#include "kqueue.h"
#include "process.h"

struct kqueue_process {
	struct miost_process process;
	struct miost__selector selector;
	bool reaped;
	bool told;		/* the kqueue fired since look_again() */
	unsigned short pause;	/* before the next look, in milliseconds */
	int fds[2];		/* the pipe's, or -1 */
};

const size_t miost__process_size = sizeof(struct kqueue_process);

enum { LONGEST_PAUSE = 1000 };

/*
 * Returns 0 if `pid` is a child that has not been reaped, else an error.
 * Systems without waitid(2) cannot tell a child from another process: 0 for
 * both.
 */
static int
check_child(pid_t pid)
{
#ifdef HAVE_WAITID
	siginfo_t info;
	int result;

	do
		result = waitid(P_PID, (id_t)pid, &info,
				WEXITED | WNOHANG | WNOWAIT);
	while (result < 0 && errno == EINTR);
	if (result == 0)
		return 0;
	if (errno != ECHILD)
		return -errno;
#endif
	if (kill(pid, 0) < 0 && errno == ESRCH)
		return -ESRCH;
#ifdef HAVE_WAITID
	return -ECHILD;
#else
	return 0;
#endif
}

/* The child has ended already: makes its kqueue ready, and keeps it so. */
static int
has_ended(struct kqueue_process *process)
{
	int err = miost_pipe(process->fds);

	if (err < 0)
		return err;
	return miost__selector_register(&process->selector, process->fds[1], 0,
					MIOST_WRITABLE, MIOST_LEVEL);
}

static int
watch(struct kqueue_process *process)
{
	struct kevent change = { .filter = EVFILT_PROC, .flags = EV_ADD,
				 .fflags = NOTE_EXIT };
	int err;

	change.ident = (uintptr_t)process->process.pid;
	err = miost__kqueue_change(process->selector.fd, &change);
	return err == -ESRCH ? has_ended(process) : err;
}

static void
close_pipe(struct kqueue_process *process)
{
	for (int i = 0; i < 2; i++) {
		if (process->fds[i] >= 0)
			close(process->fds[i]);
		process->fds[i] = -1;
	}
}

static int
open_kqueue(struct kqueue_process *process, miost_id id)
{
	struct miost_os_queue *queue = process->process.queue;
	int err = miost__kqueue_open(&process->selector, queue->selector.owner);

	if (err < 0)
		return err;
	err = watch(process);
	if (err == 0)
		err = miost_os_queue_register(queue, process->selector.fd, id,
					      MIOST_READABLE, MIOST_EDGE);
	if (err < 0)
		miost__process_close(&process->process);
	return err;
}

int
miost__process_open(struct miost_process *base, miost_id id)
{
	struct kqueue_process *process = (struct kqueue_process *)base;
	int err = check_child(base->pid);

	if (err < 0)
		return err;
	process->reaped = process->told = false;
	process->pause = 1;
	process->fds[0] = process->fds[1] = -1;
	return open_kqueue(process, id);
}

/* Returns 1 if the child has ended and is now reaped, 0 if not. */
static int
reap(struct kqueue_process *process, int *status)
{
	pid_t result;

	do
		result = waitpid(process->process.pid, status, WNOHANG);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return -errno;
	process->reaped = result != 0;
	return result != 0;
}

/* Makes the child's kqueue ready once more, after a pause. */
static int
look_again(struct kqueue_process *process)
{
	struct kevent change = { .filter = EVFILT_TIMER,
				 .flags = EV_ADD | EV_ONESHOT };
	int err;

	if (process->fds[1] >= 0) {
		(void)miost__selector_deregister(&process->selector,
						 process->fds[1]);
		close_pipe(process);
	}
	change.data = process->pause;
	err = miost__kqueue_change(process->selector.fd, &change);
	if (err < 0)
		return err;
	process->told = false;
	process->pause *= 2;
	if (process->pause > LONGEST_PAUSE)
		process->pause = LONGEST_PAUSE;
	return 0;
}

int
miost__process_reap(struct miost_process *base, int *status)
{
	struct kqueue_process *process = (struct kqueue_process *)base;
	struct miost_event event;
	int ended;

	/* By now the process ID may be another child's. */
	if (process->reaped)
		return -ECHILD;
	ended = reap(process, status);
	if (ended == 0 &&
	    miost__selector_select(&process->selector, &event, 1, 0) > 0)
		process->told = true;
	if (ended == 0 && process->told) {
		ended = reap(process, status);
		if (ended == 0)
			return look_again(process);
	}
	return ended;
}

void
miost__process_close(struct miost_process *base)
{
	struct kqueue_process *process = (struct kqueue_process *)base;

	miost__selector_close(&process->selector);
	close_pipe(process);
}
