/* SPDX-License-Identifier: MIT */
/*
 * An awakener's system side on EVFILT_USER, in the queue itself. It is known
 * there by its address, which no other has while it lives. So a wake or a close
 * that comes after the queue was freed, when the descriptor's number may be
 * that of another, finds nothing.
 */
#include "config.h"

#include <errno.h>
#include <stdint.h>
#include <time.h>

#include "awakener.h"
#include "kqueue.h"
#include "os_queue.h"

const enum miost_feature miost__awakener_kind = MIOST_FEATURE_AWAKENER_USER;

static struct kevent
change_of(const struct miost_awakener *awakener, unsigned short flags)
{
	struct kevent change = { .filter = EVFILT_USER, .flags = flags };

	change.ident = (uintptr_t)awakener;
	/* A trigger replaces the id, so each brings it. */
	miost__kqueue_set_id(&change, awakener->id);
	return change;
}

int
miost__awakener_open(struct miost_awakener *awakener,
		     struct miost_os_queue *queue, miost_id id)
{
	struct kevent change;

	awakener->id = id;
	change = change_of(awakener, EV_ADD | EV_CLEAR);
	return miost__kqueue_change(queue->selector.fd, &change);
}

/* Without room for an event kevent neither waits nor is it cancelled. */
int
miost__awakener_signal(const struct miost_awakener *awakener)
{
	static const struct timespec no_time;
	struct kevent change = change_of(awakener, 0);
	int kq = awakener->selector.fd;

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
miost__awakener_close(const struct miost_awakener *awakener)
{
	struct kevent change = change_of(awakener, EV_DELETE);

	/* It is gone with a queue that has been freed. */
	(void)miost__kqueue_change(awakener->selector.fd, &change);
}
