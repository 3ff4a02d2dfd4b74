/* SPDX-License-Identifier: MIT */
/*
 * http ADDRESS: examples/http.c on this peer, until it is killed. All that
 * serves a connection is code of the examples; what they ask of libmiost's
 * queue and timers goes to the peer, which calls it back without a list of
 * events between them.
 */
#include <stdlib.h>

#include <miost.h>

#include "bench.h"

/* The names that the examples use stand for ours below. */
#define main example_main
#define report example_report
#define miost_os_queue_new bench_queue_new
#define miost_os_queue_free bench_queue_free
#define miost_os_queue_register bench_register
#define miost_os_queue_reregister bench_reregister
#define miost_os_queue_deregister bench_deregister
#define miost_timers_new bench_timers_new
#define miost_timers_free bench_timers_free
#define miost_timers_add_timeout bench_timer_add
#define miost_timers_get bench_timer_get
#define miost_timers_change_timeout bench_timer_change
#define miost_timers_cancel bench_timer_cancel

int example_main(int argc, char **argv);
static int bench_queue_new(struct miost_os_queue **queue);
static void bench_queue_free(struct miost_os_queue *queue);
static int bench_register(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_interests interests, miost_options options);
static int bench_reregister(struct miost_os_queue *queue, int fd, miost_id id,
			    miost_interests interests, miost_options options);
static int bench_deregister(struct miost_os_queue *queue, int fd);
static int bench_timers_new(struct miost_timers **timers);
static void bench_timers_free(struct miost_timers *timers);
static int bench_timer_add(struct miost_timers *timers, miost_id id,
			   int64_t timeout, miost_timer *key);
static int bench_timer_get(const struct miost_timers *timers, miost_timer key,
			   int64_t *deadline);
static int bench_timer_change(struct miost_timers *timers, miost_timer key,
			      int64_t timeout);
static int bench_timer_cancel(struct miost_timers *timers, miost_timer key);

#include "../examples/server.c"

#include "../examples/http.c"

enum { MOST = 65536 };

static void *loop;

/* By descriptor: what it is registered by, or NULL, whose it is, for what. */
static struct handler *ios[MOST];
static miost_id ids[MOST];
static miost_interests interests_of[MOST];

/* A timer: a key is its address. */
struct keyed {
	miost_id id;
	struct handler *handler;
	bool live;
};
static struct keyed *keyed_of[MOST];
static unsigned int keyed_count;

static void
on_io(struct handler *io)
{
	const struct miost_event event = { .id = ids[io->fd],
					   .readiness = interests_of[io->fd] };

	handle_event(&http, &event);
}

static void
on_timer(struct handler *timer)
{
	const struct miost_event event = { .id = keyed_of[timer->index]->id,
					   .readiness = MIOST_TIMER };

	keyed_of[timer->index]->live = false;
	handle_event(&http, &event);
}

static int
bench_queue_new(struct miost_os_queue **queue)
{
	loop = peer.open(0);
	*queue = NULL;
	return 0;
}

static void
bench_queue_free(struct miost_os_queue *queue)
{
	(void)queue;
}

static int
to_bench(miost_interests interests)
{
	return (interests & MIOST_READABLE ? IN : 0) |
	       (interests & MIOST_WRITABLE ? OUT : 0);
}

static int
bench_register(struct miost_os_queue *queue, int fd, miost_id id,
	       miost_interests interests, miost_options options)
{
	(void)queue, (void)options;
	/* The driver gives no input. */
	if (id == INPUT)
		return -EPERM;
	must(fd < MOST, "too many descriptors");
	ids[fd] = id;
	interests_of[fd] = interests;
	/* Not the last one's memory: a peer may not be done with it. */
	ios[fd] = new_handlers(loop, IO, 1, on_io);
	ios[fd]->fd = fd;
	peer.init(loop, IO, ios[fd]);
	peer.add(loop, ios[fd], to_bench(interests));
	return 0;
}

static int
bench_reregister(struct miost_os_queue *queue, int fd, miost_id id,
		 miost_interests interests, miost_options options)
{
	(void)queue, (void)id, (void)options;
	interests_of[fd] = interests;
	peer.change(loop, ios[fd], to_bench(interests));
	return 0;
}

static int
bench_deregister(struct miost_os_queue *queue, int fd)
{
	(void)queue;
	peer.remove(loop, ios[fd]);
	ios[fd] = NULL;
	return 0;
}

static int
bench_timers_new(struct miost_timers **timers)
{
	*timers = NULL;
	return 0;
}

static void
bench_timers_free(struct miost_timers *timers)
{
	(void)timers;
}

static int
bench_timer_add(struct miost_timers *timers, miost_id id, int64_t timeout,
		miost_timer *key)
{
	struct keyed *keyed = calloc(1, sizeof(*keyed));

	(void)timers;
	must(keyed != NULL && keyed_count < MOST, "timer");
	keyed->id = id;
	keyed->handler = new_handlers(loop, TIMER, 1, on_timer);
	keyed->handler->index = keyed_count;
	keyed_of[keyed_count++] = keyed;
	keyed->live = true;
	peer.timer_add(loop, keyed->handler, timeout);
	if (key != NULL)
		*key = (uintptr_t)keyed;
	return 0;
}

static int
bench_timer_get(const struct miost_timers *timers, miost_timer key,
		int64_t *deadline)
{
	const struct keyed *keyed = (const void *)(uintptr_t)key;

	(void)timers, (void)deadline;
	return keyed->live ? 0 : -ENOENT;
}

static int
bench_timer_change(struct miost_timers *timers, miost_timer key,
		   int64_t timeout)
{
	const struct keyed *keyed = (const void *)(uintptr_t)key;

	(void)timers;
	if (keyed == NULL || !keyed->live)
		return -ENOENT;
	peer.timer_change(loop, keyed->handler, timeout);
	return 0;
}

static int
bench_timer_cancel(struct miost_timers *timers, miost_timer key)
{
	struct keyed *keyed = (void *)(uintptr_t)key;

	(void)timers;
	if (keyed == NULL || !keyed->live)
		return -ENOENT;
	keyed->live = false;
	peer.timer_cancel(loop, keyed->handler);
	return 0;
}

void
run_http(char **arguments)
{
	must(*arguments != NULL && peer.timer_add != NULL, "http ADDRESS");
	must(open_server(&http, *arguments) == 0, *arguments);
	for (;;) {
		peer.poll(loop, true);
		free_closed(&http);
	}
}
