/* SPDX-License-Identifier: MIT */
/* Child processes: the code that all systems share. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "../cancel.h"
#include "process.h"

int
miost_process_new(struct miost_os_queue *queue, pid_t pid, miost_id id,
		  struct miost_process **out)
{
	struct miost_process *process;
	int state, err;

	if (pid <= 0)
		return -EINVAL;
	process = malloc(miost__process_size);
	if (process == NULL)
		return -ENOMEM;
	process->queue = queue;
	process->pid = pid;
	state = miost__cancel_disable();
	err = miost__process_open(process, id);
	miost__cancel_restore(state);
	if (err < 0) {
		free(process);
		return err;
	}
	miost__os_queue_hold(queue);
	*out = process;
	return 0;
}

int
miost_process_wait(struct miost_process *process, int *status)
{
	int state = miost__cancel_disable();
	int now;
	int ended = miost__process_reap(process, &now);

	miost__cancel_restore(state);
	if (ended > 0 && status != NULL)
		*status = now;
	return ended;
}

void
miost_process_free(struct miost_process *process)
{
	int state;

	if (process == NULL)
		return;
	state = miost__cancel_disable();
	miost__process_close(process);
	miost__os_queue_release(process->queue);
	miost__cancel_restore(state);
	free(process);
}
