/* SPDX-License-Identifier: MIT */
/* hiredis in a loop of libuv, by its own adapter. */
#include <hiredis/hiredis.h>
#include <hiredis/async.h>
#include <hiredis/adapters/libuv.h>

#include "client.h"

static uv_loop_t loop;

void
loop_open(void *context)
{
	must(uv_loop_init(&loop) == 0, "uv_loop_init");
	must(redisLibuvAttach(context, &loop) == REDIS_OK, "redisLibuvAttach");
}

void
loop_run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
}

void
loop_stop(void)
{
	uv_stop(&loop);
}
