/* SPDX-License-Identifier: MIT */
/* The operating system's queue: checks arguments, a selector does the rest. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <miost/os.h>
#include <miost/timers.h>

#include "../core/compiler.h"
#include "../core/probes.h"
#include "os_queue.h"
#include "waker.h"

int
miost__selector_select_long(struct miost__selector *selector,
			    struct miost_event *events, size_t n,
			    int64_t timeout, int64_t longest)
{
	int64_t deadline = miost_deadline(miost_now(), timeout);
	int count;

	do {
		count = miost__selector_select(selector, events, n,
					       timeout < longest ? timeout
								 : longest);
		timeout = deadline - miost_now();
	} while (count == 0 && timeout > 0);
	return count;
}

/* Waits for up to `n` events, at least 1. */
static inline int
select_events(struct miost_os_queue *queue, struct miost_event *events,
	      size_t n, int64_t timeout)
{
	int count = miost__selector_select(&queue->selector, events, n,
					   timeout);

	if (count > 0 && queue->wakers != NULL)
		miost__waker_rearm(queue->wakers);
	return count;
}

static int
os_queue_blocking_poll(struct miost_source *source, struct miost_sink *sink,
		       int64_t timeout)
{
	struct miost_event *slots;
	ssize_t room = sink->ops->reserve(sink, MIOST__SELECTOR_BATCH, &slots);
	int n;

	if (room <= 0)
		return (int)room;
	n = select_events((struct miost_os_queue *)source, slots, (size_t)room,
			  timeout);
	if (n > 0)
		sink->ops->commit(sink, (size_t)n);
	return n;
}

static int
os_queue_poll(struct miost_source *source, struct miost_sink *sink)
{
	return os_queue_blocking_poll(source, sink, 0);
}

static const struct miost_source_ops os_queue_ops = {
	.max_timeout = NULL,
	.poll = os_queue_poll,
	.blocking_poll = os_queue_blocking_poll,
};

int
miost_os_queue_new(struct miost_os_queue **out)
{
	struct miost_os_queue *queue = malloc(sizeof(*queue));
	int err;

	if (queue == NULL)
		return -ENOMEM;
	queue->source.ops = &os_queue_ops;
	queue->wakers = NULL;
	err = miost__selector_open(&queue->selector);
	if (err < 0) {
		free(queue);
		return err;
	}
	*out = queue;
	return 0;
}

void
miost_os_queue_free(struct miost_os_queue *queue)
{
	if (queue == NULL)
		return;
	miost__selector_close(&queue->selector);
	miost__waker_abandon(queue->wakers);
	free(queue);
}

struct miost_source *
miost_os_queue_source(struct miost_os_queue *queue)
{
	return &queue->source;
}

int
miost_os_queue_poll(struct miost_os_queue *queue, struct miost_event *events,
		    size_t capacity, int64_t timeout)
{
	int n = -ENOBUFS;

	MIOST__PROBE(poll_entry, (size_t)1, timeout);
	if (capacity > MIOST__SELECTOR_BATCH)
		capacity = MIOST__SELECTOR_BATCH;
	if (capacity > 0)
		n = select_events(queue, events, capacity, timeout);
	MIOST__PROBE(poll_return, n);
	return n;
}

int
miost_os_queue_fd(const struct miost_os_queue *queue)
{
	return queue->selector.fd;
}

/* What there is not on every system, and not in every combination. */
static inline bool
is_special(miost_interests interests, miost_options options)
{
	return (interests & (MIOST_PRIORITY | MIOST_READ_CLOSED)) ||
	       (options & MIOST_EXCLUSIVE);
}

/* What it lacks to be valid, or the backend to serve it. */
static int
check_special(miost_interests interests, miost_options options)
{
	if ((options & MIOST_EXCLUSIVE) &&
	    ((options & MIOST_ONESHOT) ||
	     (interests & (MIOST_PRIORITY | MIOST_READ_CLOSED))))
		return -EINVAL;
	if (((options & MIOST_EXCLUSIVE) &&
	     !miost__selector_has(MIOST_FEATURE_EXCLUSIVE)) ||
	    ((interests & MIOST_PRIORITY) &&
	     !miost__selector_has(MIOST_FEATURE_PRIORITY)) ||
	    ((interests & MIOST_READ_CLOSED) &&
	     !(interests & MIOST_READABLE) &&
	     !miost__selector_has(MIOST_FEATURE_READ_CLOSED)))
		return -ENOTSUP;
	return 0;
}

/* What the arguments lack to be valid. */
static inline int
check_register(miost_interests interests, miost_options options)
{
	const miost_interests known = MIOST_READABLE | MIOST_PRIORITY |
				      MIOST_WRITABLE | MIOST_READ_CLOSED;
	const miost_options known_options = MIOST_EDGE | MIOST_ONESHOT |
					   MIOST_EXCLUSIVE;

	if ((interests & ~known) != 0 || (options & ~known_options) != 0)
		return -EINVAL;
	return 0;
}

static inline int
check_reregister(miost_interests interests, miost_options options)
{
	if (options & MIOST_EXCLUSIVE)
		return -EINVAL;
	return check_register(interests, options);
}

/* To register or to reregister. */
typedef int selector_control(struct miost__selector *selector, int fd,
			     miost_id id, miost_interests interests,
			     miost_options options);

static MIOST__NOINLINE int
control_special(struct miost_os_queue *queue, int fd, miost_id id,
		miost_interests interests, miost_options options,
		selector_control *operation)
{
	int err = check_special(interests, options);

	if (err < 0)
		return err;
	return operation(&queue->selector, fd, id, interests, options);
}

/* Arguments keep the order of the callers', and so their registers. */
static inline int
control(struct miost_os_queue *queue, int fd, miost_id id,
	miost_interests interests, miost_options options,
	selector_control *operation)
{
	if (is_special(interests, options))
		return control_special(queue, fd, id, interests, options,
				       operation);
	return operation(&queue->selector, fd, id, interests, options);
}

int
miost_os_queue_register(struct miost_os_queue *queue, int fd, miost_id id,
			miost_interests interests, miost_options options)
{
	int err = check_register(interests, options);

	if (err == 0)
		err = control(queue, fd, id, interests, options,
			      miost__selector_register);
	MIOST__PROBE(register, queue->selector.fd, fd, id, interests, options,
		     err);
	return err;
}

int
miost__os_queue_adopt(struct miost_os_queue *queue, int fd, miost_id id,
		      miost_options options)
{
	int err = miost_os_queue_register(queue, fd, id, MIOST_READABLE,
					  options);

	if (err < 0)
		close(fd);
	return err < 0 ? err : fd;
}

void
miost__os_queue_drop(const struct miost__selector *selector, int fd)
{
	if (selector->owner == getpid())
		(void)miost__selector_deregister(selector, fd);
	close(fd);
}

int
miost_os_queue_reregister(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_interests interests, miost_options options)
{
	int err = check_reregister(interests, options);

	if (err == 0)
		err = control(queue, fd, id, interests, options,
			      miost__selector_reregister);
	MIOST__PROBE(reregister, queue->selector.fd, fd, id, interests,
		     options, err);
	return err;
}

int
miost_os_queue_deregister(struct miost_os_queue *queue, int fd)
{
	int err = miost__selector_deregister(&queue->selector, fd);

	MIOST__PROBE(deregister, queue->selector.fd, fd, err);
	return err;
}

int
miost_os_queue_set(struct miost_os_queue *queue, int fd, miost_id id,
		   miost_interests interests, miost_options options)
{
	int err = check_register(interests, options);

	if (err == 0 && interests == 0) {
		err = miost__selector_deregister(&queue->selector, fd);
		err = err == -ENOENT ? 0 : err;
	} else if (err == 0) {
		err = control(queue, fd, id, interests, options,
			      miost__selector_set);
	}
	MIOST__PROBE(set, queue->selector.fd, fd, id, interests, options, err);
	return err;
}

int
miost_os_queue_register_evented(struct miost_os_queue *queue,
				struct miost_evented *handle, miost_id id,
				miost_interests interests,
				miost_options options)
{
	int err = check_register(interests, options);

	if (err == 0 && is_special(interests, options))
		err = check_special(interests, options);
	if (err < 0)
		return err;
	return handle->ops->register_with(handle, queue, id, interests,
					  options);
}

int
miost_os_queue_reregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle, miost_id id,
				  miost_interests interests,
				  miost_options options)
{
	int err = check_reregister(interests, options);

	if (err == 0 && is_special(interests, options))
		err = check_special(interests, options);
	if (err < 0)
		return err;
	return handle->ops->reregister_with(handle, queue, id, interests,
					    options);
}

int
miost_os_queue_deregister_evented(struct miost_os_queue *queue,
				  struct miost_evented *handle)
{
	return handle->ops->deregister_from(handle, queue);
}
