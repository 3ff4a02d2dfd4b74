/* SPDX-License-Identifier: MIT */
/*
 * http [--once] [--idle SECONDS] ADDRESS
 *
 * A small HTTP/1.1 server: it has one page, "/", and answers 404 to others.
 * The example shows a protocol of requests and answers. A connection stays open
 * for further requests, and a client may send several requests before it reads
 * the answers.
 *
 * A connection has a buffer for requests and one for answers. The server reads
 * when the connection has neither a complete request nor an answer left, and
 * answers requests while there is room. A slow client therefore delays only
 * itself, and takes two buffers of memory. The server refuses a request that
 * could be misread (RFC 9112). After such a request, or one with a body, which
 * no request needs here, it reads no other request from the connection. The
 * last answer reaches the client before the server closes the connection.
 *
 * The rest of the server is in server.c.
 *
 *	cc -o http http.c server.c $(pkg-config --cflags --libs miost)
 */
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "server.h"

enum {
	REQUESTS = 8192,	/* bytes of requests held, the longest head */
	ANSWERS = 4096,		/* bytes of answers held */
	ANSWER = 512		/* room for the longest of them */
};

/* How long a client may take to read the last answer and close. */
#define LINGER (2 * SECOND)

enum state {
	OPEN,		/* reads requests */
	CLOSING,	/* reads no more requests, writes the last answer */
	LINGERING	/* has ended its stream, waits for the client to */
};

struct client {
	struct connection connection;
	enum state state;
	size_t in_start;		/* of the first request */
	size_t in_scanned;		/* no head ends before */
	size_t in_end;
	size_t out_start;
	size_t out_end;
	char in[REQUESTS];
	char out[ANSWERS];
};

/* Answers. */

struct page {
	const char *status;
	const char *type;
	const char *body;
};

static const struct page home = {
	"200 OK", "text/html; charset=utf-8",
	"<!DOCTYPE html>\n<title>libmiost</title>\n<p>It works.</p>\n"
};
static const struct page bad_request = {
	"400 Bad Request", "text/plain", "Bad request.\n"
};
static const struct page not_found = {
	"404 Not Found", "text/plain", "Not found.\n"
};
static const struct page too_large = {
	"431 Request Header Fields Too Large", "text/plain",
	"Request header fields too large.\n"
};
static const struct page bad_version = {
	"505 HTTP Version Not Supported", "text/plain",
	"HTTP version not supported.\n"
};

/* What counts of a request's head. */
struct request {
	bool http11;			/* not HTTP/1.0 */
	bool head;			/* wants no body in the answer */
	bool home;			/* for the page */
	bool keep;			/* Connection: keep-alive */
	bool close;			/* Connection: close */
	bool body;			/* comes with one */
	int hosts;			/* how often there is a Host, */
	int lengths;			/* a Content-Length, */
	int encodings;			/* a Transfer-Encoding */
};

/* Whether the connection stays open after the answer. */
static bool
is_kept(const struct request *request)
{
	if (request->close || request->body)
		return false;
	return request->http11 || request->keep;
}

/* Appends an answer, for which there is room. */
static void
answer(struct client *client, const struct request *request,
       const struct page *page, bool keep)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime_r(&now, &tm));
	n = snprintf(client->out + client->out_end, ANSWER,
		     "HTTP/1.1 %s\r\n"
		     "Date: %s\r\n"
		     "Content-Type: %s\r\n"
		     "Content-Length: %zu\r\n"
		     "Connection: %s\r\n"
		     "\r\n"
		     "%s",
		     page->status, date, page->type, strlen(page->body),
		     keep ? "keep-alive" : "close",
		     request->head ? "" : page->body);
	client->out_end += (size_t)n;
	if (!keep)
		client->state = CLOSING;
}

/* Requests: a head is lines with NULs in place of their ends. */

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define TOKEN DIGITS LETTERS "!#$%&'*+-.^_`|~"
#define VISIBLE TOKEN "\"(),/:;<=>?@[\\]{}"
#define HOST DIGITS LETTERS "-._~!$&'()*+,;=:%[]"

/* Whether all of `text` is of `set`. */
static bool
consists_of(const char *text, const char *set)
{
	return text[strspn(text, set)] == '\0';
}

/* Whether a target, up to a space, is the page, with a query or without. */
static bool
is_home(const char *target)
{
	/* As proxies are asked, with the host: an empty path means "/". */
	if (strncasecmp(target, "http://", 7) == 0) {
		target += 7;
		target += strcspn(target, "/? ");
		if (*target != '/')
			return true;
	}
	return target[0] == '/' && (target[1] == ' ' || target[1] == '?');
}

/* METHOD TARGET HTTP/x.y; what is wrong is answered by the page returned. */
static const struct page *
parse_request_line(struct request *request, const char *line)
{
	size_t method = strspn(line, TOKEN);
	const char *target = line + method + 1;
	const char *version;
	size_t len;

	if (method == 0 || line[method] != ' ')
		return &bad_request;
	len = strspn(target, VISIBLE);
	if (len == 0 || target[len] != ' ')
		return &bad_request;
	version = target + len + 1;
	if (strncmp(version, "HTTP/", 5) != 0 || !isdigit(version[5] & 0xff) ||
	    version[6] != '.' || !isdigit(version[7] & 0xff) ||
	    version[8] != '\0')
		return &bad_request;
	request->head = strncmp(line, "HEAD ", 5) == 0;
	request->home = (request->head || strncmp(line, "GET ", 4) == 0) &&
			is_home(target);
	request->http11 = version[7] > '0';
	return version[5] == '1' ? NULL : &bad_version;
}

static void
parse_connection(struct request *request, char *value)
{
	char *rest;
	char *option = strtok_r(value, ", \t", &rest);

	for (; option != NULL; option = strtok_r(NULL, ", \t", &rest)) {
		if (strcasecmp(option, "close") == 0)
			request->close = true;
		else if (strcasecmp(option, "keep-alive") == 0)
			request->keep = true;
	}
}

/* Takes in one header field, if it matters; says whether it is valid. */
static bool
parse_field(struct request *request, const char *name, char *value)
{
	if (strcasecmp(name, "Host") == 0)
		return ++request->hosts == 1 && consists_of(value, HOST);
	if (strcasecmp(name, "Content-Length") == 0) {
		if (!consists_of(value, "0"))
			request->body = true;
		return ++request->lengths == 1 && *value != '\0' &&
		       consists_of(value, DIGITS);
	}
	if (strcasecmp(name, "Transfer-Encoding") == 0) {
		request->encodings++;
		request->body = true;
	}
	if (strcasecmp(name, "Connection") == 0)
		parse_connection(request, value);
	return true;
}

/* NAME: VALUE, and no space before the name or the colon. */
static bool
parse_field_line(struct request *request, char *line)
{
	size_t name = strspn(line, TOKEN);
	char *value = line + name + 1;
	char *end = strchr(line, '\0');

	if (name == 0 || line[name] != ':')
		return false;
	line[name] = '\0';
	value += strspn(value, " \t");
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	return parse_field(request, line, value);
}

/* Cuts the next line off a head; returns it. */
static char *
next_line(char **head)
{
	char *line = *head;
	char *end = strchr(line, '\r');

	*end = '\0';
	*head = end + 2;
	return line;
}

/* Reads a head, in which every line ends in CR LF, the last one empty. */
static const struct page *
parse_head(struct request *request, char *head)
{
	const struct page *error = parse_request_line(request,
						      next_line(&head));
	char *line;

	if (error != NULL)
		return error;
	while (*(line = next_line(&head)) != '\0')
		if (!parse_field_line(request, line))
			return &bad_request;
	if (request->http11 && request->hosts == 0)
		return &bad_request;
	if (request->lengths > 0 && request->encodings > 0)
		return &bad_request;
	return request->home ? &home : &not_found;
}

/*
 * Looks for the end of a head in the bytes that have not been looked at yet.
 * Returns 1 when there, 0 when not yet, or -1 when there is a byte that no
 * head has: a control character, or CR and LF other than in this order.
 */
static int
scan_head(struct client *client)
{
	const char *head = client->in + client->in_start;
	size_t len = client->in_end - client->in_start;
	size_t i = client->in_scanned - client->in_start;
	int found = 0;

	for (; i < len && found == 0; i++) {
		bool after_cr = i > 0 && head[i - 1] == '\r';

		if ((head[i] == '\n') != after_cr)
			found = -1;
		else if (head[i] == '\n')
			found = i == 1 || (i >= 3 && head[i - 2] == '\n');
		else if (iscntrl(head[i] & 0xff) && head[i] != '\t' &&
			 head[i] != '\r')
			found = -1;
	}
	client->in_scanned = client->in_start + i;
	return found;
}

/* Answers the next request; says whether it was complete, or an error. */
static bool
answer_next(struct client *client)
{
	struct request request = { .hosts = 0 };
	char *head = client->in + client->in_start;
	int found = scan_head(client);
	const struct page *page;
	bool valid;

	if (found == 0 && client->in_end - client->in_start < REQUESTS)
		return false;
	if (found > 0 && head[0] == '\r') {
		/* An empty line before a request is ignored. */
		client->in_start = client->in_scanned;
		return true;
	}
	if (found > 0)
		page = parse_head(&request, head);
	else
		page = found < 0 ? &bad_request : &too_large;
	client->in_start = client->in_scanned;
	valid = page == &home || page == &not_found;
	answer(client, &request, page, valid && is_kept(&request));
	return true;
}

/* Clients. */

/*
 * Writes answers, or as much as goes. Only this gives more time: bytes that
 * trickle in do not keep a connection.
 */
static int
drain(struct server *server, struct client *client)
{
	ssize_t n = miost_socket_write(
		client->connection.fd, client->out + client->out_start,
		client->out_end - client->out_start);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	client->out_start += (size_t)n;
	if (client->out_start == client->out_end)
		client->out_start = client->out_end = 0;
	return set_timeout(server, &client->connection, server->idle);
}

/*
 * Ends the stream after the last answer, but closes only when the client has
 * read it: to close with bytes unread makes the system reset the connection,
 * and the client may lose the answer.
 */
static int
linger(struct server *server, struct client *client)
{
	int err = set_timeout(server, &client->connection, LINGER);

	client->state = LINGERING;
	if (err == 0)
		err = miost_socket_shutdown(client->connection.fd, SHUT_WR);
	return err;
}

/* Answers what there is and has room; says whether there are answers. */
static bool
answer_all(struct client *client)
{
	while (client->state == OPEN &&
	       client->out_end <= ANSWERS - ANSWER &&
	       answer_next(client))
		;
	return client->out_end > 0;
}

/* Answers what there is, as long as the client takes the answers. */
static int
work(struct server *server, struct client *client)
{
	int err = 0;

	while (err == 0 && answer_all(client)) {
		err = drain(server, client);
		if (client->out_end > 0)
			break;
	}
	if (err == 0 && client->out_end == 0 && client->state == CLOSING)
		err = linger(server, client);
	if (err == 0)
		err = set_writing(server, &client->connection,
				  client->out_end > 0);
	return err;
}

/*
 * Reads what has come, after the request that is not complete, which moves to
 * the front; what comes after the last answer is dropped.
 */
static ssize_t
fill(struct client *client)
{
	size_t len = client->in_end - client->in_start;
	ssize_t n;

	if (client->state == LINGERING)
		len = 0;
	memmove(client->in, client->in + client->in_start, len);
	n = miost_socket_read(client->connection.fd, client->in + len,
			      REQUESTS - len);
	client->in_scanned -= client->in_start;
	client->in_start = 0;
	client->in_end = len + (n > 0 ? (size_t)n : 0);
	return n;
}

static bool
serve(struct server *server, struct connection *connection)
{
	struct client *client = (struct client *)connection;
	ssize_t n = connection->writing ? 1 : fill(client);

	if (n == -EAGAIN)
		return true;
	return n > 0 && work(server, client) == 0;
}

static struct server http = {
	.name = "http",
	.size = sizeof(struct client),
	.idle = 60 * SECOND,
	.nodelay = true,
	.serve = serve,
};

int
main(int argc, char **argv)
{
	return run_server(&http, argc, argv);
}
