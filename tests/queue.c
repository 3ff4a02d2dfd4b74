/* SPDX-License-Identifier: MIT */
/* The user-space queue. */
#include "util.h"

static struct miost_queue *
make_queue(void)
{
	struct miost_queue *queue;

	check_ok(miost_queue_new(&queue));
	return queue;
}

static void
add(struct miost_queue *queue, miost_id id)
{
	check_ok(miost_queue_add(queue, event_of(id, (miost_ready)id)));
}

static int
poll_queue(struct miost_queue *queue, struct miost_sink *sink)
{
	struct miost_source *source = miost_queue_source(queue);

	return miost_poll(&source, 1, sink, 0);
}

static int
poll_events(struct miost_queue *queue, struct miost_event *events, size_t n)
{
	struct miost_source *source = miost_queue_source(queue);

	return miost_poll_events(&source, 1, events, n, 0);
}

static void
fifo(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_event_vec vec;

	miost_event_vec_init(&vec);
	check_eq(poll_queue(queue, &vec.sink), 0);
	for (miost_id id = 0; id < 5000; id++)
		add(queue, id);
	check_eq(miost_queue_len(queue), 5000);
	check_eq(poll_queue(queue, &vec.sink), 5000);
	check_eq(miost_queue_len(queue), 0);
	for (miost_id id = 0; id < 5000; id++) {
		check_eq(vec.events[id].id, id);
		check_eq(vec.events[id].readiness, id);
	}
	check_eq(poll_queue(queue, &vec.sink), 0);
	miost_event_vec_destroy(&vec);
	miost_queue_free(queue);
}

/* Adds and takes at different paces, so that the ring wraps and grows. */
static void
wraps(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_event storage[100];
	struct miost_event_array array;
	miost_id added = 0, taken = 0;

	miost_event_array_init(&array, storage, 100);
	for (size_t round = 1; round < 400; round++) {
		for (size_t i = 0; i < round % 150; i++)
			add(queue, added++);
		array.capacity = round * 7 % 100 + 1;
		miost_event_array_clear(&array);
		check(poll_queue(queue, &array.sink) >= 0);
		for (size_t i = 0; i < array.len; i++)
			check_eq(storage[i].id, taken++);
		check_eq(miost_queue_len(queue), added - taken);
	}
	check(taken > 1000);
	miost_queue_free(queue);
}

static void
capacities(void)
{
	static const size_t capacities[] = { 0, 1, 100 };

	for (int i = 0; i < 3; i++) {
		struct miost_queue *queue = make_queue();
		struct miost_event storage[100];
		struct miost_event_array array;
		size_t capacity = capacities[i];

		for (miost_id id = 0; id < 150; id++)
			add(queue, id);
		miost_event_array_init(&array, storage, capacity);
		check_eq(poll_queue(queue, &array.sink),
			 capacity > 0 ? (int)capacity : -ENOBUFS);
		check_eq(miost_queue_len(queue), 150 - capacity);
		if (capacity > 0)
			check_eq(storage[capacity - 1].id, capacity - 1);
		miost_queue_free(queue);
	}
}

static void
does_not_wait(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_os_queue *os_queue;
	struct miost_source *sources[2];
	struct miost_event storage[4];
	struct miost_event_array array;

	check_ok(miost_os_queue_new(&os_queue));
	sources[0] = miost_os_queue_source(os_queue);
	sources[1] = miost_queue_source(queue);
	miost_event_array_init(&array, storage, 4);
	add(queue, 7);
	/* Would wait without end if the queue did not say that it has one. */
	check_eq(miost_poll(sources, 2, &array.sink, MIOST_FOREVER), 1);
	check_eq(storage[0].id, 7);
	miost_os_queue_free(os_queue);
	miost_queue_free(queue);
}

/* A sink that counts how often it is asked, and for how much. */
struct counting {
	struct miost_sink sink;
	struct miost_event events[8];
	int reserves, commits;
	size_t want;
};

static ssize_t
count_reserve(struct miost_sink *sink, size_t want,
	      struct miost_event **slots)
{
	struct counting *counting = (struct counting *)sink;

	counting->reserves++;
	counting->want = want;
	*slots = counting->events;
	return (ssize_t)(want < 8 ? want : 8);
}

static void
count_commit(struct miost_sink *sink, size_t n)
{
	(void)n;
	((struct counting *)sink)->commits++;
}

/* Only what waits keeps a poll from waiting: a loop must not spin. */
static void
empty_waits(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_source *source = miost_queue_source(queue);
	struct miost_event event;

	for (int round = 0; round < 20; round++) {
		check_eq(miost_max_timeout(&source, 1), MIOST_FOREVER);
		add(queue, 1);
		check_eq(miost_max_timeout(&source, 1), 0);
		check_eq(poll_events(queue, &event, 1), 1);
		check_eq(miost_max_timeout(&source, 1), MIOST_FOREVER);
		add(queue, 2);
		check_eq(miost_queue_remove(queue, 2), 1);
	}
	miost_queue_free(queue);
}

/* A sink that has room for one event once, and then no more, or fails. */
struct closing {
	struct miost_sink sink;
	struct miost_event event;
	int reserves, commits;
	ssize_t then;
};

static ssize_t
closing_reserve(struct miost_sink *sink, size_t want,
		struct miost_event **slots)
{
	struct closing *closing = (struct closing *)sink;

	(void)want;
	if (closing->reserves++ > 0)
		return closing->then;
	*slots = &closing->event;
	return 1;
}

static void
closing_commit(struct miost_sink *sink, size_t n)
{
	(void)n;
	((struct closing *)sink)->commits++;
}

static void
closing_sink(void)
{
	static const struct miost_sink_ops ops = { closing_reserve,
						   closing_commit };

	for (int i = 0; i < 2; i++) {
		struct closing closing = { .sink = { &ops },
					   .then = i ? -ENOMEM : 0 };
		struct miost_queue *queue = make_queue();
		struct miost_event events[3];

		add(queue, 1);
		add(queue, 2);
		check_eq(poll_queue(queue, &closing.sink), i ? -ENOMEM : 0);
		check_eq(closing.reserves, 2);
		check_eq(closing.commits, 0);
		check_eq(miost_queue_len(queue), 2);
		check_eq(poll_events(queue, events, 3), 2);
		check_eq(events[0].id, 1);
		check_eq(events[1].id, 2);
		/* Nothing to give: the sink is asked by the poll alone. */
		closing.reserves = 0;
		check_eq(poll_queue(queue, &closing.sink), 0);
		check_eq(closing.reserves, 1);
		check_eq(closing.commits, 0);
		miost_queue_free(queue);
	}
}

static void
asks_once(void)
{
	static const struct miost_sink_ops ops = { count_reserve,
						   count_commit };
	struct counting counting = { .sink = { &ops } };
	struct miost_queue *queue = make_queue();
	struct miost_source *source = miost_queue_source(queue);

	check_eq(source->ops->poll(source, &counting.sink), 0);
	check_eq(counting.commits, 0);
	for (miost_id id = 0; id < 5; id++)
		add(queue, id);
	counting.reserves = 0;
	check_eq(source->ops->poll(source, &counting.sink), 5);
	check_eq(counting.reserves, 1);
	check_eq(counting.want, 5);
	check_eq(counting.commits, 1);
	miost_queue_free(queue);
}

/* Removed from every place of a ring that has wrapped; the rest in order. */
static void
remove_id(void)
{
	for (miost_id shift = 0; shift < 17; shift++) {
		struct miost_queue *queue = make_queue();
		struct miost_event events[20];

		check_eq(miost_queue_remove(queue, 1), 0);
		for (miost_id i = 0; i < shift; i++)
			add(queue, 99);
		check_eq(miost_queue_remove(queue, 99), shift);
		check_eq(miost_queue_len(queue), 0);
		for (miost_id i = 0; i < shift; i++)
			add(queue, 99);
		check_eq(poll_events(queue, events, 20), shift);
		for (miost_id i = 0; i < 16; i++)
			add(queue, i % 4);
		check_eq(miost_queue_remove(queue, 4), 0);
		check_eq(miost_queue_remove(queue, 1), 4);
		check_eq(miost_queue_remove(queue, 1), 0);
		check_eq(miost_queue_remove(queue, 3), 4);
		check_eq(miost_queue_len(queue), 8);
		add(queue, 7);
		check_eq(poll_events(queue, events, 20), 9);
		for (int i = 0; i < 8; i++)
			check_eq(events[i].id, i % 2 * 2);
		check_eq(events[8].id, 7);
		check_eq(miost_queue_len(queue), 0);
		miost_queue_free(queue);
	}
}

/* What the caller left in it is not passed on. */
static void
reserved(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_event event = event_of(1, 2);

	event.reserved = 3;
	check_ok(miost_queue_add(queue, event));
	check_eq(poll_events(queue, &event, 1), 1);
	check_eq(event.reserved, 0);
	miost_queue_free(queue);
}

/* Every readiness comes back, and what is the program's own above all. */
static void
own_bits(void)
{
	struct miost_queue *queue = make_queue();
	struct miost_event event;

	for (int i = 0; i < 32; i++) {
		miost_ready ready = (miost_ready)1 << i;

		check_ok(miost_queue_add(queue, event_of(1, ready)));
		check_eq(poll_events(queue, &event, 1), 1);
		check_eq(event.readiness, ready);
	}
	check_ok(miost_queue_add(queue, event_of(1, 0xff000000 |
						    MIOST_READABLE)));
	check_eq(poll_events(queue, &event, 1), 1);
	check_eq(event.readiness, 0xff000000 | MIOST_READABLE);
	miost_queue_free(queue);
}

static void
freed_full(void)
{
	struct miost_queue *queue = make_queue();

	add(queue, 1);
	miost_queue_free(queue);
	miost_queue_free(NULL);
}

static const struct tap_test tests[] = {
	{ "first in, first out", fifo },
	{ "the ring wraps and grows", wraps },
	{ "sinks of 0, 1 and 100: the rest stays", capacities },
	{ "a queued event keeps the poll from waiting", does_not_wait },
	{ "an empty queue lets the poll wait", empty_waits },
	{ "a sink that closes before it is given anything", closing_sink },
	{ "the sink is asked once, for what there is", asks_once },
	{ "remove takes all events of an id, from any place", remove_id },
	{ "the reserved bytes are 0", reserved },
	{ "every bit comes back, known or not", own_bits },
	{ "free takes events that are left, and NULL", freed_full },
};

TAP_MAIN(tests)
