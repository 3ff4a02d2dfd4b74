/* SPDX-License-Identifier: MIT */
/* The model's user queue, an array, and its timers, a sorted array. */
#include "config.h"

#include <inttypes.h>

#include "model.h"

enum { QUEUE_MAX = 4096, TIMERS_MAX = 16384, STALE = 64 };

struct timer {
	int64_t deadline;
	miost_id id;
	miost_timer key;
};

static struct {
	struct miost_queue *queue;
	struct miost_event list[QUEUE_MAX];
	size_t listed;
	struct miost_timers *timers;
	struct timer sorted[TIMERS_MAX];
	size_t n;
	miost_timer stale[STALE];
	size_t stales;
	size_t reserved;	/* so many can be added without memory */
	int64_t now;
} own;

static const struct fault no_memory[] = {
	{ REALLOC, ENOMEM },
};

static int64_t
read_clock(void *arg)
{
	(void)arg;
	return own.now;
}

struct miost_source *
own_queue_source(void)
{
	return miost_queue_source(own.queue);
}

struct miost_source *
own_timers_source(void)
{
	return miost_timers_source(own.timers);
}

void
own_open(void)
{
	memset(&own, 0, sizeof(own));
	own.now = 1000 * SECOND;
	expect_eq(miost_queue_new(&own.queue), 0);
	expect_eq(miost_timers_new_with_clock(&own.timers, read_clock, NULL),
		  0);
}

/* The user queue. */

size_t
own_queue_len(void)
{
	return own.listed;
}

static void
queue_add(const struct op *op)
{
	struct miost_event event = { .reserved = 0x5555 };
	size_t times = op->c % 8 == 7 ? op->v % 300 : 1;
	int err = 0, fault;

	event.readiness = op->v * 0x9e3779b1u;
	event.id = model_id(TAG_QUEUE, op->a % 8);
	model_say("add %zu to the user queue", times);
	for (size_t i = 0; i < times && own.listed < QUEUE_MAX; i++) {
		ARM(op, no_memory);
		err = miost_queue_add(own.queue, event);
		fault = model_unarm();
		expect_eq(err, fault);
		if (err == 0) {
			own.list[own.listed] = event;
			own.list[own.listed++].reserved = 0;
		}
	}
	expect_eq(miost_queue_len(own.queue), own.listed);
}

static void
queue_remove(const struct op *op)
{
	miost_id id = model_id(TAG_QUEUE, op->a % 8);
	size_t kept = 0, removed;

	for (size_t i = 0; i < own.listed; i++)
		if (own.list[i].id != id)
			own.list[kept++] = own.list[i];
	removed = own.listed - kept;
	own.listed = kept;
	model_say("remove id %u from the user queue", op->a % 8u);
	expect_eq(miost_queue_remove(own.queue, id), removed);
	expect_eq(miost_queue_len(own.queue), own.listed);
}

static void
expect_event(const struct miost_event *event, const struct miost_event *wanted)
{
	expect_eq(event->id, wanted->id);
	expect_eq(event->readiness, wanted->readiness);
	expect_eq(event->reserved, 0);
}

void
own_check_queue(const struct part *part)
{
	size_t most = part->room < own.listed ? part->room : own.listed;

	expect(part->n <= own.listed);
	if (!part->excused)
		expect_eq(part->n, most);
	for (size_t i = 0; i < part->n; i++)
		expect_event(&part->events[i], &own.list[i]);
	own.listed -= part->n;
	memmove(own.list, own.list + part->n,
		own.listed * sizeof(own.list[0]));
	expect_eq(miost_queue_len(own.queue), own.listed);
}

/* Timers. */

static bool
is_before(const struct timer *a, const struct timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->id < b->id;
}

static void
put_in(struct timer timer)
{
	size_t low = 0, high = own.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_before(&timer, &own.sorted[middle]))
			high = middle;
		else
			low = middle + 1;
	}
	memmove(&own.sorted[low + 1], &own.sorted[low],
		(own.n - low) * sizeof(own.sorted[0]));
	own.sorted[low] = timer;
	own.n++;
}

static void
gone(miost_timer key)
{
	own.stale[own.stales++ % STALE] = key;
}

static struct timer
take_out(size_t i)
{
	struct timer timer = own.sorted[i];

	memmove(&own.sorted[i], &own.sorted[i + 1],
		(own.n - i - 1) * sizeof(own.sorted[0]));
	own.n--;
	return timer;
}

/* Far, near, equal, past and impossible ones. */
static int64_t
choose_deadline(unsigned int how, uint32_t v)
{
	switch (how % 12) {
	case 0:
		return own.now;
	case 1:
		return miost_deadline(own.now, -(int64_t)v);
	case 2:
		return miost_deadline(own.now, v % 16);
	case 3:
		return miost_deadline(own.now, 1000 * (int64_t)(v % 16));
	case 4:
		return INT64_MAX - v % 2;
	case 5:
		return INT64_MIN + v % 2;
	case 6:
		return miost_deadline(own.now, (int64_t)v * SECOND);
	case 7:
		return own.n > 0 ? own.sorted[v % own.n].deadline : 0;
	default:
		return miost_deadline(own.now, v % 100000);
	}
}

static size_t
due_at(int64_t now)
{
	size_t n = 0;

	while (n < own.n && own.sorted[n].deadline <= now)
		n++;
	return n;
}

size_t
own_timers_due(void)
{
	return due_at(own.now);
}

static void
expect_length(void)
{
	expect_eq(miost_timers_len(own.timers), own.n);
}

static void
add_one(const struct op *op, miost_id id, int64_t deadline, bool wants_key)
{
	struct timer timer = { .deadline = deadline, .id = id };
	const miost_timer unset = 12345;
	bool reserved = own.n < own.reserved;
	int err, fault;

	timer.key = unset;
	ARM(op, no_memory);
	err = miost_timers_add_deadline(own.timers, id, deadline,
					wants_key ? &timer.key : NULL);
	fault = model_unarm();
	if (reserved || fault == 0)
		expect_eq(err, 0);
	else
		expect(err == 0 || err == fault);
	if (err == 0) {
		expect(!wants_key || (timer.key != unset && timer.key != 0));
		if (!wants_key)
			timer.key = 0;
		put_in(timer);
	} else {
		expect_eq(timer.key, unset);
	}
}

static void
timer_add(const struct op *op)
{
	int64_t deadline = choose_deadline(op->b, op->v);
	miost_id id = model_id(TAG_TIMERS, op->a % 8);
	miost_timer key;
	int64_t span;

	if (own.n == TIMERS_MAX)
		return;
	if (op->c % 8 == 0) {
		model_say("add a timer before now");
		expect_eq(miost_timers_add_timeout(own.timers, id,
						   -1 - (int64_t)op->v, &key),
			  -EINVAL);
		expect_length();
		return;
	}
	if (op->c % 8 == 1 && op->fault == 0) {
		span = op->b % 4 == 0 ? INT64_MAX - op->v : op->v;
		deadline = miost_deadline(own.now, span);
		model_say("add timer %u in %" PRId64 " ns", op->a % 8u, span);
		expect_eq(miost_timers_add_timeout(own.timers, id, span, &key),
			  0);
		put_in((struct timer){ deadline, id, key });
	} else {
		model_say("add timer %u at %" PRId64, op->a % 8u, deadline);
		add_one(op, id, deadline, op->c % 8 != 2);
	}
	expect_length();
}

static void
timer_burst(const struct op *op)
{
	static const size_t sizes[] = { 3, 20, 70, 300, 1500, 5000 };
	size_t n = sizes[op->a % 6];
	uint32_t random = op->v;

	model_say("add %zu timers", n);
	for (size_t i = 0; i < n && own.n < TIMERS_MAX; i++) {
		random = random * 1664525 + 1013904223;
		add_one(op, model_id(TAG_TIMERS, op->c % 4 ? random >> 29 : 0),
			choose_deadline(op->b, random >> 8), true);
	}
	expect_length();
}

/* One that is live and has a key, or -1. */
static long
pick(uint32_t v)
{
	size_t i = own.n > 0 ? v % own.n : 0;

	return own.n > 0 && own.sorted[i].key != 0 ? (long)i : -1;
}

static void
timer_change(const struct op *op)
{
	int64_t deadline = choose_deadline(op->b, op->v);
	long i = pick(op->v);
	struct timer timer;
	int64_t span;

	if (i < 0)
		return;
	timer = own.sorted[i];
	if (op->c % 8 == 0) {
		model_say("change a timer to before now");
		expect_eq(miost_timers_change_timeout(own.timers, timer.key,
						      -1), -EINVAL);
	} else if (op->c % 8 == 1) {
		span = op->v % 100000;
		timer = take_out((size_t)i);
		timer.deadline = miost_deadline(own.now, span);
		put_in(timer);
		model_say("change timer %ld to %" PRId64 " ns from now", i,
			  span);
		expect_eq(miost_timers_change_timeout(own.timers, timer.key,
						      span), 0);
	} else {
		timer = take_out((size_t)i);
		timer.deadline = deadline;
		put_in(timer);
		model_say("change timer %ld to %" PRId64, i, deadline);
		expect_eq(miost_timers_change(own.timers, timer.key, deadline),
			  0);
	}
	expect_length();
}

static void
timer_cancel(const struct op *op)
{
	size_t times = op->c % 8 == 0 ? 100 : 1;
	uint32_t v = op->v;

	model_say("cancel %zu timers", times);
	for (; times > 0; times--) {
		long i = pick(v);
		struct timer timer;

		v = v * 1664525 + 1013904223;
		if (i < 0)
			continue;
		timer = take_out((size_t)i);
		expect_eq(miost_timers_cancel(own.timers, timer.key), 0);
		expect_eq(miost_timers_cancel(own.timers, timer.key), -ENOENT);
		gone(timer.key);
	}
	expect_length();
}

static bool
is_live(miost_timer key)
{
	int err = miost_timers_get(own.timers, key, NULL);

	expect(err == 0 || err == -ENOENT);
	return err == 0;
}

/*
 * Takes `n` out of the timers that are alike from `first` on. Which of them
 * went only the library knows; those without a key make up the number.
 */
static void
take_alike(size_t first, size_t n)
{
	const struct timer like = own.sorted[first];
	size_t end = first, kept = first;

	while (end < own.n && !is_before(&like, &own.sorted[end]))
		end++;
	for (size_t i = first; i < end; i++) {
		struct timer timer = own.sorted[i];

		if (timer.key == 0 || is_live(timer.key))
			own.sorted[kept++] = timer;
		else
			gone(timer.key);
	}
	for (size_t i = kept; i > first && end - kept < n; i--)
		if (own.sorted[i - 1].key == 0)
			own.sorted[i - 1] = own.sorted[--kept];
	expect_eq(end - kept, n);
	memmove(&own.sorted[kept], &own.sorted[end],
		(own.n - end) * sizeof(own.sorted[0]));
	own.n -= n;
}

static void
timer_cancel_id(const struct op *op)
{
	miost_id id = model_id(TAG_TIMERS, op->a % 9);
	size_t i = 0;

	model_say("cancel a timer of id %u", op->a % 9u);
	while (i < own.n && own.sorted[i].id != id)
		i++;
	if (i == own.n) {
		expect_eq(miost_timers_cancel_id(own.timers, id), -ENOENT);
		return;
	}
	expect_eq(miost_timers_cancel_id(own.timers, id), 0);
	take_alike(i, 1);
	expect_length();
}

static void
timer_clear(void)
{
	model_say("cancel all timers that have a key");
	for (size_t i = own.n; i > 0; i--) {
		if (own.sorted[i - 1].key == 0)
			continue;
		expect_eq(miost_timers_cancel(own.timers,
					      own.sorted[i - 1].key), 0);
		gone(own.sorted[i - 1].key);
		(void)take_out(i - 1);
	}
	expect_length();
}

/* Keys of timers that are over, and of none. */
static void
timer_stale(const struct op *op)
{
	size_t kept = own.stales < STALE ? own.stales : STALE;
	miost_timer key = kept > 0 ? own.stale[op->v % kept] : 0;
	int64_t deadline = 77;

	if (op->a % 4 == 0 && own.n > 0 && own.sorted[0].key != 0)
		key = own.sorted[0].key ^ (miost_timer)1 << (32 + op->b % 32);
	else if (op->a % 4 == 1)
		key = (miost_timer)(op->b * 2u + 1) << 32 |
		      (UINT32_MAX - op->c);
	model_say("use the stale key %" PRIx64, key);
	expect_eq(miost_timers_get(own.timers, key, &deadline), -ENOENT);
	expect_eq(deadline, 77);
	expect_eq(miost_timers_change(own.timers, key, 0), -ENOENT);
	expect_eq(miost_timers_change_timeout(own.timers, key, 0), -ENOENT);
	expect_eq(miost_timers_cancel(own.timers, key), -ENOENT);
	expect_length();
}

static void
expect_live(size_t i)
{
	int64_t deadline = 0;

	if (own.sorted[i].key == 0)
		return;
	expect_eq(miost_timers_get(own.timers, own.sorted[i].key, &deadline),
		  0);
	expect_eq(deadline, own.sorted[i].deadline);
}

static void
timer_get(const struct op *op)
{
	model_say("get timers");
	for (size_t i = 0; i < 8 && own.n > 0; i++)
		expect_live((op->v + i) % own.n);
}

static void
timer_reserve(const struct op *op)
{
	size_t n = op->a % 8 == 0 ? SIZE_MAX / (1u + op->b % 8)
				  : op->v % 2000;
	int err, fault;

	model_say("reserve %zu timers", n);
	ARM(op, no_memory);
	err = miost_timers_reserve(own.timers, n);
	fault = model_unarm();
	if (n > SIZE_MAX / 16)
		expect_eq(err, -ENOMEM);
	else if (err != 0)
		expect_eq(err, fault);
	if (err == 0 && n > own.reserved)
		own.reserved = n;
	expect_length();
}

static void
clock_to(const struct op *op)
{
	int64_t first = own.n > 0 ? own.sorted[0].deadline : own.now;

	switch (op->a % 12) {
	case 0:
		own.now = first;
		break;
	case 1:
		own.now = miost_deadline(first, -1);
		break;
	case 2:
		own.now = miost_deadline(own.now, -(int64_t)op->v);
		break;
	case 3:
		if (op->v % 8 == 0)
			own.now = op->b % 2 ? INT64_MAX : INT64_MIN;
		break;
	case 4:
		own.now = miost_deadline(own.now, (int64_t)op->v * SECOND);
		break;
	case 5:
		own.now = 1000 * SECOND;
		break;
	default:
		own.now = miost_deadline(own.now, op->v % 20000);
	}
	model_say("it is %" PRId64, own.now);
}

/* How long a loop may sleep: from the first deadline on not at all. */
static int64_t
span_of_timers(void)
{
	uint64_t span;

	if (own.n == 0)
		return MIOST_FOREVER;
	if (own.sorted[0].deadline <= own.now)
		return 0;
	span = (uint64_t)own.sorted[0].deadline - (uint64_t)own.now;
	return span < INT64_MAX ? (int64_t)span : INT64_MAX;
}

static void
ask_span(void)
{
	struct miost_source *sources[] = { own_queue_source(),
					   own_timers_source() };
	int64_t span = span_of_timers();

	model_say("ask how long to sleep");
	expect_eq(miost_max_timeout(sources, 0), MIOST_FOREVER);
	expect_eq(miost_max_timeout(sources, 1),
		  own.listed > 0 ? 0 : MIOST_FOREVER);
	expect_eq(miost_max_timeout(sources + 1, 1), span);
	expect_eq(miost_max_timeout(sources, 2), own.listed > 0 ? 0 : span);
}

void
own_check_timers(const struct part *part)
{
	size_t due = own_timers_due();
	size_t n = part->n;
	size_t first = n;

	expect(n <= due);
	/* A part of a large backlog may be all. */
	if (!part->excused && due > 0 && part->room > 0)
		expect(n > 0);
	for (size_t i = 0; i < n; i++)
		expect_event(&part->events[i], &(struct miost_event){
			.id = own.sorted[i].id, .readiness = MIOST_TIMER });
	if (n == 0)
		return;
	/* Where the last that came began, of those like it. */
	while (first > 0 &&
	       !is_before(&own.sorted[first - 1], &own.sorted[n - 1]))
		first--;
	take_alike(first, n - first);
	for (size_t i = 0; i < first; i++)
		if (own.sorted[i].key != 0)
			gone(own.sorted[i].key);
	for (size_t i = first; i > 0 && first - i < 64; i--)
		expect(own.sorted[i - 1].key == 0 ||
		       !is_live(own.sorted[i - 1].key));
	own.n -= first;
	memmove(own.sorted, own.sorted + first,
		own.n * sizeof(own.sorted[0]));
	expect_length();
}

void
own_do(const struct op *op)
{
	switch (op->kind) {
	case OP_QUEUE_ADD:
		queue_add(op);
		break;
	case OP_QUEUE_REMOVE:
		queue_remove(op);
		break;
	case OP_TIMER_ADD:
		timer_add(op);
		break;
	case OP_TIMER_BURST:
		timer_burst(op);
		break;
	case OP_TIMER_CHANGE:
		timer_change(op);
		break;
	case OP_TIMER_CANCEL:
		timer_cancel(op);
		break;
	case OP_TIMER_CANCEL_ID:
		timer_cancel_id(op);
		break;
	case OP_TIMER_CLEAR:
		timer_clear();
		break;
	case OP_TIMER_STALE:
		timer_stale(op);
		break;
	case OP_TIMER_GET:
		timer_get(op);
		break;
	case OP_TIMER_RESERVE:
		timer_reserve(op);
		break;
	case OP_CLOCK:
		clock_to(op);
		break;
	default:
		ask_span();
	}
}

void
own_close(void)
{
	for (size_t i = 0; i < own.n; i += 1 + own.n / 500)
		expect_live(i);
	miost_queue_free(own.queue);
	miost_timers_free(own.timers);
	own.queue = NULL;
	own.timers = NULL;
}
