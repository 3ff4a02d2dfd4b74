/* SPDX-License-Identifier: MIT */
/*
 * tls_echo ADDRESS CERTIFICATE KEY
 *
 * Sends back over TLS what each client sends, until SIGINT or SIGTERM. The
 * files are PEM.
 *
 * OpenSSL reads and writes the socket itself. A read may have to wait until the
 * socket is writable, and a write until it is readable. The adapter therefore
 * registers the socket once, edge-triggered, for both directions, and after any
 * event the program tries whatever it has to do. OpenSSL also holds bytes that
 * the OS queue does not know of. A program that stops before -EAGAIN, so that
 * others have their turn, goes on after an event of the user-space queue.
 *
 * Bytes that were read but not yet written stay in the buffer of the
 * connection. While it is full nothing is read, so a client that does not read
 * slows down only itself. A silent client keeps its connection; echo.c shows
 * time limits.
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

/* The adapter. SIGPIPE must be ignored, since OpenSSL calls write(2). */

struct tls {
	SSL *ssl;
	int fd;
};

/*
 * Takes over `ssl`, which is NULL if there was no memory for it, and a socket
 * that is connected or connecting. After an error both are gone.
 */
static int
tls_open(struct tls *tls, struct miost_os_queue *os_queue, SSL *ssl, int fd,
	 miost_id id)
{
	int err = -ENOMEM;

	*tls = (struct tls){ .ssl = ssl, .fd = fd };
	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1) {
		SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
		err = miost_os_queue_register(os_queue, fd, id,
					      MIOST_READABLE | MIOST_WRITABLE,
					      MIOST_EDGE);
	}
	if (err < 0) {
		SSL_free(ssl);
		close(fd);
	}
	return err;
}

/* Closes the socket. The batch may still have events of it. */
static void
tls_close(struct tls *tls, struct miost_os_queue *os_queue)
{
	miost_os_queue_deregister(os_queue, tls->fd);
	SSL_free(tls->ssl);
	close(tls->fd);
}

/* Errors that earlier calls have left behind would confuse SSL_get_error(). */
static void
tls_forget_errors(void)
{
	ERR_clear_error();
	errno = 0;
}

/* Makes a result of OpenSSL a count, 0 for the end, or a negative error. */
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
		/* Before OpenSSL 3, 0 is an end without close_notify. */
		return err != 0 ? -err : -ECONNRESET;
	default:
		return -EPROTO;		/* ERR_peek_last_error() knows more */
	}
}

/* Like miost_socket_read(). Also does the handshake and answers key updates. */
static int
tls_read(struct tls *tls, void *buf, size_t len)
{
	tls_forget_errors();
	return tls_result(tls, SSL_read(tls->ssl, buf,
					len < INT_MAX ? (int)len : INT_MAX));
}

/*
 * Like miost_socket_write(). After -EAGAIN, the next call must bring the same
 * bytes again. More may follow them, and they may be in another buffer.
 */
static int
tls_write(struct tls *tls, const void *buf, size_t len)
{
	tls_forget_errors();
	return tls_result(tls, SSL_write(tls->ssl, buf,
					 len < INT_MAX ? (int)len : INT_MAX));
}

/* Sends close_notify, after which only reads are possible. */
static int
tls_end(struct tls *tls)
{
	int result;

	tls_forget_errors();
	result = SSL_shutdown(tls->ssl);
	return result < 0 ? tls_result(tls, result) : 0;
}

/* The demonstration: a server. */

enum {
	ADDRESS = 128,		/* room for an address as text */
	BUFFER = 32768,		/* bytes held for a connection: two records */
	ROUNDS = 4,		/* a turn is so many reads and writes */
	ACCEPTS = 16,		/* clients accepted in a row */
	BATCH = 512		/* the OS queue fills at most half of it */
};

/* After accept has failed, the time until it is tried again. */
#define PAUSE INT64_C(100000000)

/* The id of a connection is its address, which is never one of these. */
enum { LISTENER, SIGNALS };

/* The readiness of an event that the program queues. No system gives it. */
#define TURN UINT32_C(0x80000000)

struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	struct tls tls;
	bool queued;			/* the event of its next turn */
	bool ended;			/* the client sends nothing more */
	size_t start;			/* of what is still to be written */
	size_t end;
	char buffer[BUFFER];
};

struct server {
	struct miost_os_queue *os_queue;
	struct miost_queue *queue;
	struct miost_signals *signals;
	SSL_CTX *context;
	int listener;
	struct connection *connections;
	bool paused;			/* the listener is not watched */
	bool done;
	struct miost_event events[BATCH];
	int count;			/* of events in the batch */
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
		/* A write may have made room for the next read. */
		if (got < 0 && sent < 0)
			return -EAGAIN;
	}
	return 1;
}

static void
close_connection(struct server *server, struct connection *connection)
{
	tls_close(&connection->tls, server->os_queue);
	miost_queue_remove(server->queue, (miost_id)connection);
	for (int i = 0; i < server->count; i++)
		if (server->events[i].id == (miost_id)connection)
			server->events[i].readiness = 0;
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	free(connection);
}

/* Queues an event for what is left: no event of the socket need come. */
static int
ask_for_turn(struct server *server, struct connection *connection)
{
	struct miost_event event = { .id = (miost_id)connection,
				     .readiness = TURN };
	int err = miost_queue_add(server->queue, event);

	connection->queued = err == 0;
	return err;
}

static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	int result;

	if (readiness & TURN)
		connection->queued = false;
	/* The turn that is queued does what this event asks for. */
	if (connection->queued)
		return;
	result = take_turn(connection);
	if (result > 0) {
		result = ask_for_turn(server, connection);
		if (result == 0)
			return;
	}
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
	SSL *ssl;
	int err;

	if (connection == NULL) {
		report("client", -ENOMEM);
		close(fd);
		return;
	}
	ssl = SSL_new(server->context);
	if (ssl != NULL)
		SSL_set_accept_state(ssl);
	err = tls_open(&connection->tls, server->os_queue, ssl, fd,
		       (miost_id)connection);
	if (err < 0) {
		report("client", err);
		free(connection);
		return;
	}
	connection->queued = connection->ended = false;
	connection->start = connection->end = 0;
	connection->next = server->connections;
	connection->link = &server->connections;
	if (connection->next != NULL)
		connection->next->link = &connection->next;
	server->connections = connection;
}

/* The server. */

/* With interests of 0 the listener is not watched. */
static int
watch_listener(struct server *server, miost_interests interests)
{
	int err = miost_os_queue_set(server->os_queue, server->listener,
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
			/* The client still waits: do not poll in a circle. */
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
		miost_os_queue_source(server->os_queue),
		miost_queue_source(server->queue),
	};

	while (!server->done) {
		int n = miost_poll_events(sources, 2, server->events, BATCH,
					  server->paused ? PAUSE
							 : MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return report("poll", n);
		if (server->paused)
			watch_listener(server, MIOST_READABLE);
		server->count = n > 0 ? n : 0;
		for (int i = 0; i < server->count; i++)
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
	int err = miost_os_queue_new(&server->os_queue);

	if (err == 0)
		err = miost_queue_new(&server->queue);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (err == 0)
		err = miost_signals_new(server->os_queue, &set, SIGNALS,
					&server->signals);
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
	miost_queue_free(server->queue);
	miost_os_queue_free(server->os_queue);
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
