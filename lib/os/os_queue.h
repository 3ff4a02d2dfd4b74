/* SPDX-License-Identifier: MIT */
/* Internals of the operating system's queue. */
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
	bool waiting;			/* a wait with wakers did not return */
	/*
	 * The queue's user counts 1, as does each waker (with its clones) and
	 * each signals or process object. They may be freed after the queue,
	 * whose descriptor is closed by then. The last holder frees the struct.
	 */
	atomic_uint holders;
};

void miost__os_queue_hold(struct miost_os_queue *queue);
void miost__os_queue_release(struct miost_os_queue *queue);

/*
 * Registers a descriptor that the library opened for this queue, for
 * MIOST_READABLE, and returns it. On failure closes it and returns the error.
 */
int miost__os_queue_adopt(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_options options);

/*
 * Closes such a descriptor. The process that made the queue deregisters it
 * first: if a forked child has it open as well, closing it would leave it
 * registered. A forked child does not deregister it, since the queue may be its
 * parent's. The queue may have been freed, and its descriptor's number may be
 * another queue's by now. Deregistering then fails, which does no harm: nothing
 * but the library registers this descriptor, and only with its own queue.
 */
void miost__os_queue_drop(struct miost_os_queue *queue, int fd);

#endif
