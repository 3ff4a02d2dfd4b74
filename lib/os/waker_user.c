/* SPDX-License-Identifier: MIT */
/*
 * A waker's system side on EVFILT_USER, in the queue itself. It is known
 * there by its address, which no other has while it lives. So a wake or a close
 * that comes after the queue was freed, when the descriptor's number may be
 * that of another, finds nothing.
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
	/* A trigger replaces the id, so each brings it. */
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

/* Without room for an event kevent neither waits nor is it cancelled. */
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

	/* It is gone with a queue that has been freed. */
	(void)miost__kqueue_change(waker->queue->selector.fd, &change);
}
