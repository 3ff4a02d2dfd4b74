/* SPDX-License-Identifier: MIT */
/*
 * echo [--once] [--idle SECONDS] ADDRESS
 *
 * Sends back what each client sends, until standard input ends or, with
 * --once, one client was served. Input that cannot be watched, a file or
 * /dev/null, is ignored. A client that neither sends nor takes anything for the
 * idle time (60 s) is closed.
 *
 * A connection either reads or writes: what was read and could not be written
 * at once stays in its buffer, and nothing more is read until that is gone. So
 * a slow client slows down itself, and costs one buffer.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <miost.h>

enum {
	ADDRESS = 128,		/* room for an address as text */
	BUFFER = 16384,		/* bytes held for a connection */
	ACCEPTS = 16		/* clients accepted in a row */
};

#define SECOND INT64_C(1000000000)

/* How long no client is accepted when the system lacks the means. */
#define PAUSE (SECOND / 10)

/* Ids. A connection's is its address, which is neither of these. */
enum { LISTENER, INPUT };

struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	int fd;				/* -1: closed */
	bool writing;			/* watched for that, not for reading */
	miost_timer timer;
	int64_t deadline;		/* idle until then, it is closed */
	size_t start;			/* of what is still to be written */
	size_t end;
	char buffer[BUFFER];
};

struct server {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int listener;			/* -1: closed */
	bool paused;			/* the listener is not watched, */
	int64_t resume;			/* until then */
	struct connection *open;
	struct connection *closed;	/* events may still name them */
	int64_t now;			/* when the last poll ended */
	int64_t idle;
	bool once;
	bool done;
};

static int
report(const char *what, int err)
{
	fprintf(stderr, "echo: %s: %s\n", what, strerror(-err));
	return err;
}

/* Connections. */

static void
link_into(struct connection **list, struct connection *connection)
{
	connection->next = *list;
	connection->link = list;
	if (*list != NULL)
		(*list)->link = &connection->next;
	*list = connection;
}

static void
unlink_from_list(struct connection *connection)
{
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
}

/*
 * Closes a connection. Its memory is kept until the batch of events is done,
 * since more of them may carry its id.
 */
static void
close_connection(struct server *server, struct connection *connection)
{
	/* These fail for what has fired, or never began: all the better. */
	miost_timers_cancel(server->timers, connection->timer);
	miost_os_queue_deregister(server->queue, connection->fd);
	close(connection->fd);
	connection->fd = -1;
	unlink_from_list(connection);
	link_into(&server->closed, connection);
	server->done = server->once;
}

static void
free_closed(struct server *server)
{
	while (server->closed != NULL) {
		struct connection *connection = server->closed;

		server->closed = connection->next;
		free(connection);
	}
}

/* Takes over a descriptor, for better or worse. */
static void
open_connection(struct server *server, int fd)
{
	struct connection *connection = malloc(sizeof(*connection));
	int err;

	if (connection == NULL) {
		report("client", -ENOMEM);
		close(fd);
		server->done = server->once;
		return;
	}
	connection->fd = fd;
	connection->writing = false;
	connection->timer = 0;
	connection->deadline = miost_deadline(server->now, server->idle);
	link_into(&server->open, connection);
	err = miost_timers_add_deadline(server->timers, (miost_id)connection,
					connection->deadline,
					&connection->timer);
	if (err == 0)
		err = miost_os_queue_register(server->queue, fd,
					      (miost_id)connection,
					      MIOST_READABLE, MIOST_LEVEL);
	if (err < 0) {
		report("client", err);
		close_connection(server, connection);
	}
}

/* Bytes have moved: the connection may be idle from now on. */
static void
touch(struct server *server, struct connection *connection)
{
	connection->deadline = miost_deadline(server->now, server->idle);
	/* A timer that has fired already is added again by its event. */
	miost_timers_change(server->timers, connection->timer,
			    connection->deadline);
}

/* The timer has fired, but bytes may have moved earlier in the batch. */
static void
handle_timer(struct server *server, struct connection *connection)
{
	if (server->now >= connection->deadline ||
	    miost_timers_add_deadline(server->timers, (miost_id)connection,
				      connection->deadline,
				      &connection->timer) < 0)
		close_connection(server, connection);
}

/* Changes between reading and writing. */
static int
set_writing(struct server *server, struct connection *connection, bool writing)
{
	if (writing == connection->writing)
		return 0;
	connection->writing = writing;
	return miost_os_queue_reregister(
		server->queue, connection->fd, (miost_id)connection,
		writing ? MIOST_WRITABLE : MIOST_READABLE, MIOST_LEVEL);
}

/* Writes what is in the buffer, or as much as goes. */
static void
drain(struct server *server, struct connection *connection)
{
	ssize_t n = miost_socket_write(connection->fd,
				       connection->buffer + connection->start,
				       connection->end - connection->start);

	if (n > 0) {
		connection->start += (size_t)n;
		touch(server, connection);
	}
	if ((n < 0 && n != -EAGAIN) ||
	    set_writing(server, connection,
			connection->start < connection->end) < 0)
		close_connection(server, connection);
}

/*
 * Reads what has come. The buffer is empty by now, so that nothing is left to
 * write when the client has ended its stream.
 */
static void
fill(struct server *server, struct connection *connection)
{
	ssize_t n = miost_socket_read(connection->fd, connection->buffer,
				      sizeof(connection->buffer));

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		close_connection(server, connection);
		return;
	}
	connection->start = 0;
	connection->end = (size_t)n;
	touch(server, connection);
	drain(server, connection);
}

/* An error or a hang-up needs no case: the read or the write meets it. */
static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	if (connection->fd < 0)
		return;		/* closed by an event before this one */
	if (miost_ready_is_timer(readiness))
		handle_timer(server, connection);
	else if (connection->writing)
		drain(server, connection);
	else
		fill(server, connection);
}

/* The listener. */

static int
watch_listener(struct server *server)
{
	return miost_os_queue_register(server->queue, server->listener,
				       LISTENER, MIOST_TCP_LISTENER_INTERESTS,
				       MIOST_LEVEL);
}

static void
close_listener(struct server *server)
{
	miost_os_queue_deregister(server->queue, server->listener);
	close(server->listener);
	server->listener = -1;
}

/* Clients that cannot be accepted still wait: each poll would say so. */
static void
pause_accepting(struct server *server)
{
	miost_os_queue_deregister(server->queue, server->listener);
	server->paused = true;
	server->resume = miost_deadline(server->now, PAUSE);
}

static void
resume_accepting(struct server *server)
{
	if (server->now < server->resume)
		return;
	server->resume = miost_deadline(server->now, PAUSE);
	server->paused = watch_listener(server) < 0;
}

static void
accept_clients(struct server *server)
{
	for (int i = 0; i < ACCEPTS && server->listener >= 0; i++) {
		int fd = miost_tcp_accept(server->listener, NULL);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			report("accept", fd);
			pause_accepting(server);
			return;
		}
		if (server->once)
			close_listener(server);
		open_connection(server, fd);
	}
}

/* Standard input. */

/* A file or a device such as /dev/null has no end to wait for. */
static bool
input_can_end(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
		isatty(STDIN_FILENO));
}

/* Without input that can end, nothing ends the server. */
static int
watch_input(struct server *server)
{
	int err;

	if (!input_can_end())
		return 0;
	err = miost_os_queue_register(server->queue, STDIN_FILENO, INPUT,
				      MIOST_PIPE_RECEIVER_INTERESTS,
				      MIOST_LEVEL);
	/* It is closed, and the queue got its number. */
	return err == -EINVAL ? 0 : err;
}

/* Reads once: the input may be shared, and so is left blocking. */
static void
read_input(struct server *server)
{
	char ignored[1024];
	ssize_t n = read(STDIN_FILENO, ignored, sizeof(ignored));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		server->done = true;
}

/* The server. */

static void
handle_event(struct server *server, const struct miost_event *event)
{
	if (event->id == LISTENER)
		accept_clients(server);
	else if (event->id == INPUT)
		read_input(server);
	else
		handle_connection(server, (struct connection *)event->id,
				  event->readiness);
}

/* The sink grows, so that a busy queue leaves the timers room in it. */
static int
serve(struct server *server)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(server->queue),
		miost_timers_source(server->timers),
	};
	struct miost_event_vec batch;
	int err = 0;

	miost_event_vec_init(&batch);
	while (!server->done && err == 0) {
		int n = miost_poll(sources, 2, &batch.sink,
				   server->paused ? PAUSE : MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = report("poll", n);
		server->now = miost_now();
		for (size_t i = 0; i < batch.len; i++)
			handle_event(server, &batch.events[i]);
		miost_event_vec_clear(&batch);
		free_closed(server);
		if (server->paused)
			resume_accepting(server);
	}
	miost_event_vec_destroy(&batch);
	return err;
}

/* Prints where the server listens. */
static int
announce(const struct server *server)
{
	char text[ADDRESS];
	struct miost_addr addr;
	int err = miost_socket_local_addr(server->listener, &addr);

	if (err == 0)
		err = miost_addr_format(&addr, text, sizeof(text));
	if (err < 0)
		return report("listener", err);
	printf("listening on %s\n", text);
	return fflush(stdout) == 0 ? 0 : report("standard output", -errno);
}

static int
open_server(struct server *server, const char *address)
{
	struct miost_addr addr;
	int err = miost_addr_parse(address, &addr);

	if (err < 0)
		return report(address, err);
	err = miost_os_queue_new(&server->queue);
	if (err < 0)
		return report("queue", err);
	err = miost_timers_new(&server->timers);
	if (err < 0)
		return report("timers", err);
	err = watch_input(server);
	if (err < 0)
		return report("standard input", err);
	err = server->listener = miost_tcp_listen(&addr);
	if (err < 0)
		return report(address, err);
	err = watch_listener(server);
	return err < 0 ? report("listener", err) : announce(server);
}

/* Closes what is open, in whatever state the server is. */
static void
close_server(struct server *server)
{
	while (server->open != NULL)
		close_connection(server, server->open);
	free_closed(server);
	if (server->listener >= 0)
		close(server->listener);
	miost_timers_free(server->timers);
	miost_os_queue_free(server->queue);
}

/* Reads a positive number of seconds, such as 0.5, as nanoseconds. */
static bool
parse_seconds(const char *text, int64_t *span)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0 && seconds < 1e9))
		return false;
	*span = (int64_t)(seconds * (double)SECOND);
	return true;
}

/* Stores the options; returns the address, or NULL for wrong use. */
static const char *
parse_arguments(struct server *server, char **arguments)
{
	char **next = arguments + 1;

	for (; *next != NULL && **next == '-'; next++) {
		if (strcmp(*next, "--once") == 0)
			server->once = true;
		else if (strcmp(*next, "--idle") != 0 || *++next == NULL ||
			 !parse_seconds(*next, &server->idle))
			return NULL;
	}
	return *next != NULL && next[1] == NULL ? *next : NULL;
}

int
main(int argc, char **argv)
{
	struct server server = { .listener = -1, .idle = 60 * SECOND };
	const char *address = argc > 0 ? parse_arguments(&server, argv) : NULL;
	int err;

	if (address == NULL) {
		fprintf(stderr,
			"usage: echo [--once] [--idle SECONDS] ADDRESS\n");
		return 2;
	}
	err = open_server(&server, address);
	if (err == 0)
		err = serve(&server);
	close_server(&server);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
