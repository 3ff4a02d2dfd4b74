/* SPDX-License-Identifier: MIT */
/* The end of child processes. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif
#include <sys/wait.h>

#include "util.h"

enum { ID = 5, MANY = 1000 };

struct fixture {
	struct miost_os_queue *queue;
	struct miost_event storage[8];
};

/*
 * Whether children can be watched here at all. Asked of one, since a kernel or
 * a sandbox may refuse what the library was built for.
 */
static void
need_processes(void)
{
	struct miost_os_queue *queue;
	struct miost_process *process;
	pid_t child;
	int err;

	if (!on_epoll() && getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind looks for leaks in children, too, and "
			 "changes how they end");
	check_ok(miost_os_queue_new(&queue));
	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child == 0)
		_exit(0);
	err = miost_process_new(queue, child, 0, &process);
	if (err == 0)
		miost_process_free(process);
	check_eq(waitpid(child, NULL, 0), child);
	miost_os_queue_free(queue);
	if (err == -ENOTSUP)
		tap_skip("this system has no pidfd_open and waitid(P_PIDFD)");
	check_ok(err);
	check(miost_has(MIOST_FEATURE_PROCESS));
}

static void
make_fixture(struct fixture *f)
{
	need_processes();
	check_ok(miost_os_queue_new(&f->queue));
}

/* Waits until it has ended, and leaves it to be reaped. */
static void
await_end(pid_t child)
{
	siginfo_t info;

	check_ok(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
}

static int
poll_for(struct fixture *f, int64_t timeout)
{
	return miost_os_queue_poll(f->queue, f->storage, 8, timeout);
}

static void
expect(struct fixture *f)
{
	check_eq(poll_for(f, MIOST_FOREVER), 1);
	check_eq(f->storage[0].id, ID);
	check_eq(f->storage[0].readiness, MIOST_READABLE);
	check_eq(poll_for(f, 0), 0);
}

/* Of a child that others reap: one event of its end, and one of that. */
static void
expect_reaped(struct fixture *f)
{
	const miost_ready others = MIOST_HUP | MIOST_READ_CLOSED |
				   MIOST_WRITE_CLOSED;
	int count = 0;

	check_eq(poll_for(f, MIOST_FOREVER), 1);
	do {
		check_eq(f->storage[0].id, ID);
		check_eq(f->storage[0].readiness & ~others, MIOST_READABLE);
		check(++count <= 2);
	} while (poll_for(f, 100 * MS) > 0);
}

/* It ends, is reaped with its status, and that is all. */
static void
expect_end(struct fixture *f, struct miost_process *process, int status)
{
	int got = -1;

	expect(f);
	check_eq(miost_process_wait(process, &got), 1);
	check_eq(got, status);
	check_eq(miost_process_wait(process, &got), -ECHILD);
	check_eq(miost_process_wait(process, NULL), -ECHILD);
	check_eq(got, status);
	check_eq(poll_for(f, 0), 0);
}

static void
ends_after(void)
{
	struct miost_process *process;
	struct fixture f;
	int gate[2], got = 77;
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 3);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	check_eq(miost_process_wait(process, &got), 0);
	check_eq(got, 77);
	check_eq(miost_process_wait(process, NULL), 0);
	check_eq(poll_for(&f, 0), 0);
	let_end(gate);
	expect_end(&f, process, 3 << 8);
	check_eq(waitpid(child, NULL, WNOHANG), -1);
	check_eq(errno, ECHILD);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
}

static void
ended_before(void)
{
	struct miost_process *process;
	struct fixture f;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 255);
	let_end(gate);
	await_end(child);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	expect_end(&f, process, 255 << 8);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
}

/* As near to it as can be had: they end while they are watched. */
static void
ends_meanwhile(void)
{
	struct miost_process *process;
	struct fixture f;

	make_fixture(&f);
	for (int i = 0; i < 200; i++) {
		pid_t child;

		fflush(stdout);
		child = fork();
		check(child >= 0);
		if (child == 0)
			_exit(i % 100);
		check_ok(miost_process_new(f.queue, child, ID, &process));
		expect_end(&f, process, i % 100 << 8);
		miost_process_free(process);
	}
	miost_os_queue_free(f.queue);
}

static void
killed(void)
{
	static const int numbers[] = { SIGKILL, SIGTERM, SIGUSR1 };
	struct miost_process *process;
	struct fixture f;
	int gate[2];

	make_fixture(&f);
	for (size_t i = 0; i < 3; i++) {
		pid_t child = start_gated(gate, 0);

		check_ok(miost_process_new(f.queue, child, ID, &process));
		check_ok(kill(child, numbers[i]));
		expect_end(&f, process, numbers[i]);
		close(gate[1]);
		miost_process_free(process);
	}
	miost_os_queue_free(f.queue);
}

/* A child that leaves a core, or would. */
static void
dumped(void)
{
	const struct rlimit none = { 0, 0 };
	struct miost_process *process;
	struct fixture f;
	int got = 0;
	pid_t child;

	make_fixture(&f);
	fflush(stdout);
	child = fork();
	check(child >= 0);
	if (child == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		(void)raise(SIGABRT);
		_exit(0);
	}
	check_ok(miost_process_new(f.queue, child, ID, &process));
	expect(&f);
	check_eq(miost_process_wait(process, &got), 1);
	check(WIFSIGNALED(got));
	check_eq(WTERMSIG(got), SIGABRT);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
}

/* To stop and to go on is not to end. */
static void
stopped(void)
{
	struct miost_process *process;
	struct fixture f;
	siginfo_t info;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 1);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	check_ok(kill(child, SIGSTOP));
	check_ok(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT));
	check_eq(miost_process_wait(process, NULL), 0);
	check_eq(poll_for(&f, 0), 0);
	check_ok(kill(child, SIGCONT));
	check_eq(miost_process_wait(process, NULL), 0);
	let_end(gate);
	expect_end(&f, process, 1 << 8);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
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
	check_eq(waitpid(child, NULL, 0), child);
	check_eq(waitpid(tracer->pid, NULL, 0), tracer->pid);
	tap_skip("this system lets no process trace another's child");
}

static void
let_go(const struct tracer *tracer)
{
	let_end((int[]){ -1, tracer->hears });
	close(tracer->says);
	check_eq(waitpid(tracer->pid, NULL, 0), tracer->pid);
}

/* How often it is said to have ended in this time, though it cannot be had. */
static int
count_events(struct fixture *f, struct miost_process *process, int64_t span)
{
	int64_t end = miost_now() + span, left;
	int count = 0;

	while ((left = end - miost_now()) > 0) {
		if (poll_for(f, left) == 0)
			continue;
		count++;
		check_eq(f->storage[0].id, ID);
		check_eq(miost_process_wait(process, NULL), 0);
	}
	return count;
}

static void
held_by_tracer(bool reaps, bool watched_first)
{
	struct miost_process *process;
	int gate[2], status = 0, ended = 0;
	struct tracer tracer;
	struct fixture f;
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 6);
	if (watched_first)
		check_ok(miost_process_new(f.queue, child, ID, &process));
	start_tracer(&tracer, child, reaps);
	let_end(gate);
	expect_answer(&tracer, 'e');
	if (!watched_first)
		check_ok(miost_process_new(f.queue, child, ID, &process));
	check_eq(miost_process_wait(process, &status), 0);
	check(count_events(&f, process, 500 * MS) <= 12);
	check_eq(miost_process_wait(process, &status), 0);
	check_eq(status, 0);
	let_go(&tracer);
	while (ended == 0) {
		check_eq(poll_for(&f, scaled(10 * SECOND)), 1);
		check_eq(f.storage[0].id, ID);
		ended = miost_process_wait(process, &status);
	}
	check_eq(ended, 1);
	check_eq(status, 6 << 8);
	check_eq(poll_for(&f, 100 * MS), 0);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
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
	struct miost_process *process;
	struct tracer tracer;
	struct fixture f;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 6);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	start_tracer(&tracer, child, false);
	check_ok(kill(tracer.pid, SIGKILL));
	check_eq(waitpid(tracer.pid, NULL, 0), tracer.pid);
	close(tracer.says);
	close(tracer.hears);
	check_eq(poll_for(&f, 0), 0);
	let_end(gate);
	expect_end(&f, process, 6 << 8);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
#else
	tap_skip("the tracer of this test is Linux's");
#endif
}

static void
a_thousand(void)
{
	static struct miost_process *processes[MANY];
	static bool seen[MANY];
	struct fixture f;
	miost_id started;
	int gate[2], left;

	need_descriptors(TAP_FDS - 1);
	make_fixture(&f);
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
		int n = poll_for(&f, MIOST_FOREVER);

		check(n > 0);
		for (int i = 0; i < n; i++, left--) {
			miost_id id = f.storage[i].id;
			int status;

			check(id < started);
			check(!seen[id]);
			seen[id] = true;
			check_eq(miost_process_wait(processes[id], &status),
				 1);
			check_eq(status, (int)(id % 256) << 8);
		}
	}
	check_eq(poll_for(&f, 0), 0);
	for (miost_id i = 0; i < started; i++)
		miost_process_free(processes[i]);
	check_eq(waitpid(-1, NULL, WNOHANG), -1);
	miost_os_queue_free(f.queue);
	if (started < MANY)
		tap_skip("no more processes could be started, of a thousand");
}

/* Children of no concern stay as they are. */
static void
no_other_child(void)
{
	struct miost_process *process;
	int watched[2], other[2], status;
	pid_t child, stranger;
	struct fixture f;

	make_fixture(&f);
	stranger = start_gated(other, 9);
	child = start_gated(watched, 8);
	let_end(other);
	await_end(stranger);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	check_eq(miost_process_wait(process, NULL), 0);
	let_end(watched);
	expect_end(&f, process, 8 << 8);
	miost_process_free(process);
	check_eq(waitpid(stranger, &status, WNOHANG), stranger);
	check_eq(status, 9 << 8);
	miost_os_queue_free(f.queue);
}

/* Something else in the program reaps it. */
static void
reaped_elsewhere(void)
{
	struct miost_process *process;
	struct fixture f;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 0);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	let_end(gate);
	check_eq(waitpid(child, NULL, 0), child);
	check_eq(miost_process_wait(process, NULL), -ECHILD);
	expect_reaped(&f);
	miost_process_free(process);
	check_eq(miost_process_new(f.queue, child, ID, &process), -ESRCH);
	miost_os_queue_free(f.queue);
}

static void
freed_early(void)
{
	struct miost_process *process;
	int gate[2], status;
	struct fixture f;
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 4);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	miost_process_free(process);
	miost_process_free(NULL);
	let_end(gate);
	await_end(child);
	check_eq(poll_for(&f, 0), 0);
	check_eq(waitpid(child, &status, 0), child);
	check_eq(status, 4 << 8);

	/* And the queue before the process. */
	child = start_gated(gate, 4);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	miost_os_queue_free(f.queue);
	let_end(gate);
	await_end(child);
	check_eq(miost_process_wait(process, &status), 1);
	check_eq(status, 4 << 8);
	miost_process_free(process);
}

/* A forked child has copies of it, when it is freed and the child ends. */
static void
freed_with_copies(void)
{
	struct miost_process *process;
	int gate[2], holders[2];
	struct fixture f;
	pid_t child, holder;

	make_fixture(&f);
	child = start_gated(gate, 4);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	holder = start_gated(holders, 0);
	miost_process_free(process);
	let_end(gate);
	await_end(child);
	check_eq(poll_for(&f, 0), 0);
	check_eq(waitpid(child, NULL, 0), child);
	check_eq(poll_for(&f, 0), 0);
	let_end(holders);
	check_eq(waitpid(holder, NULL, 0), holder);
	miost_os_queue_free(f.queue);
}

/* A forked child frees its copies, and the parent's is as it was. */
static void
copies_freed(void)
{
	struct miost_process *process;
	pid_t child, forked;
	struct fixture f;
	int gate[2], status;

	make_fixture(&f);
	child = start_gated(gate, 4);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	fflush(stdout);
	forked = fork();
	check(forked >= 0);
	if (forked == 0) {
		miost_process_free(process);
		miost_os_queue_free(f.queue);
		_exit(0);
	}
	check_eq(waitpid(forked, &status, 0), forked);
	check_eq(status, 0);
	let_end(gate);
	expect_end(&f, process, 4 << 8);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
}

/* With SIGCHLD ignored the system reaps children, and no status is left. */
static void
sigchld_ignored(void)
{
	struct miost_process *process;
	struct fixture f;
	int gate[2];
	pid_t child;

	make_fixture(&f);
	child = start_gated(gate, 4);
	check_ok(miost_process_new(f.queue, child, ID, &process));
	check(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	let_end(gate);
	expect_reaped(&f);
	while (miost_process_wait(process, NULL) == 0)
		;
	check(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	check_eq(miost_process_wait(process, NULL), -ECHILD);
	miost_process_free(process);
	miost_os_queue_free(f.queue);
}

static void
bad_pids(void)
{
	struct miost_process *process;
	struct fixture f;

	make_fixture(&f);
	check_eq(miost_process_new(f.queue, 0, ID, &process), -EINVAL);
	check_eq(miost_process_new(f.queue, -1, ID, &process), -EINVAL);
	check_eq(miost_process_new(f.queue, getpid(), ID, &process), -ECHILD);
	check_eq(miost_process_new(f.queue, 1, ID, &process), -ECHILD);
	/* Above the highest that Linux gives. */
	check_eq(miost_process_new(f.queue, INT32_MAX, ID, &process), -ESRCH);
	miost_os_queue_free(f.queue);
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
	struct miost_process *process;
	int ready[2], stop[2];
	struct thread thread;
	struct fixture f;
	pthread_t id;
	pid_t number;

	if (strcmp(miost_backend(), "epoll") != 0)
		tap_skip("this backend knows no numbers of threads");
	make_fixture(&f);
	check_ok(pipe(ready));
	check_ok(pipe(stop));
	thread.ready = ready[1];
	thread.stop = stop[0];
	check_ok(pthread_create(&id, NULL, tell_number, &thread));
	check_eq(read(ready[0], &number, sizeof(number)), sizeof(number));
	check_eq(miost_process_new(f.queue, number, ID, &process), -ESRCH);
	check_eq(write(stop[1], "", 1), 1);
	check_ok(pthread_join(id, NULL));
	close_pair(ready);
	close_pair(stop);
	miost_os_queue_free(f.queue);
#else
	tap_skip("on this system threads have no numbers among processes");
#endif
}

/* A child that ends without a signal is not one that is waited for. */
static void
no_exit_signal(void)
{
#if defined(SYS_clone) && defined(__WALL)
	struct miost_process *process;
	struct fixture f;
	pid_t child;

	if (strcmp(miost_backend(), "epoll") != 0)
		tap_skip("this backend has no way to tell");
	make_fixture(&f);
	fflush(stdout);
	child = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	check(child >= 0);
	if (child == 0)
		_exit(0);
	check_eq(miost_process_new(f.queue, child, ID, &process), -ECHILD);
	check_eq(waitpid(child, NULL, __WALL), child);
	miost_os_queue_free(f.queue);
#else
	tap_skip("on this system all children end with a signal");
#endif
}

static void
no_descriptors(void)
{
	struct miost_process *process;
	struct rlimit limit, old;
	struct fixture f;
	int gate[2];
	pid_t child;

	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind keeps a limit of its own");
	make_fixture(&f);
	child = start_gated(gate, 0);
	check_ok(getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = 0;
	check_ok(setrlimit(RLIMIT_NOFILE, &limit));
	check_eq(miost_process_new(f.queue, child, ID, &process), -EMFILE);
	check_ok(setrlimit(RLIMIT_NOFILE, &old));
	let_end(gate);
	check_eq(waitpid(child, NULL, 0), child);
	miost_os_queue_free(f.queue);
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

TAP_MAIN(tests)
