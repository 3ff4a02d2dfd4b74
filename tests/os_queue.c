/* SPDX-License-Identifier: MIT */
/* The operating system's queue, over descriptors that the test makes. */
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "util.h"

struct fixture {
	struct miost_os_queue *queue;
	struct miost_event storage[8];
};

static struct fixture
make_fixture(void)
{
	struct fixture fixture;

	check_ok(miost_os_queue_new(&fixture.queue));
	return fixture;
}

static int
poll_for(struct fixture *fixture, size_t capacity, int64_t timeout)
{
	return miost_os_queue_poll(fixture->queue, fixture->storage, capacity,
				   timeout);
}

static void
expect_nothing(struct fixture *fixture)
{
	check_eq(poll_for(fixture, 8, 0), 0);
}

/* One descriptor's readiness, which may come in more than one event. */
static miost_ready
ready_of(struct fixture *fixture, miost_id id)
{
	miost_ready ready = 0;
	int n = poll_for(fixture, 8, scaled(10 * SECOND));

	check(n > 0);
	for (int i = 0; i < n; i++) {
		check_eq(fixture->storage[i].id, id);
		ready |= fixture->storage[i].readiness;
	}
	return ready;
}

static void
expect(struct fixture *fixture, miost_id id, miost_ready ready)
{
	check_eq(ready_of(fixture, id), ready);
}

static void
add(struct fixture *fixture, int fd, miost_id id, miost_interests interests,
    miost_options options)
{
	check_ok(miost_os_queue_register(fixture->queue, fd, id, interests,
					 options));
}

/* kqueue keeps no list of what is registered that could be asked. */
static void
expect_registered(struct fixture *fixture, int fd)
{
	if (on_epoll())
		check_eq(miost_os_queue_register(fixture->queue, fd, 99,
						 MIOST_WRITABLE, 0), -EEXIST);
}

static void
send_byte(int fd)
{
	check_eq(write(fd, "x", 1), 1);
}

static void
drain(int fd)
{
	char buf[256];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
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
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_eq(miost_os_queue_register(f.queue, fds[0], 1,
						 cases[i].interests,
						 cases[i].options), -EINVAL);
		check_eq(miost_os_queue_reregister(f.queue, fds[0], 1,
						   cases[i].interests,
						   cases[i].options), -EINVAL);
	}
	check_eq(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_READABLE,
					   MIOST_EXCLUSIVE), -EINVAL);
	check_eq(miost_os_queue_deregister(f.queue, fds[0]), -ENOENT);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
bad_descriptors(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	close_pair(fds);
	for (int i = 0; i < 2; i++) {
		int fd = i ? -1 : fds[0];

		check_eq(miost_os_queue_register(f.queue, fd, 1,
						 MIOST_READABLE, 0), -EBADF);
		check_eq(miost_os_queue_reregister(f.queue, fd, 1,
						   MIOST_READABLE, 0), -EBADF);
		check_eq(miost_os_queue_deregister(f.queue, fd), -EBADF);
	}
	miost_os_queue_free(f.queue);
}

static void
registered_or_not(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	check_eq(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_READABLE,
					   0), -ENOENT);
	check_eq(miost_os_queue_deregister(f.queue, fds[0]), -ENOENT);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_registered(&f, fds[0]);
	expect_nothing(&f);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	check_ok(miost_os_queue_deregister(f.queue, fds[0]));
	expect_nothing(&f);
	check_eq(miost_os_queue_deregister(f.queue, fds[0]), -ENOENT);
	add(&f, fds[0], 3, MIOST_READABLE, MIOST_LEVEL);
	expect(&f, 3, MIOST_READABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
regular_file(void)
{
	struct fixture f = make_fixture();
	FILE *file = tmpfile();
	int err;

	check(file != NULL);
	err = miost_os_queue_register(f.queue, fileno(file), 1,
				      MIOST_READABLE, 0);
	fclose(file);
	miost_os_queue_free(f.queue);
	if (!on_epoll())
		tap_skip("kqueue watches regular files");
	check_eq(err, -EPERM);
}

static void
own_descriptor(void)
{
	struct fixture f = make_fixture();
	struct fixture other = make_fixture();
	int fd = miost_os_queue_fd(f.queue);

	check(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	add(&other, fd, 1, MIOST_READABLE, MIOST_LEVEL);
	if (on_epoll()) {
		check_eq(miost_os_queue_register(f.queue, fd, 1,
						 MIOST_READABLE, 0), -EINVAL);
		check_eq(miost_os_queue_register(
				 f.queue, miost_os_queue_fd(other.queue), 1,
				 MIOST_READABLE, 0), -ELOOP);
	}
	miost_os_queue_free(other.queue);
	miost_os_queue_free(f.queue);
}

static void
free_only_closes(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	miost_os_queue_free(f.queue);
	miost_os_queue_free(NULL);
	send_byte(fds[1]);
	drain(fds[0]);
	close_pair(fds);
}

/* Options. */

static void
level(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing(&f);
	send_byte(fds[1]);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	expect(&f, 1, MIOST_READABLE);
	check_eq(read(fds[0], (char[1]){ 0 }, 1), 1);
	expect(&f, 1, MIOST_READABLE);
	drain(fds[0]);
	expect_nothing(&f);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
edge(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	send_byte(fds[1]);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_EDGE);
	expect(&f, 1, MIOST_READABLE);
	expect_nothing(&f);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	expect_nothing(&f);
	drain(fds[0]);
	expect_nothing(&f);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	/* Reregistered while ready: said again. */
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 2, MIOST_READABLE,
					   MIOST_EDGE));
	expect(&f, 2, MIOST_READABLE);
	expect_nothing(&f);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
oneshot_with(miost_options options)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	send_byte(fds[1]);
	add(&f, fds[0], 1, MIOST_READABLE | MIOST_WRITABLE,
	    MIOST_ONESHOT | options);
	check_eq(poll_for(&f, 8, scaled(10 * SECOND)), 1);
	expect_nothing(&f);
	send_byte(fds[1]);
	expect_nothing(&f);
	expect_registered(&f, fds[0]);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 2, MIOST_READABLE,
					   MIOST_ONESHOT | options));
	expect(&f, 2, MIOST_READABLE);
	expect_nothing(&f);
	check_ok(miost_os_queue_deregister(f.queue, fds[0]));
	close_pair(fds);
	miost_os_queue_free(f.queue);
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
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	expect(&f, 1, MIOST_WRITABLE);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 2, MIOST_READABLE,
					   MIOST_LEVEL));
	expect_nothing(&f);
	send_byte(fds[1]);
	expect(&f, 2, MIOST_READABLE);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 3,
					   MIOST_READABLE | MIOST_WRITABLE,
					   MIOST_EDGE));
	expect(&f, 3, MIOST_READABLE | MIOST_WRITABLE);
	expect_nothing(&f);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 4, MIOST_WRITABLE,
					   MIOST_LEVEL));
	expect(&f, 4, MIOST_WRITABLE);
	expect(&f, 4, MIOST_WRITABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
exclusive(void)
{
	struct fixture f = make_fixture();
	struct fixture other = make_fixture();
	int fds[2];

	if (!miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		make_pair(fds);
		check_eq(miost_os_queue_register(f.queue, fds[0], 1,
						 MIOST_READABLE,
						 MIOST_EXCLUSIVE), -ENOTSUP);
		close_pair(fds);
		miost_os_queue_free(f.queue);
		miost_os_queue_free(other.queue);
		tap_skip("this system has no exclusive wake-ups");
	}
	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE);
	add(&other, fds[0], 2, MIOST_READABLE, MIOST_EXCLUSIVE | MIOST_EDGE);
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	check_eq(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_READABLE,
					   MIOST_LEVEL), -EINVAL);
	expect(&f, 1, MIOST_READABLE);
	/* The peer's half-close shows as readable alone. */
	shutdown(fds[1], SHUT_WR);
	expect(&f, 1, MIOST_READABLE);
	check_ok(miost_os_queue_deregister(f.queue, fds[0]));
	add(&f, fds[0], 3, MIOST_READABLE, MIOST_LEVEL);
	close_pair(fds);
	miost_os_queue_free(f.queue);
	miost_os_queue_free(other.queue);
}

/* Readiness. */

static void
ids(void)
{
	static const miost_id all[] = { 0, 1, UINTPTR_MAX,
					 UINTPTR_MAX / 2 + 1 };
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 77, MIOST_WRITABLE, MIOST_LEVEL);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		check_ok(miost_os_queue_reregister(f.queue, fds[0], all[i],
						   MIOST_WRITABLE, 0));
		expect(&f, all[i], MIOST_WRITABLE);
	}
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
only_what_was_asked(void)
{
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing(&f);		/* though it is writable */
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	check_ok(miost_os_queue_reregister(f.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	expect(&f, 1, MIOST_WRITABLE);	/* though it is readable */
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
full_sink(void)
{
	struct fixture f = make_fixture();
	struct miost_event_array array;
	struct miost_source *sources[1];
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_WRITABLE, MIOST_EDGE);
	check_eq(poll_for(&f, 0, MIOST_FOREVER), -ENOBUFS);
	check_eq(miost_os_queue_poll(f.queue, NULL, 0, 0), -ENOBUFS);
	sources[0] = miost_os_queue_source(f.queue);
	miost_event_array_init(&array, f.storage, 0);
	check_eq(miost_poll(sources, 1, &array.sink, MIOST_FOREVER), -ENOBUFS);
	/* As a later source it waits its turn. */
	check_eq(sources[0]->ops->poll(sources[0], &array.sink), 0);
	expect(&f, 1, MIOST_WRITABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
one_at_a_time(void)
{
	enum { PAIRS = 20 };
	struct fixture f;
	bool seen[PAIRS] = { false };
	int fds[PAIRS][2];

	need_descriptors(2 * PAIRS + 20);
	f = make_fixture();
	for (int i = 0; i < PAIRS; i++) {
		make_pair(fds[i]);
		add(&f, fds[i][0], (miost_id)i, MIOST_WRITABLE, MIOST_EDGE);
	}
	for (int i = 0; i < PAIRS; i++) {
		check_eq(poll_for(&f, 1, 0), 1);
		check(f.storage[0].id < PAIRS);
		check(!seen[f.storage[0].id]);
		seen[f.storage[0].id] = true;
	}
	expect_nothing(&f);
	for (int i = 0; i < PAIRS; i++)
		close_pair(fds[i]);
	miost_os_queue_free(f.queue);
}

/* More than the backend takes at once. */
static void
many(void)
{
	enum { FDS = 400 };
	struct miost_event storage[FDS];
	struct fixture f;
	bool seen[FDS] = { false };
	int pair[2], fds[FDS];
	int n, count = 0;

	need_descriptors(FDS + 20);
	f = make_fixture();
	make_pair(pair);
	for (int i = 0; i < FDS; i++) {
		fds[i] = dup(pair[0]);
		check(fds[i] >= 0);
		add(&f, fds[i], (miost_id)i, MIOST_WRITABLE, MIOST_EDGE);
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
	miost_os_queue_free(f.queue);
}

/* Time. */

static void
waits_long_enough(void)
{
	static const int64_t spans[] = { 1, 999999, MS, 1500001, 20 * MS,
					 30 * MS + 1 };
	struct fixture f = make_fixture();

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		int64_t start = miost_now();

		check_eq(poll_for(&f, 8, spans[i]), 0);
		check(miost_now() - start >= spans[i]);
		check(miost_now() - start < spans[i] + scaled(2 * SECOND));
	}
	miost_os_queue_free(f.queue);
}

static void
does_not_sleep(void)
{
	struct fixture f = make_fixture();
	int64_t start = miost_now();

	/* A sleep of a millisecond in each would show. */
	for (int i = 0; i < 2000; i++)
		check_eq(poll_for(&f, 8, 0), 0);
	check(miost_now() - start < scaled(2 * SECOND) - 1);
	miost_os_queue_free(f.queue);
}

static void
ends_a_long_wait(void)
{
	static const int64_t spans[] = { MIOST_FOREVER, INT64_MIN, INT64_MAX,
					 INT64_MAX / 2 };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct fixture f = make_fixture();
		FILE *later = popen("sleep 0.02; echo", "r");

		check(later != NULL);
		add(&f, fileno(later), 1, MIOST_READABLE, MIOST_LEVEL);
		check_eq(poll_for(&f, 8, spans[i]), 1);
		check_ok(pclose(later));
		miost_os_queue_free(f.queue);
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
	struct fixture f = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&f, fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check_ok(sigaction(SIGALRM, &action, &old));
	/* Again and again: one that comes before the wait is not seen. */
	soon.it_interval = soon.it_value;
	check_ok(setitimer(ITIMER_REAL, &soon, NULL));
	check_eq(poll_for(&f, 8, MIOST_FOREVER), -EINTR);
	check_eq(poll_for(&f, 8, 1000 * SECOND + 1), -EINTR);
	check_ok(setitimer(ITIMER_REAL, &off, NULL));
	check_ok(sigaction(SIGALRM, &old, NULL));
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

/* Queues in queues, and in other loops. */

/* On Linux to be stopped and continued interrupts a wait, too. */
static void
stopped(void)
{
	struct fixture f = make_fixture();
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
	n = poll_for(&f, 8, SECOND);
	check(n == -EINTR || n == 0);
	check(n == -EINTR || miost_now() - start >= SECOND);
	check_ok(pclose(shell));
	expect_nothing(&f);
	miost_os_queue_free(f.queue);
}

static void
nested(void)
{
	struct fixture outer = make_fixture();
	struct fixture inner = make_fixture();
	int fds[2];

	make_pair(fds);
	add(&inner, fds[0], 5, MIOST_READABLE, MIOST_LEVEL);
	add(&outer, miost_os_queue_fd(inner.queue), 6, MIOST_READABLE,
	    MIOST_LEVEL);
	expect_nothing(&outer);
	send_byte(fds[1]);
	wait_for(miost_os_queue_fd(inner.queue), POLLIN);
	expect(&outer, 6, MIOST_READABLE);
	expect(&inner, 5, MIOST_READABLE);
	drain(fds[0]);
	expect_nothing(&inner);
	expect_nothing(&outer);
	close_pair(fds);
	miost_os_queue_free(inner.queue);
	miost_os_queue_free(outer.queue);
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
	struct fixture f = make_fixture();
	struct handle handle = { .evented = { &handle_ops } };
	struct miost_evented *evented = &handle.evented;
	int fds[2];

	make_pair(fds);
	handle.fd = fds[0];
	check_ok(miost_os_queue_register_evented(f.queue, evented, 1,
						 MIOST_READABLE, 0));
	send_byte(fds[1]);
	expect(&f, 1, MIOST_READABLE);
	check_ok(miost_os_queue_reregister_evented(f.queue, evented, 2,
						   MIOST_WRITABLE,
						   MIOST_EDGE));
	expect(&f, 2, MIOST_WRITABLE);
	expect_nothing(&f);
	check_ok(miost_os_queue_deregister_evented(f.queue, evented));
	check_eq(miost_os_queue_deregister_evented(f.queue, evented),
		 -ENOENT);
	close_pair(fds);
	miost_os_queue_free(f.queue);
}

static void
evented_errors(void)
{
	struct fixture f = make_fixture();
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
	miost_os_queue_free(f.queue);
}

/* Each in turn, as the first of its descriptors, and it works. */
static void
number_zero(void)
{
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 100);
	struct fixture f, busy = make_fixture();
	struct miost_waker *waker;
	struct miost_signals *signals;
	struct miost_process *process;
	int gate[2];
	sigset_t set;
	pid_t child;
	int err;

	check(saved >= 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	close(0);
	f = make_fixture();
	check_eq(miost_os_queue_fd(f.queue), 0);
	check_ok(miost_waker_new(f.queue, 1, &waker));
	check_ok(miost_waker_wake(waker));
	expect(&f, 1, MIOST_READABLE);
	miost_waker_free(waker);
	miost_os_queue_free(f.queue);
	check(fcntl(0, F_GETFD) < 0);

	check_ok(miost_waker_new(busy.queue, 2, &waker));
	check_ok(miost_waker_wake(waker));
	expect(&busy, 2, MIOST_READABLE);
	miost_waker_free(waker);
	check(fcntl(0, F_GETFD) < 0);

	check_ok(miost_signals_new(busy.queue, &set, 3, &signals));
	check_ok(raise(SIGUSR1));
	expect(&busy, 3, MIOST_READABLE);
	check_eq(miost_signals_receive(signals), SIGUSR1);
	miost_signals_free(signals);
	check(fcntl(0, F_GETFD) < 0);

	check_eq(dup2(saved, 0), 0);
	child = start_gated(gate, 5);
	close(0);
	err = miost_process_new(busy.queue, child, 4, &process);
	let_end(gate);
	if (err == 0) {
		expect(&busy, 4, MIOST_READABLE);
		check_eq(miost_process_wait(process, NULL), 1);
		miost_process_free(process);
	} else {
		check_eq(err, -ENOTSUP);
		check_eq(waitpid(child, NULL, 0), child);
	}
	check(fcntl(0, F_GETFD) < 0);
	check_eq(dup2(saved, 0), 0);
	close(saved);
	miost_os_queue_free(busy.queue);
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

TAP_MAIN(tests)
