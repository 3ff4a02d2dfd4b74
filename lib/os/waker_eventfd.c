/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on eventfd(2). Every write is an edge, even if the
 * eventfd was readable before. So it is read only if its counter is full.
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
 * A thread that is cancelled here would leave `woken` set without an event. So
 * this calls syscall(2), which, unlike write(2), is not a cancellation point.
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
		 * The counter is full. The read may take other threads' counts
		 * as well; the write that follows makes the event for all.
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
