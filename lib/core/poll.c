/* SPDX-License-Identifier: MIT */
/* Polling several sources as one. */
#include <errno.h>
#include <limits.h>

#include <miost/poll.h>

#include "probes.h"

/* How long the first source may wait: no longer than any source allows. */
static int64_t
shortest_timeout(struct miost_source *const sources[], size_t n,
		 int64_t timeout)
{
	for (size_t i = 0; i < n && timeout != 0; i++) {
		struct miost_source *source = sources[i];
		int64_t span;

		if (source->ops->max_timeout == NULL)
			continue;
		span = source->ops->max_timeout(source);
		if (span >= 0 && (timeout < 0 || span < timeout))
			timeout = span;
	}
	return timeout;
}

static int
poll_first(struct miost_source *source, struct miost_sink *sink,
	   int64_t timeout)
{
	if (source->ops->blocking_poll == NULL)
		return source->ops->poll(source, sink);
	return source->ops->blocking_poll(source, sink, timeout);
}

static int
poll_all(struct miost_source *const sources[], size_t n,
	 struct miost_sink *sink, int64_t timeout)
{
	struct miost_event *slots;
	ssize_t room;
	int total;

	if (n == 0)
		return 0;
	room = sink->ops->reserve(sink, 1, &slots);
	if (room <= 0)
		return room < 0 ? (int)room : -ENOBUFS;

	timeout = shortest_timeout(sources, n, timeout);
	total = poll_first(sources[0], sink, timeout);
	for (size_t i = 1; i < n && total >= 0; i++) {
		int added = sources[i]->ops->poll(sources[i], sink);

		if (added < 0)
			return added;
		total = added > INT_MAX - total ? INT_MAX : total + added;
	}
	return total;
}

int
miost_poll(struct miost_source *const sources[], size_t n,
	   struct miost_sink *sink, int64_t timeout)
{
	int total;

	MIOST__PROBE(poll_entry, n, timeout);
	total = poll_all(sources, n, sink, timeout);
	MIOST__PROBE(poll_return, total);
	return total;
}
