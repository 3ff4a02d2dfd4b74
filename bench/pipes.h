/* SPDX-License-Identifier: MIT */
/* Pairs of sockets that pass bytes on: see pipes.c. */
#ifndef BENCH_PIPES_H
#define BENCH_PIPES_H

#include <stddef.h>

/* Makes `n` pairs and registers them. */
void pipes_open(void *loop, size_t n, size_t active);

/* Until so many bytes were passed on. Returns how many events that took. */
size_t pipes_run(size_t writes);

#endif
