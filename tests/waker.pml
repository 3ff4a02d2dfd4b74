/* SPDX-License-Identifier: MIT */
/*
 * A model of lib/os/waker.c for spin: wakers that call the system only if
 * `woken` was clear, and a loop that clears it after every wait, and now and
 * then between two of them. It must be impossible that the loop waits for ever
 * while something that was published before a wake has not been seen.
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
 *
 * With -DWEAK memory is as weak as C11 allows. What a waker has published the
 * program sees as late as it may: only once an exchange has handed it on. And
 * the loop's look at `woken`, which is without order, gives any value that is
 * not older than one the loop knows of, by an exchange of its own or by the
 * kernel, whose locks order a write before the wait that gives its event.
 * These break that:
 *
 *	-DNO_RELEASE	a waker's exchange hands nothing on
 *	-DNO_ACQUIRE	the loop's takes nothing over
 *	-DNO_KERNEL	nor does the kernel order anything
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

#ifdef WEAK
#define HISTORY (2 * WAKERS * WAKES + 1)
bool history[HISTORY];	/* the values that `woken` had */
byte latest;		/* the place of the one it has */
byte known;		/* that of the oldest that the loop may see */
byte told;		/* that of the latest before a write to the eventfd */
byte carried[WAKERS];	/* what is published with the value of `woken` */
byte knows[WAKERS];	/* what the loop must see of it */
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
	byte at;	/* where in the history its exchange is */
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
	/* The exchange comes after the look, not with it. */
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
	byte at;	/* its own write hands nothing on */
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
		 * epoll_wait: blocks till something is ready. The kernel asks
		 * the eventfd once more, and drops it if its count is 0. A
		 * sink of one event may leave the eventfd for the next wait.
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
