/* SPDX-License-Identifier: MIT */
/*
 * tls_echo ADDRESS CERTIFICATE KEY
 *
 * Sends back over TLS what each client sends, until SIGINT or SIGTERM. The
 * files are PEM.
 *
 * OpenSSL reads and writes the socket itself, and a read may have to wait until
 * it can write, or the reverse. The adapter therefore registers the socket
 * once, edge-triggered, for both directions, and the program tries both after
 * any event. OpenSSL also holds bytes that the queue knows nothing of: a
 * connection whose turn is over before it met -EAGAIN comes back by an event
 * of the user-space queue.
 *
 * What is read and could not be written stays in the connection's buffer, and
 * nothing is read while that is full: a slow client slows down itself. A client
 * that does nothing at all keeps its connection; for time limits see echo.c.
 *
 *	cc -o tls_echo tls_echo.c $(pkg-config --cflags --libs miost openssl)
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <miost.h>

/* The adapter. A program sets SIGPIPE to be ignored: OpenSSL calls write(2). */

/* Of an event that was queued because a turn was over; no system gives it. */
#define TLS_TURN UINT32_C(0x80000000)

/* The queues of a loop, and the batch that it handles. */
struct loop {
	struct miost_os_queue *os_queue;
	struct miost_queue *queue;
	struct miost_event *events;
	int count;
};

struct tls {
	SSL *ssl;
	int fd;
	miost_id id;
	bool queued;		/* its next turn is in the user-space queue */
};

/* Closes the descriptor, and takes the id back from wherever it may be. */
static void
tls_close(struct loop *loop, struct tls *tls)
{
	miost_queue_remove(loop->queue, tls->id);
	miost_os_queue_deregister(loop->os_queue, tls->fd);
	for (int i = 0; i < loop->count; i++)
		if (loop->events[i].id == tls->id)
			loop->events[i].readiness = 0;
	SSL_free(tls->ssl);
	close(tls->fd);
}

/* Takes over a connected socket for a server. After an error it is closed. */
static int
tls_accept(struct loop *loop, struct tls *tls, SSL_CTX *context, int fd,
	   miost_id id)
{
	int err = -ENOMEM;

	*tls = (struct tls){ .ssl = SSL_new(context), .fd = fd, .id = id };
	if (tls->ssl != NULL && SSL_set_fd(tls->ssl, fd) == 1) {
		/* A write that is tried again may come with more bytes. */
		SSL_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					SSL_MODE_RELEASE_BUFFERS);
		SSL_set_accept_state(tls->ssl);
		err = miost_os_queue_register(loop->os_queue, fd, id,
					      MIOST_READABLE | MIOST_WRITABLE,
					      MIOST_EDGE);
	}
	if (err < 0)
		tls_close(loop, tls);
	return err;
}

/* What OpenSSL returned, as a count, 0 for the end, or a negative error. */
static int
tls_result(const struct tls *tls, int result)
{
	int err = errno;

	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_NONE:
		return result;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_SYSCALL:
		/* OpenSSL 1.1.1: 0 is an end without close_notify. */
		return err != 0 ? -err : -ECONNRESET;
	default:
		return -EPROTO;		/* ERR_peek_last_error() has more */
	}
}

/* An old error would make SSL_get_error() misjudge the next call. */
static void
tls_forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* Like miost_socket_read(). It shakes hands, too, and answers key updates. */
static int
tls_read(struct tls *tls, void *buf, size_t len)
{
	tls_forget_errors();
	return tls_result(tls, SSL_read(tls->ssl, buf,
					len < INT_MAX ? (int)len : INT_MAX));
}

/* Like miost_socket_write(); after -EAGAIN, the same bytes have to come. */
static int
tls_write(struct tls *tls, const void *buf, size_t len)
{
	tls_forget_errors();
	return tls_result(tls, SSL_write(tls->ssl, buf,
					 len < INT_MAX ? (int)len : INT_MAX));
}

/* Ends our half of the stream. Not after an error other than -EAGAIN. */
static int
tls_end(struct tls *tls)
{
	int result;

	tls_forget_errors();
	result = SSL_shutdown(tls->ssl);
	return result < 0 ? tls_result(tls, result) : 0;
}

/* The turn is over, and there is more: asks for another one. */
static int
tls_again(struct loop *loop, struct tls *tls)
{
	struct miost_event event = { .id = tls->id, .readiness = TLS_TURN };
	int err = miost_queue_add(loop->queue, event);

	tls->queued = err == 0;
	return err;
}

/* Whether an event begins a turn. One that is queued needs no other. */
static bool
tls_has_turn(struct tls *tls, miost_ready readiness)
{
	if (readiness & TLS_TURN)
		tls->queued = false;
	return readiness != 0 && !tls->queued;
}

/* What is shown with it: a server. */

enum {
	ADDRESS = 128,		/* room for an address as text */
	BUFFER = 32768,		/* bytes held for a connection: two records */
	ROUNDS = 4,		/* of a read and a write in a turn */
	ACCEPTS = 16,		/* clients accepted in a row */
	BATCH = 512		/* events: of the OS queue at most half */
};

/* How long no client is accepted when the system lacks the means. */
#define PAUSE INT64_C(100000000)

/* Ids. A connection's is its address, which is neither of these. */
enum { LISTENER, SIGNALS };

struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	struct tls tls;
	bool ended;			/* the client sends nothing more */
	size_t start;			/* of what is still to be written */
	size_t end;
	char buffer[BUFFER];
};

struct server {
	struct loop loop;
	struct miost_signals *signals;
	SSL_CTX *context;
	int listener;
	struct connection *connections;
	bool paused;			/* the listener is not watched */
	bool done;
	struct miost_event events[BATCH];
};

static int
report(const char *what, int err)
{
	const char *reason = NULL;

	if (err == -EPROTO)
		reason = ERR_reason_error_string(ERR_peek_last_error());
	fprintf(stderr, "tls_echo: %s: %s\n", what,
		reason != NULL ? reason : strerror(-err));
	return err;
}

/* Connections. */

static int
fill(struct connection *connection)
{
	int n;

	if (connection->ended || connection->end == BUFFER)
		return -EAGAIN;
	n = tls_read(&connection->tls, connection->buffer + connection->end,
		     BUFFER - connection->end);
	if (n > 0)
		connection->end += (size_t)n;
	if (n == 0)
		connection->ended = true;
	return n;
}

static int
drain(struct connection *connection)
{
	int n;

	if (connection->start == connection->end)
		return -EAGAIN;
	n = tls_write(&connection->tls, connection->buffer + connection->start,
		      connection->end - connection->start);
	if (n > 0)
		connection->start += (size_t)n;
	if (connection->start == connection->end)
		connection->start = connection->end = 0;
	return n;
}

/*
 * Returns 1 when there is more to do, 0 when both halves have ended, -EAGAIN
 * when there is nothing to do before the next event, or another error.
 */
static int
take_turn(struct connection *connection)
{
	for (int i = 0; i < ROUNDS; i++) {
		int got = fill(connection);
		int sent = drain(connection);

		if (got < 0 && got != -EAGAIN)
			return got;
		if (sent < 0 && sent != -EAGAIN)
			return sent;
		if (connection->ended && connection->end == 0)
			return tls_end(&connection->tls);
		/* A write that made room lets a read go on. */
		if (got < 0 && sent < 0)
			return -EAGAIN;
	}
	return 1;
}

static void
close_connection(struct server *server, struct connection *connection)
{
	tls_close(&server->loop, &connection->tls);
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	free(connection);
}

static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	int result;

	if (!tls_has_turn(&connection->tls, readiness))
		return;
	result = take_turn(connection);
	if (result > 0)
		result = tls_again(&server->loop, &connection->tls) == 0
				 ? -EAGAIN
				 : -ENOMEM;
	if (result == -EAGAIN)
		return;
	if (result < 0)
		report("client", result);
	close_connection(server, connection);
}

static void
open_connection(struct server *server, int fd)
{
	struct connection *connection = malloc(sizeof(*connection));
	int err = -ENOMEM;

	if (connection == NULL) {
		close(fd);
	} else {
		err = tls_accept(&server->loop, &connection->tls,
				 server->context, fd, (miost_id)connection);
		if (err < 0)
			free(connection);
	}
	if (err < 0) {
		report("client", err);
		return;
	}
	connection->ended = false;
	connection->start = connection->end = 0;
	connection->next = server->connections;
	connection->link = &server->connections;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	server->connections = connection;
}

/* The server. */

/* Watches the listener, or, with interests of 0, does not. */
static int
watch_listener(struct server *server, miost_interests interests)
{
	int err = miost_os_queue_set(server->loop.os_queue, server->listener,
				     LISTENER, interests, MIOST_LEVEL);

	server->paused = interests == 0 || err < 0;
	return err;
}

static void
accept_clients(struct server *server)
{
	for (int i = 0; i < ACCEPTS; i++) {
		int fd = miost_socket_accept(server->listener, NULL);

		if (fd == -EAGAIN)
			return;
		if (fd < 0) {
			/* The client still waits: each poll would say so. */
			report("accept", fd);
			watch_listener(server, 0);
			return;
		}
		open_connection(server, fd);
	}
}

static void
handle_event(struct server *server, const struct miost_event *event)
{
	if (event->id == LISTENER)
		accept_clients(server);
	else if (event->id == SIGNALS)
		server->done = miost_signals_receive(server->signals) != 0;
	else if (event->readiness != 0)
		handle_connection(server, (struct connection *)event->id,
				  event->readiness);
}

static int
serve(struct server *server)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(server->loop.os_queue),
		miost_queue_source(server->loop.queue),
	};

	while (!server->done) {
		int n = miost_poll_events(sources, 2, server->events, BATCH,
					  server->paused ? PAUSE
							 : MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return report("poll", n);
		if (server->paused)
			watch_listener(server, MIOST_READABLE);
		server->loop.count = n > 0 ? n : 0;
		for (int i = 0; i < server->loop.count; i++)
			handle_event(server, &server->events[i]);
	}
	return 0;
}

static int
open_context(struct server *server, const char *certificate, const char *key)
{
	server->context = SSL_CTX_new(TLS_server_method());
	if (server->context == NULL)
		return report("TLS", -EPROTO);
	if (SSL_CTX_use_certificate_chain_file(server->context,
					       certificate) != 1)
		return report(certificate, -EPROTO);
	if (SSL_CTX_use_PrivateKey_file(server->context, key,
					SSL_FILETYPE_PEM) != 1)
		return report(key, -EPROTO);
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
open_listener(struct server *server, const char *address)
{
	struct miost_addr addr;
	int err = miost_addr_parse(address, &addr);

	if (err == 0)
		err = server->listener = miost_tcp_listen(&addr);
	if (err >= 0)
		err = watch_listener(server, MIOST_READABLE);
	return err < 0 ? report(address, err) : announce(server);
}

static int
open_loop(struct server *server)
{
	sigset_t set;
	int err = miost_os_queue_new(&server->loop.os_queue);

	if (err == 0)
		err = miost_queue_new(&server->loop.queue);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (err == 0)
		err = miost_signals_new(server->loop.os_queue, &set, SIGNALS,
					&server->signals);
	server->loop.events = server->events;
	return err < 0 ? report("queue", err) : 0;
}

/* Closes what is open, in whatever state the server is. */
static void
close_server(struct server *server)
{
	while (server->connections != NULL)
		close_connection(server, server->connections);
	if (server->listener >= 0)
		close(server->listener);
	SSL_CTX_free(server->context);
	miost_signals_free(server->signals);
	miost_queue_free(server->loop.queue);
	miost_os_queue_free(server->loop.os_queue);
}

int
main(int argc, char **argv)
{
	static struct server server = { .listener = -1 };
	int err;

	if (argc != 4) {
		fprintf(stderr, "usage: tls_echo ADDRESS CERTIFICATE KEY\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	err = open_loop(&server);
	if (err == 0)
		err = open_context(&server, argv[2], argv[3]);
	if (err == 0)
		err = open_listener(&server, argv[1]);
	if (err == 0)
		err = serve(&server);
	close_server(&server);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
