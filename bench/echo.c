/* SPDX-License-Identifier: MIT */
/*
 * echo CONNECTIONS BYTES: a TCP server on loopback sends back what comes. The
 * client, on another processor, has one message on its way on each connection.
 * What counts is the server's time on its processor.
 */
#include "config.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum {
	LARGEST = 65536,
	BATCH = 256,
	BYTES = 80000000,	/* to serve in all, */
	LEAST = 6000,		/* but so many requests at least, */
	MOST = 30000		/* and at most */
};

static char buffer[LARGEST];
static uint64_t served;		/* bytes */

/* What is in flight always fits the sockets' buffers. */
static void
send_all(int fd, const char *bytes, size_t n)
{
	must(send(fd, bytes, n, 0) == (ssize_t)n, "send");
}

/* The client. */

static int
connect_to(const struct sockaddr_in *address)
{
	const int one = 1;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(fd >= 0, "socket");
	must(connect(fd, (const void *)address, sizeof(*address)) == 0,
	     "connect");
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
			sizeof(one)) == 0, "TCP_NODELAY");
	return fd;
}

/* Sends the next message when the last one is back: until it is killed. */
static void
be_client(const struct sockaddr_in *address, size_t n, size_t size)
{
	struct epoll_event events[BATCH];
	int queue = epoll_create1(0);
	size_t *missing = calloc(n, sizeof(*missing));
	int *fds = calloc(n, sizeof(*fds));

	must(queue >= 0 && missing != NULL && fds != NULL, "client");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; i < n; i++) {
		struct epoll_event event = { .events = EPOLLIN,
					     .data.u64 = i };

		fds[i] = connect_to(address);
		must(epoll_ctl(queue, EPOLL_CTL_ADD, fds[i], &event) == 0,
		     "epoll_ctl");
	}
	for (size_t i = 0; i < n; i++) {
		send_all(fds[i], buffer, size);
		missing[i] = size;
	}
	for (;;) {
		int count = epoll_wait(queue, events, BATCH, -1);

		for (int i = 0; i < count; i++) {
			size_t which = (size_t)events[i].data.u64;
			ssize_t got = recv(fds[which], buffer, LARGEST,
					   MSG_DONTWAIT);

			if (got <= 0)
				_exit(got < 0);
			missing[which] -= (size_t)got;
			if (missing[which] > 0)
				continue;
			send_all(fds[which], buffer, size);
			missing[which] = size;
		}
	}
}

/* The server. */

static void
on_readable(struct handler *handler)
{
	ssize_t n = recv(handler->fd, buffer, LARGEST, 0);

	if (n < 0) {
		must(errno == EAGAIN, "recv");
		return;
	}
	must(n > 0, "the client is gone");
	send_all(handler->fd, buffer, (size_t)n);
	served += (uint64_t)n;
}

static int
open_listener(struct sockaddr_in *address)
{
	socklen_t len = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(fd >= 0 && bind(fd, (void *)address, len) == 0 &&
		     listen(fd, 4096) == 0 &&
		     getsockname(fd, (void *)address, &len) == 0,
	     "listener");
	return fd;
}

static void
accept_all(void *loop, int listener, size_t n)
{
	void *ios = new_handlers(loop, IO, n, on_readable);
	const int one = 1;

	for (size_t i = 0; i < n; i++) {
		struct handler *io = handler_at(ios, IO, i);

		io->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
		must(io->fd >= 0, "accept");
		must(setsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &one,
				sizeof(one)) == 0, "TCP_NODELAY");
		peer.init(loop, IO, io);
		peer.add(loop, io, IN);
	}
}

static void
serve(void *loop, uint64_t bytes)
{
	uint64_t end = served + bytes;

	while (served < end)
		peer.poll(loop, true);
}

void
run_echo(char **arguments)
{
	size_t n = take_number(&arguments);
	size_t size = take_number(&arguments);
	size_t requests = BYTES / size;
	struct sockaddr_in address = { .sin_port = 0 };
	int listener = open_listener(&address);
	void *loop = peer.open(flags);
	uint64_t before;
	int64_t began;
	pid_t client = fork();

	must(client >= 0 && size <= LARGEST, "client");
	if (client == 0) {
		pin(true);
		be_client(&address, n, size);
	}
	requests = requests < LEAST ? LEAST : requests;
	requests = requests > MOST ? MOST : requests;
	accept_all(loop, listener, n);
	serve(loop, requests * size / 10);
	before = served;
	began = cpu();
	serve(loop, requests * size);
	report("request_cpu_ns", (double)(cpu() - began) * (double)size /
					 (double)(served - before));
	kill(client, SIGKILL);
}
