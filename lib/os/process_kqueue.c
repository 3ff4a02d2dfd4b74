/* SPDX-License-Identifier: MIT */
/*
 * Child processes by EVFILT_PROC, in a kqueue of their own, which the queue
 * watches. What systems do that is dealt with here:
 *
 * - The end of a child that ended before is ESRCH on macOS and OpenBSD. A pipe
 *   that can always be written to is watched in its place.
 * - The end is told once, and perhaps before the child can be waited for: at
 *   once on macOS, where it is nearly gone then, and on every system while a
 *   tracer holds it. A timer then says when to look again, ever more rarely.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <miost/process.h>
#include <miost/unix.h>

#include "../cancel.h"
#include "kqueue.h"
#include "os_queue.h"

struct miost_process {
	struct miost_os_queue *queue;
	struct miost__selector selector;
	pid_t pid;
	bool reaped;
	bool told;		/* that it ended, and to look again is due */
	unsigned short pause;	/* the next one, in milliseconds */
	int fds[2];		/* the pipe, or -1 */
};

enum { LONGEST_PAUSE = 1000 };

/* Whether it is a child, which has not been reaped. */
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

/* Makes the process's kqueue ready for good. */
static int
has_ended(struct miost_process *process)
{
	int err = miost_pipe(process->fds);

	if (err < 0)
		return err;
	return miost__selector_register(&process->selector, process->fds[1], 0,
					MIOST_WRITABLE, MIOST_LEVEL);
}

static int
watch(struct miost_process *process)
{
	struct kevent change = { .filter = EVFILT_PROC, .flags = EV_ADD,
				 .fflags = NOTE_EXIT };
	int err;

	change.ident = (uintptr_t)process->pid;
	err = miost__kqueue_change(process->selector.fd, &change);
	return err == -ESRCH ? has_ended(process) : err;
}

static void
close_pipe(struct miost_process *process)
{
	for (int i = 0; i < 2; i++) {
		if (process->fds[i] >= 0)
			close(process->fds[i]);
		process->fds[i] = -1;
	}
}

static void
close_process(struct miost_process *process)
{
	miost__selector_close(&process->selector);
	close_pipe(process);
}

static int
open_process(struct miost_process *process, struct miost_os_queue *queue,
	     miost_id id)
{
	int err = check_child(process->pid);

	if (err == 0)
		err = miost__kqueue_open(&process->selector,
					   queue->selector.owner);
	if (err < 0)
		return err;
	err = watch(process);
	if (err == 0)
		err = miost_os_queue_register(queue, process->selector.fd, id,
					      MIOST_READABLE, MIOST_EDGE);
	if (err < 0)
		close_process(process);
	return err;
}

static int
new_process(struct miost_os_queue *queue, pid_t pid, miost_id id,
	    struct miost_process **out)
{
	struct miost_process *process;
	int err;

	if (pid <= 0)
		return -EINVAL;
	process = malloc(sizeof(*process));
	if (process == NULL)
		return -ENOMEM;
	process->pid = pid;
	process->reaped = process->told = false;
	process->pause = 1;
	process->fds[0] = process->fds[1] = -1;
	err = open_process(process, queue, id);
	if (err < 0) {
		free(process);
		return err;
	}
	process->queue = queue;
	miost__os_queue_hold(queue);
	*out = process;
	return 0;
}

int
miost_process_new(struct miost_os_queue *queue, pid_t pid, miost_id id,
		  struct miost_process **out)
{
	int state = miost__cancel_disable();
	int err = new_process(queue, pid, id, out);

	miost__cancel_restore(state);
	return err;
}

/* waitpid for this child alone. 1: it has ended. */
static int
reap(struct miost_process *process, int *status)
{
	pid_t result;

	do
		result = waitpid(process->pid, status, WNOHANG);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return -errno;
	process->reaped = result != 0;
	return result != 0;
}

/* Makes the process's kqueue ready once more, after a pause. */
static int
look_again(struct miost_process *process)
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

static int
wait_for(struct miost_process *process, int *status)
{
	struct miost_event event;
	int ended, now;

	/* By now the number may be another child's. */
	if (process->reaped)
		return -ECHILD;
	ended = reap(process, &now);
	if (ended == 0 &&
	    miost__selector_select(&process->selector, &event, 1, 0) > 0)
		process->told = true;
	if (ended == 0 && process->told) {
		ended = reap(process, &now);
		if (ended == 0)
			return look_again(process);
	}
	if (ended > 0 && status != NULL)
		*status = now;
	return ended;
}

int
miost_process_wait(struct miost_process *process, int *status)
{
	int state = miost__cancel_disable();
	int ended = wait_for(process, status);

	miost__cancel_restore(state);
	return ended;
}

void
miost_process_free(struct miost_process *process)
{
	int state;

	if (process == NULL)
		return;
	state = miost__cancel_disable();
	close_process(process);
	miost__cancel_restore(state);
	miost__os_queue_release(process->queue);
	free(process);
}
