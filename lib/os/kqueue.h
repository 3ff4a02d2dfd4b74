/* SPDX-License-Identifier: MIT */
/*
 * Functions beyond the backend contract that the kqueue files share. With them
 * wakers, signals and processes add filters that have no descriptor to a
 * selector. The events of these filters are MIOST_READABLE.
 */
#ifndef MIOST_OS_KQUEUE_H
#define MIOST_OS_KQUEUE_H

#include <sys/types.h>
#include <sys/event.h>

#include "selector.h"

/*
 * Opens a selector without memory of its own. One select takes at most
 * MIOST__KQUEUE_FEW events from it.
 */
enum { MIOST__KQUEUE_FEW = 16 };
int miost__kqueue_open(struct miost__selector *selector, const pid_t *owner);

/* Sets `udata`, which is a pointer on some systems, an integer on others. */
void miost__kqueue_set_id(struct kevent *event, miost_id id);

/*
 * MIOST_ONESHOT allows one event per descriptor, but EV_DISPATCH disables only
 * the filter that fired. For each oneshot descriptor in the batch this deletes
 * the other filters.
 */
void miost__kqueue_silence(int kq, const struct kevent *batch, int n);

/* Returns a socket option; -1: it cannot be read; -2: `fd` is not a socket. */
int miost__kqueue_option(int fd, int name);

/* Makes one change. Returns 0 or a negative errno. */
int miost__kqueue_change(int kq, const struct kevent *change);

#endif
