/* SPDX-License-Identifier: MIT */
/*
 * Child processes by pidfd_open(2) (Linux 5.3) and by waitid(2) on the pidfd
 * (Linux 5.4). Unlike a process ID, a pidfd cannot come to refer to another
 * child after something else in the program has reaped this one.
 *
 * - Kernels before Linux 5.3 refuse pidfd_open with ENOSYS, Linux 5.3 refuses
 *   waitid with EINVAL, and sandboxes refuse either with any error they choose.
 * - A pidfd becomes readable even while a tracer holds the dead child, which
 *   cannot be reaped yet. When the tracer lets go, the kernel reports the pidfd
 *   once more. So it is watched edge-triggered.
 * - Linux 6.9 also reports the pidfd once more when the child is reaped. So the
 *   call that reaps the child deregisters the pidfd.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* P_PIDFD: an enumerator in one C library, a macro or missing in others. */
#define BY_PIDFD ((idtype_t)3)

struct pidfd_process {
	struct miost_process process;
	int fd;
};

const size_t miost__process_size = sizeof(struct pidfd_process);

/* Whether `pid` is a child that was not reaped: waitid(2) without a pidfd. */
static bool
is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
	       0;
}

/*
 * The error to return after pidfd_open(2) failed. Any error that is not listed
 * here means that a kernel or a sandbox refuses the call.
 */
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
		/*
		 * `pid` is the ID of a thread (ENOENT on new kernels, EINVAL on
		 * old ones); but if it is a child, the call was refused.
		 */
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

/*
 * Calls waitid(2) on the pidfd. Returns 1 if the child has ended, 0 if not,
 * -ECHILD if the process is not a child, and -ENOTSUP if the call is refused.
 */
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
		return errno == ECHILD ? -ECHILD : -ENOTSUP;
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
		return err;
	}
	process->fd = miost__os_queue_adopt(base->queue, fd, id, MIOST_EDGE);
	return process->fd < 0 ? process->fd : 0;
}

/* The status as wait(2) encodes it. No macros exist to build one. */
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
