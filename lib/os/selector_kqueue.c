/* SPDX-License-Identifier: MIT */
/*
 * The backend on kqueue(2): registering, changing and removing filters.
 * events_kqueue.c waits for their events. These two files deal with the
 * differences between systems. Each is listed with the systems on which it was
 * seen, either by running on them (libkqueue 2.7.0, FreeBSD 13, NetBSD 7.99.34)
 * or in the source of the kernel.
 *
 * - The types of struct kevent's fields differ from system to system: `udata`,
 *   for example, is an integer on NetBSD before 10. So do those of the counts
 *   that kevent(2) takes, which are int or size_t. The code assumes none.
 * - With EV_RECEIPT, kevent(2) returns the outcome of each change. The flags of
 *   a receipt are EV_ERROR alone (FreeBSD 13, NetBSD 7.99) or EV_ERROR and the
 *   flags of the change (macOS, libkqueue 2.7). If there is room for more
 *   receipts than changes, libkqueue waits; if there is room for fewer, it
 *   fails. So there is room for exactly as many, and the timeout is 0.
 * - EV_ADD of a filter that exists already changes its id, but not its options.
 *   So the filter is deleted first.
 * - A filter that EV_DISPATCH has disabled and EV_ENABLE enables again does not
 *   fire on NetBSD 7.99, and has its old id on libkqueue. So such a filter is
 *   deleted, and never enabled again.
 * - With EV_CLEAR, NetBSD ignores EV_DISPATCH (7.99, kern_event.c, and still in
 *   that file's revision 1.140 of 2022). So oneshot filters have no EV_CLEAR.
 * - A call that was interrupted may have made its changes (macOS). They are
 *   made again, and a filter that EV_DELETE then does not find was deleted
 *   before.
 * - Adding EVFILT_WRITE to a pipe whose reader is gone fails with EPIPE on
 *   FreeBSD 13 and with EBADF on NetBSD 7.99. On macOS 10.10 and 10.11 it fails
 *   with EPIPE, but adds the filter. NetBSD since revision 1.182 of sys_pipe.c
 *   adds the filter, which fires.
 * - A forked child does not inherit the kqueue's descriptor, and may have
 *   another file open under the same number.
 * - EV_ADD with EV_DISABLE activates a filter before it disables it (NetBSD,
 *   OpenBSD), and another thread may get the event (NetBSD); on libkqueue the
 *   filter fires. OpenBSD refuses EVFILT_READ on a FIFO that was opened for
 *   writing. EV_DISABLE alone adds no filter. So it is what pauses a registered
 *   descriptor.
 * - An EVFILT_READ whose low-water mark (NOTE_LOWAT) is more data than there
 *   can be reports only the end of the data or a pending error. This works only
 *   on sockets that do not listen: pipes and listeners ignore the mark. macOS
 *   lowers it to the size of the buffer, and thus reports a full buffer.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/event.h>
#include <unistd.h>

#include "../cancel.h"
#include "kqueue.h"
#include "owner.h"

/* The filter for each interest. */
static const struct {
	miost_interests interest;
	struct kevent filter;
} filters[] = {
	{ MIOST_READABLE, { .filter = EVFILT_READ } },
	{ MIOST_WRITABLE, { .filter = EVFILT_WRITE } },
#ifdef HAVE_NOTE_OOB
	{ MIOST_PRIORITY, { .filter = EVFILT_EXCEPT, .fflags = NOTE_OOB } },
#endif
};

enum { FILTERS = sizeof(filters) / sizeof(filters[0]) };

#if defined(NOTE_LOWAT) && !defined(__APPLE__)
#define MARKS_ARE_KEPT true
#else
#define MARKS_ARE_KEPT false
#undef NOTE_LOWAT
#define NOTE_LOWAT 0
#endif

static const struct timespec no_time;

const char miost__selector_name[] = "kqueue";

bool
miost__selector_has(enum miost_feature feature)
{
	switch (feature) {
	case MIOST_FEATURE_PRECISE_TIMEOUT:
		return true;
	case MIOST_FEATURE_PRIORITY:
		return filters[FILTERS - 1].interest == MIOST_PRIORITY;
	case MIOST_FEATURE_READ_CLOSED:
		return MARKS_ARE_KEPT;
	case MIOST_FEATURE_EXCLUSIVE:
	case MIOST_FEATURE_PROCESS:
	case MIOST_FEATURE_WAKER_EVENTFD:
	case MIOST_FEATURE_WAKER_USER:
	case MIOST_FEATURE_WAKER_PIPE:
	default:
		return false;
	}
}

int
miost__kqueue_open(struct miost__selector *selector, const pid_t *owner)
{
	int fd;

#ifdef HAVE_KQUEUE1
	fd = kqueue1(O_CLOEXEC);
	if (fd < 0)
		return -errno;
#else
	int err;

	fd = kqueue();
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
#endif
	selector->fd = fd;
	selector->owner = owner;
	selector->batch = NULL;
	return 0;
}

int
miost__selector_open(struct miost__selector *selector, const pid_t *owner)
{
	struct kevent *batch = calloc(MIOST__SELECTOR_BATCH, sizeof(*batch));
	int err = -ENOMEM;

	if (batch != NULL)
		err = miost__kqueue_open(selector, owner);
	if (err < 0) {
		free(batch);
		return err;
	}
	selector->batch = batch;
	return 0;
}

void
miost__selector_close(struct miost__selector *selector)
{
	if (miost__owner_is_here(selector->owner))
		close(selector->fd);
	free(selector->batch);
}

void
miost__kqueue_set_id(struct kevent *event, miost_id id)
{
	_Static_assert(sizeof(event->udata) == sizeof(id),
		       "an id goes into a pointer or an integer as wide");
	memcpy(&event->udata, &id, sizeof(id));
}

int
miost__kqueue_option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0)
		return value;
	return errno == ENOTSOCK ? -2 : -1;
}

/* Calls kevent(2) without waiting. Not a cancellation point. */
static int
call(int kq, const struct kevent *changes, unsigned short n,
     struct kevent *receipts)
{
	int state = miost__cancel_disable();
	int count = kevent(kq, changes, n, receipts, n, &no_time);

	miost__cancel_restore(state);
	return count;
}

/* The changes of one call: at most, all filters are deleted and added again. */
struct changes {
	struct kevent list[2 * FILTERS];
	unsigned short n;	/* fits an int as well as a size_t */
};

/*
 * Makes the changes in one call. Sets `data` of each to 0 or to the errno with
 * which it failed.
 */
static int
make(int kq, struct changes *changes)
{
	struct kevent receipts[2 * FILTERS];
	bool again = false;
	int count;

	for (;;) {
		count = call(kq, changes->list, changes->n, receipts);
		if (count >= 0)
			break;
		if (errno != EINTR)
			return -errno;
		again = true;
	}
	for (int i = 0; i < changes->n; i++) {
		struct kevent *change = &changes->list[i];

		change->data = 0;
		if (i < count && (receipts[i].flags & EV_ERROR))
			change->data = receipts[i].data;
		if (again && (change->flags & EV_DELETE) &&
		    change->data == ENOENT)
			change->data = 0;
	}
	return 0;
}

int
miost__kqueue_change(int kq, const struct kevent *change)
{
	struct changes changes = { .list = { *change }, .n = 1 };
	int err;

	changes.list[0].flags |= EV_RECEIPT;
	err = make(kq, &changes);
	return err < 0 ? err : -(int)changes.list[0].data;
}

static struct kevent
change_of(int filter, int fd, unsigned short flags, miost_id id)
{
	struct kevent change = filters[filter].filter;

	change.ident = (uintptr_t)fd;
	change.flags = flags;
	miost__kqueue_set_id(&change, id);
	return change;
}

/* Appends changes that delete or disable, as `how` says, all filters. */
static void
put_out(struct changes *changes, int fd, miost_id id, unsigned short how)
{
	for (int i = 0; i < FILTERS; i++)
		changes->list[changes->n++] =
			change_of(i, fd, how | EV_RECEIPT, id);
}

/* Appends changes that add the filters of the interests. */
static void
put_in(struct changes *changes, int fd, miost_id id, miost_interests interests,
       miost_options options)
{
	unsigned short flags = EV_ADD | EV_RECEIPT;

	/*
	 * EV_DISPATCH, unlike EV_ONESHOT, keeps the filter, disabled, so that
	 * the descriptor is still found to be registered. With EV_CLEAR,
	 * NetBSD would not disable the filter.
	 */
	if (options & MIOST_ONESHOT)
		flags |= EV_DISPATCH;
	else if (options & MIOST_EDGE)
		flags |= EV_CLEAR;
	for (int i = 0; i < FILTERS; i++)
		if (interests & filters[i].interest)
			changes->list[changes->n++] =
				change_of(i, fd, flags, id);
	if (interests & MIOST_READABLE)
		return;
	/*
	 * EVFILT_READ also serves MIOST_READ_CLOSED alone, with a low-water
	 * mark that no data reaches, and, disabled, no interests at all.
	 */
	if (interests & MIOST_READ_CLOSED) {
		struct kevent change = change_of(0, fd, flags, id);

		change.fflags = NOTE_LOWAT;
		change.data = INT_MAX;
		changes->list[changes->n++] = change;
	} else if (interests == 0) {
		changes->list[changes->n++] =
			change_of(0, fd, flags | EV_DISABLE, id);
	}
}

/*
 * Returns the first error among the changes with `flag`, and sets `*found` if
 * one of them succeeded. ENOENT counts as an error only when filters are added:
 * few descriptors have all the filters that put_out() deletes or disables.
 */
static int
outcome(const struct changes *changes, unsigned short flag, bool *found)
{
	for (int i = 0; i < changes->n; i++) {
		const struct kevent *change = &changes->list[i];

		if (!(change->flags & flag))
			continue;
		if (change->data == 0)
			*found = true;
		else if (flag == EV_ADD || change->data != ENOENT)
			return -(int)change->data;
	}
	return 0;
}

/* Deletes all filters after one could not be added. Returns the error. */
static int
take_back(int kq, int fd, int err)
{
	struct changes changes = { .n = 0 };

	put_out(&changes, fd, 0, EV_DELETE);
	/* Errors are ignored: some of the filters were not added. */
	(void)make(kq, &changes);
	/* NetBSD's error for a pipe without a reader. */
	if (err == -EBADF && fcntl(fd, F_GETFD) >= 0)
		err = -EPIPE;
	return err;
}

/*
 * Whether the interests are MIOST_READ_CLOSED without MIOST_READABLE, but `fd`
 * ignores low-water marks and so would report data, too.
 */
static bool
lacks_marks(int fd, miost_interests interests)
{
	int listens;

	if (!(interests & MIOST_READ_CLOSED) || (interests & MIOST_READABLE))
		return false;
	listens = miost__kqueue_option(fd, SO_ACCEPTCONN);
	return listens == -2 || listens > 0;
}

int
miost__selector_register(struct miost__selector *selector, int fd, miost_id id,
			 miost_interests interests, miost_options options)
{
	struct changes changes = { .n = 0 };
	bool found = false;
	int err;

	if (lacks_marks(fd, interests))
		return -ENOTSUP;
	put_in(&changes, fd, id, interests, options);
	err = make(selector->fd, &changes);
	if (err < 0)
		return err;
	err = outcome(&changes, EV_ADD, &found);
	return err < 0 ? take_back(selector->fd, fd, err) : 0;
}

/*
 * Replaces the filters of `fd` by those of the interests. If there were none,
 * fails with -ENOENT unless `anew` is set.
 */
static int
replace(int kq, int fd, miost_id id, miost_interests interests,
	miost_options options, bool anew)
{
	struct changes changes = { .n = 0 };
	bool was_in = anew, is_in = false;
	int err;

	if (lacks_marks(fd, interests))
		return -ENOTSUP;
	put_out(&changes, fd, 0, EV_DELETE);
	put_in(&changes, fd, id, interests, options);
	err = make(kq, &changes);
	if (err < 0)
		return err;
	err = outcome(&changes, EV_DELETE, &was_in);
	if (err == 0 && !was_in)
		err = -ENOENT;
	if (err == 0)
		err = outcome(&changes, EV_ADD, &is_in);
	return err < 0 ? take_back(kq, fd, err) : 0;
}

/*
 * Deletes or disables all filters. If disabled, they get the new `id` as well:
 * another thread may still get an event of them.
 */
static int
take_out(int kq, int fd, miost_id id, unsigned short how)
{
	struct changes changes = { .n = 0 };
	bool found = false;
	int err;

	put_out(&changes, fd, id, how);
	err = make(kq, &changes);
	if (err == 0)
		err = outcome(&changes, how, &found);
	if (err < 0)
		return err;
	return found ? 0 : -ENOENT;
}

int
miost__selector_reregister(struct miost__selector *selector, int fd,
			   miost_id id, miost_interests interests,
			   miost_options options)
{
	if (interests == 0)
		return take_out(selector->fd, fd, id, EV_DISABLE);
	return replace(selector->fd, fd, id, interests, options, false);
}

int
miost__selector_set(struct miost__selector *selector, int fd, miost_id id,
		    miost_interests interests, miost_options options)
{
	return replace(selector->fd, fd, id, interests, options, true);
}

int
miost__selector_deregister(const struct miost__selector *selector, int fd)
{
	return take_out(selector->fd, fd, 0, EV_DELETE);
}

void
miost__kqueue_silence(int kq, const struct kevent *batch, int n)
{
	struct kevent list[MIOST__KQUEUE_FEW];
	unsigned short count = 0;

	for (int i = 0; i < n; i++) {
		for (int k = 0; k < FILTERS && (batch[i].flags & EV_DISPATCH);
		     k++)
			if (filters[k].filter.filter != batch[i].filter)
				list[count++] = change_of(
					k, (int)batch[i].ident,
					EV_DELETE | EV_RECEIPT, 0);
		if (i + 1 < n && count <= MIOST__KQUEUE_FEW - FILTERS)
			continue;
		/* Most changes fail: most descriptors have no other filter. */
		(void)call(kq, list, count, list);
		count = 0;
	}
}
