/* SPDX-License-Identifier: MIT */
/* Timers: the interface and the source. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "probes.h"
#include "timers.h"

#define NO_SLOT UINT32_MAX

int64_t
miost_deadline(int64_t now, int64_t span)
{
	if (span >= 0)
		return now > INT64_MAX - span ? INT64_MAX : now + span;
	return now < INT64_MIN - span ? INT64_MIN : now + span;
}

static miost_timer
make_key(const struct miost_timers *timers, uint32_t slot)
{
	return (miost_timer)slot_of(timers, slot)->generation << 32 | slot;
}

/* Stores the slot of a live timer's key. */
static int
find(const struct miost_timers *timers, miost_timer key, uint32_t *slot)
{
	uint32_t generation = (uint32_t)(key >> 32);

	*slot = (uint32_t)key;
	if (*slot / BLOCK >= timers->block_count || generation % 2 == 0 ||
	    slot_of(timers, *slot)->generation != generation)
		return -ENOENT;
	return 0;
}

/* Puts a live timer where it belongs. */
static inline void
insert(struct miost_timers *timers, const struct entry *entry)
{
	struct block *block = block_of(timers, entry->slot);

	timers->operations++;
	if (!after(timers, entry, &timers->near.limit)) {
		miost__timers_enter(timers, entry);
		return;
	}
	block->slots[entry->slot % BLOCK].pos = FAR;
	block->far |= bit_of(entry->slot);
}

/* The source. */

static int64_t
timers_max_timeout(struct miost_source *source)
{
	struct miost_timers *timers = (void *)source;
	int64_t now, earliest;
	uint64_t span;

	if (timers->live == 0)
		return MIOST_FOREVER;
	now = timers->now(timers->arg);
	miost__timers_refill(timers, now);
	earliest = miost__timers_earliest(timers)->deadline;
	if (earliest <= now)
		return 0;
	span = (uint64_t)earliest - (uint64_t)now;
	return span < INT64_MAX ? (int64_t)span : INT64_MAX;
}

/* Makes the event of an entry's timer, whose life ends. */
static inline void
fire(struct miost_timers *timers, const struct entry *entry,
     struct miost_event *event)
{
	event->id = slot_of(timers, entry->slot)->id;
	event->readiness = MIOST_TIMER;
	event->reserved = 0;
	MIOST__PROBE(timer_fire, timers, make_key(timers, entry->slot),
		     event->id, entry->deadline);
	kill_slot(timers, entry->slot);
}

/* Fires the earliest of those sorted. */
static void
fire_sorted(struct miost_timers *timers, struct miost_event *events,
	    uint32_t n)
{
	const struct entry *end = timers->near.entries + timers->near.len;

	for (uint32_t i = 0; i < n; i++)
		fire(timers, --end, &events[i]);
	miost__timers_drop_earliest(timers, n);
}

/* Fires the earliest of a heap, one by one. */
static void
fire_heap(struct miost_timers *timers, struct miost_event *events, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct entry earliest = *miost__timers_earliest(timers);

		miost__timers_pull(timers, 0);
		fire(timers, &earliest, &events[i]);
	}
}

static int
timers_poll(struct miost_source *source, struct miost_sink *sink)
{
	struct miost_timers *timers = (void *)source;
	struct miost_event *slots;
	uint32_t due;
	int64_t now;
	ssize_t n;

	if (timers->live == 0)
		return 0;
	now = timers->now(timers->arg);
	miost__timers_refill(timers, now);
	due = miost__timers_count_due(timers, now);
	if (due == 0)
		return 0;
	n = sink->ops->reserve(sink, due < INT_MAX ? due : INT_MAX, &slots);
	if (n <= 0)
		return (int)n;
	if (timers->near.sorted)
		fire_sorted(timers, slots, (uint32_t)n);
	else
		fire_heap(timers, slots, (uint32_t)n);
	sink->ops->commit(sink, (size_t)n);
	return (int)n;
}

static const struct miost_source_ops timers_ops = {
	.max_timeout = timers_max_timeout,
	.poll = timers_poll,
};

/* The interface. */

int
miost_timers_new_with_clock(struct miost_timers **out,
			    int64_t (*now)(void *arg), void *arg)
{
	struct miost_timers *timers = calloc(1, sizeof(*timers));

	if (timers == NULL)
		return -ENOMEM;
	timers->source.ops = &timers_ops;
	timers->now = now;
	timers->arg = arg;
	timers->open = NO_BLOCK;
	timers->near.limit.deadline = INT64_MIN;
	timers->random = (uint32_t)((uintptr_t)timers >> 4);
	*out = timers;
	return 0;
}

void
miost_timers_free(struct miost_timers *timers)
{
	if (timers == NULL)
		return;
	miost__timers_free_slots(timers);
	miost__timers_free_near(timers);
	free(timers);
}

struct miost_source *
miost_timers_source(struct miost_timers *timers)
{
	return &timers->source;
}

size_t
miost_timers_len(const struct miost_timers *timers)
{
	return timers->live;
}

int
miost_timers_reserve(struct miost_timers *timers, size_t n)
{
	return miost__timers_grow(timers, n);
}

/* Adds a timer when no slot is free. */
static int
add_to_more(struct miost_timers *timers, miost_id id, int64_t deadline,
	    miost_timer *key)
{
	int err = miost__timers_make_room(timers);

	return err < 0 ? err :
			 miost_timers_add_deadline(timers, id, deadline, key);
}

int
miost_timers_add_deadline(struct miost_timers *timers, miost_id id,
			  int64_t deadline, miost_timer *key)
{
	struct entry entry = { .deadline = deadline };
	struct block *block;
	struct slot *slot;

	if (timers->open == NO_BLOCK)
		return add_to_more(timers, id, deadline, key);
	entry.slot = take_slot(timers);
	block = block_of(timers, entry.slot);
	slot = &block->slots[entry.slot % BLOCK];
	block->deadlines[entry.slot % BLOCK] = deadline;
	slot->id = id;
	if (key != NULL)
		*key = make_key(timers, entry.slot);
	MIOST__PROBE(timer_add, timers, make_key(timers, entry.slot), id,
		     deadline);
	insert(timers, &entry);
	return 0;
}

/* The deadline `timeout` nanoseconds from now. */
static inline int64_t
deadline_after(const struct miost_timers *timers, int64_t timeout)
{
	return miost_deadline(timers->now(timers->arg), timeout);
}

int
miost_timers_add_timeout(struct miost_timers *timers, miost_id id,
			 int64_t timeout, miost_timer *key)
{
	if (timeout < 0)
		return -EINVAL;
	return miost_timers_add_deadline(timers, id,
					 deadline_after(timers, timeout), key);
}

int
miost_timers_get(const struct miost_timers *timers, miost_timer key,
		 int64_t *deadline)
{
	uint32_t slot;

	if (find(timers, key, &slot) < 0)
		return -ENOENT;
	if (deadline != NULL)
		*deadline = block_of(timers, slot)->deadlines[slot % BLOCK];
	return 0;
}

/* Moves a timer that is near, or is to be. */
static int
move(struct miost_timers *timers, const struct entry *entry)
{
	uint32_t pos = slot_of(timers, entry->slot)->pos;

	if (pos != FAR)
		miost__timers_pull(timers, pos);
	insert(timers, entry);
	return 0;
}

int
miost_timers_change(struct miost_timers *timers, miost_timer key,
		    int64_t deadline)
{
	struct entry entry = { .deadline = deadline };
	struct block *block;

	if (find(timers, key, &entry.slot) < 0)
		return -ENOENT;
	MIOST__PROBE(timer_change, timers, key, deadline);
	block = block_of(timers, entry.slot);
	block->deadlines[entry.slot % BLOCK] = deadline;
	if (block->slots[entry.slot % BLOCK].pos == FAR &&
	    after(timers, &entry, &timers->near.limit))
		return 0;
	return move(timers, &entry);
}

int
miost_timers_change_timeout(struct miost_timers *timers, miost_timer key,
			    int64_t timeout)
{
	if (timeout < 0)
		return -EINVAL;
	return miost_timers_change(timers, key,
				   deadline_after(timers, timeout));
}

int
miost_timers_cancel(struct miost_timers *timers, miost_timer key)
{
	struct slot *slot;
	uint32_t number;

	if (find(timers, key, &number) < 0)
		return -ENOENT;
	slot = slot_of(timers, number);
	MIOST__PROBE(timer_cancel, timers, key, slot->id);
	if (slot->pos != FAR)
		return miost__timers_cancel_near(timers, number);
	kill_slot(timers, number);
	return 0;
}

/* Finds the earliest timer of a block with this id, the first of those. */
static void
find_id(const struct miost_timers *timers, uint32_t number, miost_id id,
	struct entry *earliest)
{
	const struct block *block = timers->blocks[number];

	for (uint32_t i = 0; i < BLOCK; i++) {
		const struct slot *slot = &block->slots[i];

		if (slot->generation % 2 == 0 || slot->id != id)
			continue;
		if (earliest->slot == NO_SLOT ||
		    block->deadlines[i] < earliest->deadline)
			*earliest = (struct entry){ block->deadlines[i],
						    number * BLOCK + i };
	}
}

int
miost_timers_cancel_id(struct miost_timers *timers, miost_id id)
{
	struct entry earliest = { .slot = NO_SLOT };

	for (uint32_t i = 0; i < timers->block_count; i++)
		find_id(timers, i, id, &earliest);
	if (earliest.slot == NO_SLOT)
		return -ENOENT;

	return miost_timers_cancel(timers, make_key(timers, earliest.slot));
}
