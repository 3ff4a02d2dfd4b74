/* SPDX-License-Identifier: MIT */
/*
 * Timers on a clock of the test's own, held against a plain model of them:
 * every order of adds, changes, cancels, removals and polls of small sinks
 * must give the same events. And what only shows inside: slots that are worn
 * out, and the memory taken.
 */
#include <stdlib.h>

/* How often memory can still be had; negative: always. */
static int reallocs_left = -1;

static void *
test_realloc(void *old, size_t size)
{
	if (reallocs_left == 0)
		return NULL;
	if (reallocs_left > 0)
		reallocs_left--;
	return realloc(old, size);
}

#define realloc(old, size) test_realloc(old, size)

#include "../lib/core/event.c"
#include "../lib/core/sinks.c"
#define FEW TIMERS_SORT_FEW
#include "../lib/core/timers_sort.c"
#undef FEW
#include "../lib/core/timers_order.c"
#include "../lib/core/timers.c"

#include "tap.h"

static int64_t now_ns;

static int64_t
read_clock(void *arg)
{
	return *(int64_t *)arg;
}

int
miost_timers_new(struct miost_timers **out)
{
	return miost_timers_new_with_clock(out, read_clock, &now_ns);
}

/* A generator of its own: every run is the same. */
static size_t
draw(size_t below)
{
	static uint64_t state = 88172645463325252;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % below);
}

struct model_timer {
	miost_timer key;
	int64_t deadline;
	miost_id id;
};

enum { MOST = 3000 };

struct model {
	struct miost_timers *timers;
	struct model_timer live[MOST];
	size_t len;
	miost_timer dead;
};

/* Every entry names a slot of its own, and the slots know where. */
static void
check_inside(const struct miost_timers *timers)
{
	static bool seen[2 * MOST];
	uint32_t live = timers->near;

	memset(seen, 0, sizeof(seen));
	check(timers->capacity <= sizeof(seen));
	check(timers->near <= timers->len);
	check(timers->len <= timers->capacity);
	for (uint32_t i = 0; i < timers->capacity; i++) {
		struct entry entry = timers->entries[i];

		check(entry.slot < timers->slot_count);
		check(!seen[entry.slot]);
		seen[entry.slot] = true;
		if (i >= timers->len) {
			check(!in_use(timers, entry));
			continue;
		}
		if (in_use(timers, entry))
			check_eq(timers->slots[entry.slot].pos, i);
		if (i < timers->near) {
			check(in_use(timers, entry));
			check(entry.deadline <= timers->limit);
		} else if (in_use(timers, entry)) {
			live++;
			check(entry.deadline > timers->limit);
		}
	}
	check_eq(live, timers->live);
}

static size_t
earliest(const struct model *model, bool any_id, miost_id id)
{
	const struct model_timer *first = NULL;

	for (size_t i = 0; i < model->len; i++) {
		const struct model_timer *a = &model->live[i];
		const struct model_timer *b = first;

		if (!any_id && a->id != id)
			continue;
		if (b == NULL || a->deadline < b->deadline ||
		    (a->deadline == b->deadline && a->id < b->id))
			first = a;
	}
	return first != NULL ? (size_t)(first - model->live) : SIZE_MAX;
}

static void
forget(struct model *model, size_t i)
{
	model->dead = model->live[i].key;
	model->live[i] = model->live[--model->len];
}

/* Deadlines of every pattern: close, spread, equal, past, and extreme. */
static int64_t
draw_deadline(void)
{
	switch (draw(8)) {
	case 0:
		return now_ns + 1000;
	case 1:
		return now_ns - (int64_t)draw(50);
	case 2:
		return now_ns + (int64_t)draw(1000000000);
	case 3:
		return draw(40) ? now_ns + 60000 : INT64_MAX;
	default:
		return now_ns + (int64_t)draw(5000);
	}
}

static void
add_one(struct model *model)
{
	struct model_timer *timer = &model->live[model->len];

	if (model->len == MOST)
		return;
	timer->deadline = draw_deadline();
	timer->id = (miost_id)draw(50);
	check_eq(miost_timers_add_deadline(model->timers, timer->id,
					   timer->deadline, &timer->key), 0);
	model->len++;
}

static void
change_one(struct model *model)
{
	struct model_timer *timer;

	if (model->len == 0)
		return;
	timer = &model->live[draw(model->len)];
	timer->deadline = draw_deadline();
	check_eq(miost_timers_change(model->timers, timer->key,
				     timer->deadline), 0);
}

/* Of a live one its deadline is known, wherever its entry is. */
static void
get_one(const struct model *model)
{
	const struct model_timer *timer;
	int64_t deadline;

	if (model->len == 0)
		return;
	timer = &model->live[draw(model->len)];
	check_eq(miost_timers_get(model->timers, timer->key, &deadline), 0);
	check_eq(deadline, timer->deadline);
}

static void
cancel_one(struct model *model)
{
	size_t i;

	if (model->len == 0)
		return;
	i = draw(model->len);
	check_eq(miost_timers_cancel(model->timers, model->live[i].key), 0);
	forget(model, i);
	check_eq(miost_timers_cancel(model->timers, model->dead), -ENOENT);
	check_eq(miost_timers_get(model->timers, model->dead, NULL), -ENOENT);
}

/* By id: of equal deadlines any may go, so those are left alone. */
static void
remove_one(struct model *model)
{
	miost_id id = (miost_id)draw(60);
	size_t found = earliest(model, false, id);

	if (found == SIZE_MAX) {
		check_eq(miost_timers_cancel_id(model->timers, id),
			 -ENOENT);
		return;
	}
	for (size_t i = 0; i < model->len; i++)
		if (i != found && model->live[i].id == id &&
		    model->live[i].deadline == model->live[found].deadline)
			return;
	check_eq(miost_timers_cancel_id(model->timers, id), 0);
	forget(model, found);
}

static void
poll_some(struct model *model, size_t capacity)
{
	struct miost_source *source = miost_timers_source(model->timers);
	static struct miost_event storage[MOST];
	struct miost_event_array array;
	size_t due = 0, i;
	int64_t span;
	int n;

	for (i = 0; i < model->len; i++)
		due += model->live[i].deadline <= now_ns;
	i = earliest(model, true, 0);
	span = source->ops->max_timeout(source);
	if (i == SIZE_MAX)
		check_eq(span, MIOST_FOREVER);
	else
		check_eq(span, due > 0 ? 0 : model->live[i].deadline - now_ns);

	miost_event_array_init(&array, storage, capacity);
	n = source->ops->poll(source, &array.sink);
	check_eq(array.len, n);
	check(array.len <= due);
	check_eq(n > 0, due > 0 && capacity > 0);
	for (size_t j = 0; j < array.len; j++) {
		i = earliest(model, true, 0);
		check(i != SIZE_MAX);
		check_eq(storage[j].id, model->live[i].id);
		check_eq(storage[j].readiness, MIOST_TIMER);
		/* Which of two that are alike fired, their keys tell. */
		for (size_t k = 0; k < model->len; k++)
			if (model->live[k].id == model->live[i].id &&
			    model->live[k].deadline ==
				    model->live[i].deadline &&
			    !in_use(model->timers,
				    (struct entry){ 0, (uint32_t)
						    model->live[k].key }))
				i = k;
		forget(model, i);
	}
	check_eq(miost_timers_len(model->timers), model->len);
}

/*
 * `adds` of a hundred operations are adds: the rest change, cancel, remove,
 * and poll, and the number of live timers drifts to where they balance.
 */
static void
compare(unsigned int operations, unsigned int adds)
{
	static struct model model;

	model.len = 0;
	check_eq(miost_timers_new(&model.timers), 0);
	for (unsigned int i = 0; i < operations; i++) {
		size_t kind = draw(100);

		get_one(&model);
		if (kind < adds)
			add_one(&model);
		else if (kind < adds + (100 - adds) / 3)
			change_one(&model);
		else if (kind < 90)
			cancel_one(&model);
		else if (kind < 92)
			remove_one(&model);
		else
			poll_some(&model, draw(4) ? draw(5) : draw(MOST));
		if (draw(20) == 0)
			now_ns += (int64_t)draw(draw(10) ? 300 : 20000);
		if (draw(500) == 0)
			check_inside(model.timers);
	}
	now_ns += 2000000000;
	while (model.len > 0 && earliest(&model, true, 0) != SIZE_MAX &&
	       model.live[earliest(&model, true, 0)].deadline <= now_ns)
		poll_some(&model, 500);
	miost_timers_free(model.timers);
}

static void
few(void)
{
	compare(30000, 30);
}

static void
balanced(void)
{
	compare(20000, 45);
}

static void
many(void)
{
	compare(20000, 65);
}

/* All at one deadline, so that only ids order them. */
static void
all_equal(void)
{
	static struct miost_event storage[5000];
	struct miost_event_array array;
	struct miost_timers *timers;

	check_eq(miost_timers_new(&timers), 0);
	for (int i = 0; i < 5000; i++)
		check_eq(miost_timers_add_deadline(
				 timers, (miost_id)(i * 7919 % 5000),
				 now_ns + 5, NULL), 0);
	check_eq(timers->source.ops->max_timeout(&timers->source), 5);
	now_ns += 5;
	for (miost_id next = 0; next < 5000;) {
		miost_event_array_init(&array, storage, next < 50 ? 1 : 5000);
		check(timers->source.ops->poll(&timers->source,
					       &array.sink) > 0);
		for (size_t i = 0; i < array.len; i++)
			check_eq(storage[i].id, next++);
	}
	miost_timers_free(timers);
}

/* Deadlines that leading digits tell apart badly: some crowd, at any scale. */
static int64_t
crowded_deadline(size_t i, int pattern)
{
	if (pattern == 0)
		return now_ns - (INT64_C(1) << i % 60);
	if (pattern == 1)
		return i == 0 ? INT64_MIN : now_ns - (int64_t)(i * 7919 % 997);
	return now_ns - (int64_t)(i % 40) * 1000000000 - (int64_t)draw(3);
}

/* Polls once: all of `n` are due, and come in their order. */
static void
fire_crowded(size_t n, int pattern)
{
	static struct miost_event storage[5000];
	static int64_t deadlines[5000];
	struct miost_event_array array;
	struct miost_timers *timers;

	check_eq(miost_timers_new(&timers), 0);
	for (size_t i = 0; i < n; i++) {
		deadlines[i] = crowded_deadline(i, pattern);
		check_eq(miost_timers_add_deadline(timers, i, deadlines[i],
						   NULL), 0);
	}
	miost_event_array_init(&array, storage, n);
	check_eq(timers->source.ops->poll(&timers->source, &array.sink), n);
	for (size_t i = 1; i < n; i++) {
		int64_t before = deadlines[storage[i - 1].id];
		int64_t after = deadlines[storage[i].id];

		check(before < after ||
		      (before == after && storage[i - 1].id < storage[i].id));
	}
	check_eq(miost_timers_len(timers), 0);
	miost_timers_free(timers);
}

static void
crowds(void)
{
	static const size_t sizes[] = { 64, 500, 1024, 1025, 5000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int pattern = 0; pattern < 3; pattern++)
			fire_crowded(sizes[i], pattern);
}

/* What is far is due, too, once its deadline is reached and not passed. */
static void
due_while_far(void)
{
	struct miost_event storage[4];
	struct miost_event_array array;
	struct miost_timers *timers;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_add_deadline(timers, 1, now_ns + 10, NULL), 0);
	check_eq(timers->source.ops->max_timeout(&timers->source), 10);
	check_eq(miost_timers_add_deadline(timers, 2, now_ns + 20, NULL), 0);
	check_eq(timers->len - timers->near, 1);
	now_ns += 20;
	miost_event_array_init(&array, storage, 4);
	check_eq(timers->source.ops->poll(&timers->source, &array.sink), 2);
	miost_timers_free(timers);
}

/* A key that was never given out, of a slot that is free. */
static void
forged(void)
{
	struct miost_timers *timers;
	miost_timer key;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
	check_eq(miost_timers_cancel(timers, key), 0);
	key += (miost_timer)1 << 32;
	check_eq(timers->slots[(uint32_t)key].generation, key >> 32);
	check_eq(miost_timers_cancel(timers, key), -ENOENT);
	check_eq(miost_timers_change(timers, key, 1), -ENOENT);
	check_eq(miost_timers_len(timers), 1);
	miost_timers_free(timers);
}

/*
 * Backlogs, with sinks and handlers that would have the structure do its work
 * over and over: at this size what takes quadratic time does not end before
 * the test is ended.
 */
enum { BACKLOG = 200000 };

struct backlog {
	struct miost_timers *timers;
	miost_timer keys[BACKLOG];
	struct miost_event storage[4];
	struct miost_event_array array;
};

static struct backlog *
make_backlog(int64_t apart)
{
	static struct backlog backlog;

	check_eq(miost_timers_new(&backlog.timers), 0);
	for (unsigned int i = 0; i < BACKLOG; i++)
		check_eq(miost_timers_add_deadline(backlog.timers, i,
						   now_ns + 1 + i * apart,
						   &backlog.keys[i]), 0);
	check_eq(backlog.timers->source.ops->max_timeout(
			 &backlog.timers->source), 1);
	return &backlog;
}

static int
take(struct backlog *backlog, size_t capacity)
{
	struct miost_source *source = &backlog->timers->source;

	miost_event_array_init(&backlog->array, backlog->storage, capacity);
	return source->ops->poll(source, &backlog->array.sink);
}

/* For every event taken another is due. */
static void
backlog_that_stays(void)
{
	struct backlog *backlog = make_backlog(0);

	now_ns++;
	for (int i = 0; i < BACKLOG; i++) {
		check_eq(take(backlog, 1), 1);
		check_eq(miost_timers_add_deadline(backlog->timers,
						   (miost_id)(BACKLOG + i),
						   now_ns, NULL), 0);
	}
	miost_timers_free(backlog->timers);
}

/* Every event cancels one that is due, too, and moves another. */
static void
backlog_that_is_cancelled(void)
{
	struct backlog *backlog = make_backlog(1);
	int n;

	now_ns += BACKLOG;
	while ((n = take(backlog, 4)) > 0) {
		for (int i = 0; i < n; i++) {
			miost_id id = backlog->storage[i].id;

			miost_timers_cancel(backlog->timers,
					    backlog->keys[id ^ 1]);
			miost_timers_change(backlog->timers,
					    backlog->keys[(id + 7919) %
							  BACKLOG],
					    now_ns + INT64_C(1) * BACKLOG);
		}
	}
	miost_timers_free(backlog->timers);
}

/* More become due with every poll. */
static void
backlog_that_grows(void)
{
	struct backlog *backlog = make_backlog(1000);
	int taken = 0;

	now_ns += BACKLOG * INT64_C(600);
	while (taken < BACKLOG) {
		int n = take(backlog, 1);

		check(n >= 0);
		taken += n;
		now_ns += 1000;
	}
	miost_timers_free(backlog->timers);
}

/* A few timers a day ahead must not make all that come later near. */
static void
stays_small(void)
{
	struct miost_timers *timers;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_add_deadline(timers, 0, now_ns + (1LL << 50),
					   NULL), 0);
	check(timers->source.ops->max_timeout(&timers->source) > 0);
	check_eq(timers->near, 1);
	for (int i = 0; i < 100000; i++)
		check_eq(miost_timers_add_deadline(
				 timers, 1, now_ns + 1000 + i, NULL), 0);
	check(timers->near < 40000);
	miost_timers_free(timers);
}

static void
memory(void)
{
	struct miost_timers *timers;
	miost_timer *keys = malloc(200000 * sizeof(*keys));
	size_t bytes;

	check(keys != NULL);
	check_eq(miost_timers_new(&timers), 0);
	for (size_t i = 0; i < 200000; i++) {
		check_eq(miost_timers_add_deadline(timers, i,
						   (int64_t)draw(1 << 30),
						   &keys[i]), 0);
		bytes = timers->capacity * sizeof(*timers->entries) +
			timers->slot_count * sizeof(*timers->slots);
		if (i >= 1000)
			check(bytes <= 36 * (i + 1));
	}
	/* Turning them over takes no more. */
	for (size_t i = 0; i < 1000000; i++) {
		size_t k = draw(200000);

		check_eq(miost_timers_cancel(timers, keys[k]), 0);
		check_eq(miost_timers_add_deadline(timers, i,
						   (int64_t)draw(1 << 30),
						   &keys[k]), 0);
	}
	bytes = timers->capacity * sizeof(*timers->entries) +
		timers->slot_count * sizeof(*timers->slots);
	check(bytes <= 40 * 200000);
	free(keys);
	miost_timers_free(timers);
}

/* A slot's last generation is never followed by its first. */
static void
worn_out(void)
{
	struct miost_timers *timers;
	miost_timer first, last, key;
	uint32_t slot;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, &first), 0);
	check_eq(miost_timers_cancel(timers, first), 0);
	slot = (uint32_t)first;
	timers->slots[slot].generation = WORN_OUT - 2;
	check_eq(miost_timers_add_deadline(timers, 1, 1, &last), 0);
	check_eq((uint32_t)last, slot);
	check_eq(miost_timers_cancel(timers, last), 0);
	check_eq(timers->slots[slot].generation, WORN_OUT);
	for (int i = 0; i < 200; i++) {
		check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
		check((uint32_t)key != slot);
	}
	check_eq(miost_timers_cancel(timers, first), -ENOENT);
	check_eq(miost_timers_cancel(timers, last), -ENOENT);
	check_eq(miost_timers_len(timers), 200);
	miost_timers_free(timers);
}

/* All slots at once: the adds go on in new ones. */
static void
all_worn_out(void)
{
	struct miost_timers *timers;
	uint32_t had;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_reserve(timers, 100), 0);
	had = timers->slot_count;
	for (uint32_t i = 0; i < had; i++)
		timers->slots[i].generation = WORN_OUT;
	for (uint32_t i = 0; i < 300; i++) {
		miost_timer key;

		check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
		check((uint32_t)key >= had);
	}
	check_eq(miost_timers_len(timers), 300);
	miost_timers_free(timers);
}

/* The entries grow, the slots do not, and the one place swept is worn. */
static void
worn_out_of_memory(void)
{
	struct miost_timers *timers;
	miost_timer key;
	uint32_t slot;

	check_eq(miost_timers_new(&timers), 0);
	do
		check_eq(miost_timers_add_deadline(timers, 1, now_ns + 1,
						   &key), 0);
	while (timers->len < timers->capacity);
	slot = (uint32_t)key;
	timers->slots[slot].generation = WORN_OUT - 1;
	key = (miost_timer)(WORN_OUT - 1) << 32 | slot;
	check_eq(miost_timers_cancel(timers, key), 0);
	reallocs_left = 1;
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), -ENOMEM);
	reallocs_left = -1;
	check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
	check((uint32_t)key != slot);
	miost_timers_free(timers);
}

static const struct tap_test tests[] = {
	{ "as the model says, with few timers", few },
	{ "as the model says, with some", balanced },
	{ "as the model says, with many", many },
	{ "equal deadlines go by id, with small sinks and large", all_equal },
	{ "deadlines that crowd, at any scale", crowds },
	{ "far ones are due when their deadline is reached", due_while_far },
	{ "a key that was made up: -ENOENT", forged },
	{ "a backlog, and for each event another", backlog_that_stays },
	{ "a backlog that is cancelled and moved", backlog_that_is_cancelled },
	{ "a backlog that grows with every poll", backlog_that_grows },
	{ "a far deadline first does not make all others near", stays_small },
	{ "at most 36 bytes a timer, 40 when turned over", memory },
	{ "a slot that is worn out is not used again", worn_out },
	{ "when all slots are worn out, others are made", all_worn_out },
	{ "a worn slot, and half of the memory for others",
	  worn_out_of_memory },
};

TAP_MAIN(tests)
