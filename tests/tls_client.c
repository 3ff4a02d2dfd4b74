/* SPDX-License-Identifier: MIT */
/*
 * tls_client PORT MODE [CLIENTS]: clients of tls_echo, for example_tls_echo.sh.
 * All of them run in one loop of poll(2). Prints what happened, once.
 *
 *	echo   sends, and gets it back, with new keys now and then
 *	half   sends close_notify after the last byte; gets all, and the same
 *	slow   reads nothing before the server no longer takes anything
 *	fin    sends a FIN without close_notify
 *	deaf   sends without end, reads nothing, and is there until killed
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

enum { CHUNK = 16000, MAX_CLIENTS = 200, TOTAL = 40 * CHUNK, QUIET = 500 };

/* More than all the buffers between the two ends. */
enum { TOO_MUCH = 128 << 20 };

struct client {
	SSL *ssl;
	int fd;
	size_t sent, got;
	bool ended, done;
};

static struct client clients[MAX_CLIENTS];
static const char *mode;
static bool reading, writing;
static size_t total;		/* bytes that a client sends */

static void
fail(const char *what)
{
	fprintf(stderr, "tls_client: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static bool
is(const char *name)
{
	return strcmp(mode, name) == 0;
}

/* The byte at a place of a client's stream. */
static unsigned char
byte_at(const struct client *client, size_t at)
{
	return (unsigned char)(at * 7 + at / 251 + (size_t)client->fd * 31);
}

static void
open_client(struct client *client, SSL_CTX *context, int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons((uint16_t)port) };

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&addr,
				      sizeof(addr)) != 0)
		fail("connect");
	fcntl(client->fd, F_SETFL, O_NONBLOCK);
	client->ssl = SSL_new(context);
	if (client->ssl == NULL || SSL_set_fd(client->ssl, client->fd) != 1)
		fail("SSL_new");
	SSL_set_connect_state(client->ssl);
}

/* Whether the call has to wait, or all is done; an error ends the program. */
static bool
blocks(struct client *client, int result)
{
	int error = SSL_get_error(client->ssl, result);

	if (error == SSL_ERROR_ZERO_RETURN ||
	    (is("fin") && client->ended)) {
		client->done = true;
		return true;
	}
	if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
		fail(client->got > 0 ? "broken off" : "never began");
	return true;
}

static void
end_stream(struct client *client)
{
	client->ended = true;
	if (is("fin"))
		shutdown(client->fd, SHUT_WR);
	else if (SSL_shutdown(client->ssl) < 0)
		fail("SSL_shutdown");
}

/* Returns whether bytes were moved. */
static bool
do_write(struct client *client)
{
	unsigned char buf[CHUNK];
	int n;

	if (client->sent == total || client->ended)
		return false;
	for (size_t i = 0; i < CHUNK; i++)
		buf[i] = byte_at(client, client->sent + i);
	if (is("echo") && client->sent % (8 * CHUNK) == 4 * CHUNK &&
	    SSL_get_key_update_type(client->ssl) == SSL_KEY_UPDATE_NONE &&
	    SSL_key_update(client->ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
		fail("SSL_key_update");
	ERR_clear_error();
	n = SSL_write(client->ssl, buf, CHUNK);
	if (n <= 0)
		return !blocks(client, n);
	client->sent += (size_t)n;
	return true;
}

static bool
do_read(struct client *client)
{
	unsigned char buf[4096];
	int n;

	ERR_clear_error();
	n = SSL_read(client->ssl, buf, sizeof(buf));
	if (n <= 0)
		return !blocks(client, n);
	for (int i = 0; i < n; i++)
		if (buf[i] != byte_at(client, client->got + (size_t)i))
			fail("other bytes than were sent");
	client->got += (size_t)n;
	return true;
}

static void
turn(struct client *client)
{
	bool moved = true;

	/* To the end: poll(2) does not see what OpenSSL has read. */
	while (moved && !client->done) {
		moved = writing && do_write(client);
		if (!client->ended && client->sent == total &&
		    (is("half") || is("fin")))
			end_stream(client);
		if (reading && !client->done && do_read(client))
			moved = true;
	}
	/* The others end when all has come back. */
	if (!client->done && !client->ended && reading &&
	    client->sent == total && client->got == total)
		end_stream(client);
}

/* One round of poll. Returns how many clients were ready, or -1 at the end. */
static int
round_of(int count, int timeout)
{
	struct pollfd fds[MAX_CLIENTS];
	int left = 0, ready;

	for (int i = 0; i < count; i++) {
		struct client *client = &clients[i];
		bool more = writing && client->sent < total;

		left += !client->done;
		fds[i].fd = client->done ? -1 : client->fd;
		fds[i].events = (short)((reading ? POLLIN : 0) |
					(more ? POLLOUT : 0));
		if (!SSL_is_init_finished(client->ssl))
			fds[i].events = POLLIN;
	}
	if (left == 0)
		return -1;
	ready = poll(fds, (nfds_t)count, timeout);
	for (int i = 0; i < count; i++)
		if (fds[i].fd >= 0 && (fds[i].revents || timeout >= 0))
			turn(&clients[i]);
	return ready;
}

static void
run(int count)
{
	size_t sent;

	writing = true;
	reading = !is("slow") && !is("deaf");
	total = reading ? TOTAL : (size_t)TOO_MUCH;
	for (int i = 0; i < count; i++)
		turn(&clients[i]);
	if (is("slow") || is("deaf")) {
		do {
			sent = clients[0].sent;
			round_of(count, QUIET);
		} while (clients[0].sent == 0 || clients[0].sent > sent);
		if (clients[0].sent == TOO_MUCH)
			fail("the server takes everything");
		puts("the server takes no more");
		fflush(stdout);
		while (is("deaf"))
			pause();
		/* OpenSSL has begun to write another one. */
		total = clients[0].sent + CHUNK;
		reading = true;
	}
	while (round_of(count, -1) >= 0)
		;
	for (int i = 0; i < count; i++)
		if (!is("fin") && clients[i].got != total)
			fail("not all came back");
}

int
main(int argc, char **argv)
{
	int count = argc > 3 ? atoi(argv[3]) : 1;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (argc < 3 || count < 1 || count > MAX_CLIENTS || context == NULL)
		return 2;
	mode = argv[2];
	signal(SIGPIPE, SIG_IGN);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	for (int i = 0; i < count; i++)
		open_client(&clients[i], context, atoi(argv[1]));
	run(count);
	printf("%s: %d done\n", mode, count);
	for (int i = 0; i < count; i++) {
		SSL_free(clients[i].ssl);
		close(clients[i].fd);
	}
	SSL_CTX_free(context);
	return 0;
}
