/* SPDX-License-Identifier: MIT */
/* What every system's signals begin and end with: the thread's mask. */
#ifndef MIOST_OS_SIGNALS_H
#define MIOST_OS_SIGNALS_H

#include <signal.h>

#include <miost/signals.h>

/*
 * Blocks the set for the calling thread, and stores in `blocked` what was not
 * blocked before. -EINVAL: the set is empty or holds what cannot be caught.
 */
int miost__signals_block(const sigset_t *set, sigset_t *blocked);

/* Unblocks it again. */
void miost__signals_unblock(const sigset_t *blocked);

#endif
