/* SPDX-License-Identifier: MIT */
/* A queue of the program's own events, first in, first out. */
#ifndef MIOST_QUEUE_H
#define MIOST_QUEUE_H

#include <stddef.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

struct miost_queue;

/* Returns 0 or -ENOMEM. */
MIOST_API int miost_queue_new(struct miost_queue **queue) MIOST_NONNULL(1);

/* Frees the queue with the events that are left in it. NULL is ignored. */
MIOST_API void miost_queue_free(struct miost_queue *queue);

/* The queue as a source, valid until the queue is freed. */
MIOST_API struct miost_source *miost_queue_source(struct miost_queue *queue)
	MIOST_NONNULL(1);

/*
 * Appends an event, of any id and readiness. Returns 0 or -ENOMEM, and then
 * the queue is as it was. Memory grows as needed and is kept until the free.
 */
MIOST_API int miost_queue_add(struct miost_queue *queue,
			      struct miost_event event) MIOST_NONNULL(1);

/* How many events wait to be polled. */
MIOST_API size_t miost_queue_len(const struct miost_queue *queue)
	MIOST_NONNULL(1);

MIOST_END_DECLS

#endif
