/* SPDX-License-Identifier: MIT */
/* poll: a poll that does not wait, of 100 descriptors, none of them ready. */
#include <sys/socket.h>

#include "bench.h"

enum { DESCRIPTORS = 100, POLLS = 20000, RUNS = 15 };

static void
ignore(struct handler *handler)
{
	(void)handler;
}

void
run_poll(char **arguments)
{
	void *loop = peer.open(flags);
	void *ios = new_handlers(loop, IO, DESCRIPTORS, ignore);
	double times[RUNS];

	(void)arguments;
	for (size_t i = 0; i < DESCRIPTORS; i++) {
		struct handler *io = handler_at(ios, IO, i);
		int fds[2];

		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				fds) == 0, "socketpair");
		io->fd = fds[0];
		peer.init(loop, IO, io);
		peer.add(loop, io, IN);
	}
	peer.poll(loop, false);
	for (int run = 0; run < RUNS; run++) {
		int64_t began = wall();

		for (int i = 0; i < POLLS; i++)
			peer.poll(loop, false);
		times[run] = (double)(wall() - began) / POLLS;
	}
	report("poll_ns", median(times, RUNS));
}
