/* SPDX-License-Identifier: MIT */
/* The ready-made sinks. */
#include <errno.h>

#include <miost/event.h>

#include "tap.h"

static ssize_t
reserve(struct miost_sink *sink, size_t want, struct miost_event **slots)
{
	return sink->ops->reserve(sink, want, slots);
}

/* Adds events numbered from `first`, as a source does. */
static void
fill(struct miost_sink *sink, size_t n, miost_id first)
{
	struct miost_event *slots;

	check_eq(reserve(sink, n, &slots), n);
	for (size_t i = 0; i < n; i++)
		slots[i] = (struct miost_event){ .id = first + i };
	sink->ops->commit(sink, n);
}

static void
array(void)
{
	struct miost_event storage[4], *slots;
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 4);
	check_eq(array.len, 0);
	check_eq(reserve(&array.sink, 100, &slots), 4);
	check(slots == storage);
	check_eq(array.len, 0);
	fill(&array.sink, 3, 10);
	check_eq(array.len, 3);
	check_eq(reserve(&array.sink, 1, &slots), 1);
	check(slots == storage + 3);
	check_eq(reserve(&array.sink, 9, &slots), 1);
	fill(&array.sink, 1, 13);
	check_eq(reserve(&array.sink, 1, &slots), 0);
	for (miost_id i = 0; i < 4; i++)
		check_eq(array.events[i].id, 10 + i);

	miost_event_array_clear(&array);
	check_eq(array.len, 0);
	check_eq(reserve(&array.sink, SIZE_MAX, &slots), 4);
}

static void
empty_array(void)
{
	struct miost_event_array array;
	struct miost_event *slots;

	miost_event_array_init(&array, NULL, 0);
	check_eq(reserve(&array.sink, 1, &slots), 0);
}

static void
vec_grows(void)
{
	struct miost_event_vec vec;

	miost_event_vec_init(&vec);
	check(vec.events == NULL);
	check_eq(vec.capacity, 0);
	for (miost_id i = 0; i < 1000; i++)
		fill(&vec.sink, 1, i);
	fill(&vec.sink, 5000, 1000);
	check_eq(vec.len, 6000);
	for (miost_id i = 0; i < 6000; i++)
		check_eq(vec.events[i].id, i);
	miost_event_vec_destroy(&vec);
	check(vec.events == NULL);
	check_eq(vec.len, 0);
	fill(&vec.sink, 2, 0);
	miost_event_vec_destroy(&vec);
}

static void
vec_reserve(void)
{
	struct miost_event_vec vec;
	struct miost_event *before;

	miost_event_vec_init(&vec);
	check_eq(miost_event_vec_reserve(&vec, 0), 0);
	check_eq(miost_event_vec_reserve(&vec, 10), 0);
	check_eq(vec.capacity, 10);
	before = vec.events;
	fill(&vec.sink, 6, 0);
	fill(&vec.sink, 4, 6);
	check(vec.events == before);
	check_eq(miost_event_vec_reserve(&vec, 3), 0);
	check_eq(vec.capacity, 10);
	miost_event_vec_clear(&vec);
	check_eq(vec.len, 0);
	fill(&vec.sink, 10, 0);
	check(vec.events == before);
	miost_event_vec_destroy(&vec);
}

static void
vec_too_large(void)
{
	struct miost_event_vec vec;
	struct miost_event *slots;

	miost_event_vec_init(&vec);
	check_eq(miost_event_vec_reserve(&vec, SIZE_MAX), -ENOMEM);
	check_eq(miost_event_vec_reserve(&vec, SIZE_MAX / sizeof(*slots)),
		 -ENOMEM);
	check_eq(reserve(&vec.sink, SIZE_MAX, &slots), -ENOMEM);
	check_eq(miost_event_vec_reserve(&vec, 3), 0);
	fill(&vec.sink, 2, 5);
	check_eq(miost_event_vec_reserve(&vec, SIZE_MAX), -ENOMEM);
	check_eq(reserve(&vec.sink, SIZE_MAX, &slots), 1);
	check(slots == vec.events + 2);
	check_eq(vec.events[1].id, 6);
	fill(&vec.sink, 1, 7);
	check_eq(reserve(&vec.sink, SIZE_MAX - 2, &slots), -ENOMEM);
	check_eq(vec.len, 3);
	check_eq(vec.events[2].id, 7);
	miost_event_vec_destroy(&vec);
}

static const struct tap_test tests[] = {
	{ "an array takes what it has room for", array },
	{ "an array of nothing is full", empty_array },
	{ "a vec grows, keeps, and is used again after destroy", vec_grows },
	{ "a vec with room reserved stays where it is", vec_reserve },
	{ "a vec that cannot grow gives what it has, then -ENOMEM",
	  vec_too_large },
};

TAP_MAIN(tests)
