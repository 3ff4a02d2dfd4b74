/* SPDX-License-Identifier: MIT */
/*
 * echo [--once] [--idle SECONDS] ADDRESS
 *
 * Sends back what each client sends. The example shows how a connection changes
 * between reading and writing: the server keeps bytes that it cannot write at
 * once in the connection's buffer, and reads no more until it has written them.
 * A slow client therefore delays only itself, and takes one buffer of memory.
 * The server closes a connection on which no bytes have moved in either
 * direction for the idle time (60 s).
 *
 * The rest of the server is in server.c. tcp_server.c is a server in a single
 * file.
 *
 *	cc -o echo echo.c server.c $(pkg-config --cflags --libs miost)
 */
#include <errno.h>

#include "server.h"

enum { BUFFER = 16384 };

struct client {
	struct connection connection;
	size_t start;			/* of what is still to be written */
	size_t end;
	char buffer[BUFFER];
};

/* Writes what is in the buffer, or as much as goes. */
static bool
drain(struct server *server, struct client *client)
{
	struct connection *connection = &client->connection;
	ssize_t n = miost_socket_write(connection->fd,
				       client->buffer + client->start,
				       client->end - client->start);

	if (n < 0 && n != -EAGAIN)
		return false;
	client->start += n > 0 ? (size_t)n : 0;
	return set_writing(server, connection,
			   client->start < client->end) == 0;
}

/*
 * Reads what has come. The buffer is empty by now, so that nothing is left to
 * write when the client has ended its stream.
 */
static bool
fill(struct server *server, struct client *client)
{
	ssize_t n = miost_socket_read(client->connection.fd, client->buffer,
				      sizeof(client->buffer));

	if (n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	client->start = 0;
	client->end = (size_t)n;
	return drain(server, client);
}

static bool
serve(struct server *server, struct connection *connection)
{
	struct client *client = (struct client *)connection;
	bool stays = connection->writing ? drain(server, client)
					 : fill(server, client);

	/* It may be idle from now on. */
	return stays && set_timeout(server, connection, server->idle) == 0;
}

int
main(int argc, char **argv)
{
	struct server server = {
		.name = "echo",
		.size = sizeof(struct client),
		.idle = 60 * SECOND,
		.serve = serve,
	};

	return run_server(&server, argc, argv);
}
