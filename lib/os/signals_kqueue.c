/* SPDX-License-Identifier: MIT */
/*
 * Signals as events, by EVFILT_SIGNAL. Each miost_signals has a kqueue of its
 * own, which the queue watches. Quirks of systems that this file deals with:
 *
 * - EVFILT_SIGNAL reports a signal once, when it is sent, even if the signal is
 *   not blocked or is ignored. What counts is whether a signal is pending, so
 *   sigpending(2) is called after the events have been taken. As long as there
 *   are more signals to receive, the writing end of an empty pipe, which is
 *   always writable, keeps the kqueue ready.
 * - A signal that is ignored, by default like SIGCHLD or by the program, is
 *   discarded even if it is blocked (but not on Linux). Then the event of
 *   EVFILT_SIGNAL is all that there is to receive.
 * - macOS and OpenBSD have no sigtimedwait(2).
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
	sigset_t noted;		/* reported as sent, and not received yet */
	int fds[2];		/* the pipe's */
	bool kept_ready;	/* the pipe is registered, with id 0 */
	int taken;		/* but not received: keep_ready() had failed */
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

/* Takes the lowest pending signal of the set. Returns its number, or 0. */
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
	/* Fails with EAGAIN if another thread has taken the signal. */
	while (sigtimedwait(&one, NULL, &(struct timespec){ 0 }) < 0)
		if (errno != EINTR)
			return 0;
#else
	/* Fails only for invalid signals. */
	(void)sigwait(&one, &number);
#endif
	return number;
}

/* Takes the kqueue's events: adds the signals sent since the last call. */
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

/* Whether the system discards the signal, so that it is never pending. */
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
	       number == SIGPWR ||	/* ignored by default on NetBSD */
#endif
#endif
	       number == SIGWINCH;
}

/*
 * Called when no signal is pending. Returns the first noted signal that the
 * system has discarded, or 0. Any other that was noted has been taken by other
 * code, and is forgotten.
 */
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

/* Keeps the kqueue ready as long as there is a signal to receive. */
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
	/* The kqueue does not report signals that were pending before. */
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
	signals->taken = 0;
	err = open_kqueue(signals, id);
	if (err < 0)
		close_pipe(signals);
	return err;
}

/* Takes a signal. Returns its number, 0 if there is none, or an error. */
static int
take_next(struct kqueue_signals *signals)
{
	int err = note(signals);
	int number = take(&signals->signals.set);

	if (number == 0)
		return err < 0 ? err : next_dropped(signals);
	/*
	 * The signal may have been sent after note(). Its event is taken now,
	 * so that the signal is not received twice.
	 */
	if (err == 0 && sigismember(&signals->noted, number) != 1)
		(void)note(signals);
	sigdelset(&signals->noted, number);
	return number;
}

int
miost__signals_take(struct miost_signals *base)
{
	struct kqueue_signals *signals = (struct kqueue_signals *)base;
	int number = signals->taken;
	int err;

	if (number == 0)
		number = take_next(signals);
	if (number < 0)
		return number;
	err = keep_ready(signals);
	signals->taken = err < 0 ? number : 0;
	return err < 0 ? err : number;
}

void
miost__signals_close(struct miost_signals *base)
{
	struct kqueue_signals *signals = (struct kqueue_signals *)base;

	miost__selector_close(&signals->selector);
	close_pipe(signals);
}
