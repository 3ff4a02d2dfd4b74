/* SPDX-License-Identifier: MIT */
/*
 * Signals as events, by EVFILT_SIGNAL in a kqueue of their own, which the queue
 * watches. What systems do that is dealt with here:
 *
 * - A signal is noted once, when it is sent, also when it is not blocked, or
 *   ignored. What counts is what is pending, so that is looked at when events
 *   have been taken; while more is pending than has been noted, a pipe that can
 *   always be written to keeps the kqueue ready.
 * - A signal that is ignored, of itself as SIGCHLD is or by the program, is
 *   dropped even when it is blocked (not on Linux). That it was noted is then
 *   all that there is.
 * - macOS and OpenBSD have no sigtimedwait.
 */
#include "config.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <miost/unix.h>

#include "kqueue.h"
#include "signals.h"

struct kqueue_signals {
	struct miost_signals signals;
	struct miost__selector selector;	/* ids are signal numbers */
	sigset_t noted;		/* sent, and not received yet */
	int fds[2];		/* the pipe */
	bool kept_ready;	/* by the pipe, whose id is 0 */
};

const size_t miost__signals_size = sizeof(struct kqueue_signals);

/* The lowest signal of the set that is pending, or 0. */
static int
pending_of(const sigset_t *set)
{
	sigset_t pending;
	int number = 0;

	if (sigpending(&pending) < 0)
		return 0;
	while ((number = miost_signal_set_next(set, number)) != 0)
		if (sigismember(&pending, number) == 1)
			break;
	return number;
}

/* Takes the lowest pending one, and returns it, or 0. */
static int
take(const sigset_t *set)
{
	int number = pending_of(set);
	sigset_t one;

	if (number == 0)
		return 0;
	sigemptyset(&one);
	sigaddset(&one, number);
#ifdef HAVE_SIGTIMEDWAIT
	/* Another thread may have been faster. */
	while (sigtimedwait(&one, NULL, &(struct timespec){ 0 }) < 0)
		if (errno != EINTR)
			return 0;
#else
	/* Fails only for signals that do not exist. */
	(void)sigwait(&one, &number);
#endif
	return number;
}

/* What has been sent since the last time. */
static int
note(struct kqueue_signals *signals)
{
	struct miost_event events[MIOST__KQUEUE_FEW];
	int n;

	do {
		n = miost__selector_select(&signals->selector, events,
					   MIOST__KQUEUE_FEW, 0);
		for (int i = 0; i < n; i++)
			if (events[i].id != 0)
				sigaddset(&signals->noted, (int)events[i].id);
	} while (n == MIOST__KQUEUE_FEW);
	return n < 0 ? n : 0;
}

/* Whether the system drops it when it is sent, so that it is never pending. */
static bool
is_dropped(int number)
{
	struct sigaction action;

	if (sigaction(number, NULL, &action) < 0 ||
	    action.sa_handler == SIG_IGN)
		return true;
	if (action.sa_handler != SIG_DFL)
		return false;
	return number == SIGCHLD || number == SIGURG ||
#ifdef SIGIO
	       number == SIGIO ||
#endif
#ifdef SIGINFO
	       number == SIGINFO ||
#ifdef SIGPWR
	       number == SIGPWR ||	/* NetBSD's, which is no death there */
#endif
#endif
	       number == SIGWINCH;
}

/* One that was noted, is not pending and was not taken by somebody else. */
static int
next_dropped(struct kqueue_signals *signals)
{
	int number = 0;

	while ((number = miost_signal_set_next(&signals->noted, number)) != 0) {
		sigdelset(&signals->noted, number);
		if (is_dropped(number))
			break;
	}
	return number;
}

/* Ready while there is something to receive. */
static int
keep_ready(struct kqueue_signals *signals)
{
	bool ready = pending_of(&signals->signals.set) != 0 ||
		     miost_signal_set_next(&signals->noted, 0) != 0;
	int err = 0;

	if (ready == signals->kept_ready)
		return 0;
	if (ready)
		err = miost__selector_register(&signals->selector,
					       signals->fds[1], 0,
					       MIOST_WRITABLE, MIOST_LEVEL);
	else
		err = miost__selector_deregister(&signals->selector,
						 signals->fds[1]);
	if (err == 0)
		signals->kept_ready = ready;
	return err;
}

static int
watch(struct kqueue_signals *signals)
{
	struct kevent change = { .filter = EVFILT_SIGNAL, .flags = EV_ADD };
	int err = 0;

	for (int n = 0; err == 0 &&
	     (n = miost_signal_set_next(&signals->signals.set, n)) != 0;) {
		change.ident = (uintptr_t)n;
		miost__kqueue_set_id(&change, (miost_id)n);
		err = miost__kqueue_change(signals->selector.fd, &change);
	}
	/* Those that were pending before are not noted. */
	return err < 0 ? err : keep_ready(signals);
}

static void
close_pipe(const struct kqueue_signals *signals)
{
	close(signals->fds[0]);
	close(signals->fds[1]);
}

static int
open_kqueue(struct kqueue_signals *signals, miost_id id)
{
	struct miost_os_queue *queue = signals->signals.queue;
	int err = miost__kqueue_open(&signals->selector, queue->selector.owner);

	if (err < 0)
		return err;
	err = watch(signals);
	if (err == 0)
		err = miost_os_queue_register(queue, signals->selector.fd, id,
					      MIOST_READABLE, MIOST_LEVEL);
	if (err < 0)
		miost__selector_close(&signals->selector);
	return err;
}

int
miost__signals_open(struct miost_signals *base, miost_id id)
{
	struct kqueue_signals *signals = (struct kqueue_signals *)base;
	int err = miost_pipe(signals->fds);

	if (err < 0)
		return err;
	sigemptyset(&signals->noted);
	signals->kept_ready = false;
	err = open_kqueue(signals, id);
	if (err < 0)
		close_pipe(signals);
	return err;
}

int
miost__signals_take(struct miost_signals *base)
{
	struct kqueue_signals *signals = (struct kqueue_signals *)base;
	int err = note(signals);
	int number = take(&base->set);

	/* It may have been sent since, and is not to be received twice. */
	if (err == 0 && number != 0 &&
	    sigismember(&signals->noted, number) != 1)
		err = note(signals);
	if (number != 0)
		sigdelset(&signals->noted, number);
	else if (err == 0)
		number = next_dropped(signals);
	if (err == 0)
		err = keep_ready(signals);
	return number != 0 ? number : err;
}

void
miost__signals_close(struct miost_signals *base)
{
	struct kqueue_signals *signals = (struct kqueue_signals *)base;

	miost__selector_close(&signals->selector);
	close_pipe(signals);
}
