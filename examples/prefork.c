/* SPDX-License-Identifier: MIT */
/*
 * Several processes that serve one port, each with a queue of its own.
 *
 *	prefork [-a | -p] PROCESSES [HOST:PORT]
 *
 * The processes share a listener, with MIOST_EXCLUSIVE: a connection wakes one
 * of them, or a few. With -a it wakes every process that waits. With -p each
 * process has a listener of its own, and the listeners share the port: the
 * system gives each connection to one of them. Linux and FreeBSD spread the
 * connections; on other systems one listener may get all.
 *
 * The server tells each client which process served it. The program ends at the
 * end of its input, or on SIGINT or SIGTERM. Each process then prints how often
 * it was woken, and how many clients it served.
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

#define PAUSE INT64_C(100000000)	/* without descriptors, 0.1 s */

/* A process that serves. */

struct worker {
	struct miost_os_queue *queue;
	int number, listener;
	miost_options options;
	bool paused, done;
	unsigned long woken, served, for_nothing;
};

/* Takes one connection: the others may have the rest. */
static int
serve(struct worker *worker)
{
	char line[64];
	int len, fd = miost_socket_accept(worker->listener, NULL);

	worker->woken++;
	if (fd == -EAGAIN) {
		worker->for_nothing++;
		return 0;
	}
	if (fd == -EMFILE || fd == -ENFILE) {
		/* It stays ready: what else is open has to be closed first. */
		worker->paused = true;
		return miost_os_queue_set(worker->queue, worker->listener,
					  LISTENER, 0, worker->options);
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

/* Has the listener watched, again after a pause. */
static int
resume(struct worker *worker)
{
	worker->paused = false;
	return miost_os_queue_set(worker->queue, worker->listener, LISTENER,
				  MIOST_READABLE, worker->options);
}

static int
work_loop(struct worker *worker)
{
	struct miost_event events[4];
	int err = 0;

	while (err >= 0 && !worker->done) {
		int n = miost_os_queue_poll(worker->queue, events, 4,
					    worker->paused ? PAUSE
							   : MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		if (n == 0)
			err = resume(worker);
		for (int i = 0; i < n && err >= 0; i++) {
			if (events[i].id == PARENT)
				worker->done = true;
			else
				err = serve(worker);
		}
	}
	return err;
}

/* Serves until the parent closes its end of the pipe, or is gone. */
static int
work(int number, int listener, int parent, miost_options options)
{
	struct worker worker = { .number = number, .listener = listener,
				 .options = options };
	int err = miost_os_queue_new(&worker.queue);

	if (err < 0)
		return err;
	err = resume(&worker);
	if (err == 0)
		err = miost_os_queue_register(worker.queue, parent, PARENT,
					      MIOST_READABLE, MIOST_LEVEL);
	if (err == 0)
		err = work_loop(&worker);
	miost_os_queue_free(worker.queue);
	printf("worker %d: woken %lu, served %lu, for nothing %lu\n", number,
	       worker.woken, worker.served, worker.for_nothing);
	return err;
}

/* The process that starts the others. */

struct parent {
	int listeners[MOST];		/* one for all, or one for each */
	int listener_count;
	int pipe[2], n;
	pid_t children[MOST];
	miost_options options;
};

/* In steps, since to share a port has to be asked for before it is bound. */
static int
listen_on_shared_port(const struct miost_addr *addr)
{
	int fd = miost_socket_new(addr->storage.ss_family, SOCK_STREAM);
	int err;

	if (fd < 0)
		return fd;
	err = miost_socket_set_reuse_addr(fd, true);
	if (err == 0)
		err = miost_socket_set_reuse_port(fd, true);
	if (err == 0)
		err = miost_socket_bind(fd, addr);
	if (err == 0)
		err = miost_socket_listen(fd);
	if (err == 0)
		return fd;
	if (err == -ENOTSUP)
		fprintf(stderr, "this system has no ports to share\n");
	close(fd);
	return err;
}

/* Opens `n` listeners, and stores where. The first chooses the port for all. */
static int
open_listeners(struct parent *parent, const struct miost_addr *addr, int n,
	       struct miost_addr *bound)
{
	*bound = *addr;
	for (int i = 0; i < n; i++) {
		int fd = n == 1 ? miost_tcp_listen(addr)
				: listen_on_shared_port(bound);
		int err;

		if (fd < 0)
			return fd;
		parent->listeners[parent->listener_count++] = fd;
		err = miost_socket_local_addr(fd, bound);
		if (err < 0)
			return err;
	}
	return 0;
}

/* All but one, or, with -1, all. */
static void
close_listeners(struct parent *parent, int but)
{
	for (int i = 0; i < parent->listener_count; i++)
		if (parent->listeners[i] != but)
			close(parent->listeners[i]);
	parent->listener_count = 0;
}

static _Noreturn void
be_child(struct parent *parent)
{
	int listener = parent->listeners[parent->n % parent->listener_count];
	int err;

	close(parent->pipe[1]);
	/* Nobody accepts from what is another's once that one is gone. */
	close_listeners(parent, listener);
	err = work(parent->n, listener, parent->pipe[0], parent->options);
	if (err < 0)
		fprintf(stderr, "worker %d: %s\n", parent->n, strerror(-err));
	close(parent->pipe[0]);
	close(listener);
	exit(err < 0);
}

static int
start_all(struct parent *parent, int n)
{
	fflush(stdout);
	for (; parent->n < n; parent->n++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (pid == 0)
			be_child(parent);
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

/* What ends the program: a signal, and the input if that can end. */
static int
watch_for_end(struct miost_os_queue *queue, bool input,
	      struct miost_signals **signals)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	err = miost_signals_new(queue, &set, SIGNALS, signals);
	if (err == 0 && input)
		err = miost_os_queue_register(queue, STDIN_FILENO, INPUT,
					      MIOST_READABLE, MIOST_LEVEL);
	return err;
}

static int
wait_for_end(struct miost_os_queue *queue, bool input)
{
	struct miost_event events[4];
	struct miost_signals *signals = NULL;
	bool done = false;
	char ignored[256];
	int err = watch_for_end(queue, input, &signals);

	while (err >= 0 && !done) {
		int n = miost_os_queue_poll(queue, events, 4, MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		for (int i = 0; i < n; i++)
			done |= events[i].id == SIGNALS
					? miost_signals_receive(signals) > 0
					: read(STDIN_FILENO, ignored,
					       sizeof(ignored)) == 0;
	}
	miost_signals_free(signals);
	return err;
}

static int
run(const struct miost_addr *addr, int n, bool own, miost_options options)
{
	/* Asked before a descriptor of the program's can get its number. */
	bool input = input_can_end();
	struct parent parent = { .options = options };
	struct miost_os_queue *queue;
	struct miost_addr bound;
	char text[128];
	int err = open_listeners(&parent, addr, own ? n : 1, &bound);
	int ended;

	if (err == 0)
		err = miost_pipe(parent.pipe);
	if (err < 0)
		goto close_listeners;
	err = start_all(&parent, n);
	close_listeners(&parent, -1);
	/* After the fork: a queue of the parent's alone. */
	if (err == 0)
		err = miost_os_queue_new(&queue);
	if (err == 0) {
		miost_addr_format(&bound, text, sizeof(text));
		printf("listening on %s\n", text);
		err = wait_for_end(queue, input);
		miost_os_queue_free(queue);
	}
	ended = end_all(&parent);
	err = err < 0 ? err : ended;
	close(parent.pipe[0]);
close_listeners:
	close_listeners(&parent, -1);
	return err;
}

int
main(int argc, char **argv)
{
	bool all = argc > 1 && strcmp(argv[1], "-a") == 0;
	bool own = argc > 1 && strcmp(argv[1], "-p") == 0;
	char **args = argv + 1 + (all || own);
	int count = argc - 1 - (all || own);
	int n = count > 0 ? atoi(args[0]) : 0;
	miost_options options = MIOST_EXCLUSIVE;
	struct miost_addr addr;
	int err;

	if (n < 1 || n > MOST || count > 2) {
		fprintf(stderr, "usage: %s [-a | -p] PROCESSES "
			"[HOST:PORT]\n", argv[0]);
		return 2;
	}
	if (all || own || !miost_has(MIOST_FEATURE_EXCLUSIVE))
		options = MIOST_LEVEL;
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_addr_parse(count > 1 ? args[1] : "127.0.0.1:0", &addr);
	if (err == 0)
		err = run(&addr, n, own, options);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		return 1;
	}
	return 0;
}
