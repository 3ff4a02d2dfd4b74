/* SPDX-License-Identifier: MIT */
/*
 * Whose a queue and all that belongs to it is: of the process that made it. A
 * forked child has copies of the objects, and on epoll the very queue; what it
 * frees must change nothing for its parent.
 */
#ifndef MIOST_OS_OWNER_H
#define MIOST_OS_OWNER_H

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * The number of the calling process, in memory that a forked child finds
 * cleared, where the system can. In a namespace of its own the child may have
 * the same number. NULL: no memory.
 */
const pid_t *miost__owner_new(void);

void miost__owner_free(const pid_t *owner);

static inline bool
miost__owner_is_here(const pid_t *owner)
{
	return *owner == getpid();
}

#endif
