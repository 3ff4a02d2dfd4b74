/* SPDX-License-Identifier: MIT */
/*
 * The fixture of the tests of the system's queue. `f` is made anew for each
 * test by TAP_MAIN_WITH(tests, set_up, tear_down), or with set_up_pair.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "util.h"

enum { EVENTS = 8 };

static struct fixture {
	struct miost_os_queue *queue;
	struct miost_event events[EVENTS];
	int fds[2];			/* two connected sockets, or -1 */
	/* For tests that need one: freed with the queue, if not NULL. */
	struct miost_waker *waker;
	struct miost_signals *signals;
	struct miost_process *process;
} f;

static inline void
set_up(void)
{
	f = (struct fixture){ .fds = { -1, -1 } };
	check_ok(miost_os_queue_new(&f.queue));
}

static inline void
set_up_pair(void)
{
	set_up();
	make_pair(f.fds);
}

static inline void
free_queue(void)
{
	miost_os_queue_free(f.queue);
	f.queue = NULL;
}

static inline void
free_waker(void)
{
	miost_waker_free(f.waker);
	f.waker = NULL;
}

static inline void
free_signals(void)
{
	miost_signals_free(f.signals);
	f.signals = NULL;
}

static inline void
free_process(void)
{
	miost_process_free(f.process);
	f.process = NULL;
}

static inline void
tear_down(void)
{
	free_process();
	free_signals();
	free_waker();
	free_queue();
	for (int i = 0; i < 2; i++)
		if (f.fds[i] >= 0)
			drop(&f.fds[i]);
}

/* f.fds are TCP's from now on. */
static inline void
use_tcp(void)
{
	close_pair(f.fds);
	make_tcp_pair(IPV4, f.fds);
}

/* f.fds are the ends of a pipe: f.fds[0] reads. */
static inline void
use_pipe(void)
{
	close_pair(f.fds);
	make_pipe(f.fds);
}

static inline int
poll_some(size_t capacity, int64_t timeout)
{
	memset(f.events, 0x55, sizeof(f.events));
	return miost_os_queue_poll(f.queue, f.events, capacity, timeout);
}

static inline int
poll_for(int64_t timeout)
{
	return poll_some(EVENTS, timeout);
}

static inline void
expect_nothing(void)
{
	check_eq(poll_for(0), 0);
}

/* One descriptor's readiness, which may come in more than one event. */
static inline miost_ready
ready_of(miost_id id)
{
	miost_ready ready = 0;
	int n = poll_for(scaled(10 * SECOND));

	check(n > 0);
	for (int i = 0; i < n; i++) {
		check_eq(f.events[i].id, id);
		check_eq(f.events[i].reserved, 0);
		ready |= f.events[i].readiness;
	}
	return ready;
}

static inline void
expect(miost_id id, miost_ready ready)
{
	check_eq(ready_of(id), ready);
}

/* One event alone, of something that belongs to the queue. */
static inline void
expect_told(miost_id id)
{
	check_eq(poll_for(scaled(10 * SECOND)), 1);
	check_eq(f.events[0].id, id);
	check_eq(f.events[0].readiness, MIOST_READABLE);
}

/* What comes of these calls is returned, and what never should fail checked. */

static inline int
try_add(int fd, miost_id id, miost_interests interests, miost_options options)
{
	return miost_os_queue_register(f.queue, fd, id, interests, options);
}

static inline int
try_change(int fd, miost_id id, miost_interests interests,
	   miost_options options)
{
	return miost_os_queue_reregister(f.queue, fd, id, interests, options);
}

static inline int
try_set(int fd, miost_id id, miost_interests interests, miost_options options)
{
	return miost_os_queue_set(f.queue, fd, id, interests, options);
}

static inline int
take_out(int fd)
{
	return miost_os_queue_deregister(f.queue, fd);
}

static inline void
add(int fd, miost_id id, miost_interests interests, miost_options options)
{
	check_ok(try_add(fd, id, interests, options));
}

static inline void
change(int fd, miost_id id, miost_interests interests, miost_options options)
{
	check_ok(try_change(fd, id, interests, options));
}

static inline void
set(int fd, miost_id id, miost_interests interests, miost_options options)
{
	check_ok(try_set(fd, id, interests, options));
}

static inline void
send_byte(int fd)
{
	check_eq(write(fd, "x", 1), 1);
}

static inline void
drain(int fd)
{
	char buf[256];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
}

#endif
