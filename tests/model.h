/* SPDX-License-Identifier: MIT */
/*
 * A model of the library: operations, each of which is done with the library
 * and with plain structures, and what the library says is held against them.
 * poll(2) says what is ready, an array says what the user queue holds, and a
 * sorted array is the timers.
 *
 * An operation is a few numbers, which mean something in every state: of a
 * sequence any part can be left out. So a failing one can be cut short, and a
 * fuzzer can make them of bytes.
 */
#ifndef MODEL_H
#define MODEL_H

#include "fault_calls.h"

enum op_kind {
	/* The operating system's queues, */
	OP_REGISTER, OP_REREGISTER, OP_DEREGISTER, OP_SET, OP_WRONG, OP_RENEW,
	OP_NEST,
	/* what is in them, */
	OP_OPEN, OP_CLOSE, OP_WRITE, OP_READ, OP_SHUTDOWN,
	OP_WAKER_NEW, OP_WAKER_CLONE, OP_WAKE, OP_WAKER_FREE,
	OP_SIGNALS_NEW, OP_RAISE, OP_RECEIVE, OP_SIGNALS_FREE,
	/* the program's own, */
	OP_QUEUE_ADD, OP_QUEUE_REMOVE,
	OP_TIMER_ADD, OP_TIMER_BURST, OP_TIMER_CHANGE, OP_TIMER_CANCEL,
	OP_TIMER_CANCEL_ID, OP_TIMER_CLEAR, OP_TIMER_STALE, OP_TIMER_GET,
	OP_TIMER_RESERVE, OP_CLOCK, OP_SPAN,
	/* and all of them. */
	OP_POLL, OP_DRAIN,
	OP_KINDS
};

/* The first that need no operating system. */
enum { OP_FIRST_OWN = OP_QUEUE_ADD };

struct op {
	uint8_t kind, a, b, c;
	uint8_t fault;		/* 0, or which of its calls is to fail */
	uint32_t v;		/* 24 bits */
};

/* As bytes: in this order, `v` with its lowest byte first. */
enum { OP_BYTES = 8 };

void model_decode(const uint8_t bytes[OP_BYTES], struct op *op);
void model_encode(const struct op *op, uint8_t bytes[OP_BYTES]);

/* Makes a sequence of a seed; returns its length, at most `max`. */
size_t model_generate(uint64_t seed, struct op *ops, size_t max);

/*
 * Runs a sequence from an empty world to an empty world. Returns 0, or the
 * number of the operation, from 1, after which the library and the model
 * differed (one more than there are: at the end). model_said says how. With
 * `trace` each operation is printed, as a line of comment.
 */
size_t model_run(const struct op *ops, size_t n, bool trace);

extern char model_said[512];

/* What follows is shared by the files of the model alone. */

/* The operation's number and what differed; does not return. */
#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
_Noreturn void model_fail(const char *file, int line, const char *format, ...);

#define expect(condition) \
	((condition) ? (void)0 \
		     : model_fail(__FILE__, __LINE__, "%s", #condition))
#define expect_eq(actual, expected) \
	model_expect_eq(__FILE__, __LINE__, #actual, (intmax_t)(actual), \
			(intmax_t)(expected))

static inline void
model_expect_eq(const char *file, int line, const char *what, intmax_t actual,
		intmax_t expected)
{
	if (actual != expected)
		model_fail(file, line, "%s is %jd, not %jd", what, actual,
			   expected);
}

/* Adds to the line that is printed of the operation. */
#ifdef __GNUC__
__attribute__((format(printf, 1, 2)))
#endif
void model_say(const char *format, ...);

/* Lets one of these calls fail in the library, from now to unarm(). */
struct fault {
	enum call call;
	int error;
};

void model_arm(const struct op *op, const struct fault *faults, size_t n);

#define ARM(op, table) \
	model_arm(op, table, sizeof(table) / sizeof((table)[0]))

/* The negative error that a call failed with, or 0. Nothing fails any more. */
int model_unarm(void);

/*
 * Ids: the two low bits say whose an event is, a counter that no two are
 * alike, and the upper bits that all of an id comes back.
 */
enum tag { TAG_OS, TAG_QUEUE, TAG_TIMERS };

miost_id model_id(enum tag tag, unsigned int number);

static inline enum tag
tag_of(miost_id id)
{
	return (enum tag)(id & 3);
}

/* Whether an event is due: not, perhaps (once, spurious), or for certain. */
enum due { NOT_DUE, MAY_BE_DUE, DUE };

/* Of a poll: how much of what a source has must have come. */
struct part {
	const struct miost_event *events;
	size_t n;
	size_t room;		/* that it was given; `n` at least */
	bool excused;		/* it need not have been asked */
};

/* model_own.c: the user queue and the timers. */
void own_open(void);
void own_close(void);
void own_do(const struct op *op);
struct miost_source *own_queue_source(void);
struct miost_source *own_timers_source(void);
size_t own_queue_len(void);
size_t own_timers_due(void);
void own_check_queue(const struct part *part);
void own_check_timers(const struct part *part);

/* model_fds.c: descriptors and what they are ready for. */
enum { ENDS = 12 };

enum end_kind { NO_END, STREAM, DATAGRAM, TCP, PIPE_READER, PIPE_WRITER };

struct end {
	enum end_kind kind;
	int fd;
	int peer;		/* -1: closed */
	unsigned long sent, taken;	/* bytes: by this end */
	bool shut_in, shut_out;	/* by this end */
	bool reset;		/* the peer left without reading all */
	bool deaf;		/* a pipe's writer whose reader has gone */
	short bits;		/* what poll(2) said last */
};

extern struct end ends[ENDS];

void fds_open(void);
void fds_close(void);
void fds_do(const struct op *op);
void fds_sample(void);
int fds_pick(unsigned int n);	/* one that is open, or -1 */

/* model_os.c: the operating system's queues. */
void os_open(void);
void os_close(void);
void os_do(const struct op *op);
struct miost_os_queue *os_queue(int q);
/* An end has changed from `before` to its `bits`; `more` arrived. */
void os_end_changed(int end, short before, bool touched, bool more);
void os_end_closes(int end, bool deregister);
/* How many objects of a queue must, and how many may, have an event. */
void os_count(int q, size_t *must, size_t *may);
void os_check(int q, const struct part *part);

/* model_hands.c: wakers and signals, which hang on those queues. */
struct hand {
	bool used;
	int q;			/* -1: its queue was freed */
	miost_id id;
	enum due due;
	bool seen;		/* in the poll that is looked at */
	int missed;		/* how often in a row, though due */
};

enum { WAKERS = 4, SIGNALS = 3, HANDS = WAKERS + SIGNALS };

void hands_open(void);
void hands_close(void);
void hands_do(const struct op *op);
struct hand *hands_at(int i);
/* As things are now. */
enum due hands_due(int i);
void hands_delivered(int i);
void hands_queue_freed(int q);

/* model_poll.c */
void poll_do(const struct op *op);

#endif
