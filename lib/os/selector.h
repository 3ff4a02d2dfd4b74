/* SPDX-License-Identifier: MIT */
/*
 * The backend contract: how the operating system's queue uses the system. The
 * queue checks the arguments before it calls the backend, and requests no
 * feature for which miost__selector_has() is false. Unless its comment says
 * otherwise, a function that fails returns a negative errno and changes
 * nothing.
 */
#ifndef MIOST_SELECTOR_H
#define MIOST_SELECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <miost/os.h>
#include <miost/version.h>

/*
 * The most events that one poll takes from the system. The rest waits for the
 * next poll. The stack may be small: a backend should receive the events in the
 * caller's array or in memory of its own.
 */
enum { MIOST__SELECTOR_BATCH = 256 };

struct miost__selector {
	int fd;
	/*
	 * Do not call what has precise timeouts: it is not built in, or the
	 * running system has refused it before.
	 */
	bool coarse;
	void *batch;		/* the backend's memory, if it needs any */
	/* The process that made it; see owner.h. */
	const pid_t *owner;
};

/* "epoll" or "kqueue". */
extern const char miost__selector_name[];

/* Whether the backend was built with the feature. */
bool miost__selector_has(enum miost_feature feature);

/* Opens a close-on-exec descriptor. `owner` must outlive the selector. */
int miost__selector_open(struct miost__selector *selector, const pid_t *owner);

/*
 * Closes the descriptor and frees the backend's memory. In a forked child it
 * closes the descriptor only if the child has inherited it.
 */
void miost__selector_close(struct miost__selector *selector);

/*
 * Waits up to `timeout` nanoseconds (0: does not wait; negative: without limit)
 * for the first event, and stores up to `n` events; `n` is at least 1. Returns
 * their number. It is 0 only if the full timeout has passed.
 * -EINTR: a signal interrupted the wait.
 */
int miost__selector_select(struct miost__selector *selector,
			   struct miost_event *events, size_t n,
			   int64_t timeout);

/*
 * The same for a timeout above `longest`, the most that the backend can wait at
 * once: waits several times. For backends to call; os_queue.c defines it.
 */
int miost__selector_select_long(struct miost__selector *selector,
				struct miost_event *events, size_t n,
				int64_t timeout, int64_t longest);

/* -EEXIST: registered already. */
int miost__selector_register(struct miost__selector *selector, int fd,
			     miost_id id, miost_interests interests,
			     miost_options options);

/*
 * Replaces id, interests and options. -ENOENT: not registered. On kqueue a
 * failure may leave `fd` unregistered.
 */
int miost__selector_reregister(struct miost__selector *selector, int fd,
			       miost_id id, miost_interests interests,
			       miost_options options);

/*
 * Registers `fd`, or reregisters it if it is registered. The caller need not
 * know which: it may have closed a registered descriptor and opened another of
 * the same number. A failure may leave `fd` unregistered.
 */
int miost__selector_set(struct miost__selector *selector, int fd, miost_id id,
			miost_interests interests, miost_options options);

/* -ENOENT: not registered. */
int miost__selector_deregister(const struct miost__selector *selector, int fd);

#endif
