/* SPDX-License-Identifier: MIT */
/* hiredis in a loop of libev, by its own adapter. */
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libev.h>

#include "client.h"

static struct ev_loop *loop;

void
loop_open(void *context)
{
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	must(loop != NULL, "loop");
	must(redisLibevAttach(loop, context) == REDIS_OK, "redisLibevAttach");
}

void
loop_run(void)
{
	ev_run(loop, 0);
}

void
loop_stop(void)
{
	ev_break(loop, EVBREAK_ONE);
}
