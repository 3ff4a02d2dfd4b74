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

/*
 * Makes a selector of which no more than MIOST__KQUEUE_FEW events are taken at
 * once. It has no memory of its own.
 */
enum { MIOST__KQUEUE_FEW = 16 };
int miost__kqueue_open(struct miost__selector *selector, const pid_t *owner);

/* Whether `udata` is a pointer or a number differs. */
void miost__kqueue_set_id(struct kevent *event, miost_id id);

/*
 * Oneshot is one event of a descriptor: of those among the events that are so,
 * the other filters end.
 */
void miost__kqueue_silence(int kq, const struct kevent *batch, int n);

/* Makes one change. Returns 0 or the system's error. */
int miost__kqueue_change(int kq, const struct kevent *change);

#endif
