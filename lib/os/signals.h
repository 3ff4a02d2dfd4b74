/* SPDX-License-Identifier: MIT */
/*
 * Internals of signals. signals.c is compiled on every system and calls the
 * functions below, which signals_signalfd.c or signals_kqueue.c defines.
 * configure picks one of the two.
 */
#ifndef MIOST_OS_SIGNALS_H
#define MIOST_OS_SIGNALS_H

#include <signal.h>

#include <miost/signals.h>

#include "os_queue.h"

/* The first member of the system's own struct. */
struct miost_signals {
	struct miost_os_queue *queue;
	sigset_t set;
	sigset_t blocked;	/* by miost_signals_new(), to be unblocked */
};

/* The size of the system's struct. */
extern const size_t miost__signals_size;

/*
 * Opens the descriptors, close-on-exec, and registers one of them. The caller
 * has blocked the signals. On failure closes all descriptors.
 */
int miost__signals_open(struct miost_signals *signals, miost_id id);

/* Like miost_signals_receive(). */
int miost__signals_take(struct miost_signals *signals);

/* Deregisters the descriptor, unless the queue was freed, and closes all. */
void miost__signals_close(struct miost_signals *signals);

#endif
