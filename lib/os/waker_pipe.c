/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on a pipe, for systems that have nothing better. Every
 * write is an edge, even if the pipe was not empty. So it is read only if it is
 * full. On Linux 5.5 to 5.13, before their stable releases fixed it, a write to
 * a pipe that was not empty was no edge.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>
#ifdef HAVE_SYSCALL
#include <sys/syscall.h>
#endif

#include <miost/unix.h>

#include "../cancel.h"
#include "os_queue.h"
#include "waker.h"

const enum miost_feature miost__waker_kind = MIOST_FEATURE_WAKER_PIPE;

int
miost__waker_open(struct miost_waker *waker,
		  struct miost_os_queue *queue, miost_id id)
{
	int fds[2];
	int err = miost_pipe(fds);

	if (err < 0)
		return err;
	waker->receiver = fds[0];
	waker->sender = fds[1];
	err = miost__os_queue_adopt(queue, fds[0], id, MIOST_EDGE);
	if (err < 0)
		close(fds[1]);
	return err < 0 ? err : 0;
}

/*
 * A thread that is cancelled here would leave `woken` set without an event. So
 * this calls syscall(2), which is not a cancellation point. Systems without it
 * (OpenBSD since 7.5) disable cancellation instead, which may not be
 * async-signal-safe everywhere.
 */
static ssize_t
write_byte(int fd)
{
#if defined(HAVE_SYSCALL) && defined(SYS_write)
	return syscall(SYS_write, fd, "", (size_t)1);
#else
	int state = miost__cancel_disable();
	ssize_t n = write(fd, "", 1);

	miost__cancel_restore(state);
	return n;
#endif
}

static ssize_t
read_some(int fd, char *buf, size_t len)
{
#if defined(HAVE_SYSCALL) && defined(SYS_read)
	return syscall(SYS_read, fd, buf, len);
#else
	int state = miost__cancel_disable();
	ssize_t n = read(fd, buf, len);

	miost__cancel_restore(state);
	return n;
#endif
}

static void
make_room(int fd)
{
	char buf[1024];

	while (read_some(fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
		;
}

int
miost__waker_signal(const struct miost_waker *waker)
{
	for (;;) {
		if (write_byte(waker->sender) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		/*
		 * The pipe is full. The read may take other threads' bytes as
		 * well; the write that follows makes the event for all.
		 */
		make_room(waker->receiver);
	}
}

void
miost__waker_close(const struct miost_waker *waker)
{
	close(waker->sender);
	miost__os_queue_drop(waker->queue, waker->receiver);
}
