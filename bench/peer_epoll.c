/* SPDX-License-Identifier: MIT */
/* The bare loop: epoll, and for wakes an eventfd, without any library. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 256 };

struct loop {
	int fd;
	uint32_t edge;
	struct epoll_event batch[BATCH];
};

/* What a handler of a waker holds: it is called by way of ours. */
struct waker {
	void (*call)(struct handler *waker);
};

static const char *
bare_version(void)
{
	static struct utsname system;

	return uname(&system) == 0 ? system.release : "";
}

static void *
bare_open(unsigned int how)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	must(loop != NULL, "loop");
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	must(loop->fd >= 0, "epoll_create1");
	loop->edge = how & EDGE ? EPOLLET : 0;
	return loop;
}

static void
bare_poll(void *arg, bool wait)
{
	struct loop *loop = arg;
	int n = epoll_wait(loop->fd, loop->batch, BATCH, wait ? -1 : 0);

	if (n < 0)
		must(errno == EINTR, "epoll_wait");
	for (int i = 0; i < n; i++) {
		struct handler *handler = loop->batch[i].data.ptr;

		handler->call(handler);
	}
}

static void
control(struct loop *loop, int operation, struct handler *io, int interests)
{
	struct epoll_event event = {
		.events = (uint32_t)interests | loop->edge,
		.data.ptr = io
	};

	if (epoll_ctl(loop->fd, operation, io->fd, &event) < 0)
		must(false, "epoll_ctl");
}

static void
bare_add(void *loop, struct handler *io, int interests)
{
	control(loop, EPOLL_CTL_ADD, io, interests);
}

static void
bare_change(void *loop, struct handler *io, int interests)
{
	control(loop, EPOLL_CTL_MOD, io, interests);
}

static void
bare_remove(void *loop, struct handler *io)
{
	control(loop, EPOLL_CTL_DEL, io, 0);
}

/* Level-triggered, the count must be taken; an edge tells by itself. */
static void
take_count(struct handler *handler)
{
	struct waker *waker = (void *)handler->state;
	uint64_t count;

	must(read(handler->fd, &count, sizeof(count)) > 0 || errno == EAGAIN,
	     "read");
	waker->call(handler);
}

static void
bare_init(void *arg, enum kind kind, struct handler *handler)
{
	struct loop *loop = arg;
	struct waker *waker = (void *)handler->state;

	if (kind != WAKER)
		return;
	handler->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(handler->fd >= 0, "eventfd");
	if (loop->edge == 0) {
		waker->call = handler->call;
		handler->call = take_count;
	}
	bare_add(loop, handler, IN);
}

static void
bare_wake(void *loop, struct handler *handler)
{
	static const uint64_t one = 1;

	(void)loop;
	if (write(handler->fd, &one, sizeof(one)) < 0)
		must(false, "write");
}

const struct peer peer = {
	.name = "epoll",
	.version = bare_version,
	.flags = EDGE,
	.size[WAKER] = sizeof(struct waker),
	.open = bare_open,
	.poll = bare_poll,
	.init = bare_init,
	.add = bare_add,
	.change = bare_change,
	.remove = bare_remove,
	.wake = bare_wake,
};
