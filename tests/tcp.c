/* SPDX-License-Identifier: MIT */
/* TCP: connections and listeners. */
#include <netinet/in.h>
#include <pthread.h>
#include <sys/resource.h>

#include "util.h"

/* Polls until `id` has an event. */
static miost_ready
wait_event(struct miost_os_queue *queue, miost_id id)
{
	struct miost_event storage[1];

	check_eq(miost_os_queue_poll(queue, storage, 1, scaled(10 * SECOND)),
		 1);
	check_eq(storage[0].id, id);
	return storage[0].readiness;
}

/* A whole connection, from listen to the last byte, over the queue. */
static void
connection(const char *any)
{
	struct miost_os_queue *queue;
	struct miost_addr addr, peer, local;
	int listener = listen_on(any, &addr);
	int client, server;
	char buf[8];

	check_ok(miost_os_queue_new(&queue));
	from_birth(listener);
	check_eq(miost_socket_accept(listener, &peer), -EAGAIN);
	check_ok(miost_os_queue_register(queue, listener, 1,
					 MIOST_READABLE,
					 MIOST_LEVEL));
	client = miost_tcp_connect(&addr);
	check(client >= 0);
	from_birth(client);
	check_eq(wait_event(queue, 1), MIOST_READABLE);
	server = miost_socket_accept(listener, &peer);
	check(server >= 0);
	from_birth(server);
	check_ok(miost_socket_local_addr(client, &local));
	same_addr(&peer, &local);
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);

	check_ok(miost_os_queue_register(queue, client, 2,
					 MIOST_READABLE | MIOST_WRITABLE,
					 MIOST_EDGE));
	check_eq(wait_event(queue, 2), MIOST_WRITABLE);
	check_ok(miost_socket_connected(client));
	check_ok(miost_socket_connected(client));
	check_ok(miost_socket_connected(server));
	check_eq(miost_socket_write(server, "hello", 5), 5);
	check(wait_event(queue, 2) & MIOST_READABLE);
	check_eq(miost_socket_read(client, buf, sizeof(buf)), 5);
	close(server);
	check(has_all(wait_event(queue, 2),
				   MIOST_READABLE | MIOST_HUP |
				   MIOST_READ_CLOSED));
	check_eq(miost_socket_read(client, buf, sizeof(buf)), 0);
	close(client);
	close(listener);
	miost_os_queue_free(queue);
}

static void
connection_ipv4(void)
{
	connection("127.0.0.1:0");
}

static void
connection_ipv6(void)
{
	need_ipv6();
	connection("[::1]:0");
}

static void
refused(void)
{
	struct miost_os_queue *queue;
	struct miost_addr addr;
	int fd;

	/* A port that nobody listens on any more. */
	close(listen_on("127.0.0.1:0", &addr));
	fd = miost_tcp_connect(&addr);
	if (fd < 0) {
		check_eq(fd, -ECONNREFUSED);
		return;
	}
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_os_queue_register(queue, fd, 1,
					 MIOST_READABLE | MIOST_WRITABLE,
					 MIOST_EDGE));
	check(wait_event(queue, 1) & (MIOST_WRITABLE | MIOST_ERROR));
	check_eq(miost_socket_connected(fd), -ECONNREFUSED);
	check_eq(miost_socket_connected(fd), -ENOTCONN);
	close(fd);
	miost_os_queue_free(queue);
}

static void
on_the_way(void)
{
	struct miost_addr addr;
	int listener = make_full_listener(&addr);
	int fd = miost_tcp_connect(&addr);

	check(fd >= 0);
	check_eq(miost_socket_connected(fd), -EINPROGRESS);
	check_eq(miost_socket_connected(fd), -EINPROGRESS);
	close(fd);
	close(listener);
}

static void
never_connected(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check_eq(miost_socket_connected(fd), -ENOTCONN);
	check_ok(miost_socket_bind(fd, &addr));
	check_eq(miost_socket_connected(fd), -ENOTCONN);
	check_ok(miost_socket_listen(fd));
	check_eq(miost_socket_connected(fd), -ENOTCONN);
	close(fd);
}

static void
was_reset(void)
{
	int fds[2];

	make_tcp_pair(IPV4, fds);
	abort_tcp(fds[1]);
	wait_for(fds[0], POLLIN);
	check_eq(miost_socket_connected(fds[0]), -ECONNRESET);
	check_eq(miost_socket_connected(fds[0]), -ENOTCONN);
	close(fds[0]);
}

static void
reuse(void)
{
	struct miost_addr addr;
	int first = listen_on("127.0.0.1:0", &addr);

	close(first);
	first = miost_tcp_listen(&addr);
	check(first >= 0);
	close(first);
}

static void
taken(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	check_ok(bind(fd, (struct sockaddr *)&addr.storage, addr.len));
	check_ok(listen(fd, 1));
	check_ok(miost_socket_local_addr(fd, &addr));
	check_eq(miost_tcp_listen(&addr), -EADDRINUSE);
	close(fd);
}

static void
bad_addresses(void)
{
	struct miost_addr addr = parse("unix:/tmp/x");

	check_eq(miost_tcp_connect(&addr), -EAFNOSUPPORT);
	check_eq(miost_tcp_listen(&addr), -EAFNOSUPPORT);
	memset(&addr, 0, sizeof(addr));
	check_eq(miost_tcp_connect(&addr), -EAFNOSUPPORT);
	addr = parse("127.0.0.1:1");
	addr.len = 2;
	check_eq(miost_tcp_connect(&addr), -EINVAL);
	check_eq(miost_tcp_listen(&addr), -EINVAL);
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_tcp_connect(&addr), -EINVAL);
	check_eq(miost_tcp_listen(&addr), -EINVAL);
	/* A family and nothing else, and not even that. */
	for (socklen_t len = 0; len <= 2; len++) {
		for (int i = 0; i < 2; i++) {
			addr = parse(i ? "[::1]:1" : "127.0.0.1:1");
			addr.len = len;
			if (i && !has_ipv6())
				continue;
			check_eq(miost_tcp_connect(&addr), -EINVAL);
			check_eq(miost_tcp_listen(&addr), -EINVAL);
			check_eq(miost_udp_bind(&addr), -EINVAL);
		}
	}
	/* Not an address of this machine: TEST-NET-1. */
	addr = parse("192.0.2.1:0");
	check_eq(miost_tcp_listen(&addr), -EADDRNOTAVAIL);
}

static void
no_listener(void)
{
	int fds[2];

	make_tcp_pair(IPV4, fds);
	check_eq(miost_socket_accept(fds[0], NULL), -EINVAL);
	close_pair(fds);
}

/* Without a descriptor to spare the connection waits. */
static void
no_descriptors(void)
{
	struct rlimit old;
	struct miost_addr addr;
	int listener, client, server;

	need_limit();
	listener = listen_on("127.0.0.1:0", &addr);
	client = miost_tcp_connect(&addr);
	check(client >= 0);
	wait_for(listener, POLLIN);
	forbid_descriptors(&old);
	check_eq(miost_socket_accept(listener, NULL), -EMFILE);
	check_eq(miost_tcp_connect(&addr), -EMFILE);
	check_eq(miost_tcp_listen(&addr), -EMFILE);
	allow_descriptors(&old);
	server = miost_socket_accept(listener, NULL);
	check(server >= 0);
	close(server);
	close(client);
	close(listener);
}

static void
many_connections(void)
{
	/* As many as the smallest backlog of a system. */
	enum { CLIENTS = 100 };
	struct miost_addr addr;
	int clients[CLIENTS];
	int listener;

	need_descriptors(CLIENTS + 20);
	listener = listen_on("127.0.0.1:0", &addr);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = miost_tcp_connect(&addr);
		check(clients[i] >= 0);
	}
	for (int i = 0; i < CLIENTS; i++) {
		int fd;

		wait_for(listener, POLLIN);
		fd = miost_socket_accept(listener, NULL);
		check(fd >= 0);
		close(fd);
	}
	for (int i = 0; i < CLIENTS; i++)
		close(clients[i]);
	close(listener);
}

/* A thread that is to end at its next cancellation point. */
static void *
cancelled(void *result)
{
	struct miost_addr addr, elsewhere;
	int *fds = result;

	if (miost_addr_parse("127.0.0.1:0", &addr) < 0 ||
	    miost_addr_parse("192.0.2.1:0", &elsewhere) < 0)
		return NULL;
	(void)pthread_cancel(pthread_self());
	fds[0] = miost_tcp_listen(&addr);
	(void)miost_socket_local_addr(fds[0], &addr);
	fds[1] = miost_tcp_connect(&addr);
	/* What fails closes its descriptor. */
	fds[2] = miost_tcp_listen(&elsewhere);
	fds[3] = miost_udp_bind(&elsewhere);
	fds[4] = 1;
	return NULL;
}

/* A whole way is no such point: it could lose its descriptor there. */
static void
cancelled_between(void)
{
	int fds[5] = { -1, -1, -1, -1, 0 };
	pthread_t thread;
	void *result;

	check_ok(pthread_create(&thread, NULL, cancelled, fds));
	check_ok(pthread_join(thread, &result));
	check_eq(fds[4], 1);
	check(fds[0] >= 0 && fds[1] >= 0);
	check_eq(fds[2], -EADDRNOTAVAIL);
	check_eq(fds[3], -EADDRNOTAVAIL);
	close_pair(fds);
	check(result == NULL);
}

static const struct tap_test tests[] = {
	{ "a connection from listen to close", connection_ipv4 },
	{ "a connection from listen to close, IPv6", connection_ipv6 },
	{ "refused: -ECONNREFUSED, then -ENOTCONN", refused },
	{ "on its way: -EINPROGRESS", on_the_way },
	{ "never connected: -ENOTCONN", never_connected },
	{ "reset: -ECONNRESET, then -ENOTCONN", was_reset },
	{ "address and port are used again", reuse },
	{ "a port that another listens on: -EADDRINUSE", taken },
	{ "addresses that are not TCP's, too short, or elsewhere",
	  bad_addresses },
	{ "accept on what does not listen: -EINVAL", no_listener },
	{ "no descriptor left: -EMFILE, and the connection waits",
	  no_descriptors },
	{ "a hundred at once", many_connections },
	{ "a thread that is cancelled leaves no descriptor",
	  cancelled_between },
};

TAP_MAIN(tests)
