/* SPDX-License-Identifier: MIT */
/*
 * Child processes inside: what process.c has for every system, and what it needs
 * of one. Of the latter configure picks one file.
 */
#ifndef MIOST_OS_PROCESS_H
#define MIOST_OS_PROCESS_H

#include <miost/process.h>

#include "os_queue.h"

/* What the system's own struct begins with. */
struct miost_process {
	struct miost_os_queue *queue;
	pid_t pid;		/* positive */
};

/* The size of the system's struct. */
extern const size_t miost__process_size;

/*
 * Makes the descriptors, close-on-exec, and registers one of them. If it fails,
 * nothing is left. The errors are those of miost_process_new().
 */
int miost__process_open(struct miost_process *process, miost_id id);

/* As miost_process_wait(), but `status` is not NULL, and may change anyway. */
int miost__process_reap(struct miost_process *process, int *status);

/* Takes the descriptor out of the queue, if that lives, and closes all. */
void miost__process_close(struct miost_process *process);

#endif
