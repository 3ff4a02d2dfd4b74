/* SPDX-License-Identifier: MIT */
/* Signals as events, by signalfd(2). */
#include "config.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "signals.h"

struct signalfd_signals {
	struct miost_signals signals;
	int fd;
};

const size_t miost__signals_size = sizeof(struct signalfd_signals);

int
miost__signals_open(struct miost_signals *base, miost_id id)
{
	struct signalfd_signals *signals = (struct signalfd_signals *)base;
	int fd = signalfd(-1, &base->set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	signals->fd = miost__os_queue_adopt(base->queue, fd, id, MIOST_LEVEL);
	return signals->fd < 0 ? signals->fd : 0;
}

int
miost__signals_take(struct miost_signals *base)
{
	struct signalfd_signals *signals = (struct signalfd_signals *)base;
	struct signalfd_siginfo info;
	ssize_t n;

	do
		n = read(signals->fd, &info, sizeof(info));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return (int)info.ssi_signo;
}

void
miost__signals_close(struct miost_signals *base)
{
	struct signalfd_signals *signals = (struct signalfd_signals *)base;

	miost__os_queue_drop(base->queue, signals->fd);
}
