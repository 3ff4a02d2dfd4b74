/* SPDX-License-Identifier: MIT */
/* The operating system's queue: epoll or kqueue. */
#ifndef MIOST_OS_H
#define MIOST_OS_H

#include <stdint.h>

#include <miost/base.h>
#include <miost/event.h>

MIOST_BEGIN_DECLS

/*
 * What a descriptor is watched for: MIOST_READABLE, MIOST_WRITABLE and
 * MIOST_PRIORITY, or-ed, at least one. No other of the three is delivered;
 * MIOST_ERROR, MIOST_HUP and the CLOSED bits come unasked.
 */
typedef uint32_t miost_interests;

/* The usual choice for each kind of descriptor. */
#define MIOST_TCP_STREAM_INTERESTS (MIOST_READABLE | MIOST_WRITABLE)
#define MIOST_TCP_LISTENER_INTERESTS MIOST_READABLE
#define MIOST_UDP_INTERESTS (MIOST_READABLE | MIOST_WRITABLE)
#define MIOST_UNIX_STREAM_INTERESTS (MIOST_READABLE | MIOST_WRITABLE)
#define MIOST_UNIX_LISTENER_INTERESTS MIOST_READABLE
#define MIOST_UNIX_DATAGRAM_INTERESTS (MIOST_READABLE | MIOST_WRITABLE)
#define MIOST_PIPE_RECEIVER_INTERESTS MIOST_READABLE
#define MIOST_PIPE_SENDER_INTERESTS MIOST_WRITABLE

/* How a descriptor is watched, or-ed. */
typedef uint32_t miost_option;

enum {
	/* An event in every poll for as long as the descriptor is ready. */
	MIOST_LEVEL = 0,
	/* An event when the descriptor becomes ready, again or more so. */
	MIOST_EDGE = 1 << 0,
	/* Silent after one event, until reregistered. */
	MIOST_ONESHOT = 1 << 1,
	/*
	 * Of several queues that watch the descriptor wake few. -ENOTSUP where
	 * the system cannot. Not with MIOST_ONESHOT or MIOST_PRIORITY, and
	 * never reregistered: -EINVAL. The peer's half-close then shows as
	 * MIOST_READABLE alone.
	 */
	MIOST_EXCLUSIVE = 1 << 2
};

struct miost_os_queue;

/*
 * Returns 0, -ENOMEM, or what the system says: -EMFILE, -ENFILE. The queue's
 * own descriptor is close-on-exec.
 */
MIOST_API int miost_os_queue_new(struct miost_os_queue **queue)
	MIOST_NONNULL(1);

/* Closes the queue; the descriptors in it stay open. NULL is ignored. */
MIOST_API void miost_os_queue_free(struct miost_os_queue *queue);

/* The queue as a source, valid until the queue is freed. */
MIOST_API struct miost_source *
miost_os_queue_source(struct miost_os_queue *queue) MIOST_NONNULL(1);

/* miost_poll() over this queue alone. */
MIOST_API int miost_os_queue_poll(struct miost_os_queue *queue,
				  struct miost_sink *sink, int64_t timeout)
	MIOST_NONNULL(1, 2);

/*
 * The queue's own descriptor, readable when events are pending, for another
 * queue or a foreign loop. It stays the queue's: do not close it.
 */
MIOST_API int miost_os_queue_fd(const struct miost_os_queue *queue)
	MIOST_NONNULL(1);

/*
 * Watches `fd`; its events carry `id`. The descriptor stays the caller's, who
 * deregisters it before closing it.
 *
 * Returns 0, or
 * -EINVAL: no or unknown interests, unknown or contradictory options, `fd` is
 *          this queue's own, or it is another queue's and to be exclusive;
 * -EBADF: `fd` is not open;
 * -EEXIST: `fd` is registered already; kqueue does not notice, and replaces the
 *          id, but not the option, of the interests that are named;
 * -EPERM: the system cannot watch such a descriptor (a regular file, which
 *         kqueue watches); -ENODEV: such a device;
 * -EPIPE: `fd` sends into a pipe that nobody reads, on FreeBSD and NetBSD;
 * -ENOTSUP: the system has no MIOST_EXCLUSIVE, or no MIOST_PRIORITY;
 * -ELOOP: queues would watch each other in a circle, or nest too deeply;
 * -ENOMEM, -ENOSPC: the system's limits.
 */
MIOST_API int miost_os_queue_register(struct miost_os_queue *queue, int fd,
				      miost_id id, miost_interests interests,
				      miost_option option) MIOST_NONNULL(1);

/*
 * Replaces id, interests and option of a registered descriptor, and wakes a
 * MIOST_ONESHOT one again. Errors as above, and -ENOENT: `fd` is not
 * registered. -ENOMEM on kqueue leaves it not registered.
 */
MIOST_API int miost_os_queue_reregister(struct miost_os_queue *queue, int fd,
					miost_id id, miost_interests interests,
					miost_option option) MIOST_NONNULL(1);

/*
 * Stops watching. No event of `fd` comes after it, save those in the sink
 * already. Returns 0, -EBADF, or -ENOENT: `fd` is not registered. What cannot
 * be registered at all gives the error that register gives: -EPERM, -EINVAL.
 */
MIOST_API int miost_os_queue_deregister(struct miost_os_queue *queue, int fd)
	MIOST_NONNULL(1);

/*
 * A handle of the caller's own kind, the first member of its struct, that
 * knows how to register what it is made of.
 */
struct miost_evented {
	const struct miost_evented_ops *ops;
};

/*
 * Interests and option are valid when an operation is called, and what it
 * returns is returned to the caller: 0, or a negative error.
 * Never grows: an operation to come gets a table and a call of its own.
 */
struct miost_evented_ops {
	/* Registers the handle's descriptors with `queue`. */
	int (*register_with)(struct miost_evented *handle,
			     struct miost_os_queue *queue, miost_id id,
			     miost_interests interests, miost_option option);
	/* Replaces what register_with or the last call of this one set. */
	int (*reregister_with)(struct miost_evented *handle,
			       struct miost_os_queue *queue, miost_id id,
			       miost_interests interests, miost_option option);
	/* Takes the handle's descriptors out of `queue`. */
	int (*deregister_from)(struct miost_evented *handle,
			       struct miost_os_queue *queue);
};

/* As the calls for descriptors; -EINVAL comes before the handle is asked. */
MIOST_API int
miost_os_queue_register_evented(struct miost_os_queue *queue,
				struct miost_evented *handle, miost_id id,
				miost_interests interests, miost_option option)
	MIOST_NONNULL(1, 2);

MIOST_API int
miost_os_queue_reregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle, miost_id id,
				  miost_interests interests,
				  miost_option option) MIOST_NONNULL(1, 2);

MIOST_API int
miost_os_queue_deregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle)
	MIOST_NONNULL(1, 2);

MIOST_END_DECLS

#endif
