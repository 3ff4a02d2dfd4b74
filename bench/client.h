/* SPDX-License-Identifier: MIT */
/*
 * What there is in a program that measures a library in a loop: client.c, the
 * library's client, client_LIBRARY.c, and its loop, LIBRARY_LOOP.c.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>

/* The loop; its argument is a redisAsyncContext or a CURLM. */
void loop_open(void *library);
void loop_run(void);
/* Called from within it, lets loop_run() return. */
void loop_stop(void);

/* The client. */
const char *client_version(void);
void client_open(const char *server, long at_once);
/* Begins `n` requests; the last to end stops the loop. */
void client_start(long n);
/* libcurl's begins further transfers for those that have ended. */
void client_go_on(void);
/* The same after an event of a descriptor, which libcurl is told of first. */
void client_act(int fd, int bits);

/* Ends the program if what must be is not so. */
void must(bool so, const char *what);

#endif
