/* SPDX-License-Identifier: MIT */
/* The operating system's queue: epoll or kqueue. */
#ifndef MIOST_OS_H
#define MIOST_OS_H

#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * What a descriptor is watched for: any of MIOST_READABLE, MIOST_WRITABLE,
 * MIOST_PRIORITY and MIOST_READ_CLOSED, or-ed.
 *
 * An event has MIOST_READABLE, MIOST_WRITABLE and MIOST_PRIORITY only if the
 * descriptor is registered for them (but see MIOST_READ_CLOSED). MIOST_ERROR,
 * MIOST_HUP and the CLOSED bits come unasked, except that a half-close is
 * reported, as MIOST_HUP and MIOST_READ_CLOSED, only to registrations with
 * MIOST_READABLE or MIOST_READ_CLOSED.
 *
 * MIOST_READ_CLOSED without MIOST_READABLE reports a half-close, but not data.
 * On kqueue the event has MIOST_READABLE as well, and it works on sockets only.
 *
 * 0 pauses: the descriptor stays registered. On epoll MIOST_ERROR still comes,
 * and MIOST_HUP once both halves are closed; on kqueue there are no events.
 */
typedef miost_ready miost_interests;

/* How a descriptor is watched: the constants below, or-ed. */
typedef uint32_t miost_options;

/* An event in every poll while the descriptor is ready. */
#define MIOST_LEVEL UINT32_C(0x0)
/* An event when the descriptor becomes ready, and when more arrives. */
#define MIOST_EDGE UINT32_C(0x1)
/* One event, then none until the descriptor is reregistered. */
#define MIOST_ONESHOT UINT32_C(0x2)
/*
 * An event wakes few of the queues that watch the descriptor, at least one,
 * instead of all. -ENOTSUP: the system cannot do it. -EINVAL: with MIOST_ONESHOT,
 * MIOST_PRIORITY or MIOST_READ_CLOSED, or in reregister. A half-close shows as
 * MIOST_READABLE alone.
 */
#define MIOST_EXCLUSIVE UINT32_C(0x4)

struct miost_os_queue;

/*
 * Makes a queue, whose own descriptor is close-on-exec. Returns 0, or fails
 * with -ENOMEM, -EMFILE or -ENFILE.
 */
MIOST_API int miost_os_queue_new(struct miost_os_queue **queue)
	MIOST_NONNULL(1);

/* Frees the queue. The descriptors in it stay open. NULL is ignored. */
MIOST_API void miost_os_queue_free(struct miost_os_queue *queue);

/* The queue as a source, valid until the queue is freed. */
MIOST_API struct miost_source *
miost_os_queue_source(struct miost_os_queue *queue) MIOST_NONNULL(1);

/*
 * Polls this queue alone: waits up to `timeout` nanoseconds (0: does not wait;
 * negative: waits without end) and stores up to `capacity` events, but no more
 * than 256, from events[0] on.
 *
 * Returns the number of events, 0 once the time has passed, or fails with
 * -ENOBUFS: `capacity` is 0; nothing was waited for or taken;
 * -EINTR: a signal handler ran, or, on Linux, the process was stopped and
 *	   continued. Poll again.
 */
MIOST_API int miost_os_queue_poll(struct miost_os_queue *queue,
				  struct miost_event *events, size_t capacity,
				  int64_t timeout) MIOST_NONNULL(1);

/*
 * The queue's own descriptor, which is readable while events are pending, for
 * another queue or a foreign loop. It belongs to the queue: do not close it.
 */
MIOST_API int miost_os_queue_fd(const struct miost_os_queue *queue)
	MIOST_NONNULL(1);

/*
 * Any thread may call register, reregister, deregister and set, even while
 * another thread polls the queue or calls one of them for another descriptor,
 * but not while the queue is being freed. All other calls on a queue are for
 * one thread at a time.
 */

/*
 * Watches `fd`, whose events carry `id`. The descriptor stays the caller's, who
 * deregisters it before closing it.
 *
 * Returns 0, or fails with
 * -EBADF: `fd` is not open;
 * -EEXIST: `fd` is registered already. kqueue does not notice: it replaces the
 *	    id, but not the options, of the interests that are named;
 * -EINVAL: unknown interests, unknown or contradictory options, `fd` is this
 *	    queue's own, or `fd` is another queue's and MIOST_EXCLUSIVE is set;
 * -ELOOP: queues would watch each other in a circle, or nest too deeply;
 * -ENODEV: kqueue cannot watch such a device;
 * -ENOMEM: not enough memory;
 * -ENOSPC: the user watches as many descriptors as the system allows;
 * -ENOTSUP: the system has no MIOST_EXCLUSIVE, no MIOST_PRIORITY, or no
 *	     MIOST_READ_CLOSED without MIOST_READABLE for such a descriptor;
 * -EPERM: epoll cannot watch such a descriptor, a regular file for example;
 * -EPIPE: on FreeBSD and NetBSD, `fd` is the writing end of a pipe without a
 *	   reader.
 */
MIOST_API int miost_os_queue_register(struct miost_os_queue *queue, int fd,
				      miost_id id, miost_interests interests,
				      miost_options options) MIOST_NONNULL(1);

/*
 * Replaces the id, interests and options of a registered descriptor, and rearms
 * it after MIOST_ONESHOT. Fails as register does, except for -EEXIST, and with
 * -ENOENT: `fd` is not registered;
 * -EINVAL: MIOST_EXCLUSIVE is set, or `fd` was registered with it.
 * A failed call changes nothing; but on kqueue it may leave `fd` unregistered.
 */
MIOST_API int miost_os_queue_reregister(struct miost_os_queue *queue, int fd,
					miost_id id, miost_interests interests,
					miost_options options) MIOST_NONNULL(1);

/*
 * Stops watching `fd`. A poll that begins afterwards gives no event of it.
 * Returns 0, or fails with
 * -EBADF: `fd` is not open;
 * -EINVAL: `fd` is this queue's own (on epoll);
 * -ENOENT: `fd` is not registered;
 * -EPERM: epoll cannot watch such a descriptor.
 */
MIOST_API int miost_os_queue_deregister(struct miost_os_queue *queue, int fd)
	MIOST_NONNULL(1);

/*
 * Registers `fd` with these interests and options, whether or not it is
 * registered already, or, if `interests` is 0, deregisters it if it is. For
 * libraries that own their descriptors and may replace one by another of the
 * same number. Takes one system call if `fd` was registered, two if it was not.
 * MIOST_EXCLUSIVE is allowed: to set it takes two calls, to take it away three.
 * Fails as register does, except for -EEXIST. A failed call may leave `fd`
 * unregistered.
 */
MIOST_API int miost_os_queue_set(struct miost_os_queue *queue, int fd,
				 miost_id id, miost_interests interests,
				 miost_options options) MIOST_NONNULL(1);

/*
 * An object of the caller's own that knows how to register the descriptors that
 * it is made of. It is the first member of the object's struct.
 */
struct miost_evented {
	const struct miost_evented_ops *ops;
};

/*
 * An operation is called with valid interests and options. It returns 0 or a
 * negative error, which the caller gets.
 * Never grows: a new operation gets a table and a call of its own.
 */
struct miost_evented_ops {
	/* Registers the handle's descriptors with `queue`. */
	int (*register_with)(struct miost_evented *handle,
			     struct miost_os_queue *queue, miost_id id,
			     miost_interests interests, miost_options options);
	/* Replaces the id, interests and options that were set last. */
	int (*reregister_with)(struct miost_evented *handle,
			       struct miost_os_queue *queue, miost_id id,
			       miost_interests interests, miost_options options);
	/* Takes the handle's descriptors out of `queue`. */
	int (*deregister_from)(struct miost_evented *handle,
			       struct miost_os_queue *queue);
};

/*
 * These call the handle's operation and return what it returns. The first two
 * check interests and options before, like the calls for descriptors, and fail
 * with -EINVAL or -ENOTSUP without calling it. Only the operation touches the
 * queue: a thread that may call the operation may call these.
 */
MIOST_API int
miost_os_queue_register_evented(struct miost_os_queue *queue,
				struct miost_evented *handle, miost_id id,
				miost_interests interests, miost_options options)
	MIOST_NONNULL(1, 2);

MIOST_API int
miost_os_queue_reregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle, miost_id id,
				  miost_interests interests,
				  miost_options options) MIOST_NONNULL(1, 2);

MIOST_API int
miost_os_queue_deregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle)
	MIOST_NONNULL(1, 2);

MIOST_END_DECLS

#endif
