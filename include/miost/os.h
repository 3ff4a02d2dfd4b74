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
 * MIOST_PRIORITY and MIOST_READ_CLOSED, combined by or.
 *
 * An event has MIOST_READABLE, MIOST_WRITABLE and MIOST_PRIORITY only if the
 * descriptor is registered for them (but see MIOST_READ_CLOSED). MIOST_ERROR,
 * MIOST_HUP and the CLOSED bits are always reported, except that a half-close
 * is reported, as MIOST_HUP and MIOST_READ_CLOSED, only if the descriptor is
 * registered for MIOST_READABLE or MIOST_READ_CLOSED.
 *
 * MIOST_READ_CLOSED without MIOST_READABLE reports a half-close, but not data.
 * On kqueue the event has MIOST_READABLE as well, and this works only on
 * sockets that do not listen.
 *
 * 0 pauses the descriptor, which stays registered. On epoll MIOST_ERROR still
 * comes, and MIOST_HUP once both halves are closed; on kqueue there are no
 * events.
 */
typedef miost_ready miost_interests;

/* How a descriptor is watched: the constants below, combined by or. */
typedef uint32_t miost_options;

/* An event in every poll while the descriptor is ready. */
#define MIOST_LEVEL UINT32_C(0x0)
/* An event when the descriptor becomes ready, and when more arrives. */
#define MIOST_EDGE UINT32_C(0x1)
/* One event, then none until the descriptor is reregistered. */
#define MIOST_ONESHOT UINT32_C(0x2)
/*
 * An event wakes at least one of the queues that watch the descriptor, but only
 * a few instead of all. A half-close is reported as MIOST_READABLE alone.
 * -ENOTSUP: the system does not support it; -EINVAL: combined with
 * MIOST_ONESHOT, MIOST_PRIORITY or MIOST_READ_CLOSED, or in reregister.
 */
#define MIOST_EXCLUSIVE UINT32_C(0x4)

struct miost_os_queue;

/*
 * Makes a queue, whose own descriptor is close-on-exec. Returns 0, or fails
 * with -ENOMEM, -EMFILE or -ENFILE.
 */
MIOST_API int miost_os_queue_new(struct miost_os_queue **queue)
	MIOST_NONNULL(1);

/* Frees the queue. Registered descriptors stay open. NULL is ignored. */
MIOST_API void miost_os_queue_free(struct miost_os_queue *queue);

/* Returns the queue as a source, valid until the queue is freed. */
MIOST_API struct miost_source *
miost_os_queue_source(struct miost_os_queue *queue) MIOST_NONNULL(1);

/*
 * Polls this queue alone: waits up to `timeout` nanoseconds (0: does not wait;
 * negative: waits without end) and stores up to `capacity` events, but no more
 * than 256, from events[0] on.
 *
 * Returns the number of events, or 0 if the time passed without one, or fails
 * with
 * -ENOBUFS: `capacity` is 0; nothing was waited for or taken;
 * -EINTR: a signal handler ran, or, on Linux, the process was stopped and
 *	   continued. Poll again.
 */
MIOST_API int miost_os_queue_poll(struct miost_os_queue *queue,
				  struct miost_event *events, size_t capacity,
				  int64_t timeout) MIOST_NONNULL(1);

/*
 * Returns the queue's own descriptor, which is readable while events are
 * pending, for another queue or a foreign loop. It belongs to the queue: do not
 * close it.
 */
MIOST_API int miost_os_queue_fd(const struct miost_os_queue *queue)
	MIOST_NONNULL(1);

/*
 * Any thread may call register, reregister, deregister and set, even while
 * another thread polls the queue or calls one of them for another descriptor,
 * but not while the queue is being freed. On kqueue there is one exception: a
 * MIOST_ONESHOT descriptor must not be changed, nor its number be used again,
 * while another thread's poll may take its event. Only one thread at a time may
 * make any other call on a queue.
 */

/*
 * Watches `fd`, whose events carry `id`. The descriptor belongs to the caller,
 * who deregisters it before closing it.
 *
 * Returns 0, or fails with
 * -EBADF: `fd` is not open;
 * -EEXIST: `fd` is registered already. kqueue does not report this: it replaces
 *	    the id, but not the options, of the interests that are named, and a
 *	    paused descriptor stays paused;
 * -EINVAL: unknown interests, unknown or contradictory options, `fd` is this
 *	    queue's own, or `fd` is another queue's and MIOST_EXCLUSIVE is set;
 * -ELOOP: queues would watch each other in a circle, or be nested too deeply;
 * -ENODEV: kqueue cannot watch such a device;
 * -ENOMEM: not enough memory;
 * -ENOSPC: the user already watches as many descriptors as the system allows;
 * -ENOTSUP: the system does not support MIOST_EXCLUSIVE or MIOST_PRIORITY, or
 *	     MIOST_READ_CLOSED without MIOST_READABLE for this descriptor;
 * -EPERM: epoll cannot watch this descriptor, such as a regular file;
 * -EPIPE: on FreeBSD and NetBSD, `fd` is the writing end of a pipe without a
 *	   reader.
 */
MIOST_API int miost_os_queue_register(struct miost_os_queue *queue, int fd,
				      miost_id id, miost_interests interests,
				      miost_options options) MIOST_NONNULL(1);

/*
 * Replaces the id, interests and options of a registered descriptor, and rearms
 * it after MIOST_ONESHOT. Fails with the errors of register, except for
 * -EEXIST, and with
 * -ENOENT: `fd` is not registered;
 * -EINVAL: MIOST_EXCLUSIVE is set, or `fd` was registered with it.
 * A call that fails changes nothing, but on kqueue may leave `fd` unregistered.
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
 * -EPERM: epoll cannot watch this descriptor.
 */
MIOST_API int miost_os_queue_deregister(struct miost_os_queue *queue, int fd)
	MIOST_NONNULL(1);

/*
 * Registers `fd` with these interests and options, whether or not it is
 * registered already. If `interests` is 0, deregisters `fd` instead, and also
 * returns 0 if it is not registered. For libraries that own their descriptors
 * and may replace one by another with the same number.
 *
 * Makes one system call if `fd` was registered, two if it was not.
 * MIOST_EXCLUSIVE is allowed: setting it takes two calls, removing it three.
 * Fails with the errors of register, except for -EEXIST. A call that fails may
 * leave `fd` unregistered.
 */
MIOST_API int miost_os_queue_set(struct miost_os_queue *queue, int fd,
				 miost_id id, miost_interests interests,
				 miost_options options) MIOST_NONNULL(1);

/*
 * The first member of an object of the caller's own that knows how to register
 * its descriptors.
 */
struct miost_evented {
	const struct miost_evented_ops *ops;
};

/*
 * Operations are called with valid interests and options. They return 0 or a
 * negative error, which the functions below return.
 * The table never grows: a future operation would have its own.
 */
struct miost_evented_ops {
	/* Registers the handle's descriptors with `queue`. */
	int (*register_with)(struct miost_evented *handle,
			     struct miost_os_queue *queue, miost_id id,
			     miost_interests interests, miost_options options);
	/* Replaces the current id, interests and options. */
	int (*reregister_with)(struct miost_evented *handle,
			       struct miost_os_queue *queue, miost_id id,
			       miost_interests interests,
			       miost_options options);
	/* Deregisters the handle's descriptors from `queue`. */
	int (*deregister_from)(struct miost_evented *handle,
			       struct miost_os_queue *queue);
};

/*
 * These call the handle's operation and return its result. The first two check
 * interests and options before that, like the functions for descriptors, and
 * fail with -EINVAL or -ENOTSUP without calling it. Only the operation touches
 * the queue: a thread that may call the operation may call these.
 */
MIOST_API int
miost_os_queue_register_evented(struct miost_os_queue *queue,
				struct miost_evented *handle, miost_id id,
				miost_interests interests,
				miost_options options)
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
