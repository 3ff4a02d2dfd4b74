/* SPDX-License-Identifier: MIT */
/*
 * LIBRARY_LOOP N AT_ONCE SERVER
 * LIBRARY_LOOP --version
 *
 * Makes N requests, up to AT_ONCE of which are under way, and prints the time
 * of the processor that one took. What comes before, such as connecting, is
 * not measured.
 */
#include "config.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "client.h"

void
must(bool so, const char *what)
{
	if (so)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(EXIT_FAILURE);
}

static int64_t
microseconds(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static int64_t
cpu(void)
{
	struct rusage usage;

	must(getrusage(RUSAGE_SELF, &usage) == 0, "getrusage");
	return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

int
main(int argc, char **argv)
{
	long n, at_once;
	int64_t before;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s\n", client_version());
		return EXIT_SUCCESS;
	}
	must(argc == 4, "usage: LIBRARY_LOOP N AT_ONCE SERVER");
	n = atol(argv[1]);
	at_once = atol(argv[2]);
	must(n > 0 && at_once > 0, "a positive number is missing");
	signal(SIGPIPE, SIG_IGN);
	client_open(argv[3], at_once);
	client_start(at_once * 2);
	loop_run();
	before = cpu();
	client_start(n);
	loop_run();
	printf("request_cpu_ns %.5g\n",
	       (double)(cpu() - before) * 1000 / (double)n);
	return EXIT_SUCCESS;
}
