/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of operations against the model. A sequence is made of a
 * seed, which is printed, and one that fails is cut short:
 *
 *	tests/model               fixed seeds
 *	tests/model SEED          this one, and each operation is printed
 *	MIOST_TEST_MODEL_SECONDS  then seeds from the clock on, for so long
 *	MIOST_TEST_SEED=SEED      from there on instead
 *	MIOST_TEST_MODEL_WHOLE    if set, what fails is not cut short
 */
#include "config.h"

#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "model.h"

enum {
	MOST = 400,		/* operations */
	BATCH = 10,		/* sequences in a process */
	FIXED = 400,
	SHRINKS = 3000,		/* runs to cut one short with, */
	SHRINK_SECONDS = 90,	/* for as long */
	LIMIT = 30,		/* seconds that a sequence has, */
	SHORT_LIMIT = 3		/* and one that was cut */
};

/* What a child tells: it may come to any end. */
static struct {
	uint64_t seed;
	uint64_t operations;
	size_t failed;
	char said[sizeof(model_said)];
} *shared;

static int64_t
seconds_of(const char *name, int64_t otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? atoll(value) : otherwise;
}

static void
share(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANON, -1, 0);
	check(shared != MAP_FAILED);
	memset(shared, 0, sizeof(*shared));
}

/* Ends a child: what it allocated must be gone, and no descriptor left. */
static void
run_in_child(const struct op *ops, size_t n, bool trace)
{
	bool before[TAP_FDS], after[TAP_FDS];

	tap_open_fds(before);
	shared->failed = model_run(ops, n, trace);
	tap_open_fds(after);
	if (shared->failed == 0 && memcmp(before, after, sizeof(after)) != 0) {
		shared->failed = n + 1;
		snprintf(model_said, sizeof(model_said),
			 "a descriptor was left open, or closed");
	}
	memcpy(shared->said, model_said, sizeof(model_said));
	shared->operations += n;
}

/* Waits for a child; returns whether it found nothing. */
static bool
ended_well(pid_t child)
{
	int status;

	check_eq(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (shared->failed == 0) {
		snprintf(shared->said, sizeof(shared->said),
			 WIFSIGNALED(status) ? "it died of signal %d"
					     : "it ended with status %d",
			 WIFSIGNALED(status) ? WTERMSIG(status)
					     : WEXITSTATUS(status));
	}
	return false;
}

static int64_t shrink_until;	/* 0: nothing is being cut short */
static bool dies;		/* it does, and not only differ from the model */

static void
limit_time(void)
{
	int seconds = shrink_until != 0 ? SHORT_LIMIT : LIMIT;

	alarm((unsigned int)(seconds * tap_time_factor()));
}

static bool
may_shrink(int runs)
{
	return runs < SHRINKS && miost_now() < shrink_until;
}

/* Runs `n` seeds from `first` on; false: shared->seed failed. */
static bool
run_batch(uint64_t first, uint64_t n)
{
	static struct op ops[MOST];
	pid_t child;

	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child > 0)
		return ended_well(child);
	for (uint64_t seed = first; seed < first + n; seed++) {
		limit_time();
		shared->seed = seed;
		shared->failed = 0;
		run_in_child(ops, model_generate(seed, ops, MOST), false);
		if (shared->failed != 0)
			break;
	}
	exit(shared->failed != 0);
}

/* Whether the sequence fails, and in the same way, if it is being cut short. */
static bool
fails_with(const struct op *ops, size_t n, bool trace)
{
	pid_t child;

	fflush(stdout);
	shared->failed = 0;
	child = fork();
	check(child >= 0);
	if (child > 0)
		return !ended_well(child) &&
		       (shrink_until == 0 || dies == (shared->failed == 0));
	limit_time();
	if (trace)
		setvbuf(stdout, NULL, _IOLBF, 0);
	run_in_child(ops, n, trace);
	exit(shared->failed != 0);
}

/* Leaves out whatever the sequence fails without. */
static size_t
leave_out(struct op *ops, size_t n, int *runs)
{
	static struct op shorter[MOST];

	for (size_t chunk = n / 2 + 1; chunk > 0; chunk /= 2) {
		for (size_t i = 0; i < n && may_shrink(*runs);) {
			size_t cut = chunk < n - i ? chunk : n - i;

			memcpy(shorter, ops, i * sizeof(*ops));
			memcpy(shorter + i, ops + i + cut,
			       (n - i - cut) * sizeof(*ops));
			++*runs;
			if (cut < n && fails_with(shorter, n - cut, false)) {
				n -= cut;
				memcpy(ops, shorter, n * sizeof(*ops));
			} else {
				i += chunk;
			}
		}
	}
	return n;
}

/* And makes the numbers of what is left small. */
static void
make_plain(struct op *ops, size_t n, int *runs)
{
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < 5 && may_shrink(*runs); k++) {
			struct op before = ops[i];

			if (k == 0)
				ops[i].fault = 0;
			else if (k == 1)
				ops[i].v = 0;
			else if (k == 2)
				ops[i].c = 0;
			else if (k == 3)
				ops[i].b = 0;
			else
				ops[i].a = 0;
			++*runs;
			if (!fails_with(ops, n, false))
				ops[i] = before;
		}
	}
}

static _Noreturn void
report(uint64_t seed)
{
	static struct op ops[MOST];
	size_t n = model_generate(seed, ops, MOST);
	int runs = 0;

	printf("# seed %" PRIu64 " fails: %s\n", seed, shared->said);
	if (getenv("MIOST_TEST_MODEL_WHOLE") != NULL)
		tap_fail(__FILE__, __LINE__, "it was left as it is");
	if (!fails_with(ops, n, false)) {
		printf("# but not alone\n");
		tap_fail(__FILE__, __LINE__, "not to be seen again");
	}
	dies = shared->failed == 0;
	if (!dies && shared->failed < n)
		n = shared->failed;
	shrink_until = miost_now() + SHRINK_SECONDS * SECOND;
	n = leave_out(ops, n, &runs);
	make_plain(ops, n, &runs);
	n = leave_out(ops, n, &runs);
	printf("# in %d runs it was cut to %zu operations:\n", runs, n);
	(void)fails_with(ops, n, true);
	printf("# %s\n", shared->said);
	tap_fail(__FILE__, __LINE__, "tests/model %" PRIu64 " shows it", seed);
}

/* Runs until there were `n`, or the time is over. */
static void
run_seeds(uint64_t first, uint64_t n, int64_t seconds)
{
	int64_t end = miost_now() + seconds * SECOND;
	uint64_t done = 0;

	/* Of other kernels the model knows what the double does. */
#ifndef __linux__
	if (getenv("MIOST_TEST_MODEL_SECONDS") == NULL)
		tap_skip("MIOST_TEST_MODEL_SECONDS is not set");
#endif
	share();
	alarm(0);
	while (done < n && miost_now() < end) {
		uint64_t some = n - done < BATCH ? n - done : BATCH;

		if (!run_batch(first + done, some))
			report(shared->seed);
		done += some;
	}
	printf("# seeds %" PRIu64 " to %" PRIu64 ", %" PRIu64 " operations\n",
	       first, first + done - 1, shared->operations);
	munmap(shared, sizeof(*shared));
}

static void
fixed(void)
{
	run_seeds(1, FIXED, 3);
}

static void
of_the_clock(void)
{
	const char *seed = getenv("MIOST_TEST_SEED");
	uint64_t first = seed != NULL ? strtoull(seed, NULL, 0)
				      : (uint64_t)time(NULL) * 100000;

	if (seed == NULL && getenv("MIOST_TEST_MODEL_SECONDS") == NULL)
		tap_skip("MIOST_TEST_MODEL_SECONDS is not set");
	run_seeds(first, UINT64_MAX,
		  seconds_of("MIOST_TEST_MODEL_SECONDS", 1));
}

static const struct tap_test tests[] = {
	{ "model: fixed seeds", fixed },
	{ "model: other seeds", of_the_clock },
};

static int
show(uint64_t seed)
{
	static struct op ops[MOST];
	size_t n = model_generate(seed, ops, MOST);

	share();
	n = model_run(ops, n, true);
	printf("# %s\n", n > 0 ? model_said : "nothing differs");
	return n > 0;
}

int
main(int argc, char *argv[])
{
	if (argc > 1)
		return show(strtoull(argv[1], NULL, 0));
	return tap_main(tests, sizeof(tests) / sizeof(tests[0]));
}
