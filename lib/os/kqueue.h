/* SPDX-License-Identifier: MIT */
/*
 * What the files on kqueue share beyond the backend contract: they put filters
 * that have no descriptor into a selector, whose events are MIOST_READABLE.
 */
#ifndef MIOST_OS_KQUEUE_H
#define MIOST_OS_KQUEUE_H

#include <sys/types.h>
#include <sys/event.h>

#include "selector.h"

/* Whether `udata` is a pointer or a number differs. */
void miost__kqueue_set_id(struct kevent *event, miost_id id);

/* Makes one change. Returns 0 or the system's error. */
int miost__kqueue_change(int kq, const struct kevent *change);

#endif
