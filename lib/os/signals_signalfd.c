/* SPDX-License-Identifier: MIT */
/* Signals as events, by signalfd(2). */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "../cancel.h"
#include "../core/probes.h"
#include "os_queue.h"
#include "signals.h"

struct miost_signals {
	struct miost_os_queue *queue;
	int fd;
	sigset_t blocked;	/* by this one, to be unblocked */
};

/* Makes and registers the descriptor. */
static int
open_signals(struct miost_os_queue *queue, const sigset_t *set, miost_id id)
{
	int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	return miost__os_queue_adopt(queue, fd, id, MIOST_LEVEL);
}

static int
new_signals(struct miost_os_queue *queue, const sigset_t *set, miost_id id,
	    struct miost_signals **out)
{
	struct miost_signals *signals = malloc(sizeof(*signals));
	int err;

	if (signals == NULL)
		return -ENOMEM;
	err = miost__signals_block(set, &signals->blocked);
	if (err < 0)
		goto fail;
	signals->fd = open_signals(queue, set, id);
	if (signals->fd < 0) {
		err = signals->fd;
		miost__signals_unblock(&signals->blocked);
		goto fail;
	}
	signals->queue = queue;
	miost__os_queue_hold(queue);
	*out = signals;
	return 0;
fail:
	free(signals);
	return err;
}

int
miost_signals_new(struct miost_os_queue *queue, const sigset_t *set,
		  miost_id id, struct miost_signals **out)
{
	int state = miost__cancel_disable();
	int err = new_signals(queue, set, id, out);

	miost__cancel_restore(state);
	return err;
}

static int
receive(struct miost_signals *signals)
{
	struct signalfd_siginfo info;
	int number = 0;
	ssize_t n;

	do
		n = read(signals->fd, &info, sizeof(info));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		number = (int)info.ssi_signo;
	else if (errno != EAGAIN)
		return -errno;
	return number;
}

int
miost_signals_receive(struct miost_signals *signals)
{
	int state = miost__cancel_disable();
	int number = receive(signals);

	miost__cancel_restore(state);
	if (number > 0)
		MIOST__PROBE(signal, number);
	return number;
}

void
miost_signals_free(struct miost_signals *signals)
{
	int state;

	if (signals == NULL)
		return;
	state = miost__cancel_disable();
	miost__os_queue_drop(signals->queue, signals->fd);
	miost__os_queue_release(signals->queue);
	miost__cancel_restore(state);
	miost__signals_unblock(&signals->blocked);
	free(signals);
}
