/* SPDX-License-Identifier: MIT */
/*
 * Child processes by pidfd_open(2), Linux 5.3, and by waitid(2) on what it
 * gives, Linux 5.4. Unlike a number, that cannot come to mean another child
 * when something else in the program has reaped this one.
 *
 * - Old kernels refuse pidfd_open with ENOSYS, Linux 5.3 waitid with EINVAL,
 *   and sandboxes either of them with whatever they like.
 * - A pidfd is ready while a tracer still holds the dead child, which cannot be
 *   waited for yet. It is told once more when the tracer lets go: it is watched
 *   edge-triggered.
 * - Linux 6.9 tells once more when the child is reaped, too: that is when it is
 *   taken out of the queue.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* An enumerator of one C library, a macro or nothing in others. */
#define BY_PIDFD ((idtype_t)3)

struct pidfd_process {
	struct miost_process process;
	int fd;
};

const size_t miost__process_size = sizeof(struct pidfd_process);

/* Whether it is a child, by the older call. */
static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
	       0;
}

/* Of pidfd_open(2), which knows these errors. Any other refuses the call. */
static int
open_error(pid_t pid)
{
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ESRCH:
		return -errno;
	case ENOENT:
	case EINVAL:
		/* The number of a thread, on new kernels and on old ones. */
		return is_child(pid) ? -ENOTSUP : -ESRCH;
	default:
		return -ENOTSUP;
	}
}

static int
open_pid(pid_t pid)
{
	int fd;

#ifdef HAVE_SYS_PIDFD_OPEN
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	fd = -1;
#endif
	return fd < 0 ? open_error(pid) : fd;
}

/* waitid, which says whether it is a child at all. 1: it has ended. */
static int
ask(int fd, siginfo_t *info, int flags)
{
	int result;

	info->si_pid = 0;
	do
		result = waitid(BY_PIDFD, (id_t)fd, info,
				WEXITED | WNOHANG | flags);
	while (result < 0 && errno == EINTR);
	if (result < 0)
		return -errno;
	return info->si_pid != 0;
}

int
miost__process_open(struct miost_process *base, miost_id id)
{
	struct pidfd_process *process = (struct pidfd_process *)base;
	siginfo_t info;
	int fd = open_pid(base->pid);
	int err;

	if (fd < 0)
		return fd;
	err = ask(fd, &info, WNOWAIT);
	if (err < 0) {
		close(fd);
		return err == -ECHILD ? err : -ENOTSUP;
	}
	process->fd = miost__os_queue_adopt(base->queue, fd, id, MIOST_EDGE);
	return process->fd < 0 ? process->fd : 0;
}

/* As wait(2) gives it, which has no macros to make it with. */
static int
wait_status(const siginfo_t *info)
{
	if (info->si_code == CLD_EXITED)
		return (info->si_status & 0xff) << 8;
	return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

int
miost__process_reap(struct miost_process *base, int *status)
{
	struct pidfd_process *process = (struct pidfd_process *)base;
	siginfo_t info;
	int ended = ask(process->fd, &info, 0);

	if (ended <= 0)
		return ended;
	*status = wait_status(&info);
	(void)miost__selector_deregister(&base->queue->selector, process->fd);
	return 1;
}

void
miost__process_close(struct miost_process *base)
{
	struct pidfd_process *process = (struct pidfd_process *)base;

	miost__os_queue_drop(base->queue, process->fd);
}
