/* SPDX-License-Identifier: MIT */
/*
 * Which process a queue belongs to. The system can clear memory in a forked
 * child, in whole pages, by MADV_WIPEONFORK (Linux 4.14), INHERIT_ZERO
 * (FreeBSD) or MAP_INHERIT_ZERO (OpenBSD 5.6, NetBSD 7.0). Where it cannot
 * (macOS), or refuses to, only the process ID tells the child from its parent.
 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "owner.h"

static void
clear_in_children(pid_t *number)
{
#if defined(MADV_WIPEONFORK)
	(void)madvise(number, sizeof(*number), MADV_WIPEONFORK);
#elif defined(INHERIT_ZERO)
	(void)minherit(number, sizeof(*number), INHERIT_ZERO);
#elif defined(MAP_INHERIT_ZERO)
	(void)minherit(number, sizeof(*number), MAP_INHERIT_ZERO);
#else
	(void)number;
#endif
}

const pid_t *
miost__owner_new(void)
{
	pid_t *number = mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANON, -1, 0);

	if (number == MAP_FAILED)
		return NULL;
	clear_in_children(number);
	*number = getpid();
	return number;
}

void
miost__owner_free(const pid_t *owner)
{
	(void)munmap((void *)(uintptr_t)owner, sizeof(*owner));
}
