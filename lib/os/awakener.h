/* SPDX-License-Identifier: MIT */
/*
 * Awakeners inside: what their queue does with them, and what an awakener
 * needs of a system. Of the latter configure picks one file.
 */
#ifndef MIOST_OS_AWAKENER_H
#define MIOST_OS_AWAKENER_H

#include <stdatomic.h>
#include <stdbool.h>

#include <miost/awakener.h>
#include <miost/version.h>

#include "selector.h"

struct miost_awakener {
	struct miost_awakener *next;	/* of the same queue */
	/* A wake is on its way to the queue: another would change nothing. */
	atomic_bool woken;
	/* The clones. The last one closes the descriptors. */
	atomic_uint users;
	/* The queue, if it lives, and the users as one. The last one frees. */
	atomic_uint holders;
	struct miost__selector selector;	/* a copy of the queue's */
	int receiver;		/* what is registered, edge-triggered */
	int sender;		/* may be the same */
	miost_id id;		/* where each wake has to bring it */
};

/*
 * The queue's side. After every wait that gave events, and before they are
 * handed over: whoever wakes from now on is heard again.
 */
void miost__awakener_rearm(struct miost_awakener *first);

/* The queue is freed. */
void miost__awakener_abandon(struct miost_awakener *first);

/* The system's side: MIOST_FEATURE_AWAKENER_*. */
extern const enum miost_feature miost__awakener_kind;

/*
 * Makes the descriptors, non-blocking and close-on-exec, and registers the
 * receiver. What fails leaves nothing.
 */
int miost__awakener_open(struct miost_awakener *awakener,
			 struct miost_os_queue *queue, miost_id id);

/*
 * Makes one more event, whatever was made before. Called by several threads at
 * once and by signal handlers; may change errno, but does not block.
 */
int miost__awakener_signal(const struct miost_awakener *awakener);

/* Takes the receiver out of the queue, if that lives, and closes all. */
void miost__awakener_close(const struct miost_awakener *awakener);

#endif
