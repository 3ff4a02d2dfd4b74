/* SPDX-License-Identifier: MIT */
/* miost_poll over sources and sinks of the test's own. */
#include <limits.h>

#include "util.h"

/* A source that gives `events` events and writes down how it was asked. */
struct probe {
	struct miost_source source;
	int events;
	int result;		/* returned in place of a count, if not 0 */
	int64_t max_timeout;
	int asked, polled, blocked;
	int64_t timeout;
};

static int64_t
probe_max_timeout(struct miost_source *source)
{
	struct probe *probe = (struct probe *)source;

	probe->asked++;
	return probe->max_timeout;
}

static int
give(struct probe *probe, struct miost_sink *sink)
{
	struct miost_event *slots;
	ssize_t n;

	if (probe->result != 0)
		return probe->result;
	if (probe->events == 0)
		return 0;
	n = sink->ops->reserve(sink, (size_t)probe->events, &slots);
	if (n <= 0)
		return (int)n;
	for (ssize_t i = 0; i < n; i++) {
		slots[i].id = (miost_id)probe;
		slots[i].readiness = MIOST_READABLE;
	}
	sink->ops->commit(sink, (size_t)n);
	probe->events -= (int)n;
	return (int)n;
}

static int
probe_poll(struct miost_source *source, struct miost_sink *sink)
{
	((struct probe *)source)->polled++;
	return give((struct probe *)source, sink);
}

static int
probe_blocking_poll(struct miost_source *source, struct miost_sink *sink,
		    int64_t timeout)
{
	struct probe *probe = (struct probe *)source;

	probe->blocked++;
	probe->timeout = timeout;
	return give(probe, sink);
}

static const struct miost_source_ops probe_ops = {
	.max_timeout = probe_max_timeout,
	.poll = probe_poll,
	.blocking_poll = probe_blocking_poll,
};

static const struct miost_source_ops plain_ops = {
	.poll = probe_poll,
};

static struct probe
make_probe(int events, int64_t max_timeout)
{
	return (struct probe){ .source.ops = &probe_ops, .events = events,
			       .max_timeout = max_timeout };
}

static int
poll_probes(struct probe *probes, size_t n, struct miost_sink *sink,
	    int64_t timeout)
{
	struct miost_source *sources[4];

	for (size_t i = 0; i < n; i++)
		sources[i] = &probes[i].source;
	return miost_poll(sources, n, sink, timeout);
}

static void
no_sources(void)
{
	struct miost_event_array full;

	miost_event_array_init(&full, NULL, 0);
	check_eq(miost_poll(NULL, 0, &full.sink, MIOST_FOREVER), 0);
}

static void
order(void)
{
	struct probe probes[3] = { make_probe(2, -1), make_probe(3, -1),
				   make_probe(1, -1) };
	struct miost_event storage[10];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 10);
	check_eq(poll_probes(probes, 3, &array.sink, 5), 6);
	check_eq(array.len, 6);
	for (int i = 0; i < 6; i++)
		check_eq(storage[i].id,
			 (miost_id)&probes[i < 2 ? 0 : i < 5 ? 1 : 2]);
	check_eq(probes[0].blocked, 1);
	check_eq(probes[0].polled, 0);
	for (int i = 1; i < 3; i++) {
		check_eq(probes[i].blocked, 0);
		check_eq(probes[i].polled, 1);
	}
}

static void
timeouts(void)
{
	static const struct {
		int64_t timeout, first, second, waited;
	} cases[] = {
		{ -1, -1, -1, -1 },	{ 100, -1, -1, 100 },
		{ -1, 50, -1, 50 },	{ -1, -1, 50, 50 },
		{ 100, 50, 70, 50 },	{ 100, 70, 50, 50 },
		{ 40, 70, 50, 40 },	{ -1, 0, 50, 0 },
		{ -1, 50, 0, 0 },	{ INT64_MIN, -1, 9, 9 },
		{ 5, INT64_MIN, -7, 5 }, { INT64_MAX, -1, -1, INT64_MAX },
	};
	struct miost_event storage[1];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe probes[2] = { make_probe(0, cases[i].first),
					   make_probe(0, cases[i].second) };

		check_eq(poll_probes(probes, 2, &array.sink,
				     cases[i].timeout), 0);
		check_eq(probes[0].timeout, cases[i].waited);
	}
}

static void
no_wait(void)
{
	struct probe probes[2] = { make_probe(0, 5), make_probe(0, 5) };
	struct miost_event storage[1];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 1);
	check_eq(poll_probes(probes, 2, &array.sink, 0), 0);
	check_eq(probes[0].timeout, 0);
	check_eq(probes[0].asked + probes[1].asked, 0);
}

static void
optional_ops(void)
{
	struct probe probes[2] = { make_probe(1, 0), make_probe(1, 0) };
	struct miost_event storage[2];
	struct miost_event_array array;

	probes[0].source.ops = &plain_ops;
	probes[1].source.ops = &plain_ops;
	miost_event_array_init(&array, storage, 2);
	check_eq(poll_probes(probes, 2, &array.sink, MIOST_FOREVER), 2);
	check_eq(probes[0].polled, 1);
	check_eq(probes[1].polled, 1);
}

static void
full_sink(void)
{
	struct probe probe = make_probe(1, 0);
	struct miost_event storage[1];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 1);
	check_eq(poll_probes(&probe, 1, &array.sink, 0), 1);
	probe.events = 1;
	check_eq(poll_probes(&probe, 1, &array.sink, 0), -ENOBUFS);
	check_eq(probe.events, 1);
	check_eq(probe.blocked, 1);
	check_eq(array.len, 1);
	miost_event_array_clear(&array);
	check_eq(poll_probes(&probe, 1, &array.sink, 0), 1);
}

static void
filled_on_the_way(void)
{
	struct probe probes[3] = { make_probe(3, 0), make_probe(2, 0),
				   make_probe(1, 0) };
	struct miost_event storage[4];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 4);
	check_eq(poll_probes(probes, 3, &array.sink, 0), 4);
	check_eq(probes[1].events, 1);
	check_eq(probes[2].events, 1);
	miost_event_array_clear(&array);
	check_eq(poll_probes(probes, 3, &array.sink, 0), 2);
}

static void
errors(void)
{
	struct miost_event storage[9];
	struct miost_event_array array;

	for (int failing = 0; failing < 3; failing++) {
		struct probe probes[3] = { make_probe(1, 0), make_probe(1, 0),
					   make_probe(1, 0) };

		miost_event_array_init(&array, storage, 9);
		probes[failing].result = -123456;
		check_eq(poll_probes(probes, 3, &array.sink, 0), -123456);
		check_eq(array.len, failing);
		for (int i = failing + 1; i < 3; i++)
			check_eq(probes[i].polled, 0);
		probes[failing].result = 0;
		check_eq(poll_probes(probes, 3, &array.sink, 0), 3 - failing);
	}
}

/* Into an array: an error that comes after events is not returned. */
static void
into_an_array(void)
{
	struct miost_source *sources[3];
	struct miost_event events[4];

	for (int failing = 0; failing < 3; failing++) {
		struct probe probes[3] = { make_probe(1, 0), make_probe(1, 0),
					   make_probe(2, 0) };
		int before = failing;

		for (int i = 0; i < 3; i++)
			sources[i] = &probes[i].source;
		probes[failing].result = -123456;
		check_eq(miost_poll_events(sources, 3, events, 4, 0),
			 before > 0 ? before : -123456);
		for (int i = 0; i < before; i++)
			check_eq(events[i].id, (miost_id)sources[i]);
		/* It is said again when nothing comes before it. */
		check_eq(miost_poll_events(sources, 3, events, 4, 0), -123456);
		probes[failing].result = 0;
		check_eq(miost_poll_events(sources, 3, events, 4,
					   MIOST_FOREVER), 4 - before);
		check_eq(probes[0].timeout, 0);
	}
}

static void
array_bounds(void)
{
	struct probe probes[2] = { make_probe(3, -1), make_probe(3, -1) };
	struct miost_source *sources[2] = { &probes[0].source,
					    &probes[1].source };
	struct miost_event events[5];

	events[4].id = 77;
	check_eq(miost_poll_events(sources, 2, NULL, 0, MIOST_FOREVER),
		 -ENOBUFS);
	check_eq(probes[0].blocked, 0);
	check_eq(miost_poll_events(NULL, 0, NULL, 0, MIOST_FOREVER), 0);
	check_eq(miost_poll_events(sources, 2, events, 4, 5), 4);
	check_eq(probes[0].timeout, 5);
	check_eq(events[4].id, 77);
	check_eq(miost_poll_events(sources, 2, events, 4, 0), 2);
	check_eq(events[0].id, (miost_id)&probes[1]);
}

/* How long a loop of another's may sleep. */
static void
how_long(void)
{
	static const struct {
		int64_t first, second, all;
	} cases[] = {
		{ -1, -1, MIOST_FOREVER },
		{ -1, 5, 5 },
		{ 5, -1, 5 },
		{ 7, 5, 5 },
		{ 5, 7, 5 },
		{ 0, 7, 0 },
		{ 7, 0, 0 },
		{ INT64_MAX, -1, INT64_MAX },
	};
	struct miost_source plain = { &plain_ops };
	struct miost_source *sources[3];

	check_eq(miost_max_timeout(NULL, 0), MIOST_FOREVER);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct probe probes[2] = { make_probe(1, cases[i].first),
					   make_probe(1, cases[i].second) };

		sources[0] = &plain;
		sources[1] = &probes[0].source;
		sources[2] = &probes[1].source;
		check_eq(miost_max_timeout(sources, 3), cases[i].all);
		check_eq(miost_max_timeout(sources, 1), MIOST_FOREVER);
		check_eq(probes[0].polled + probes[0].blocked, 0);
	}
}

static ssize_t
broken_reserve(struct miost_sink *sink, size_t want,
	       struct miost_event **slots)
{
	(void)sink, (void)want, (void)slots;
	return -ENOMEM;
}

static void
broken_sink(void)
{
	static const struct miost_sink_ops ops = { .reserve = broken_reserve };
	struct miost_sink sink = { &ops };
	struct probe probe = make_probe(1, 0);

	check_eq(poll_probes(&probe, 1, &sink, 0), -ENOMEM);
	check_eq(probe.blocked, 0);
}

static void
many(void)
{
	struct probe probes[3] = { make_probe(0, 0), make_probe(0, 0),
				   make_probe(0, 0) };
	struct miost_event storage[1];
	struct miost_event_array array;

	miost_event_array_init(&array, storage, 1);
	for (int i = 0; i < 3; i++)
		probes[i].result = INT_MAX;
	check_eq(poll_probes(probes, 3, &array.sink, 0), INT_MAX);
}

/* Commits as many as it is asked for, without a look at the memory. */
static int
blind_poll(struct miost_source *source, struct miost_sink *sink)
{
	struct probe *probe = (struct probe *)source;
	struct miost_event *slots;

	if (probe->result != 0)
		return probe->result;
	check_eq(sink->ops->reserve(sink, (size_t)probe->events, &slots),
		 probe->events);
	sink->ops->commit(sink, (size_t)probe->events);
	return probe->events;
}

/* More than the count can say, in an array that nobody has. */
static void
too_many_for_a_count(void)
{
	static const struct miost_source_ops ops = { .poll = blind_poll };
	struct probe probes[3] = { make_probe(INT_MAX, -1),
				   make_probe(1, -1), make_probe(0, -1) };
	struct miost_source *sources[3];

	for (int i = 0; i < 3; i++) {
		probes[i].source.ops = &ops;
		sources[i] = &probes[i].source;
	}
	probes[2].result = -123456;
	check_eq(miost_poll_events(sources, 3, NULL, SIZE_MAX, 0), INT_MAX);
	check_eq(miost_poll_events(sources, 2, NULL, SIZE_MAX, 0), INT_MAX);
}

/* A scheduler: it acts on events as they are committed. */
struct acting {
	struct miost_sink sink;
	struct miost_event slots[300];
	int reserves, commits;
	size_t want;
	struct miost_queue *queue;
	struct miost_timers *timers;
	miost_timer cancelled;
	size_t seen;
};

static ssize_t
acting_reserve(struct miost_sink *sink, size_t want,
	       struct miost_event **slots)
{
	struct acting *acting = (struct acting *)sink;

	acting->reserves++;
	acting->want = want;
	*slots = acting->slots;
	return (ssize_t)(want < 300 ? want : 300);
}

static void
acting_commit(struct miost_sink *sink, size_t n)
{
	struct acting *acting = (struct acting *)sink;
	struct miost_event event = event_of(7, MIOST_READABLE);

	acting->commits++;
	for (size_t i = 0; i < n && acting->seen < 100; i++, acting->seen++) {
		/* Enough of them for both to grow. */
		check_eq(miost_queue_add(acting->queue, event), 0);
		check_eq(miost_timers_add_deadline(acting->timers, 7, 7,
						   NULL), 0);
	}
	miost_timers_cancel(acting->timers, acting->cancelled);
}

static const struct miost_sink_ops acting_ops = { acting_reserve,
						  acting_commit };

static void
acts_in_commit(void)
{
	struct acting acting = { .sink = { &acting_ops } };
	struct miost_source *sources[2];

	check_eq(miost_queue_new(&acting.queue), 0);
	check_eq(miost_timers_new(&acting.timers), 0);
	sources[0] = miost_queue_source(acting.queue);
	sources[1] = miost_timers_source(acting.timers);
	check_eq(miost_queue_add(acting.queue, event_of(7, 0)),
		 0);
	check_eq(miost_timers_add_deadline(acting.timers, 8, 1, NULL), 0);
	check_eq(miost_timers_add_deadline(acting.timers, 9, INT64_MAX,
					   &acting.cancelled), 0);
	while (miost_poll(sources, 2, &acting.sink, 0) > 0)
		;
	check_eq(acting.seen, 100);
	check_eq(miost_queue_len(acting.queue), 0);
	check_eq(miost_timers_len(acting.timers), 0);
	miost_queue_free(acting.queue);
	miost_timers_free(acting.timers);
}

/* How each source asks: once, and for no more than it could fill. */
static void
asks_once(void)
{
	struct acting acting = { .sink = { &acting_ops }, .seen = 100 };
	struct miost_os_queue *os_queue;
	struct miost_source *source;

	check_eq(miost_timers_new(&acting.timers), 0);
	for (miost_id id = 0; id < 5; id++)
		check_eq(miost_timers_add_deadline(acting.timers, id, 1,
						   NULL), 0);
	check_eq(miost_timers_add_deadline(acting.timers, 5, INT64_MAX, NULL),
		 0);
	source = miost_timers_source(acting.timers);
	check_eq(source->ops->poll(source, &acting.sink), 5);
	check_eq(acting.reserves, 1);
	check_eq(acting.want, 5);
	check_eq(acting.commits, 1);
	check_eq(source->ops->poll(source, &acting.sink), 0);
	check_eq(acting.commits, 1);

	acting.reserves = 0;
	check_eq(miost_os_queue_new(&os_queue), 0);
	source = miost_os_queue_source(os_queue);
	check_eq(source->ops->poll(source, &acting.sink), 0);
	check_eq(source->ops->blocking_poll(source, &acting.sink, 0), 0);
	check_eq(acting.reserves, 2);
	check_eq(acting.want, 256);
	check_eq(acting.commits, 1);
	miost_os_queue_free(os_queue);
	miost_timers_free(acting.timers);
}

static const struct tap_test tests[] = {
	{ "no sources: 0 at once, the sink unasked", no_sources },
	{ "the first waits, the others follow in order", order },
	{ "the shortest timeout is waited for", timeouts },
	{ "a timeout of 0 asks nobody how long to wait", no_wait },
	{ "operations that may be NULL", optional_ops },
	{ "a sink full from the start: -ENOBUFS, nothing taken", full_sink },
	{ "a sink filled on the way: the rest comes later",
	  filled_on_the_way },
	{ "the first error ends it, and earlier events stay", errors },
	{ "into an array: events before an error are returned",
	  into_an_array },
	{ "into an array: no more than there is room for", array_bounds },
	{ "the shortest time that all sources allow", how_long },
	{ "a sink's error is passed on", broken_sink },
	{ "the count does not overflow", many },
	{ "nor into an array", too_many_for_a_count },
	{ "a sink that adds and cancels as it commits", acts_in_commit },
	{ "every source asks once, for what it could fill", asks_once },
};

TAP_MAIN(tests)
