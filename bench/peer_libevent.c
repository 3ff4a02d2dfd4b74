/* SPDX-License-Identifier: MIT */
/* libevent: its core, without buffers. */
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <sys/time.h>

#include "bench.h"

static void *
libevent_open(unsigned int how)
{
	struct event_base *base;

	(void)how;
	/* A wake from another thread needs its locks. */
	must(evthread_use_pthreads() == 0, "evthread_use_pthreads");
	base = event_base_new();
	must(base != NULL, "event_base_new");
	return base;
}

static void
libevent_poll(void *base, bool wait)
{
	/* Without the first it polls again while anything is ready. */
	int how = EVLOOP_ONCE | (wait ? EVLOOP_NO_EXIT_ON_EMPTY
				      : EVLOOP_NONBLOCK);

	must(event_base_loop(base, how) >= 0, "event_base_loop");
}

static void
on_event(evutil_socket_t fd, short events, void *arg)
{
	struct handler *handler = arg;

	(void)fd, (void)events;
	handler->call(handler);
}

static void
libevent_init(void *base, enum kind kind, struct handler *handler)
{
	if (kind == IO)
		return;		/* event_assign() is told the interests */
	must(event_assign((void *)handler->state, base, -1,
			  kind == WAKER ? EV_PERSIST : 0, on_event,
			  handler) == 0, "event_assign");
}

static void
libevent_add(void *base, struct handler *handler, int interests)
{
	struct event *event = (void *)handler->state;
	short events = EV_PERSIST;

	if (interests & IN)
		events |= EV_READ;
	if (interests & OUT)
		events |= EV_WRITE;
	must(event_assign(event, base, handler->fd, events, on_event,
			  handler) == 0, "event_assign");
	must(event_add(event, NULL) == 0, "event_add");
}

static void
libevent_remove(void *base, struct handler *handler)
{
	(void)base;
	must(event_del((void *)handler->state) == 0, "event_del");
}

static void
libevent_change(void *base, struct handler *handler, int interests)
{
	libevent_remove(base, handler);
	libevent_add(base, handler, interests);
}

static void
libevent_timer_add(void *base, struct handler *handler, int64_t span)
{
	struct timeval time = { .tv_sec = span / 1000000000,
				.tv_usec = span % 1000000000 / 1000 };

	(void)base;
	must(event_add((void *)handler->state, &time) == 0, "event_add");
}

static void
libevent_timer_cancel(void *base, struct handler *handler)
{
	libevent_remove(base, handler);
}

static void
libevent_wake(void *base, struct handler *handler)
{
	(void)base;
	event_active((void *)handler->state, EV_READ, 0);
}

const struct peer peer = {
	.name = "libevent",
	.version = event_get_version,
	.size = { [IO] = sizeof(struct event), [TIMER] = sizeof(struct event),
		  [WAKER] = sizeof(struct event) },
	.open = libevent_open,
	.poll = libevent_poll,
	.init = libevent_init,
	.add = libevent_add,
	.change = libevent_change,
	.remove = libevent_remove,
	.timer_add = libevent_timer_add,
	.timer_change = libevent_timer_add,	/* moves one that is pending */
	.timer_cancel = libevent_timer_cancel,
	.wake = libevent_wake,
};
