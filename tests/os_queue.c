/* SPDX-License-Identifier: MIT */
/* The operating system's queue, over descriptors that the test makes. */
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "fixture.h"

/* kqueue keeps no list of what is registered that could be asked. */
static void
expect_registered(int fd)
{
	if (on_epoll())
		check_eq(try_add(fd, 99, MIOST_WRITABLE, 0), -EEXIST);
}

/* Registering. */

static void
bad_arguments(void)
{
	static const struct {
		miost_interests interests;
		miost_options options;
	} cases[] = {
		{ MIOST_ERROR, MIOST_LEVEL },
		{ MIOST_HUP, MIOST_LEVEL },
		{ MIOST_READABLE | MIOST_TIMER, MIOST_LEVEL },
		{ MIOST_READABLE | MIOST_WRITE_CLOSED, MIOST_LEVEL },
		{ 0x80000000u, MIOST_LEVEL },
		{ MIOST_READABLE, 8 },
		{ MIOST_READABLE, 0x80000000u },
		{ MIOST_READABLE, MIOST_EXCLUSIVE | MIOST_ONESHOT },
		{ MIOST_READABLE | MIOST_PRIORITY, MIOST_EXCLUSIVE },
		{ MIOST_READABLE | MIOST_READ_CLOSED, MIOST_EXCLUSIVE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_eq(try_add(f.fds[0], 1, cases[i].interests,
				 cases[i].options),
			 -EINVAL);
		check_eq(try_change(f.fds[0], 1, cases[i].interests,
				    cases[i].options),
			 -EINVAL);
	}
	check_eq(try_change(f.fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE),
		 -EINVAL);
	check_eq(take_out(f.fds[0]), -ENOENT);
}

static void
bad_descriptors(void)
{
	int closed = f.fds[0];

	close_pair(f.fds);
	f.fds[0] = f.fds[1] = -1;
	for (int i = 0; i < 2; i++) {
		int fd = i ? -1 : closed;

		check_eq(try_add(fd, 1, MIOST_READABLE, 0), -EBADF);
		check_eq(try_change(fd, 1, MIOST_READABLE, 0), -EBADF);
		check_eq(take_out(fd), -EBADF);
	}
}

static void
registered_or_not(void)
{
	check_eq(try_change(f.fds[0], 1, MIOST_READABLE, 0), -ENOENT);
	check_eq(take_out(f.fds[0]), -ENOENT);
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_registered(f.fds[0]);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	check_ok(take_out(f.fds[0]));
	expect_nothing();
	check_eq(take_out(f.fds[0]), -ENOENT);
	add(f.fds[0], 3, MIOST_READABLE, MIOST_LEVEL);
	expect(3, MIOST_READABLE);
}

static void
regular_file(void)
{
	FILE *file = tmpfile();
	int err;

	check(file != NULL);
	err = try_add(fileno(file), 1, MIOST_READABLE, 0);
	fclose(file);
	if (!on_epoll())
		tap_skip("kqueue watches regular files");
	check_eq(err, -EPERM);
}

static void
own_descriptor(void)
{
	int fd = miost_os_queue_fd(f.queue);
	struct miost_os_queue *other;

	check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	check_ok(miost_os_queue_new(&other));
	check_ok(miost_os_queue_register(other, fd, 1, MIOST_READABLE, 0));
	if (on_epoll()) {
		check_eq(try_add(fd, 1, MIOST_READABLE, 0), -EINVAL);
		check_eq(try_add(miost_os_queue_fd(other), 1, MIOST_READABLE,
				 0),
			 -ELOOP);
	}
	miost_os_queue_free(other);
}

static void
free_only_closes(void)
{
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	free_queue();
	miost_os_queue_free(NULL);
	send_byte(f.fds[1]);
	drain(f.fds[0]);
}

/* Options. */

static void
level(void)
{
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing();
	send_byte(f.fds[1]);
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	expect(1, MIOST_READABLE);
	check_eq(read(f.fds[0], (char[1]){ 0 }, 1), 1);
	expect(1, MIOST_READABLE);
	drain(f.fds[0]);
	expect_nothing();
}

static void
edge(void)
{
	send_byte(f.fds[1]);
	add(f.fds[0], 1, MIOST_READABLE, MIOST_EDGE);
	expect(1, MIOST_READABLE);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	expect_nothing();
	drain(f.fds[0]);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	/* Reregistered while ready: said again. */
	change(f.fds[0], 2, MIOST_READABLE, MIOST_EDGE);
	expect(2, MIOST_READABLE);
	expect_nothing();
}

static void
oneshot_with(miost_options options)
{
	send_byte(f.fds[1]);
	add(f.fds[0], 1, MIOST_READABLE | MIOST_WRITABLE,
	    MIOST_ONESHOT | options);
	check_eq(poll_for(scaled(10 * SECOND)), 1);
	expect_nothing();
	send_byte(f.fds[1]);
	expect_nothing();
	expect_registered(f.fds[0]);
	change(f.fds[0], 2, MIOST_READABLE, MIOST_ONESHOT | options);
	expect(2, MIOST_READABLE);
	expect_nothing();
	check_ok(take_out(f.fds[0]));
}

static void
oneshot(void)
{
	oneshot_with(MIOST_LEVEL);
	oneshot_with(MIOST_EDGE);
}

static void
reregister_replaces(void)
{
	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	expect(1, MIOST_WRITABLE);
	change(f.fds[0], 2, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(2, MIOST_READABLE);
	change(f.fds[0], 3, MIOST_READABLE | MIOST_WRITABLE, MIOST_EDGE);
	expect(3, MIOST_READABLE | MIOST_WRITABLE);
	expect_nothing();
	change(f.fds[0], 4, MIOST_WRITABLE, MIOST_LEVEL);
	expect(4, MIOST_WRITABLE);
	expect(4, MIOST_WRITABLE);
}

static void
exclusive(void)
{
	struct miost_os_queue *other;

	if (!miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		check_eq(try_add(f.fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE),
			 -ENOTSUP);
		tap_skip("this system has no exclusive wake-ups");
	}
	check_ok(miost_os_queue_new(&other));
	add(f.fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE);
	check_ok(miost_os_queue_register(other, f.fds[0], 2, MIOST_READABLE,
					 MIOST_EXCLUSIVE | MIOST_EDGE));
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	check_eq(try_change(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL), -EINVAL);
	expect(1, MIOST_READABLE);
	/* The peer's half-close shows as readable alone. */
	shutdown(f.fds[1], SHUT_WR);
	expect(1, MIOST_READABLE);
	check_ok(take_out(f.fds[0]));
	add(f.fds[0], 3, MIOST_READABLE, MIOST_LEVEL);
	miost_os_queue_free(other);
}

/* Each option does what it does alone. */
static void
exclusive_edge(void)
{
	const miost_options both = MIOST_EXCLUSIVE | MIOST_EDGE;

	if (!miost_has(MIOST_FEATURE_EXCLUSIVE))
		tap_skip("this system has no exclusive wake-ups");
	send_byte(f.fds[1]);
	add(f.fds[0], 1, MIOST_READABLE, both);
	expect(1, MIOST_READABLE);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	expect_nothing();
	check_eq(try_change(f.fds[0], 2, MIOST_READABLE, MIOST_EDGE), -EINVAL);
	expect_nothing();
	set(f.fds[0], 2, MIOST_READABLE | MIOST_WRITABLE, both);
	expect(2, MIOST_READABLE | MIOST_WRITABLE);
	expect_nothing();
	shutdown(f.fds[1], SHUT_WR);
	expect(2, MIOST_READABLE | MIOST_WRITABLE);
	expect_nothing();
	drop(&f.fds[1]);
	check(has_all(ready_of(2), MIOST_HUP | MIOST_READ_CLOSED |
				   MIOST_WRITE_CLOSED));
	expect_nothing();
}

/* Readiness. */

static void
ids(void)
{
	static const miost_id all[] = { 0, 1, UINTPTR_MAX,
					 UINTPTR_MAX / 2 + 1 };

	add(f.fds[0], 77, MIOST_WRITABLE, MIOST_LEVEL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		change(f.fds[0], all[i], MIOST_WRITABLE, 0);
		expect(all[i], MIOST_WRITABLE);
	}
}

static void
only_what_was_asked(void)
{
	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing(); /* though it is writable */
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	change(f.fds[0], 1, MIOST_WRITABLE, 0);
	expect(1, MIOST_WRITABLE); /* though it is readable */
}

static void
full_sink(void)
{
	struct miost_event_array array;
	struct miost_source *sources[1];

	add(f.fds[0], 1, MIOST_WRITABLE, MIOST_EDGE);
	check_eq(poll_some(0, MIOST_FOREVER), -ENOBUFS);
	check_eq(miost_os_queue_poll(f.queue, NULL, 0, 0), -ENOBUFS);
	sources[0] = miost_os_queue_source(f.queue);
	miost_event_array_init(&array, f.events, 0);
	check_eq(miost_poll(sources, 1, &array.sink, MIOST_FOREVER), -ENOBUFS);
	/* As a later source it waits its turn. */
	check_eq(sources[0]->ops->poll(sources[0], &array.sink), 0);
	expect(1, MIOST_WRITABLE);
}

static void
one_at_a_time(void)
{
	enum { PAIRS = 20 };
	bool seen[PAIRS] = { false };
	int fds[PAIRS][2];

	need_descriptors(2 * PAIRS + 20);
	for (int i = 0; i < PAIRS; i++) {
		make_pair(fds[i]);
		add(fds[i][0], (miost_id)i, MIOST_WRITABLE, MIOST_EDGE);
	}
	for (int i = 0; i < PAIRS; i++) {
		check_eq(poll_some(1, 0), 1);
		check(f.events[0].id < PAIRS);
		check(!seen[f.events[0].id]);
		seen[f.events[0].id] = true;
	}
	expect_nothing();
	for (int i = 0; i < PAIRS; i++)
		close_pair(fds[i]);
}

/* More than the backend takes at once. */
static void
many(void)
{
	enum { FDS = 400 };
	struct miost_event storage[FDS];
	bool seen[FDS] = { false };
	int pair[2], fds[FDS];
	int n, count = 0;

	need_descriptors(FDS + 20);
	make_pair(pair);
	for (int i = 0; i < FDS; i++) {
		fds[i] = dup(pair[0]);
		check(fds[i] >= 0);
		add(fds[i], (miost_id)i, MIOST_WRITABLE, MIOST_EDGE);
	}
	check_eq(miost_os_queue_poll(f.queue, storage, FDS, 0), 256);
	for (n = 256; n > 0; n = miost_os_queue_poll(f.queue, storage, FDS, 0))
		for (int i = 0; i < n; i++, count++) {
			check(!seen[storage[i].id]);
			seen[storage[i].id] = true;
		}
	check_eq(count, FDS);
	for (int i = 0; i < FDS; i++)
		close(fds[i]);
	close_pair(pair);
}

/* Time. */

static void
waits_long_enough(void)
{
	static const int64_t spans[] = { 1, 999999, MS, 1500001, 20 * MS,
					 30 * MS + 1 };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		int64_t start = miost_now();

		check_eq(poll_for(spans[i]), 0);
		check(miost_now() - start >= spans[i]);
		check(miost_now() - start < spans[i] + scaled(2 * SECOND));
	}
}

static void
does_not_sleep(void)
{
	int64_t start = miost_now();

	/* A sleep of a millisecond in each would show. */
	for (int i = 0; i < 2000; i++)
		expect_nothing();
	check(miost_now() - start < scaled(2 * SECOND) - 1);
}

static void
ends_a_long_wait(void)
{
	static const int64_t spans[] = { MIOST_FOREVER, INT64_MIN, INT64_MAX,
					 INT64_MAX / 2 };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		FILE *later = popen("sleep 0.02; echo", "r");

		check(later != NULL);
		add(fileno(later), 1, MIOST_READABLE, MIOST_LEVEL);
		check_eq(poll_for(spans[i]), 1);
		check_ok(pclose(later));
	}
}

static void
on_alarm(int number)
{
	(void)number;
}

static void
interrupted(void)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
	struct itimerval off = { .it_value = { .tv_usec = 0 } };

	add(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_ok(sigaction(SIGALRM, &action, &old));
	/* Again and again: one that comes before the wait is not seen. */
	soon.it_interval = soon.it_value;
	check_ok(setitimer(ITIMER_REAL, &soon, NULL));
	check_eq(poll_for(MIOST_FOREVER), -EINTR);
	check_eq(poll_for(1000 * SECOND + 1), -EINTR);
	check_ok(setitimer(ITIMER_REAL, &off, NULL));
	check_ok(sigaction(SIGALRM, &old, NULL));
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
}

/* Queues in queues, and in other loops. */

/* On Linux to be stopped and continued interrupts a wait, too. */
static void
stopped(void)
{
	char command[128];
	int64_t start;
	FILE *shell;
	int n;

	snprintf(command, sizeof(command),
		 "sleep 0.1; kill -STOP %ld; sleep 0.1; kill -CONT %ld",
		 (long)getpid(), (long)getpid());
	shell = popen(command, "r");
	check(shell != NULL);
	start = miost_now();
	n = poll_for(SECOND);
	check(n == -EINTR || n == 0);
	check(n == -EINTR || miost_now() - start >= SECOND);
	check_ok(pclose(shell));
	expect_nothing();
}

static void
nested(void)
{
	struct miost_event event;
	struct miost_os_queue *inner;

	check_ok(miost_os_queue_new(&inner));
	check_ok(miost_os_queue_register(inner, f.fds[0], 5, MIOST_READABLE,
					 MIOST_LEVEL));
	add(miost_os_queue_fd(inner), 6, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing();
	send_byte(f.fds[1]);
	wait_for(miost_os_queue_fd(inner), POLLIN);
	expect(6, MIOST_READABLE);
	check_eq(miost_os_queue_poll(inner, &event, 1, SECOND), 1);
	check_eq(event.id, 5);
	check_eq(event.readiness, MIOST_READABLE);
	drain(f.fds[0]);
	check_eq(miost_os_queue_poll(inner, &event, 1, 0), 0);
	expect_nothing();
	miost_os_queue_free(inner);
}

/* Handles of the caller's own. */

struct handle {
	struct miost_evented evented;
	int fd;
	int calls;
	int result;
};

static int
handle_register(struct miost_evented *evented, struct miost_os_queue *queue,
		miost_id id, miost_interests interests, miost_options options)
{
	struct handle *handle = (struct handle *)evented;

	handle->calls++;
	if (handle->result != 0)
		return handle->result;
	return miost_os_queue_register(queue, handle->fd, id, interests,
				       options);
}

static int
handle_reregister(struct miost_evented *evented, struct miost_os_queue *queue,
		  miost_id id, miost_interests interests, miost_options options)
{
	struct handle *handle = (struct handle *)evented;

	handle->calls++;
	if (handle->result != 0)
		return handle->result;
	return miost_os_queue_reregister(queue, handle->fd, id, interests,
					 options);
}

static int
handle_deregister(struct miost_evented *evented, struct miost_os_queue *queue)
{
	struct handle *handle = (struct handle *)evented;

	handle->calls++;
	if (handle->result != 0)
		return handle->result;
	return miost_os_queue_deregister(queue, handle->fd);
}

static const struct miost_evented_ops handle_ops = {
	.register_with = handle_register,
	.reregister_with = handle_reregister,
	.deregister_from = handle_deregister,
};

static void
evented(void)
{
	struct handle handle = { .evented = { &handle_ops } };
	struct miost_evented *evented = &handle.evented;

	handle.fd = f.fds[0];
	check_ok(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_READABLE, 0));
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	check_ok(miost_os_queue_reregister_evented(f.queue, evented, 2,
						   MIOST_WRITABLE,
						   MIOST_EDGE));
	expect(2, MIOST_WRITABLE);
	expect_nothing();
	check_ok(miost_os_queue_deregister_evented(f.queue, evented));
	check_eq(miost_os_queue_deregister_evented(f.queue, evented),
		 -ENOENT);
}

static void
evented_errors(void)
{
	static const struct {
		miost_interests interests;
		miost_options options;
	} wrong[] = {
		{ MIOST_READABLE, MIOST_ONESHOT },
		{ MIOST_READABLE | MIOST_PRIORITY, MIOST_LEVEL },
		{ MIOST_READ_CLOSED, MIOST_EDGE },
	};
	struct handle handle = { .evented = { &handle_ops },
				 .result = -987654 };
	struct miost_evented *evented = &handle.evented;
	int expected;

	check_eq(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_TIMER, 0), -EINVAL);
	check_eq(miost_os_queue_reregister_evented(f.queue, evented, 1,
						   MIOST_READABLE, 64),
		 -EINVAL);
	check_eq(miost_os_queue_reregister_evented(f.queue, evented, 1,
						   MIOST_READABLE,
						   MIOST_EXCLUSIVE), -EINVAL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		check_eq(miost_os_queue_register_evented(
				 f.queue, evented, 1, wrong[i].interests,
				 MIOST_EXCLUSIVE | wrong[i].options), -EINVAL);
		check_eq(miost_os_queue_reregister_evented(
				 f.queue, evented, 1, wrong[i].interests,
				 MIOST_EXCLUSIVE | wrong[i].options), -EINVAL);
	}
	check_eq(handle.calls, 0);
	/* What this system cannot do is told before the handle is asked. */
	expected = miost_has(MIOST_FEATURE_EXCLUSIVE) ? -987654 : -ENOTSUP;
	check_eq(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_READABLE,
						 MIOST_EXCLUSIVE), expected);
	expected = miost_has(MIOST_FEATURE_PRIORITY) ? -987654 : -ENOTSUP;
	check_eq(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_PRIORITY, 0), expected);
	check_eq(miost_os_queue_reregister_evented(f.queue, evented, 1,
						   MIOST_PRIORITY, 0),
		 expected);
	handle.calls = 0;
	check_eq(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_READABLE, 0), -987654);
	check_eq(miost_os_queue_reregister_evented(f.queue, evented, 1,
						   MIOST_READABLE, 0),
		 -987654);
	check_eq(miost_os_queue_deregister_evented(f.queue, evented),
		 -987654);
	check_eq(handle.calls, 3);
}

/* Each in turn, as the first of its descriptors, and it works. */
static void
number_zero(void)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 100);
	struct miost_os_queue *busy = f.queue;
	int gate[2];
	sigset_t set;
	pid_t child;
	int err;

	check(saved >= 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	close(0);
	check_ok(miost_os_queue_new(&f.queue));
	check_eq(miost_os_queue_fd(f.queue), 0);
	check_ok(miost_waker_new(f.queue, 1, &f.waker));
	check_ok(miost_waker_wake(f.waker));
	expect(1, MIOST_READABLE);
	free_waker();
	free_queue();
	check(fcntl(0, F_GETFD) < 0);

	f.queue = busy;
	check_ok(miost_waker_new(f.queue, 2, &f.waker));
	check_ok(miost_waker_wake(f.waker));
	expect(2, MIOST_READABLE);
	free_waker();
	check(fcntl(0, F_GETFD) < 0);

	check_ok(miost_signals_new(f.queue, &set, 3, &f.signals));
	check_ok(raise(SIGUSR1));
	expect(3, MIOST_READABLE);
	check_eq(miost_signals_receive(f.signals), SIGUSR1);
	free_signals();
	check(fcntl(0, F_GETFD) < 0);

	check_eq(dup2(saved, 0), 0);
	child = start_gated(gate, 5);
	close(0);
	err = miost_process_new(f.queue, child, 4, &f.process);
	let_end(gate);
	if (err == 0) {
		expect(4, MIOST_READABLE);
		check_eq(miost_process_wait(f.process, NULL), 1);
		free_process();
	} else {
		check_eq(err, -ENOTSUP);
		check_eq(waitpid(child, NULL, 0), child);
	}
	check(fcntl(0, F_GETFD) < 0);
	check_eq(dup2(saved, 0), 0);
	close(saved);
}

static const struct tap_test tests[] = {
	{ "unknown and contradictory arguments: -EINVAL", bad_arguments },
	{ "descriptors that are not open: -EBADF", bad_descriptors },
	{ "registered twice: -EEXIST, not at all: -ENOENT",
	  registered_or_not },
	{ "a regular file: -EPERM", regular_file },
	{ "a queue in itself, or in a circle", own_descriptor },
	{ "free closes the queue alone, and takes NULL", free_only_closes },
	{ "level: until drained", level },
	{ "edge: once for each arrival, and when reregistered", edge },
	{ "oneshot, level and edge: one event until rearmed", oneshot },
	{ "reregister replaces id, interests and options",
	  reregister_replaces },
	{ "exclusive, and what cannot go with it", exclusive },
	{ "exclusive and edge-triggered", exclusive_edge },
	{ "every id comes back", ids },
	{ "nothing that was not asked for", only_what_was_asked },
	{ "a full sink: -ENOBUFS, and no event lost", full_sink },
	{ "a sink of one gets them all, one at a time", one_at_a_time },
	{ "more events than one batch", many },
	{ "a timeout is never cut short", waits_long_enough },
	{ "a timeout of 0 does not sleep", does_not_sleep },
	{ "the longest waits end with an event", ends_a_long_wait },
	{ "a signal handler: -EINTR, and no event lost", interrupted },
	{ "stopped and continued: early with -EINTR, or in time", stopped },
	{ "a queue in a queue, and in poll(2)", nested },
	{ "descriptor 0 is one like any other", number_zero },
	{ "handles of the caller's own", evented },
	{ "their errors, and what is checked before", evented_errors },
};

TAP_MAIN_WITH(tests, set_up_pair, tear_down)
