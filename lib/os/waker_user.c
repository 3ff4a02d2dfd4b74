/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on EVFILT_USER, in the queue's own kqueue. The filter's
 * identifier is the address of the waker, which is unique while the waker
 * exists. So a wake or a close after the queue was freed finds nothing, even if
 * the number of the queue's descriptor is another kqueue's by then.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "kqueue.h"
#include "os_queue.h"
#include "waker.h"

const enum miost_feature miost__waker_kind = MIOST_FEATURE_WAKER_USER;

static struct kevent
change_of(const struct miost_waker *waker, unsigned short flags)
{
	struct kevent change = { .filter = EVFILT_USER, .flags = flags };

	change.ident = (uintptr_t)waker;
	/* NOTE_TRIGGER replaces the id, so every change passes it. */
	miost__kqueue_set_id(&change, waker->id);
	return change;
}

int
miost__waker_open(struct miost_waker *waker,
		  struct miost_os_queue *queue, miost_id id)
{
	struct kevent change;

	waker->id = id;
	change = change_of(waker, EV_ADD | EV_CLEAR);
	return miost__kqueue_change(queue->selector.fd, &change);
}

/* With no room for events, kevent neither waits nor is a cancellation point. */
int
miost__waker_signal(const struct miost_waker *waker)
{
	static const struct timespec no_time;
	struct kevent change = change_of(waker, 0);
	int kq = waker->queue->selector.fd;

	change.fflags = NOTE_TRIGGER;
	while (kevent(kq, &change, 1, NULL, 0, &no_time) < 0) {
		if (errno == EINTR)
			continue;
		/* The queue has been freed. */
		return errno == EBADF || errno == ENOENT ? 0 : -errno;
	}
	return 0;
}

void
miost__waker_close(const struct miost_waker *waker)
{
	struct kevent change = change_of(waker, EV_DELETE);

	/* Fails if the queue was freed: the filter is gone already. */
	(void)miost__kqueue_change(waker->queue->selector.fd, &change);
}
