/* SPDX-License-Identifier: MIT */
/* The two ready-made sinks: an array of fixed size, and one that grows. */
#include <errno.h>
#include <stdlib.h>

#include <miost/event.h>

static ssize_t
array_reserve(struct miost_sink *sink, size_t want, struct miost_event **slots)
{
	struct miost_event_array *array = (struct miost_event_array *)sink;
	size_t room = array->capacity - array->len;

	/* Adds integers: `events` may be NULL, and C forbids NULL + 0. */
	*slots = (struct miost_event *)((uintptr_t)array->events +
					array->len * sizeof(**slots));
	return (ssize_t)(want < room ? want : room);
}

static void
array_commit(struct miost_sink *sink, size_t n)
{
	((struct miost_event_array *)sink)->len += n;
}

static const struct miost_sink_ops array_ops = {
	.reserve = array_reserve,
	.commit = array_commit,
};

void
miost_event_array_init(struct miost_event_array *array,
		       struct miost_event *storage, size_t capacity)
{
	array->sink.ops = &array_ops;
	array->events = storage;
	array->len = 0;
	array->capacity = capacity;
}

void
miost_event_array_clear(struct miost_event_array *array)
{
	array->len = 0;
}

/* Makes room for `extra` more events. */
static int
vec_grow(struct miost_event_vec *vec, size_t extra)
{
	struct miost_event *events;
	size_t capacity = vec->capacity + extra;

	if (extra > PTRDIFF_MAX / sizeof(*events) - vec->capacity)
		return -ENOMEM;
	events = realloc(vec->events, capacity * sizeof(*events));
	if (events == NULL)
		return -ENOMEM;
	vec->events = events;
	vec->capacity = capacity;
	return 0;
}

static ssize_t
vec_reserve(struct miost_sink *sink, size_t want, struct miost_event **slots)
{
	struct miost_event_vec *vec = (struct miost_event_vec *)sink;
	size_t room = vec->capacity - vec->len;

	if (room < want) {
		size_t extra = want - room;

		if (extra < vec->capacity)
			extra = vec->capacity;	/* at least double */
		if (vec_grow(vec, extra) == 0)
			room = vec->capacity - vec->len;
		else if (room == 0)
			return -ENOMEM;
	}
	*slots = vec->events + vec->len;
	return (ssize_t)(want < room ? want : room);
}

static void
vec_commit(struct miost_sink *sink, size_t n)
{
	((struct miost_event_vec *)sink)->len += n;
}

static const struct miost_sink_ops vec_ops = {
	.reserve = vec_reserve,
	.commit = vec_commit,
};

void
miost_event_vec_init(struct miost_event_vec *vec)
{
	vec->sink.ops = &vec_ops;
	vec->events = NULL;
	vec->len = 0;
	vec->capacity = 0;
}

int
miost_event_vec_reserve(struct miost_event_vec *vec, size_t capacity)
{
	if (capacity <= vec->capacity)
		return 0;
	return vec_grow(vec, capacity - vec->capacity);
}

void
miost_event_vec_clear(struct miost_event_vec *vec)
{
	vec->len = 0;
}

void
miost_event_vec_destroy(struct miost_event_vec *vec)
{
	free(vec->events);
	miost_event_vec_init(vec);
}
