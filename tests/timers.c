/* SPDX-License-Identifier: MIT */
/* Timers and the clock, through the interface. */
#include <time.h>

#include "util.h"

static struct miost_timers *
make_timers(void)
{
	struct miost_timers *timers;

	check_ok(miost_timers_new(&timers));
	return timers;
}

static miost_timer
add(struct miost_timers *timers, miost_id id, int64_t deadline)
{
	miost_timer key;

	check_ok(miost_timers_add_deadline(timers, id, deadline, &key));
	check(key != 0);
	return key;
}

static int
poll_timers(struct miost_timers *timers, struct miost_sink *sink)
{
	struct miost_source *source = miost_timers_source(timers);

	return miost_poll(&source, 1, sink, 0);
}

/* Takes all that is due; checks that it is these ids, in this order. */
static void
expect(struct miost_timers *timers, const miost_id *ids, size_t n)
{
	struct miost_source *source = miost_timers_source(timers);
	struct miost_event events[16];

	memset(events, 0x55, sizeof(events));
	check_eq(miost_poll_events(&source, 1, events, 16, 0), n);
	for (size_t i = 0; i < n; i++) {
		check_eq(events[i].id, ids[i]);
		check_eq(events[i].readiness, MIOST_TIMER);
		check_eq(events[i].reserved, 0);
	}
}

static void
the_clock(void)
{
	int64_t before = miost_now();
	struct timespec now;
	int64_t between;

	check_ok(clock_gettime(CLOCK_MONOTONIC, &now));
	between = now.tv_sec * SECOND + now.tv_nsec;
	check(before >= 0);
	check(before <= between);
	check(between <= miost_now());
}

static void
deadlines(void)
{
	check_eq(miost_deadline(10, 5), 15);
	check_eq(miost_deadline(10, 0), 10);
	check_eq(miost_deadline(10, -5), 5);
	check_eq(miost_deadline(10, INT64_MAX), INT64_MAX);
	check_eq(miost_deadline(INT64_MAX, INT64_MAX), INT64_MAX);
	check_eq(miost_deadline(INT64_MAX, 0), INT64_MAX);
	check_eq(miost_deadline(INT64_MAX, -1), INT64_MAX - 1);
	check_eq(miost_deadline(-10, INT64_MIN), INT64_MIN);
	check_eq(miost_deadline(INT64_MIN, INT64_MIN), INT64_MIN);
	check_eq(miost_deadline(INT64_MIN, INT64_MAX), -1);
	check_eq(miost_deadline(-10, INT64_MAX), INT64_MAX - 10);
}

static void
in_order(void)
{
	static const miost_id ids[] = { 9, 1, 4, 4, 7, 2 };
	struct miost_timers *timers = make_timers();
	int64_t now = miost_now();

	add(timers, 7, now - 2);
	add(timers, 4, now - 2);
	add(timers, 2, now - 1);
	add(timers, 1, now - 3);
	add(timers, 4, now - 2);
	add(timers, 9, INT64_MIN);
	add(timers, 0, INT64_MAX);
	check_eq(miost_timers_len(timers), 7);
	expect(timers, ids, 6);
	check_eq(miost_timers_len(timers), 1);
	expect(timers, NULL, 0);
	miost_timers_free(timers);
}

static void
never_early(void)
{
	/* Far enough apart for the order of the adds not to matter. */
	static const int64_t spans[] = { 0, 50 * MS, 101234567, 150 * MS };
	struct miost_timers *timers = make_timers();
	struct miost_os_queue *queue;
	struct miost_source *sources[2];
	struct miost_event storage[8];
	struct miost_event_array array;
	int64_t start = miost_now();

	check_ok(miost_os_queue_new(&queue));
	sources[0] = miost_os_queue_source(queue);
	sources[1] = miost_timers_source(timers);
	for (miost_id id = 4; id-- > 0;)
		check_ok(miost_timers_add_timeout(timers, id, spans[id],
						  NULL));
	for (miost_id next = 0; next < 4;) {
		miost_event_array_init(&array, storage, 8);
		check(miost_poll(sources, 2, &array.sink, MIOST_FOREVER) > 0);
		for (size_t i = 0; i < array.len; i++, next++) {
			check_eq(storage[i].id, next);
			check(miost_now() >= start + spans[next]);
		}
	}
	check(miost_now() < start + scaled(5 * SECOND));
	check_eq(miost_timers_len(timers), 0);
	miost_os_queue_free(queue);
	miost_timers_free(timers);
}

static void
max_timeout(void)
{
	struct miost_timers *timers = make_timers();
	struct miost_source *source = miost_timers_source(timers);
	int64_t now = miost_now();
	miost_timer far, near;

	check_eq(source->ops->max_timeout(source), MIOST_FOREVER);
	far = add(timers, 1, now + 1000 * SECOND);
	near = add(timers, 1, now + 500 * SECOND);
	check(source->ops->max_timeout(source) <= 500 * SECOND);
	check(source->ops->max_timeout(source) > 0);
	check_ok(miost_timers_cancel(timers, near));
	check(source->ops->max_timeout(source) > 500 * SECOND);
	check_ok(miost_timers_change(timers, far, now));
	check_eq(source->ops->max_timeout(source), 0);
	check_ok(miost_timers_change(timers, far, INT64_MAX));
	check(source->ops->max_timeout(source) > 1000 * SECOND);
	check_ok(miost_timers_cancel(timers, far));
	check_eq(source->ops->max_timeout(source), MIOST_FOREVER);
	miost_timers_free(timers);
}

static void
cancel(void)
{
	static const miost_id ids[] = { 1, 3 };
	struct miost_timers *timers = make_timers();
	miost_timer key;

	add(timers, 1, 1);
	key = add(timers, 2, 2);
	add(timers, 3, 3);
	check_ok(miost_timers_cancel(timers, key));
	check_eq(miost_timers_cancel(timers, key), -ENOENT);
	check_eq(miost_timers_change(timers, key, 5), -ENOENT);
	check_eq(miost_timers_len(timers), 2);
	expect(timers, ids, 2);
	miost_timers_free(timers);
}

static void
change(void)
{
	static const miost_id ids[] = { 2, 3, 1 };
	struct miost_timers *timers = make_timers();
	miost_timer first = add(timers, 1, 10);
	miost_timer last;

	add(timers, 2, 20);
	last = add(timers, 3, INT64_MAX);
	check_ok(miost_timers_change(timers, first, 40));
	check_ok(miost_timers_change(timers, last, 30));
	check_ok(miost_timers_change(timers, last, 30));
	expect(timers, ids, 3);
	check_eq(miost_timers_change(timers, first, 1), -ENOENT);
	check_eq(miost_timers_cancel(timers, last), -ENOENT);
	miost_timers_free(timers);
}

static void
stale_keys(void)
{
	struct miost_timers *timers = make_timers();
	miost_timer keys[100];

	/* Each add is likely to get what the one before it had. */
	for (int i = 0; i < 100; i++) {
		keys[i] = add(timers, 1, i % 2 ? 0 : INT64_MAX);
		for (int j = 0; j < i; j++) {
			check(keys[j] != keys[i]);
			check_eq(miost_timers_change(timers, keys[j], 0),
				 -ENOENT);
			check_eq(miost_timers_cancel(timers, keys[j]),
				 -ENOENT);
		}
		if (i % 2)
			expect(timers, (miost_id[]){ 1 }, 1);
		else
			check_ok(miost_timers_cancel(timers, keys[i]));
	}
	check_eq(miost_timers_cancel(timers, 0), -ENOENT);
	check_eq(miost_timers_cancel(timers, UINT64_MAX), -ENOENT);
	check_eq(miost_timers_change(timers, 12345, 1), -ENOENT);
	miost_timers_free(timers);
}

/* The same of timers that a poll has found to be the next. */
static void
stale_keys_of_near(void)
{
	struct miost_timers *timers = make_timers();
	int64_t later = miost_now() + 1000 * SECOND;
	miost_timer keys[100];
	int64_t deadline;

	for (int i = 0; i < 100; i++) {
		keys[i] = add(timers, 1, later + i % 3);
		expect(timers, NULL, 0);
		for (int j = 0; j < i; j++) {
			check(keys[j] != keys[i]);
			check_eq(miost_timers_get(timers, keys[j], NULL),
				 -ENOENT);
			check_eq(miost_timers_change(timers, keys[j], 0),
				 -ENOENT);
			check_eq(miost_timers_cancel(timers, keys[j]),
				 -ENOENT);
		}
		check_ok(miost_timers_get(timers, keys[i], &deadline));
		check_eq(deadline, later + i % 3);
		check_ok(miost_timers_cancel(timers, keys[i]));
		check_eq(miost_timers_len(timers), 0);
	}
	miost_timers_free(timers);
}

static void
remove_by_id(void)
{
	static const miost_id ids[] = { 5, 6, 5 };
	struct miost_timers *timers = make_timers();
	miost_timer key;

	check_eq(miost_timers_cancel_id(timers, 5), -ENOENT);
	add(timers, 5, 30);
	add(timers, 6, 20);
	key = add(timers, 5, 10);
	add(timers, 5, 15);
	check_eq(miost_timers_cancel_id(timers, 4), -ENOENT);
	check_ok(miost_timers_cancel_id(timers, 5));
	check_eq(miost_timers_cancel(timers, key), -ENOENT);
	expect(timers, ids, 3);
	check_eq(miost_timers_cancel_id(timers, 5), -ENOENT);

	key = add(timers, 5, INT64_MAX);
	check_ok(miost_timers_cancel(timers, key));
	check_eq(miost_timers_cancel_id(timers, 5), -ENOENT);
	miost_timers_free(timers);
}

static void
expect_deadline(const struct miost_timers *timers, miost_timer key,
		int64_t deadline)
{
	int64_t is = ~deadline;

	check_ok(miost_timers_get(timers, key, &is));
	check_eq(is, deadline);
	check_ok(miost_timers_get(timers, key, NULL));
}

static void
expect_gone(const struct miost_timers *timers, miost_timer key)
{
	int64_t is = 77;

	check_eq(miost_timers_get(timers, key, &is), -ENOENT);
	check_eq(miost_timers_get(timers, key, NULL), -ENOENT);
	check_eq(is, 77);
}

static void
get(void)
{
	struct miost_timers *timers = make_timers();
	miost_timer near = add(timers, 1, INT64_MIN);
	miost_timer far = add(timers, 2, INT64_MAX);
	miost_timer other = add(timers, 3, INT64_MAX - 1);

	expect_deadline(timers, near, INT64_MIN);
	expect_deadline(timers, far, INT64_MAX);
	check_ok(miost_timers_change(timers, far, 30));
	expect_deadline(timers, far, 30);
	check_ok(miost_timers_change(timers, near, INT64_MAX));
	expect_deadline(timers, near, INT64_MAX);
	check_ok(miost_timers_cancel(timers, other));
	expect_gone(timers, other);
	expect(timers, (miost_id[]){ 2 }, 1);
	expect_gone(timers, far);
	expect_deadline(timers, near, INT64_MAX);
	expect_gone(timers, 0);
	expect_gone(timers, UINT64_MAX);
	miost_timers_free(timers);
}

/* A timer that has fired is set anew before its event is looked at. */
static void
stale_event(void)
{
	struct miost_timers *timers = make_timers();
	miost_timer key = add(timers, 1, 0);

	expect(timers, (miost_id[]){ 1 }, 1);
	check_eq(miost_timers_change_timeout(timers, key, SECOND), -ENOENT);
	check_ok(miost_timers_add_timeout(timers, 1, 1000 * SECOND, &key));
	check_ok(miost_timers_get(timers, key, NULL));
	expect(timers, NULL, 0);
	miost_timers_free(timers);
}

static void
change_timeout(void)
{
	struct miost_timers *timers = make_timers();
	miost_timer key = add(timers, 1, 0);
	int64_t before = miost_now();
	int64_t deadline;

	check_ok(miost_timers_change_timeout(timers, key, 1000 * SECOND));
	check_ok(miost_timers_get(timers, key, &deadline));
	check(deadline >= before + 1000 * SECOND);
	check(deadline <= miost_now() + 1000 * SECOND);
	check_eq(miost_timers_change_timeout(timers, key, -1), -EINVAL);
	check_eq(miost_timers_change_timeout(timers, key, INT64_MIN), -EINVAL);
	expect_deadline(timers, key, deadline);
	check_ok(miost_timers_change_timeout(timers, key, INT64_MAX));
	expect_deadline(timers, key, INT64_MAX);
	check_ok(miost_timers_change_timeout(timers, key, 0));
	expect(timers, (miost_id[]){ 1 }, 1);
	check_eq(miost_timers_change_timeout(timers, key, 0), -ENOENT);
	miost_timers_free(timers);
}

static void
bad_timeout(void)
{
	struct miost_timers *timers = make_timers();
	miost_timer key = 77;

	check_eq(miost_timers_add_timeout(timers, 1, -1, &key), -EINVAL);
	check_eq(miost_timers_add_timeout(timers, 1, INT64_MIN, &key),
		 -EINVAL);
	check_eq(key, 77);
	check_eq(miost_timers_len(timers), 0);
	check_ok(miost_timers_add_timeout(timers, 1, INT64_MAX, &key));
	expect(timers, NULL, 0);
	check_ok(miost_timers_cancel(timers, key));
	miost_timers_free(timers);
}

static void
capacities(void)
{
	static const size_t capacities[] = { 0, 1, 100 };

	for (int i = 0; i < 3; i++) {
		struct miost_timers *timers = make_timers();
		struct miost_event storage[100];
		struct miost_event_array array;
		size_t capacity = capacities[i];
		miost_id next = 0;

		for (miost_id id = 0; id < 1000; id++)
			add(timers, 999 - id, (int64_t)(999 - id));
		miost_event_array_init(&array, storage, capacity);
		if (capacity == 0) {
			check_eq(poll_timers(timers, &array.sink), -ENOBUFS);
			check_eq(miost_timers_len(timers), 1000);
		}
		while (capacity > 0 && next < 1000) {
			miost_event_array_clear(&array);
			/* One poll may give less than all that is due. */
			check(poll_timers(timers, &array.sink) > 0);
			check(array.len <= capacity);
			for (size_t j = 0; j < array.len; j++)
				check_eq(storage[j].id, next++);
		}
		miost_timers_free(timers);
	}
}

/* A sink that gives what it is told to, and counts its calls. */
struct counting_sink {
	struct miost_sink sink;
	struct miost_event events[4];
	ssize_t gives;
	int reserves, commits;
};

static ssize_t
count_reserve(struct miost_sink *sink, size_t want, struct miost_event **slots)
{
	struct counting_sink *counting = (struct counting_sink *)sink;

	counting->reserves++;
	*slots = counting->events;
	return counting->gives < (ssize_t)want ? counting->gives :
						 (ssize_t)want;
}

static void
count_commit(struct miost_sink *sink, size_t n)
{
	struct counting_sink *counting = (struct counting_sink *)sink;

	check(n > 0);
	counting->commits++;
}

static const struct miost_sink_ops counting_ops = { count_reserve,
						    count_commit };

static void
nothing_due(void)
{
	struct counting_sink sink = { .sink.ops = &counting_ops, .gives = 4 };
	struct miost_timers *timers = make_timers();
	struct miost_source *source = miost_timers_source(timers);

	check_eq(source->ops->poll(source, &sink.sink), 0);
	add(timers, 1, INT64_MAX);
	check(source->ops->max_timeout(source) > 0);
	check_eq(source->ops->poll(source, &sink.sink), 0);
	for (int i = 0; i < 1000; i++)
		add(timers, 1, INT64_MAX - 1);
	check_eq(source->ops->poll(source, &sink.sink), 0);
	check_eq(sink.reserves, 0);
	check_eq(sink.commits, 0);
	miost_timers_free(timers);
}

/* Of a heap, and of enough to be sorted. */
static void
sinks_that_fail(void)
{
	static const ssize_t gives[] = { 0, -ENOMEM, -EIO };
	static const size_t sizes[] = { 5, 1000 };

	for (size_t i = 0; i < 6; i++) {
		struct counting_sink sink = { .sink.ops = &counting_ops };
		struct miost_timers *timers = make_timers();
		struct miost_source *source = miost_timers_source(timers);
		size_t n = sizes[i / 3];

		for (miost_id id = 0; id < n; id++)
			add(timers, id, 1);
		check_eq(source->ops->max_timeout(source), 0);
		sink.gives = gives[i % 3];
		check_eq(source->ops->poll(source, &sink.sink), sink.gives);
		check_eq(sink.reserves, 1);
		check_eq(sink.commits, 0);
		check_eq(miost_timers_len(timers), n);
		sink.gives = 1;
		for (miost_id id = 0; id < n; id++) {
			check_eq(source->ops->poll(source, &sink.sink), 1);
			check_eq(sink.events[0].id, id);
		}
		check_eq((size_t)sink.commits, n);
		check_eq(miost_timers_len(timers), 0);
		miost_timers_free(timers);
	}
}

static void
reserve(void)
{
	struct miost_timers *timers = make_timers();

	check_ok(miost_timers_reserve(timers, 0));
	check_ok(miost_timers_reserve(timers, 10000));
	check_ok(miost_timers_reserve(timers, 10));
	check_eq(miost_timers_reserve(timers, SIZE_MAX), -ENOMEM);
	check_eq(miost_timers_reserve(timers, SIZE_MAX / 32), -ENOMEM);
	check_eq(miost_timers_len(timers), 0);
	add(timers, 4, 4);
	check_eq(miost_timers_reserve(timers, SIZE_MAX), -ENOMEM);
	expect(timers, (miost_id[]){ 4 }, 1);
	miost_timers_free(timers);
}

static void
freed_full(void)
{
	struct miost_timers *timers = make_timers();

	add(timers, 1, 1);
	add(timers, 1, INT64_MAX);
	miost_timers_free(timers);
	miost_timers_free(NULL);
}

/* A clock of the program's own. */
static int64_t
read_clock(void *arg)
{
	return *(int64_t *)arg;
}

static void
own_clock(void)
{
	struct miost_event storage[4];
	struct miost_event_array array;
	struct miost_timers *timers;
	struct miost_source *source;
	int64_t now = -1000, deadline;
	miost_timer key;

	check_ok(miost_timers_new_with_clock(&timers, read_clock, &now));
	source = miost_timers_source(timers);
	miost_event_array_init(&array, storage, 4);
	add(timers, 2, 0);
	check_ok(miost_timers_add_timeout(timers, 1, 500, NULL));
	check_eq(source->ops->max_timeout(source), 500);
	check_ok(miost_timers_add_timeout(timers, 3, 0, &key));
	check_ok(miost_timers_change_timeout(timers, key, 2000));
	check_ok(miost_timers_get(timers, key, &deadline));
	check_eq(deadline, 1000);
	check_ok(miost_timers_cancel(timers, key));
	check_eq(source->ops->poll(source, &array.sink), 0);
	now = -501;
	check_eq(source->ops->poll(source, &array.sink), 0);
	now = -500;
	check_eq(source->ops->poll(source, &array.sink), 1);
	check_eq(storage[0].id, 1);
	check_eq(source->ops->max_timeout(source), 500);
	now = INT64_MAX;
	check_eq(source->ops->poll(source, &array.sink), 1);
	check_eq(storage[1].id, 2);
	miost_timers_free(timers);
}

static const struct tap_test tests[] = {
	{ "the clock is CLOCK_MONOTONIC", the_clock },
	{ "deadlines saturate", deadlines },
	{ "in the order of deadline, then id", in_order },
	{ "never before the deadline, and soon after", never_early },
	{ "how long until the next", max_timeout },
	{ "cancelled timers do not fire", cancel },
	{ "changed timers fire at their new deadline", change },
	{ "the key of a timer that is gone is -ENOENT for good", stale_keys },
	{ "and that of one that was the next to fire", stale_keys_of_near },
	{ "cancel by id takes the earliest", remove_by_id },
	{ "get: the deadline, or -ENOENT", get },
	{ "get tells a stale event from the timer set anew", stale_event },
	{ "change by a timeout", change_timeout },
	{ "a negative timeout is -EINVAL", bad_timeout },
	{ "sinks of 0, 1 and 100: in order, the rest stays", capacities },
	{ "a sink is not asked for slots while nothing is due", nothing_due },
	{ "a sink that is full, or fails: nothing is lost", sinks_that_fail },
	{ "reserve, and what cannot be had", reserve },
	{ "on a clock of the program's own", own_clock },
	{ "free takes timers that are left, and NULL", freed_full },
};

TAP_MAIN(tests)
