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
	ACCEPTS = 16,		/* clients accepted in a row */
	BATCH = 512		/* events: of the queue at most half of it */
};

#define SECOND INT64_C(1000000000)

/* How long no client is accepted when the system lacks the means. */
#define PAUSE (SECOND / 10)

/*
 * Ids. A connection's is its address, which is neither of these. The timer that
 * ends a pause has the listener's.
 */
enum { LISTENER, INPUT };

struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	int fd;
	bool writing;			/* watched for that, not for reading */
	miost_timer timer;		/* due once it was idle for too long */
	size_t start;			/* of what is still to be written */
	size_t end;
	char buffer[BUFFER];
};

struct server {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int listener;			/* -1: closed */
	struct connection *connections;
	int64_t idle;
	struct miost_event events[BATCH];
	int count;			/* of the last poll */
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
link_connection(struct server *server, struct connection *connection)
{
	connection->next = server->connections;
	connection->link = &server->connections;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	server->connections = connection;
}

static void
unlink_connection(struct connection *connection)
{
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
}

/*
 * Closes a connection and frees it. Its id is taken back for that: out of the
 * timers, the queue, and what is left of the batch.
 */
static void
close_connection(struct server *server, struct connection *connection)
{
	/* These fail for what has fired, or never began: all the better. */
	miost_timers_cancel(server->timers, connection->timer);
	miost_os_queue_deregister(server->queue, connection->fd);
	for (int i = 0; i < server->count; i++)
		if (server->events[i].id == (miost_id)connection)
			server->events[i].readiness = 0;
	close(connection->fd);
	unlink_connection(connection);
	free(connection);
	server->done = server->once;
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
	link_connection(server, connection);
	err = miost_timers_add_timeout(server->timers, (miost_id)connection,
				       server->idle, &connection->timer);
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
static int
touch(struct server *server, struct connection *connection)
{
	int err = miost_timers_change_timeout(server->timers,
					      connection->timer, server->idle);

	/* It has fired, and its event comes later in this batch. */
	if (err == -ENOENT)
		err = miost_timers_add_timeout(server->timers,
					       (miost_id)connection,
					       server->idle,
					       &connection->timer);
	return err;
}

/* A live timer was set anew after this event of it: bytes have moved. */
static void
handle_timer(struct server *server, struct connection *connection)
{
	if (miost_timers_get(server->timers, connection->timer, NULL) < 0)
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
	int err = n < 0 && n != -EAGAIN ? (int)n : 0;

	if (n > 0) {
		connection->start += (size_t)n;
		err = touch(server, connection);
	}
	if (err == 0)
		err = set_writing(server, connection,
				  connection->start < connection->end);
	if (err < 0)
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
	if (n <= 0 || touch(server, connection) < 0) {
		close_connection(server, connection);
		return;
	}
	connection->start = 0;
	connection->end = (size_t)n;
	drain(server, connection);
}

/* An error or a hang-up needs no case: the read or the write meets it. */
static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	if (readiness & MIOST_TIMER)
		handle_timer(server, connection);
	else if (connection->writing && (readiness & MIOST_MAY_WRITE))
		drain(server, connection);
	else if (!connection->writing && (readiness & MIOST_MAY_READ))
		fill(server, connection);
}

/* The listener. */

/* Watches it, or, with interests of 0, does not. */
static int
watch_listener(struct server *server, miost_interests interests)
{
	return miost_os_queue_set(server->queue, server->listener, LISTENER,
				  interests, MIOST_LEVEL);
}

static void
close_listener(struct server *server)
{
	watch_listener(server, 0);
	close(server->listener);
	server->listener = -1;
}

/*
 * Clients that cannot be accepted still wait, and each poll would say so. A
 * timer ends the pause; without one there is none.
 */
static void
pause_accepting(struct server *server)
{
	if (miost_timers_add_timeout(server->timers, LISTENER, PAUSE,
				     NULL) == 0)
		watch_listener(server, 0);
}

/* If it fails, the timer that has just fired has left room for another. */
static void
resume_accepting(struct server *server)
{
	if (server->listener >= 0 &&
	    watch_listener(server, MIOST_READABLE) < 0)
		pause_accepting(server);
}

static void
accept_clients(struct server *server)
{
	for (int i = 0; i < ACCEPTS && server->listener >= 0; i++) {
		int fd = miost_socket_accept(server->listener, NULL);

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
				      MIOST_READABLE, MIOST_LEVEL);
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
	if (event->readiness == 0)
		return;		/* of a connection that is closed by now */
	if (event->id == LISTENER && (event->readiness & MIOST_TIMER))
		resume_accepting(server);
	else if (event->id == LISTENER)
		accept_clients(server);
	else if (event->id == INPUT)
		read_input(server);
	else
		handle_connection(server, (struct connection *)event->id,
				  event->readiness);
}

static int
serve(struct server *server)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(server->queue),
		miost_timers_source(server->timers),
	};

	while (!server->done) {
		int n = miost_poll_events(sources, 2, server->events, BATCH,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return report("poll", n);
		server->count = n > 0 ? n : 0;
		for (int i = 0; i < server->count; i++)
			handle_event(server, &server->events[i]);
	}
	return 0;
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
	err = watch_listener(server, MIOST_READABLE);
	return err < 0 ? report("listener", err) : announce(server);
}

/* Closes what is open, in whatever state the server is. */
static void
close_server(struct server *server)
{
	while (server->connections != NULL)
		close_connection(server, server->connections);
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
	static struct server server = { .listener = -1, .idle = 60 * SECOND };
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
