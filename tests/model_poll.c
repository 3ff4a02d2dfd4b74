/* SPDX-License-Identifier: MIT */
/* The model's polls: which sources, into what, and what each has given. */
#include "config.h"

#include "model.h"

enum { MOST_EVENTS = 20000, MOST_PARTS = 8 };

enum way { QUEUE_ALONE, INTO_EVENTS, INTO_SINK };

/* A sink in front of another, which sees what is asked of it. */
struct spy {
	struct miost_sink sink;
	struct miost_sink *inner;
	size_t most;		/* slots that it gives at once; 0: as asked */
	int refuses_at;		/* the reserve that it refuses, from 1; 0 */
	int refusal;
	int reserves;
	ssize_t granted;	/* by the last; -1: committed */
	bool refused;
	bool failed;		/* refused, with an error */
	int parts;
	size_t part[MOST_PARTS], room[MOST_PARTS];
};

static struct miost_event storage[MOST_EVENTS];

static const struct fault polls_fail[] = {
	{ EPOLL_WAIT, EINTR }, { KEVENT_WAIT, EINTR }, { REALLOC, ENOMEM },
	{ EPOLL_WAIT, EBADF },
};

static ssize_t
spy_reserve(struct miost_sink *sink, size_t want, struct miost_event **slots)
{
	struct spy *spy = (struct spy *)sink;
	ssize_t n;

	expect(want > 0);
	spy->reserves++;
	if (spy->reserves == spy->refuses_at) {
		spy->refused = true;
		spy->failed = spy->refusal < 0;
		spy->granted = -1;
		return spy->refusal;
	}
	if (spy->most > 0 && want > spy->most)
		want = spy->most;
	n = spy->inner->ops->reserve(spy->inner, want, slots);
	expect(n <= (ssize_t)want);
	spy->refused |= n <= 0;
	spy->granted = n > 0 ? n : -1;
	return n;
}

static void
spy_commit(struct miost_sink *sink, size_t n)
{
	struct spy *spy = (struct spy *)sink;

	expect(spy->granted > 0 && n > 0);
	expect((ssize_t)n <= spy->granted);
	expect(spy->parts < MOST_PARTS);
	spy->part[spy->parts] = n;
	spy->room[spy->parts++] = (size_t)spy->granted;
	spy->granted = -1;
	spy->inner->ops->commit(spy->inner, n);
}

static const struct miost_sink_ops spy_ops = {
	.reserve = spy_reserve,
	.commit = spy_commit,
};

/* Which sources, in which order: O and P are the two OS queues. */
static const char *const orders[] = {
	"O", "P", "O", "P", "OQT", "PTQ", "QO", "T", "Q", "TOQ", "QT", "",
};

enum { ORDERS = sizeof(orders) / sizeof(orders[0]) };

struct poll {
	const char *order;
	enum way way;
	size_t capacity;
	int64_t timeout;
	struct spy spy;
	struct miost_event_array array;
	struct miost_event_vec vec;
	const struct miost_event *events;
	size_t n;		/* how many there are of them */
	int result;
	int fault;
	bool vec_used;
};

static struct miost_source *
source_of(char which)
{
	switch (which) {
	case 'O':
		return miost_os_queue_source(os_queue(0));
	case 'P':
		return miost_os_queue_source(os_queue(1));
	case 'Q':
		return own_queue_source();
	default:
		return own_timers_source();
	}
}

static enum tag
tag_of_source(char which)
{
	return which == 'Q' ? TAG_QUEUE : which == 'T' ? TAG_TIMERS : TAG_OS;
}

/* How many events a source has at least. */
static size_t
least_of(char which)
{
	size_t must, may;

	switch (which) {
	case 'Q':
		return own_queue_len();
	case 'T':
		return own_timers_due();
	default:
		os_count(which == 'P', &must, &may);
		return must;
	}
}

static size_t
least_of_all(const char *order)
{
	size_t sum = 0;

	for (; *order != '\0'; order++)
		sum += least_of(*order);
	return sum;
}

static void
check_part(char which, const struct part *part)
{
	if (which == 'Q')
		own_check_queue(part);
	else if (which == 'T')
		own_check_timers(part);
	else
		os_check(which == 'P', part);
}

/* How many of the events are of the source that stands at `order`. */
static size_t
length_of_part(const struct poll *poll, const char *order, size_t from)
{
	size_t n = 0;

	while (from + n < poll->n && tag_of(poll->events[from + n].id) ==
					     tag_of_source(*order))
		n++;
	return n;
}

static void
check_parts(struct poll *poll)
{
	size_t from = 0;
	int committed = 0;
	bool spied = poll->way == INTO_SINK;
	bool excused = poll->result < 0 || poll->fault != 0 ||
		       (spied && poll->spy.refused);

	for (const char *order = poll->order; *order != '\0'; order++) {
		struct part part = { .events = poll->events + from };

		part.n = length_of_part(poll, order, from);
		part.room = poll->capacity - from;
		part.excused = excused;
		if (spied && part.n > 0) {
			expect(committed < poll->spy.parts);
			part.n = poll->spy.part[committed];
			part.room = poll->spy.room[committed++];
		} else if (spied) {
			part.room = excused ? 0 : 1;
		}
		/* A batch of the system's, however large the room. */
		if (tag_of_source(*order) == TAG_OS && part.room > 256)
			part.room = 256;
		check_part(*order, &part);
		from += part.n;
	}
	expect_eq(from, poll->n);
	if (spied)
		expect_eq(committed, poll->spy.parts);
}

/* What the result may be, all else being as it is. */
static void
check_result(const struct poll *poll)
{
	bool sources = *poll->order != '\0';

	/* The sink's error ends it. */
	if (poll->spy.failed)
		expect_eq(poll->result, poll->spy.refusal);
	if (poll->result >= 0) {
		expect_eq(poll->result, poll->n);
		expect(poll->capacity > 0 || !sources ||
		       poll->way == INTO_SINK);
		return;
	}
	if (poll->fault != 0 && poll->result == poll->fault) {
		/* One that cannot grow takes what still fits. */
		if (poll->result == -ENOMEM)
			expect_eq(poll->vec.len, poll->vec.capacity);
		return;
	}
	if (poll->way == INTO_SINK && poll->spy.refused) {
		expect(poll->result == -ENOBUFS ||
		       poll->result == poll->spy.refusal);
		/* Full from the start: nothing is taken. */
		if (poll->result == -ENOBUFS)
			expect_eq(poll->n, 0);
		return;
	}
	expect_eq(poll->result, -ENOBUFS);
	expect(poll->capacity == 0 && sources);
}

static void
call(const struct op *op, struct poll *poll)
{
	struct miost_source *sources[MOST_PARTS];
	size_t n = strlen(poll->order);

	for (size_t i = 0; i < n; i++)
		sources[i] = source_of(poll->order[i]);
	memset(storage, 0x55, sizeof(storage[0]) * (poll->capacity + 300));
	if (poll->way == INTO_SINK) {
		miost_event_array_init(&poll->array, storage, poll->capacity);
		miost_event_vec_init(&poll->vec);
		poll->spy.sink.ops = &spy_ops;
		poll->spy.inner = poll->vec_used ? &poll->vec.sink
						 : &poll->array.sink;
	}
	ARM(op, polls_fail);
	if (poll->way == QUEUE_ALONE)
		poll->result = miost_os_queue_poll(
			os_queue(poll->order[0] == 'P'), storage,
			poll->capacity, poll->timeout);
	else if (poll->way == INTO_EVENTS)
		poll->result = miost_poll_events(sources, n, storage,
						 poll->capacity,
						 poll->timeout);
	else
		poll->result = miost_poll(sources, n, &poll->spy.sink,
					  poll->timeout);
	poll->fault = model_unarm();
}

static void
choose_sink(const struct op *op, struct poll *poll)
{
	poll->vec_used = op->v % 4 == 0;
	if (op->v % 4 == 1)
		poll->spy.most = 1 + op->v / 4 % 5;
	if (op->v % 8 == 2) {
		poll->spy.refuses_at = 1 + (int)(op->v / 8 % 4);
		poll->spy.refusal = op->v / 32 % 2 ? -EXDEV : 0;
	}
}

static void
do_poll(const struct op *op, const char *order, enum way way, size_t capacity)
{
	struct poll poll = { .order = order, .way = way,
			     .capacity = capacity };

	choose_sink(op, &poll);
	fds_sample();
	/* If something is ready it need not wait, however long it may. */
	if (least_of_all(order) > 0 && op->v / 256 % 4 == 0)
		poll.timeout = scaled(5 * SECOND);
	model_say("poll \"%s\", way %d, into %zu:", order, (int)way, capacity);
	call(op, &poll);
	poll.events = way == INTO_SINK && poll.vec_used && poll.vec.len > 0
			      ? poll.vec.events : storage;
	poll.n = way != INTO_SINK ? (size_t)(poll.result > 0 ? poll.result : 0)
		 : poll.vec_used  ? poll.vec.len
				  : poll.array.len;
	model_say(" = %d,", poll.result);
	check_result(&poll);
	check_parts(&poll);
	/* Nothing was written behind the end. */
	if (!poll.vec_used || way != INTO_SINK)
		expect_eq(storage[capacity].reserved, 0x55555555);
	if (way == INTO_SINK)
		miost_event_vec_destroy(&poll.vec);
}

void
poll_do(const struct op *op)
{
	static const size_t capacities[] = { 0, 1, 2, 3, 4, 7, 16, 40, 100,
					     300, 5000, MOST_EVENTS - 301 };
	const char *order = orders[op->a % ORDERS];
	enum way way = (enum way)(op->b % 3);
	size_t capacity = capacities[op->c % 12];

	if (op->kind == OP_DRAIN) {
		struct op plain = { .v = 3 };

		/* All that is due comes in the end, if only one by one. */
		do_poll(&plain, order = op->a % 2 ? "T" : "Q", INTO_EVENTS,
			1 + op->c % 16u * 20);
		for (int i = 0; i < 30 && least_of(*order) > 0; i++)
			do_poll(&plain, order, INTO_EVENTS, 5000);
		return;
	}
	if (strlen(order) != 1 || (*order != 'O' && *order != 'P'))
		way = way == QUEUE_ALONE ? INTO_EVENTS : way;
	do_poll(op, order, way, capacity);
}
