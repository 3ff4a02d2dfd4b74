/* SPDX-License-Identifier: MIT */
/*
 * A model of lib/os/waker.c for spin: wakers that call the system only if
 * `woken` was clear, and a loop that clears it after every wait, and now and
 * then between two of them. It must be impossible that the loop waits for ever while something
 * that was published before a wake has not been seen.
 *
 *	spin -a waker.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * Each step is atomic where the hardware's is: an exchange, a system call. To
 * show that the model can fail, each of these breaks it:
 *
 *	-DREARM_LATE	clear after the program has looked, not before
 *	-DREARM_BEFORE	clear before the wait, not after
 *	-DREARM_NEVER	do not clear
 *	-DSTORE_AFTER	look, call the system, and only then set `woken`;
 *			clear by looking, and later by a store
 *	-DFULL_ONCE	make room for a count, but do not write it
 *	-DLOOP_READS	let the loop reset the count after every wait
 *	-DCUT_FORGOTTEN	do not repeat the wakes of a wait that was cancelled
 */

#ifndef WAKERS
#define WAKERS 2
#endif
#define WAKES 2
#ifndef OTHERS
#define OTHERS 2
#endif
#define MOST 2		/* what the count holds: the next write would block */

bool woken;		/* the flag that wakers share with the queue */
byte count;		/* of the eventfd */
bool edge;		/* epoll's ready list has the eventfd */
byte others = OTHERS;	/* how often another descriptor becomes ready */
byte cuts = 1;		/* how often a wait is cancelled, with its event */
bool cut;		/* the last one was */
byte idle = 1;		/* how often a wait gives nothing, or is none */

byte published[WAKERS];	/* what each waker has made known */
byte seen[WAKERS];	/* what the program saw when it had an event */
byte ended;		/* wakers that have */

/* write(2) to the eventfd: an edge, or -EAGAIN. */
inline system_write(done) {
	atomic {
		if
		:: count < MOST -> count++; edge = true; done = true
		:: else -> done = false
		fi
	}
}

inline system_read() {
	atomic { count = 0 }
}

inline signal(done) {
	done = false;
	do
	:: !done ->
		system_write(done);
		if
		:: !done ->
			system_read();
#ifdef FULL_ONCE
			done = true
#endif
		:: else
		fi
	:: done -> break
	od
}

proctype waker(byte me) {
	byte i;
	bool was, done;

	for (i : 1 .. WAKES) {
		published[me] = i;
#ifdef STORE_AFTER
		was = woken;
		if
		:: !was -> signal(done); woken = true
		:: else
		fi
#else
		atomic { was = woken; woken = true }
		if
		:: !was -> signal(done)
		:: else
		fi
#endif
	}
	atomic { done = false; was = false; i = 0; ended++ }
}

inline rearm() {
#ifdef STORE_AFTER
	if
	:: woken -> skip; woken = false
	:: else
	fi
#else
	/* The exchange comes after the look, not with it. */
	if
	:: woken -> atomic { woken = false }
	:: else
	fi
#endif
}

inline look() {
	byte w;

	for (w : 0 .. WAKERS - 1) {
		seen[w] = published[w]
	}
	w = 0
}

active proctype loop() {
	bool mine, repeated;

	atomic {
		byte k;

		for (k : 0 .. WAKERS - 1) {
			run waker(k)
		}
		k = 0
	}
end:	do
	:: true ->
#ifdef REARM_BEFORE
		rearm();
#endif
#ifndef CUT_FORGOTTEN
		if
		:: cut -> signal(repeated)
		:: else
		fi;
		atomic { cut = false; repeated = false };
#endif
		/*
		 * epoll_wait: blocks till something is ready. The kernel asks
		 * the eventfd once more, and drops it if its count is 0. A
		 * sink of one event may leave the eventfd for the next wait.
		 */
end_wait:	if
		:: atomic { others > 0 -> others--; mine = false }
		:: atomic { edge && count > 0 -> edge = false; mine = true }
		:: atomic { edge && count > 0 && others > 0 ->
			edge = false; others--; mine = true }
		:: atomic { edge && count == 0 -> edge = false; goto end }
		:: atomic { edge && count > 0 && cuts > 0 ->
			edge = false; cuts--; cut = true; goto end }
		:: atomic { idle > 0 -> idle--; mine = false }
		fi;
#ifdef LOOP_READS
		system_read();
#endif
#if !defined(REARM_LATE) && !defined(REARM_BEFORE) && !defined(REARM_NEVER)
		rearm();
#endif
		if
		:: mine -> look()
		:: else
		fi;
#ifdef REARM_LATE
		rearm();
#endif
	od
}

/* Nothing that was published is left when nothing more can happen. */
active proctype check() {
	atomic {
		timeout ->
		assert(ended == WAKERS);
		byte w;
		for (w : 0 .. WAKERS - 1) {
			assert(seen[w] == WAKES)
		}
	}
}
