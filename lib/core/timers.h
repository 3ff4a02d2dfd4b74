/* SPDX-License-Identifier: MIT */
/*
 * Timers inside: a small heap of those that are due soon, all others unsorted.
 *
 * Most timers are cancelled or moved before they come near their deadline, so
 * ordering them is work for nothing, and so is moving them in memory. A timer
 * has one slot for as long as it lives, in a block of 64 that stays where it
 * is. Its key is the slot's number and its generation, which is odd while a
 * timer has the slot.
 *
 * All timers are in one strict order: by deadline, then id, then slot. A limit
 * is a point in this order. What is not after the limit of the near part is
 * near, all else is far.
 *
 *  - Near timers have an entry in an array that is a 4-ary heap, or, when much
 *    of it is due, sorted with the earliest last. The slot knows the position.
 *  - Far timers have nothing but their slot, and a bit of its block. To add, to
 *    move and to cancel them takes constant time, whatever their number.
 *
 * When nothing is near, a later limit is drawn from a sample of what is far,
 * and all far deadlines are read, to make near what is not after it: about half
 * of what the array has room for, an eighth at most while not all of it is due.
 * When the array is full, an earlier limit is drawn, and half of it is far
 * again. In a strict order there always is such a limit, however many timers
 * have the same deadline. So ordering what is near takes bounded time, and one
 * poll may deliver less than all that is due.
 *
 * All deadlines are read once a poll at most, and, while anything is near, only
 * when that fills less than a quarter of its array. What is near is sorted
 * again, after an insertion into it, only after as many operations as it has
 * entries.
 *
 * A slot whose timer is gone is dead. It is made free by a sweep, when no slot
 * is free: cancelling and firing touch the slot alone.
 *
 * A slot takes 24 bytes and three bits, and the near array has a fixed share of
 * the number of slots: an add that finds a slot finds room there, too.
 */
#ifndef MIOST_CORE_TIMERS_H
#define MIOST_CORE_TIMERS_H

#include <stdbool.h>

#include <miost/timers.h>

#include "timers_sort.h"

enum { BLOCK = 64 };	/* slots: one for each bit of a word */

/* The position of a timer that is far. */
#define FAR UINT32_MAX

/* The generation of a slot that is never used again. */
#define WORN_OUT (UINT32_MAX - 1)

/* At the end of the list of open blocks. */
#define NO_BLOCK UINT32_MAX

struct slot {
	miost_id id;
	uint32_t generation;	/* odd: a live timer's */
	uint32_t pos;		/* in the near part, or FAR */
};

struct block {
	uint64_t free;		/* slots that the next timers get */
	uint64_t far;		/* slots with far timers, and dead ones */
	int64_t deadlines[BLOCK];
	struct slot slots[BLOCK];
	uint64_t worn_out;	/* slots that are never used again */
	uint32_t next;		/* the next block with a free slot */
	bool first;		/* of those that were allocated together */
};

/* A point in the strict order. */
struct point {
	int64_t deadline;
	miost_id id;
	uint32_t slot;
};

struct near {
	struct entry *entries;
	struct entry *scratch;	/* to sort with, as many */
	uint32_t len;
	uint32_t capacity;
	bool sorted;		/* the earliest last; else a heap */
	struct point limit;	/* what is not after it is near */
};

struct miost_timers {
	struct miost_source source;
	int64_t (*now)(void *arg);	/* the clock */
	void *arg;

	struct block **blocks;
	uint32_t block_count;
	uint32_t block_capacity;
	uint32_t open;		/* the first block with a free slot */
	uint32_t usable;	/* slots: those worn out are not counted */
	uint32_t live;		/* timers */
	uint32_t swept;		/* blocks in this round */

	struct near near;
	uint32_t random;
	uint32_t operations;	/* counted, round and round, */
	uint32_t sorted_at;	/* when it was sorted, or could have been */
};

static inline struct block *
block_of(const struct miost_timers *timers, uint32_t slot)
{
	return timers->blocks[slot / BLOCK];
}

static inline uint64_t
bit_of(uint32_t slot)
{
	return (uint64_t)1 << slot % BLOCK;
}

static inline struct slot *
slot_of(const struct miost_timers *timers, uint32_t slot)
{
	return &block_of(timers, slot)->slots[slot % BLOCK];
}

/* Whether `a` fires before `b`. */
static inline bool
before(const struct miost_timers *timers, const struct entry *a,
       const struct entry *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return slot_of(timers, a->slot)->id < slot_of(timers, b->slot)->id;
}

/* Whether a timer is after a point in the strict order. */
static inline bool
after(const struct miost_timers *timers, const struct entry *entry,
      const struct point *point)
{
	miost_id id;

	if (entry->deadline != point->deadline)
		return entry->deadline > point->deadline;
	id = slot_of(timers, entry->slot)->id;
	return id != point->id ? id > point->id : entry->slot > point->slot;
}

/* To have it in the cache soon, by lines of so many bytes. */
enum { LINE = 64 };

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* The number of the lowest bit that is set; there is one. */
static inline uint32_t
lowest(uint64_t bits)
{
#ifdef __GNUC__
	unsigned int low = (unsigned int)bits;

	/* For 64 bits a machine of 32 would call the compiler's library. */
	if (sizeof(long) == sizeof(bits))
		return (uint32_t)__builtin_ctzl((unsigned long)bits);
	if (low != 0)
		return (uint32_t)__builtin_ctz(low);
	return 32 + (uint32_t)__builtin_ctz((unsigned int)(bits >> 32));
#else
	uint32_t n = 0;

	for (; bits % 2 == 0; bits /= 2)
		n++;
	return n;
#endif
}

/* timers_slots.c: has the slots. */

/* Takes a free slot; a block must be open. */
static inline uint32_t
take_slot(struct miost_timers *timers)
{
	uint32_t number = timers->open;
	struct block *block = timers->blocks[number];
	uint32_t i = lowest(block->free);

	block->free &= block->free - 1;
	if (block->free == 0)
		timers->open = block->next;
	block->slots[i].generation++;
	timers->live++;
	return number * BLOCK + i;
}

/* Sees to it that a dead slot is never free again. */
void miost__timers_wear_out(struct miost_timers *timers, uint32_t number);

/* Ends the life of a slot's timer. */
static inline void
kill_slot(struct miost_timers *timers, uint32_t number)
{
	timers->live--;
	if (++slot_of(timers, number)->generation == WORN_OUT)
		miost__timers_wear_out(timers, number);
}

/* Opens a block, when none is. Returns 0 or -ENOMEM. */
int miost__timers_make_room(struct miost_timers *timers);

/* Makes room for `n` live timers. Returns 0 or -ENOMEM. */
int miost__timers_grow(struct miost_timers *timers, size_t n);

/* Makes the dead slots of a block free. */
void miost__timers_sweep(struct miost_timers *timers, uint32_t number);

void miost__timers_free_slots(struct miost_timers *timers);

/* timers_near.c: keeps what is near in order, and has the memory for it. */

/* Gives the near part its share of this many slots. Returns 0 or -ENOMEM. */
int miost__timers_grow_near(struct miost_timers *timers, uint32_t slots);

void miost__timers_free_near(struct miost_timers *timers);

/* Orders the near part anew, sorted or as a heap, and drops what is dead. */
void miost__timers_order(struct miost_timers *timers, bool sorted);

/* Puts an entry into the near part, which has room. */
void miost__timers_push(struct miost_timers *timers,
			const struct entry *entry);

/* Takes the entry at a position out of the near part. */
void miost__timers_pull(struct miost_timers *timers, uint32_t pos);

/*
 * Ends the life of a near timer. Returns 0, and does all there is to do: a
 * caller that ends with it need not save registers for a far one either.
 */
int miost__timers_cancel_near(struct miost_timers *timers, uint32_t number);

/* Takes the `n` earliest out of a near part that is sorted. */
void miost__timers_drop_earliest(struct miost_timers *timers, uint32_t n);

/* The earliest; there must be one near. */
const struct entry *miost__timers_earliest(const struct miost_timers *timers);

/*
 * How many near ones are due, or at least some of those. Sorts them if they are
 * more than a few.
 */
uint32_t miost__timers_count_due(struct miost_timers *timers, int64_t now);

/* timers_limit.c: decides what is near and what is far. */

/*
 * Puts in a timer that is not after the limit. If the near part is full, draws
 * an earlier limit first.
 */
void miost__timers_enter(struct miost_timers *timers,
			 const struct entry *entry);

/* Sees to it that the earliest is near, if any is live. */
void miost__timers_refill(struct miost_timers *timers, int64_t now);

#endif
