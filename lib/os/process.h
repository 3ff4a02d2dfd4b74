/* SPDX-License-Identifier: MIT */
/*
 * Internals of child processes. process.c is compiled on every system and
 * calls the functions below, which process_pidfd.c or process_kqueue.c defines.
 * configure picks one of the two.
 */
#ifndef MIOST_OS_PROCESS_H
#define MIOST_OS_PROCESS_H

#include <miost/process.h>

#include "os_queue.h"

/* The first member of the system's own struct. */
struct miost_process {
	struct miost_os_queue *queue;
	pid_t pid;		/* positive */
};

/* The size of the system's struct. */
extern const size_t miost__process_size;

/*
 * Opens the descriptors, close-on-exec, and registers one of them. On failure
 * closes them all. Fails with the errors of miost_process_new().
 */
int miost__process_open(struct miost_process *process, miost_id id);

/*
 * Like miost_process_wait(), but `status` is not NULL, and `*status` may change
 * even if the child was not reaped.
 */
int miost__process_reap(struct miost_process *process, int *status);

/* Deregisters the descriptor, unless the queue was freed, and closes all. */
void miost__process_close(struct miost_process *process);

#endif
