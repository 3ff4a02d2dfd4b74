/* SPDX-License-Identifier: MIT */
/*
 * The part of a TCP server that does not depend on its protocol, for echo.c and
 * http.c. It accepts clients, has the program serve those that are ready, and
 * closes those that are idle for too long.
 *
 * The server ends when standard input ends or, with --once, after one client.
 * It ignores input that cannot be watched: a file or /dev/null.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <miost.h>

#define SECOND INT64_C(1000000000)

/* A client. The program's own struct begins with this one. */
struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	int fd;				/* -1: closed */
	bool writing;			/* watched for writing, not reading */
	miost_timer timer;		/* closes the connection */
};

struct server {
	/* The program sets these. */
	const char *name;		/* of the program, for messages */
	size_t size;			/* of its struct, which begins zeroed */
	int64_t idle;			/* a client's time; --idle sets it */
	bool nodelay;			/* small writes go out at once */
	/*
	 * Called when the connection can be read, or, while `writing`, be
	 * written. Returns false to have it closed.
	 */
	bool (*serve)(struct server *server, struct connection *connection);

	/* The rest is the server's. */
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int listener;			/* -1: closed */
	struct connection *open;
	struct connection *closed;	/* events may still name them */
	bool once;
	bool done;
};

/* Serves, with the arguments of main(); returns the exit status. */
int run_server(struct server *server, int argc, char **argv);

/* Closes the connection after this time, unless the timeout is set again. */
int set_timeout(struct server *server, struct connection *connection,
		int64_t timeout);

/* Watches the connection for writing, or else for reading. */
int set_writing(struct server *server, struct connection *connection,
		bool writing);

#endif
