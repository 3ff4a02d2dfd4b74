/* SPDX-License-Identifier: MIT */
/*
 * Failures of memory: every allocation of the library fails in turn, and
 * nothing may be leaked, lost or half done.
 */
#include <limits.h>
#include <stdint.h>

#include "config.h"

#include "fault_calls.h"

static void
no_memory_for_objects(void)
{
	struct miost_os_queue *os_queue;
	struct miost_queue *queue;
	struct miost_timers *timers;
	struct miost_event_vec vec;

	fail(MALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_os_queue_new(&os_queue), -ENOMEM);
	check_eq(faults.count[EPOLL_CREATE], 0);
	fail(CALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_queue_new(&queue), -ENOMEM);
	check_eq(miost_timers_new(&timers), -ENOMEM);
	fail(REALLOC, 1, INT_MAX, ENOMEM);
	miost_event_vec_init(&vec);
	check_eq(miost_event_vec_reserve(&vec, 10), -ENOMEM);
	reset_faults();
}

static void
no_queue_of_the_system(void)
{
	struct miost_os_queue *queue;

	/* The sanitizers and valgrind see that the memory was freed. */
	fail(on_epoll() ? EPOLL_CREATE : KQUEUE, 1, 1, EMFILE);
	check_eq(miost_os_queue_new(&queue), -EMFILE);
	check_eq(faults.count[MALLOC], 1);
	reset_faults();
}

/* Adds events until the `nth` growth fails; what was queued stays. */
static void
queue_cannot_grow(void)
{
	for (int nth = 1; nth <= 5; nth++) {
		struct miost_source *source;
		struct miost_queue *queue;
		struct miost_event_vec vec;
		miost_id added = 0;
		int err;

		check_ok(miost_queue_new(&queue));
		source = miost_queue_source(queue);
		miost_event_vec_init(&vec);
		fail(REALLOC, nth, INT_MAX, ENOMEM);
		while ((err = miost_queue_add(queue, event_of(added, 0))) == 0)
			added++;
		check_eq(err, -ENOMEM);
		check_eq(miost_queue_len(queue), added);
		check_eq(miost_queue_add(queue, event_of(0, 0)),
			 -ENOMEM);
		/* Nor can the sink grow: nothing is taken. */
		if (added > 0)
			check_eq(miost_poll(&source, 1, &vec.sink, 0),
				 -ENOMEM);
		check_eq(miost_queue_len(queue), added);
		reset_faults();
		check_ok(miost_queue_add(queue, event_of(added++, 0)));
		check_eq(miost_poll(&source, 1, &vec.sink, 0), added);
		for (miost_id id = 0; id < added; id++)
			check_eq(vec.events[id].id, id);
		miost_event_vec_destroy(&vec);
		miost_queue_free(queue);
	}
}

static void
timers_cannot_grow(void)
{
	/* Two allocations for each growth: either may fail. */
	for (int nth = 1; nth <= 12; nth++) {
		struct miost_source *source;
		struct miost_timers *timers;
		struct miost_event_vec vec;
		miost_timer key, before = 1234;
		miost_id added = 0;
		int err;

		check_ok(miost_timers_new(&timers));
		source = miost_timers_source(timers);
		miost_event_vec_init(&vec);
		fail(REALLOC, nth, INT_MAX, ENOMEM);
		for (;;) {
			key = before;
			err = miost_timers_add_deadline(timers, added,
							(int64_t)added, &key);
			if (err < 0)
				break;
			check(key != before);
			added++;
		}
		check_eq(err, -ENOMEM);
		check_eq(key, before);
		check_eq(miost_timers_len(timers), added);
		check_eq(miost_timers_reserve(timers, 100000), -ENOMEM);
		if (added > 0)
			check_eq(miost_poll(&source, 1, &vec.sink, 0),
				 -ENOMEM);
		check_eq(miost_timers_len(timers), added);
		reset_faults();
		check_ok(miost_timers_add_deadline(timers, added,
						   (int64_t)added, NULL));
		added++;
		check_eq(miost_poll(&source, 1, &vec.sink, 0), added);
		for (miost_id id = 0; id < added; id++)
			check_eq(vec.events[id].id, id);
		miost_event_vec_destroy(&vec);
		miost_timers_free(timers);
	}
}

/* What is reserved is not reserved again. */
static void
timers_reserved_twice(void)
{
	struct miost_timers *timers;

	check_ok(miost_timers_new(&timers));
	for (size_t n = 1; n < 1000; n++) {
		reset_faults();
		check_ok(miost_timers_reserve(timers, n));
		fail(MALLOC, 1, INT_MAX, ENOMEM);
		check_ok(miost_timers_reserve(timers, n));
	}
	reset_faults();
	miost_timers_free(timers);
}

/* With room reserved no add fails, whatever was cancelled in between. */
static void
timers_reserved(void)
{
	enum { LIVE = 500 };
	miost_timer keys[LIVE];
	struct miost_timers *timers;

	check_ok(miost_timers_new(&timers));
	check_ok(miost_timers_reserve(timers, LIVE));
	fail(REALLOC, 1, INT_MAX, ENOMEM);
	for (unsigned int i = 0; i < LIVE; i++)
		check_ok(miost_timers_add_deadline(timers, i, i, &keys[i]));
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int k = i * 7919 % LIVE;

		check_ok(miost_timers_cancel(timers, keys[k]));
		check_ok(miost_timers_add_deadline(timers, i, i, &keys[k]));
	}
	check_eq(miost_timers_len(timers), LIVE);
	check_eq(faults.count[REALLOC], 0);
	reset_faults();
	miost_timers_free(timers);
}

/* Growing by doubling, a vec is moved seldom. */
static void
vec_doubles(void)
{
	struct miost_source *source;
	struct miost_queue *queue;
	struct miost_event_vec vec;

	check_ok(miost_queue_new(&queue));
	source = miost_queue_source(queue);
	miost_event_vec_init(&vec);
	for (miost_id id = 0; id < 4096; id++) {
		reset_faults();
		check_ok(miost_queue_add(queue, event_of(id, 0)));
		check_eq(source->ops->poll(source, &vec.sink), 1);
		check(faults.count[REALLOC] == 0 || vec.capacity >= id * 2);
	}
	reset_faults();
	miost_event_vec_destroy(&vec);
	miost_queue_free(queue);
}

/* A sink that cannot grow leaves the events of the system's queue there. */
static void
os_events_stay(void)
{
	struct miost_os_queue *queue;
	struct miost_source *source;
	struct miost_event_vec vec;
	int fds[2];

	make_pair(fds);
	check_ok(miost_os_queue_new(&queue));
	source = miost_os_queue_source(queue);
	check_ok(miost_os_queue_register(queue, fds[0], 4, MIOST_WRITABLE,
					 MIOST_EDGE));
	miost_event_vec_init(&vec);
	fail(REALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_poll(&source, 1, &vec.sink, 0), -ENOMEM);
	check_eq(faults.count[EPOLL_WAIT], 0);
	reset_faults();
	check_eq(miost_poll(&source, 1, &vec.sink, 0), 1);
	check_eq(vec.events[0].id, 4);
	miost_event_vec_destroy(&vec);
	miost_os_queue_free(queue);
	close_pair(fds);
}

static const struct tap_test tests[] = {
	{ "no memory for an object: -ENOMEM", no_memory_for_objects },
	{ "no queue to be had: the error, and no memory kept",
	  no_queue_of_the_system },
	{ "a queue that cannot grow keeps its events", queue_cannot_grow },
	{ "timers that cannot grow keep theirs", timers_cannot_grow },
	{ "room that is reserved once more", timers_reserved_twice },
	{ "with room reserved no add fails", timers_reserved },
	{ "a vec doubles", vec_doubles },
	{ "a sink that cannot grow leaves events in the system's queue",
	  os_events_stay },
};

TAP_MAIN(tests)
