/* SPDX-License-Identifier: MIT */
/* libuv: descriptors by uv_poll, as other libraries' sockets are served. */
#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "bench.h"

static void
check(int err, const char *what)
{
	if (err < 0)
		errno = -err;
	must(err >= 0, what);
}

static void *
libuv_open(unsigned int how)
{
	uv_loop_t *loop = calloc(1, sizeof(*loop));

	(void)how;
	must(loop != NULL, "loop");
	check(uv_loop_init(loop), "uv_loop_init");
	return loop;
}

static void
libuv_poll(void *loop, bool wait)
{
	uv_run(loop, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct handler *handler = poll->data;

	(void)status, (void)events;
	handler->call(handler);
}

static void
on_timer(uv_timer_t *timer)
{
	struct handler *handler = timer->data;

	handler->call(handler);
}

static void
on_async(uv_async_t *async)
{
	struct handler *handler = async->data;

	handler->call(handler);
}

static void
libuv_init(void *loop, enum kind kind, struct handler *handler)
{
	uv_handle_t *handle = (void *)handler->state;

	handle->data = handler;
	if (kind == IO)
		check(uv_poll_init(loop, (void *)handler->state, handler->fd),
		      "uv_poll_init");
	else if (kind == TIMER)
		check(uv_timer_init(loop, (void *)handler->state),
		      "uv_timer_init");
	else
		check(uv_async_init(loop, (void *)handler->state, on_async),
		      "uv_async_init");
}

static void
libuv_add(void *loop, struct handler *handler, int interests)
{
	(void)loop;
	check(uv_poll_start((void *)handler->state,
			    (interests & IN ? UV_READABLE : 0) |
				    (interests & OUT ? UV_WRITABLE : 0),
			    on_poll), "uv_poll_start");
}

static void
libuv_remove(void *loop, struct handler *handler)
{
	(void)loop;
	check(uv_poll_stop((void *)handler->state), "uv_poll_stop");
}

static void
libuv_timer_add(void *loop, struct handler *handler, int64_t span)
{
	(void)loop;
	check(uv_timer_start((void *)handler->state, on_timer,
			     (uint64_t)(span + 999999) / 1000000, 0),
	      "uv_timer_start");
}

static void
libuv_timer_cancel(void *loop, struct handler *handler)
{
	(void)loop;
	check(uv_timer_stop((void *)handler->state), "uv_timer_stop");
}

static void
libuv_wake(void *loop, struct handler *handler)
{
	(void)loop;
	check(uv_async_send((void *)handler->state), "uv_async_send");
}

const struct peer peer = {
	.name = "libuv",
	.version = uv_version_string,
	.size = { [IO] = sizeof(uv_poll_t), [TIMER] = sizeof(uv_timer_t),
		  [WAKER] = sizeof(uv_async_t) },
	.open = libuv_open,
	.poll = libuv_poll,
	.init = libuv_init,
	.add = libuv_add,
	.change = libuv_add,
	.remove = libuv_remove,
	.timer_add = libuv_timer_add,
	.timer_change = libuv_timer_add,
	.timer_cancel = libuv_timer_cancel,
	.wake = libuv_wake,
};
