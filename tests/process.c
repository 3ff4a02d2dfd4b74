/* SPDX-License-Identifier: MIT */
/* The end of child processes. */
#include <pthread.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

#include "fixture.h"

enum { ID = 5, MANY = 1000 };

/*
 * Whether children can be watched here at all. Asked of one, since a kernel or
 * a sandbox may refuse what the library was built for.
 */
static void
set_up_processes(void)
{
	pid_t child;
	int err;

	set_up();
	if (!on_epoll() && getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind looks for leaks in children, too, and "
			 "changes how they end");
	child = start_child(0);
	err = miost_process_new(f.queue, child, 0, &f.process);
	if (err == 0)
		free_process();
	reap(child);
	if (err == -ENOTSUP)
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	check_ok(err);
	check(miost_has(MIOST_FEATURE_PROCESS));
}

static void
watch(pid_t child)
{
	check_ok(miost_process_new(f.queue, child, ID, &f.process));
}

static int
wait_process(int *status)
{
	return miost_process_wait(f.process, status);
}

/* Of a child that others reap: one event of its end, and one of that. */
static void
expect_reaped(void)
{
	const miost_ready others = MIOST_HUP | MIOST_READ_CLOSED |
				   MIOST_WRITE_CLOSED;
	int count = 0;

	check_eq(poll_for(MIOST_FOREVER), 1);
	do {
		check_eq(f.events[0].id, ID);
		check_eq(f.events[0].readiness & ~others, MIOST_READABLE);
		check(++count <= 2);
	} while (poll_for(100 * MS) > 0);
}

/* It ends, is reaped with its status, and that is all. */
static void
expect_end(int status)
{
	int got = -1;

	expect_told(ID);
	expect_nothing();
	check_eq(wait_process(&got), 1);
	check_eq(got, status);
	check_eq(wait_process(&got), -ECHILD);
	check_eq(wait_process(NULL), -ECHILD);
	check_eq(got, status);
	expect_nothing();
}

static void
ends_after(void)
{
	int gate[2], got = 77;
	pid_t child;

	child = start_gated(gate, 3);
	watch(child);
	check_eq(wait_process(&got), 0);
	check_eq(got, 77);
	check_eq(wait_process(NULL), 0);
	expect_nothing();
	let_end(gate);
	expect_end(3 << 8);
	check_eq(waitpid(child, NULL, WNOHANG), -1);
	check_eq(errno, ECHILD);
}

static void
ended_before(void)
{
	int gate[2];
	pid_t child;

	child = start_gated(gate, 255);
	let_end(gate);
	await_end(child);
	watch(child);
	expect_end(255 << 8);
}

/* As near to it as can be had: they end while they are watched. */
static void
ends_meanwhile(void)
{
	for (int i = 0; i < 200; i++) {
		watch(start_child(i % 100));
		expect_end(i % 100 << 8);
		free_process();
	}
}

static void
killed(void)
{
	static const int numbers[] = { SIGKILL, SIGTERM, SIGUSR1 };
	int gate[2];

	for (size_t i = 0; i < 3; i++) {
		pid_t child = start_gated(gate, 0);

		watch(child);
		check_ok(kill(child, numbers[i]));
		expect_end(numbers[i]);
		close(gate[1]);
		free_process();
	}
}

/* A child that leaves a core, or would. */
static void
dumped(void)
{
	const struct rlimit none = { 0, 0 };
	int got = 0;
	pid_t child;

	child = start_fork();
	if (child == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)raise(SIGABRT);
		_exit(0);
	}
	watch(child);
	expect_told(ID);
	expect_nothing();
	check_eq(wait_process(&got), 1);
	check(WIFSIGNALED(got));
	check_eq(WTERMSIG(got), SIGABRT);
}

/* To stop and to go on is not to end. */
static void
stopped(void)
{
	siginfo_t info;
	int gate[2];
	pid_t child;

	child = start_gated(gate, 1);
	watch(child);
	check_ok(kill(child, SIGSTOP));
	check_ok(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT));
	check_eq(wait_process(NULL), 0);
	expect_nothing();
	check_ok(kill(child, SIGCONT));
	check_eq(wait_process(NULL), 0);
	let_end(gate);
	expect_end(1 << 8);
}

#ifdef __linux__
struct tracer {
	pid_t pid;
	int says, hears;
};

/* It seizes a child of another, sees it end, and holds it until it is told. */
static _Noreturn void
trace(pid_t child, int says, int hears, bool reaps)
{
	char answer = ptrace(PTRACE_SEIZE, child, NULL, NULL) < 0 ? 'n' : 'y';
	siginfo_t info;

	(void)!write(says, &answer, 1);
	if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT | __WALL) < 0)
		_exit(1);
	(void)!write(says, "e", 1);
	(void)!read(hears, &answer, 1);
	if (reaps)
		(void)waitpid(child, NULL, __WALL);
	_exit(0);
}

static void
expect_answer(const struct tracer *tracer, char expected)
{
	char answer;

	check_eq(read(tracer->says, &answer, 1), 1);
	check_eq(answer, expected);
}

static void
start_tracer(struct tracer *tracer, pid_t child, bool reaps)
{
	int says[2], hears[2];
	char answer;

	check_ok(pipe(says));
	check_ok(pipe(hears));
	fflush(stdout);
	tracer->pid = fork();
	check(tracer->pid >= 0);
	if (tracer->pid == 0) {
		close(says[0]);
		close(hears[1]);
		trace(child, says[1], hears[0], reaps);
	}
	close(says[1]);
	close(hears[0]);
	tracer->says = says[0];
	tracer->hears = hears[1];
	check_eq(read(tracer->says, &answer, 1), 1);
	if (answer == 'y')
		return;
	check_ok(kill(child, SIGKILL));
	check_ok(kill(tracer->pid, SIGKILL));
	reap(child);
	reap(tracer->pid);
	tap_skip("this system lets no process trace another's child");
}

static void
let_go(const struct tracer *tracer)
{
	let_end((int[]){ -1, tracer->hears });
	close(tracer->says);
	reap(tracer->pid);
}

/* How often it is said to have ended in this time, though it cannot be had. */
static int
count_events(int64_t span)
{
	int64_t end = miost_now() + span, left;
	int count = 0;

	while ((left = end - miost_now()) > 0) {
		if (poll_for(left) == 0)
			continue;
		count++;
		check_eq(f.events[0].id, ID);
		check_eq(wait_process(NULL), 0);
	}
	return count;
}

static void
held_by_tracer(bool reaps, bool watched_first)
{
	int gate[2], status = 0, ended = 0;
	struct tracer tracer;
	pid_t child;

	child = start_gated(gate, 6);
	if (watched_first)
		watch(child);
	start_tracer(&tracer, child, reaps);
	let_end(gate);
	expect_answer(&tracer, 'e');
	if (!watched_first)
		watch(child);
	check_eq(wait_process(&status), 0);
	check(count_events(500 * MS) <= 12);
	check_eq(wait_process(&status), 0);
	check_eq(status, 0);
	let_go(&tracer);
	while (ended == 0) {
		check_eq(poll_for(scaled(10 * SECOND)), 1);
		check_eq(f.events[0].id, ID);
		ended = wait_process(&status);
	}
	check_eq(ended, 1);
	check_eq(status, 6 << 8);
	check_eq(poll_for(100 * MS), 0);
	free_process();
}
#endif

/* Its parent cannot have it yet, and is told when it can. */
static void
traced(void)
{
#ifdef __linux__
	for (int i = 0; i < 4; i++)
		held_by_tracer(i & 1, i & 2);
#else
	tap_skip("the tracer of this test is Linux's");
#endif
}

/* One that is traced and let go before it ends is like any other. */
static void
traced_before(void)
{
#ifdef __linux__
	struct tracer tracer;
	int gate[2];
	pid_t child;

	child = start_gated(gate, 6);
	watch(child);
	start_tracer(&tracer, child, false);
	check_ok(kill(tracer.pid, SIGKILL));
	reap(tracer.pid);
	close(tracer.says);
	close(tracer.hears);
	expect_nothing();
	let_end(gate);
	expect_end(6 << 8);
#else
	tap_skip("the tracer of this test is Linux's");
#endif
}

static void
a_thousand(void)
{
	static struct miost_process *processes[MANY];
	static bool seen[MANY];
	miost_id started;
	int gate[2], left;

	need_descriptors(TAP_FDS - 1);
	memset(seen, 0, sizeof(seen));
	check_ok(pipe(gate));
	fflush(stdout);
	for (started = 0; started < MANY; started++) {
		pid_t child = fork();
		char byte;

		if (child == 0) {
			close(gate[1]);
			(void)!read(gate[0], &byte, 1);
			_exit((int)(started % 256));
		}
		if (child < 0)
			break;
		check_ok(miost_process_new(f.queue, child, started,
					   &processes[started]));
	}
	close_pair(gate);
	left = (int)started;
	while (left > 0) {
		int n = poll_for(MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++, left--) {
			miost_id id = f.events[i].id;
			int status;

			check(id < started);
			check(!seen[id]);
			seen[id] = true;
			check_eq(miost_process_wait(processes[id], &status),
				 1);
			check_eq(status, (int)(id % 256) << 8);
		}
	}
	expect_nothing();
	for (miost_id i = 0; i < started; i++)
		miost_process_free(processes[i]);
	check_eq(waitpid(-1, NULL, WNOHANG), -1);
	if (started < MANY)
		tap_skip("no more processes could be started, of a thousand");
}

/* Children of no concern stay as they are. */
static void
no_other_child(void)
{
	int watched[2], other[2], status;
	pid_t child, stranger;

	stranger = start_gated(other, 9);
	child = start_gated(watched, 8);
	let_end(other);
	await_end(stranger);
	watch(child);
	check_eq(wait_process(NULL), 0);
	let_end(watched);
	expect_end(8 << 8);
	free_process();
	check_eq(waitpid(stranger, &status, WNOHANG), stranger);
	check_eq(status, 9 << 8);
}

/* Something else in the program reaps it. */
static void
reaped_elsewhere(void)
{
	int gate[2];
	pid_t child;

	child = start_gated(gate, 0);
	watch(child);
	let_end(gate);
	reap(child);
	check_eq(wait_process(NULL), -ECHILD);
	expect_reaped();
	free_process();
	check_eq(miost_process_new(f.queue, child, ID, &f.process), -ESRCH);
}

static void
freed_early(void)
{
	int gate[2], status;
	pid_t child;

	child = start_gated(gate, 4);
	watch(child);
	free_process();
	miost_process_free(NULL);
	let_end(gate);
	await_end(child);
	expect_nothing();
	check_eq(reap(child), 4 << 8);

	/* And the queue before the process. */
	child = start_gated(gate, 4);
	watch(child);
	free_queue();
	let_end(gate);
	await_end(child);
	check_eq(wait_process(&status), 1);
	check_eq(status, 4 << 8);
}

/* A forked child has copies of it, when it is freed and the child ends. */
static void
freed_with_copies(void)
{
	int gate[2], holders[2];
	pid_t child, holder;

	child = start_gated(gate, 4);
	watch(child);
	holder = start_gated(holders, 0);
	free_process();
	let_end(gate);
	await_end(child);
	expect_nothing();
	reap(child);
	expect_nothing();
	let_end(holders);
	reap(holder);
}

/* A forked child frees its copies, and the parent's is as it was. */
static void
copies_freed(void)
{
	pid_t child, forked;
	int gate[2];

	child = start_gated(gate, 4);
	watch(child);
	forked = start_fork();
	if (forked == 0) {
		free_process();
		free_queue();
		_exit(0);
	}
	check_eq(reap(forked), 0);
	let_end(gate);
	expect_end(4 << 8);
}

/* With SIGCHLD ignored the system reaps children, and no status is left. */
static void
sigchld_ignored(void)
{
	int gate[2];
	pid_t child;

	child = start_gated(gate, 4);
	watch(child);
	check(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	let_end(gate);
	expect_reaped();
	while (wait_process(NULL) == 0)
		;
	check(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	check_eq(wait_process(NULL), -ECHILD);
}

static void
bad_pids(void)
{
	check_eq(miost_process_new(f.queue, 0, ID, &f.process), -EINVAL);
	check_eq(miost_process_new(f.queue, -1, ID, &f.process), -EINVAL);
	check_eq(miost_process_new(f.queue, getpid(), ID, &f.process), -ECHILD);
	check_eq(miost_process_new(f.queue, 1, ID, &f.process), -ECHILD);
	/* Above the highest that Linux gives. */
	check_eq(miost_process_new(f.queue, INT32_MAX, ID, &f.process), -ESRCH);
}

#ifdef SYS_gettid
struct thread {
	int ready, stop;
};

static void *
tell_number(void *arg)
{
	struct thread *thread = arg;
	pid_t number = (pid_t)syscall(SYS_gettid);

	(void)!write(thread->ready, &number, sizeof(number));
	(void)!read(thread->stop, &number, 1);
	return NULL;
}
#endif

/* The number of a thread, but for that of a program's first. */
static void
threads_number(void)
{
#ifdef SYS_gettid
	int ready[2], stop[2];
	struct thread thread;
	pthread_t id;
	pid_t number;

	if (!on_epoll())
		tap_skip("this backend knows no numbers of threads");
	check_ok(pipe(ready));
	check_ok(pipe(stop));
	thread.ready = ready[1];
	thread.stop = stop[0];
	check_ok(pthread_create(&id, NULL, tell_number, &thread));
	check_eq(read(ready[0], &number, sizeof(number)), sizeof(number));
	check_eq(miost_process_new(f.queue, number, ID, &f.process), -ESRCH);
	check_eq(write(stop[1], "", 1), 1);
	check_ok(pthread_join(id, NULL));
	close_pair(ready);
	close_pair(stop);
#else
	tap_skip("on this system threads have no numbers among processes");
#endif
}

/* A child that ends without a signal is not one that is waited for. */
static void
no_exit_signal(void)
{
#if defined(SYS_clone) && defined(__WALL)
	pid_t child;

	if (!on_epoll())
		tap_skip("this backend has no way to tell");
	fflush(stdout);
	child = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	check(child >= 0);
	if (child == 0)
		_exit(0);
	check_eq(miost_process_new(f.queue, child, ID, &f.process), -ECHILD);
	check_eq(waitpid(child, NULL, __WALL), child);
#else
	tap_skip("on this system all children end with a signal");
#endif
}

static void
no_descriptors(void)
{
	struct rlimit old;
	int gate[2];
	pid_t child;

	need_limit();
	child = start_gated(gate, 0);
	forbid_descriptors(&old);
	check_eq(miost_process_new(f.queue, child, ID, &f.process), -EMFILE);
	allow_descriptors(&old);
	let_end(gate);
	reap(child);
}

static const struct tap_test tests[] = {
	{ "a child that ends", ends_after },
	{ "a child that has ended", ended_before },
	{ "children that end meanwhile", ends_meanwhile },
	{ "killed: the status says by what", killed },
	{ "aborted", dumped },
	{ "to stop is not to end", stopped },
	{ "traced: an event once it can be waited for", traced },
	{ "traced for a while", traced_before },
	{ "a thousand at once", a_thousand },
	{ "no other child is reaped", no_other_child },
	{ "reaped by something else: -ECHILD", reaped_elsewhere },
	{ "freed before the child ends, or after the queue", freed_early },
	{ "freed while a forked child has copies", freed_with_copies },
	{ "a forked child frees its own", copies_freed },
	{ "SIGCHLD ignored: -ECHILD", sigchld_ignored },
	{ "no pid, no child, no process: -EINVAL, -ECHILD, -ESRCH", bad_pids },
	{ "the number of a thread: -ESRCH", threads_number },
	{ "a child without an exit signal: -ECHILD", no_exit_signal },
	{ "no descriptor left: -EMFILE", no_descriptors },
};

TAP_MAIN_WITH(tests, set_up_processes, tear_down)
