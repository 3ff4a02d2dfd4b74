/* SPDX-License-Identifier: MIT */
/* What the operating system's queue is made of. */
#ifndef MIOST_OS_OS_QUEUE_H
#define MIOST_OS_OS_QUEUE_H

#include <miost/os.h>
#include <miost/waker.h>

#include "selector.h"

struct miost_os_queue {
	struct miost_source source;
	struct miost__selector selector;
	struct miost_waker *wakers;	/* a list; see waker.h */
};

/*
 * Registers a descriptor that was made for the queue; returns it. One that
 * cannot be is closed, and the error returned.
 */
int miost__os_queue_adopt(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_options options);

/*
 * Closes such a descriptor. `selector` is a copy of the queue's, which may be
 * gone: nothing else can have registered this descriptor. It is deregistered
 * first, since a forked child may have it open, too; by such a child it is not.
 */
void miost__os_queue_drop(const struct miost__selector *selector, int fd);

#endif
