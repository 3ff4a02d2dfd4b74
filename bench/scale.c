/* SPDX-License-Identifier: MIT */
/*
 * scale N: a poll with 10 ready descriptors of N that are registered, and the
 * memory that registering one takes.
 */
#include <sys/eventfd.h>

#include "bench.h"

enum { ACTIVE = 10, POLLS = 5000, RUNS = 15 };

static void
ignore(struct handler *handler)
{
	(void)handler;
}

static void
register_all(void *loop, void *ios, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct handler *io = handler_at(ios, IO, i);

		/* The ready ones are spread among the others. */
		io->fd = eventfd(i % (n / ACTIVE) == 0, EFD_NONBLOCK);
		must(io->fd >= 0, "eventfd");
		peer.init(loop, IO, io);
		peer.add(loop, io, IN);
	}
	peer.poll(loop, false);
}

void
run_scale(char **arguments)
{
	size_t n = take_number(&arguments) / ACTIVE * ACTIVE;
	void *loop = peer.open(flags);
	void *ios = new_handlers(loop, IO, n, ignore);
	size_t before = allocated();
	double times[RUNS];

	register_all(loop, ios, n);
	report("heap_bytes", (double)(allocated() - before) / (double)n);
	report("embedded_bytes", (double)peer.size[IO]);
	for (int run = 0; run < RUNS; run++) {
		int64_t began = wall();

		for (int i = 0; i < POLLS; i++)
			peer.poll(loop, false);
		times[run] = (double)(wall() - began) / POLLS;
	}
	report("poll_ns", median(times, RUNS));
}
