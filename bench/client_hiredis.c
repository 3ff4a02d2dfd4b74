/* SPDX-License-Identifier: MIT */
/* A client of a Redis server, whose requests are SET commands. */
#include "config.h"

#include <stdio.h>

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

#include "client.h"

static redisAsyncContext *context;
static long window, total, sent, answered;

const char *
client_version(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", HIREDIS_MAJOR, HIREDIS_MINOR,
		 HIREDIS_PATCH);
	return text;
}

static void on_answer(redisAsyncContext *from, void *answer, void *unused);

static void
send_some(void)
{
	for (; sent < total && sent - answered < window; sent++)
		must(redisAsyncCommand(context, on_answer, NULL, "SET %ld %ld",
				       sent % 1000, sent) == REDIS_OK,
		     "redisAsyncCommand");
}

static void
on_answer(redisAsyncContext *from, void *answer, void *unused)
{
	const redisReply *reply = answer;

	(void)from, (void)unused;
	must(reply != NULL && reply->type == REDIS_REPLY_STATUS, "answer");
	answered++;
	if (answered == total)
		loop_stop();
	send_some();
}

void
client_open(const char *server, long at_once)
{
	context = redisAsyncConnectUnix(server);
	must(context != NULL && context->err == 0, "redisAsyncConnectUnix");
	window = at_once;
	loop_open(context);
}

void
client_start(long n)
{
	total += n;
	send_some();
}
