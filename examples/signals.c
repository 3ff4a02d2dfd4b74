/* SPDX-License-Identifier: MIT */
/*
 * Prints the signals that it receives, and ends on SIGTERM.
 *
 *	signals
 *
 * The loop receives the signals as events, one after the other. No handler
 * runs, and no signal interrupts a call.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <miost.h>

static const struct {
	int number;
	const char *name;
} watched[] = {
	{ SIGHUP, "SIGHUP" },	{ SIGINT, "SIGINT" },
	{ SIGUSR1, "SIGUSR1" }, { SIGUSR2, "SIGUSR2" },
	{ SIGTERM, "SIGTERM" }, { SIGCHLD, "SIGCHLD" },
};

#define WATCHED (sizeof(watched) / sizeof(watched[0]))

static const char *
name_of(int number)
{
	for (size_t i = 0; i < WATCHED; i++)
		if (watched[i].number == number)
			return watched[i].name;
	return "a signal that was not asked for";
}

/* Prints all that are pending. Returns the last one, or a negative error. */
static int
receive(struct miost_signals *signals)
{
	int last = 0, number;

	while ((number = miost_signals_receive(signals)) > 0) {
		printf("got %s\n", name_of(number));
		last = number;
		if (number == SIGTERM)
			break;
	}
	return number < 0 ? number : last;
}

static int
run(struct miost_os_queue *queue, struct miost_signals *signals)
{
	struct miost_event event;
	int n = 0;

	printf("ready, pid %ld\n", (long)getpid());
	while (n != SIGTERM) {
		n = miost_os_queue_poll(queue, &event, 1, MIOST_FOREVER);
		/* The process was stopped, and goes on: Linux says so. */
		if (n == -EINTR)
			continue;
		if (n >= 0)
			n = receive(signals);
		if (n < 0)
			return n;
	}
	return 0;
}

static int
watch(void)
{
	struct miost_os_queue *queue;
	struct miost_signals *signals;
	sigset_t set;
	int err;

	sigemptyset(&set);
	for (size_t i = 0; i < WATCHED; i++)
		sigaddset(&set, watched[i].number);
	err = miost_os_queue_new(&queue);
	if (err < 0)
		return err;
	err = miost_signals_new(queue, &set, 0, &signals);
	if (err == 0) {
		err = run(queue, signals);
		miost_signals_free(signals);
	}
	miost_os_queue_free(queue);
	return err;
}

int
main(int argc, char **argv)
{
	int err;

	if (argc != 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return 2;
	}
	/* Lines, also into a file or pipe. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = watch();
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		return 1;
	}
	return 0;
}
