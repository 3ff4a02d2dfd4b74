/* SPDX-License-Identifier: MIT */
/* Signals: sets, the calling thread's mask, and code that all systems share. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "../cancel.h"
#include "../core/probes.h"
#include "signals.h"

/*
 * The highest signal number, or a higher one: sigismember(3) never returns 1
 * for a number that is not a signal. FreeBSD's NSIG leaves out the real-time
 * signals.
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

/* Blocks the signals for the calling thread, and records which were not. */
static int
block(struct miost_signals *signals)
{
	const sigset_t *set = &signals->set;
	sigset_t old;
	int err;

	if (miost_signal_set_next(set, 0) == 0 ||
	    sigismember(set, SIGKILL) == 1 || sigismember(set, SIGSTOP) == 1)
		return -EINVAL;
	err = pthread_sigmask(SIG_BLOCK, set, &old);
	if (err != 0)
		return -err;
	sigemptyset(&signals->blocked);
	for (int n = 0; (n = miost_signal_set_next(set, n)) != 0;)
		if (sigismember(&old, n) != 1)
			sigaddset(&signals->blocked, n);
	return 0;
}

static void
unblock(const struct miost_signals *signals)
{
	/* Fails only for an unknown `how`. */
	(void)pthread_sigmask(SIG_UNBLOCK, &signals->blocked, NULL);
}

static int
open_signals(struct miost_signals *signals, miost_id id)
{
	int err = block(signals);

	if (err < 0)
		return err;
	err = miost__signals_open(signals, id);
	if (err < 0)
		unblock(signals);
	return err;
}

int
miost_signals_new(struct miost_os_queue *queue, const sigset_t *set,
		  miost_id id, struct miost_signals **out)
{
	struct miost_signals *signals = malloc(miost__signals_size);
	int state, err;

	if (signals == NULL)
		return -ENOMEM;
	signals->queue = queue;
	signals->set = *set;
	state = miost__cancel_disable();
	err = open_signals(signals, id);
	miost__cancel_restore(state);
	if (err < 0) {
		free(signals);
		return err;
	}
	miost__os_queue_hold(queue);
	*out = signals;
	return 0;
}

int
miost_signals_receive(struct miost_signals *signals)
{
	int state = miost__cancel_disable();
	int number = miost__signals_take(signals);

	miost__cancel_restore(state);
	if (number > 0)
		MIOST__PROBE(signal, number);
	return number;
}

void
miost_signals_free(struct miost_signals *signals)
{
	int state;

	if (signals == NULL)
		return;
	state = miost__cancel_disable();
	miost__signals_close(signals);
	miost__os_queue_release(signals->queue);
	miost__cancel_restore(state);
	unblock(signals);
	free(signals);
}
