/* SPDX-License-Identifier: MIT */
/*
 * A UDP echo server, and a client for it.
 *
 *	udp_echo [HOST:PORT]		serves until its input ends
 *	udp_echo -c HOST:PORT TEXT...	sends each text until it comes back
 *
 * The server receives and sends many datagrams in one call. It keeps datagrams
 * that it cannot send at once, and receives no more until it has sent them. A
 * datagram of more than 9,000 bytes is too long for a buffer: the server counts
 * it, and does not send it back. If datagrams keep coming, the server stops now
 * and then to see whether its input has ended. An event in a user-space queue
 * then makes it continue.
 *
 * The client has a connected socket, and a timer after which it sends a lost
 * text again.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <miost.h>

enum { INPUT, SOCKET, AGAIN };

enum {
	BATCH = 32,		/* datagrams received at once */
	LONGEST = 9000,		/* bytes of one that is echoed */
	TURNS = 2,		/* batches in a row */
	TRIES = 50
};

#define RETRY INT64_C(200000000)	/* 200 ms */

/* The server. */

struct server {
	struct miost_os_queue *queue;
	struct miost_queue *rest;	/* an event: not all was received */
	int fd;
	bool done;
	unsigned long echoed, too_long;
	/* Received, and yet to be sent: `count` from `first` on. */
	struct miost_datagram datagrams[BATCH];
	int first, count;
};

static char data[BATCH][LONGEST];

/* Receives datagrams, and keeps those that are whole. */
static int
receive(struct server *server)
{
	struct miost_datagram *whole = server->datagrams;
	int n;

	for (int i = 0; i < BATCH; i++) {
		server->datagrams[i].data = data[i];
		server->datagrams[i].len = LONGEST;
	}
	n = miost_socket_recv_many(server->fd, server->datagrams, BATCH);
	for (int i = 0; i < n; i++) {
		if (server->datagrams[i].flags & MIOST_TRUNCATED)
			server->too_long++;
		else
			*whole++ = server->datagrams[i];
	}
	server->first = 0;
	server->count = (int)(whole - server->datagrams);
	return n;
}

/* Sends what there is to send. 0: it went; -EAGAIN: not all of it. */
static int
send_back(struct server *server)
{
	while (server->count > 0) {
		int n = miost_socket_send_many(
			server->fd, server->datagrams + server->first,
			(size_t)server->count);

		if (n == -EAGAIN)
			return n;
		if (n > 0)
			server->echoed += (unsigned long)n;
		else
			n = 1;		/* one that cannot be answered */
		server->first += n;
		server->count -= n;
	}
	return 0;
}

/* There is more to do, and no event of the system's will say so. */
static int
come_back(struct server *server)
{
	const struct miost_event event = { .id = SOCKET,
					   .readiness = MIOST_READABLE };

	if (miost_queue_len(server->rest) > 0)
		return 0;
	return miost_queue_add(server->rest, event);
}

/* Edge-triggered: until there is nothing more to receive, or no room. */
static int
echo(struct server *server)
{
	for (int turn = 0; turn < TURNS; turn++) {
		int n = send_back(server);

		if (n == 0)
			n = receive(server);
		if (n == -EAGAIN)
			return 0;
		/* What a peer's machine had to say is of no concern. */
		if (n < 0 && n != -ECONNREFUSED)
			return n;
	}
	return come_back(server);
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

static bool
input_ended(void)
{
	char ignored[256];

	return read(STDIN_FILENO, ignored, sizeof(ignored)) == 0;
}

static int
handle(struct server *server, miost_id id)
{
	if (id == SOCKET)
		return echo(server);
	server->done = server->done || input_ended();
	return 0;
}

static int
loop(struct server *server)
{
	struct miost_source *sources[2] = {
		miost_os_queue_source(server->queue),
		miost_queue_source(server->rest),
	};
	struct miost_event events[4];
	int err = 0;

	while (err >= 0 && !server->done) {
		int n = miost_poll_events(sources, 2, events, 4,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		for (int i = 0; i < n && err >= 0; i++)
			err = handle(server, events[i].id);
	}
	return err;
}

static int
serve(const struct miost_addr *addr)
{
	static struct server server;
	/* Asked before a descriptor of the server's can get its number. */
	bool input = input_can_end();
	struct miost_addr bound;
	char text[128];
	int err;

	server.fd = miost_udp_bind(addr);
	if (server.fd < 0)
		return server.fd;
	err = miost_os_queue_new(&server.queue);
	if (err < 0)
		goto close_socket;
	err = miost_queue_new(&server.rest);
	if (err < 0)
		goto free_os_queue;
	err = miost_os_queue_register(server.queue, server.fd, SOCKET,
				      MIOST_READABLE | MIOST_WRITABLE,
				      MIOST_EDGE);
	if (err == 0 && input)
		err = miost_os_queue_register(server.queue, STDIN_FILENO,
					      INPUT, MIOST_READABLE,
					      MIOST_LEVEL);
	if (err == 0)
		err = miost_socket_local_addr(server.fd, &bound);
	if (err < 0)
		goto free_queue;
	miost_addr_format(&bound, text, sizeof(text));
	printf("listening on %s\n", text);
	err = loop(&server);
	printf("echoed %lu datagrams\n", server.echoed);
	if (server.too_long > 0)
		printf("%lu were too long\n", server.too_long);
free_queue:
	miost_queue_free(server.rest);
free_os_queue:
	miost_os_queue_free(server.queue);
close_socket:
	close(server.fd);
	return err;
}

/* The client. */

/* Whether a datagram that waits is `text`; others may be late echoes. */
static int
came_back(int fd, const char *text)
{
	static char buf[65535];
	ssize_t n;

	while ((n = miost_socket_read(fd, buf, sizeof(buf))) >= 0)
		if ((size_t)n == strlen(text) &&
		    memcmp(buf, text, (size_t)n) == 0)
			return 1;
	return n == -EAGAIN ? 0 : (int)n;
}

/* Sends a text, again after a while, until it comes back. */
static int
exchange(struct miost_os_queue *queue, struct miost_timers *timers, int fd,
	 const char *text)
{
	struct miost_source *sources[2] = { miost_os_queue_source(queue),
					    miost_timers_source(timers) };
	struct miost_event events[4];
	miost_timer again;
	int err = 0;

	for (int tries = 0; tries < TRIES && err == 0; tries++) {
		ssize_t n = miost_socket_write(fd, text, strlen(text));

		/* Lost is lost, on the way or before. */
		if (n < 0 && n != -EAGAIN && n != -ECONNREFUSED)
			return (int)n;
		err = miost_timers_add_timeout(timers, AGAIN, RETRY, &again);
		while (err == 0 &&
		       miost_timers_get(timers, again, NULL) == 0) {
			err = miost_poll_events(sources, 2, events, 4,
						MIOST_FOREVER);
			if (err >= 0 || err == -EINTR)
				err = came_back(fd, text);
			if (err == -ECONNREFUSED)
				err = 0;
		}
		(void)miost_timers_cancel(timers, again);
	}
	return err == 0 ? -ETIMEDOUT : err < 0 ? err : 0;
}

static int
ask(const struct miost_addr *server, char *const *texts)
{
	struct miost_addr any;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int fd, err;

	miost_addr_parse(server->storage.ss_family == AF_INET ? "0.0.0.0:0"
							      : "[::]:0",
			 &any);
	fd = miost_udp_bind(&any);
	if (fd < 0)
		return fd;
	err = miost_socket_connect(fd, server);
	if (err < 0)
		goto close_socket;
	err = miost_os_queue_new(&queue);
	if (err < 0)
		goto close_socket;
	err = miost_timers_new(&timers);
	if (err < 0)
		goto free_queue;
	err = miost_os_queue_register(queue, fd, SOCKET, MIOST_READABLE,
				      MIOST_EDGE);
	for (; *texts != NULL && err == 0; texts++) {
		err = exchange(queue, timers, fd, *texts);
		if (err == 0)
			printf("echo: %s\n", *texts);
	}
	miost_timers_free(timers);
free_queue:
	miost_os_queue_free(queue);
close_socket:
	close(fd);
	return err;
}

int
main(int argc, char **argv)
{
	bool client = argc > 1 && strcmp(argv[1], "-c") == 0;
	const char *text = client ? argv[2] : argc > 1 ? argv[1]
						       : "127.0.0.1:0";
	struct miost_addr addr;
	int err;

	if (client ? argc < 4 : argc > 2) {
		fprintf(stderr, "usage: %s [HOST:PORT]\n"
			"       %s -c HOST:PORT TEXT...\n", argv[0], argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_addr_parse(text, &addr);
	if (err == 0)
		err = client ? ask(&addr, argv + 3) : serve(&addr);
	if (err < 0) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], text,
			strerror(-err));
		return 1;
	}
	return 0;
}
