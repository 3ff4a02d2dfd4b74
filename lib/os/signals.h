/* SPDX-License-Identifier: MIT */
/*
 * Signals inside: what signals.c has for every system, and what it needs of one.
 * Of the latter configure picks one file.
 */
#ifndef MIOST_OS_SIGNALS_H
#define MIOST_OS_SIGNALS_H

#include <signal.h>

#include <miost/signals.h>

#include "os_queue.h"

/* What the system's own struct begins with. */
struct miost_signals {
	struct miost_os_queue *queue;
	sigset_t set;
	sigset_t blocked;	/* by this one, to be unblocked */
};

/* The size of the system's struct. */
extern const size_t miost__signals_size;

/*
 * Makes the descriptors, close-on-exec, and registers one of them. The signals
 * are blocked. If it fails, nothing is left.
 */
int miost__signals_open(struct miost_signals *signals, miost_id id);

/* As miost_signals_receive(). */
int miost__signals_take(struct miost_signals *signals);

/* Takes the descriptor out of the queue, if that lives, and closes all. */
void miost__signals_close(struct miost_signals *signals);

#endif
