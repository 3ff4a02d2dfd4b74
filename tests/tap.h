/* SPDX-License-Identifier: MIT */
/*
 * Tests that speak TAP. A program is `const struct tap_test tests[]` and
 * TAP_MAIN(tests); a test is a function that ends at its first failed check,
 * must leave no descriptor open that was not open before, and has a minute.
 * TAP_MAIN_WITH calls one function before each test, and one after each that
 * passes or is skipped: it has to cope with what was never made.
 */
#ifndef TAP_H
#define TAP_H

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

static jmp_buf tap_end;
static char tap_skipped[256];
static size_t tap_number;	/* of the test that runs, from 1 */
static void (*tap_before)(void);
static void (*tap_after)(void);
static bool tap_loopback;	/* as it was before the first test */

#ifdef __GNUC__
__attribute__((format(printf, 3, 4)))
#endif
static inline _Noreturn void
tap_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("# %s:%d: ", file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	longjmp(tap_end, 1);
}

/* Ends the test as skipped, for a reason. */
static inline _Noreturn void
tap_skip(const char *reason)
{
	snprintf(tap_skipped, sizeof(tap_skipped), "%s", reason);
	longjmp(tap_end, 2);
}

#define check(condition) \
	((condition) ? (void)0 : tap_fail(__FILE__, __LINE__, "%s", #condition))

/* Whole numbers; the failure shows both. */
#define check_eq(actual, expected) \
	tap_check_eq(__FILE__, __LINE__, #actual, (intmax_t)(actual), \
		     (intmax_t)(expected))

#define check_str(actual, expected) \
	tap_check_str(__FILE__, __LINE__, #actual, (actual), (expected))

static inline void
tap_check_eq(const char *file, int line, const char *what, intmax_t actual,
	     intmax_t expected)
{
	if (actual != expected)
		tap_fail(file, line, "%s is %jd, not %jd", what, actual,
			 expected);
}

static inline void
tap_check_str(const char *file, int line, const char *what, const char *actual,
	      const char *expected)
{
	if (strcmp(actual, expected) != 0)
		tap_fail(file, line, "%s is \"%s\", not \"%s\"", what, actual,
			 expected);
}

enum { TAP_FDS = 1024 };

#define TAP_SECONDS 60

/* How many times slower than others this machine is. */
static inline double
tap_time_factor(void)
{
	const char *factor = getenv("MIOST_TEST_TIME_FACTOR");

	return factor != NULL ? atof(factor) : 1;
}

static void
tap_open_fds(bool fds[TAP_FDS])
{
	for (int fd = 0; fd < TAP_FDS; fd++)
		fds[fd] = fcntl(fd, F_GETFD) >= 0;
}

/*
 * Tests that what is underneath cannot pass are in a list, a file of lines: the
 * name, or a pattern of names, a tab, and the reason.
 */
static inline void
tap_skip_listed(const char *name)
{
	static char line[sizeof(tap_skipped)];
	const char *list = getenv("MIOST_TEST_SKIPS");
	FILE *file = list != NULL ? fopen(list, "r") : NULL;
	const char *reason = NULL;

	while (file != NULL && reason == NULL &&
	       fgets(line, sizeof(line), file) != NULL) {
		const char *pattern = strtok(line, "\t");

		if (fnmatch(pattern, name, 0) == 0)
			reason = strtok(NULL, "\n");
	}
	if (file != NULL)
		fclose(file);
	if (reason != NULL)
		tap_skip(reason);
}

static inline bool
tap_has_loopback(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool has;

	/* Without one Linux lets a socket have the address, but no route. */
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(9);
	has = fd >= 0 &&
	      connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	if (fd >= 0)
		close(fd);
	return has;
}

/* Runs one test; says whether it passed. */
static bool
tap_run(const struct tap_test *test, size_t number)
{
	static bool before[TAP_FDS], after[TAP_FDS];
	volatile bool ok = true, skipped = false, begun = false;
	volatile bool failed = false;

	tap_open_fds(before);
	tap_skipped[0] = '\0';
	tap_number = number;
	/* One that hangs ends the program, and so fails. */
	alarm((unsigned int)(TAP_SECONDS * tap_time_factor()));
	switch (setjmp(tap_end)) {
	case 0:
		tap_skip_listed(test->name);
		begun = true;
		if (tap_before != NULL)
			tap_before();
		test->run();
		if (tap_after != NULL)
			tap_after();
		break;
	case 1:
		ok = false;
		failed = true;
		break;
	default:
		skipped = true;
		if (begun && tap_after != NULL)
			tap_after();
		break;
	}
	tap_open_fds(after);
	for (int fd = 0; fd < TAP_FDS && !getenv("MIOST_TEST_FDS"); fd++) {
		if (after[fd] == before[fd])
			continue;
		/* A test that failed had no chance, and harms no other. */
		if (ok)
			printf("# descriptor %d was left %s\n", fd,
			       after[fd] ? "open" : "closed");
		ok = false;
		if (after[fd])
			close(fd);
	}
	/* Most tests are of sockets. */
	if (failed && !tap_loopback) {
		ok = skipped = true;
		snprintf(tap_skipped, sizeof(tap_skipped),
			 "there is no loopback interface");
	}
	printf("%s %zu - %s%s%s\n", ok ? "ok" : "not ok", number, test->name,
	       ok && skipped ? " # SKIP " : "", ok ? tap_skipped : "");
	fflush(stdout);
	return ok;
}

static inline int
tap_main(const struct tap_test *tests, size_t n)
{
	bool ok = true;

	struct rlimit limit;

	/* Some systems give few descriptors until more are asked for. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	    limit.rlim_cur < TAP_FDS) {
		limit.rlim_cur = limit.rlim_max < TAP_FDS ? limit.rlim_max
							  : TAP_FDS;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	tap_loopback = tap_has_loopback();
	printf("1..%zu\n", n);
	fflush(stdout);
	for (size_t i = 0; i < n; i++)
		ok &= tap_run(&tests[i], i + 1);
	return ok ? 0 : 1;
}

#define TAP_MAIN(tests) TAP_MAIN_WITH(tests, NULL, NULL)

#define TAP_MAIN_WITH(tests, before, after)                                    \
	int main(void)                                                         \
	{                                                                      \
		tap_before = (before);                                         \
		tap_after = (after);                                           \
		return tap_main(tests, sizeof(tests) / sizeof((tests)[0]));    \
	}

#endif
