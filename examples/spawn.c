/* SPDX-License-Identifier: MIT */
/*
 * Runs a command, and puts a label before each line of its output.
 *
 *	spawn [-t MILLISECONDS] COMMAND [ARGUMENT...]
 *
 * One poll waits for the command's output, for its end, and for the timeout,
 * after which the program kills the command. The program exits with the status
 * of the command, or with 128 plus the number of the signal that ended it.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <miost.h>

enum { OUTPUT, END, TIME_IS_UP };

struct command {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	struct miost_process *process;
	pid_t pid;
	int fds[2];		/* its output: here, and there */
	int status;
	bool runs, talks;
	bool in_line;		/* the last line is not complete */
};

/* In the child: the pipe becomes its output, blocking as it expects. */
static void
become(const struct command *command, char *const *args)
{
	int flags = fcntl(command->fds[1], F_GETFL);

	if (flags < 0 ||
	    fcntl(command->fds[1], F_SETFL, flags & ~O_NONBLOCK) < 0 ||
	    dup2(command->fds[1], STDOUT_FILENO) < 0)
		_exit(126);
	execvp(args[0], args);
	fprintf(stderr, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static int
start(struct command *command, char *const *args)
{
	fflush(stdout);
	command->pid = fork();
	if (command->pid < 0)
		return -errno;
	if (command->pid == 0)
		become(command, args);
	command->runs = true;
	close(command->fds[1]);
	command->fds[1] = -1;
	command->talks = true;
	return 0;
}

static void
print(struct command *command, const char *text, ssize_t len)
{
	for (ssize_t i = 0; i < len; i++) {
		if (!command->in_line)
			fputs("| ", stdout);
		putchar(text[i]);
		command->in_line = text[i] != '\n';
	}
}

/* Level-triggered: one read an event. */
static int
read_output(struct command *command)
{
	char buf[4096];
	ssize_t n = miost_pipe_read(command->fds[0], buf, sizeof(buf));

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	print(command, buf, n);
	if (n > 0)
		return 0;
	command->talks = false;
	return miost_os_queue_deregister(command->queue, command->fds[0]);
}

static int
handle(struct command *command, miost_id id)
{
	int n;

	switch (id) {
	case OUTPUT:
		return read_output(command);
	case END:
		n = miost_process_wait(command->process, &command->status);
		command->runs = n == 0;
		return n < 0 ? n : 0;
	default:
		/* Not reaped yet, so the number is still its own. */
		if (command->runs)
			kill(command->pid, SIGKILL);
		/* Its children may go on talking; nobody waits for them. */
		command->talks = false;
		return 0;
	}
}

static int
loop(struct command *command)
{
	struct miost_source *sources[2] = {
		miost_os_queue_source(command->queue),
		miost_timers_source(command->timers),
	};
	struct miost_event events[4];
	int err = 0;

	while (err >= 0 && (command->runs || command->talks)) {
		int n = miost_poll_events(sources, 2, events, 4,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		for (int i = 0; i < n && err >= 0; i++)
			err = handle(command, events[i].id);
	}
	if (command->in_line)
		putchar('\n');
	return err;
}

static int
run(struct command *command, char *const *args, long ms)
{
	int err = start(command, args);

	if (err == 0)
		err = miost_process_new(command->queue, command->pid, END,
					&command->process);
	if (err == 0)
		err = miost_os_queue_register(command->queue, command->fds[0],
					      OUTPUT, MIOST_READABLE,
					      MIOST_LEVEL);
	if (err == 0 && ms >= 0)
		err = miost_timers_add_timeout(command->timers, TIME_IS_UP,
					       ms * INT64_C(1000000), NULL);
	if (err == 0)
		err = loop(command);
	if (command->runs) {
		kill(command->pid, SIGKILL);
		waitpid(command->pid, NULL, 0);
	}
	miost_process_free(command->process);
	return err;
}

static int
spawn(struct command *command, char *const *args, long ms)
{
	int err = miost_pipe(command->fds);

	if (err < 0)
		return err;
	err = miost_os_queue_new(&command->queue);
	if (err == 0)
		err = miost_timers_new(&command->timers);
	if (err == 0)
		err = run(command, args, ms);
	miost_timers_free(command->timers);
	miost_os_queue_free(command->queue);
	close(command->fds[0]);
	if (command->fds[1] >= 0)
		close(command->fds[1]);
	return err;
}

int
main(int argc, char **argv)
{
	struct command command = { .status = 0 };
	bool limited = argc > 1 && strcmp(argv[1], "-t") == 0;
	char **args = argv + (limited ? 3 : 1);
	char *end = NULL;
	long ms = limited && argc > 2 ? strtol(argv[2], &end, 10) : -1;
	int err;

	if (argc < (limited ? 4 : 2) ||
	    (limited && (*end != '\0' || ms < 0 || ms > 100000000))) {
		fprintf(stderr, "usage: %s [-t MILLISECONDS] COMMAND "
			"[ARGUMENT...]\n", argv[0]);
		return 2;
	}
	err = spawn(&command, args, ms);
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		/* The system cannot watch processes: as a test says skip. */
		return err == -ENOTSUP ? 77 : 1;
	}
	return WIFEXITED(command.status) ? WEXITSTATUS(command.status)
					 : 128 + WTERMSIG(command.status);
}
