/* SPDX-License-Identifier: MIT */
/*
 * tcp_server [--once] ADDRESS
 *
 * Tells every client its own address and closes the connection. The server ends
 * when standard input ends or, with --once, after one client. It ignores input
 * that cannot be watched: a file or /dev/null.
 *
 * Read this example first: a queue, a listener, and a loop over events.
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
	ADDRESS = 128,	/* room for an address as text */
	ACCEPTS = 16	/* clients accepted in a row */
};

/* How long to stop accepting when the system has no descriptor or memory. */
#define PAUSE INT64_C(100000000)

/* Ids. */
enum { LISTENER, INPUT };

struct server {
	struct miost_os_queue *queue;
	int listener;
	bool paused;	/* the listener is not watched */
	bool input;	/* can end, and ends the server */
	bool once;
	bool done;
};

static int
report(const char *what, int err)
{
	fprintf(stderr, "tcp_server: %s: %s\n", what, strerror(-err));
	return err;
}

static const char *
format(const struct miost_addr *addr, char text[ADDRESS])
{
	/* Some systems have no address for a client that is gone again. */
	if (miost_addr_format(addr, text, ADDRESS) < 0)
		strcpy(text, "unknown");
	return text;
}

static void
serve_client(struct server *server, int fd, const struct miost_addr *addr)
{
	char text[ADDRESS];
	char line[ADDRESS + 32];
	ssize_t len, sent;

	len = snprintf(line, sizeof(line), "your address is %s\n",
		       format(addr, text));
	sent = miost_socket_write(fd, line, (size_t)len);
	/*
	 * The buffer of a new connection has room for a line. If not for this
	 * one, then to wait is not worth it.
	 */
	if (sent < len)
		report(text, sent < 0 ? (int)sent : -EAGAIN);
	else
		printf("served %s\n", text);
	close(fd);
	server->done = server->once;
}

/* Watches it, or, with interests of 0, does not. */
static int
watch_listener(struct server *server, miost_interests interests)
{
	int err = miost_os_queue_set(server->queue, server->listener,
				     LISTENER, interests, MIOST_LEVEL);

	server->paused = interests == 0 || err < 0;
	return err;
}

static void
accept_clients(struct server *server)
{
	for (int i = 0; i < ACCEPTS && !server->done; i++) {
		struct miost_addr addr;
		int fd = miost_socket_accept(server->listener, &addr);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			/* The client still waits: each poll would say so. */
			report("accept", fd);
			watch_listener(server, 0);
			return;
		}
		serve_client(server, fd, &addr);
	}
}

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

static int
serve(struct server *server)
{
	struct miost_event events[2];

	while (!server->done) {
		int n = miost_os_queue_poll(server->queue, events, 2,
					    server->paused ? PAUSE
							   : MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return report("poll", n);
		/* If not now, then later. */
		if (server->paused)
			watch_listener(server, MIOST_READABLE);
		for (int i = 0; i < n; i++) {
			if (events[i].id == LISTENER)
				accept_clients(server);
			else
				read_input(server);
		}
		if (fflush(stdout) != 0)
			return report("standard output", -errno);
	}
	return 0;
}

/* Says where the server listens, and serves. */
static int
run(struct server *server)
{
	char text[ADDRESS];
	struct miost_addr addr;
	int err = 0;

	if (server->input)
		err = miost_os_queue_register(server->queue, STDIN_FILENO,
					      INPUT, MIOST_READABLE,
					      MIOST_LEVEL);
	if (err < 0)
		return report("standard input", err);
	err = watch_listener(server, MIOST_READABLE);
	if (err == 0)
		err = miost_socket_local_addr(server->listener, &addr);
	if (err < 0)
		return report("listener", err);
	printf("listening on %s\n", format(&addr, text));
	if (fflush(stdout) != 0)
		return report("standard output", -errno);
	return serve(server);
}

static int
listen_and_run(const char *address, bool once)
{
	/* Asked before a descriptor of the server's can get its number. */
	struct server server = { .once = once, .input = input_can_end() };
	struct miost_addr addr;
	int err = miost_addr_parse(address, &addr);

	if (err < 0)
		return report(address, err);
	err = miost_os_queue_new(&server.queue);
	if (err < 0)
		return report("queue", err);
	err = server.listener = miost_tcp_listen(&addr);
	if (err < 0) {
		report(address, err);
	} else {
		err = run(&server);
		close(server.listener);
	}
	miost_os_queue_free(server.queue);
	return err;
}

int
main(int argc, char **argv)
{
	bool once = argc > 1 && strcmp(argv[1], "--once") == 0;

	if (argc != (once ? 3 : 2) || argv[argc - 1][0] == '-') {
		fprintf(stderr, "usage: tcp_server [--once] ADDRESS\n");
		return 2;
	}
	return listen_and_run(argv[argc - 1], once) < 0 ? EXIT_FAILURE
							: EXIT_SUCCESS;
}
