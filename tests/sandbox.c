/* SPDX-License-Identifier: MIT */
/*
 * Sandboxes: system calls that are refused, with errors that the calls
 * themselves never give. What has another way takes it; all else fails with the
 * error, and leaves nothing behind.
 */
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

#include "util.h"

#if defined(__linux__) && defined(SECCOMP_MODE_FILTER) && \
	defined(SECCOMP_RET_ERRNO)

enum { MOST = 2, CANNOT = -1 };

static const int errors[] = { EPERM, ENOSYS, EACCES, EINVAL, EOPNOTSUPP };
enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

/* From now on these calls of the process fail with the error. */
static bool
refuse(const long calls[MOST], int error)
{
	struct sock_filter code[2 * MOST + 2];
	struct sock_fprog program = { .filter = code };

	code[program.len++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < MOST; i++) {
		if (calls[i] < 0)
			continue;
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)calls[i], 0,
			1);
		code[program.len++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K,
			SECCOMP_RET_ERRNO | (unsigned int)error);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(
		BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Runs in a child without the calls; returns the line that failed, or 0. */
typedef int body(int error);

#define want(condition) \
	do \
		if (!(condition)) \
			return __LINE__; \
	while (0)

static int
count_open(void)
{
	int count = 0;

	for (int fd = 0; fd < TAP_FDS; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Without a check, which would go on in the parent's place. */
static bool
is_readable(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, (int)(scaled(10 * SECOND) / MS)) == 1;
}

static int
run_refused(const long calls[MOST], int error, body *run)
{
	int line = CANNOT;
	int before;

	if (!refuse(calls, error))
		return line;
	before = count_open();
	line = run(error);
	return line == 0 && count_open() != before ? __LINE__ : line;
}

static void
without(long call, long other, body *run, int error)
{
	const long calls[MOST] = { call, other };
	int line, fds[2];
	pid_t child;

	check_ok(pipe(fds));
	child = start_fork();
	if (child == 0) {
		line = run_refused(calls, error, run);
		(void)!write(fds[1], &line, sizeof(line));
		_exit(0);
	}
	close(fds[1]);
	check_eq(read(fds[0], &line, sizeof(line)), sizeof(line));
	close(fds[0]);
	reap(child);
	if (line == CANNOT)
		tap_skip("this system does not let a process filter its "
			 "system calls");
	if (line != 0)
		tap_fail(__FILE__, line, "not so when refused with %s",
			 strerror(error));
}

static void
without_any_way(long call, long other, body *run)
{
	for (int i = 0; i < ERRORS; i++)
		without(call, other, run, errors[i]);
}

/* Not every architecture has the older of two calls. */
#ifdef SYS_eventfd
#define OLD_EVENTFD SYS_eventfd
#else
#define OLD_EVENTFD (-1)
#endif
#ifdef SYS_signalfd
#define OLD_SIGNALFD SYS_signalfd
#else
#define OLD_SIGNALFD (-1)
#endif
#ifdef SYS_pipe
#define OLD_PIPE SYS_pipe
#else
#define OLD_PIPE (-1)
#endif
#ifdef SYS_accept
#define OLD_ACCEPT SYS_accept
#else
#define OLD_ACCEPT (-1)
#endif

#ifdef SYS_epoll_pwait2
static int
wait_coarsely(int error)
{
	struct miost_os_queue *queue;
	struct miost_event event;
	int64_t start;

	(void)error;
	want(miost_os_queue_new(&queue) == 0);
	for (int i = 0; i < 3; i++) {
		start = miost_now();
		want(miost_os_queue_poll(queue, &event, 1, MS / 2) == 0);
		want(miost_now() - start >= MS / 2);
	}
	miost_os_queue_free(queue);
	return 0;
}
#endif

static void
precise_wait(void)
{
#ifdef SYS_epoll_pwait2
	if (!on_epoll())
		tap_skip("kqueue is the double's");
	without_any_way(SYS_epoll_pwait2, -1, wait_coarsely);
#else
	tap_skip("the system's headers do not know the call");
#endif
}

#if defined(SYS_pidfd_open) && defined(SYS_waitid)
static int
no_process(int error)
{
	struct miost_process *process;
	struct miost_os_queue *queue;
	int status = 0;
	pid_t child;

	(void)error;
	want(miost_os_queue_new(&queue) == 0);
	child = fork();
	want(child >= 0);
	if (child == 0)
		_exit(3);
	want(miost_process_new(queue, child, 1, &process) == -ENOTSUP);
	/* It was left as it is. */
	want(waitpid(child, &status, 0) == child);
	want(WIFEXITED(status));
	miost_os_queue_free(queue);
	return 0;
}
#endif

#if defined(SYS_pidfd_open) && defined(SYS_waitid)
/* A child from before the sandbox, which refuses to say how it ended. */
static struct {
	struct miost_os_queue *queue;
	struct miost_process *process;
} before;

static int
no_wait(int error)
{
	int status = 77;

	(void)error;
	want(miost_process_wait(before.process, &status) == -ENOTSUP);
	want(status == 77);
	return 0;
}

/* The filter's process is the child's parent. */
static int
no_wait_from_now(int error)
{
	const long calls[MOST] = { SYS_waitid, -1 };
	pid_t child = fork();
	int err, line;

	want(child >= 0);
	if (child == 0)
		_exit(3);
	want(miost_os_queue_new(&before.queue) == 0);
	err = miost_process_new(before.queue, child, 1, &before.process);
	want(err == 0 || err == -ENOTSUP);
	line = err < 0 ? 0 : run_refused(calls, error, no_wait);
	want(line == 0 || line == CANNOT);
	want(waitpid(child, NULL, 0) == child);
	if (err == 0)
		miost_process_free(before.process);
	miost_os_queue_free(before.queue);
	return line;
}
#endif

static void
processes(void)
{
#if defined(SYS_pidfd_open) && defined(SYS_waitid)
	if (!on_epoll())
		tap_skip("kqueue is the double's");
	without_any_way(SYS_pidfd_open, -1, no_process);
	without_any_way(SYS_waitid, -1, no_process);
	without_any_way(-1, -1, no_wait_from_now);
#else
	tap_skip("the system's headers do not know the calls");
#endif
}

static int
no_waker(int error)
{
	struct miost_os_queue *queue;
	struct miost_waker *waker;

	want(miost_os_queue_new(&queue) == 0);
	want(miost_waker_new(queue, 1, &waker) == -error);
	miost_os_queue_free(queue);
	return 0;
}

static void
wakers(void)
{
	if (miost_has(MIOST_FEATURE_WAKER_EVENTFD))
		without_any_way(SYS_eventfd2, OLD_EVENTFD, no_waker);
	else if (miost_has(MIOST_FEATURE_WAKER_PIPE))
		without_any_way(SYS_pipe2, OLD_PIPE, no_waker);
	else
		tap_skip("wakers are the double's");
}

static int
no_signals(int error)
{
	struct miost_os_queue *queue;
	struct miost_signals *signals;
	sigset_t set, mask;

	set = set_of_one(SIGUSR1);
	want(miost_os_queue_new(&queue) == 0);
	want(miost_signals_new(queue, &set, 1, &signals) == -error);
	want(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
	want(sigismember(&mask, SIGUSR1) == 0);
	miost_os_queue_free(queue);
	return 0;
}

static void
signals(void)
{
	if (!on_epoll())
		tap_skip("kqueue is the double's");
	without_any_way(SYS_signalfd4, OLD_SIGNALFD, no_signals);
}

static int
no_pipe(int error)
{
	int fds[2] = { -2, -2 };

	want(miost_pipe(fds) == -error);
	want(fds[0] == -2 && fds[1] == -2);
	return 0;
}

static void
pipes(void)
{
	without_any_way(SYS_pipe2, OLD_PIPE, no_pipe);
}

#if defined(SYS_accept4) && !defined(SYS_socketcall)
static int
no_accept(int error)
{
	struct miost_addr addr;
	int listener, client;

	want(miost_addr_parse("127.0.0.1:0", &addr) == 0);
	listener = miost_tcp_listen(&addr);
	want(listener >= 0);
	want(miost_socket_local_addr(listener, &addr) == 0);
	client = miost_tcp_connect(&addr);
	want(client >= 0);
	want(is_readable(listener));
	want(miost_socket_accept(listener, NULL) == -error);
	/* It goes on waiting to be accepted. */
	want(is_readable(listener));
	close(client);
	close(listener);
	return 0;
}
#endif

static void
accepting(void)
{
#if defined(SYS_accept4) && !defined(SYS_socketcall)
	without_any_way(SYS_accept4, OLD_ACCEPT, no_accept);
#else
	tap_skip("this architecture may have one call for all of sockets");
#endif
}

#if defined(SYS_recvmmsg) && defined(SYS_sendmmsg)
static int
no_many(int error)
{
	struct miost_datagram datagram = { .data = (char[]){ 'x' }, .len = 1 };
	int fds[2], n;

	want(miost_unix_pair(SOCK_DGRAM, fds) == 0);
	/* Where they were not found, one goes at a time, and it goes. */
	n = miost_socket_send_many(fds[0], &datagram, 1);
	want(n == -error || n == 1);
	want(n == 1 || miost_socket_write(fds[0], "x", 1) == 1);
	want(is_readable(fds[1]));
	n = miost_socket_recv_many(fds[1], &datagram, 1);
	want(n == -error || n == 1);
	want(n == 1 || miost_socket_read(fds[1], datagram.data, 1) == 1);
	close_pair(fds);
	return 0;
}
#endif

static void
many_at_once(void)
{
#if defined(SYS_recvmmsg) && defined(SYS_sendmmsg)
	without_any_way(SYS_recvmmsg, SYS_sendmmsg, no_many);
#else
	tap_skip("the system's headers do not know the calls");
#endif
}

static const struct tap_test tests[] = {
	{ "no recvmmsg, no sendmmsg: what came stays", many_at_once },
	{ "no precise wait: a coarse one", precise_wait },
	{ "no pidfd_open, no waitid: -ENOTSUP", processes },
	{ "no eventfd, or no pipe: no waker", wakers },
	{ "no signalfd: no signals, the mask as it was", signals },
	{ "no pipe2: no pipe", pipes },
	{ "no accept4: the connection goes on waiting", accepting },
};

#else

static void
no_filters(void)
{
	tap_skip("this system has no seccomp(2)");
}

static const struct tap_test tests[] = {
	{ "refused system calls", no_filters },
};

#endif

TAP_MAIN(tests)
