/* SPDX-License-Identifier: MIT */
/*
 * NAME [--edge] [--poll] [--two] [--all] WORKLOAD [ARGUMENT...]
 * NAME --version
 *
 * One program a peer, since some peers export each other's names. It runs one
 * workload once and prints a line a number: METRIC VALUE.
 */
#include "config.h"

#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"

unsigned int flags;
size_t handler_sizes[KINDS];

static const struct {
	const char *name;
	void (*run)(char **arguments);
} workloads[] = {
	{ "echo", run_echo },
	{ "http", run_http },
	{ "instructions", run_instructions },
	{ "pipes", run_pipes },
	{ "poll", run_poll },
	{ "register", run_register },
	{ "scale", run_scale },
	{ "timers", run_timers },
	{ "wake", run_wake },
};

void
must(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "bench: %s: %s: %s\n", peer.name, what,
		strerror(errno));
	exit(EXIT_FAILURE);
}

size_t
take_number(char ***arguments)
{
	long number = **arguments != NULL ? atol(*(*arguments)++) : 0;

	errno = EINVAL;
	must(number > 0, "a positive number is missing");
	return (size_t)number;
}

/* As the peer's watcher, rounded up, makes them. */
static void
set_handler_sizes(void)
{
	const size_t unit = sizeof(max_align_t);

	for (int kind = 0; kind < KINDS; kind++)
		handler_sizes[kind] = sizeof(struct handler) +
				      (peer.size[kind] + unit - 1) / unit *
					      unit;
}

void *
new_handlers(void *loop, enum kind kind, size_t n,
	     void (*call)(struct handler *handler))
{
	void *handlers = calloc(n, handler_sizes[kind]);

	must(handlers != NULL, "handlers");
	for (size_t i = 0; i < n; i++) {
		struct handler *handler = handler_at(handlers, kind, i);

		handler->call = call;
		handler->fd = -1;
		handler->index = (unsigned int)i;
		if (kind != IO)
			peer.init(loop, kind, handler);
	}
	return handlers;
}

static int64_t
read_clock(clockid_t id)
{
	struct timespec time;

	must(clock_gettime(id, &time) == 0, "clock_gettime");
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int64_t
wall(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
cpu(void)
{
	return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

size_t
allocated(void)
{
#ifdef HAVE_MALLINFO2
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#else
	return 0;
#endif
}

/* A linear congruential generator, of which the upper bits are good. */
uint32_t
random_below(uint32_t bound)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((state >> 32) * bound >> 32);
}

uint32_t *
new_shuffled(uint32_t n)
{
	uint32_t *numbers = calloc(n, sizeof(*numbers));

	must(numbers != NULL, "numbers");
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = random_below(i + 1);

		numbers[i] = numbers[j];
		numbers[j] = i;
	}
	return numbers;
}

void
pin(bool client)
{
	cpu_set_t allowed, chosen;
	size_t found = CPU_SETSIZE;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return;
	/* The first is the client's: interrupts tend to be there, too. */
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &allowed) &&
		    (!client || found == CPU_SETSIZE))
			found = i;
	CPU_ZERO(&chosen);
	CPU_SET(found, &chosen);
	must(sched_setaffinity(0, sizeof(chosen), &chosen) == 0, "pin");
}

void
report(const char *metric, double value)
{
	printf("%s %.4g\n", metric, value);
}

static int
compare(const void *a, const void *b)
{
	double difference = *(const double *)a - *(const double *)b;

	return (difference > 0) - (difference < 0);
}

double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

/* As many descriptors as one may have. */
static void
raise_limit(void)
{
	struct rlimit limit;

	must(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
}

static unsigned int
parse_flag(const char *argument)
{
	if (strcmp(argument, "--edge") == 0)
		return EDGE;
	if (strcmp(argument, "--poll") == 0)
		return POLL;
	if (strcmp(argument, "--two") == 0)
		return TWO;
	return strcmp(argument, "--all") == 0 ? ALL : 0;
}

int
main(int argc, char **argv)
{
	char **next = argv + (argc > 0);

	if (*next != NULL && strcmp(*next, "--version") == 0) {
		printf("%s\n", peer.version());
		return EXIT_SUCCESS;
	}
	for (; *next != NULL && **next == '-'; next++) {
		unsigned int flag = parse_flag(*next);

		errno = EINVAL;
		must((flag & peer.flags) != 0, *next);
		flags |= flag;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_limit();
	set_handler_sizes();
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++) {
		if (*next == NULL || strcmp(*next, workloads[i].name) != 0)
			continue;
		if (strcmp(*next, "http") != 0)
			pin(false);
		workloads[i].run(next + 1);
		return EXIT_SUCCESS;
	}
	fprintf(stderr, "usage: %s [FLAG...] WORKLOAD [ARGUMENT...]\n",
		peer.name);
	return 2;
}
