/* SPDX-License-Identifier: MIT */
/* Timers: the interface, the slots and the source. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "probes.h"
#include "timers.h"

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch((address), 1)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* The generation of a slot that is never used again. */
#define WORN_OUT (UINT32_MAX - 1)

enum {
	GROWTH = 64,	/* timers to make room for at least */
	AHEAD = 16	/* adds from now is when a slot fetched now is used */
};

int64_t
miost_deadline(int64_t now, int64_t span)
{
	if (span >= 0)
		return now > INT64_MAX - span ? INT64_MAX : now + span;
	return now < INT64_MIN - span ? INT64_MIN : now + span;
}

/* Puts an entry at the first spare place, whose slot is in use by now. */
static inline void
insert(struct miost_timers *timers, struct entry entry)
{
	timers->operations++;
	if (entry.deadline > timers->limit)
		place(timers, timers->len++, entry);
	else
		miost__timers_insert_near(timers, entry);
}

static int
grow(struct miost_timers *timers, size_t capacity)
{
	size_t extra = capacity - timers->capacity;
	struct entry *entries;
	struct slot *slots;

	if (extra > UINT32_MAX - timers->slot_count ||
	    timers->slot_count + extra > PTRDIFF_MAX / sizeof(*entries))
		return -ENOMEM;
	entries = realloc(timers->entries, capacity * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	timers->entries = entries;
	slots = realloc(timers->slots,
			(timers->slot_count + extra) * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	timers->slots = slots;

	while (timers->capacity < capacity) {
		slots[timers->slot_count].generation = 0;
		entries[timers->capacity++].slot = timers->slot_count++;
	}
	return 0;
}

/*
 * Makes a spare entry where there is none. What is grown to is an eighth more
 * when all are live, and a quarter more than are live when an eighth was not:
 * the next sweep is not to come soon.
 */
static int
make_room(struct miost_timers *timers)
{
	size_t capacity = (size_t)timers->capacity - timers->capacity / 8 +
			  timers->live / 4;
	size_t least = (size_t)timers->live + GROWTH;
	int err;

	if (timers->live < timers->capacity - timers->capacity / 8) {
		miost__timers_sweep(timers);
		return 0;
	}
	err = grow(timers, capacity > least ? capacity : least);
	if (err < 0 && timers->live < timers->capacity) {
		miost__timers_sweep(timers);
		return 0;
	}
	return err;
}

static struct slot *
spare_slot(const struct miost_timers *timers)
{
	return &timers->slots[timers->entries[timers->len].slot];
}

/* Whether there is a spare entry, and its slot can be used once more. */
static bool
has_spare(const struct miost_timers *timers)
{
	return timers->len < timers->capacity &&
	       spare_slot(timers)->generation != WORN_OUT;
}

/* Sees to it that there is, and drops the slots that are worn out. */
static int
make_spare(struct miost_timers *timers)
{
	int err = 0;

	while (err == 0 && !has_spare(timers)) {
		if (timers->len == timers->capacity) {
			err = make_room(timers);
		} else {
			struct entry *entries = timers->entries;

			entries[timers->len].slot =
				entries[--timers->capacity].slot;
		}
	}
	return err;
}

/* The key of the timer that a slot is in use by. */
static miost_timer
make_key(const struct miost_timers *timers, uint32_t slot)
{
	return (miost_timer)timers->slots[slot].generation << 32 | slot;
}

/* Stores the slot of a live timer's key. */
static int
find(const struct miost_timers *timers, miost_timer key, uint32_t *slot)
{
	uint32_t generation = (uint32_t)(key >> 32);

	*slot = (uint32_t)key;
	if (*slot >= timers->slot_count || generation % 2 == 0 ||
	    timers->slots[*slot].generation != generation)
		return -ENOENT;
	return 0;
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
	miost__timers_gather(timers, now);
	earliest = timers->entries[timers->sorted ? timers->near - 1 : 0]
			   .deadline;
	if (earliest <= now)
		return 0;
	span = (uint64_t)earliest - (uint64_t)now;
	return span < INT64_MAX ? (int64_t)span : INT64_MAX;
}

/* Makes the event of an entry's timer. */
static inline void
fire(const struct miost_timers *timers, struct entry entry,
     struct miost_event *event)
{
	event->id = timers->slots[entry.slot].id;
	event->readiness = MIOST_TIMER;
	event->reserved = 0;
	MIOST__PROBE(timer_fire, timers, make_key(timers, entry.slot),
		     event->id, entry.deadline);
}

/* Fires the earliest of a sorted near part. */
static void
fire_sorted(struct miost_timers *timers, struct miost_event *events,
	    uint32_t n)
{
	const struct entry *end = timers->entries + timers->near;

	for (uint32_t i = 0; i < n; i++) {
		fire(timers, *--end, &events[i]);
		timers->slots[end->slot].generation++;
	}
	timers->live -= n;
	miost__timers_drop_earliest(timers, n);
}

/* Fires the earliest of a heap, one by one. */
static void
fire_heap(struct miost_timers *timers, struct miost_event *events, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct entry earliest = timers->entries[0];

		fire(timers, earliest, &events[i]);
		miost__timers_remove_near(timers, earliest.slot);
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
	miost__timers_gather(timers, now);
	due = miost__timers_count_due(timers, now);
	if (due == 0)
		return 0;
	n = sink->ops->reserve(sink, due < INT_MAX ? due : INT_MAX, &slots);
	if (n <= 0)
		return (int)n;
	if (timers->sorted)
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
	timers->limit = INT64_MIN;
	timers->random = (uint32_t)((uintptr_t)timers >> 4);
	*out = timers;
	return 0;
}

void
miost_timers_free(struct miost_timers *timers)
{
	if (timers == NULL)
		return;
	free(timers->entries);
	free(timers->slots);
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
	/* Cancelled ones take room till there is enough of them to sweep. */
	size_t capacity = n < SIZE_MAX / 2 ? n + n / 7 + 8 : n;

	return capacity > timers->capacity ? grow(timers, capacity) : 0;
}

int
miost_timers_add_deadline(struct miost_timers *timers, miost_id id,
			  int64_t deadline, miost_timer *key)
{
	struct entry entry = { .deadline = deadline };
	struct slot *slot;

	if (!has_spare(timers)) {
		int err = make_spare(timers);

		if (err < 0)
			return err;
	}
	entry.slot = timers->entries[timers->len].slot;
	slot = spare_slot(timers);
	/* Adds come in bursts: fetch the slot of one to come. */
	if (timers->capacity - timers->len > AHEAD)
		PREFETCH(&timers->slots[timers->entries[timers->len + AHEAD]
						.slot]);
	slot->id = id;
	slot->generation++;
	if (key != NULL)
		*key = make_key(timers, entry.slot);
	MIOST__PROBE(timer_add, timers, make_key(timers, entry.slot), id,
		     deadline);
	timers->live++;
	insert(timers, entry);
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
		*deadline = timers->entries[timers->slots[slot].pos].deadline;
	return 0;
}

int
miost_timers_change(struct miost_timers *timers, miost_timer key,
		    int64_t deadline)
{
	struct entry entry = { .deadline = deadline };
	uint32_t i;

	if (find(timers, key, &entry.slot) < 0)
		return -ENOENT;
	MIOST__PROBE(timer_change, timers, key, deadline);
	i = timers->slots[entry.slot].pos;
	if (i >= timers->near && deadline > timers->limit) {
		timers->entries[i].deadline = deadline;
		return 0;
	}
	miost__timers_take_out(timers, entry.slot);
	insert(timers, entry);
	return 0;
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

/*
 * Removes a timer. A far one keeps its entry, and with it its slot, until the
 * next sweep: to take it out would touch three places of memory, not one.
 * Without a call for a far one no register need be saved.
 */
static inline void
remove_slot(struct miost_timers *timers, uint32_t slot)
{
	MIOST__PROBE(timer_cancel, timers, make_key(timers, slot),
		     timers->slots[slot].id);
	if (timers->slots[slot].pos < timers->near) {
		miost__timers_remove_near(timers, slot);
		return;
	}
	timers->slots[slot].generation++;
	if (--timers->live == 0)
		timers->len = 0;
}

int
miost_timers_cancel(struct miost_timers *timers, miost_timer key)
{
	uint32_t slot;

	if (find(timers, key, &slot) < 0)
		return -ENOENT;
	remove_slot(timers, slot);
	return 0;
}

int
miost_timers_cancel_id(struct miost_timers *timers, miost_id id)
{
	uint32_t earliest = UINT32_MAX;

	for (uint32_t i = 0; i < timers->len; i++) {
		if (timers->slots[timers->entries[i].slot].id != id ||
		    !in_use(timers, timers->entries[i]))
			continue;
		if (earliest == UINT32_MAX ||
		    timers->entries[i].deadline <
			    timers->entries[earliest].deadline)
			earliest = i;
	}
	if (earliest == UINT32_MAX)
		return -ENOENT;

	remove_slot(timers, timers->entries[earliest].slot);
	return 0;
}
