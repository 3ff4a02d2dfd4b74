/* SPDX-License-Identifier: MIT */
/*
 * Knotes: what changes make of them, how they become active, and how that
 * becomes events.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "double.h"

enum { BATCH = 64 };

/* Those that wait to be taken. */
int64_t
double_count(const struct kqueue *kq)
{
	const struct knote *note;
	int64_t n = 0;

	for (note = kq->notes.next; note != &kq->notes; note = note->next)
		n += note->active && !note->disabled;
	return n;
}

static struct knote *
find_note(struct kqueue *kq, filter_number filter, uintptr_t ident)
{
	struct knote *note = kq->notes.next;

	while (note != &kq->notes && (note->event.filter != filter ||
				      note->event.ident != ident))
		note = note->next;
	return note != &kq->notes ? note : NULL;
}

/*
 * What epoll keeps of a knote. Not its address: of a file that was closed
 * where we did not see it, and is open elsewhere, epoll still tells.
 */
static uint64_t
to_key(const struct knote *note)
{
	return (uint64_t)(uint8_t)note->event.filter << 32 |
	       (uint32_t)note->event.ident;
}

static struct knote *
from_key(struct kqueue *kq, uint64_t key)
{
	return find_note(kq, (filter_number)(int8_t)(key >> 32),
			 (uint32_t)key);
}

static void
unlink_note(struct knote *note)
{
	note->prev->next = note->next;
	note->next->prev = note->prev;
}

static void
link_last(struct knote *note)
{
	struct knote *ring = &note->kq->notes;

	note->prev = ring->prev;
	note->next = ring;
	ring->prev->next = note;
	ring->prev = note;
}

static void
enqueue(struct knote *note)
{
	unlink_note(note);
	link_last(note);
	note->kq->queued++;
	/* Wakes even if it was awake: who watches the kqueue looks again. */
	eventfd_write(note->kq->wake, 1);
}

static void
activate(struct knote *note)
{
	bool was_active = note->active;

	note->active = true;
	if (!was_active && !note->disabled)
		enqueue(note);
}

/* Whether a child has ended, and how; its parent can still wait for it. */
static bool
has_ended(const struct knote *note, siginfo_t *info)
{
	info->si_pid = 0;
	return waitid(P_PID, (id_t)note->event.ident, info,
		      WEXITED | WNOHANG | WNOWAIT) == 0 && info->si_pid != 0;
}

/* As wait(2) gives it, which has no macros to make it with. */
static int
status_of_child(const struct knote *note)
{
	siginfo_t info;

	if (!has_ended(note, &info))
		return 0;
	if (info.si_code == CLD_EXITED)
		return (info.si_status & 0xff) << 8;
	return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

/* Linux says so twice: that it ended, and that it was reaped. */
static void
end_process(struct knote *note)
{
	if (note->event.fflags != 0)
		return;
	note->event.fflags = note->asked_fflags & NOTE_EXIT;
	note->event.data = status_of_child(note);
	note->flags |= EV_EOF | EV_ONESHOT;
}

/* How often a timer's time has passed. */
static void
count_periods(struct knote *note)
{
	uint64_t periods;

	if (read(note->fd, &periods, sizeof(periods)) == sizeof(periods))
		note->event.data += (int64_t)periods;
}

/* The writer of a full pipe: NetBSD wakes before it marks the reader's end. */
static bool
is_silent(struct knote *note)
{
	short ready;

	if (!NETBSD || !is_writer(note) || !double_is_pipe(note))
		return false;
	ready = double_poll(note->fd);
	if (!(ready & POLLERR) || note->broken)
		return false;
	note->broken = true;
	return !(ready & POLLOUT);
}

/*
 * Linux wakes who waits to write, too, when a peer sends no more. That is no
 * news where there was room and nothing has been sent since.
 */
static bool
is_spurious(struct knote *note)
{
	bool closed, news;

	if (!is_writer(note) || note->kind != S_IFSOCK)
		return false;
	closed = double_poll(note->fd) & POLLRDHUP;
	news = closed && !note->peer_closed;
	note->peer_closed = closed;
	if (!news || !note->was_ready || double_sent(note->fd) != note->sent)
		return false;
	/* The end of its own half, or an error, is told. */
	(void)double_judge(note);
	return !(note->flags & EV_EOF) && !(double_poll(note->fd) & POLLERR);
}

static void
take_edge(struct knote *note)
{
	if (is_silent(note) || is_spurious(note))
		return;
	if (is_of_signal(note))
		note->event.data++;
	if (is_of_process(note))
		end_process(note);
	if (is_of_timer(note))
		count_periods(note);
	if (double_judge(note))
		activate(note);
}

static void
take_edges_of(struct kqueue *kq, int epfd)
{
	struct epoll_event events[BATCH];
	struct knote *note;
	int n;

	do {
		n = epoll_wait(epfd, events, BATCH, 0);
		for (int i = 0; i < n; i++) {
			note = from_key(kq, events[i].data.u64);
			if (note != NULL && !note->nested)
				take_edge(note);
		}
	} while (n == BATCH);
}

static bool
is_without_pidfd(const struct knote *note)
{
	return is_of_process(note) && note->fd < 0;
}

bool
double_must_look(const struct kqueue *kq)
{
	const struct knote *note;
	const struct kqueue *inner;

	for (note = kq->notes.next; note != &kq->notes; note = note->next) {
		inner = double_inner(note);
		if (is_without_pidfd(note) || note->told_later ||
		    (inner != NULL && double_must_look(inner)))
			return true;
	}
	return false;
}

/* What epoll does not tell. */
static bool
has_changed(struct knote *note)
{
	int64_t mark = double_mark(note);
	bool changed = mark != note->mark;
	siginfo_t info;

	/* FreeBSD tells the outer kqueue from a task, a moment later. */
	note->told_later = !NETBSD && note->nested && changed &&
			   !note->told_later;
	if (note->told_later)
		return false;
	note->mark = mark;
	return changed || (is_without_pidfd(note) && has_ended(note, &info));
}

void
double_take_edges(struct kqueue *kq)
{
	struct knote *note, *next;
	struct kqueue *inner;

	/* First, so that what comes meanwhile is an edge of epoll alone. */
	for (note = kq->notes.next; note != &kq->notes; note = next) {
		next = note->next;
		inner = double_inner(note);
		/* To look into it makes it readable. */
		if (inner != NULL)
			double_take_edges(inner);
		if (has_changed(note))
			take_edge(note);
	}
	take_edges_of(kq, kq->fd);
	take_edges_of(kq, kq->writes);
}

static int
epoll_of(const struct knote *note)
{
	return is_writer(note) ? note->kq->writes : note->kq->fd;
}

void
double_forget(struct knote *note)
{
	if (!is_of_descriptor(note))
		close_only(note->fd);
	unlink_note(note);
	free(note);
}

void
double_drop(struct knote *note)
{
	/* Fails if the descriptor was closed: it left then. */
	if (is_of_descriptor(note))
		epoll_ctl(epoll_of(note), EPOLL_CTL_DEL, note->fd, NULL);
	double_forget(note);
}

/* Changes. These return 0 or an errno. */

static int
watch(struct knote *note, uint32_t events)
{
	struct epoll_event event = {
		.events = events | EPOLLET,
		.data.u64 = to_key(note),
	};

	return epoll_ctl(epoll_of(note), EPOLL_CTL_ADD, note->fd, &event) < 0
		       ? errno
		       : 0;
}

/* A pipe without a reader has no side left to hang the filter on. */
static bool
is_broken_pipe(const struct knote *note)
{
	/* A FIFO has, as long as it has a writer. */
	return is_writer(note) && double_is_pipe(note) &&
	       double_poll(note->fd) & POLLERR;
}

static int
attach_descriptor(struct knote *note)
{
	struct kqueue *inner;
	struct stat st;
	int err;

	note->fd = (int)note->event.ident;
	if (fstat(note->fd, &st) < 0)
		return errno;
	note->kind = st.st_mode & S_IFMT;
	inner = double_find_kqueue(note->fd);
	note->nested = inner;
	if (inner != NULL && (inner == note->kq || is_writer(note)))
		return EINVAL;
	if (is_broken_pipe(note))
		return NETBSD ? EBADF : EPIPE;
	err = watch(note, is_writer(note) ? EPOLLOUT : EPOLLIN | EPOLLRDHUP);
	if (err == EPERM)
		err = note->kind == S_IFREG ? 0 : ENODEV;
	note->mark = double_mark(note);
	return err;
}

static int
attach_signal(struct knote *note)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	if (sigaddset(&set, (int)note->event.ident) < 0)
		return EINVAL;
	note->fd = double_hide(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	if (note->fd < 0)
		return errno;
	note->flags |= EV_CLEAR;
	err = watch(note, EPOLLIN);
	/* What was pending before does not count. */
	take_edges_of(note->kq, note->kq->fd);
	note->event.data = 0;
	note->active = false;
	return err;
}

static int
attach_process(struct knote *note)
{
	const pid_t pid = (pid_t)note->event.ident;
	siginfo_t info;

	/* Which does not find what has ended. */
	if (NETBSD && has_ended(note, &info))
		return ESRCH;
	note->flags |= EV_CLEAR;
	note->fd = double_hide((int)syscall(SYS_pidfd_open, pid, 0));
	if (note->fd >= 0)
		return watch(note, EPOLLIN);
	/* Valgrind knows pidfds since 3.20: here the sleep is cut in pieces. */
	if (errno == ENOSYS)
		return kill(pid, 0) < 0 ? errno : 0;
	return errno;
}

/* Its data are milliseconds. */
static int
attach_timer(struct knote *note)
{
	struct itimerspec span = { .it_value = {
		.tv_sec = (time_t)(note->asked_data / 1000),
		.tv_nsec = (long)(note->asked_data % 1000 * 1000000),
	} };

	if (note->asked_data <= 0)
		return EINVAL;
	if (!(note->flags & EV_ONESHOT))
		span.it_interval = span.it_value;
	note->flags |= EV_CLEAR;
	note->fd = double_hide(timerfd_create(CLOCK_MONOTONIC,
					      TFD_CLOEXEC | TFD_NONBLOCK));
	if (note->fd < 0 || timerfd_settime(note->fd, 0, &span, NULL) < 0)
		return errno;
	return watch(note, EPOLLIN);
}

static int
attach(struct knote *note)
{
	if (is_of_descriptor(note))
		return attach_descriptor(note);
	if (is_of_signal(note))
		return attach_signal(note);
	if (is_of_process(note))
		return attach_process(note);
	if (is_of_timer(note))
		return attach_timer(note);
	return 0;
}

/*
 * What is the same for a new knote and for one that was there. NetBSD disables
 * after it has looked, and what it then has made active still wakes.
 */
static void
finish_change(struct knote *note, const struct kevent *change)
{
	bool judged = NETBSD ? change->flags & EV_ADD : true;
	bool was_disabled = note->disabled;

	if (NETBSD && judged && double_judge(note))
		activate(note);
	if (change->flags & EV_ENABLE)
		note->disabled = false;
	else if (change->flags & EV_DISABLE)
		note->disabled = true;
	if (was_disabled && !note->disabled && note->active)
		enqueue(note);
	if (!NETBSD && judged && double_judge(note))
		activate(note);
	/* What was there wakes nobody, but for NetBSD's activating. */
	if (note->disabled && is_of_descriptor(note))
		take_edges_of(note->kq, epoll_of(note));
}

static int
add(struct kqueue *kq, struct kevent *change)
{
	const uint32_t actions = EV_ADD | EV_DELETE | EV_ENABLE | EV_DISABLE;
	struct knote *note = calloc(1, sizeof(*note));
	int err;

	if (note == NULL)
		return ENOMEM;
	note->kq = kq;
	note->fd = -1;
	note->flags = NETBSD ? change->flags : change->flags & ~actions;
	note->asked_fflags = change->fflags;
	note->asked_data = change->data;
	change->fflags = 0;
	change->data = 0;
	note->event = *change;
	link_last(note);
	err = attach(note);
	if (err != 0)
		double_drop(note);
	else
		finish_change(note, change);
	return err;
}

/* EVFILT_USER: the order is the kernel's, and EV_CLEAR takes a trigger back. */
static void
touch(struct knote *note, const struct kevent *change)
{
	const unsigned int fflags = change->fflags & NOTE_FFLAGSMASK;
	const unsigned int how = change->fflags & NOTE_FFCTRLMASK;

	if (change->fflags & NOTE_TRIGGER)
		note->triggered = true;
	if (how == NOTE_FFAND)
		note->asked_fflags &= fflags;
	if (how == NOTE_FFOR)
		note->asked_fflags |= fflags;
	if (how == NOTE_FFCOPY)
		note->asked_fflags = fflags;
	note->asked_data = change->data;
	if (change->flags & EV_CLEAR)
		note->triggered = false;
}

/* Flags stay as they were when it was added. */
static void
modify(struct knote *note, const struct kevent *change)
{
	if (NETBSD && !(change->flags & EV_ADD)) {
		finish_change(note, change);
		return;
	}
	note->event.udata = change->udata;
	if (is_of_user(note)) {
		touch(note, change);
	} else {
		note->asked_fflags = change->fflags;
		note->asked_data = change->data;
	}
	finish_change(note, change);
}

/* The number means another file now: it was closed where we did not see it. */
static bool
is_stale(struct knote *note)
{
	if (!is_of_descriptor(note) || watch(note, 0) != 0)
		return false;
	epoll_ctl(epoll_of(note), EPOLL_CTL_DEL, note->fd, NULL);
	return true;
}

static int
check_change(const struct kevent *change)
{
	const struct knote wanted = { .event = *change };
	const flag_bits both = EV_ENABLE | EV_DISABLE;

	if (!NETBSD && (change->flags & both) == both)
		return EINVAL;
	if (is_of_signal(&wanted) || is_of_process(&wanted) ||
	    is_of_timer(&wanted) || (!NETBSD && is_of_user(&wanted)))
		return 0;
	if (!is_of_descriptor(&wanted))
		return EINVAL;
	if (change->ident > INT_MAX ||
	    fcntl((int)change->ident, F_GETFD) < 0)
		return EBADF;
	return 0;
}

int
double_apply(struct kqueue *kq, struct kevent *change)
{
	struct knote *note;
	int err = check_change(change);

	if (err != 0)
		return err;
	note = find_note(kq, change->filter, change->ident);
	if (note != NULL && is_stale(note)) {
		double_drop(note);
		note = NULL;
	}
	if (note == NULL)
		return change->flags & EV_ADD ? add(kq, change) : ENOENT;
	if (change->flags & EV_DELETE)
		double_drop(note);
	else
		modify(note, change);
	return 0;
}

/* Events. */

static void
make_event(const struct knote *note, struct kevent *event)
{
	*event = note->event;
	event->flags = (flag_bits)note->flags;
	if (!is_of_user(note) ||
	    note->flags & EV_ONESHOT)
		return;
	event->fflags = note->asked_fflags;
	event->data = note->asked_data;
}

/* What has fired becomes an event, or is not active any more. */
static bool
deliver(struct knote *note, struct kevent *event)
{
	/* One that is for once is not looked at again. */
	if (!(note->flags & EV_ONESHOT) && !double_judge(note)) {
		note->active = false;
		return false;
	}
	make_event(note, event);
	note->mark = double_mark(note);
	if (note->flags & EV_ONESHOT) {
		double_drop(note);
		return true;
	}
	if (note->flags & EV_CLEAR) {
		note->event.data = 0;
		note->event.fflags = 0;
		note->triggered = false;
	}
	/* NetBSD looks at it only if it did not find the other. */
	if (note->flags & EV_DISPATCH && !(NETBSD && note->flags & EV_CLEAR))
		note->disabled = true;
	note->active = !(note->flags & (EV_CLEAR | EV_DISPATCH));
	/* Others come first the next time. */
	unlink_note(note);
	link_last(note);
	return true;
}

int
double_scan(struct kqueue *kq, struct kevent *events, int room)
{
	struct knote *note, *next, *last;
	eventfd_t ignored;
	bool done;
	int n = 0;

	double_take_edges(kq);
	last = kq->notes.prev;
	done = last == &kq->notes;
	for (note = kq->notes.next; !done && n < room; note = next) {
		next = note->next;
		done = note == last;
		if (note->active && !note->disabled)
			n += deliver(note, &events[n]);
	}
	if (double_count(kq) == 0)
		eventfd_read(kq->wake, &ignored);
	return n;
}

