/* SPDX-License-Identifier: MIT */
/*
 * When each static probe fires, and with what: compiled with the library's own
 * sources, whose probes call probe_fired. How tracers find them is usdt.sh's.
 */

#include "sdt/sys/sdt.h"
#include "util.h"

enum { MOST = 16, ARGUMENTS = 6 };

/* What has fired since it was last looked at. */
static struct fired {
	const char *name;
	int n;
	intmax_t values[ARGUMENTS];
} fired[MOST];
static int count, looked_at;

void
probe_fired(const char *provider, const char *name, int n,
	    const intmax_t *values)
{
	struct fired *last = &fired[count];

	check_str(provider, "miost");
	check(count < MOST);
	check(n <= ARGUMENTS);
	last->name = name;
	last->n = n;
	memcpy(last->values, values, (size_t)n * sizeof(*values));
	count++;
}

static void
expect_values(int line, const char *name, int n, const intmax_t *values)
{
	const struct fired *next = &fired[looked_at];

	if (looked_at == count)
		tap_fail(__FILE__, line, "%s did not fire", name);
	looked_at++;
	tap_check_str(__FILE__, line, "the probe", next->name, name);
	tap_check_eq(__FILE__, line, "its number of arguments", next->n, n);
	for (int i = 0; i < n; i++)
		if (next->values[i] != values[i])
			tap_fail(__FILE__, line,
				 "%s: argument %d is %jd, not %jd", name,
				 i + 1, next->values[i], values[i]);
}

/* The next that fired. */
#define expect(name, ...) \
	expect_values(__LINE__, name, PROBE_COUNT(__VA_ARGS__), \
		      (const intmax_t[]){ PROBE_VALUES(__VA_ARGS__) })

/* And no other one. */
static void
expect_nothing(void)
{
	if (looked_at < count)
		tap_fail(__FILE__, __LINE__, "%s fired",
			 fired[looked_at].name);
	count = looked_at = 0;
}

static void
registering(void)
{
	const miost_id id = (miost_id)-1;
	struct miost_os_queue *queue;
	int fds[2], q;

	count = looked_at = 0;
	make_pair(fds);
	check_ok(miost_os_queue_new(&queue));
	q = miost_os_queue_fd(queue);
	expect_nothing();
	check_ok(miost_os_queue_register(queue, fds[0], id, MIOST_READABLE,
					 MIOST_EDGE));
	expect("register", q, fds[0], id, 1, MIOST_EDGE, 0);
	check_eq(miost_os_queue_register(queue, fds[1], 3, MIOST_TIMER,
					 MIOST_ONESHOT), -EINVAL);
	expect("register", q, fds[1], 3, MIOST_TIMER, MIOST_ONESHOT, -EINVAL);
	check_ok(miost_os_queue_reregister(queue, fds[0], 5, MIOST_WRITABLE,
					   MIOST_ONESHOT));
	expect("reregister", q, fds[0], 5, MIOST_WRITABLE, MIOST_ONESHOT, 0);
	check_eq(miost_os_queue_reregister(queue, fds[1], 6, MIOST_READABLE,
					   MIOST_LEVEL), -ENOENT);
	expect("reregister", q, fds[1], 6, MIOST_READABLE, MIOST_LEVEL,
	       -ENOENT);
	check_ok(miost_os_queue_deregister(queue, fds[0]));
	expect("deregister", q, fds[0], 0);
	check_eq(miost_os_queue_deregister(queue, fds[0]), -ENOENT);
	expect("deregister", q, fds[0], -ENOENT);
	check_ok(miost_os_queue_set(queue, fds[0], id, MIOST_READABLE,
				    MIOST_EDGE));
	expect("set", q, fds[0], id, 1, MIOST_EDGE, 0);
	check_ok(miost_os_queue_set(queue, fds[0], 3, 0, MIOST_LEVEL));
	expect("set", q, fds[0], 3, 0, 0, 0);
	check_eq(miost_os_queue_set(queue, -1, 3, 0, MIOST_LEVEL), -EBADF);
	expect("set", q, -1, 3, 0, 0, -EBADF);
	miost_os_queue_free(queue);
	close_pair(fds);
	expect_nothing();
}

/* Each poll begins and ends, of one source and of several. */
static void
polling(void)
{
	struct miost_source *sources[2];
	struct miost_event storage[4];
	struct miost_event_array array;
	struct miost_os_queue *queue;
	struct miost_queue *own;

	count = looked_at = 0;
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_queue_new(&own));
	sources[0] = miost_os_queue_source(queue);
	sources[1] = miost_queue_source(own);
	check_ok(miost_queue_add(own, event_of(1, 1)));
	check_eq(miost_os_queue_poll(queue, storage, 4, MS), 0);
	expect("poll_entry", 1, MS);
	expect("poll_return", 0);
	check_eq(miost_poll_events(sources, 2, storage, 4, 0), 1);
	expect("poll_entry", 2, 0);
	expect("poll_return", 1);
	check_ok(miost_queue_add(own, event_of(2, 1)));
	miost_event_array_init(&array, storage, 4);
	check_eq(miost_poll(sources, 2, &array.sink, 0), 1);
	expect("poll_entry", 2, 0);
	expect("poll_return", 1);
	check_eq(miost_os_queue_poll(queue, storage, 0, MIOST_FOREVER),
		 -ENOBUFS);
	expect("poll_entry", 1, MIOST_FOREVER);
	expect("poll_return", -ENOBUFS);
	check_eq(miost_poll_events(sources, 2, storage, 0, SECOND), -ENOBUFS);
	expect("poll_entry", 2, SECOND);
	expect("poll_return", -ENOBUFS);
	miost_queue_free(own);
	miost_os_queue_free(queue);
	expect_nothing();
}

/* 1 for a wake that calls the system, and 0 for one of what is awake. */
static void
waking(void)
{
	struct miost_waker *waker, *other;
	struct miost_event storage[4];
	struct miost_os_queue *queue;

	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_waker_new(queue, 1, &waker));
	check_ok(miost_waker_new(queue, 2, &other));
	for (int i = 0; i < 2; i++) {
		count = looked_at = 0;
		check_ok(miost_waker_wake(waker));
		expect("wake", waker, 1);
		check_ok(miost_waker_wake(waker));
		expect("wake", waker, 0);
		check_ok(miost_waker_wake(other));
		expect("wake", other, 1);
		expect_nothing();
		check_eq(miost_os_queue_poll(queue, storage, 4, 0), 2);
	}
	count = looked_at = 0;
	miost_waker_free(waker);
	miost_waker_free(other);
	miost_os_queue_free(queue);
	expect_nothing();
}

static void
signals(void)
{
	struct miost_signals *object;
	struct miost_os_queue *queue;
	sigset_t set;

	set = set_of_one(SIGUSR1);
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_signals_new(queue, &set, 1, &object));
	check_ok(raise(SIGUSR1));
	count = looked_at = 0;
	check_eq(miost_signals_receive(object), SIGUSR1);
	expect("signal", SIGUSR1);
	check_eq(miost_signals_receive(object), 0);
	expect_nothing();
	miost_signals_free(object);
	miost_os_queue_free(queue);
}

static int64_t
given_time(void *arg)
{
	return *(const int64_t *)arg;
}

static void
timers(void)
{
	struct miost_event_array array;
	struct miost_event storage[4];
	struct miost_source *source;
	struct miost_timers *object;
	miost_timer keys[3];
	int64_t now = 0;

	check_ok(miost_timers_new_with_clock(&object, given_time, &now));
	source = miost_timers_source(object);
	miost_event_array_init(&array, storage, 4);
	count = looked_at = 0;
	check_ok(miost_timers_add_deadline(object, 7, 70, &keys[0]));
	expect("timer_add", object, keys[0], 7, 70);
	check_ok(miost_timers_add_timeout(object, 8, INT64_MAX, &keys[1]));
	expect("timer_add", object, keys[1], 8, INT64_MAX);
	check_ok(miost_timers_add_deadline(object, 9, 90, &keys[2]));
	expect("timer_add", object, keys[2], 9, 90);
	check_ok(miost_timers_change(object, keys[2], 60));
	expect("timer_change", object, keys[2], 60);
	check_ok(miost_timers_cancel(object, keys[1]));
	expect("timer_cancel", object, keys[1], 8);
	check_eq(miost_timers_cancel(object, keys[1]), -ENOENT);
	check_eq(miost_timers_change(object, keys[1], 1), -ENOENT);
	now = 69;
	check_eq(source->ops->poll(source, &array.sink), 1);
	expect("timer_fire", object, keys[2], 9, 60);
	now = 70;
	check_eq(source->ops->poll(source, &array.sink), 1);
	expect("timer_fire", object, keys[0], 7, 70);
	miost_timers_free(object);
	expect_nothing();
}

static const struct tap_test tests[] = {
	{ "register, reregister, deregister, set", registering },
	{ "poll_entry and poll_return", polling },
	{ "wake", waking },
	{ "signal", signals },
	{ "timer_add, timer_change, timer_cancel, timer_fire", timers },
};

TAP_MAIN(tests)
