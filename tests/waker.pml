/* SPDX-License-Identifier: MIT */
/*
 * A model of lib/os/waker.c for spin: wakers that call the system only if
 * `woken` was clear, and a loop that clears `woken` after every wait, and
 * sometimes between two waits. The loop must never wait for ever while it has
 * not seen something that was published before a wake.
 *
 *	spin -a waker.pml && cc -O2 -DSAFETY -o pan pan.c && ./pan
 *
 * A step is atomic where the hardware's step is: an exchange, a system call. To
 * show that the model can fail, each of these options breaks it:
 *
 *	-DREARM_LATE	clear after the program has looked, not before
 *	-DREARM_BEFORE	clear before the wait, not after
 *	-DREARM_NEVER	do not clear
 *	-DSTORE_AFTER	look, call the system, and only then set `woken`;
 *			clear by looking, and later by a store
 *	-DFULL_ONCE	make room for a count, but do not write it
 *	-DLOOP_READS	let the loop reset the count after every wait
 *	-DCUT_FORGOTTEN	do not repeat the wakes of a wait that was cancelled
 *
 * With -DWEAK memory is as weak as C11 allows. The program sees what a waker
 * has published as late as possible: only once an exchange has handed it on.
 * The loop's load of `woken` is relaxed. It gives any value that is not older
 * than the newest that the loop knows of, by an exchange of its own or through
 * the kernel, whose locks order a write before the wait that returns its event.
 * These options break the model then:
 *
 *	-DNO_RELEASE	a waker's exchange hands nothing on
 *	-DNO_ACQUIRE	the loop's exchange takes nothing over
 *	-DNO_KERNEL	the kernel orders nothing
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
byte cuts = 1;		/* how often a wait is cancelled, losing its event */
bool cut;		/* the last wait was cancelled */
byte idle = 1;		/* how often a wait returns no event, or is skipped */

byte published[WAKERS];	/* what each waker published last */
byte seen[WAKERS];	/* what of that the program saw after its last event */
byte ended;		/* how many wakers have ended */

#ifdef WEAK
#define HISTORY (2 * WAKERS * WAKES + 1)
bool history[HISTORY];	/* the values that `woken` had */
byte latest;		/* the index of its current value */
byte known;		/* the index of the oldest value the loop may see */
byte told;		/* the newest index before a write to the eventfd */
byte carried[WAKERS];	/* what the current value of `woken` hands on */
byte knows[WAKERS];	/* what has been handed on to the loop */
#endif

/* Sets `woken`, as a part of an exchange. */
inline set(value) {
	woken = value;
#ifdef WEAK
	latest++;
	history[latest] = value
#endif
}

/* write(2) to the eventfd: an edge, or -EAGAIN. */
inline system_write(done) {
	atomic {
		if
		:: count < MOST ->
			count++; edge = true; done = true;
#if defined(WEAK) && !defined(NO_KERNEL)
			if
			:: at > told -> told = at
			:: else
			fi
#endif
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
#ifdef WEAK
	byte at;	/* the index of its exchange in the history */
#endif

	for (i : 1 .. WAKES) {
		published[me] = i;
#ifdef STORE_AFTER
		was = woken;
		if
		:: !was -> signal(done); woken = true
		:: else
		fi
#else
		atomic {
			was = woken;
			set(true);
#ifdef WEAK
			at = latest;
#ifndef NO_RELEASE
			carried[me] = published[me];
#endif
#endif
		}
		if
		:: !was -> signal(done)
		:: else
		fi
#endif
	}
	atomic {
		done = false; was = false; i = 0;
#ifdef WEAK
		at = 0;
#endif
		ended++
	}
}

#ifdef WEAK
inline exchange() {
	atomic {
		set(false);
		known = latest;
#ifndef NO_ACQUIRE
		for (k : 0 .. WAKERS - 1) {
			knows[k] = carried[k]
		}
#endif
		k = 0
	}
}

inline rearm() {
	atomic {
		do
		:: known < latest -> known++
		:: break
		od
	};
	if
	:: history[known] -> exchange()
	:: else
	fi
}
#else
inline rearm() {
#ifdef STORE_AFTER
	if
	:: woken -> skip; woken = false
	:: else
	fi
#else
	/* The load and the exchange are two steps. */
	if
	:: woken -> atomic { woken = false }
	:: else
	fi
#endif
}

#endif

inline look() {
	byte w;

	for (w : 0 .. WAKERS - 1) {
#ifdef WEAK
		seen[w] = knows[w]
#else
		seen[w] = published[w]
#endif
	}
	w = 0
}

inline take_edge() {
	edge = false;
#ifdef WEAK
	if
	:: told > known -> known = told
	:: else
	fi
#endif
}

active proctype loop() {
	bool mine, repeated;
	byte k;
#ifdef WEAK
	byte at;	/* stays 0: the loop's own write orders nothing */
#endif

	atomic {
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
		 * epoll_wait: blocks until something is ready. The kernel asks
		 * the eventfd once more, and drops it from the ready list if
		 * its count is 0. With a sink for one event, the eventfd may
		 * stay on the list for the next wait.
		 */
end_wait:	if
		:: atomic { others > 0 -> others--; mine = false }
		:: atomic { edge && count > 0 ->
			take_edge(); mine = true }
		:: atomic { edge && count > 0 && others > 0 ->
			take_edge(); others--; mine = true }
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

/* When nothing more can happen, all that was published has been seen. */
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
