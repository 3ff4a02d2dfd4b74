/* SPDX-License-Identifier: MIT */
/* Pipes. */
#include <limits.h>
#include <stdint.h>

#include "util.h"

static void
read_and_write(void)
{
	char buf[8];
	int fds[2];

	check_ok(miost_pipe(fds));
	for (int i = 0; i < 2; i++) {
		check(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		check(fcntl(fds[i], F_GETFL) & O_NONBLOCK);
	}
	check_eq(miost_pipe_read(fds[0], buf, 8), -EAGAIN);
	check_eq(miost_pipe_read(fds[0], buf, 0), 0);
	check_eq(miost_pipe_readv(fds[0], NULL, 0), 0);
	errno = EINTR;
	check_eq(miost_pipe_write(fds[1], "", 0), 0);
	check_eq(miost_pipe_write(fds[1], "hello", 5), 5);
	check_eq(miost_pipe_write(fds[1], "you", 3), 3);
	check_eq(miost_pipe_read(fds[0], buf, 2), 2);
	check_eq(miost_pipe_read(fds[0], buf + 2, 6), 6);
	check(memcmp(buf, "helloyou", 8) == 0);
	close(fds[1]);
	errno = EINTR;	/* of an earlier call */
	check_eq(miost_pipe_read(fds[0], buf, 8), 0);
	close(fds[0]);
}

static void
vectors(void)
{
	char a[2], b[8];
	struct iovec out[3] = { { (char[]){ "he" }, 2 },
				{ (char[]){ "" }, 0 },
				{ (char[]){ "llo" }, 3 } };
	struct iovec in[2] = { { a, 2 }, { b, 8 } };
	int fds[2];

	check_ok(miost_pipe(fds));
	check_eq(miost_pipe_readv(fds[0], in, 2), -EAGAIN);
	check_eq(miost_pipe_writev(fds[1], out, 3), 5);
	check_eq(miost_pipe_readv(fds[0], in, 2), 5);
	check(memcmp(a, "he", 2) == 0);
	check(memcmp(b, "llo", 3) == 0);
	/* valgrind would look at all of them. */
	if (getenv("MIOST_TEST_RUN") == NULL) {
		check_eq(miost_pipe_readv(fds[0], in, -1), -EINVAL);
		check_eq(miost_pipe_writev(fds[1], out, -1), -EINVAL);
		check_eq(miost_pipe_readv(fds[0], in, INT_MAX), -EINVAL);
		check_eq(miost_pipe_writev(fds[1], out, INT_MAX), -EINVAL);
	}
	errno = EINTR;
	check_eq(miost_pipe_writev(fds[1], NULL, 0), 0);
	close(fds[1]);
	errno = EINTR;
	check_eq(miost_pipe_readv(fds[0], in, 2), 0);
	close(fds[0]);
}

static void
full(void)
{
	static char block[PIPE_BUF];
	struct iovec part = { block, sizeof(block) };
	int fds[2], blocks = 0;

	check_ok(miost_pipe(fds));
	while (miost_pipe_write(fds[1], block, sizeof(block)) > 0)
		blocks++;
	check(blocks > 0);
	check_eq(miost_pipe_write(fds[1], block, sizeof(block)), -EAGAIN);
	check_eq(miost_pipe_writev(fds[1], &part, 1), -EAGAIN);
	for (; blocks > 0; blocks--)
		check_eq(miost_pipe_read(fds[0], block, sizeof(block)),
			 (ssize_t)sizeof(block));
	check_eq(miost_pipe_read(fds[0], block, sizeof(block)), -EAGAIN);
	close_pair(fds);
}

static void
without_reader(void)
{
	struct iovec part = { (char[]){ "x" }, 1 };
	int fds[2];

	check(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	check_ok(miost_pipe(fds));
	close(fds[0]);
	check_eq(miost_pipe_write(fds[1], "x", 1), -EPIPE);
	check_eq(miost_pipe_writev(fds[1], &part, 1), -EPIPE);
	close(fds[1]);
	check(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
}

static volatile sig_atomic_t raised;

static void
on_sigpipe(int number)
{
	raised = number;
}

/* Raised as by write(2), but where the pipe was told not to. */
static void
sigpipe(void)
{
	struct sigaction action = { .sa_handler = on_sigpipe }, old;
	int fds[2];

	raised = 0;
	check_ok(sigaction(SIGPIPE, &action, &old));
	check_ok(miost_pipe(fds));
	close(fds[0]);
	check_eq(miost_pipe_write(fds[1], "x", 1), -EPIPE);
#ifdef __linux__
	check_eq(raised, SIGPIPE);
#elif defined(__APPLE__) || defined(__NetBSD__)
	check_eq(raised, 0);
#endif
	close(fds[1]);

	/* Of a socket, too, whose own calls never raise it. */
	raised = 0;
	check_ok(miost_unix_pair(SOCK_STREAM, fds));
	close(fds[0]);
	check_eq(miost_socket_write(fds[1], "x", 1), -EPIPE);
	check_eq(raised, 0);
	check_eq(miost_pipe_write(fds[1], "x", 1), -EPIPE);
#ifdef __linux__
	check_eq(raised, SIGPIPE);
#endif
	check_ok(sigaction(SIGPIPE, &old, NULL));
	close(fds[1]);
}

static void
wrong_end(void)
{
	struct iovec part = { (char[]){ "x" }, 1 };
	char buf[1];
	int fds[2];

	check_ok(miost_pipe(fds));
	for (int i = 0; i < 2; i++) {
		int to_read = i ? -1 : fds[1], to_write = i ? -1 : fds[0];

#ifndef __linux__
		if (i == 0)
			continue;	/* may go both ways */
#endif
		check_eq(miost_pipe_read(to_read, buf, 1), -EBADF);
		check_eq(miost_pipe_readv(to_read, &part, 1), -EBADF);
		check_eq(miost_pipe_write(to_write, "x", 1), -EBADF);
		check_eq(miost_pipe_writev(to_write, &part, 1), -EBADF);
	}
	close_pair(fds);
}

static const struct tap_test tests[] = {
	{ "read and write", read_and_write },
	{ "vectors", vectors },
	{ "a full pipe: -EAGAIN", full },
	{ "no reader: -EPIPE", without_reader },
	{ "SIGPIPE is raised where the system cannot be told", sigpipe },
	{ "the wrong end, or none: -EBADF", wrong_end },
};

TAP_MAIN(tests)
