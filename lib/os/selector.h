/* SPDX-License-Identifier: MIT */
/*
 * The backend contract: what the operating system's queue needs of a system.
 * Arguments have been checked, also for what miost__selector_has() denies.
 * What fails returns a negative errno and leaves everything as it was, unless
 * it says otherwise.
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
 * Events taken from the system at once. More are left to the next poll. A
 * backend keeps them where the caller wants them, or in memory of its own: the
 * stack may be a small one.
 */
enum { MIOST__SELECTOR_BATCH = 256 };

struct miost__selector {
	int fd;
	/*
	 * The running system has turned out to refuse the call with precise
	 * timeouts, so it is not tried again.
	 */
	bool coarse;
	void *batch;		/* the backend's memory, if it needs any */
	/* The process that made it, as owner.h has it. */
	const pid_t *owner;
};

/* "epoll" or "kqueue". */
extern const char miost__selector_name[];

/* Whether the backend was built with the feature. */
bool miost__selector_has(enum miost_feature feature);

/* Makes a close-on-exec descriptor. `owner` must live as long. */
int miost__selector_open(struct miost__selector *selector, const pid_t *owner);

/* Frees it all; in a forked child it closes only what that has. */
void miost__selector_close(struct miost__selector *selector);

/*
 * Waits up to `timeout` nanoseconds (0: does not wait; negative: without end)
 * for the first event and stores up to `n` (at least 1). Returns how many:
 * 0 not before the time has passed. -EINTR: a signal interrupted it.
 */
int miost__selector_select(struct miost__selector *selector,
			   struct miost_event *events, size_t n,
			   int64_t timeout);

/*
 * The same for one that is above the `longest` that the backend can wait: in
 * parts. It is the queue's, not the backend's.
 */
int miost__selector_select_long(struct miost__selector *selector,
				struct miost_event *events, size_t n,
				int64_t timeout, int64_t longest);

/* -EEXIST: registered already. */
int miost__selector_register(struct miost__selector *selector, int fd,
			     miost_id id, miost_interests interests,
			     miost_options options);

/*
 * Replaces id, interests and options. -ENOENT: not registered. On kqueue what
 * fails may leave it not registered.
 */
int miost__selector_reregister(struct miost__selector *selector, int fd,
			       miost_id id, miost_interests interests,
			       miost_options options);

/*
 * Registers or reregisters, whichever it takes. A descriptor of the same number
 * may have been registered before it was closed. What fails may leave it not
 * registered.
 */
int miost__selector_set(struct miost__selector *selector, int fd, miost_id id,
			miost_interests interests, miost_options options);

/* -ENOENT: not registered. */
int miost__selector_deregister(const struct miost__selector *selector, int fd);

#endif
