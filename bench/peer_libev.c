/* SPDX-License-Identifier: MIT */
/* libev. Its loops are told not to look at the environment. */
#include <stdio.h>
#include <ev.h>

#include "bench.h"

#define SECOND 1e9

static const char *
libev_version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%d.%d", ev_version_major(),
		 ev_version_minor());
	return text;
}

static void *
libev_open(unsigned int how)
{
	struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);

	(void)how;
	must(loop != NULL, "loop");
	return loop;
}

static void
libev_poll(void *loop, bool wait)
{
	ev_run(loop, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct handler *handler = io->data;

	(void)loop, (void)events;
	handler->call(handler);
}

static void
on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct handler *handler = timer->data;

	(void)loop, (void)events;
	handler->call(handler);
}

static void
on_async(struct ev_loop *loop, ev_async *async, int events)
{
	struct handler *handler = async->data;

	(void)loop, (void)events;
	handler->call(handler);
}

static void
libev_init(void *loop, enum kind kind, struct handler *handler)
{
	ev_io *io = (void *)handler->state;
	ev_timer *timer = (void *)handler->state;
	ev_async *async = (void *)handler->state;

	if (kind == IO) {
		ev_init(io, on_io);
		io->data = handler;
	} else if (kind == TIMER) {
		ev_init(timer, on_timer);
		timer->data = handler;
	} else {
		ev_async_init(async, on_async);
		async->data = handler;
		ev_async_start(loop, async);
	}
}

static void
libev_add(void *loop, struct handler *handler, int interests)
{
	ev_io *io = (void *)handler->state;

	ev_io_set(io, handler->fd,
		  (interests & IN ? EV_READ : 0) |
			  (interests & OUT ? EV_WRITE : 0));
	ev_io_start(loop, io);
}

static void
libev_remove(void *loop, struct handler *handler)
{
	ev_io_stop(loop, (void *)handler->state);
}

static void
libev_change(void *loop, struct handler *handler, int interests)
{
	libev_remove(loop, handler);
	libev_add(loop, handler, interests);
}

static void
libev_timer_add(void *loop, struct handler *handler, int64_t span)
{
	ev_timer *timer = (void *)handler->state;

	ev_timer_set(timer, (double)span / SECOND, 0.);
	ev_timer_start(loop, timer);
}

/* As its manual advises for idle timeouts. */
static void
libev_timer_change(void *loop, struct handler *handler, int64_t span)
{
	ev_timer *timer = (void *)handler->state;

	timer->repeat = (double)span / SECOND;
	ev_timer_again(loop, timer);
	timer->repeat = 0.;
}

static void
libev_timer_cancel(void *loop, struct handler *handler)
{
	ev_timer_stop(loop, (void *)handler->state);
}

static void
libev_wake(void *loop, struct handler *handler)
{
	ev_async_send(loop, (void *)handler->state);
}

const struct peer peer = {
	.name = "libev",
	.version = libev_version,
	.size = { [IO] = sizeof(ev_io), [TIMER] = sizeof(ev_timer),
		  [WAKER] = sizeof(ev_async) },
	.open = libev_open,
	.poll = libev_poll,
	.init = libev_init,
	.add = libev_add,
	.change = libev_change,
	.remove = libev_remove,
	.timer_add = libev_timer_add,
	.timer_change = libev_timer_change,
	.timer_cancel = libev_timer_cancel,
	.wake = libev_wake,
};
