/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on a pipe, for systems that have nothing better.
 * Every write to it is an edge, so it is never read but to make room. Linux
 * 5.5 to 5.13 said nothing of a write to a pipe that was not empty, until their
 * stable releases were mended.
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
 * A thread that was cancelled here would leave `woken` set without an event.
 * syscall(2) is no cancellation point. Where there is none (OpenBSD since 7.5)
 * cancellation is disabled, which need not be safe in a signal handler
 * everywhere.
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
		 * Full. Another thread's byte may be taken with it; the write
		 * that follows makes the event for both.
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
