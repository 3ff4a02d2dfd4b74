/* SPDX-License-Identifier: MIT */
/*
 * Several processes that serve one listener, each with a queue of its own.
 *
 *	prefork [-a] PROCESSES [HOST:PORT]
 *
 * A connection wakes one of them, by MIOST_EXCLUSIVE, or with -a all that wait.
 * Each client is told who served it. With the end of its input, SIGINT or
 * SIGTERM the program ends, and each process tells what it did.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <miost.h>

enum { LISTENER, INPUT, SIGNALS, PARENT, MOST = 64 };

/* A process that serves. */

struct worker {
	struct miost_os_queue *queue;
	int number, listener;
	bool done;
	unsigned long woken, served, for_nothing;
};

/* Takes one connection: the others may have the rest. */
static int
serve(struct worker *worker)
{
	char line[64];
	int len, fd = miost_tcp_accept(worker->listener, NULL);

	worker->woken++;
	if (fd == -EAGAIN) {
		worker->for_nothing++;
		return 0;
	}
	if (fd < 0)
		return fd;
	len = snprintf(line, sizeof(line), "served by %d\n", worker->number);
	/* So few bytes always fit; a client that is gone is its own loss. */
	(void)miost_socket_write(fd, line, (size_t)len);
	close(fd);
	worker->served++;
	return 0;
}

static int
work_loop(struct worker *worker)
{
	struct miost_event storage[4];
	struct miost_event_array events;
	int err = 0;

	while (err >= 0 && !worker->done) {
		miost_event_array_init(&events, storage, 4);
		err = miost_os_queue_poll(worker->queue, &events.sink,
					  MIOST_FOREVER);
		if (err == -EINTR)
			err = 0;
		for (size_t i = 0; i < events.len && err >= 0; i++) {
			if (storage[i].id == PARENT)
				worker->done = true;
			else
				err = serve(worker);
		}
	}
	return err;
}

/* Serves until the parent closes its end of the pipe, or is gone. */
static int
work(int number, int listener, int parent, miost_option option)
{
	struct worker worker = { .number = number, .listener = listener };
	int err = miost_os_queue_new(&worker.queue);

	if (err < 0)
		return err;
	err = miost_os_queue_register(worker.queue, listener, LISTENER,
				      MIOST_TCP_LISTENER_INTERESTS, option);
	if (err == 0)
		err = miost_os_queue_register(worker.queue, parent, PARENT,
					      MIOST_PIPE_RECEIVER_INTERESTS,
					      MIOST_LEVEL);
	if (err == 0)
		err = work_loop(&worker);
	miost_os_queue_free(worker.queue);
	printf("worker %d: woken %lu, served %lu, for nothing %lu\n", number,
	       worker.woken, worker.served, worker.for_nothing);
	return err;
}

/* The process that starts the others. */

struct parent {
	int listener, pipe[2], n;
	pid_t children[MOST];
	miost_option option;
};

static int
start_all(struct parent *parent, int n)
{
	fflush(stdout);
	for (; parent->n < n; parent->n++) {
		pid_t pid = fork();
		int err;

		if (pid < 0)
			return -errno;
		if (pid == 0) {
			close(parent->pipe[1]);
			err = work(parent->n, parent->listener,
				   parent->pipe[0], parent->option);
			if (err < 0)
				fprintf(stderr, "worker %d: %s\n", parent->n,
					strerror(-err));
			close(parent->pipe[0]);
			close(parent->listener);
			exit(err < 0);
		}
		parent->children[parent->n] = pid;
	}
	return 0;
}

static int
end_all(struct parent *parent)
{
	int status, failed = 0;

	close(parent->pipe[1]);
	for (int i = 0; i < parent->n; i++)
		if (waitpid(parent->children[i], &status, 0) < 0 ||
		    status != 0)
			failed = -ECHILD;
	return failed;
}

/* A file or a device such as /dev/null has no end to wait for. */
static bool
input_can_end(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) ||
		isatty(STDIN_FILENO));
}

/* Waits for the end of the input, or for a signal to end. */
static int
wait_for_end(struct miost_os_queue *queue)
{
	struct miost_event storage[4];
	struct miost_event_array events;
	struct miost_signals *signals;
	bool done = false;
	char ignored[256];
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	err = miost_signals_new(queue, &set, SIGNALS, &signals);
	if (err < 0)
		return err;
	/* Otherwise only a signal ends it. */
	if (input_can_end())
		err = miost_os_queue_register(queue, STDIN_FILENO, INPUT,
					      MIOST_READABLE, MIOST_LEVEL);
	/* It is closed, and the queue got its number. */
	if (err == -EINVAL)
		err = 0;
	while (err >= 0 && !done) {
		miost_event_array_init(&events, storage, 4);
		err = miost_os_queue_poll(queue, &events.sink, MIOST_FOREVER);
		if (err == -EINTR)
			err = 0;
		for (size_t i = 0; i < events.len && err >= 0; i++)
			done |= storage[i].id == SIGNALS
					? miost_signals_receive(signals) > 0
					: read(STDIN_FILENO, ignored,
					       sizeof(ignored)) == 0;
	}
	miost_signals_free(signals);
	return err;
}

static int
run(const struct miost_addr *addr, int n, miost_option option)
{
	struct parent parent = { .option = option };
	struct miost_os_queue *queue;
	struct miost_addr bound;
	char text[128];
	int err, ended;

	parent.listener = miost_tcp_listen(addr);
	if (parent.listener < 0)
		return parent.listener;
	err = miost_pipe(parent.pipe);
	if (err < 0)
		goto close_listener;
	err = start_all(&parent, n);
	if (err == 0)
		err = miost_socket_local_addr(parent.listener, &bound);
	/* After the fork: a queue of the parent's alone. */
	if (err == 0)
		err = miost_os_queue_new(&queue);
	if (err == 0) {
		miost_addr_format(&bound, text, sizeof(text));
		printf("listening on %s\n", text);
		err = wait_for_end(queue);
		miost_os_queue_free(queue);
	}
	ended = end_all(&parent);
	err = err < 0 ? err : ended;
	close(parent.pipe[0]);
close_listener:
	close(parent.listener);
	return err;
}

int
main(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "-a") == 0;
	char **args = argv + all + 1;
	int count = argc - all - 1;
	int n = count > 0 ? atoi(args[0]) : 0;
	miost_option option = MIOST_EXCLUSIVE;
	struct miost_addr addr;
	int err;

	if (n < 1 || n > MOST || count > 2) {
		fprintf(stderr, "usage: %s [-a] PROCESSES [HOST:PORT]\n",
			argv[0]);
		return 2;
	}
	if (all || !miost_has(MIOST_FEATURE_EXCLUSIVE))
		option = MIOST_LEVEL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_addr_parse(count > 1 ? args[1] : "127.0.0.1:0", &addr);
	if (err == 0)
		err = run(&addr, n, option);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		return 1;
	}
	return 0;
}
