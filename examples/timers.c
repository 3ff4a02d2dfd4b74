/* SPDX-License-Identifier: MIT */
/*
 * A scheduler that reads commands from its input, and prints the name of a job
 * when it is due:
 *
 *	at NAME MS		a job that is due once, in MS milliseconds
 *	every NAME MS		a job that is due every MS milliseconds
 *	change NAME MS		makes a job due in MS milliseconds from now
 *	cancel NAME		cancels a job
 *
 * It ends when the input has ended and no job is left.
 *
 *	printf 'at tea 180000\nevery bell 60000\n' | timers
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <miost.h>

#define MS INT64_C(1000000)

enum { MANY = 100, INPUT = MANY };	/* ids below are of jobs */

struct job {
	char name[32];		/* empty: not in use */
	miost_timer timer;
	int64_t added, deadline;
	int64_t every;		/* 0: once */
};

static struct job jobs[MANY];

struct scheduler {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	int64_t now;		/* read once an iteration */
	char line[256];
	size_t len;
	bool ended;
};

static struct job *
find(const char *name)
{
	for (size_t i = 0; i < MANY; i++)
		if (strcmp(jobs[i].name, name) == 0)
			return &jobs[i];
	return NULL;
}

static int
add(struct scheduler *s, const char *name, int64_t span, bool again)
{
	struct job *job = find("");

	if (find(name) != NULL || job == NULL) {
		fprintf(stderr, "%s: %s\n", name,
			job == NULL ? "too many" : "there is one");
		return 0;
	}
	strcpy(job->name, name);
	job->added = s->now;
	job->every = again ? span : 0;
	job->deadline = miost_deadline(s->now, span);
	return miost_timers_add_deadline(s->timers, (miost_id)(job - jobs),
					 job->deadline, &job->timer);
}

static int
change(struct scheduler *s, const char *name, int64_t span)
{
	struct job *job = find(name);

	if (job == NULL) {
		fprintf(stderr, "%s: there is none\n", name);
		return 0;
	}
	job->deadline = miost_deadline(s->now, span);
	/* If it is due in this very iteration, its timer is gone. */
	if (miost_timers_change(s->timers, job->timer, job->deadline) == 0)
		return 0;
	return miost_timers_add_deadline(s->timers, (miost_id)(job - jobs),
					 job->deadline, &job->timer);
}

static int
cancel(struct scheduler *s, const char *name)
{
	struct job *job = find(name);

	if (job == NULL) {
		fprintf(stderr, "%s: there is none\n", name);
		return 0;
	}
	job->name[0] = '\0';
	printf("cancelled %s\n", name);
	(void)miost_timers_cancel(s->timers, job->timer);
	return 0;
}

static int
obey(struct scheduler *s, const char *line)
{
	char verb[8], name[32];
	uint64_t ms = 0;
	int n = sscanf(line, "%7s %31s %9" SCNu64, verb, name, &ms);
	int64_t span = (int64_t)(ms * 1000000);

	if (n == 3 && strcmp(verb, "at") == 0)
		return add(s, name, span, false);
	if (n == 3 && strcmp(verb, "every") == 0 && ms > 0)
		return add(s, name, span, true);
	if (n == 3 && strcmp(verb, "change") == 0)
		return change(s, name, span);
	if (n == 2 && strcmp(verb, "cancel") == 0)
		return cancel(s, name);
	fprintf(stderr, "what is \"%s\"?\n", line);
	return 0;
}

/*
 * It is time for a job, unless the event is stale: earlier in the batch the job
 * was cancelled, or changed, or replaced by another. Then its timer is live.
 */
static int
fire(struct scheduler *s, struct job *job)
{
	int64_t periods;

	if (job->name[0] == '\0' ||
	    miost_timers_get(s->timers, job->timer, NULL) == 0)
		return 0;
	printf("%s after %" PRId64 " ms\n", job->name,
	       (s->now - job->added) / MS);
	if (job->every == 0) {
		job->name[0] = '\0';
		return 0;
	}
	/*
	 * Whole periods after the deadline, not after now: being late adds up
	 * to nothing, and what was missed is not made up for.
	 */
	periods = (s->now - job->deadline) / job->every + 1;
	job->deadline = miost_deadline(job->deadline, periods * job->every);
	return miost_timers_add_deadline(s->timers, (miost_id)(job - jobs),
					 job->deadline, &job->timer);
}

/* Reads once, and obeys all lines that are complete. */
static int
read_input(struct scheduler *s)
{
	ssize_t n = miost_pipe_read(STDIN_FILENO, s->line + s->len,
				    sizeof(s->line) - 1 - s->len);
	char *line = s->line, *end;
	int err = 0;

	if (n < 0)
		return n == -EAGAIN ? 0 : (int)n;
	s->ended = n == 0;
	s->len += (size_t)n;
	s->line[s->len] = '\0';
	while (err == 0 && (end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		err = obey(s, line);
		line = end + 1;
	}
	s->len -= (size_t)(line - s->line);
	memmove(s->line, line, s->len);
	return s->len < sizeof(s->line) - 1 ? err : -EMSGSIZE;
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

/* A file is always ready, and not every system watches it: read at once. */
static int
watch_input(struct scheduler *s)
{
	int err;

	if (input_can_end())
		return miost_os_queue_register(s->queue, STDIN_FILENO, INPUT,
					       MIOST_READABLE, MIOST_LEVEL);
	do
		err = read_input(s);
	while (err == 0 && !s->ended);
	return err;
}

static int
handle(struct scheduler *s, miost_id id)
{
	int err;

	if (id != INPUT)
		return fire(s, &jobs[id]);
	err = read_input(s);
	if (err == 0 && s->ended)
		err = miost_os_queue_deregister(s->queue, STDIN_FILENO);
	return err;
}

static int
loop(struct scheduler *s)
{
	struct miost_source *sources[2] = { miost_os_queue_source(s->queue),
					    miost_timers_source(s->timers) };
	struct miost_event events[8];
	int err;

	s->now = miost_now();
	err = watch_input(s);
	while (err >= 0 && (!s->ended || miost_timers_len(s->timers) > 0)) {
		int n = miost_poll_events(sources, 2, events, 8,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		s->now = miost_now();
		for (int i = 0; i < n && err >= 0; i++)
			err = handle(s, events[i].id);
	}
	return err;
}

int
main(int argc, char **argv)
{
	static struct scheduler s;
	int err;

	if (argc != 1) {
		fprintf(stderr, "usage: %s <COMMANDS\n", argv[0]);
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_os_queue_new(&s.queue);
	if (err == 0) {
		err = miost_timers_new(&s.timers);
		if (err == 0)
			err = loop(&s);
		miost_timers_free(s.timers);
		miost_os_queue_free(s.queue);
	}
	if (err < 0) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		return 1;
	}
	return 0;
}
