/* SPDX-License-Identifier: MIT */
/* Timers: the limit, up to which they are near. */
#include "timers.h"

enum {
	ALL_NEAR = 64,		/* timers are so few that all may be near */
	SPARSE = 8,		/* slots for one live timer: most are dead */
	WORTH_SWEEPING = 8,	/* of a block's, when most are dead */
	RANK = 8,		/* a limit is the eighth of those drawn, */
	FOR_EIGHTH = 64,	/* of so many for an eighth to be before it, */
	FOR_HALF = 16,		/* and so many for a half */
	ATTEMPTS = 16,		/* to find a far timer, for each draw */
	READ_BY_ANY = 5,	/* blocks that any poll may read */
	FETCH_AHEAD = 4		/* blocks from the one that is read */
};

/* Whether most slots have no live timer, and so reading them finds little. */
static bool
is_sparse(const struct miost_timers *timers)
{
	return timers->live < timers->usable / SPARSE;
}

/* Drawing a limit. */

/* Draws a number below `bound`: a linear congruential generator. */
static uint32_t
draw_below(struct miost_timers *timers, uint32_t bound)
{
	timers->random = timers->random * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)timers->random * bound >> 32);
}

/* The latest of all. */
static const struct point no_limit = { INT64_MAX, (miost_id)-1, UINT32_MAX };

/* Whether nothing is far, and what is added is near. */
static bool
is_without_limit(const struct near *near)
{
	return near->limit.deadline == no_limit.deadline &&
	       near->limit.slot == no_limit.slot;
}

/* The earliest of those drawn, in order. */
struct sample {
	struct point earliest[RANK];
	int len;
};

static bool
is_later(const struct point *a, const struct point *b)
{
	if (a->deadline != b->deadline)
		return a->deadline > b->deadline;
	return a->id != b->id ? a->id > b->id : a->slot > b->slot;
}

static void
take_sample(struct miost_timers *timers, struct sample *sample,
	    int64_t deadline, uint32_t slot)
{
	struct point point = { deadline, slot_of(timers, slot)->id, slot };
	int i = sample->len;

	if (i == RANK && !is_later(&sample->earliest[--i], &point))
		return;
	for (; i > 0 && is_later(&sample->earliest[i - 1], &point); i--)
		sample->earliest[i] = sample->earliest[i - 1];
	sample->earliest[i] = point;
	if (sample->len < RANK)
		sample->len++;
}

/*
 * Sets a limit up to which there is some of what is far, by the number of
 * draws. If slots that are far are hard to find, they are few: then all.
 * Returns whether it is likely that many have the deadline of the limit.
 */
static bool
draw_far(struct miost_timers *timers, uint32_t draws)
{
	uint32_t attempts = draws * ATTEMPTS;
	struct sample sample = { .len = 0 };

	while (draws > 0 && attempts-- > 0) {
		uint32_t number = draw_below(timers,
					     timers->block_count * BLOCK);
		const struct block *block = block_of(timers, number);

		if ((block->far & bit_of(number)) == 0 ||
		    slot_of(timers, number)->generation % 2 == 0)
			continue;
		take_sample(timers, &sample,
			    block->deadlines[number % BLOCK], number);
		draws--;
	}
	timers->near.limit = no_limit;
	if (sample.len < RANK)
		return false;
	timers->near.limit = sample.earliest[RANK - 1];
	return sample.earliest[RANK - 2].deadline ==
	       timers->near.limit.deadline;
}

/*
 * Sets a later limit: see the head of timers.h for what is near then. Returns
 * the same.
 */
static bool
draw_later(struct miost_timers *timers, int64_t now)
{
	struct near *near = &timers->near;
	uint32_t far = timers->live - near->len;
	uint32_t room = near->capacity - near->len;
	uint32_t want = room - room / 5 * 2;
	uint32_t draws = (uint32_t)((uint64_t)far * RANK / want);
	bool crowded;

	near->limit = no_limit;
	if (far <= ALL_NEAR)
		return false;
	crowded = draw_far(timers, draws > RANK ? draws : RANK);
	if (draws < FOR_EIGHTH && near->limit.deadline > now)
		crowded = draw_far(timers, FOR_EIGHTH);
	/* All that is due, if there is room for it in any case. */
	if (near->limit.deadline < now && timers->live <= near->capacity) {
		near->limit = no_limit;
		near->limit.deadline = now;
	}
	return crowded;
}

/* From part to part. */

static void
make_far(struct miost_timers *timers, uint32_t slot)
{
	slot_of(timers, slot)->pos = FAR;
	block_of(timers, slot)->far |= bit_of(slot);
}

/* Makes the later half of what is near far; the order of the rest is lost. */
static void
thin_out(struct miost_timers *timers)
{
	struct near *near = &timers->near;
	struct sample sample = { .len = 0 };
	uint32_t len = 0;

	for (int i = 0; i < FOR_HALF; i++) {
		uint32_t drawn = draw_below(timers, near->len);
		struct entry entry = near->entries[drawn];

		take_sample(timers, &sample, entry.deadline, entry.slot);
	}
	near->limit = sample.earliest[RANK - 1];
	for (uint32_t i = 0; i < near->len; i++) {
		if (after(timers, &near->entries[i], &near->limit))
			make_far(timers, near->entries[i].slot);
		else
			near->entries[len++] = near->entries[i];
	}
	near->len = len;
}

/* Takes what is dead out of the near part, from a position on. */
static void
drop_dead(struct miost_timers *timers, uint32_t from)
{
	struct near *near = &timers->near;
	uint32_t end = near->len;

	near->len = from;
	for (uint32_t i = from; i < end; i++)
		if (slot_of(timers, near->entries[i].slot)->generation % 2 != 0)
			near->entries[near->len++] = near->entries[i];
}

/* Looking for what is near. */

/*
 * The block to be fetched while this one is read: they lie too far apart for
 * the processor to guess. Each function fetches what it reads itself: gcc drops
 * the call of one that does nothing else.
 */
static inline const struct block *
block_ahead(const struct miost_timers *timers, uint32_t number)
{
	uint32_t last = timers->block_count - 1;

	return timers->blocks[last - number < FETCH_AHEAD ?
				      last :
				      number + FETCH_AHEAD];
}

/* Which far timers of a block are not after a deadline, as bits. */
static uint64_t
find_early(const struct miost_timers *timers, uint32_t number, int64_t deadline)
{
	const struct block *block = timers->blocks[number];
	const struct block *ahead = block_ahead(timers, number);
	const int64_t *deadlines = block->deadlines;
	uint64_t early = 0;

	for (size_t i = 0; i <= offsetof(struct block, slots); i += LINE)
		PREFETCH((const char *)ahead + i);
	/* Four at once: no branch that is guessed wrong, and few steps. */
	for (int i = BLOCK - 4; i >= 0; i -= 4)
		early = early << 4 |
			(uint64_t)((deadlines[i] <= deadline) |
				   (deadlines[i + 1] <= deadline) << 1 |
				   (deadlines[i + 2] <= deadline) << 2 |
				   (deadlines[i + 3] <= deadline) << 3);
	return early & block->far;
}

/* The same for a point, whose deadline many have. */
static uint64_t
find_before(const struct miost_timers *timers, uint32_t number,
	    const struct point *point)
{
	const struct block *block = timers->blocks[number];
	const struct block *ahead = block_ahead(timers, number);
	uint64_t found = 0;

	for (size_t i = 0; i < sizeof(*ahead); i += LINE)
		PREFETCH((const char *)ahead + i);
	for (uint32_t i = BLOCK; i-- > 0;) {
		miost_id id = block->slots[i].id;
		bool equal = block->deadlines[i] == point->deadline;
		bool first = (id < point->id) |
			     ((id == point->id) &
			      (number * BLOCK + i <= point->slot));

		found = found << 1 |
			(uint64_t)((block->deadlines[i] < point->deadline) |
				   (equal & first));
	}
	return found & block->far;
}

static bool
are_many(uint64_t bits)
{
	for (int i = 0; i < WORTH_SWEEPING; i++)
		bits &= bits - (bits != 0);
	return bits != 0;
}

/* Which timers of a block are to be near; some are dead, or after the limit. */
static uint64_t
find_near(struct miost_timers *timers, uint32_t number, bool crowded)
{
	const struct point *limit = &timers->near.limit;
	const struct block *block = timers->blocks[number];
	uint64_t bits = 0;

	if (block->far != 0)
		bits = crowded ? find_before(timers, number, limit) :
				 find_early(timers, number, limit->deadline);
	if (is_sparse(timers) && are_many(bits))
		miost__timers_sweep(timers, number);
	return bits & block->far;
}

/* Makes room in a near part that is full, and sure up to a position. */
static void
make_near_room(struct miost_timers *timers, uint32_t *sure)
{
	struct near *near = &timers->near;

	drop_dead(timers, *sure);
	/* A little room would be used up at once. */
	while (near->len > near->capacity - near->capacity / 4)
		thin_out(timers);
	*sure = near->len;
}

/*
 * Makes near, in no order, what is far and not after the limit. What of it is
 * dead is dropped later: to look at it now would be to wait for memory. Returns
 * whether the near part has changed.
 */
static bool
collect(struct miost_timers *timers, bool crowded)
{
	struct near *near = &timers->near;
	uint32_t sure = near->len;
	bool changed = false;

	for (uint32_t number = 0; number < timers->block_count; number++) {
		struct block *block = timers->blocks[number];
		uint64_t bits = find_near(timers, number, crowded);

		for (; bits != 0; bits &= bits - 1) {
			uint32_t i = lowest(bits);
			struct entry entry = { block->deadlines[i],
					       number * BLOCK + i };

			if (near->len == near->capacity)
				make_near_room(timers, &sure);
			if (after(timers, &entry, &near->limit))
				continue;
			block->far &= ~bit_of(i);
			near->entries[near->len++] = entry;
			changed = true;
		}
	}
	return changed;
}

/* The point of the latest. */
static struct point
latest(const struct miost_timers *timers)
{
	const struct near *near = &timers->near;
	struct point latest = { INT64_MIN, 0, 0 };

	for (uint32_t i = 0; i < near->len; i++) {
		const struct entry *entry = &near->entries[i];

		if (after(timers, entry, &latest))
			latest = (struct point){
				entry->deadline,
				slot_of(timers, entry->slot)->id, entry->slot
			};
	}
	return latest;
}

/* Makes more near, if any of the rest is not after a later limit. */
static void
extend(struct miost_timers *timers, int64_t now)
{
	struct near *near = &timers->near;
	bool changed = collect(timers, draw_later(timers, now));

	/* What is added later is far, unless it would take long to find. */
	if (is_without_limit(near) && !is_sparse(timers))
		near->limit = latest(timers);
	if (changed)
		miost__timers_order(timers, near->limit.deadline <= now);
}

/*
 * Whether to look for more that is due. Of many only when few are near: looking
 * fills about half of the near part, or moves the limit beyond `now`.
 */
static bool
is_time(const struct miost_timers *timers, int64_t now)
{
	const struct near *near = &timers->near;

	return near->limit.deadline <= now &&
	       (timers->block_count <= READ_BY_ANY ||
		near->len < near->capacity / 4);
}

void
miost__timers_refill(struct miost_timers *timers, int64_t now)
{
	uint32_t near = timers->near.len;

	if (near == timers->live)
		return;
	if (near == 0 || is_time(timers, now))
		extend(timers, now);
}

/* Sees to it that the near part has room, and a limit if it is not small. */
static void
bound_near(struct miost_timers *timers)
{
	struct near *near = &timers->near;

	if (near->len >= ALL_NEAR && is_without_limit(near))
		near->limit = latest(timers);
	if (near->len < near->capacity)
		return;
	do
		thin_out(timers);
	while (near->len == near->capacity);
	miost__timers_order(timers, false);
}

void
miost__timers_enter(struct miost_timers *timers, const struct entry *entry)
{
	bound_near(timers);
	if (after(timers, entry, &timers->near.limit)) {
		make_far(timers, entry->slot);
		return;
	}
	block_of(timers, entry->slot)->far &= ~bit_of(entry->slot);
	miost__timers_push(timers, entry);
}
