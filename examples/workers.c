/* SPDX-License-Identifier: MIT */
/*
 * Threads that compute for a loop, which can do other things meanwhile.
 *
 *	workers THREADS NUMBER...
 *
 * prints how many primes there are below each number. The threads take jobs
 * from a list under a mutex. They put the results into a second list, and then
 * wake the loop. A handler for SIGINT also wakes the loop, which then ends
 * early.
 */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <miost.h>

enum { DONE, INTERRUPTED, MOST_THREADS = 64 };

struct job {
	struct job *next;
	unsigned long below, primes;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;	/* jobs, or the end of them */
	struct job *jobs, *results;
	bool ends;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER,
	     .more = PTHREAD_COND_INITIALIZER };

static struct miost_waker *interrupt;

static void
on_interrupt(int number)
{
	(void)number;
	miost_waker_wake(interrupt);
}

static bool
is_prime(unsigned long n)
{
	for (unsigned long i = 2; i <= n / i; i++)
		if (n % i == 0)
			return false;
	return n >= 2;
}

/* The next job, or NULL at the end. */
static struct job *
take_job(void)
{
	struct job *job = NULL;

	pthread_mutex_lock(&shared.lock);
	while (shared.jobs == NULL && !shared.ends)
		pthread_cond_wait(&shared.more, &shared.lock);
	if (!shared.ends) {
		job = shared.jobs;
		shared.jobs = job->next;
	}
	pthread_mutex_unlock(&shared.lock);
	return job;
}

/* Each thread has a waker of its own. */
static void *
work(void *arg)
{
	struct miost_waker *done = arg;
	struct job *job;

	while ((job = take_job()) != NULL) {
		for (unsigned long n = 0; n < job->below; n++)
			job->primes += is_prime(n);
		pthread_mutex_lock(&shared.lock);
		job->next = shared.results;
		shared.results = job;
		pthread_mutex_unlock(&shared.lock);
		miost_waker_wake(done);
	}
	miost_waker_free(done);
	return NULL;
}

/* Prints all results there are, and returns how many. */
static size_t
print_results(void)
{
	struct job *job;
	size_t n = 0;

	/* One wake may stand for many: take them all. */
	pthread_mutex_lock(&shared.lock);
	job = shared.results;
	shared.results = NULL;
	pthread_mutex_unlock(&shared.lock);
	for (; job != NULL; job = job->next, n++)
		printf("%lu primes below %lu\n", job->primes, job->below);
	return n;
}

static int
loop(struct miost_os_queue *queue, size_t left)
{
	struct miost_event events[4];

	while (left > 0) {
		int n = miost_os_queue_poll(queue, events, 4, MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 0; i < n; i++) {
			if (events[i].id == INTERRUPTED) {
				printf("interrupted, %zu left\n", left);
				return 0;
			}
			left -= print_results();
		}
	}
	return 0;
}

/* No thread begins another job. */
static void
end_threads(const pthread_t *threads, int n)
{
	pthread_mutex_lock(&shared.lock);
	shared.ends = true;
	pthread_cond_broadcast(&shared.more);
	pthread_mutex_unlock(&shared.lock);
	while (n > 0)
		pthread_join(threads[--n], NULL);
}

static int
run(struct miost_os_queue *queue, struct miost_waker *done, int n,
    size_t jobs)
{
	struct sigaction action = { .sa_handler = on_interrupt };
	pthread_t threads[MOST_THREADS];
	struct miost_waker *clone;
	int err = 0, started;

	sigaction(SIGINT, &action, NULL);
	for (started = 0; started < n; started++) {
		err = miost_waker_clone(done, &clone);
		if (err < 0)
			break;
		err = -pthread_create(&threads[started], NULL, work, clone);
		if (err < 0) {
			miost_waker_free(clone);
			break;
		}
	}
	if (err == 0)
		err = loop(queue, jobs);
	end_threads(threads, started);
	action.sa_handler = SIG_DFL;
	sigaction(SIGINT, &action, NULL);
	return err;
}

static int
compute(int n, size_t jobs)
{
	struct miost_waker *done = NULL;
	struct miost_os_queue *queue;
	int err = miost_os_queue_new(&queue);

	if (err < 0)
		return err;
	err = miost_waker_new(queue, DONE, &done);
	if (err == 0)
		err = miost_waker_new(queue, INTERRUPTED, &interrupt);
	if (err == 0)
		err = run(queue, done, n, jobs);
	miost_waker_free(interrupt);
	miost_waker_free(done);
	miost_os_queue_free(queue);
	return err;
}

/* A number from 0 to `most`; false if it is none. */
static bool
parse(const char *text, unsigned long most, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	       *number <= most;
}

int
main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)argc - 2 : 0;
	struct job *jobs = calloc(n + 1, sizeof(*jobs));
	unsigned long threads = 0;
	bool valid = n > 0 && parse(argv[1], MOST_THREADS, &threads) &&
		     threads > 0 && jobs != NULL;
	int err = 0;

	for (size_t i = 0; i < n && valid; i++) {
		valid = parse(argv[i + 2], 100000000, &jobs[i].below);
		jobs[i].next = i + 1 < n ? &jobs[i + 1] : NULL;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (valid) {
		shared.jobs = jobs;
		err = compute((int)threads, n);
	}
	free(jobs);
	if (!valid) {
		fprintf(stderr, "usage: %s THREADS NUMBER...\n", argv[0]);
		return 2;
	}
	if (err < 0)
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
	return err < 0;
}
