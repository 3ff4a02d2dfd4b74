/* SPDX-License-Identifier: MIT */
/*
 * A queue, with everything made for it, belongs to the process that made it. A
 * forked child has copies of the objects, and on epoll it shares the kernel's
 * queue with its parent. Freeing the copies must change nothing for the parent.
 */
#ifndef MIOST_OS_OWNER_H
#define MIOST_OS_OWNER_H

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

/*
 * Stores the calling process's ID in memory that a forked child finds cleared,
 * if the system supports that: in a PID namespace of its own the child may have
 * the same ID as its parent. Returns NULL if there is no memory.
 */
const pid_t *miost__owner_new(void);

void miost__owner_free(const pid_t *owner);

static inline bool
miost__owner_is_here(const pid_t *owner)
{
	return *owner == getpid();
}

#endif
