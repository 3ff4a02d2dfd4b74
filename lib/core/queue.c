/* SPDX-License-Identifier: MIT */
/* The user-space queue: a ring of events. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <miost/queue.h>

struct miost_queue {
	struct miost_source source;
	struct miost_event *ring;
	size_t first;		/* where the oldest event is */
	size_t len;
	size_t capacity;	/* 0 or a power of two */
};

enum { FIRST_CAPACITY = 16 };

static int64_t
queue_max_timeout(struct miost_source *source)
{
	struct miost_queue *queue = (struct miost_queue *)source;

	return queue->len > 0 ? 0 : MIOST_FOREVER;
}

/* Moves the `n` oldest events to `slots`. */
static void
take(struct miost_queue *queue, struct miost_event *slots, size_t n)
{
	size_t until_end = queue->capacity - queue->first;
	size_t head = n < until_end ? n : until_end;

	memcpy(slots, queue->ring + queue->first, head * sizeof(*slots));
	memcpy(slots + head, queue->ring, (n - head) * sizeof(*slots));
	queue->first = (queue->first + n) & (queue->capacity - 1);
	queue->len -= n;
}

static int
queue_poll(struct miost_source *source, struct miost_sink *sink)
{
	struct miost_queue *queue = (struct miost_queue *)source;
	struct miost_event *slots;
	size_t want = queue->len < INT_MAX ? queue->len : INT_MAX;
	ssize_t n;

	if (want == 0)
		return 0;
	n = sink->ops->reserve(sink, want, &slots);
	if (n <= 0)
		return (int)n;
	take(queue, slots, (size_t)n);
	sink->ops->commit(sink, (size_t)n);
	return (int)n;
}

static const struct miost_source_ops queue_ops = {
	.max_timeout = queue_max_timeout,
	.poll = queue_poll,
};

int
miost_queue_new(struct miost_queue **out)
{
	struct miost_queue *queue = calloc(1, sizeof(*queue));

	if (queue == NULL)
		return -ENOMEM;
	queue->source.ops = &queue_ops;
	*out = queue;
	return 0;
}

void
miost_queue_free(struct miost_queue *queue)
{
	if (queue == NULL)
		return;
	free(queue->ring);
	free(queue);
}

struct miost_source *
miost_queue_source(struct miost_queue *queue)
{
	return &queue->source;
}

/* Doubles a full ring. */
static int
grow(struct miost_queue *queue)
{
	size_t old = queue->capacity;
	size_t capacity = old > 0 ? old * 2 : FIRST_CAPACITY;
	struct miost_event *ring;

	if (capacity > PTRDIFF_MAX / sizeof(*ring))
		return -ENOMEM;
	ring = realloc(queue->ring, capacity * sizeof(*ring));
	if (ring == NULL)
		return -ENOMEM;
	/* Events that had wrapped to the front now follow those at the end. */
	memcpy(ring + old, ring, queue->first * sizeof(*ring));
	queue->ring = ring;
	queue->capacity = capacity;
	return 0;
}

/* The place of the `i`th event; 0 is the oldest. */
static struct miost_event *
at(const struct miost_queue *queue, size_t i)
{
	return &queue->ring[(queue->first + i) & (queue->capacity - 1)];
}

int
miost_queue_add(struct miost_queue *queue, struct miost_event event)
{
	if (queue->len == queue->capacity) {
		int err = grow(queue);

		if (err < 0)
			return err;
	}
	event.reserved = 0;
	*at(queue, queue->len++) = event;
	return 0;
}

size_t
miost_queue_remove(struct miost_queue *queue, miost_id id)
{
	size_t kept = 0;
	size_t removed;

	for (size_t i = 0; i < queue->len; i++)
		if (at(queue, i)->id != id)
			*at(queue, kept++) = *at(queue, i);
	removed = queue->len - kept;
	queue->len = kept;
	return removed;
}

size_t
miost_queue_len(const struct miost_queue *queue)
{
	return queue->len;
}
