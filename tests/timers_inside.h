/* SPDX-License-Identifier: MIT */
/* What holds inside timers after every call; for timers_inside.c alone. */
#ifndef TIMERS_INSIDE_H
#define TIMERS_INSIDE_H

/* A slot's bits, and where its timer is. */
static bool
check_slot(const struct miost_timers *timers, uint32_t number)
{
	const struct block *block = block_of(timers, number);
	const struct slot *slot = slot_of(timers, number);
	uint64_t bit = bit_of(number);
	const struct near *near = &timers->near;
	struct entry entry = { block->deadlines[number % BLOCK], number };
	bool is_far;

	check((block->worn_out & bit) == 0 || slot->generation == WORN_OUT);
	if (slot->generation % 2 == 0)
		return false;
	is_far = after(timers, &entry, &near->limit);
	check((block->free & bit) == 0);
	check_eq((block->far & bit) != 0, is_far);
	check_eq(slot->pos == FAR, is_far);
	if (!is_far) {
		check(slot->pos < near->len);
		check_eq(near->entries[slot->pos].slot, number);
		check_eq(near->entries[slot->pos].deadline, entry.deadline);
	}
	return true;
}

/* Every live timer is near or far, and what is near in order. */
static void
check_inside(const struct miost_timers *timers)
{
	const struct near *near = &timers->near;
	uint32_t live = 0;

	for (uint32_t i = 0; i < timers->block_count * BLOCK; i++)
		live += check_slot(timers, i);
	check_eq(live, timers->live);
	check(near->len <= near->capacity);
	for (uint32_t i = 0; i < near->len; i++) {
		const struct entry *entries = near->entries;

		check(slot_of(timers, entries[i].slot)->generation % 2 != 0);
		check_eq(slot_of(timers, entries[i].slot)->pos, i);
		if (i > 0 && near->sorted)
			check(!before(timers, &entries[i - 1], &entries[i]));
		if (i > 0 && !near->sorted)
			check(!before(timers, &entries[i],
				      &entries[(i - 1) / 4]));
	}
}

#endif
