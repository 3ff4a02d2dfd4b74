/* SPDX-License-Identifier: MIT */
/*
 * http [--once] [--idle SECONDS] ADDRESS
 *
 * A small HTTP/1.1 server: one page at "/", 404 for all else, until standard
 * input ends or, with --once, one connection was served. Input that cannot be
 * watched, a file or /dev/null, is ignored. Connections are kept, and requests
 * may follow each other without waiting for the answers.
 *
 * A connection has a buffer for requests and one for answers. It reads when it
 * has no complete request and no answer left, and answers while there is room,
 * so that a slow client slows down itself, and costs two buffers. A request
 * that could be misread (RFC 9112) is refused, and nothing after it is read as
 * a request; neither is a body, which no request needs here.
 */
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <miost.h>

enum {
	ADDRESS = 128,		/* room for an address as text */
	REQUESTS = 8192,	/* bytes of requests held, the longest head */
	ANSWERS = 4096,		/* bytes of answers held */
	ANSWER = 512,		/* room for the longest of them */
	ACCEPTS = 16		/* clients accepted in a row */
};

#define SECOND INT64_C(1000000000)

/* How long no client is accepted when the system lacks the means. */
#define PAUSE (SECOND / 10)

/* How long a client may take to read the last answer and close. */
#define LINGER (2 * SECOND)

/*
 * Ids. A connection's is its address, which is neither of these. The timer that
 * ends a pause has the listener's.
 */
enum { LISTENER, INPUT };

enum state {
	OPEN,		/* reads requests */
	CLOSING,	/* reads no more requests, writes the last answer */
	LINGERING	/* has ended its stream, waits for the client to */
};

struct connection {
	struct connection *next;
	struct connection **link;	/* what points here */
	int fd;				/* -1: closed */
	enum state state;
	bool writing;			/* watched for that, not for reading */
	miost_timer timer;		/* due when it is to be closed */
	size_t in_start;		/* of the first request */
	size_t in_scanned;		/* no head ends before */
	size_t in_end;
	size_t out_start;
	size_t out_end;
	char in[REQUESTS];
	char out[ANSWERS];
};

struct server {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int listener;			/* -1: closed */
	struct connection *open;
	struct connection *closed;	/* events may still name them */
	int64_t idle;
	bool once;
	bool done;
};

static int
report(const char *what, int err)
{
	fprintf(stderr, "http: %s: %s\n", what, strerror(-err));
	return err;
}

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
answer(struct connection *connection, const struct request *request,
       const struct page *page, bool keep)
{
	char date[64];
	time_t now = time(NULL);
	struct tm tm;
	int n;

	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT",
		 gmtime_r(&now, &tm));
	n = snprintf(connection->out + connection->out_end, ANSWER,
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
	connection->out_end += (size_t)n;
	if (!keep)
		connection->state = CLOSING;
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
scan_head(struct connection *connection)
{
	const char *head = connection->in + connection->in_start;
	size_t len = connection->in_end - connection->in_start;
	size_t i = connection->in_scanned - connection->in_start;
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
	connection->in_scanned = connection->in_start + i;
	return found;
}

/* Answers the next request; says whether it was complete, or an error. */
static bool
answer_next(struct connection *connection)
{
	struct request request = { .hosts = 0 };
	char *head = connection->in + connection->in_start;
	int found = scan_head(connection);
	const struct page *page;
	bool valid;

	if (found == 0 && connection->in_end - connection->in_start < REQUESTS)
		return false;
	if (found > 0 && head[0] == '\r') {
		/* An empty line before a request is ignored. */
		connection->in_start = connection->in_scanned;
		return true;
	}
	if (found > 0)
		page = parse_head(&request, head);
	else
		page = found < 0 ? &bad_request : &too_large;
	connection->in_start = connection->in_scanned;
	valid = page == &home || page == &not_found;
	answer(connection, &request, page, valid && is_kept(&request));
	return true;
}

/* Connections. */

static void
link_into(struct connection **list, struct connection *connection)
{
	connection->next = *list;
	connection->link = list;
	if (*list != NULL)
		(*list)->link = &connection->next;
	*list = connection;
}

static void
unlink_from_list(struct connection *connection)
{
	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
}

/*
 * Closes a connection. Its memory is kept until the batch of events is done,
 * since more of them may carry its id.
 */
static void
close_connection(struct server *server, struct connection *connection)
{
	/* These fail for what has fired, or never began: all the better. */
	miost_timers_cancel(server->timers, connection->timer);
	miost_os_queue_deregister(server->queue, connection->fd);
	close(connection->fd);
	connection->fd = -1;
	unlink_from_list(connection);
	link_into(&server->closed, connection);
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
	struct connection *connection = calloc(1, sizeof(*connection));
	int err;

	if (connection == NULL) {
		report("client", -ENOMEM);
		close(fd);
		server->done = server->once;
		return;
	}
	connection->fd = fd;
	link_into(&server->open, connection);
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

/* From now on it has so much time. */
static int
set_timeout(struct server *server, struct connection *connection,
	    int64_t timeout)
{
	int err = miost_timers_change_timeout(server->timers,
					      connection->timer, timeout);

	/* It has fired, and its event comes later in this batch. */
	if (err == -ENOENT)
		err = miost_timers_add_timeout(server->timers,
					       (miost_id)connection, timeout,
					       &connection->timer);
	return err;
}

/* A live timer was set anew after this event of it. */
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

/*
 * Writes answers, or as much as goes. Only this gives more time: bytes that
 * trickle in do not keep a connection.
 */
static int
drain(struct server *server, struct connection *connection)
{
	ssize_t n = miost_socket_write(
		connection->fd, connection->out + connection->out_start,
		connection->out_end - connection->out_start);

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	connection->out_start += (size_t)n;
	if (connection->out_start == connection->out_end)
		connection->out_start = connection->out_end = 0;
	return set_timeout(server, connection, server->idle);
}

/*
 * Ends the stream after the last answer, but closes only when the client has
 * read it: to close with bytes unread makes the system reset the connection,
 * and the client may lose the answer.
 */
static int
linger(struct server *server, struct connection *connection)
{
	int err = set_timeout(server, connection, LINGER);

	connection->state = LINGERING;
	return err < 0 ? err : miost_socket_shutdown(connection->fd, SHUT_WR);
}

/* Answers what there is and has room; says whether there are answers. */
static bool
answer_all(struct connection *connection)
{
	while (connection->state == OPEN &&
	       connection->out_end <= ANSWERS - ANSWER &&
	       answer_next(connection))
		;
	return connection->out_end > 0;
}

/* Answers what there is, as long as the client takes the answers. */
static int
work(struct server *server, struct connection *connection)
{
	int err = 0;

	while (err == 0 && answer_all(connection)) {
		err = drain(server, connection);
		if (connection->out_end > 0)
			break;
	}
	if (err == 0 && connection->out_end == 0 &&
	    connection->state == CLOSING)
		err = linger(server, connection);
	if (err == 0)
		err = set_writing(server, connection, connection->out_end > 0);
	return err;
}

/*
 * Reads what has come, after the request that is not complete, which moves to
 * the front; what comes after the last answer is dropped.
 */
static ssize_t
fill(struct connection *connection)
{
	size_t len = connection->in_end - connection->in_start;
	ssize_t n;

	if (connection->state == LINGERING)
		len = 0;
	memmove(connection->in, connection->in + connection->in_start, len);
	n = miost_socket_read(connection->fd, connection->in + len,
			      REQUESTS - len);
	connection->in_scanned -= connection->in_start;
	connection->in_start = 0;
	connection->in_end = len + (n > 0 ? (size_t)n : 0);
	return n;
}

/* An error or a hang-up needs no case: the read or the write meets it. */
static void
handle_connection(struct server *server, struct connection *connection,
		  miost_ready readiness)
{
	const miost_ready wanted = connection->writing ? MIOST_MAY_WRITE
						       : MIOST_MAY_READ;
	ssize_t n = 1;

	if (connection->fd < 0)
		return;		/* closed by an event before this one */
	if (readiness & MIOST_TIMER) {
		handle_timer(server, connection);
		return;
	}
	if (!(readiness & wanted))
		return;
	if (!connection->writing)
		n = fill(connection);
	if (n == -EAGAIN)
		return;
	if (n <= 0 || work(server, connection) < 0)
		close_connection(server, connection);
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
		/* Small answers go at once. If this fails, a read will. */
		miost_socket_set_nodelay(fd, true);
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

/* The sink grows, so that a busy queue leaves the timers room in it. */
static int
serve(struct server *server)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(server->queue),
		miost_timers_source(server->timers),
	};
	struct miost_event_vec batch;
	int err = 0;

	miost_event_vec_init(&batch);
	while (!server->done && err == 0) {
		int n = miost_poll(sources, 2, &batch.sink, MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = report("poll", n);
		for (size_t i = 0; i < batch.len; i++)
			handle_event(server, &batch.events[i]);
		miost_event_vec_clear(&batch);
		free_closed(server);
	}
	miost_event_vec_destroy(&batch);
	return err;
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
	while (server->open != NULL)
		close_connection(server, server->open);
	free_closed(server);
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
	struct server server = { .listener = -1, .idle = 60 * SECOND };
	const char *address = argc > 0 ? parse_arguments(&server, argv) : NULL;
	int err;

	if (address == NULL) {
		fprintf(stderr,
			"usage: http [--once] [--idle SECONDS] ADDRESS\n");
		return 2;
	}
	err = open_server(&server, address);
	if (err == 0)
		err = serve(&server);
	close_server(&server);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
