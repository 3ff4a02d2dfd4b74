/* SPDX-License-Identifier: MIT */
/*
 * A forked child frees its copies of all that there is, and its parent goes on
 * as before: also when both have the same number, each in a namespace of its
 * own.
 */
#ifdef __linux__
#include <linux/sched.h>
#include <sys/syscall.h>
#endif

#include "util.h"

enum { WAKER = 1, SIGNALS, PROCESS, CANNOT = -1 };

struct objects {
	struct miost_os_queue *queue;
	struct miost_waker *waker;
	struct miost_signals *signals;
	struct miost_process *process;	/* NULL where there is none */
	struct miost_event events[4];
	int gate[2];			/* of the process's child */
};

/* These run in children, too: they return the line that failed, or 0. */
#define want(condition) \
	do \
		if (!(condition)) \
			return __LINE__; \
	while (0)

static int
make_objects(struct objects *o)
{
	sigset_t set;
	int err;

	set = set_of_one(SIGUSR1);
	want(miost_os_queue_new(&o->queue) == 0);
	want(miost_waker_new(o->queue, WAKER, &o->waker) == 0);
	want(miost_signals_new(o->queue, &set, SIGNALS, &o->signals) == 0);
	err = miost_process_new(o->queue, start_gated(o->gate, 0), PROCESS,
				&o->process);
	want(err == 0 || err == -ENOTSUP);
	if (err < 0)
		o->process = NULL;
	return 0;
}

static void
free_objects(struct objects *o, bool queue_first)
{
	if (queue_first)
		miost_os_queue_free(o->queue);
	miost_process_free(o->process);
	miost_signals_free(o->signals);
	miost_waker_free(o->waker);
	if (!queue_first)
		miost_os_queue_free(o->queue);
}

static bool
has_event(struct objects *o, miost_id id)
{
	return miost_os_queue_poll(o->queue, o->events, 4,
				   scaled(10 * SECOND)) == 1 &&
	       o->events[0].id == id;
}

static int
use_objects(struct objects *o)
{
	want(miost_os_queue_poll(o->queue, o->events, 4, 0) == 0);
	want(miost_waker_wake(o->waker) == 0);
	want(has_event(o, WAKER));
	want(raise(SIGUSR1) == 0);
	want(has_event(o, SIGNALS));
	want(miost_signals_receive(o->signals) == SIGUSR1);
	want(write(o->gate[1], "", 1) == 1);
	close(o->gate[1]);
	if (o->process != NULL) {
		want(has_event(o, PROCESS));
		want(miost_process_wait(o->process, NULL) == 1);
	} else {
		want(wait(NULL) > 0);
	}
	want(miost_os_queue_poll(o->queue, o->events, 4, 0) == 0);
	return 0;
}

/* Where kqueues are not inherited, the number is another file's. */
static int
free_copies(struct objects *o, bool queue_first)
{
	int fd = miost_os_queue_fd(o->queue);

	if (!on_epoll())
		want(dup2(o->gate[1], fd) == fd);
	free_objects(o, queue_first);
	want(on_epoll() || fcntl(fd, F_GETFD) >= 0);
	return 0;
}

/* Forks, in a new namespace or not; says the child's line, or 0. */
static int
in_child(bool apart, int (*run)(void *arg), void *arg)
{
	int line = CANNOT;
	pid_t child;
	int fds[2];

#ifdef __linux__
	if (apart && syscall(SYS_unshare, CLONE_NEWPID) < 0 &&
	    syscall(SYS_unshare, CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return CANNOT;
#else
	(void)apart;
#endif
	if (pipe(fds) < 0)
		return __LINE__;
	fflush(stdout);
	child = fork();
	if (child == 0) {
		line = apart && getpid() != 1 ? __LINE__ : run(arg);
		(void)!write(fds[1], &line, sizeof(line));
		_exit(0);
	}
	close(fds[1]);
	(void)!read(fds[0], &line, sizeof(line));
	close(fds[0]);
	return waitpid(child, NULL, 0) == child ? line : __LINE__;
}

struct scene {
	struct objects objects;
	bool apart, queue_first;
};

static int
copies(void *arg)
{
	struct scene *scene = arg;

	return free_copies(&scene->objects, scene->queue_first);
}

static int
play(void *arg)
{
	struct scene *scene = arg;
	int line = make_objects(&scene->objects);

	if (line == 0)
		line = in_child(scene->apart, copies, scene);
	if (line == 0)
		line = use_objects(&scene->objects);
	free_objects(&scene->objects, scene->queue_first);
	return line;
}

/* In a child, since what is unshared lasts. */
static int
play_in_child(void *arg)
{
	struct scene *scene = arg;

	return in_child(scene->apart, play, scene);
}

static void
run(bool apart)
{
	for (int i = 0; i < 2; i++) {
		struct scene scene = { .apart = apart, .queue_first = i };
		int line = in_child(false, play_in_child, &scene);

		if (line == CANNOT)
			tap_skip("this system gives no namespaces of "
				 "processes here");
		if (line != 0)
			tap_fail(__FILE__, line, "not so in a child");
	}
}

static void
another_number(void)
{
	run(false);
}

static void
same_number(void)
{
#ifdef __linux__
	run(true);
#else
	tap_skip("this system has no namespaces of processes");
#endif
}

static const struct tap_test tests[] = {
	{ "freed by a forked child", another_number },
	{ "the same, of the same number", same_number },
};

TAP_MAIN(tests)
