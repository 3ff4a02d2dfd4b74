/* SPDX-License-Identifier: MIT */
/* Events, the sinks that take them and the sources that give them. */
#ifndef MIOST_EVENT_H
#define MIOST_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <miost/base.h>

MIOST_BEGIN_DECLS

/*
 * Names the origin of an event: chosen by the caller, handed back unchanged.
 * A number or a pointer to the caller's own state; every value is valid.
 */
typedef uintptr_t miost_id;

/* What an event says. The first five are numbered as poll(2) numbers them. */
enum {
	MIOST_READABLE = 1 << 0,	/* a read, receive or accept */
	MIOST_PRIORITY = 1 << 1,	/* out-of-band data and its kind */
	MIOST_WRITABLE = 1 << 2,	/* a write or send */
	MIOST_ERROR = 1 << 3,		/* an error is pending */
	MIOST_HUP = 1 << 4,		/* the peer closed one half or both */
	MIOST_TIMER = 1 << 5,		/* a deadline has passed */
	MIOST_READ_CLOSED = 1 << 6,	/* nothing more will come */
	MIOST_WRITE_CLOSED = 1 << 7	/* nothing more can be sent */
};

/* A set of the above, or-ed. */
typedef uint32_t miost_ready;

struct miost_event {
	miost_id id;
	miost_ready readiness;
};

/* Whether all of `other` is in `ready`. */
static inline bool
miost_ready_contains(miost_ready ready, miost_ready other)
{
	return (ready & other) == other;
}

static inline bool
miost_ready_is_readable(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_READABLE);
}

static inline bool
miost_ready_is_priority(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_PRIORITY);
}

static inline bool
miost_ready_is_writable(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_WRITABLE);
}

static inline bool
miost_ready_is_error(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_ERROR);
}

static inline bool
miost_ready_is_hup(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_HUP);
}

static inline bool
miost_ready_is_timer(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_TIMER);
}

static inline bool
miost_ready_is_read_closed(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_READ_CLOSED);
}

static inline bool
miost_ready_is_write_closed(miost_ready ready)
{
	return miost_ready_contains(ready, MIOST_WRITE_CLOSED);
}

/*
 * Writes `ready` in words, "READABLE | HUP", lowest bit first; bits without a
 * name as one hexadecimal number at the end, no bits as "(empty)". As
 * snprintf(3) does: at most `size` bytes with the final NUL, and the length
 * that the whole text has without it is returned. `buf` may be NULL when
 * `size` is 0.
 */
MIOST_API int miost_ready_format(miost_ready ready, char *buf, size_t size);

/* A span of time without end, where a timeout in nanoseconds is expected. */
#define MIOST_FOREVER (-INT64_C(1))

/*
 * A sink is where events go: the caller's own memory. It is the first member
 * of a struct that the caller defines, or one of the two ready-made below.
 *
 * In one poll a source calls `reserve` at most once, before it takes anything
 * from where its events come from, and then, if it has events, `commit` once.
 * miost_poll() may reserve on its own as well, so a reserve without a commit
 * must be harmless. A `reserve` may not call into the source that is polled; a
 * `commit` may, to add, change or cancel, but not to poll or free it.
 */
struct miost_sink {
	const struct miost_sink_ops *ops;
};

/* Never grows: an operation to come gets a table and a call of its own. */
struct miost_sink_ops {
	/*
	 * Points `*slots` at room for up to `want` (at least 1) events and
	 * returns how many slots there are: 1 to `want`, 0 when the sink is
	 * full, or a negative error, which ends the poll and is returned by
	 * it. The slots stay valid until `commit` or the next `reserve`.
	 */
	ssize_t (*reserve)(struct miost_sink *sink, size_t want,
			   struct miost_event **slots);
	/*
	 * The first `n` (at least 1) of the slots last reserved hold events
	 * now. Cannot fail.
	 */
	void (*commit)(struct miost_sink *sink, size_t n);
};

/*
 * A sink over storage of the caller's, of fixed size. After a poll the events
 * are events[0] to events[len - 1]; set `len` to 0, or clear, before the next.
 */
struct miost_event_array {
	struct miost_sink sink;
	struct miost_event *events;
	size_t len;
	size_t capacity;
};

/* Makes `array` an empty sink over `storage`, which stays the caller's. */
MIOST_API void miost_event_array_init(struct miost_event_array *array,
				      struct miost_event *storage,
				      size_t capacity) MIOST_NONNULL(1);

/* Forgets the events; the storage is kept. */
MIOST_API void miost_event_array_clear(struct miost_event_array *array)
	MIOST_NONNULL(1);

/*
 * A sink that grows as events come, and never shrinks. When memory runs out
 * it takes what still fits; only a full one gives -ENOMEM, and then no event
 * is lost. Used as the array is; `events` may move in any poll.
 */
struct miost_event_vec {
	struct miost_sink sink;
	struct miost_event *events;
	size_t len;
	size_t capacity;
};

/* Makes `vec` an empty sink. Allocates nothing. */
MIOST_API void miost_event_vec_init(struct miost_event_vec *vec)
	MIOST_NONNULL(1);

/*
 * Makes room for `capacity` events in all, those that are there included.
 * A poll allocates nothing while there is room for what its sources ask: the
 * system's queue asks for 256 slots, the others for as many as they will fill.
 * Returns 0 or -ENOMEM, and then `vec` is as it was.
 */
MIOST_API int miost_event_vec_reserve(struct miost_event_vec *vec,
				      size_t capacity) MIOST_NONNULL(1);

/* Forgets the events; the memory is kept. */
MIOST_API void miost_event_vec_clear(struct miost_event_vec *vec)
	MIOST_NONNULL(1);

/* Frees the memory; `vec` is empty after it and can be used again. */
MIOST_API void miost_event_vec_destroy(struct miost_event_vec *vec)
	MIOST_NONNULL(1);

/*
 * A source is where events come from: the system's queue, a user-space queue,
 * timers, or one of the caller's own, as the first member of its struct.
 */
struct miost_source {
	const struct miost_source_ops *ops;
};

/* Never grows: an operation to come gets a table and a call of its own. */
struct miost_source_ops {
	/*
	 * The span in nanoseconds until the source will have an event: 0 when
	 * it has one now, MIOST_FOREVER when it cannot tell. NULL: it never
	 * can. Not called when nothing would wait on the answer.
	 */
	int64_t (*max_timeout)(struct miost_source *source);
	/*
	 * Moves events that are ready to the sink, without blocking. Returns
	 * how many, or a negative error. A full sink is no error: the events
	 * stay for a later poll.
	 */
	int (*poll)(struct miost_source *source, struct miost_sink *sink);
	/*
	 * Like `poll`, but when there is no event waits for one until
	 * `timeout` nanoseconds have passed (0: does not wait; negative:
	 * without end). NULL: `poll` is called in its place.
	 */
	int (*blocking_poll)(struct miost_source *source,
			     struct miost_sink *sink, int64_t timeout);
};

MIOST_END_DECLS

#endif
