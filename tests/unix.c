/* SPDX-License-Identifier: MIT */
/* Unix sockets: streams, listeners, datagrams and pairs. */
#include <pthread.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "util.h"

static char directory[64];

/* A path in a directory of this test's own. */
static struct miost_addr
path(const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "unix:%s/%s", directory, name);
	return parse(text);
}

static void
remove_path(const char *name)
{
	char text[128];

	snprintf(text, sizeof(text), "%s/%s", directory, name);
	check_ok(unlink(text));
}

/* An abstract name that nobody else uses. */
static struct miost_addr
abstract(const char *name)
{
	struct miost_addr addr;
	char text[128];
	int err;

	snprintf(text, sizeof(text), "unix:@%s/%s", directory, name);
	err = miost_addr_parse(text, &addr);
	if (err == -ENOTSUP)
		tap_skip("this system has no abstract names");
	check_ok(err);
	return addr;
}

static void
make_directory(void)
{
	strcpy(directory, "/tmp/miost-unix.XXXXXX");
	check(mkdtemp(directory) != NULL);
}

static void
remove_directory(void)
{
	check_ok(rmdir(directory));
}

/* Both ways, the end, and no SIGPIPE. */
static void
talk(int a, int b)
{
	char buf[8];

	check_eq(miost_socket_read(a, buf, 8), -EAGAIN);
	check_eq(miost_socket_write(a, "ping", 4), 4);
	check_eq(miost_socket_peek(b, buf, 8), 4);
	check_eq(miost_socket_read(b, buf, 8), 4);
	check_eq(miost_socket_write(b, "pong", 4), 4);
	check_eq(miost_socket_read(a, buf, 8), 4);
	check(memcmp(buf, "pong", 4) == 0);
	close(b);
	check_eq(miost_socket_read(a, buf, 8), 0);
	check_eq(miost_socket_write(a, "x", 1), -EPIPE);
	close(a);
}

static void
stream_by(const struct miost_addr *addr)
{
	struct miost_addr other;
	int listener, client, server;
	char text[16];

	listener = from_birth(miost_unix_listen(addr));
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
	check_eq(miost_unix_listen(addr), -EADDRINUSE);
	client = from_birth(miost_unix_connect(addr));
	check_ok(miost_socket_connected(client));
	wait_for(listener, POLLIN);
	server = from_birth(miost_socket_accept(listener, &other));
	check(miost_addr_format(&other, text, sizeof(text)) > 0);
	check_str(text, "unix:");
	check_ok(miost_socket_local_addr(server, &other));
	same_addr(&other, addr);
	check_ok(miost_socket_peer_addr(client, &other));
	same_addr(&other, addr);
	talk(client, server);
	close(listener);
	check_eq(miost_unix_connect(addr), -ECONNREFUSED);
}

static void
stream_path(void)
{
	struct miost_addr addr;

	make_directory();
	addr = path("stream");
	check_eq(miost_unix_connect(&addr), -ENOENT);
	stream_by(&addr);
	/* What is left of it is in the way until it is removed. */
	check_eq(miost_unix_listen(&addr), -EADDRINUSE);
	remove_path("stream");
	stream_by(&addr);
	remove_path("stream");
	remove_directory();
}

static void
stream_abstract(void)
{
	struct miost_addr addr;

	make_directory();
	remove_directory();
	addr = abstract("stream");
	check_eq(miost_unix_connect(&addr), -ECONNREFUSED);
	stream_by(&addr);
	stream_by(&addr);
}

/* A listener that accepts nothing has no room in the end. */
static void
full_backlog(void)
{
	struct miost_addr addr;
	int listener, fd, n, fds[8];

	make_directory();
	addr = path("full");
	listener = miost_unix_listen(&addr);
	check(listener >= 0);
	check_ok(listen(listener, 1));
	for (n = 0; n < 8; n++) {
		fds[n] = miost_unix_connect(&addr);
		if (fds[n] < 0)
			break;
	}
	check(n > 0 && n < 8);
	check(fds[n] == -EAGAIN || fds[n] == -ECONNREFUSED);
	fd = miost_socket_accept(listener, NULL);
	check(fd >= 0);
	close(fd);
	fd = miost_unix_connect(&addr);
	check(fd >= 0);
	close(fd);
	while (n > 0)
		close(fds[--n]);
	close(listener);
	remove_path("full");
	remove_directory();
}

static void
datagrams_by(const struct miost_addr *a, const struct miost_addr *b)
{
	struct miost_datagram many[3] = { { .data = NULL } };
	struct miost_addr from;
	char buf[8], data[3][8], text[] = "xy";
	ssize_t n;
	int fds[2];

	fds[0] = miost_unix_bind(a);
	fds[1] = miost_unix_bind(b);
	from_birth(fds[0]);
	from_birth(fds[1]);
	check_eq(miost_unix_bind(a), -EADDRINUSE);
	check_eq(miost_socket_recv_from(fds[1], buf, 8, &from), -EAGAIN);
	check_eq(miost_socket_send_to(fds[0], "hello", 5, b), 5);
	check_eq(miost_socket_send_to(fds[0], "you", 3, b), 3);
	check_eq(miost_socket_peek_from(fds[1], buf, 8, &from), 5);
	same_addr(&from, a);
	check_eq(miost_socket_recv_from(fds[1], buf, 8, &from), 5);
	same_addr(&from, a);
	check_eq(miost_socket_recv_from(fds[1], buf, 8, NULL), 3);
	n = miost_socket_write(fds[0], "x", 1);
	check(n == -ENOTCONN || n == -EDESTADDRREQ);

	check_ok(miost_socket_connect(fds[0], b));
	check_eq(miost_socket_write(fds[0], "peer", 4), 4);
	for (int i = 0; i < 2; i++) {
		many[i].data = text;
		many[i].len = 2;
	}
	check_eq(miost_socket_send_many(fds[0], many, 2), 2);
	for (int i = 0; i < 3; i++) {
		many[i].data = data[i];
		many[i].len = sizeof(data[i]);
	}
	check_eq(miost_socket_recv_many(fds[1], many, 3), 3);
	check_eq(many[0].len, 4);
	check_eq(many[2].len, 2);
	same_addr(&many[2].addr, a);
	close(fds[1]);
	n = miost_socket_write(fds[0], "x", 1);
	check(n == -ECONNREFUSED || n == -ECONNRESET);	/* on NetBSD */
	close(fds[0]);
}

static void
datagrams_path(void)
{
	struct miost_addr a, b;

	make_directory();
	a = path("a");
	b = path("b");
	datagrams_by(&a, &b);
	remove_path("a");
	remove_path("b");
	remove_directory();
}

/* A path that fills all its room comes without the NUL that Linux adds. */
static void
datagrams_longest_path(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct miost_addr to, from = { .len = sizeof(un) };
	char buf[4], name[sizeof(un.sun_path) + 1] = "";
	int fds[2];

	make_directory();
	to = path("to");
	memset(name, 'n', sizeof(un.sun_path));
	memcpy(name, directory, strlen(directory));
	name[strlen(directory)] = '/';
	memcpy(un.sun_path, name, sizeof(un.sun_path));
	memcpy(&from.storage, &un, sizeof(un));
	fds[0] = from_birth(miost_unix_bind(&from));
	fds[1] = from_birth(miost_unix_bind(&to));
	check_eq(miost_socket_send_to(fds[0], "x", 1, &to), 1);
	from.len = 0;
	check_eq(miost_socket_recv_from(fds[1], buf, 4, &from), 1);
	check_eq(from.len, sizeof(un));
	check_eq(miost_socket_send_to(fds[1], "y", 1, &from), 1);
	close_pair(fds);
	check_ok(unlink(name));
	remove_path("to");
	remove_directory();
}

static void
datagrams_abstract(void)
{
	struct miost_addr a, b;

	make_directory();
	remove_directory();
	a = abstract("a");
	b = abstract("b");
	datagrams_by(&a, &b);
}

static void
pairs(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET };
	char buf[8];
	int fds[2] = { -7, -8 };

	for (int i = 0; i < 2; i++) {
		if (types[i] == SOCK_SEQPACKET && !has_packets())
			continue;
		check_ok(miost_unix_pair(types[i], fds));
		from_birth(fds[0]);
		from_birth(fds[1]);
		talk(fds[0], fds[1]);
	}
	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	from_birth(fds[0]);
	from_birth(fds[1]);
	check_eq(miost_socket_write(fds[0], "ab", 2), 2);
	check_eq(miost_socket_write(fds[0], "c", 1), 1);
	check_eq(miost_socket_read(fds[1], buf, 8), 2);
	check_eq(miost_socket_read(fds[1], buf, 8), 1);
	close_pair(fds);

	fds[0] = -7;
	check_eq(miost_unix_pair(SOCK_RAW, fds), -EINVAL);
	check_eq(miost_unix_pair(-1, fds), -EINVAL);
	check_eq(miost_unix_pair(SOCK_STREAM | 1 << 20, fds), -EINVAL);
	check_eq(fds[0], -7);
}

static void
bad_addresses(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd;

	check_eq(miost_unix_connect(&addr), -EAFNOSUPPORT);
	check_eq(miost_unix_listen(&addr), -EAFNOSUPPORT);
	check_eq(miost_unix_bind(&addr), -EAFNOSUPPORT);
	memset(&addr, 0, sizeof(addr));
	check_eq(miost_unix_bind(&addr), -EAFNOSUPPORT);
	make_directory();
	for (socklen_t len = 0; len <= 2; len++) {
		addr = path("x");
		addr.len = len;
		check_eq(miost_unix_listen(&addr), -EINVAL);
		check_eq(miost_unix_bind(&addr), -EINVAL);
		check(miost_unix_connect(&addr) < 0);
	}
	addr = path("x");
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_unix_connect(&addr), -EINVAL);
	check_eq(miost_unix_listen(&addr), -EINVAL);
	check_eq(miost_unix_bind(&addr), -EINVAL);
	addr = path("no/where");
	check_eq(miost_unix_connect(&addr), -ENOENT);
	check_eq(miost_unix_listen(&addr), -ENOENT);
	check_eq(miost_unix_bind(&addr), -ENOENT);

	/* A datagram socket is no listener, and a listener no such socket. */
	addr = path("x");
	fd = miost_unix_bind(&addr);
	check(fd >= 0);
	check(miost_unix_connect(&addr) < 0);
	check(miost_socket_accept(fd, NULL) < 0);
	close(fd);
	remove_path("x");
	remove_directory();
}

/* A thread that is to end at its next cancellation point. */
static void *
cancelled(void *result)
{
	struct miost_addr addr, other;
	int *fds = result;
	char text[128];

	snprintf(text, sizeof(text), "unix:%s/x", directory);
	if (miost_addr_parse(text, &addr) < 0 ||
	    miost_addr_parse("unix:/no/such/place", &other) < 0)
		return NULL;
	(void)pthread_cancel(pthread_self());
	fds[0] = miost_unix_listen(&addr);
	fds[1] = miost_unix_connect(&addr);
	fds[2] = miost_unix_listen(&other);
	fds[3] = miost_unix_bind(&other);
	fds[4] = miost_unix_connect(&other);
	return NULL;
}

/* A whole way is no such point: it could lose its descriptor there. */
static void
cancelled_between(void)
{
	int fds[5] = { -1, -1, -1, -1, -1 };
	pthread_t thread;
	void *result;

	make_directory();
	check_ok(pthread_create(&thread, NULL, cancelled, fds));
	check_ok(pthread_join(thread, &result));
	check(fds[0] >= 0 && fds[1] >= 0);
	for (int i = 2; i < 5; i++)
		check_eq(fds[i], -ENOENT);
	check(result == NULL);
	close_pair(fds);
	remove_path("x");
	remove_directory();
}

static void
no_descriptors(void)
{
	struct rlimit old;
	struct miost_addr addr;
	int fds[2] = { -7, -7 };

	need_limit();
	make_directory();
	addr = path("x");
	forbid_descriptors(&old);
	check_eq(miost_unix_listen(&addr), -EMFILE);
	check_eq(miost_unix_connect(&addr), -EMFILE);
	check_eq(miost_unix_bind(&addr), -EMFILE);
	check_eq(miost_unix_pair(SOCK_STREAM, fds), -EMFILE);
	check_eq(miost_pipe(fds), -EMFILE);
	check_eq(fds[0], -7);
	check_eq(fds[1], -7);
	allow_descriptors(&old);
	remove_directory();
}

static const struct tap_test tests[] = {
	{ "a stream by its path", stream_path },
	{ "a stream by an abstract name", stream_abstract },
	{ "a listener whose backlog is full", full_backlog },
	{ "datagrams by path", datagrams_path },
	{ "datagrams of the longest path", datagrams_longest_path },
	{ "datagrams by abstract names", datagrams_abstract },
	{ "pairs", pairs },
	{ "addresses that are wrong", bad_addresses },
	{ "a thread that is cancelled leaves no descriptor",
	  cancelled_between },
	{ "no descriptor left: -EMFILE", no_descriptors },
};

TAP_MAIN(tests)
