/* SPDX-License-Identifier: MIT */
/* The model's sequences: made of a seed, of bytes, and run. */
#include "config.h"

#include <setjmp.h>

#include "model.h"

char model_said[512];

static struct {
	jmp_buf end;
	bool trace;
	bool line;		/* one is begun */
	bool armed;
	int zero;		/* where standard input is meanwhile, or -1 */
} run;

void
model_decode(const uint8_t bytes[OP_BYTES], struct op *op)
{
	op->kind = bytes[0] % OP_KINDS;
	op->a = bytes[1];
	op->b = bytes[2];
	op->c = bytes[3];
	op->fault = bytes[4];
	op->v = bytes[5] | (uint32_t)bytes[6] << 8 | (uint32_t)bytes[7] << 16;
}

void
model_encode(const struct op *op, uint8_t bytes[OP_BYTES])
{
	bytes[0] = op->kind;
	bytes[1] = op->a;
	bytes[2] = op->b;
	bytes[3] = op->c;
	bytes[4] = op->fault;
	for (int i = 0; i < 3; i++)
		bytes[5 + i] = (uint8_t)(op->v >> (8 * i));
}

/* What the files of the model need. */

void
model_fail(const char *file, int line, const char *format, ...)
{
	va_list args;
	int n = snprintf(model_said, sizeof(model_said), "%s:%d: ", file,
			 line);

	va_start(args, format);
	vsnprintf(model_said + n, sizeof(model_said) - (size_t)n, format,
		  args);
	va_end(args);
	longjmp(run.end, 1);
}

void
model_say(const char *format, ...)
{
	va_list args;

	if (!run.trace)
		return;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

void
model_arm(const struct op *op, const struct fault *faults_of, size_t n)
{
	const struct fault *fault = &faults_of[(op->fault >> 2) % n];

	reset_faults();
	run.armed = op->fault != 0;
	if (!run.armed)
		return;
	fail(fault->call, 1 + op->fault % 4 / 2, 1 + op->fault % 4,
	     fault->error);
	/* To take back what was made needs no memory. */
	if (fault->call == KEVENT_CHANGE && fault->error == ENOMEM)
		faults.first = faults.last = 1;
	/* What is interrupted may have been done. */
	faults.made = fault->call == KEVENT_CHANGE &&
		      fault->error == EINTR && op->fault & 64;
	if (run.trace)
		printf(" (call %d, %d to %d: %s)", (int)fault->call,
		       faults.first, faults.last, strerror(fault->error));
}

int
model_unarm(void)
{
	bool fired = run.armed &&
		     faults.count[faults.failing] >= faults.first;
	int error = fired ? -faults.error : 0;

	reset_faults();
	run.armed = false;
	return error;
}

miost_id
model_id(enum tag tag, unsigned int number)
{
	miost_id high = (miost_id)number * 0x9e3779b1u << 14;

	return high << 2 | (number & 0xfff) << 2 | (miost_id)tag;
}

/* Making sequences. */

static uint64_t
next(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/*
 * Each sequence has weights of its own, so that some do one thing over and
 * over, and others never. A third are of what the program owns alone.
 */
static unsigned int
choose_weights(uint64_t *state, unsigned int weights[OP_KINDS])
{
	static const unsigned int choices[] = { 0, 0, 1, 1, 2, 4, 8, 16 };
	unsigned int first = next(state) % 3 == 0 ? OP_FIRST_OWN : 0;
	unsigned int last = next(state) % 3 == 0 ? OP_FIRST_OWN : OP_KINDS;
	unsigned int sum = 0;

	if (first == last)
		last = OP_KINDS;
	for (unsigned int i = 0; i < OP_KINDS; i++) {
		weights[i] = choices[next(state) % 8];
		if (i < first || i >= last)
			weights[i] = 0;
	}
	weights[OP_POLL] += 12;
	if (first == 0) {
		weights[OP_OPEN] += 4;
		weights[OP_REGISTER] += 3;
		weights[OP_WRITE] += 1;
	}
	for (unsigned int i = 0; i < OP_KINDS; i++)
		sum += weights[i];
	return sum;
}

size_t
model_generate(uint64_t seed, struct op *ops, size_t max)
{
	unsigned int weights[OP_KINDS];
	uint64_t state = seed;
	unsigned int sum = choose_weights(&state, weights);
	uint64_t faulty = next(&state) % 3 * 4;
	size_t n = 20 + next(&state) % 280;

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++) {
		uint64_t pick = next(&state) % sum;
		unsigned int kind = 0;
		uint64_t random = next(&state);

		while (pick >= weights[kind])
			pick -= weights[kind++];
		ops[i].kind = (uint8_t)kind;
		ops[i].a = (uint8_t)random;
		ops[i].b = (uint8_t)(random >> 8);
		ops[i].c = (uint8_t)(random >> 16);
		ops[i].v = (uint32_t)(random >> 24 & 0xffffff);
		ops[i].fault = next(&state) % 32 < faulty
				       ? (uint8_t)(random >> 56) : 0;
	}
	return n;
}

/* Running them. */

static void
do_op(const struct op *op)
{
	if (op->kind >= OP_POLL)
		poll_do(op);
	else if (op->kind >= OP_FIRST_OWN)
		own_do(op);
	else if (op->kind >= OP_WAKER_NEW)
		hands_do(op);
	else if (op->kind >= OP_OPEN)
		fds_do(op);
	else
		os_do(op);
}

/*
 * Half of all sequences have no standard input, from their beginning on or when
 * the queues have been made: 0 is a descriptor, too.
 */
static void
hide_zero(const struct op *ops, size_t n, unsigned int when)
{
	if (n == 0 || ops[0].v % 4 != when)
		return;
	run.zero = fcntl(0, F_DUPFD_CLOEXEC, 500);
	if (run.zero >= 0)
		close(0);
}

static void
show_zero(void)
{
	if (run.zero >= 0) {
		(void)dup2(run.zero, 0);
		close(run.zero);
	}
	run.zero = -1;
}

static void
run_all(const struct op *ops, size_t n, volatile size_t *at)
{
	/* In the end all that is still due comes out. */
	static const struct op last[] = {
		{ .kind = OP_POLL, .c = 9, .b = 1, .v = 3 },
		{ .kind = OP_POLL, .a = 1, .c = 9, .v = 3 },
		{ .kind = OP_DRAIN }, { .kind = OP_DRAIN, .a = 1 },
	};

	hide_zero(ops, n, 1);
	fds_open();
	own_open();
	os_open();
	hide_zero(ops, n, 3);
	hands_open();
	for (size_t i = 0; i < n + 4; i++) {
		const struct op *op = i < n ? &ops[i] : &last[i - n];

		*at = i + 1 < n + 1 ? i + 1 : n + 1;
		if (run.trace)
			printf("#   %zu. ", *at);
		do_op(op);
		if (run.trace)
			printf("\n");
	}
}

static size_t
run_guarded(const struct op *ops, size_t n, bool trace)
{
	volatile size_t failed = 0, at = 0;

	reset_faults();
	run.trace = trace;
	model_said[0] = '\0';
	if (setjmp(run.end) == 0)
		run_all(ops, n, &at);
	else
		failed = at;
	if (trace && failed > 0)
		printf("\n#   %s\n", model_said);
	reset_faults();
	if (setjmp(run.end) == 0) {
		hands_close();
		own_close();
	} else if (failed == 0) {
		failed = n + 1;
	}
	os_close();
	fds_close();
	return failed;
}

size_t
model_run(const struct op *ops, size_t n, bool trace)
{
	size_t failed;

	run.zero = -1;
	failed = run_guarded(ops, n, trace);
	show_zero();
	return failed;
}
