/* SPDX-License-Identifier: MIT */
/*
 * A test double of kqueue() and kevent() on Linux: what FreeBSD 13 does, or
 * with KQUEUE_DOUBLE_NETBSD what NetBSD 7 does, over epoll(7) and poll(2).
 * observed.txt says what that is. For the backend's tests, never installed.
 *
 * A kqueue is an epoll descriptor, so that it can be polled. It holds all that
 * is watched for reading, signalfds and pidfds, each edge-triggered; one more
 * epoll descriptor, for what is watched for writing, so that data that arrives
 * wakes readers only; and an eventfd that is readable while an active knote
 * waits to be taken. An edge makes a knote active. Whether it then fires is
 * judged anew with poll(2), as often as it stays active.
 *
 * Linux tells less than these kernels know. So here:
 *
 * - The error in `fflags` is a guess. Linux shows a pending error only to who
 *   takes it, and it belongs to the program. Refused, if the TCP connection
 *   never was one, else reset: nothing else happens on loopback.
 * - Signals that were sent while one was pending count as one, and what was
 *   sent and taken between two calls does not count.
 * - `data` of datagrams is the size of the first; of Unix listeners it is 1.
 * - What became readable and was drained without any kevent() in between does
 *   not keep the kqueue readable.
 * - What comes for a disabled filter makes the kqueue readable until kevent()
 *   is called.
 * - Regular files are looked at when kevent() is called, and wake nobody.
 * - The status of a child that was reaped before kevent() was called is 0.
 * - A duplicate of a kqueue that outlives it must have been used before.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "double.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_TICK INT64_C(10000000)

/* Tests look at the descriptors below 1024, and shall not see ours. */
enum { OUT_OF_THE_WAY = 1100 };

/*
 * One lock for all. Taken with all signals blocked, since handlers call kevent,
 * too, and without being cancelled, and never held by who sleeps: that alone is
 * a cancellation point.
 */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
struct kqueue *double_kqueues;

/* What the caller had before. */
struct before {
	sigset_t mask;
	int cancel;
};

static void
lock(struct before *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before->mask);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before->cancel);
	pthread_mutex_lock(&mutex);
}

static void
unlock(const struct before *before)
{
	pthread_mutex_unlock(&mutex);
	pthread_setcancelstate(before->cancel, NULL);
	pthread_sigmask(SIG_SETMASK, &before->mask, NULL);
}

int
double_hide(int fd)
{
	int high;

	if (fd < 0)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
	if (high < 0)
		return fd;	/* the limit is that low */
	close_only(fd);
	return high;
}

/* The kqueue that a descriptor, perhaps a duplicate, is: it has its eventfd. */
struct kqueue *
double_find_kqueue(int fd)
{
	struct epoll_event same = { .events = EPOLLIN, .data.u64 = NO_NOTE };
	struct kqueue *kq = double_kqueues;

	while (kq != NULL &&
	       epoll_ctl(fd, EPOLL_CTL_MOD, kq->wake, &same) != 0)
		kq = kq->next;
	return kq;
}

/* It may have come to an end by a number that was not looked at. */
struct kqueue *
double_inner(const struct knote *note)
{
	struct kqueue *kq = note->nested != NULL ? double_kqueues : NULL;

	while (kq != NULL && kq != note->nested)
		kq = kq->next;
	return kq;
}

/*
 * Applies changes in order. Returns how many outcomes were stored; without
 * room for one, the rest is not applied, and `*room` is -1.
 */
static int
apply_all(struct kqueue *kq, const struct kevent *changes, event_count n,
	  struct kevent *events, int *room)
{
	struct kevent change;
	int stored = 0;
	int err;

	for (event_count i = 0; i < n; i++) {
		change = changes[i];
		if (!NETBSD && change.filter == 0)
			continue;
		change.flags &= (flag_bits)~EV_SYSFLAGS;
		err = double_apply(kq, &change);
		if (err == 0 && !(change.flags & EV_RECEIPT))
			continue;
		if (--*room < 0)
			return -err;
		change.flags = EV_ERROR;
		change.data = err;
		events[stored++] = change;
	}
	return stored;
}

/* Time: nanoseconds of CLOCK_MONOTONIC. */

static int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* EINVAL: not a time. */
static int
to_deadline(const struct timespec *timeout, int64_t *deadline)
{
	int64_t span;

	*deadline = INT64_MAX;
	if (timeout == NULL)
		return 0;
	if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 ||
	    timeout->tv_nsec >= NS_PER_S)
		return EINVAL;
	if (timeout->tv_sec > INT32_MAX)
		return 0;
	span = (int64_t)timeout->tv_sec * NS_PER_S + timeout->tv_nsec;
	/* In whole ticks, and one more, since this one has begun. */
	if (NETBSD && span > 0)
		span = ((span - 1) / NS_PER_TICK + 2) * NS_PER_TICK;
	*deadline = span > 0 ? now() + span : 0;
	return 0;
}

/* Sleeps, with the caller's signals, and may be cancelled. 0 or an errno. */
static int
sleep_until(int fd, int64_t deadline, bool must_look,
	    const struct before *before)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct timespec span;
	int64_t left = deadline;
	int err;

	if (deadline != INT64_MAX)
		left -= now();
	if (left < 0)
		left = 0;
	if (must_look && left > NS_PER_TICK)
		left = NS_PER_TICK;
	span.tv_sec = (time_t)(left / NS_PER_S);
	span.tv_nsec = (long)(left % NS_PER_S);
	pthread_setcancelstate(before->cancel, NULL);
	err = ppoll(&wait, 1, &span, &before->mask) < 0 ? errno : 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return err;
}

/* The kqueue of a call, which may come to an end while it sleeps. */
static struct kqueue *
enter(int fd)
{
	struct kqueue *kq = double_find_kqueue(fd);

	if (kq != NULL && kq->fd != fd)
		kq->duplicated = true;
	return kq;
}

/* Returns how many events, or a negative errno. With the lock. */
static int
wait_for_events(int fd, struct kevent *events, int room,
		const struct timespec *timeout, const struct before *before)
{
	struct kqueue *kq;
	int64_t deadline;
	bool must_look;
	int err = to_deadline(timeout, &deadline);
	int n;

	while (err == 0) {
		kq = enter(fd);
		if (kq == NULL)
			return -EBADF;
		n = double_scan(kq, events, room);
		if (n > 0 || deadline == 0 || now() >= deadline)
			return n;
		must_look = double_must_look(kq);
		pthread_mutex_unlock(&mutex);
		err = sleep_until(fd, deadline, must_look, before);
		pthread_mutex_lock(&mutex);
	}
	return -err;
}

int
kevent(int fd, const struct kevent *changes, event_count nchanges,
       struct kevent *events, event_count nevents,
       const struct timespec *timeout)
{
	int room = nevents > INT_MAX ? INT_MAX : (int)nevents;
	const int saved = errno;
	struct kqueue *kq;
	struct before before;
	int n;

	lock(&before);
	kq = enter(fd);
	n = kq == NULL ? -EBADF
		       : apply_all(kq, changes, nchanges, events, &room);
	if (n == 0 && room > 0)
		n = wait_for_events(fd, events, room, timeout, &before);
	unlock(&before);
	/* A system call that succeeds leaves errno alone. */
	errno = n < 0 ? -n : saved;
	return n < 0 ? -1 : n;
}

/* The life of a kqueue. */

static void
forget(struct kqueue *kq)
{
	struct kqueue **link = &double_kqueues;

	while (*link != kq)
		link = &(*link)->next;
	*link = kq->next;
	close_only(kq->writes);
	close_only(kq->wake);
	free(kq);
}

/* A forked child has no kqueues. What it shares with its parent stays. */
static void
forget_all(void)
{
	struct kqueue *kq;

	while ((kq = double_kqueues) != NULL) {
		while (kq->notes.next != &kq->notes)
			double_forget(kq->notes.next);
		close_only(kq->fd);
		forget(kq);
	}
}

static struct before before_the_fork;

static void
before_fork(void)
{
	struct before before;

	lock(&before);
	before_the_fork = before;
}

static void
after_fork(void)
{
	struct before before = before_the_fork;

	unlock(&before);
}

static void
after_fork_in_child(void)
{
	forget_all();
	after_fork();
}

static void
follow_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

static struct kqueue *
make_kqueue(void)
{
	struct kqueue *kq = calloc(1, sizeof(*kq));
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = NO_NOTE };
	int err;

	if (kq == NULL)
		return NULL;
	kq->notes.next = kq->notes.prev = &kq->notes;
	kq->fd = epoll_create1(0);
	kq->writes = double_hide(epoll_create1(EPOLL_CLOEXEC));
	kq->wake = double_hide(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (kq->wake >= 0 &&
	    epoll_ctl(kq->fd, EPOLL_CTL_ADD, kq->writes, &event) == 0 &&
	    epoll_ctl(kq->fd, EPOLL_CTL_ADD, kq->wake, &event) == 0)
		return kq;
	err = errno;
	close_only(kq->fd);
	close_only(kq->writes);
	close_only(kq->wake);
	free(kq);
	errno = err;
	return NULL;
}

int
kqueue(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct kqueue *kq;
	struct before before;
	int fd = -1;
	int err;

	pthread_once(&once, follow_forks);
	lock(&before);
	kq = make_kqueue();
	err = errno;
	if (kq != NULL) {
		kq->next = double_kqueues;
		double_kqueues = kq;
		fd = kq->fd;
	}
	unlock(&before);
	errno = err;
	return fd;
}

/* Closing. */

static void
drop_of_descriptor(struct kqueue *kq, int fd)
{
	struct knote *note, *next;

	for (note = kq->notes.next; note != &kq->notes; note = next) {
		next = note->next;
		if (is_of_descriptor(note) && note->fd == fd)
			double_drop(note);
	}
}

/* A number other than this that the kqueue has, or -1. */
static int
find_duplicate(const struct kqueue *kq, int fd)
{
	for (int other = 0; kq->duplicated && other < OUT_OF_THE_WAY; other++)
		if (other != fd && double_find_kqueue(other) == kq)
			return other;
	return -1;
}

static void
leave(struct kqueue *kq, int fd)
{
	kq->fd = find_duplicate(kq, fd);
	if (kq->fd >= 0)
		return;
	kq->fd = fd;
	while (kq->notes.next != &kq->notes)
		double_drop(kq->notes.next);
	forget(kq);
}

/* In place of the C library's: these kernels see what is closed. */
int
close(int fd)
{
	const int saved = errno;
	struct kqueue *kq;
	struct before before;
	int result;

	lock(&before);
	for (kq = double_kqueues; kq != NULL; kq = kq->next)
		drop_of_descriptor(kq, fd);
	kq = double_kqueues != NULL ? double_find_kqueue(fd) : NULL;
	if (kq != NULL && kq->fd == fd)
		leave(kq, fd);
	result = (int)syscall(SYS_close, fd);
	if (result == 0)
		errno = saved;
	unlock(&before);
	return result;
}
