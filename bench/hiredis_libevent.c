/* SPDX-License-Identifier: MIT */
/* hiredis in a loop of libevent, by its own adapter. */
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libevent.h>

#include "client.h"

static struct event_base *base;

void
loop_open(void *context)
{
	base = event_base_new();
	must(base != NULL, "event_base_new");
	must(redisLibeventAttach(context, base) == REDIS_OK,
	     "redisLibeventAttach");
}

void
loop_run(void)
{
	must(event_base_dispatch(base) == 0, "event_base_dispatch");
}

void
loop_stop(void)
{
	event_base_loopbreak(base);
}
