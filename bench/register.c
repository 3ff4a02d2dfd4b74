/* SPDX-License-Identifier: MIT */
/*
 * register N: N descriptors are registered, changed and deregistered in random
 * order. What a loop puts off till its next poll is part of it.
 */
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

enum { ROUNDS = 9 };

static void *loop, *ios;
static const uint32_t *order;
static size_t n;

static void
ignore(struct handler *handler)
{
	(void)handler;
}

/* A descriptor that is never ready, many times over. */
static void
open_all(void)
{
	int fds[2];

	must(pipe(fds) == 0, "pipe");
	loop = peer.open(flags);
	ios = new_handlers(loop, IO, n, ignore);
	order = new_shuffled((uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		struct handler *io = handler_at(ios, IO, i);

		io->fd = dup(fds[0]);
		must(io->fd >= 0, "dup");
		peer.init(loop, IO, io);
	}
}

static void
add_one(struct handler *io)
{
	peer.add(loop, io, IN);
}

static void
change_one(struct handler *io)
{
	peer.change(loop, io, OUT);
}

static void
remove_one(struct handler *io)
{
	peer.remove(loop, io);
}

/* Nanoseconds a descriptor. */
static double
time_all(void (*step)(struct handler *io))
{
	int64_t began = wall();

	for (size_t i = 0; i < n; i++)
		step(handler_at(ios, IO, order[i]));
	peer.poll(loop, false);
	return (double)(wall() - began) / (double)n;
}

void
run_register(char **arguments)
{
	double add[ROUNDS], change[ROUNDS], removal[ROUNDS];

	n = take_number(&arguments);
	open_all();
	for (int i = 0; i < ROUNDS; i++) {
		add[i] = time_all(add_one);
		change[i] = time_all(change_one);
		removal[i] = time_all(remove_one);
	}
	report("register_ns", median(add, ROUNDS));
	report("change_ns", median(change, ROUNDS));
	report("deregister_ns", median(removal, ROUNDS));
}
