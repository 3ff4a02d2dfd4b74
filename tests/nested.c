/* SPDX-License-Identifier: MIT */
/*
 * The source of the nested example, as the manual wants a source to be: what it
 * says of its time, full sinks, errors, and whose events are whose.
 */
#include "util.h"

int example_main(void);

#define main example_main
#include "../examples/nested.c"
#undef main

enum { OUTER_A = 7, OUTER_B, SAME = 1 };

struct counter {
	struct part part;
	int events;
	int result;
};

static int
count(struct part *part, struct miost_event event)
{
	struct counter *counter = (struct counter *)part;

	check_eq(event.id, SAME);
	counter->events++;
	return counter->result;
}

/* An outer queue with two parts, which have a pipe each, under the same id. */
struct fixture {
	struct miost_os_queue *queue;
	struct counter a, b;
	int to_a[2], to_b[2];
	struct miost_source *sources[3];
};

static void
add(struct fixture *f, struct counter *counter, miost_id id, int fds[2])
{
	counter->events = counter->result = 0;
	check_ok(part_init(&counter->part, f->queue, id, count));
	check_ok(miost_pipe(fds));
	check_ok(miost_os_queue_register(counter->part.queue, fds[0], SAME,
					 MIOST_READABLE, MIOST_LEVEL));
}

static void
open_fixture(struct fixture *f)
{
	check_ok(miost_os_queue_new(&f->queue));
	add(f, &f->a, OUTER_A, f->to_a);
	add(f, &f->b, OUTER_B, f->to_b);
	f->sources[0] = miost_os_queue_source(f->queue);
	f->sources[1] = &f->a.part.source;
	f->sources[2] = &f->b.part.source;
}

static void
close_fixture(struct fixture *f)
{
	part_destroy(&f->a.part);
	part_destroy(&f->b.part);
	miost_os_queue_free(f->queue);
	for (int i = 0; i < 2; i++) {
		close(f->to_a[i]);
		close(f->to_b[i]);
	}
}

static void
due(struct part *part, int64_t timeout)
{
	check_ok(miost_timers_add_timeout(part->timers, SAME, timeout, NULL));
}

static void
put(int fd)
{
	check_eq(miost_pipe_write(fd, "x", 1), 1);
}

static void
tells_its_time(void)
{
	struct miost_source *source;
	struct fixture f;
	int64_t span;

	open_fixture(&f);
	source = &f.a.part.source;
	check_eq(miost_max_timeout(&source, 1), MIOST_FOREVER);
	put(f.to_a[1]);
	check_eq(miost_max_timeout(&source, 1), MIOST_FOREVER);
	due(&f.a.part, 1000 * MS);
	span = miost_max_timeout(&source, 1);
	check(span > 0 && span <= 1000 * MS);
	due(&f.a.part, 0);
	check_eq(miost_max_timeout(&source, 1), 0);
	close_fixture(&f);
}

/* A part's event may be spurious: on kqueue one is, once all was read. */
static void
check_quiet(struct fixture *f)
{
	int of_a = f->a.events, of_b = f->b.events;
	struct miost_event events[4];

	if (miost_poll_events(f->sources, 3, events, 4, 0) > 0) {
		check_ok(part_run(&f->a.part));
		check_ok(part_run(&f->b.part));
	}
	check_eq(miost_poll_events(f->sources, 3, events, 4, 0), 0);
	check_eq(f->a.events, of_a);
	check_eq(f->b.events, of_b);
}

/* Each of the two ways in wakes a poll that would wait without end. */
static void
wakes_the_outer_poll(void)
{
	struct miost_event events[4];
	struct fixture f;
	int64_t begin;

	open_fixture(&f);
	put(f.to_b[1]);
	check_eq(miost_poll_events(f.sources, 3, events, 4, MIOST_FOREVER), 1);
	check_eq(events[0].id, OUTER_B);
	/* It was not heeded, and comes again. */
	check_eq(miost_poll_events(f.sources, 3, events, 4, MIOST_FOREVER), 1);
	check_eq(events[0].id, OUTER_B);
	check_ok(part_run(&f.b.part));
	check_eq(f.b.events, 1);
	check_eq(miost_pipe_read(f.to_b[0], &(char){ 0 }, 1), 1);
	check_quiet(&f);

	begin = miost_now();
	due(&f.a.part, 20 * MS);
	check_eq(miost_poll_events(f.sources, 3, events, 4, MIOST_FOREVER), 1);
	check(miost_now() - begin >= 20 * MS);
	check_eq(events[0].id, OUTER_A);
	check_eq(events[0].readiness, MIOST_READABLE);
	check_eq(f.a.events, 0);
	check_ok(part_run(&f.a.part));
	check_eq(f.a.events, 1);
	check_quiet(&f);
	close_fixture(&f);
}

/* A descriptor and a timer of one part, and a timer of the other, share one. */
static void
keeps_ids_apart(void)
{
	struct miost_event events[4];
	struct fixture f;
	int n, of_a = 0, of_b = 0;

	open_fixture(&f);
	put(f.to_a[1]);
	due(&f.a.part, 0);
	due(&f.b.part, 0);
	n = miost_poll_events(f.sources, 3, events, 4, MIOST_FOREVER);
	for (int i = 0; i < n; i++) {
		of_a += events[i].id == OUTER_A;
		of_b += events[i].id == OUTER_B;
	}
	/* Both ways lead to A: of its two events the second finds nothing. */
	check(of_a >= 1 && of_a <= 2);
	check_eq(of_b, 1);
	check_ok(part_run(&f.a.part));
	check_eq(f.a.events, 2);
	check_eq(f.b.events, 0);
	check_ok(part_run(&f.b.part));
	check_eq(f.b.events, 1);
	check_eq(f.a.events, 2);
	check_eq(miost_pipe_read(f.to_a[0], &(char){ 0 }, 1), 1);
	check_quiet(&f);
	close_fixture(&f);
}

/* With room for one the others wait in their parts, and get their turns. */
static void
waits_for_room(void)
{
	struct miost_event_array array;
	struct miost_event event;
	struct fixture f;

	open_fixture(&f);
	due(&f.a.part, 0);
	due(&f.b.part, 0);
	miost_event_array_init(&array, &event, 1);
	check_eq(miost_poll(f.sources, 3, &array.sink, MIOST_FOREVER), 1);
	check_eq(event.id, OUTER_A);
	/* Full: the source says that it has none, and keeps it. */
	check_eq(part_poll(&f.b.part.source, &array.sink), 0);
	check_eq(miost_poll(f.sources, 3, &array.sink, 0), -ENOBUFS);
	check_ok(part_run(&f.a.part));
	miost_event_array_clear(&array);
	check_eq(miost_poll(f.sources, 3, &array.sink, MIOST_FOREVER), 1);
	check_eq(event.id, OUTER_B);
	check_ok(part_run(&f.b.part));
	check_eq(f.a.events + f.b.events, 2);
	close_fixture(&f);
}

static ssize_t
reserve_nothing(struct miost_sink *sink, size_t want,
		struct miost_event **slots)
{
	(void)sink;
	(void)want;
	(void)slots;
	return -ENOMEM;
}

static void
commit_nothing(struct miost_sink *sink, size_t n)
{
	(void)sink;
	(void)n;
	abort();
}

static void
passes_errors_on(void)
{
	static const struct miost_sink_ops ops = { reserve_nothing,
						   commit_nothing };
	struct miost_sink sink = { &ops };
	struct fixture f;

	open_fixture(&f);
	check_eq(part_poll(&f.a.part.source, &sink), 0);
	due(&f.a.part, 0);
	check_eq(part_poll(&f.a.part.source, &sink), -ENOMEM);
	/* That of a handler ends the batch, and is this part's alone. */
	put(f.to_a[1]);
	put(f.to_b[1]);
	f.a.result = -EIO;
	check_eq(part_run(&f.a.part), -EIO);
	check_eq(f.a.events, 1);
	check_ok(part_run(&f.b.part));
	check_eq(f.b.events, 1);
	close_fixture(&f);
}

static void
is_gone_when_destroyed(void)
{
	struct miost_event events[4];
	struct fixture f;

	open_fixture(&f);
	put(f.to_a[1]);
	check_eq(miost_poll_events(f.sources, 1, events, 4, MIOST_FOREVER), 1);
	part_destroy(&f.a.part);
	check_eq(miost_poll_events(f.sources, 1, events, 4, 0), 0);
	check_ok(part_init(&f.a.part, f.queue, OUTER_A, count));
	check_eq(miost_poll_events(f.sources, 2, events, 4, 0), 0);
	close_fixture(&f);
}

/* More than a batch: the rest comes with the next event. */
static void
takes_batches(void)
{
	struct miost_event events[4];
	struct fixture f;
	int turns = 0;

	open_fixture(&f);
	for (int i = 0; i < 3 * PART_BATCH; i++)
		due(&f.a.part, 0);
	while (miost_poll_events(f.sources, 3, events, 4, 0) == 1) {
		check_eq(events[0].id, OUTER_A);
		check_ok(part_run(&f.a.part));
		turns++;
	}
	check_eq(f.a.events, 3 * PART_BATCH);
	check(turns >= 3);
	close_fixture(&f);
}

static const struct tap_test tests[] = {
	{ "tells its time", tells_its_time },
	{ "wakes the outer poll", wakes_the_outer_poll },
	{ "keeps ids apart", keeps_ids_apart },
	{ "waits for room", waits_for_room },
	{ "passes errors on", passes_errors_on },
	{ "is gone when destroyed", is_gone_when_destroyed },
	{ "takes batches", takes_batches },
};

TAP_MAIN(tests)
