/* SPDX-License-Identifier: MIT */
/*
 * The backend on epoll(7). Quirks of the kernel that this file deals with:
 *
 * - epoll_wait counts whole milliseconds. epoll_pwait2 (Linux 5.11) counts
 *   nanoseconds, but older kernels and valgrind 3.19 refuse it with ENOSYS, and
 *   sandboxes that filter system calls refuse it with any error they choose.
 * - epoll_wait takes an int of milliseconds, which holds 24 days; a 32-bit
 *   time_t holds 68 years.
 * - epoll_wait fails with EINTR even without a signal handler if the process
 *   was stopped and continued (signal(7)). The backend passes the error on, and
 *   the caller polls again.
 * - EPOLLERR without EPOLLHUP means a pipe without a reader or a socket with a
 *   pending error, which may be the error of a single datagram or nothing but a
 *   time stamp in the socket's error queue. It does not mean that one direction
 *   is closed.
 * - With EPOLLRDHUP in a registration for writing only, a level-triggered loop
 *   would spin on the peer's half-close, which no write can clear. EPOLLRDHUP
 *   cannot be combined with EPOLLEXCLUSIVE.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYS_EPOLL_PWAIT2
#include <sys/syscall.h>
#endif

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>
#define WRITTEN(memory, size) __msan_unpoison(memory, size)
#endif
#endif

#include "../core/compiler.h"
#include "selector.h"

/* Clang's memory sanitizer does not know that epoll_pwait2 writes events. */
#ifndef WRITTEN
#define WRITTEN(memory, size) ((void)0)
#endif

#ifndef HAVE_EPOLLEXCLUSIVE
#undef EPOLLEXCLUSIVE
#define EPOLLEXCLUSIVE 0	/* never used: see miost__selector_has() */
#endif

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

/* The longest timeout that one epoll_wait takes. */
#define LONGEST_WAIT ((int64_t)INT_MAX * NS_PER_MS)

const char miost__selector_name[] = "epoll";

bool
miost__selector_has(enum miost_feature feature)
{
	switch (feature) {
	case MIOST_FEATURE_EXCLUSIVE:
		return EPOLLEXCLUSIVE != 0;
	case MIOST_FEATURE_PRIORITY:
	case MIOST_FEATURE_READ_CLOSED:
		return true;
	case MIOST_FEATURE_PRECISE_TIMEOUT:
#if defined(HAVE_EPOLL_PWAIT2) || defined(HAVE_SYS_EPOLL_PWAIT2)
		return true;
#else
		return false;
#endif
	case MIOST_FEATURE_PROCESS:
	case MIOST_FEATURE_WAKER_EVENTFD:
	case MIOST_FEATURE_WAKER_USER:
	case MIOST_FEATURE_WAKER_PIPE:
	default:
		return false;
	}
}

int
miost__selector_open(struct miost__selector *selector, const pid_t *owner)
{
	selector->coarse = !miost__selector_has(MIOST_FEATURE_PRECISE_TIMEOUT);
	selector->owner = owner;
	selector->fd = epoll_create1(EPOLL_CLOEXEC);
	return selector->fd < 0 ? -errno : 0;
}

void
miost__selector_close(struct miost__selector *selector)
{
	/* The descriptor is gone even if close fails. */
	close(selector->fd);
}

/* Converts epoll's bits. The CLOSED bits follow mio, the Rust library. */
static miost_ready
to_ready(uint32_t events)
{
	const uint32_t plain = EPOLLIN | EPOLLPRI | EPOLLOUT;
	miost_ready ready = events & (plain | EPOLLERR | EPOLLHUP);

	_Static_assert((uint32_t)EPOLLIN == MIOST_READABLE &&
		       (uint32_t)EPOLLPRI == MIOST_PRIORITY &&
		       (uint32_t)EPOLLOUT == MIOST_WRITABLE &&
		       (uint32_t)EPOLLERR == MIOST_ERROR &&
		       (uint32_t)EPOLLHUP == MIOST_HUP,
		       "both number as poll(2)");

	if ((events & ~plain) == 0)
		return events;
	if (events & EPOLLHUP)
		ready |= MIOST_READ_CLOSED | MIOST_WRITE_CLOSED;
	if (events & EPOLLRDHUP)
		ready |= MIOST_HUP | MIOST_READ_CLOSED;
	return ready;
}

/* Calls epoll_pwait2. `timeout` is positive and below LONGEST_WAIT. */
static int
wait_precise(int epfd, struct epoll_event *events, int n, int64_t timeout)
{
#if defined(HAVE_EPOLL_PWAIT2)
	struct timespec span;

	span.tv_sec = (time_t)(timeout / NS_PER_S);
	span.tv_nsec = (long)(timeout % NS_PER_S);
	return epoll_pwait2(epfd, events, n, &span, NULL);
#elif defined(HAVE_SYS_EPOLL_PWAIT2)
	/* The kernel's own struct: its fields always have 64 bits. */
	struct {
		int64_t sec;
		int64_t nsec;
	} span = { timeout / NS_PER_S, timeout % NS_PER_S };

	return (int)syscall(SYS_epoll_pwait2, epfd, events, n, &span, NULL,
			    (size_t)0);
#else
	(void)epfd, (void)events, (void)n, (void)timeout;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Whether an error of epoll_pwait2 means that the system refuses the call. The
 * errors named here do not: epoll_wait would fail with them as well.
 */
static bool
is_refused(int error)
{
	return error != EINTR && error != EBADF && error != EFAULT;
}

/*
 * Waits with a positive timeout of at most LONGEST_WAIT. Out of line, so that a
 * poll without a timeout need save only a few registers.
 */
static MIOST__NOINLINE int
wait_timed(struct miost__selector *selector, struct epoll_event *events,
	   int n, int64_t timeout)
{
	int64_t ms = timeout / NS_PER_MS;
	bool whole = timeout % NS_PER_MS == 0;
	int count;

	if (!whole && !selector->coarse) {
		count = wait_precise(selector->fd, events, n, timeout);
		if (count >= 0) {
			WRITTEN(events, (size_t)count * sizeof(*events));
			return count;
		}
		if (!is_refused(errno))
			return -errno;
		selector->coarse = true;
	}
	count = epoll_wait(selector->fd, events, n, (int)(whole ? ms : ms + 1));
	return count < 0 ? -errno : count;
}

/* Waits without limit (`timeout` is negative), or does not wait (0). */
static inline int
wait_or_not(struct miost__selector *selector, struct epoll_event *events, int n,
	    int64_t timeout)
{
	int count = epoll_wait(selector->fd, events, n, timeout < 0 ? -1 : 0);

	return count < 0 ? -errno : count;
}

/*
 * If the kernel's events are no larger than ours, as on 64-bit machines, the
 * kernel stores them at the start of the caller's array. They are converted in
 * place from the last to the first, so that none is overwritten before it was
 * read.
 */
int
miost__selector_select(struct miost__selector *selector,
		       struct miost_event *events, size_t n, int64_t timeout)
{
	enum { IN_PLACE = sizeof(struct epoll_event) <= sizeof(*events) };
	struct epoll_event batch[IN_PLACE ? 1 : MIOST__SELECTOR_BATCH];
	char *from = IN_PLACE ? (char *)events : (char *)batch;
	struct miost_event *to = events;
	int count;

	if (!IN_PLACE && n > MIOST__SELECTOR_BATCH)
		n = MIOST__SELECTOR_BATCH;
	if (timeout <= 0)
		count = wait_or_not(selector, (void *)from, (int)n, timeout);
	else if (timeout <= LONGEST_WAIT)
		count = wait_timed(selector, (void *)from, (int)n, timeout);
	else
		return miost__selector_select_long(selector, events, n, timeout,
						   LONGEST_WAIT);
	if (count <= 0)
		return count;
	for (from += (size_t)count * sizeof(*batch), to += count; to > events;) {
		struct epoll_event event;

		from -= sizeof(event);
		to--;
		memcpy(&event, from, sizeof(event));
		to->id = (miost_id)event.data.u64;
		to->readiness = to_ready(event.events);
		to->reserved = 0;
	}
	return count;
}

/* Converts to epoll's bits. The queue has checked the options: see `how`. */
static inline uint32_t
to_epoll(miost_interests interests, miost_options options)
{
	static const uint32_t how[] = {
		[MIOST_EDGE] = EPOLLET,
		[MIOST_ONESHOT] = EPOLLONESHOT,
		[MIOST_EDGE | MIOST_ONESHOT] = EPOLLET | EPOLLONESHOT,
		[MIOST_EXCLUSIVE] = EPOLLEXCLUSIVE,
		[MIOST_EXCLUSIVE | MIOST_EDGE] = EPOLLEXCLUSIVE | EPOLLET,
	};
	/* All interests but MIOST_READ_CLOSED are epoll's bits. */
	uint32_t events = (interests & ~MIOST_READ_CLOSED) | how[options];

	if ((interests & (MIOST_READABLE | MIOST_READ_CLOSED)) &&
	    !(options & MIOST_EXCLUSIVE))
		events |= EPOLLRDHUP;
	return events;
}

static inline int
control(struct miost__selector *selector, int operation, int fd, miost_id id,
	miost_interests interests, miost_options options)
{
	struct epoll_event event = { .events = to_epoll(interests, options),
				     .data.u64 = id };

	if (epoll_ctl(selector->fd, operation, fd, &event) < 0)
		return -errno;
	return 0;
}

int
miost__selector_register(struct miost__selector *selector, int fd, miost_id id,
			 miost_interests interests, miost_options options)
{
	return control(selector, EPOLL_CTL_ADD, fd, id, interests, options);
}

int
miost__selector_reregister(struct miost__selector *selector, int fd,
			   miost_id id, miost_interests interests,
			   miost_options options)
{
	return control(selector, EPOLL_CTL_MOD, fd, id, interests, options);
}

int
miost__selector_set(struct miost__selector *selector, int fd, miost_id id,
		    miost_interests interests, miost_options options)
{
	int err = -EINVAL;

	if (!(options & MIOST_EXCLUSIVE))
		err = control(selector, EPOLL_CTL_MOD, fd, id, interests,
			      options);
	/* EPOLL_CTL_MOD can neither make nor change an exclusive one. */
	if (err == -EINVAL) {
		err = miost__selector_deregister(selector, fd);
		if (err == 0)
			err = -ENOENT;
	}
	if (err == -ENOENT)
		err = control(selector, EPOLL_CTL_ADD, fd, id, interests,
			      options);
	return err;
}

int
miost__selector_deregister(const struct miost__selector *selector, int fd)
{
	if (epoll_ctl(selector->fd, EPOLL_CTL_DEL, fd, NULL) < 0)
		return -errno;
	return 0;
}
