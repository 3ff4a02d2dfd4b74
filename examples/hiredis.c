/* SPDX-License-Identifier: MIT */
/*
 * hiredis [-t MS] [-w WINDOW] HOST:PORT|PATH N
 *
 * Sets the keys 1 to N of a Redis server, with up to WINDOW (N) commands under
 * way. If the connection is lost, or the server is silent for MS (1000) while
 * it owes an answer, the program connects again and repeats the commands that
 * were not answered.
 *
 * The adapter gives a connection of hiredis the functions that it calls to
 * begin and to stop reading and writing; they change what its descriptor is
 * watched for. From 1.0 on hiredis also has a timer. The descriptor and the
 * timer share an id, which is a pointer to a struct of the program's. Free that
 * struct only when the batch is over: it can outlive the connection, and then
 * ignores events that are out of date. Look at its error before each poll: a
 * connection that has one may wait for an event that never comes, so free it.
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

/* The adapter. */

struct redis_loop {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;		/* 0: none */
	redisAsyncContext *context;	/* NULL: not connected */
	miost_interests interests;
	int err;	/* of miost, in a call of hiredis's */
};

/* hiredis often asks for what it has: only a change needs a system call. */
static void
redis_loop_watch(struct redis_loop *loop, miost_interests interests)
{
	int err;

	if (interests == loop->interests)
		return;
	loop->interests = interests;
	err = miost_os_queue_set(loop->queue, loop->context->c.fd,
				 (miost_id)loop, interests, MIOST_LEVEL);
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

/* hiredis is about to close the descriptor and free the context. */
static void
redis_loop_cleanup(void *data)
{
	struct redis_loop *loop = data;

	redis_loop_watch(loop, 0);
	(void)miost_timers_cancel(loop->timers, loop->timer);
	loop->timer = 0;
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

/* Ignores the event if this batch has already moved the timer or ended it. */
static void
redis_loop_time_out(struct redis_loop *loop)
{
	if (loop->timer == 0 ||
	    miost_timers_get(loop->timers, loop->timer, NULL) == 0)
		return;
	loop->timer = 0;
	redisAsyncHandleTimeout(loop->context);
}
#endif

/* A loop has one context at a time; the next one can follow when it is NULL. */
static int
redis_loop_attach(struct redis_loop *loop, struct miost_os_queue *queue,
		  struct miost_timers *timers, redisAsyncContext *context)
{
	*loop = (struct redis_loop){ .queue = queue,
				     .timers = timers,
				     .context = context };
	context->ev.data = loop;
	context->ev.addRead = redis_loop_add_read;
	context->ev.delRead = redis_loop_del_read;
	context->ev.addWrite = redis_loop_add_write;
	context->ev.delWrite = redis_loop_del_write;
	context->ev.cleanup = redis_loop_cleanup;
#if HIREDIS_MAJOR >= 1
	context->ev.scheduleTimer = redis_loop_schedule;
#endif
	/* The connection is made when the descriptor is first writable. */
	redis_loop_add_write(loop);
	return loop->err;
}

/* Handles an event. Each call of hiredis's may free the context. */
static void
redis_loop_handle(struct redis_loop *loop, miost_ready readiness)
{
#if HIREDIS_MAJOR >= 1
	if (loop->context != NULL && readiness & MIOST_TIMER)
		redis_loop_time_out(loop);
#endif
	if (loop->context != NULL && readiness & MIOST_MAY_READ)
		redisAsyncHandleRead(loop->context);
	if (loop->context != NULL && readiness & MIOST_MAY_WRITE)
		redisAsyncHandleWrite(loop->context);
}

/* What is shown with it. */

#define MS INT64_C(1000000)
#define PAUSE (50 * MS)		/* before another try to connect */

/* A pointer never has these values. */
enum { SILENCE, AGAIN };

struct client {
	struct redis_loop loop;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
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

/* Whether the server still has to connect, or to answer a command. */
static bool
owes(const struct client *client)
{
	return !client->connected || client->answered < client->sent;
}

/* The server has given a sign of life: its time starts again. */
static void
wait_for_server(struct client *client)
{
	struct miost_timers *timers = client->timers;
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

		/* This fails only when the connection is ending. */
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
	/* The connection ends without an answer. */
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
	int err;

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
	err = redis_loop_attach(&client->loop, client->queue, client->timers,
				context);
	if (err < 0) {
		fail(client, err);
		return;
	}
	redisAsyncSetConnectCallback(context, on_connect);
	redisAsyncSetDisconnectCallback(context, on_disconnect);
	client->connected = false;
	wait_for_server(client);
}

/*
 * A connection that was lost is replaced after a pause. By then no event of the
 * old one is left in the batch.
 */
static void
care_for_connection(struct client *client)
{
	struct miost_timers *timers = client->timers;
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
		redis_loop_handle(loop, event.readiness);
	} else if (event.id == AGAIN) {
		connect_to(client);
	} else if (loop->context != NULL && owes(client) &&
		   miost_timers_get(client->timers, client->silence, NULL) <
			   0) {
		/* No answer in this batch has set the timer again, either. */
		printf("no answer in time\n");
		redisAsyncFree(loop->context);
	}
}

static int
set_all(struct client *client)
{
	struct redis_loop *loop = &client->loop;
	struct miost_source *sources[] = {
		miost_os_queue_source(client->queue),
		miost_timers_source(client->timers),
	};
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
		if (loop->err < 0)
			fail(client, loop->err);
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
	int err = miost_os_queue_new(&client->queue);

	if (err == 0)
		err = miost_timers_new(&client->timers);
	if (err == 0)
		err = set_all(client);
	miost_timers_free(client->timers);
	miost_os_queue_free(client->queue);
	return err;
}

/* Returns false if the arguments are wrong. */
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
	/* hiredis may write to a socket whose peer has gone. */
	signal(SIGPIPE, SIG_IGN);
	err = run(&client);
	if (err < 0)
		fprintf(stderr, "hiredis: %s\n", strerror(-err));
	return err < 0;
}
