/* SPDX-License-Identifier: MIT */
/*
 * Timers inside: a small heap of those that are due soon, all others unsorted.
 *
 * Most timers are cancelled or moved before they come near their deadline, so
 * ordering them is work for nothing. The entries are one array in three parts:
 *
 *	0 ... near ... len ... capacity
 *	 near    far    spare
 *
 * The near part holds every deadline up to `limit`, as a 4-ary heap, or, when
 * much of it is due at once, sorted with the earliest last. The far part holds
 * the later deadlines in no order: to add, to move and to cancel there takes
 * constant time, whatever their number. When the near part runs out, or has
 * grown too large, a new limit is drawn from a sample, so that about an eighth
 * is near again, and the array is partitioned anew. That reads every entry; so
 * does sorting for those that are near, and an insertion undoes it. Neither is
 * done before there were as many operations as a fixed part of what it reads,
 * save to find the earliest when nothing is near. Until then a poll may deliver
 * less than all that is due.
 *
 * An entry's slot holds what the ordering does not need, and where the entry
 * is. Slots never move, so a key is a slot's number and its generation. Every
 * slot is named by exactly one entry: the spare entries are the free slots. A
 * far timer that is cancelled leaves its entry, and so its slot, to the next
 * sweep, which comes when the array is full. 32 bytes a timer, and at most a
 * quarter more as slack.
 */
#ifndef MIOST_CORE_TIMERS_H
#define MIOST_CORE_TIMERS_H

#include <stdbool.h>

#include <miost/timers.h>

struct entry {
	int64_t deadline;
	uint32_t slot;
};

struct slot {
	miost_id id;
	uint32_t generation;	/* odd: in use */
	uint32_t pos;		/* of its entry, when in use */
};

struct miost_timers {
	struct miost_source source;
	int64_t (*now)(void *arg);	/* the clock */
	void *arg;
	struct entry *entries;
	struct slot *slots;
	uint32_t near;
	uint32_t len;
	uint32_t capacity;	/* of the entries */
	uint32_t live;		/* the entries but for the cancelled far ones */
	uint32_t slot_count;	/* the capacity, and the slots worn out */
	uint32_t crowded;	/* the near part has become too large */
	uint32_t random;
	uint32_t operations;	/* counted, round and round, */
	uint32_t sorted_at;	/* when it last was sorted, */
	uint32_t partitioned_at; /* and partitioned */
	bool sorted;		/* the near part, the earliest last */
	int64_t limit;		/* near up to here, far after it */
};

/* Puts an entry at a place, of which its slot learns. */
static inline void
place(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	timers->entries[i] = entry;
	timers->slots[entry.slot].pos = i;
}

/* Whether `a` fires before `b`. */
static inline bool
before(const struct miost_timers *timers, struct entry a, struct entry b)
{
	if (a.deadline != b.deadline)
		return a.deadline < b.deadline;
	return timers->slots[a.slot].id < timers->slots[b.slot].id;
}

/* Whether an entry's timer is live, rather than cancelled while far. */
static inline bool
in_use(const struct miost_timers *timers, struct entry entry)
{
	return timers->slots[entry.slot].generation % 2 != 0;
}

/* Sorts the first `n` entries, the earliest last. */
void miost__timers_sort(struct miost_timers *timers, uint32_t n);

/* Makes spare entries of those that were cancelled. */
void miost__timers_sweep(struct miost_timers *timers);

/* Sees to it that the earliest is near, if any is live. */
void miost__timers_gather(struct miost_timers *timers, int64_t now);

/* Puts an entry that is not after the limit where it belongs. */
void miost__timers_insert_near(struct miost_timers *timers,
			       struct entry entry);

/* Takes the entry of a live slot out; the first spare one has no slot then. */
void miost__timers_take_out(struct miost_timers *timers, uint32_t slot);

/* Removes a near timer: its entry and its slot are spare then. */
void miost__timers_remove_near(struct miost_timers *timers, uint32_t slot);

/* Makes the `n` earliest of a sorted near part the first spare ones. */
void miost__timers_drop_earliest(struct miost_timers *timers, uint32_t n);

/*
 * How many near ones are due, or at least some of those. Sorts them if they are
 * more than a few.
 */
uint32_t miost__timers_count_due(struct miost_timers *timers, int64_t now);

#endif
