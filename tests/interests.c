/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor is watched for: set whatever it was before, paused, its
 * half-close alone, and changed by other threads while one polls.
 */
#include <pthread.h>

#include "fixture.h"

static void
take_byte(int fd)
{
	char byte;

	check_eq(read(fd, &byte, 1), 1);
}

/* Setting. */

static void
set_whatever_it_was(void)
{
	set(f.fds[0], 1, 0, MIOST_LEVEL);
	set(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect_nothing();
	send_byte(f.fds[1]);
	expect(1, MIOST_READABLE);
	set(f.fds[0], 2, MIOST_WRITABLE, MIOST_EDGE);
	expect(2, MIOST_WRITABLE);
	expect_nothing();
	set(f.fds[0], 2, MIOST_WRITABLE, MIOST_EDGE);
	expect(2, MIOST_WRITABLE);
	set(f.fds[0], 3, MIOST_READABLE, MIOST_ONESHOT);
	for (int i = 0; i < 2; i++) {
		expect(3, MIOST_READABLE);
		expect_nothing();
		set(f.fds[0], 3, MIOST_READABLE, MIOST_ONESHOT);
	}
	change(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	expect(1, MIOST_READABLE);
	set(f.fds[0], 4, 0, MIOST_LEVEL);
	expect_nothing();
	check_eq(take_out(f.fds[0]), -ENOENT);
	set(f.fds[0], 4, 0, MIOST_LEVEL);
	add(f.fds[0], 5, MIOST_READABLE, MIOST_LEVEL);
	expect(5, MIOST_READABLE);
}

/* A library closes its socket, and opens another of the same number. */
static void
set_another_of_the_number(void)
{
	int fds[2];

	set(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	for (miost_id id = 2; id < 5; id++) {
		make_pair(fds);
		check_eq(dup2(fds[0], f.fds[0]), f.fds[0]);
		close(fds[0]);
		close(f.fds[1]);
		f.fds[1] = fds[1];
		set(f.fds[0], id, MIOST_READABLE, MIOST_LEVEL);
		expect_nothing();
		send_byte(f.fds[1]);
		expect(id, MIOST_READABLE);
	}
}

static void
set_errors(void)
{
	check_eq(try_set(f.fds[0], 1, MIOST_HUP, MIOST_LEVEL), -EINVAL);
	check_eq(try_set(f.fds[0], 1, MIOST_READABLE, 8), -EINVAL);
	check_eq(try_set(f.fds[0], 1, 0, 8), -EINVAL);
	check_eq(try_set(f.fds[0], 1, 0, MIOST_EXCLUSIVE | MIOST_ONESHOT),
		 -EINVAL);
	check_eq(try_set(f.fds[0], 1, MIOST_READABLE,
			 MIOST_EXCLUSIVE | MIOST_ONESHOT),
		 -EINVAL);
	check_eq(try_set(f.fds[0], 1, MIOST_READ_CLOSED, MIOST_EXCLUSIVE),
		 -EINVAL);
	check_eq(try_set(-1, 1, MIOST_READABLE, MIOST_LEVEL), -EBADF);
	check_eq(try_set(-1, 1, 0, MIOST_LEVEL), -EBADF);
	check_eq(try_set(miost_os_queue_fd(f.queue), 1, MIOST_READABLE,
			 MIOST_LEVEL),
		 -EINVAL);
	expect_nothing();
	check_eq(take_out(f.fds[0]), -ENOENT);
}

static void
set_exclusive(void)
{
	if (!miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		check_eq(try_set(f.fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE),
			 -ENOTSUP);
		tap_skip("this system has no exclusive wake-ups");
	}
	send_byte(f.fds[1]);
	for (miost_id id = 1; id < 3; id++) {
		set(f.fds[0], id, MIOST_READABLE, MIOST_EXCLUSIVE);
		expect(id, MIOST_READABLE);
	}
	set(f.fds[0], 3, MIOST_READABLE, MIOST_LEVEL);
	expect(3, MIOST_READABLE);
	set(f.fds[0], 4, MIOST_READABLE, MIOST_EXCLUSIVE);
	expect(4, MIOST_READABLE);
	set(f.fds[0], 4, 0, MIOST_LEVEL);
	check_eq(take_out(f.fds[0]), -ENOENT);
}

/* Paused. */

static void
pause_and_resume(void)
{
	static const miost_options options[] = { MIOST_LEVEL, MIOST_EDGE,
						 MIOST_ONESHOT };

	add(f.fds[0], 1, 0, MIOST_LEVEL);
	if (on_epoll())
		check_eq(try_add(f.fds[0], 1, 0, MIOST_LEVEL), -EEXIST);
	expect_nothing();
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		send_byte(f.fds[1]);
		expect_nothing();
		change(f.fds[0], 1, MIOST_READABLE, options[i]);
		expect(1, MIOST_READABLE);
		change(f.fds[0], 1, 0, options[i]);
		expect_nothing();
		change(f.fds[0], 1, MIOST_WRITABLE, options[i]);
		expect(1, MIOST_WRITABLE);
		change(f.fds[0], 1, 0, options[i]);
		take_byte(f.fds[0]);
		expect_nothing();
		change(f.fds[0], 1, MIOST_READABLE, options[i]);
		expect_nothing();
		change(f.fds[0], 1, 0, MIOST_LEVEL);
	}
	check_ok(take_out(f.fds[0]));
	check_eq(try_change(f.fds[0], 1, 0, MIOST_LEVEL), -ENOENT);
	check_eq(take_out(f.fds[0]), -ENOENT);
	check_eq(try_add(-1, 1, 0, MIOST_LEVEL), -EBADF);
}

/* The end of both halves is told all the same on epoll, that of one is not. */
static void
pause_and_hang_up(void)
{
	add(f.fds[0], 1, 0, MIOST_LEVEL);
	send_byte(f.fds[1]);
	check_ok(miost_socket_shutdown(f.fds[1], SHUT_WR));
	expect_nothing();
	drop(&f.fds[1]);
	if (on_epoll())
		expect(1, MIOST_HUP | MIOST_READ_CLOSED | MIOST_WRITE_CLOSED);
	else
		expect_nothing();
	change(f.fds[0], 1, MIOST_READABLE, MIOST_LEVEL);
	check(has_all(ready_of(1),
		      MIOST_READABLE | MIOST_HUP | MIOST_READ_CLOSED));
}

/* A pipe's reader and writer, and one whose other end is gone. */
static void
pause_pipes(void)
{
	use_pipe();
	for (int i = 0; i < 2; i++)
		add(f.fds[i], 1, 0, MIOST_LEVEL);
	send_byte(f.fds[1]);
	expect_nothing();
	change(f.fds[0], 1, MIOST_READABLE, MIOST_EDGE);
	expect(1, MIOST_READABLE);
	change(f.fds[1], 1, MIOST_WRITABLE, MIOST_EDGE);
	expect(1, MIOST_WRITABLE);
	for (int i = 0; i < 2; i++)
		check_ok(take_out(f.fds[i]));
}

/* The half-close alone. */

static void
need_read_closed(void)
{
	int err = try_set(f.fds[0], 1, MIOST_READ_CLOSED, MIOST_LEVEL);

	check_eq(err, miost_has(MIOST_FEATURE_READ_CLOSED) ? 0 : -ENOTSUP);
	/* With data that is to be told, every system can. */
	set(f.fds[0], 1, MIOST_READ_CLOSED | MIOST_READABLE, MIOST_LEVEL);
	check_ok(take_out(f.fds[0]));
	if (err < 0)
		tap_skip("this system tells of a half-close only to who reads");
}

/* kqueue says with it that a read is worth a try. */
static void
expect_half_close(void)
{
	const miost_ready half_close = MIOST_HUP | MIOST_READ_CLOSED;

	expect(1, on_epoll() ? half_close : half_close | MIOST_READABLE);
}

/* Data is not told, its end is; f.fds[0] is watched. */
static void
half_close_of_pair(void)
{
	static char block[1000];

	set(f.fds[0], 1, MIOST_READ_CLOSED, MIOST_LEVEL);
	for (int i = 0; i < 5; i++) {
		check_eq(write(f.fds[1], block, sizeof(block)), sizeof(block));
		wait_for(f.fds[0], POLLIN);
		expect_nothing();
	}
	check_ok(miost_socket_shutdown(f.fds[1], SHUT_WR));
	for (int i = 0; i < 3; i++)
		expect_half_close();
	for (int i = 0; i < 5; i++)
		check_eq(miost_socket_read(f.fds[0], block, sizeof(block)),
			 sizeof(block));
	check_eq(miost_socket_read(f.fds[0], block, sizeof(block)), 0);
	set(f.fds[0], 1, MIOST_READ_CLOSED, MIOST_EDGE);
	expect_half_close();
	expect_nothing();
	set(f.fds[0], 1, MIOST_READ_CLOSED, MIOST_ONESHOT);
	expect_half_close();
	expect_nothing();
	/* It writes on, and does not spin. */
	set(f.fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL);
	expect(1, MIOST_WRITABLE);
}

static void
half_close_unix(void)
{
	need_read_closed();
	half_close_of_pair();
}

static void
half_close_tcp(void)
{
	need_read_closed();
	use_tcp();
	half_close_of_pair();
}

/* A writer hears of it, of nothing before it, and once. */
static void
half_close_to_a_writer(void)
{
	need_read_closed();
	set(f.fds[0], 1, MIOST_WRITABLE | MIOST_READ_CLOSED, MIOST_EDGE);
	expect(1, MIOST_WRITABLE);
	send_byte(f.fds[1]);
	check(poll_for(0) <= 0 || !(f.events[0].readiness & MIOST_READABLE));
	check_ok(miost_socket_shutdown(f.fds[1], SHUT_WR));
	check(has_all(ready_of(1), MIOST_HUP | MIOST_READ_CLOSED));
	check(!(f.events[0].readiness & MIOST_WRITE_CLOSED));
	expect_nothing();
}

/* A hang-up of both halves has both bits. */
static void
both_halves(void)
{
	need_read_closed();
	set(f.fds[0], 1, MIOST_WRITABLE | MIOST_READ_CLOSED, MIOST_LEVEL);
	expect(1, MIOST_WRITABLE);
	drop(&f.fds[1]);
	check(has_all(ready_of(1),
		      MIOST_HUP | MIOST_READ_CLOSED | MIOST_WRITE_CLOSED));
}

/* Threads. */

enum { THREADS = 3, ROUNDS = 2000 };

struct changer {
	pthread_t thread;
	struct miost_waker *waker;
	int fds[2];
	miost_id id;
	int failed;		/* the line of the first call that did */
};

#define must(call) \
	do { \
		if ((call) != 0 && changer->failed == 0) \
			changer->failed = __LINE__; \
	} while (0)

/* Changes a descriptor that is ready, over and over. */
static void *
keep_changing(void *arg)
{
	struct changer *changer = arg;
	miost_id id = changer->id;
	int fd = changer->fds[0];

	for (int i = 0; i < ROUNDS; i++) {
		must(try_add(fd, id, MIOST_WRITABLE, MIOST_LEVEL));
		must(try_change(fd, id, MIOST_READABLE, MIOST_EDGE));
		must(try_set(fd, id, MIOST_WRITABLE, MIOST_ONESHOT));
		must(try_change(fd, id, 0, MIOST_LEVEL));
		must(take_out(fd));
		must(try_set(fd, id, 0, MIOST_LEVEL));
		must(try_set(fd, id, MIOST_WRITABLE, MIOST_EDGE));
		must(try_set(fd, id, 0, MIOST_LEVEL));
	}
	must(try_add(fd, id, MIOST_WRITABLE, MIOST_ONESHOT));
	must(miost_waker_wake(changer->waker));
	return NULL;
}

/* Every one has its event when all is set, whatever came in between. */
static void
changed_by_threads(void)
{
	struct changer changers[THREADS];
	int finals = 0;

	for (int i = 0; i < THREADS; i++) {
		struct changer *changer = &changers[i];

		make_pair(changer->fds);
		changer->id = (miost_id)i;
		changer->failed = 0;
		check_ok(miost_waker_new(f.queue, changer->id + 100,
					 &changer->waker));
	}
	for (int i = 0; i < THREADS; i++)
		check_ok(pthread_create(&changers[i].thread, NULL,
					keep_changing, &changers[i]));
	while (finals < THREADS) {
		int n = poll_for(MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++) {
			finals += f.events[i].id >= 100;
			check(f.events[i].id % 100 < THREADS);
			check(f.events[i].id >= 100 ||
			      f.events[i].readiness == MIOST_WRITABLE);
		}
	}
	for (int i = 0; i < THREADS; i++)
		check_ok(pthread_join(changers[i].thread, NULL));
	/* Armed anew, each is told once more. */
	for (int i = 0; i < THREADS; i++) {
		struct changer *changer = &changers[i];

		check_eq(changer->failed, 0);
		set(changer->fds[0], changer->id, MIOST_WRITABLE,
		    MIOST_ONESHOT);
		expect(changer->id, MIOST_WRITABLE);
		miost_waker_free(changer->waker);
		close_pair(changer->fds);
	}
}

static const struct tap_test tests[] = {
	{ "set: whatever it was before, it is this now", set_whatever_it_was },
	{ "set: another descriptor of the same number",
	  set_another_of_the_number },
	{ "set: its errors", set_errors },
	{ "set: exclusive, and not any more", set_exclusive },
	{ "no interests: paused, and resumed", pause_and_resume },
	{ "no interests: a hang-up", pause_and_hang_up },
	{ "no interests: pipes", pause_pipes },
	{ "the half-close alone, on Unix sockets", half_close_unix },
	{ "the half-close alone, on TCP", half_close_tcp },
	{ "the half-close to one who writes", half_close_to_a_writer },
	{ "a hang-up is told from a half-close", both_halves },
	{ "threads that change what another polls", changed_by_threads },
};

TAP_MAIN_WITH(tests, set_up_pair, tear_down)
