/* SPDX-License-Identifier: MIT */
/*
 * hiredis [-t MS] [-w WINDOW] HOST:PORT|PATH N
 *
 * hiredis's asynchronous connections in a loop of ours: the functions that a
 * connection calls to begin and to stop reading and writing change what its
 * descriptor is watched for. The descriptor and the library's timer, which
 * hiredis has from 1.0 on, share an id. It is a pointer to a struct that is the
 * program's and outlives the connection: an event that comes too late finds
 * that there is none.
 *
 * Shown with a client that sets the keys 1 to N of a Redis server, with up to
 * WINDOW (N) commands under way. If the connection is lost, or the server is
 * silent for MS (1000) while it owes an answer, it connects anew, and sends
 * again what was not answered.
 *
 *	cc -o hiredis hiredis.c $(pkg-config --cflags --libs miost hiredis)
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <hiredis/async.h>

#include <miost.h>

struct redis_loop {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;
	redisAsyncContext *context;	/* NULL: not connected */
	miost_interests interests;
	int err;			/* of ours, in a call of hiredis's */
};

/* hiredis asks again and again for what it has; only a change is a call. */
static void
redis_loop_watch(struct redis_loop *loop, miost_interests interests)
{
	int err;

	if (interests == loop->interests)
		return;
	err = miost_os_queue_set(loop->queue, loop->context->c.fd,
				 (miost_id)loop, interests, MIOST_LEVEL);
	loop->interests = interests;
	if (err < 0)
		loop->err = err;
}

static void
redis_loop_add_read(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, loop->interests | MIOST_READABLE);
}

static void
redis_loop_del_read(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, loop->interests & ~MIOST_READABLE);
}

static void
redis_loop_add_write(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, loop->interests | MIOST_WRITABLE);
}

static void
redis_loop_del_write(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, loop->interests & ~MIOST_WRITABLE);
}

/* The context goes, and its descriptor, which is still open. */
static void
redis_loop_cleanup(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, 0);
	(void)miost_timers_cancel(loop->timers, loop->timer);
	loop->context = NULL;
}

#if HIREDIS_MAJOR >= 1
static void
redis_loop_schedule(void *data, struct timeval span)
{
	struct redis_loop *loop = data;
	int err;

	(void)miost_timers_cancel(loop->timers, loop->timer);
	err = miost_timers_add_timeout(loop->timers, (miost_id)loop,
				       span.tv_sec * INT64_C(1000000000) +
					       span.tv_usec * INT64_C(1000),
				       &loop->timer);
	if (err < 0)
		loop->err = err;
}
#endif

/* One context at a time. The loop's queue and timers are set already. */
static void
redis_loop_attach(struct redis_loop *loop, redisAsyncContext *context)
{
	loop->context = context;
	loop->interests = 0;
	context->ev.data = loop;
	context->ev.addRead = redis_loop_add_read;
	context->ev.delRead = redis_loop_del_read;
	context->ev.addWrite = redis_loop_add_write;
	context->ev.delWrite = redis_loop_del_write;
	context->ev.cleanup = redis_loop_cleanup;
#if HIREDIS_MAJOR >= 1
	context->ev.scheduleTimer = redis_loop_schedule;
#endif
	/* The first writability says that it is connected. */
	redis_loop_add_write(loop);
}

/* Handles an event. Each call may free the context. */
static int
redis_loop_handle(struct redis_loop *loop, miost_ready readiness)
{
#if HIREDIS_MAJOR >= 1
	if (loop->context != NULL && readiness & MIOST_TIMER)
		redisAsyncHandleTimeout(loop->context);
#endif
	if (loop->context != NULL && readiness & MIOST_MAY_READ)
		redisAsyncHandleRead(loop->context);
	if (loop->context != NULL && readiness & MIOST_MAY_WRITE)
		redisAsyncHandleWrite(loop->context);
	return loop->err;
}

/* What is shown with it. */

#define MS INT64_C(1000000)
#define PAUSE (50 * MS)		/* before another try to connect */

/* Ids that no pointer has. */
enum { SILENCE, AGAIN };

struct client {
	struct redis_loop loop;
	const char *host;	/* or the path of a socket */
	int port;		/* 0: it is a path */
	bool connected;
	long n, sent, answered;
	long window;
	int64_t patience;
	miost_timer silence, again;
	int err;
};

static void
fail(struct client *client, int err)
{
	if (client->err == 0)
		client->err = err;
}

/* The server has to connect, or to answer the first of the commands. */
static bool
owes(const struct client *client)
{
	return !client->connected || client->answered < client->sent;
}

/* The server has shown itself: its time starts anew. */
static void
wait_for_server(struct client *client)
{
	struct miost_timers *timers = client->loop.timers;
	int err = 0;

	if (!owes(client))
		(void)miost_timers_cancel(timers, client->silence);
	else if (miost_timers_change_timeout(timers, client->silence,
					     client->patience) < 0)
		err = miost_timers_add_timeout(timers, SILENCE,
					       client->patience,
					       &client->silence);
	if (err < 0)
		fail(client, err);
}

static void on_answer(redisAsyncContext *context, void *answer, void *unused);

static void
send_some(struct client *client)
{
	while (client->err == 0 && client->sent < client->n &&
	       client->sent - client->answered < client->window) {
		long key = client->sent + 1;

		/* If it fails, the connection ends. */
		if (redisAsyncCommand(client->loop.context, on_answer, NULL,
				      "SET %ld %ld", key, key * 7) != REDIS_OK)
			return;
		client->sent++;
	}
}

static void
on_answer(redisAsyncContext *context, void *answer, void *unused)
{
	struct client *client = context->data;
	redisReply *reply = answer;

	(void)unused;
	/* There is none, since the connection ends. */
	if (reply == NULL)
		return;
	if (reply->type != REDIS_REPLY_STATUS) {
		fprintf(stderr, "hiredis: %s\n",
			reply->type == REDIS_REPLY_ERROR ? reply->str
							 : "a strange answer");
		fail(client, -EPROTO);
		return;
	}
	client->answered++;
	send_some(client);
	wait_for_server(client);
}

static void
on_connect(const redisAsyncContext *context, int status)
{
	struct client *client = context->data;

	if (status != REDIS_OK) {
		printf("%s\n", context->errstr);
		return;
	}
	printf("connected\n");
	client->connected = true;
	client->sent = client->answered;
	send_some(client);
	wait_for_server(client);
}

static void
on_disconnect(const redisAsyncContext *context, int status)
{
	if (status != REDIS_OK)
		printf("%s\n", context->errstr);
}

static void
connect_to(struct client *client)
{
	redisAsyncContext *context =
		client->port > 0 ? redisAsyncConnect(client->host,
						     client->port)
				 : redisAsyncConnectUnix(client->host);

	if (context == NULL) {
		fail(client, -ENOMEM);
		return;
	}
	if (context->err != 0) {
		printf("%s\n", context->errstr);
		redisAsyncFree(context);
		return;
	}
	context->data = client;
	redis_loop_attach(&client->loop, context);
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	client->connected = false;
	wait_for_server(client);
}

/*
 * Without a connection there will be another one. The timer makes it one of a
 * later batch: no event of the old connection is left then.
 */
static void
care_for_connection(struct client *client)
{
	struct miost_timers *timers = client->loop.timers;
	int err;

	if (client->loop.context != NULL ||
	    miost_timers_get(timers, client->again, NULL) == 0)
		return;
	(void)miost_timers_cancel(timers, client->silence);
	err = miost_timers_add_timeout(timers, AGAIN, PAUSE, &client->again);
	if (err < 0)
		fail(client, err);
}

static void
handle(struct client *client, struct miost_event event)
{
	struct redis_loop *loop = &client->loop;

	if (event.id == (miost_id)loop) {
		int err = redis_loop_handle(loop, event.readiness);

		if (err < 0)
			fail(client, err);
	} else if (event.id == AGAIN) {
		connect_to(client);
	} else if (loop->context != NULL && owes(client) &&
		   miost_timers_get(loop->timers, client->silence, NULL) < 0) {
		/* And no answer came in this very batch. */
		printf("no answer in time\n");
		redisAsyncFree(loop->context);
	}
}

static int
set_all(struct client *client)
{
	struct redis_loop *loop = &client->loop;
	struct miost_source *sources[] = { miost_os_queue_source(loop->queue),
					   miost_timers_source(loop->timers) };
	struct miost_event events[8];

	connect_to(client);
	while (client->err == 0 && client->answered < client->n) {
		int n;

		care_for_connection(client);
		n = miost_poll_events(sources, 2, events, 8, MIOST_FOREVER);
		if (n < 0 && n != -EINTR)
			fail(client, n);
		for (int i = 0; i < n && client->err == 0; i++)
			handle(client, events[i]);
	}
	if (loop->context != NULL)
		redisAsyncFree(loop->context);
	if (client->err == 0)
		printf("%ld answers\n", client->answered);
	return client->err;
}

static int
run(struct client *client)
{
	struct redis_loop *loop = &client->loop;
	int err = miost_os_queue_new(&loop->queue);

	if (err == 0)
		err = miost_timers_new(&loop->timers);
	if (err == 0)
		err = set_all(client);
	miost_timers_free(loop->timers);
	miost_os_queue_free(loop->queue);
	return err;
}

/* False for wrong use. */
static bool
parse(struct client *client, int argc, char **argv)
{
	int option;
	char *colon;

	while ((option = getopt(argc, argv, "t:w:")) != -1) {
		if (option == 't')
			client->patience = strtol(optarg, NULL, 10) * MS;
		else if (option == 'w')
			client->window = strtol(optarg, NULL, 10);
		else
			return false;
	}
	if (argc - optind != 2)
		return false;
	client->host = argv[optind];
	client->n = strtol(argv[optind + 1], NULL, 10);
	colon = strrchr(argv[optind], ':');
	if (colon != NULL && strchr(argv[optind], '/') == NULL) {
		*colon = '\0';
		client->port = (int)strtol(colon + 1, NULL, 10);
	}
	return client->n > 0 && client->patience > 0 && client->window > 0;
}

int
main(int argc, char **argv)
{
	static struct client client = { .patience = 1000 * MS,
					.window = 1000000000 };
	int err;

	if (!parse(&client, argc, argv)) {
		fprintf(stderr, "usage: hiredis [-t MS] [-w WINDOW] "
				"HOST:PORT|PATH N\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* hiredis writes to a socket whose peer may be gone. */
	signal(SIGPIPE, SIG_IGN);
	err = run(&client);
	if (err < 0)
		fprintf(stderr, "hiredis: %s\n", strerror(-err));
	return err < 0;
}
