/* SPDX-License-Identifier: MIT */
/* What workloads and peers know of each other: one table of operations. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a loop calls: a descriptor that is ready, a timer that is due, a loop
 * that was woken. The peer's own watcher lies in it, as programs embed one.
 */
struct handler {
	void (*call)(struct handler *handler);
	int fd;
	unsigned int index;
	max_align_t state[];
};

enum kind { IO, TIMER, WAKER, KINDS };

/* Interests, numbered as poll(2) does, and so epoll and libmiost. */
enum { IN = 1, OUT = 4 };

/* Ways of one peer to do the same. */
enum {
	EDGE = 1,	/* edge-triggered descriptors and wakers */
	POLL = 2,	/* by miost_poll, into a sink */
	TWO = 4,	/* by miost_poll_events, of two sources */
	ALL = 8		/* by the same, of three */
};

/* What fails ends the program. An operation that a peer lacks is NULL. */
struct peer {
	const char *name;
	const char *(*version)(void);
	unsigned int flags;		/* those it knows */
	size_t size[KINDS];		/* of `state` */

	void *(*open)(unsigned int flags);
	/* Handles what is ready, and waits for it or does not. */
	void (*poll)(void *loop, bool wait);
	/* Once for each handler, before anything else is done with it. */
	void (*init)(void *loop, enum kind kind, struct handler *handler);

	void (*add)(void *loop, struct handler *io, int interests);
	void (*change)(void *loop, struct handler *io, int interests);
	void (*remove)(void *loop, struct handler *io);

	/* A span counts from the time by which the running iteration goes. */
	void (*timer_add)(void *loop, struct handler *timer, int64_t span);
	void (*timer_change)(void *loop, struct handler *timer, int64_t span);
	void (*timer_cancel)(void *loop, struct handler *timer);

	/* From any thread, for a waker that was initialized. */
	void (*wake)(void *loop, struct handler *waker);
};

/* Each program has one. */
extern const struct peer peer;

/* What the command line asked for, of `peer.flags`. */
extern unsigned int flags;

/* A workload measures, and calls report() for what it found. */
void run_echo(char **arguments);
void run_http(char **arguments);
void run_instructions(char **arguments);
void run_pipes(char **arguments);
void run_poll(char **arguments);
void run_register(char **arguments);
void run_scale(char **arguments);
void run_timers(char **arguments);
void run_wake(char **arguments);

/* The next of a workload's arguments, a positive number. */
size_t take_number(char ***arguments);

/* An array of handlers for a loop, and one of them. */
void *new_handlers(void *loop, enum kind kind, size_t n,
		   void (*call)(struct handler *handler));

/* How far apart they lie. */
extern size_t handler_sizes[KINDS];

static inline struct handler *
handler_at(void *handlers, enum kind kind, size_t i)
{
	return (void *)((char *)handlers + i * handler_sizes[kind]);
}

/* Nanoseconds: on the wall, and of the processor by the whole process. */
int64_t wall(void);
int64_t cpu(void);

/* Bytes that malloc has given out. */
size_t allocated(void);

uint32_t random_below(uint32_t bound);
/* The numbers below `n`, shuffled: the same in each run. */
uint32_t *new_shuffled(uint32_t n);

/* Goes to one processor: the measured side's, or its client's. */
void pin(bool client);

/* Prints a measured number. */
void report(const char *metric, double value);
/* Of several measurements. */
double median(double *values, size_t n);

/* Ends the program if what must be is not so. */
void must(bool so, const char *what);

#endif
