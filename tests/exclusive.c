/* SPDX-License-Identifier: MIT */
/*
 * One listener in the queues of several processes: how many of them one
 * connection wakes, with MIOST_EXCLUSIVE and without.
 */
#include "config.h"

#include <stdint.h>

#include "util.h"

enum { WORKERS = 4 };

struct worker {
	pid_t pid;
	int says;	/* 'p': polls now; 'w': woken */
	int hears;	/* a byte: accept; the end: end */
};

/* A process that polls, and says when it is woken. */
static void
work(int listener, miost_options options, int says, int hears)
{
	struct miost_event storage[4];
	struct miost_os_queue *queue;
	char byte;

	alarm((unsigned int)(TAP_SECONDS * tap_time_factor()));
	if (miost_os_queue_new(&queue) < 0 ||
	    miost_os_queue_register(queue, listener, 0, MIOST_READABLE,
				    options) < 0 ||
	    write(says, "p", 1) != 1)
		_exit(1);
	if (miost_os_queue_poll(queue, storage, 4, MIOST_FOREVER) != 1 ||
	    write(says, "w", 1) != 1)
		_exit(1);
	/* What it was woken for is left there till all have been counted. */
	if (read(hears, &byte, 1) < 0)
		_exit(1);
	miost_os_queue_free(queue);
	_exit(0);
}

static void
start(struct worker *worker, int listener, miost_options options)
{
	int says[2], hears[2];

	check_ok(pipe(says));
	check_ok(pipe(hears));
	fflush(stdout);
	worker->pid = fork();
	check(worker->pid >= 0);
	if (worker->pid == 0) {
		close(hears[1]);
		work(listener, options, says[1], hears[0]);
	}
	close(says[1]);
	close(hears[0]);
	worker->says = says[0];
	worker->hears = hears[1];
	set_nonblocking(worker->says);
}

/* Whether a process sleeps; one that has said 'p' does so in its poll alone. */
static bool
sleeps(pid_t pid)
{
	char path[64], line[512], *state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		tap_skip("there is no /proc to see whether a process sleeps");
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	check(n > 0);
	line[n] = '\0';
	state = strrchr(line, ')');
	check(state != NULL);
	return state[2] == 'S';
}

static void
await_polling(struct worker *worker)
{
	char byte;

	wait_for(worker->says, POLLIN);
	check_eq(read(worker->says, &byte, 1), 1);
	check_eq(byte, 'p');
	while (!sleeps(worker->pid))
		(void)poll(NULL, 0, 1);
}

/* How many say that they were woken, once all of them sleep again. */
static int
count_woken(struct worker workers[WORKERS])
{
	int woken = 0;

	for (int i = 0; i < WORKERS; i++) {
		char byte;

		while (!sleeps(workers[i].pid))
			(void)poll(NULL, 0, 1);
		woken += read(workers[i].says, &byte, 1) == 1;
	}
	return woken;
}

static void
await_one(struct worker workers[WORKERS])
{
	struct pollfd waits[WORKERS];

	for (int i = 0; i < WORKERS; i++)
		waits[i] = (struct pollfd){ workers[i].says, POLLIN, 0 };
	check(poll(waits, WORKERS, (int)(scaled(10 * SECOND) / MS)) > 0);
}

static int
woken_by_one_connection(miost_options options)
{
	struct miost_addr addr;
	struct worker workers[WORKERS];
	int listener, client, woken;

	listener = listen_on(IPV4, &addr);
	for (int i = 0; i < WORKERS; i++)
		start(&workers[i], listener, options);
	for (int i = 0; i < WORKERS; i++)
		await_polling(&workers[i]);
	client = miost_tcp_connect(&addr);
	check(client >= 0);
	await_one(workers);
	woken = count_woken(workers);
	/* Those that were not can end by themselves no more. */
	for (int i = 0; i < WORKERS; i++) {
		int status;

		check_ok(kill(workers[i].pid, SIGKILL));
		check_eq(waitpid(workers[i].pid, &status, 0), workers[i].pid);
		close(workers[i].says);
		close(workers[i].hears);
	}
	close(client);
	close(listener);
	return woken;
}

static void
without(void)
{
	check_eq(woken_by_one_connection(MIOST_LEVEL), WORKERS);
}

static void
with(void)
{
#ifdef HAVE_EPOLLEXCLUSIVE
	check(miost_has(MIOST_FEATURE_EXCLUSIVE) || !on_epoll());
#endif
	if (!miost_has(MIOST_FEATURE_EXCLUSIVE))
		tap_skip("this system has no exclusive wake-ups");
	/* The system may wake more, but does not when all of them wait. */
	check_eq(woken_by_one_connection(MIOST_EXCLUSIVE), 1);
	check_eq(woken_by_one_connection(MIOST_EXCLUSIVE | MIOST_EDGE), 1);
}

static const struct tap_test tests[] = {
	{ "without MIOST_EXCLUSIVE all are woken", without },
	{ "with MIOST_EXCLUSIVE one is", with },
};

TAP_MAIN(tests)
