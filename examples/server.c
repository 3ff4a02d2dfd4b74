/* SPDX-License-Identifier: MIT */
/* What echo.c and http.c have in common; server.h says what that is. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

enum {
	ADDRESS = 128,		/* room for an address as text */
	ACCEPTS = 16,		/* clients accepted in a row */
	BATCH = 512		/* events: the queue fills at most half */
};

/* How long to stop accepting when the system has no descriptor or memory. */
#define PAUSE (SECOND / 10)

/*
 * Ids. The id of a connection is its address, which is neither of these. The
 * timer that ends a pause has the id of the listener.
 */
enum { LISTENER, INPUT };

static void
report(const struct server *server, const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", server->name, what, strerror(-err));
}

/* Watches a descriptor for reading; its events have this id. */
static int
watch(struct server *server, int fd, miost_id id)
{
	return miost_os_queue_register(server->queue, fd, id, MIOST_READABLE,
				       MIOST_LEVEL);
}

/* Connections. */

static void
link_connection(struct server *server, struct connection *connection)
{
	connection->next = server->open;
	connection->link = &server->open;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	server->open = connection;
}

/* Its memory is kept: later events of the same batch may carry its id. */
static void
close_connection(struct server *server, struct connection *connection)
{
	/* These fail for what has fired, or never began: all the better. */
	miost_timers_cancel(server->timers, connection->timer);
	miost_os_queue_deregister(server->queue, connection->fd);
	close(connection->fd);
	connection->fd = -1;
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	connection->next = server->closed;
	server->closed = connection;
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
	struct connection *connection = calloc(1, server->size);
	int err;

	if (connection == NULL) {
		report(server, "client", -ENOMEM);
		close(fd);
		server->done = server->once;
		return;
	}
	connection->fd = fd;
	link_connection(server, connection);
	/* If this fails, so will a read. */
	if (server->nodelay)
		miost_socket_set_nodelay(fd, true);
	err = set_timeout(server, connection, server->idle);
	if (err == 0)
		err = watch(server, fd, (miost_id)connection);
	if (err < 0) {
		report(server, "client", err);
		close_connection(server, connection);
	}
}

int
set_timeout(struct server *server, struct connection *connection,
	    int64_t timeout)
{
	int err = miost_timers_change_timeout(server->timers,
					      connection->timer, timeout);

	/* There is none yet, or its event comes later in this batch. */
	if (err == -ENOENT)
		err = miost_timers_add_timeout(server->timers,
					       (miost_id)connection, timeout,
					       &connection->timer);
	return err;
}

int
set_writing(struct server *server, struct connection *connection, bool writing)
{
	if (writing == connection->writing)
		return 0;
	connection->writing = writing;
	return miost_os_queue_reregister(
		server->queue, connection->fd, (miost_id)connection,
		writing ? MIOST_WRITABLE : MIOST_READABLE, MIOST_LEVEL);
}

/* An error or a hang-up needs no case: the read or the write meets it. */
static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	const miost_ready wanted = connection->writing ? MIOST_MAY_WRITE
						       : MIOST_MAY_READ;
	bool stays = true;

	if (connection->fd < 0)
		return;		/* closed by an event before this one */
	/* A live timer was set anew by an event before this one. */
	if (readiness & MIOST_TIMER)
		stays = miost_timers_get(server->timers, connection->timer,
					 NULL) == 0;
	else if (readiness & wanted)
		stays = server->serve(server, connection);
	if (!stays)
		close_connection(server, connection);
}

/* The listener. */

static void
close_listener(struct server *server)
{
	miost_os_queue_deregister(server->queue, server->listener);
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
		miost_os_queue_deregister(server->queue, server->listener);
}

/* If it fails, the timer that has just fired has left room for another. */
static void
resume_accepting(struct server *server)
{
	if (server->listener >= 0 &&
	    watch(server, server->listener, LISTENER) < 0)
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
			report(server, "accept", fd);
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
handle_events(struct server *server)
{
	struct miost_source *sources[2] = {
		miost_os_queue_source(server->queue),
		miost_timers_source(server->timers) };
	struct miost_event events[BATCH];

	while (!server->done) {
		int n = miost_poll_events(sources, 2, events, BATCH,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 0; i < n; i++)
			handle_event(server, &events[i]);
		free_closed(server);
	}
	return 0;
}

/* Prints where the server listens: the system may have chosen the port. */
static int
announce(const struct server *server)
{
	char text[ADDRESS];
	struct miost_addr addr;
	int err = miost_socket_local_addr(server->listener, &addr);

	if (err == 0)
		err = miost_addr_format(&addr, text, sizeof(text));
	if (err < 0)
		return err;
	printf("listening on %s\n", text);
	return fflush(stdout) == 0 ? 0 : -errno;
}

static int
open_server(struct server *server, const char *address)
{
	/* Asked before a descriptor of the server's can get the number. */
	bool input = input_can_end();
	struct miost_addr addr;
	int err = miost_addr_parse(address, &addr);

	server->listener = -1;
	if (err == 0)
		err = miost_os_queue_new(&server->queue);
	if (err == 0)
		err = miost_timers_new(&server->timers);
	if (err == 0 && input)
		err = watch(server, STDIN_FILENO, INPUT);
	if (err == 0)
		err = server->listener = miost_tcp_listen(&addr);
	if (err >= 0)
		err = watch(server, server->listener, LISTENER);
	return err < 0 ? err : announce(server);
}

/* Closes what is open, in whatever state the server is. */
static void
close_server(struct server *server)
{
	while (server->open != NULL)
		close_connection(server, server->open);
	free_closed(server);
	if (server->listener >= 0)
		close_listener(server);
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
run_server(struct server *server, int argc, char **argv)
{
	const char *address = argc > 0 ? parse_arguments(server, argv) : NULL;
	int err;

	if (address == NULL) {
		fprintf(stderr,
			"usage: %s [--once] [--idle SECONDS] ADDRESS\n",
			server->name);
		return 2;
	}
	err = open_server(server, address);
	if (err == 0)
		err = handle_events(server);
	if (err < 0)
		report(server, address, err);
	close_server(server);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
