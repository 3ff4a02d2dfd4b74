/* SPDX-License-Identifier: MIT */
/*
 * pipes N ACTIVE WRITES: the benchmark that libevent and libev publish. Of N
 * socket pairs ACTIVE hold a byte. Each byte read is written to the next pair,
 * until WRITES were.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "pipes.h"

enum { RUNS = 31 };

static struct pipes {
	void *loop;
	size_t n;
	size_t active;
	void *handlers;
	int *senders;
	size_t writes;		/* still to be done */
	size_t reads;		/* still to come */
} pipes;

static void
write_to(size_t i)
{
	must(write(pipes.senders[i], "", 1) == 1, "write");
}

static void
on_readable(struct handler *handler)
{
	size_t next = handler->index + 1;
	char byte;

	if (read(handler->fd, &byte, 1) != 1) {
		must(errno == EAGAIN, "read");
		return;
	}
	pipes.reads--;
	if (pipes.writes == 0)
		return;
	pipes.writes--;
	write_to(next < pipes.n ? next : 0);
}

void
pipes_open(void *loop, size_t n, size_t active)
{
	pipes.loop = loop;
	pipes.n = n;
	pipes.active = active;
	pipes.handlers = new_handlers(loop, IO, n, on_readable);
	pipes.senders = calloc(n, sizeof(*pipes.senders));
	must(pipes.senders != NULL, "senders");
	for (size_t i = 0; i < n; i++) {
		struct handler *io = handler_at(pipes.handlers, IO, i);
		int fds[2];

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				fds) == 0, "socketpair");
		io->fd = fds[0];
		pipes.senders[i] = fds[1];
		peer.init(loop, IO, io);
		peer.add(loop, io, IN);
	}
	peer.poll(loop, false);
}

size_t
pipes_run(size_t writes)
{
	for (size_t i = 0; i < pipes.active; i++)
		write_to(i * pipes.n / pipes.active);
	pipes.writes = writes;
	pipes.reads = writes + pipes.active;
	while (pipes.reads > 0)
		peer.poll(pipes.loop, true);
	return writes + pipes.active;
}

void
run_pipes(char **arguments)
{
	size_t n = take_number(&arguments);
	size_t active = take_number(&arguments);
	size_t writes = take_number(&arguments);
	double times[RUNS];

	pipes_open(peer.open(flags), n, active);
	pipes_run(writes);
	for (int i = 0; i < RUNS; i++) {
		int64_t began = wall();
		size_t events = pipes_run(writes);

		times[i] = (double)(wall() - began) / (double)events;
	}
	report("event_ns", median(times, RUNS));
}
