/* SPDX-License-Identifier: MIT */
/*
 * pq CONNECTION [-t MILLISECONDS] SQL...
 *
 * Sends each command to PostgreSQL and prints its rows, and then the
 * notifications that come, as many as there were LISTEN commands. A command
 * that takes longer than the time it has is cancelled.
 *
 * libpq says which way it waits, for connecting by a return value, and later by
 * that of PQflush(). While it connects it may close its socket and open another
 * one with the same number: the adapter calls miost_os_queue_set() after each
 * step, level-triggered, since libpq does not read to the end.
 *
 *	cc -o pq pq.c $(pkg-config --cflags --libs miost libpq)
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libpq-fe.h>

#include <miost.h>

/* The adapter. */

struct pq {
	PGconn *conn;
	struct miost_os_queue *queue;
	miost_id id;
	int fd;			/* that is watched; -1: none */
	bool connected;
};

/* Watches the socket that libpq has now. */
static int
pq_watch(struct pq *pq, miost_interests interests)
{
	int fd = PQsocket(pq->conn);

	/* It may be closed by now, and then nothing is left to do. */
	if (pq->fd >= 0 && pq->fd != fd)
		(void)miost_os_queue_set(pq->queue, pq->fd, pq->id, 0,
					 MIOST_LEVEL);
	pq->fd = fd;
	if (fd < 0)
		return -ENOTCONN;
	return miost_os_queue_set(pq->queue, fd, pq->id, interests,
				  MIOST_LEVEL);
}

/*
 * Begins to connect, with the options of PQconnectdb(). Even after an error,
 * call pq_close(): PQerrorMessage() has the reason until then.
 */
static int
pq_open(struct pq *pq, struct miost_os_queue *queue, miost_id id,
	const char *options)
{
	*pq = (struct pq){ .queue = queue, .id = id, .fd = -1 };
	pq->conn = PQconnectStart(options);
	if (pq->conn == NULL)
		return -ENOMEM;
	if (PQstatus(pq->conn) == CONNECTION_BAD)
		return -ENOTCONN;
	return pq_watch(pq, MIOST_WRITABLE);
}

/* libpq may have closed the socket: before its number is used again. */
static void
pq_forget(struct pq *pq)
{
	if (pq->fd >= 0)
		(void)miost_os_queue_deregister(pq->queue, pq->fd);
	pq->fd = -1;
}

/* Events that are left in the batch are ignored afterwards. */
static void
pq_close(struct pq *pq)
{
	pq_forget(pq);
	PQfinish(pq->conn);
	pq->conn = NULL;
}

/* After a query was sent, and whenever the socket is ready. */
static int
pq_flush(struct pq *pq)
{
	int left = PQflush(pq->conn);

	if (left < 0)
		return -ENOTCONN;
	return pq_watch(pq, left > 0 ? MIOST_READABLE | MIOST_WRITABLE
				     : MIOST_READABLE);
}

static int
pq_connect(struct pq *pq)
{
	switch (PQconnectPoll(pq->conn)) {
	case PGRES_POLLING_READING:
		return pq_watch(pq, MIOST_READABLE);
	case PGRES_POLLING_WRITING:
		return pq_watch(pq, MIOST_WRITABLE);
	case PGRES_POLLING_OK:
		pq->connected = PQsetnonblocking(pq->conn, 1) == 0;
		return pq->connected ? pq_flush(pq) : -ENOTCONN;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE:	/* no longer used */
	default:
		return -ENOTCONN;	/* PQerrorMessage() has more */
	}
}

/*
 * Handles an event. Afterwards the program takes results while PQisBusy() is 0.
 * After an error there are no more events.
 */
static int
pq_handle(struct pq *pq, miost_ready readiness)
{
	int err = -ENOTCONN;

	if (pq->conn == NULL)
		return 0;
	if (!pq->connected)
		err = pq_connect(pq);
	else if (!(readiness & MIOST_MAY_READ) || PQconsumeInput(pq->conn) == 1)
		err = pq_flush(pq);
	if (err < 0)
		pq_forget(pq);
	return err;
}

/* What is shown with it: commands, one after the other. */

#define MS INT64_C(1000000)

enum { CONNECTION, TIMER, BATCH = 64 };

struct demo {
	struct pq pq;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;	/* 0: none */
	int64_t limit;		/* 0: none */
	char **commands;	/* those that are left */
	int awaited;		/* notifications */
	bool active;		/* a command is running */
	int failed;
};

/* A blocking call, to the server by another connection, but a short one. */
static void
cancel(struct demo *demo)
{
	PGcancel *request = PQgetCancel(demo->pq.conn);
	char reason[256];

	if (demo->active && request != NULL &&
	    PQcancel(request, reason, sizeof(reason)) != 1)
		fprintf(stderr, "pq: %s", reason);
	PQfreeCancel(request);
}

static int
send_command(struct demo *demo)
{
	const char *command = *demo->commands++;

	if (PQsendQuery(demo->pq.conn, command) != 1)
		return -ENOTCONN;
	demo->active = true;
	demo->awaited += strncasecmp(command, "listen ", 7) == 0;
	if (demo->limit > 0) {
		int err = miost_timers_add_timeout(demo->timers, TIMER,
						   demo->limit, &demo->timer);

		if (err < 0)
			return err;
	}
	return pq_flush(&demo->pq);
}

static void
print(struct demo *demo, const PGresult *result)
{
	int status = PQresultStatus(result);

	if (status == PGRES_FATAL_ERROR) {
		demo->failed = 1;
		printf("%s", PQresultErrorMessage(result));
	}
	for (int row = 0; row < PQntuples(result); row++)
		for (int i = 0; i < PQnfields(result); i++)
			printf("%s%c", PQgetvalue(result, row, i),
			       i + 1 < PQnfields(result) ? '\t' : '\n');
}

/* Takes results and notifications as long as there are complete ones. */
static void
take(struct demo *demo)
{
	PGnotify *notify;

	while (demo->active && !PQisBusy(demo->pq.conn)) {
		PGresult *result = PQgetResult(demo->pq.conn);

		/* NULL ends the results of a command. */
		demo->active = result != NULL;
		if (result != NULL)
			print(demo, result);
		PQclear(result);
	}
	if (!demo->active)
		miost_timers_cancel(demo->timers, demo->timer);
	while ((notify = PQnotifies(demo->pq.conn)) != NULL) {
		printf("%s: %s\n", notify->relname, notify->extra);
		demo->awaited--;
		PQfreemem(notify);
	}
}

static int
handle(struct demo *demo, const struct miost_event *event)
{
	int err = 0;

	if (event->id == CONNECTION)
		err = pq_handle(&demo->pq, event->readiness);
	else if (miost_timers_get(demo->timers, demo->timer, NULL) < 0)
		cancel(demo);
	if (err == 0 && demo->pq.connected) {
		take(demo);
		if (!demo->active && *demo->commands != NULL)
			err = send_command(demo);
	}
	return err;
}

static int
run(struct demo *demo)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(demo->queue),
		miost_timers_source(demo->timers),
	};
	struct miost_event events[BATCH];
	int err = 0;

	while (err == 0 && (*demo->commands != NULL || demo->active ||
			    demo->awaited > 0)) {
		int n = miost_poll_events(sources, 2, events, BATCH,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 0; i < n && err == 0; i++)
			err = handle(demo, &events[i]);
	}
	return err;
}

static int
start(struct demo *demo, const char *options)
{
	int err = miost_os_queue_new(&demo->queue);

	if (err == 0)
		err = miost_timers_new(&demo->timers);
	if (err == 0)
		err = pq_open(&demo->pq, demo->queue, CONNECTION, options);
	if (err == 0)
		err = run(demo);
	if (err < 0 && demo->pq.conn != NULL)
		fprintf(stderr, "pq: %s", PQerrorMessage(demo->pq.conn));
	else if (err < 0)
		fprintf(stderr, "pq: %s\n", strerror(-err));
	if (demo->pq.conn != NULL)
		pq_close(&demo->pq);
	miost_timers_free(demo->timers);
	miost_os_queue_free(demo->queue);
	return err < 0 || demo->failed;
}

int
main(int argc, char **argv)
{
	struct demo demo = { .failed = 0 };
	bool limited = argc > 4 && strcmp(argv[2], "-t") == 0;

	if (limited)
		demo.limit = atoi(argv[3]) * MS;
	demo.commands = argv + (limited ? 4 : 2);
	if (argc < 3 || (limited && demo.limit <= 0)) {
		fprintf(stderr,
			"usage: pq CONNECTION [-t MILLISECONDS] SQL...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	return start(&demo, argv[1]);
}
