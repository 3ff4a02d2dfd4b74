/* SPDX-License-Identifier: MIT */
/* Polling several sources as one. */
#include <errno.h>
#include <limits.h>

#include <miost/poll.h>

#include "compiler.h"
#include "probes.h"

/* Cuts a timeout to the longest that the source allows. */
static inline int64_t
shorten(struct miost_source *source, int64_t timeout)
{
	int64_t span;

	if (timeout == 0 || source->ops->max_timeout == NULL)
		return timeout;
	span = source->ops->max_timeout(source);
	return span >= 0 && (timeout < 0 || span < timeout) ? span : timeout;
}

static inline int
poll_first(struct miost_source *source, struct miost_sink *sink,
	   int64_t timeout)
{
	if (source->ops->blocking_poll == NULL)
		return source->ops->poll(source, sink);
	return source->ops->blocking_poll(source, sink, timeout);
}

/* Returns 0 if the sink has room for an event, else an error. */
static inline int
check_room(struct miost_sink *sink)
{
	struct miost_event *slots;
	ssize_t room = sink->ops->reserve(sink, 1, &slots);

	if (room > 0)
		return 0;
	return room < 0 ? (int)room : -ENOBUFS;
}

/* The same as poll_all() with one source. */
static inline int
poll_one(struct miost_source *source, struct miost_sink *sink, int64_t timeout)
{
	int err = check_room(sink);

	if (err < 0)
		return err;
	return poll_first(source, sink, shorten(source, timeout));
}

/* The caller has checked that the sink has room. */
static inline int
poll_checked(struct miost_source *const sources[], size_t n,
	     struct miost_sink *sink, int64_t timeout)
{
	int total;

	for (size_t i = 0; i < n; i++)
		timeout = shorten(sources[i], timeout);
	total = poll_first(sources[0], sink, timeout);
	for (size_t i = 1; i < n && total >= 0; i++) {
		int added = sources[i]->ops->poll(sources[i], sink);

		if (added < 0)
			return added;
		total = added > INT_MAX - total ? INT_MAX : total + added;
	}
	return total;
}

static MIOST__NOINLINE int
poll_all(struct miost_source *const sources[], size_t n,
	 struct miost_sink *sink, int64_t timeout)
{
	int err = check_room(sink);

	return err < 0 ? err : poll_checked(sources, n, sink, timeout);
}

int64_t
miost_max_timeout(struct miost_source *const sources[], size_t n)
{
	int64_t timeout = MIOST_FOREVER;

	for (size_t i = 0; i < n; i++)
		timeout = shorten(sources[i], timeout);
	return timeout;
}

int
miost_poll(struct miost_source *const sources[], size_t n,
	   struct miost_sink *sink, int64_t timeout)
{
	int total = 0;

	MIOST__PROBE(poll_entry, n, timeout);
	if (n == 1)
		total = poll_one(sources[0], sink, timeout);
	else if (n > 1)
		total = poll_all(sources, n, sink, timeout);
	MIOST__PROBE(poll_return, total);
	return total;
}

int
miost_poll_events(struct miost_source *const sources[], size_t n,
		  struct miost_event *events, size_t capacity, int64_t timeout)
{
	struct miost_event_array array;
	int total = 0;

	MIOST__PROBE(poll_entry, n, timeout);
	miost_event_array_init(&array, events, capacity);
	if (n > 0 && capacity == 0)
		total = -ENOBUFS;
	else if (n > 0)
		total = poll_checked(sources, n, &array.sink, timeout);
	/* If a later source fails, the events taken before are not lost. */
	if (total < 0 && array.len > 0)
		total = array.len < INT_MAX ? (int)array.len : INT_MAX;
	MIOST__PROBE(poll_return, total);
	return total;
}
