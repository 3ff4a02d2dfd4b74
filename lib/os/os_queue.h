/* SPDX-License-Identifier: MIT */
/* What the operating system's queue is made of. */
#ifndef MIOST_OS_OS_QUEUE_H
#define MIOST_OS_OS_QUEUE_H

#include <stdatomic.h>

#include <miost/os.h>
#include <miost/waker.h>

#include "selector.h"

struct miost_os_queue {
	struct miost_source source;
	struct miost__selector selector;
	struct miost_waker *wakers;	/* a list; see waker.h */
	bool waiting;			/* for events of theirs, too */
	/*
	 * Its user, and what was made for it and may be freed later. The last
	 * one frees the struct, whose descriptor may have been closed before.
	 */
	atomic_uint holders;
};

void miost__os_queue_hold(struct miost_os_queue *queue);
void miost__os_queue_release(struct miost_os_queue *queue);

/*
 * Registers a descriptor that was made for the queue; returns it. One that
 * cannot be is closed, and the error returned.
 */
int miost__os_queue_adopt(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_options options);

/*
 * Closes such a descriptor. It is deregistered first, since a forked child may
 * have it open, too; by such a child it is not. The queue's own may have been
 * closed before, and its number be another's: nothing else can have registered
 * this one there.
 */
void miost__os_queue_drop(struct miost_os_queue *queue, int fd);

#endif
