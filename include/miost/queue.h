/* SPDX-License-Identifier: MIT */
/* A user-space queue of the program's own events, first in, first out. */
#ifndef MIOST_QUEUE_H
#define MIOST_QUEUE_H

#include <stddef.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

struct miost_queue;

/* Makes an empty queue. Returns 0 or -ENOMEM. */
MIOST_API int miost_queue_new(struct miost_queue **queue) MIOST_NONNULL(1);

/* Frees the queue and the events that are left in it. NULL is ignored. */
MIOST_API void miost_queue_free(struct miost_queue *queue);

/* The queue as a source, valid until the queue is freed. */
MIOST_API struct miost_source *miost_queue_source(struct miost_queue *queue)
	MIOST_NONNULL(1);

/*
 * Appends an event with any id and readiness; its `reserved` is set to 0. The
 * event stays in the queue until it is polled or removed. The queue's memory
 * grows as needed and is kept until the queue is freed. Returns 0, or -ENOMEM
 * and leaves the queue as it was.
 */
MIOST_API int miost_queue_add(struct miost_queue *queue,
			      struct miost_event event) MIOST_NONNULL(1);

/*
 * Removes all events with this id and returns their number. The others keep
 * their order. Looks at every event in the queue.
 */
MIOST_API size_t miost_queue_remove(struct miost_queue *queue, miost_id id)
	MIOST_NONNULL(1);

/* The number of events that wait to be polled. */
MIOST_API size_t miost_queue_len(const struct miost_queue *queue)
	MIOST_NONNULL(1);

MIOST_END_DECLS

#endif
