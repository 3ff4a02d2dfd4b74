/* SPDX-License-Identifier: MIT */
/*
 * The backend on kqueue(2): waiting, and converting kqueue's events to ours.
 * Differences between systems:
 *
 * - EVFILT_WRITE reports EV_EOF without an error both for a pipe whose reader
 *   is gone and for a socket that was shut down for writing. The room in `data`
 *   does not tell them apart: it is 0 for the pipe, but on FreeBSD 14 it stays
 *   what it was, and it may be 0 for a socket. So the code asks the descriptor.
 * - A timeout must fit time_t, which is short on 32-bit systems, and kernels
 *   count it in clock ticks in an int (FreeBSD 13, NetBSD 7.99).
 * - macOS cuts timeouts to whole microseconds (TIMESPEC_TO_TIMEVAL in XNU's
 *   kern_event.c), so they are rounded up first.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/event.h>

#include "kqueue.h"

#define NS_PER_US 1000
#define NS_PER_S 1000000000

/* The longest timeout of one kevent call: a day, which every system accepts. */
#define LONGEST_WAIT (86400 * (int64_t)NS_PER_S)

static miost_id
get_id(const struct kevent *event)
{
	miost_id id;

	memcpy(&id, &event->udata, sizeof(id));
	return id;
}

/*
 * Converts EV_EOF. On EVFILT_READ it means that nothing more will arrive, on
 * EVFILT_WRITE that nothing more can be sent, and with an error, both. A pipe
 * without a reader gets MIOST_ERROR, though kqueue reports no error.
 */
static miost_ready
closed_ready(const struct kevent *event, bool reader)
{
	miost_ready ready = MIOST_HUP;

	if (event->fflags != 0)
		return ready | MIOST_ERROR | MIOST_READ_CLOSED |
		       MIOST_WRITE_CLOSED;
	if (reader)
		return ready | MIOST_READ_CLOSED;
	if (miost__kqueue_option((int)event->ident, SO_TYPE) == -2)
		ready |= MIOST_ERROR;
	return ready | MIOST_WRITE_CLOSED;
}

/* Converts an event. The CLOSED bits follow mio, the Rust library. */
static miost_ready
to_ready(const struct kevent *event)
{
	bool eof = event->flags & EV_EOF;

	if (event->filter == EVFILT_WRITE)
		return MIOST_WRITABLE | (eof ? closed_ready(event, false) : 0);
	if (event->filter == EVFILT_READ)
		return MIOST_READABLE | (eof ? closed_ready(event, true) : 0);
#ifdef HAVE_NOTE_OOB
	if (event->filter == EVFILT_EXCEPT)
		return MIOST_PRIORITY;
#endif
	/* A filter that the library added for itself: see kqueue.h. */
	return MIOST_READABLE;
}

/* `timeout` is negative (no limit) or at most LONGEST_WAIT. */
static int
wait_for(int kq, struct kevent *batch, unsigned short n, int64_t timeout)
{
	int64_t us = timeout / NS_PER_US + (timeout % NS_PER_US != 0);
	struct timespec span = { .tv_sec = 0 };
	int count;

	if (timeout > 0) {
		span.tv_sec = (time_t)(us / (NS_PER_S / NS_PER_US));
		span.tv_nsec = (long)(us % (NS_PER_S / NS_PER_US) * NS_PER_US);
	}
	count = kevent(kq, NULL, 0, batch, n, timeout < 0 ? NULL : &span);
	return count < 0 ? -errno : count;
}

/*
 * The index of the one among the first `n` events that is for the same oneshot
 * descriptor as `event`; `n` if there is none.
 */
static int
find_oneshot(const struct kevent *batch, int n, const struct kevent *event)
{
	int i = 0;

	while (i < n && (batch[i].ident != event->ident ||
			 !(batch[i].flags & EV_DISPATCH)))
		i++;
	return i;
}

int
miost__selector_select(struct miost__selector *selector,
		       struct miost_event *events, size_t n, int64_t timeout)
{
	struct kevent few[MIOST__KQUEUE_FEW];
	struct kevent *batch = selector->batch != NULL ? selector->batch : few;
	unsigned short max = selector->batch != NULL ? MIOST__SELECTOR_BATCH
						     : MIOST__KQUEUE_FEW;
	bool oneshot = false;
	int count, stored = 0;

	if (timeout > LONGEST_WAIT)
		return miost__selector_select_long(selector, events, n, timeout,
						   LONGEST_WAIT);
	if (n < max)
		max = (unsigned short)n;
	count = wait_for(selector->fd, batch, max, timeout);
	for (int i = 0; i < count; i++) {
		int place = stored;

		if (batch[i].flags & EV_DISPATCH) {
			oneshot = true;
			place = find_oneshot(batch, stored, &batch[i]);
		}
		if (place == stored) {
			events[place].id = get_id(&batch[i]);
			events[place].readiness = 0;
			events[place].reserved = 0;
			batch[stored++] = batch[i];
		}
		events[place].readiness |= to_ready(&batch[i]);
	}
	if (oneshot)
		miost__kqueue_silence(selector->fd, batch, stored);
	return count < 0 ? count : stored;
}
