/* SPDX-License-Identifier: MIT */
/* Sets of signals, and the mask of the calling thread. */
#include "config.h"

#include <errno.h>

#include "signals.h"

/*
 * Numbers that are no signals are in no set. FreeBSD's NSIG leaves out those of
 * real time.
 */
#ifdef _SIG_MAXSIG
#define LAST_SIGNAL _SIG_MAXSIG
#elif defined(NSIG)
#define LAST_SIGNAL (NSIG - 1)
#else
#define LAST_SIGNAL 127
#endif

int
miost_signal_set_next(const sigset_t *set, int after)
{
	for (int n = after < 0 ? 0 : after; n < LAST_SIGNAL;)
		if (sigismember(set, ++n) == 1)
			return n;
	return 0;
}

int
miost_signal_set_size(const sigset_t *set)
{
	int size = 0;

	for (int n = 0; (n = miost_signal_set_next(set, n)) != 0;)
		size++;
	return size;
}

bool
miost_signal_set_contains(const sigset_t *set, const sigset_t *other)
{
	for (int n = 0; (n = miost_signal_set_next(other, n)) != 0;)
		if (sigismember(set, n) != 1)
			return false;
	return true;
}

int
miost__signals_block(const sigset_t *set, sigset_t *blocked)
{
	sigset_t old;
	int err;

	if (miost_signal_set_next(set, 0) == 0 ||
	    sigismember(set, SIGKILL) == 1 || sigismember(set, SIGSTOP) == 1)
		return -EINVAL;
	err = pthread_sigmask(SIG_BLOCK, set, &old);
	if (err != 0)
		return -err;
	sigemptyset(blocked);
	for (int n = 0; (n = miost_signal_set_next(set, n)) != 0;)
		if (sigismember(&old, n) != 1)
			sigaddset(blocked, n);
	return 0;
}

void
miost__signals_unblock(const sigset_t *blocked)
{
	/* Fails only for a `how` that does not exist. */
	(void)pthread_sigmask(SIG_UNBLOCK, blocked, NULL);
}
