/* SPDX-License-Identifier: MIT */
/* Timers: the slots, which grow by blocks, and are swept to be used again. */
#include <errno.h>
#include <stdlib.h>

#include "timers.h"

/* Slots are numbered by 32 bits. */
#define MOST_BLOCKS (UINT32_MAX / BLOCK)

enum {
	GROWTH = 64,	/* blocks for one more to be added at once */
	SPARE = 8	/* live timers for one slot that may be dead */
};

/* Puts a block with a free slot before the others that have one. */
static void
open_block(struct miost_timers *timers, uint32_t number)
{
	timers->blocks[number]->next = timers->open;
	timers->open = number;
}

/* Which slots of a block have a live timer. */
static uint64_t
find_live(const struct slot *slots)
{
	uint64_t live = 0;

	/* Four at once takes few steps. */
	for (int i = BLOCK - 4; i >= 0; i -= 4)
		live = live << 4 | (slots[i].generation & 1) |
		       (slots[i + 1].generation & 1) << 1 |
		       (slots[i + 2].generation & 1) << 2 |
		       (slots[i + 3].generation & 1) << 3;
	return live;
}

void
miost__timers_sweep(struct miost_timers *timers, uint32_t number)
{
	struct block *block = timers->blocks[number];
	uint64_t dead = ~(find_live(block->slots) | block->free |
			  block->worn_out);

	if (dead == 0)
		return;
	if (block->free == 0)
		open_block(timers, number);
	block->free |= dead;
	block->far &= ~dead;
}

void
miost__timers_wear_out(struct miost_timers *timers, uint32_t number)
{
	block_of(timers, number)->worn_out |= bit_of(number);
	timers->usable--;
}

/* Makes room for `n` blocks. */
static int
grow_blocks(struct miost_timers *timers, uint32_t n)
{
	size_t capacity = (size_t)n + n / 2;
	struct block **blocks;

	if (n <= timers->block_capacity)
		return 0;
	blocks = realloc(timers->blocks, capacity * sizeof(*blocks));
	if (blocks == NULL)
		return -ENOMEM;
	timers->blocks = blocks;
	timers->block_capacity = (uint32_t)capacity;
	return 0;
}

static void
add_block(struct miost_timers *timers, uint32_t number, struct block *block)
{
	block->free = UINT64_MAX;
	block->far = 0;
	block->worn_out = 0;
	block->first = false;
	for (int i = 0; i < BLOCK; i++)
		block->slots[i].generation = 0;
	timers->blocks[number] = block;
	open_block(timers, number);
}

/* Adds blocks, all in one piece. */
static int
add_blocks(struct miost_timers *timers, size_t extra)
{
	size_t count = timers->block_count;
	struct block *blocks;

	if (extra > MOST_BLOCKS - count ||
	    extra > PTRDIFF_MAX / sizeof(*blocks))
		return -ENOMEM;
	if (grow_blocks(timers, (uint32_t)(count + extra)) < 0 ||
	    miost__timers_grow_near(timers, (uint32_t)(count + extra) * BLOCK) <
		    0)
		return -ENOMEM;
	blocks = malloc(extra * sizeof(*blocks));
	if (blocks == NULL)
		return -ENOMEM;
	/* The first is opened last, and so used first. */
	for (size_t i = extra; i-- > 0;)
		add_block(timers, (uint32_t)(count + i), &blocks[i]);
	blocks->first = true;
	timers->block_count += (uint32_t)extra;
	timers->usable += (uint32_t)extra * BLOCK;
	return 0;
}

int
miost__timers_grow(struct miost_timers *timers, size_t n)
{
	size_t slots = n < SIZE_MAX / 2 ? n + n / SPARE : n;
	size_t extra;

	if (slots <= timers->usable)
		return 0;
	extra = slots - timers->usable;
	return add_blocks(timers, extra / BLOCK + (extra % BLOCK != 0));
}

/* Sweeps from where the last sweep ended, until a block is open. */
static void
sweep(struct miost_timers *timers)
{
	do {
		if (timers->swept >= timers->block_count)
			timers->swept = 0;
		miost__timers_sweep(timers, timers->swept++);
	} while (timers->open == NO_BLOCK);
	/* Adds come in bursts. */
	if (timers->swept < timers->block_count) {
		const struct block *next = timers->blocks[timers->swept];

		for (size_t i = 0; i < sizeof(*next); i += LINE)
			PREFETCH((const char *)next + i);
	}
}

int
miost__timers_make_room(struct miost_timers *timers)
{
	uint32_t dead = timers->usable - timers->live;
	int err = 0;

	if (dead <= timers->live / SPARE)
		err = add_blocks(timers, 1 + timers->block_count / GROWTH);
	if (timers->open == NO_BLOCK && dead > 0) {
		sweep(timers);
		err = 0;
	}
	return err;
}

void
miost__timers_free_slots(struct miost_timers *timers)
{
	/* Backwards: what was allocated together is not read after its end. */
	for (uint32_t i = timers->block_count; i-- > 0;)
		if (timers->blocks[i]->first)
			free(timers->blocks[i]);
	free(timers->blocks);
}
