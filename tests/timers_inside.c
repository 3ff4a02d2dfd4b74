/* SPDX-License-Identifier: MIT */
/*
 * Timers on a clock of the test's own, held against a plain model of them:
 * every order of adds, changes, cancels, removals and polls of small sinks
 * must give the same events. And what only shows inside: slots that are worn
 * out, memory that is taken or cannot be had, and the work that a call does.
 */
#include <stdbool.h>
#include <stdlib.h>

/* How often memory can still be had; negative: always. */
static int allocations_left = -1;
static unsigned long allocations;

static bool
may_allocate(void)
{
	allocations++;
	if (allocations_left > 0)
		return allocations_left-- > 0;
	return allocations_left < 0;
}

static void *
test_malloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *
test_realloc(void *old, size_t size)
{
	return may_allocate() ? realloc(old, size) : NULL;
}

#define malloc(size) test_malloc(size)
#define realloc(old, size) test_realloc(old, size)

#include "../lib/core/timers.h"

/* Slots that are looked at, and comparisons; and lines of blocks that are. */
static unsigned long steps, lines;

#define slot_of(timers, slot) (steps++, slot_of(timers, slot))
#define before(timers, a, b) (steps++, before(timers, a, b))
#define after(timers, entry, point) (steps++, after(timers, entry, point))
#undef PREFETCH
#define PREFETCH(address) (lines++, (void)(address))

#include "../lib/core/event.c"
#include "../lib/core/sinks.c"
#include "../lib/core/timers.c"
#include "../lib/core/timers_limit.c"
#include "../lib/core/timers_near.c"
#include "../lib/core/timers_slots.c"
#include "../lib/core/timers_sort.c"

#include "tap.h"
#include "timers_inside.h"

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
	unsigned long allocations_before = allocations;
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
	check_eq(allocations, allocations_before);
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
			    miost_timers_get(model->timers,
					     model->live[k].key, NULL) < 0)
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

/* All of `n` are due, and come in their order. */
static void
fire_crowded(size_t n, int pattern)
{
	static struct miost_event storage[5000];
	static int64_t deadlines[5000];
	struct miost_event_array array;
	struct miost_timers *timers;
	size_t taken = 0;

	check_eq(miost_timers_new(&timers), 0);
	for (size_t i = 0; i < n; i++) {
		deadlines[i] = crowded_deadline(i, pattern);
		check_eq(miost_timers_add_deadline(timers, i, deadlines[i],
						   NULL), 0);
	}
	for (; taken < n; taken += array.len) {
		miost_event_array_init(&array, storage + taken, n - taken);
		check(timers->source.ops->poll(&timers->source,
					       &array.sink) > 0);
	}
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

/* More than the sort tells apart: it ends, and so do the timers. */
static void
all_the_same(void)
{
	static struct miost_event storage[5000];
	struct miost_event_array array;
	struct miost_timers *timers;
	int taken = 0;

	check_eq(miost_timers_new(&timers), 0);
	for (int i = 0; i < 5000; i++)
		check_eq(miost_timers_add_deadline(timers, 7, now_ns, NULL), 0);
	while (taken < 5000) {
		int n;

		miost_event_array_init(&array, storage, 5000);
		n = timers->source.ops->poll(&timers->source, &array.sink);
		check(n > 0);
		for (int i = 0; i < n; i++)
			check_eq(storage[i].id, 7);
		taken += n;
	}
	check_eq(miost_timers_len(timers), 0);
	miost_timers_free(timers);
}

/* What is far is due, too, once its deadline is reached and not passed. */
static void
due_while_far(void)
{
	struct miost_event storage[32];
	struct miost_event_array array;
	struct miost_timers *timers;

	check_eq(miost_timers_new(&timers), 0);
	for (int i = 0; i < 20; i++)
		check_eq(miost_timers_add_deadline(timers, 1, now_ns + 10,
						   NULL), 0);
	check_eq(timers->source.ops->max_timeout(&timers->source), 10);
	check_eq(miost_timers_add_deadline(timers, 2, now_ns + 20, NULL), 0);
	check_eq(timers->live - timers->near.len, 1);
	now_ns += 20;
	miost_event_array_init(&array, storage, 32);
	check_eq(timers->source.ops->poll(&timers->source, &array.sink), 21);
	miost_timers_free(timers);
}

/* Keys that were never given out: of a dead slot, and of none. */
static void
forged(void)
{
	struct miost_timers *timers;
	miost_timer key;

	check_eq(miost_timers_new(&timers), 0);
	check_eq(miost_timers_get(timers, (miost_timer)1 << 32, NULL), -ENOENT);
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
	check_eq(miost_timers_cancel(timers, key), 0);
	key += (miost_timer)1 << 32;
	check_eq(slot_of(timers, (uint32_t)key)->generation, key >> 32);
	check_eq(miost_timers_cancel(timers, key), -ENOENT);
	check_eq(miost_timers_change(timers, key, 1), -ENOENT);
	check_eq(miost_timers_reserve(timers, 4 * BLOCK), 0);
	check(timers->block_capacity > timers->block_count);
	/* What there is no slot for must not be read. */
	timers->blocks[timers->block_count] = timers->blocks[0];
	key = (miost_timer)1 << 32 | timers->block_count * BLOCK;
	check_eq(miost_timers_get(timers, key, NULL), -ENOENT);
	check_eq(miost_timers_change(timers, key, 1), -ENOENT);
	check_eq(miost_timers_cancel(timers, key), -ENOENT);
	check_eq(miost_timers_len(timers), 1);
	miost_timers_free(timers);
}

/*
 * Backlogs, with sinks and handlers that would have the structure do its work
 * over and over. No call may take more steps than a scan of all slots and what
 * it takes to order what is near; and on average they may be but few.
 */
enum {
	BACKLOG = 200000,
	ORDERING = 12,	/* steps for each entry that there is room for */
	IN_A_LINE = 8,	/* deadlines, each a step on average */
	AVERAGE = 120	/* steps a call */
};

struct backlog {
	struct miost_timers *timers;
	miost_timer keys[BACKLOG];
	struct miost_event storage[4];
	struct miost_event_array array;
	uint64_t calls, steps, most;
};

/* After a call. */
static void
count_call(struct backlog *backlog)
{
	backlog->calls++;
	backlog->steps += steps + lines * IN_A_LINE;
	if (steps > backlog->most)
		backlog->most = steps;
}

static void
add_to(struct backlog *backlog, miost_id id, int64_t deadline, miost_timer *key)
{
	steps = lines = 0;
	check_eq(miost_timers_add_deadline(backlog->timers, id, deadline, key),
		 0);
	count_call(backlog);
}

static void
change_in(struct backlog *backlog, miost_timer key, int64_t deadline)
{
	steps = lines = 0;
	(void)miost_timers_change(backlog->timers, key, deadline);
	count_call(backlog);
}

static int
take(struct backlog *backlog, size_t capacity)
{
	struct miost_source *source = &backlog->timers->source;
	int n;

	steps = lines = 0;
	miost_event_array_init(&backlog->array, backlog->storage, capacity);
	n = source->ops->poll(source, &backlog->array.sink);
	count_call(backlog);
	return n;
}

static struct backlog *
make_backlog(int64_t apart)
{
	static struct backlog backlog;

	backlog.calls = backlog.steps = backlog.most = 0;
	check_eq(miost_timers_new(&backlog.timers), 0);
	/* An address would be another in each run: the most is up to luck. */
	backlog.timers->random = 1;
	/* Ids in no order, as those of pointers. */
	for (unsigned int i = 0; i < BACKLOG; i++)
		add_to(&backlog, i * 7919 % BACKLOG, now_ns + 1 + i * apart,
		       &backlog.keys[i]);
	return &backlog;
}

static void
end_backlog(struct backlog *backlog)
{
	const struct near *near = &backlog->timers->near;

	printf("# most %g a place, average %g\n",
	       (double)backlog->most / near->capacity,
	       (double)backlog->steps / (double)backlog->calls);
	check(near->capacity < BACKLOG / 10);
	check(backlog->most <= (uint64_t)ORDERING * near->capacity);
	check(backlog->steps <= AVERAGE * backlog->calls);
	check_inside(backlog->timers);
	miost_timers_free(backlog->timers);
}

static void
backlog_of_equals(void)
{
	struct backlog *backlog = make_backlog(0);

	now_ns++;
	while (take(backlog, 1) > 0)
		;
	check_eq(miost_timers_len(backlog->timers), 0);
	end_backlog(backlog);
}

/* For every event taken another is due. */
static void
backlog_that_stays(void)
{
	struct backlog *backlog = make_backlog(0);

	now_ns++;
	for (int i = 0; i < BACKLOG; i++) {
		check_eq(take(backlog, 1), 1);
		add_to(backlog, (miost_id)draw(2 * BACKLOG),
		       now_ns - i % 977, NULL);
	}
	end_backlog(backlog);
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
			change_in(backlog,
				  backlog->keys[(id + 7919) % BACKLOG],
				  now_ns + INT64_C(1) * BACKLOG);
		}
	}
	end_backlog(backlog);
}

static void
backlog_of_half(void)
{
	struct backlog *backlog = make_backlog(1);
	int taken = 0, n;

	check_eq(take(backlog, 1), 0);
	now_ns += BACKLOG / 2;
	while ((n = take(backlog, 1)) > 0)
		taken += n;
	check_eq(taken, BACKLOG / 2);
	end_backlog(backlog);
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
	end_backlog(backlog);
}

/* Added, and changed, to be earlier than all that were before. */
static void
ever_earlier(void)
{
	struct backlog *backlog = make_backlog(-1);

	check_eq(take(backlog, 1), 1);
	for (int64_t i = 1; i <= BACKLOG; i++)
		add_to(backlog, 1, now_ns - BACKLOG - i, NULL);
	for (int64_t i = 1; i < BACKLOG; i++)
		change_in(backlog, backlog->keys[i], now_ns - 2 * BACKLOG - i);
	end_backlog(backlog);
}

/* Of many timers few are left, which are set again and again. */
static void
few_of_many(void)
{
	struct backlog *backlog = make_backlog(1);

	for (int i = 10; i < BACKLOG; i++)
		check_eq(miost_timers_cancel(backlog->timers,
					     backlog->keys[i]), 0);
	now_ns += BACKLOG;
	for (int i = 0; i < 10000; i++) {
		now_ns += 1000;
		check_eq(take(backlog, 1), 1);
		add_to(backlog, 1, now_ns + 100, NULL);
	}
	end_backlog(backlog);
}

/* Of many timers some are left, and with every poll more of them are due. */
static void
some_of_many(void)
{
	struct backlog *backlog = make_backlog(1000);
	int left = BACKLOG / 40, taken = 0;

	for (int i = left; i < BACKLOG; i++)
		check_eq(miost_timers_cancel(backlog->timers,
					     backlog->keys[i]), 0);
	now_ns += 10000;
	while (taken < left) {
		taken += take(backlog, 1);
		now_ns += 2000;
	}
	end_backlog(backlog);
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
	check_eq(timers->near.len, 1);
	for (int i = 0; i < 100000; i++)
		check_eq(miost_timers_add_deadline(
				 timers, 1, now_ns + 1000 + i, NULL), 0);
	check(timers->near.len < 20000);
	check_inside(timers);
	miost_timers_free(timers);
}

static size_t
bytes_of(const struct miost_timers *timers)
{
	return timers->block_count * sizeof(struct block) +
	       timers->block_capacity * sizeof(struct block *) +
	       timers->near.capacity * 2 * sizeof(struct entry);
}

static void
memory(void)
{
	struct miost_timers *timers;
	miost_timer *keys = malloc(200000 * sizeof(*keys));

	check(keys != NULL);
	check_eq(miost_timers_new(&timers), 0);
	for (size_t i = 0; i < 200000; i++) {
		check_eq(miost_timers_add_deadline(timers, i,
						   (int64_t)draw(1 << 30),
						   &keys[i]), 0);
		if (i >= 1000)
			check(bytes_of(timers) <= 40 * (i + 1));
	}
	/* Turning them over takes no more. */
	for (size_t i = 0; i < 1000000; i++) {
		size_t k = draw(200000);

		check_eq(miost_timers_cancel(timers, keys[k]), 0);
		check_eq(miost_timers_add_deadline(timers, i,
						   (int64_t)draw(1 << 30),
						   &keys[k]), 0);
	}
	check(bytes_of(timers) <= 36 * 200000);
	free(keys);
	miost_timers_free(timers);
}

/* Adds timers until every slot is in use, and returns the last one's key. */
static miost_timer
fill(struct miost_timers *timers)
{
	miost_timer key;

	do
		check_eq(miost_timers_add_deadline(timers, 1, now_ns + 1,
						   &key), 0);
	while (timers->open != NO_BLOCK);
	return key;
}

/* Has a live timer be the last that its slot can have. Returns its key. */
static miost_timer
make_last(struct miost_timers *timers, uint32_t slot)
{
	slot_of(timers, slot)->generation = WORN_OUT - 1;
	return (miost_timer)(WORN_OUT - 1) << 32 | slot;
}

/* A slot's last generation is never followed by its first. */
static void
worn_out(void)
{
	struct miost_timers *timers;
	miost_timer first, last, key;
	uint32_t slot;

	check_eq(miost_timers_new(&timers), 0);
	first = fill(timers);
	slot = (uint32_t)first;
	last = make_last(timers, slot);
	check_eq(miost_timers_cancel(timers, last), 0);
	check_eq(slot_of(timers, slot)->generation, WORN_OUT);
	for (int i = 0; i < 200; i++) {
		check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
		check((uint32_t)key != slot);
		check_eq(miost_timers_cancel(timers, key), 0);
	}
	check_eq(miost_timers_cancel(timers, first), -ENOENT);
	check_eq(miost_timers_cancel(timers, last), -ENOENT);
	check_inside(timers);
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
	fill(timers);
	had = timers->block_count * BLOCK;
	for (uint32_t i = 0; i < had; i++)
		check_eq(miost_timers_cancel(timers, make_last(timers, i)), 0);
	check_eq(miost_timers_len(timers), 0);
	for (uint32_t i = 0; i < 300; i++) {
		miost_timer key;

		check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
		check((uint32_t)key >= had);
	}
	check_eq(miost_timers_len(timers), 300);
	check_inside(timers);
	miost_timers_free(timers);
}

/* The one slot that is dead is worn, too. */
static void
worn_out_of_memory(void)
{
	struct miost_timers *timers;
	miost_timer key;
	uint32_t slot;

	check_eq(miost_timers_new(&timers), 0);
	slot = (uint32_t)fill(timers);
	check_eq(miost_timers_cancel(timers, make_last(timers, slot)), 0);
	allocations_left = 0;
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), -ENOMEM);
	allocations_left = -1;
	check_eq(miost_timers_add_deadline(timers, 1, 1, &key), 0);
	check((uint32_t)key != slot);
	miost_timers_free(timers);
}

/* Any of the allocations of an add, or of a reserve, fails. */
static void
out_of_memory(void)
{
	static struct miost_event storage[2 * BLOCK];
	struct miost_event_array array;

	for (int left = 0; left < 8; left++) {
		struct miost_timers *timers;
		uint32_t capacity;
		int had;

		check_eq(miost_timers_new(&timers), 0);
		(void)fill(timers);
		had = (int)timers->live;
		capacity = timers->near.capacity;
		allocations_left = left / 2;
		if (left % 2 == 0)
			check_eq(miost_timers_add_deadline(timers, 1, 1, NULL),
				 -ENOMEM);
		else
			check_eq(miost_timers_reserve(timers, 1000), -ENOMEM);
		check_eq(allocations_left, 0);
		allocations_left = -1;
		/* The last is that of the blocks. */
		check(timers->near.capacity == capacity || left / 2 == 3);
		check_inside(timers);
		now_ns++;
		miost_event_array_init(&array, storage, 2 * BLOCK);
		check_eq(timers->source.ops->poll(&timers->source, &array.sink),
			 had);
		(void)fill(timers);
		check_eq(miost_timers_reserve(timers, 1000), 0);
		check_inside(timers);
		miost_timers_free(timers);
	}
}

/* While a slot is dead an add finds it, if there is no memory for others. */
static void
swept_for_want_of_memory(void)
{
	struct miost_timers *timers;
	miost_timer key;

	check_eq(miost_timers_new(&timers), 0);
	key = fill(timers);
	allocations_left = 0;
	check_eq(miost_timers_cancel(timers, key), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), 0);
	check_eq(miost_timers_add_deadline(timers, 1, 1, NULL), -ENOMEM);
	allocations_left = -1;
	check_inside(timers);
	miost_timers_free(timers);
}

/* Adds, cancels and polls at random, up to what was reserved. */
static void
turn_over(struct miost_timers *timers, size_t most)
{
	static miost_timer keys[2000];
	struct miost_event storage[4];
	struct miost_event_array array;

	memset(keys, 0, sizeof(keys));
	for (int i = 0; i < 30000; i++) {
		size_t k = draw(most);

		if (draw(8) == 0) {
			now_ns += 100;
			miost_event_array_init(&array, storage, draw(5));
			timers->source.ops->max_timeout(&timers->source);
			timers->source.ops->poll(&timers->source, &array.sink);
		}
		if (miost_timers_cancel(timers, keys[k]) == 0 && draw(2) == 0)
			continue;
		check_eq(miost_timers_add_deadline(timers, k, draw_deadline(),
						   &keys[k]), 0);
	}
}

static void
reserved(void)
{
	static const size_t sizes[] = { 1, 7, 63, 64, 65, 300, 2000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct miost_timers *timers;
		unsigned long had;

		check_eq(miost_timers_new(&timers), 0);
		check_eq(miost_timers_reserve(timers, sizes[i]), 0);
		had = allocations;
		turn_over(timers, sizes[i]);
		/* It has room for as many even if all live at once. */
		while (timers->live < sizes[i])
			check_eq(miost_timers_add_deadline(timers, 1, now_ns,
							   NULL), 0);
		check_eq(allocations, had);
		check_inside(timers);
		miost_timers_free(timers);
	}
}

static const struct tap_test tests[] = {
	{ "as the model says, with few timers", few },
	{ "as the model says, with some", balanced },
	{ "as the model says, with many", many },
	{ "equal deadlines go by id, with small sinks and large", all_equal },
	{ "deadlines that crowd, at any scale", crowds },
	{ "many of one deadline and one id", all_the_same },
	{ "far ones are due when their deadline is reached", due_while_far },
	{ "a key that was made up: -ENOENT", forged },
	{ "a backlog of equal deadlines, one by one", backlog_of_equals },
	{ "a backlog, and for each event another", backlog_that_stays },
	{ "a backlog that is cancelled and moved", backlog_that_is_cancelled },
	{ "a backlog of half of all", backlog_of_half },
	{ "a backlog that grows with every poll", backlog_that_grows },
	{ "each earlier than all before", ever_earlier },
	{ "few left of many", few_of_many },
	{ "some left of many, ever more due", some_of_many },
	{ "a far deadline first does not make all others near", stays_small },
	{ "at most 40 bytes a timer, turned over or not", memory },
	{ "a slot that is worn out is not used again", worn_out },
	{ "when all slots are worn out, others are made", all_worn_out },
	{ "a worn slot, and no memory for others", worn_out_of_memory },
	{ "when an allocation fails, nothing is lost", out_of_memory },
	{ "without memory dead slots are used", swept_for_want_of_memory },
	{ "what was reserved is there, whatever happens between", reserved },
};

TAP_MAIN(tests)
