/* SPDX-License-Identifier: MIT */
/*
 * What a descriptor is watched for: set whatever it was before, paused, its
 * half-close alone, and changed by other threads while one polls.
 */
#include <pthread.h>

#include "util.h"

static struct miost_os_queue *queue;
static struct miost_event storage[8];

static void
open_queue(void)
{
	check_ok(miost_os_queue_new(&queue));
}

static void
close_queue(const int fds[2])
{
	close_pair(fds);
	miost_os_queue_free(queue);
}

/* What comes of one descriptor, in one event on epoll. */
static miost_ready
await(miost_id id)
{
	miost_ready ready = 0;
	int n;

	memset(storage, 0x55, sizeof(storage));
	n = miost_os_queue_poll(queue, storage, 8, scaled(10 * SECOND));
	check(n > 0);
	for (int i = 0; i < n; i++) {
		check_eq(storage[i].id, id);
		check_eq(storage[i].reserved, 0);
		ready |= storage[i].readiness;
	}
	return ready;
}

static void
expect(miost_id id, miost_ready ready)
{
	check_eq(await(id), ready);
}

static void
expect_nothing(void)
{
	check_eq(miost_os_queue_poll(queue, storage, 8, 0), 0);
}

static int
set(int fd, miost_id id, miost_interests interests, miost_options options)
{
	return miost_os_queue_set(queue, fd, id, interests, options);
}

static int
reregister(int fd, miost_interests interests, miost_options options)
{
	return miost_os_queue_reregister(queue, fd, 1, interests, options);
}

static void
send_byte(int fd)
{
	check_eq(write(fd, "x", 1), 1);
}

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
	int fds[2];

	open_queue();
	make_pair(fds);
	check_ok(set(fds[0], 1, 0, MIOST_LEVEL));
	check_ok(set(fds[0], 1, MIOST_READABLE, MIOST_LEVEL));
	expect_nothing();
	send_byte(fds[1]);
	expect(1, MIOST_READABLE);
	check_ok(set(fds[0], 2, MIOST_WRITABLE, MIOST_EDGE));
	expect(2, MIOST_WRITABLE);
	expect_nothing();
	check_ok(set(fds[0], 2, MIOST_WRITABLE, MIOST_EDGE));
	expect(2, MIOST_WRITABLE);
	check_ok(set(fds[0], 3, MIOST_READABLE, MIOST_ONESHOT));
	for (int i = 0; i < 2; i++) {
		expect(3, MIOST_READABLE);
		expect_nothing();
		check_ok(set(fds[0], 3, MIOST_READABLE, MIOST_ONESHOT));
	}
	check_ok(reregister(fds[0], MIOST_READABLE, MIOST_LEVEL));
	expect(1, MIOST_READABLE);
	check_ok(set(fds[0], 4, 0, MIOST_LEVEL));
	expect_nothing();
	check_eq(miost_os_queue_deregister(queue, fds[0]), -ENOENT);
	check_ok(set(fds[0], 4, 0, MIOST_LEVEL));
	check_ok(miost_os_queue_register(queue, fds[0], 5, MIOST_READABLE,
					 MIOST_LEVEL));
	expect(5, MIOST_READABLE);
	close_queue(fds);
}

/* A library closes its socket, and opens another of the same number. */
static void
set_another_of_the_number(void)
{
	int old[2], fds[2];

	open_queue();
	make_pair(old);
	check_ok(set(old[0], 1, MIOST_READABLE, MIOST_LEVEL));
	for (miost_id id = 2; id < 5; id++) {
		make_pair(fds);
		check_eq(dup2(fds[0], old[0]), old[0]);
		close(fds[0]);
		close(old[1]);
		old[1] = fds[1];
		check_ok(set(old[0], id, MIOST_READABLE, MIOST_LEVEL));
		expect_nothing();
		send_byte(old[1]);
		expect(id, MIOST_READABLE);
	}
	close_queue(old);
}

static void
set_errors(void)
{
	int fds[2];

	open_queue();
	make_pair(fds);
	check_eq(set(fds[0], 1, MIOST_HUP, MIOST_LEVEL), -EINVAL);
	check_eq(set(fds[0], 1, MIOST_READABLE, 8), -EINVAL);
	check_eq(set(fds[0], 1, 0, 8), -EINVAL);
	check_eq(set(fds[0], 1, MIOST_READABLE,
		     MIOST_EXCLUSIVE | MIOST_ONESHOT), -EINVAL);
	check_eq(set(fds[0], 1, MIOST_READ_CLOSED, MIOST_EXCLUSIVE), -EINVAL);
	check_eq(set(-1, 1, MIOST_READABLE, MIOST_LEVEL), -EBADF);
	check_eq(set(-1, 1, 0, MIOST_LEVEL), -EBADF);
	check_eq(set(miost_os_queue_fd(queue), 1, MIOST_READABLE, MIOST_LEVEL),
		 -EINVAL);
	expect_nothing();
	check_eq(miost_os_queue_deregister(queue, fds[0]), -ENOENT);
	close_queue(fds);
}

static void
set_exclusive(void)
{
	int fds[2];

	open_queue();
	make_pair(fds);
	if (!miost_has(MIOST_FEATURE_EXCLUSIVE)) {
		check_eq(set(fds[0], 1, MIOST_READABLE, MIOST_EXCLUSIVE),
			 -ENOTSUP);
		close_queue(fds);
		tap_skip("this system has no exclusive wake-ups");
	}
	send_byte(fds[1]);
	for (miost_id id = 1; id < 3; id++) {
		check_ok(set(fds[0], id, MIOST_READABLE, MIOST_EXCLUSIVE));
		expect(id, MIOST_READABLE);
	}
	check_ok(set(fds[0], 3, MIOST_READABLE, MIOST_LEVEL));
	expect(3, MIOST_READABLE);
	check_ok(set(fds[0], 4, MIOST_READABLE, MIOST_EXCLUSIVE));
	expect(4, MIOST_READABLE);
	check_ok(set(fds[0], 4, 0, MIOST_LEVEL));
	check_eq(miost_os_queue_deregister(queue, fds[0]), -ENOENT);
	close_queue(fds);
}

/* Paused. */

static void
pause_and_resume(void)
{
	static const miost_options options[] = { MIOST_LEVEL, MIOST_EDGE,
						 MIOST_ONESHOT };
	int fds[2];

	open_queue();
	make_pair(fds);
	check_ok(miost_os_queue_register(queue, fds[0], 1, 0, MIOST_LEVEL));
	if (on_epoll())
		check_eq(miost_os_queue_register(queue, fds[0], 1, 0,
						 MIOST_LEVEL), -EEXIST);
	expect_nothing();
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		send_byte(fds[1]);
		expect_nothing();
		check_ok(reregister(fds[0], MIOST_READABLE, options[i]));
		expect(1, MIOST_READABLE);
		check_ok(reregister(fds[0], 0, options[i]));
		expect_nothing();
		check_ok(reregister(fds[0], MIOST_WRITABLE, options[i]));
		expect(1, MIOST_WRITABLE);
		check_ok(reregister(fds[0], 0, options[i]));
		take_byte(fds[0]);
		expect_nothing();
		check_ok(reregister(fds[0], MIOST_READABLE, options[i]));
		expect_nothing();
		check_ok(reregister(fds[0], 0, MIOST_LEVEL));
	}
	check_ok(miost_os_queue_deregister(queue, fds[0]));
	check_eq(reregister(fds[0], 0, MIOST_LEVEL), -ENOENT);
	check_eq(miost_os_queue_deregister(queue, fds[0]), -ENOENT);
	check_eq(miost_os_queue_register(queue, -1, 1, 0, MIOST_LEVEL),
		 -EBADF);
	close_queue(fds);
}

/* The end of both halves is told all the same on epoll, that of one is not. */
static void
pause_and_hang_up(void)
{
	int fds[2];

	open_queue();
	make_pair(fds);
	check_ok(miost_os_queue_register(queue, fds[0], 1, 0, MIOST_LEVEL));
	send_byte(fds[1]);
	check_ok(miost_socket_shutdown(fds[1], SHUT_WR));
	expect_nothing();
	close(fds[1]);
	if (on_epoll())
		expect(1, MIOST_HUP | MIOST_READ_CLOSED | MIOST_WRITE_CLOSED);
	else
		expect_nothing();
	check_ok(reregister(fds[0], MIOST_READABLE, MIOST_LEVEL));
	check(has_all(await(1), MIOST_READABLE | MIOST_HUP |
				MIOST_READ_CLOSED));
	close(fds[0]);
	miost_os_queue_free(queue);
}

/* A pipe's reader and writer, and one whose other end is gone. */
static void
pause_pipes(void)
{
	int fds[2];

	open_queue();
	make_pipe(fds);
	for (int i = 0; i < 2; i++)
		check_ok(miost_os_queue_register(queue, fds[i], 1, 0,
						 MIOST_LEVEL));
	send_byte(fds[1]);
	expect_nothing();
	check_ok(reregister(fds[0], MIOST_READABLE, MIOST_EDGE));
	expect(1, MIOST_READABLE);
	check_ok(reregister(fds[1], MIOST_WRITABLE, MIOST_EDGE));
	expect(1, MIOST_WRITABLE);
	for (int i = 0; i < 2; i++)
		check_ok(miost_os_queue_deregister(queue, fds[i]));
	close_queue(fds);
}

/* The half-close alone. */

static void
need_read_closed(void)
{
	int fds[2];
	int err;

	open_queue();
	make_pair(fds);
	err = set(fds[0], 1, MIOST_READ_CLOSED, MIOST_LEVEL);
	check_eq(err, miost_has(MIOST_FEATURE_READ_CLOSED) ? 0 : -ENOTSUP);
	/* With data that is to be told, every system can. */
	check_ok(set(fds[0], 1, MIOST_READ_CLOSED | MIOST_READABLE,
		     MIOST_LEVEL));
	close_queue(fds);
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

/* Data is not told, its end is; fds[0] is watched. */
static void
half_close_of(const int fds[2])
{
	static char block[1000];

	check_ok(set(fds[0], 1, MIOST_READ_CLOSED, MIOST_LEVEL));
	for (int i = 0; i < 5; i++) {
		check_eq(write(fds[1], block, sizeof(block)), sizeof(block));
		wait_for(fds[0], POLLIN);
		expect_nothing();
	}
	check_ok(miost_socket_shutdown(fds[1], SHUT_WR));
	for (int i = 0; i < 3; i++)
		expect_half_close();
	for (int i = 0; i < 5; i++)
		check_eq(miost_socket_read(fds[0], block, sizeof(block)),
			 sizeof(block));
	check_eq(miost_socket_read(fds[0], block, sizeof(block)), 0);
	check_ok(set(fds[0], 1, MIOST_READ_CLOSED, MIOST_EDGE));
	expect_half_close();
	expect_nothing();
	check_ok(set(fds[0], 1, MIOST_READ_CLOSED, MIOST_ONESHOT));
	expect_half_close();
	expect_nothing();
	/* It writes on, and does not spin. */
	check_ok(set(fds[0], 1, MIOST_WRITABLE, MIOST_LEVEL));
	expect(1, MIOST_WRITABLE);
	close_queue(fds);
}

static void
half_close_unix(void)
{
	int fds[2];

	need_read_closed();
	open_queue();
	make_pair(fds);
	half_close_of(fds);
}

static void
half_close_tcp(void)
{
	int fds[2];

	need_read_closed();
	open_queue();
	make_tcp_pair("127.0.0.1:0", fds);
	half_close_of(fds);
}

/* A writer hears of it, of nothing before it, and once. */
static void
half_close_to_a_writer(void)
{
	int fds[2];

	need_read_closed();
	open_queue();
	make_pair(fds);
	check_ok(set(fds[0], 1, MIOST_WRITABLE | MIOST_READ_CLOSED,
		     MIOST_EDGE));
	expect(1, MIOST_WRITABLE);
	send_byte(fds[1]);
	check(miost_os_queue_poll(queue, storage, 8, 0) <= 0 ||
	      !(storage[0].readiness & MIOST_READABLE));
	check_ok(miost_socket_shutdown(fds[1], SHUT_WR));
	check(has_all(await(1), MIOST_HUP | MIOST_READ_CLOSED));
	check(!(storage[0].readiness & MIOST_WRITE_CLOSED));
	expect_nothing();
	close_queue(fds);
}

/* A hang-up of both halves has both bits. */
static void
both_halves(void)
{
	int fds[2];

	need_read_closed();
	open_queue();
	make_pair(fds);
	check_ok(set(fds[0], 1, MIOST_WRITABLE | MIOST_READ_CLOSED,
		     MIOST_LEVEL));
	expect(1, MIOST_WRITABLE);
	close(fds[1]);
	check(has_all(await(1), MIOST_HUP | MIOST_READ_CLOSED |
				MIOST_WRITE_CLOSED));
	close(fds[0]);
	miost_os_queue_free(queue);
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
change(void *arg)
{
	struct changer *changer = arg;
	miost_id id = changer->id;
	int fd = changer->fds[0];

	for (int i = 0; i < ROUNDS; i++) {
		must(miost_os_queue_register(queue, fd, id, MIOST_WRITABLE,
					     MIOST_LEVEL));
		must(miost_os_queue_reregister(queue, fd, id, MIOST_READABLE,
					       MIOST_EDGE));
		must(miost_os_queue_set(queue, fd, id, MIOST_WRITABLE,
					MIOST_ONESHOT));
		must(miost_os_queue_reregister(queue, fd, id, 0, MIOST_LEVEL));
		must(miost_os_queue_deregister(queue, fd));
		must(miost_os_queue_set(queue, fd, id, 0, MIOST_LEVEL));
		must(miost_os_queue_set(queue, fd, id, MIOST_WRITABLE,
					MIOST_EDGE));
		must(miost_os_queue_set(queue, fd, id, 0, MIOST_LEVEL));
	}
	must(miost_os_queue_register(queue, fd, id, MIOST_WRITABLE,
				     MIOST_ONESHOT));
	must(miost_waker_wake(changer->waker));
	return NULL;
}

/* Every one has its event when all is set, whatever came in between. */
static void
changed_by_threads(void)
{
	struct changer changers[THREADS];
	int finals = 0;

	open_queue();
	for (int i = 0; i < THREADS; i++) {
		struct changer *changer = &changers[i];

		make_pair(changer->fds);
		changer->id = (miost_id)i;
		changer->failed = 0;
		check_ok(miost_waker_new(queue, changer->id + 100,
					 &changer->waker));
	}
	for (int i = 0; i < THREADS; i++)
		check_ok(pthread_create(&changers[i].thread, NULL, change,
					&changers[i]));
	while (finals < THREADS) {
		int n = miost_os_queue_poll(queue, storage, 8, MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++) {
			finals += storage[i].id >= 100;
			check(storage[i].id % 100 < THREADS);
			check(storage[i].id >= 100 ||
			      storage[i].readiness == MIOST_WRITABLE);
		}
	}
	for (int i = 0; i < THREADS; i++)
		check_ok(pthread_join(changers[i].thread, NULL));
	/* Armed anew, each is told once more. */
	for (int i = 0; i < THREADS; i++) {
		struct changer *changer = &changers[i];

		check_eq(changer->failed, 0);
		check_ok(miost_os_queue_set(queue, changer->fds[0],
					    changer->id, MIOST_WRITABLE,
					    MIOST_ONESHOT));
		expect(changer->id, MIOST_WRITABLE);
		miost_waker_free(changer->waker);
		close_pair(changer->fds);
	}
	miost_os_queue_free(queue);
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

TAP_MAIN(tests)
