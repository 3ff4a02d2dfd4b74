/* SPDX-License-Identifier: MIT */
/* Events, sinks that take them, and sources that give them. */
#ifndef MIOST_EVENT_H
#define MIOST_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <miost/base.h>

MIOST_BEGIN_DECLS

/*
 * Names the origin of an event. The caller chooses it, and the event returns it
 * unchanged: a number, or a pointer to the caller's own state. Every value is
 * valid.
 */
typedef uintptr_t miost_id;

/*
 * What an event says: the constants below, combined by or. The first five have
 * the values of poll(2). The library will never use the upper eight bits,
 * 0xff000000: they are for events that the program itself makes.
 */
typedef uint32_t miost_ready;

#define MIOST_READABLE UINT32_C(0x01)	/* try a read, receive or accept */
#define MIOST_PRIORITY UINT32_C(0x02)	/* there is out-of-band data */
#define MIOST_WRITABLE UINT32_C(0x04)	/* try a write or send */
#define MIOST_ERROR UINT32_C(0x08)	/* an error is pending */
#define MIOST_HUP UINT32_C(0x10)	/* the peer closed one half or both */
#define MIOST_TIMER UINT32_C(0x20)	/* a deadline has passed */
#define MIOST_READ_CLOSED UINT32_C(0x40)	/* nothing more will arrive */
#define MIOST_WRITE_CLOSED UINT32_C(0x80)	/* nothing more can be sent */

/* Masks: try a read, or a write, after an event with any of these bits. */
#define MIOST_MAY_READ \
	(MIOST_READABLE | MIOST_ERROR | MIOST_HUP | MIOST_READ_CLOSED)
#define MIOST_MAY_WRITE (MIOST_WRITABLE | MIOST_ERROR | MIOST_WRITE_CLOSED)

struct miost_event {
	miost_id id;
	miost_ready readiness;
	uint32_t reserved;	/* 0 in every event that the library makes */
};

/*
 * Writes the names of the bits, lowest bit first, such as "READABLE | HUP".
 * Bits without a name follow as one hexadecimal number. The text of a set
 * without bits is "(empty)". Like snprintf(3), the function stores at most
 * `size` bytes, including the final NUL, and returns the length of the whole
 * text without the NUL. `buf` may be NULL when `size` is 0.
 */
MIOST_API int miost_ready_format(miost_ready ready, char *buf, size_t size);

/* A timeout: wait without end. */
#define MIOST_FOREVER (-INT64_C(1))

/*
 * A poll writes events into a sink, which is memory of the caller's: one of the
 * two ready-made sinks below, or a struct of the caller's own that begins with
 * this one.
 *
 * In one poll a source calls `reserve` at most once, before it takes any event
 * from its origin, and then, if it has events, `commit` once. miost_poll() may
 * reserve as well, and a `reserve` without a `commit` must be harmless.
 * `reserve` must not call into the source that is being polled. `commit` may
 * add, change or cancel there, but must neither poll nor free that source.
 */
struct miost_sink {
	const struct miost_sink_ops *ops;
};

/* The table never grows: a future operation would have its own. */
struct miost_sink_ops {
	/*
	 * Points `*slots` at room for up to `want` (at least 1) events and
	 * returns the number of slots: 1 to `want`, or 0 when the sink is full.
	 * A negative error ends the poll, which returns it. The slots stay
	 * valid until `commit` or the next `reserve`.
	 */
	ssize_t (*reserve)(struct miost_sink *sink, size_t want,
			   struct miost_event **slots);
	/*
	 * Called when the first `n` (at least 1) of the last reserved slots
	 * hold events. Cannot fail.
	 */
	void (*commit)(struct miost_sink *sink, size_t n);
};

/*
 * A sink of fixed size, over the caller's storage. After a poll the events are
 * events[0] to events[len - 1]. A poll appends: clear the array, or set `len`
 * to 0, before the next one. With a full array miost_poll() fails with
 * -ENOBUFS.
 */
struct miost_event_array {
	struct miost_sink sink;
	struct miost_event *events;
	size_t len;
	size_t capacity;
};

/* Makes `array` an empty sink over `storage`, which still is the caller's. */
MIOST_API void miost_event_array_init(struct miost_event_array *array,
				      struct miost_event *storage,
				      size_t capacity) MIOST_NONNULL(1);

/* Drops the events and keeps the storage. */
MIOST_API void miost_event_array_clear(struct miost_event_array *array)
	MIOST_NONNULL(1);

/*
 * A sink that grows as events come, and never shrinks. Use it like the array.
 * When memory runs out, it takes the events that still fit. Only when it is
 * full does the poll fail with -ENOMEM, and no event is lost. Any poll may move
 * `events`.
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
 * Makes room for `capacity` events in total. A poll allocates nothing while
 * there is room for the slots that its sources ask for: the OS queue asks for
 * 256, the timers and the user-space queue for as many as they will fill.
 * Returns 0, or fails with -ENOMEM and leaves `vec` unchanged.
 */
MIOST_API int miost_event_vec_reserve(struct miost_event_vec *vec,
				      size_t capacity) MIOST_NONNULL(1);

/* Drops the events and keeps the memory. */
MIOST_API void miost_event_vec_clear(struct miost_event_vec *vec)
	MIOST_NONNULL(1);

/* Frees the memory. `vec` is empty afterwards, and can be used again. */
MIOST_API void miost_event_vec_destroy(struct miost_event_vec *vec)
	MIOST_NONNULL(1);

/*
 * A source is where events come from: the OS queue, a user-space queue, timers,
 * or a struct of the caller's own that begins with this one.
 */
struct miost_source {
	const struct miost_source_ops *ops;
};

/* The table never grows: a future operation would have its own. */
struct miost_source_ops {
	/*
	 * Returns the span in nanoseconds until the source will have an event,
	 * 0 if it has one now, or MIOST_FOREVER if it cannot tell. NULL: it can
	 * never tell. Not called when the result would not matter.
	 */
	int64_t (*max_timeout)(struct miost_source *source);
	/*
	 * Moves events that are ready to the sink, without blocking. Returns
	 * their number, or a negative error. A full sink is not an error: the
	 * events stay for a later poll.
	 */
	int (*poll)(struct miost_source *source, struct miost_sink *sink);
	/*
	 * Does the same as `poll`, but waits up to `timeout` nanoseconds for an
	 * event if there is none (0: does not wait; negative: waits without
	 * end). NULL: `poll` is called instead.
	 */
	int (*blocking_poll)(struct miost_source *source,
			     struct miost_sink *sink, int64_t timeout);
};

MIOST_END_DECLS

#endif
