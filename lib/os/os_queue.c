/* SPDX-License-Identifier: MIT */
/* The operating system's queue: checks arguments and calls the backend. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <miost/os.h>
#include <miost/timers.h>

#include "../cancel.h"
#include "../core/compiler.h"
#include "../core/probes.h"
#include "os_queue.h"
#include "owner.h"
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

static MIOST__NOINLINE int
select_and_rearm(struct miost_os_queue *queue, struct miost_event *events,
		 size_t n, int64_t timeout)
{
	int count;

	/*
	 * The last wait was cancelled or left by longjmp(3), and the events of
	 * wakers may be lost.
	 */
	if (queue->waiting)
		miost__waker_repeat(queue->wakers);
	queue->waiting = true;
	count = miost__selector_select(&queue->selector, events, n, timeout);
	queue->waiting = false;
	miost__waker_rearm(&queue->wakers);
	return count;
}

/*
 * Waits for up to `n` events; `n` is at least 1. Without wakers nothing is left
 * to do after the backend returns, so the backend is called in tail position.
 * That saves a return, and returns cost more than usual after a system call, in
 * which the kernel clears the processor's return predictions.
 */
static inline int
select_events(struct miost_os_queue *queue, struct miost_event *events,
	      size_t n, int64_t timeout)
{
	if (queue->wakers != NULL)
		return select_and_rearm(queue, events, n, timeout);
	return miost__selector_select(&queue->selector, events, n, timeout);
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

static int
new_queue(struct miost_os_queue **out)
{
	struct miost_os_queue *queue = malloc(sizeof(*queue));
	const pid_t *owner = miost__owner_new();
	int err = -ENOMEM;

	if (queue != NULL && owner != NULL)
		err = miost__selector_open(&queue->selector, owner);
	if (err < 0) {
		if (owner != NULL)
			miost__owner_free(owner);
		free(queue);
		return err;
	}
	queue->source.ops = &os_queue_ops;
	queue->wakers = NULL;
	queue->waiting = false;
	atomic_init(&queue->holders, 1);
	*out = queue;
	return 0;
}

int
miost_os_queue_new(struct miost_os_queue **out)
{
	int state = miost__cancel_disable();
	int err = new_queue(out);

	miost__cancel_restore(state);
	return err;
}

void
miost__os_queue_hold(struct miost_os_queue *queue)
{
	atomic_fetch_add_explicit(&queue->holders, 1, memory_order_relaxed);
}

void
miost__os_queue_release(struct miost_os_queue *queue)
{
	if (atomic_fetch_sub_explicit(&queue->holders, 1,
				      memory_order_acq_rel) > 1)
		return;
	miost__owner_free(queue->selector.owner);
	free(queue);
}

void
miost_os_queue_free(struct miost_os_queue *queue)
{
	int state;

	if (queue == NULL)
		return;
	state = miost__cancel_disable();
	miost__selector_close(&queue->selector);
	miost__waker_abandon(queue->wakers);
	miost__os_queue_release(queue);
	miost__cancel_restore(state);
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

/* Whether the arguments are valid on every system, in every combination. */
static inline bool
is_plain(miost_interests interests, miost_options options)
{
	return (interests & ~(MIOST_READABLE | MIOST_WRITABLE)) == 0 &&
	       (options & ~(MIOST_EDGE | MIOST_ONESHOT)) == 0;
}

/* Checks all arguments. -EINVAL: not valid; -ENOTSUP: not in this backend. */
static int
check(miost_interests interests, miost_options options)
{
	const miost_interests with_exclusive = MIOST_READABLE | MIOST_WRITABLE;
	const miost_interests known = with_exclusive | MIOST_PRIORITY |
				      MIOST_READ_CLOSED;
	bool exclusive = options & MIOST_EXCLUSIVE;

	if ((interests & ~known) != 0 ||
	    (options & ~(MIOST_EDGE | MIOST_ONESHOT | MIOST_EXCLUSIVE)) != 0)
		return -EINVAL;
	if (exclusive && ((options & MIOST_ONESHOT) ||
			  (interests & ~with_exclusive) != 0))
		return -EINVAL;
	if ((exclusive && !miost__selector_has(MIOST_FEATURE_EXCLUSIVE)) ||
	    ((interests & MIOST_PRIORITY) &&
	     !miost__selector_has(MIOST_FEATURE_PRIORITY)) ||
	    ((interests & MIOST_READ_CLOSED) && !(interests & MIOST_READABLE) &&
	     !miost__selector_has(MIOST_FEATURE_READ_CLOSED)))
		return -ENOTSUP;
	return 0;
}

static int
check_again(miost_interests interests, miost_options options)
{
	return options & MIOST_EXCLUSIVE ? -EINVAL : check(interests, options);
}

/* Registers, reregisters or sets: a call of the backend, or clear() below. */
typedef int selector_control(struct miost__selector *selector, int fd,
			     miost_id id, miost_interests interests,
			     miost_options options);

/*
 * Out of line, so that the usual case need not save registers. The parameters
 * are in the callers' order, so that the arguments stay in their registers.
 */
static MIOST__NOINLINE int
control_other(struct miost_os_queue *queue, int fd, miost_id id,
	      miost_interests interests, miost_options options,
	      selector_control *operation)
{
	int err = operation == miost__selector_reregister
			  ? check_again(interests, options)
			  : check(interests, options);

	if (err < 0)
		return err;
	return operation(&queue->selector, fd, id, interests, options);
}

static inline int
control(struct miost_os_queue *queue, int fd, miost_id id,
	miost_interests interests, miost_options options,
	selector_control *operation)
{
	if (!is_plain(interests, options))
		return control_other(queue, fd, id, interests, options,
				     operation);
	return operation(&queue->selector, fd, id, interests, options);
}

int
miost_os_queue_register(struct miost_os_queue *queue, int fd, miost_id id,
			miost_interests interests, miost_options options)
{
	int err = control(queue, fd, id, interests, options,
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
miost__os_queue_drop(struct miost_os_queue *queue, int fd)
{
	if (miost__owner_is_here(queue->selector.owner))
		(void)miost__selector_deregister(&queue->selector, fd);
	close(fd);
}

int
miost_os_queue_reregister(struct miost_os_queue *queue, int fd, miost_id id,
			  miost_interests interests, miost_options options)
{
	int err = control(queue, fd, id, interests, options,
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

/* Deregisters `fd` if it is registered. */
static int
clear(struct miost__selector *selector, int fd, miost_id id,
      miost_interests interests, miost_options options)
{
	int err = miost__selector_deregister(selector, fd);

	(void)id, (void)interests, (void)options;
	return err == -ENOENT ? 0 : err;
}

int
miost_os_queue_set(struct miost_os_queue *queue, int fd, miost_id id,
		   miost_interests interests, miost_options options)
{
	int err = control(queue, fd, id, interests, options,
			  interests == 0 ? clear : miost__selector_set);

	MIOST__PROBE(set, queue->selector.fd, fd, id, interests, options, err);
	return err;
}

int
miost_os_queue_register_evented(struct miost_os_queue *queue,
				struct miost_evented *handle, miost_id id,
				miost_interests interests,
				miost_options options)
{
	int err = check(interests, options);

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
	int err = check_again(interests, options);

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
