/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on eventfd(2). Every write to one is an edge, also
 * when it was readable before, so it is never read but to make room.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os_queue.h"
#include "waker.h"

const enum miost_feature miost__waker_kind = MIOST_FEATURE_WAKER_EVENTFD;

int
miost__waker_open(struct miost_waker *waker,
		  struct miost_os_queue *queue, miost_id id)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	fd = miost__os_queue_adopt(queue, fd, id, MIOST_EDGE);
	if (fd < 0)
		return fd;
	waker->receiver = fd;
	waker->sender = fd;
	return 0;
}

/*
 * A thread that was cancelled here would leave `woken` set without an event.
 * syscall(2) is no cancellation point, as write(2) is.
 */
static int
add_one(int fd)
{
	static const uint64_t one = 1;

	return syscall(SYS_write, fd, &one, sizeof(one)) < 0 ? -errno : 0;
}

int
miost__waker_signal(const struct miost_waker *waker)
{
	uint64_t count;
	int err;

	for (;;) {
		err = add_one(waker->sender);
		if (err != -EAGAIN)
			return err;
		/*
		 * Full. Another thread's count may be taken with it; the write
		 * that follows makes the event for both.
		 */
		(void)syscall(SYS_read, waker->receiver, &count,
			      sizeof(count));
	}
}

void
miost__waker_close(const struct miost_waker *waker)
{
	miost__os_queue_drop(waker->queue, waker->receiver);
}
