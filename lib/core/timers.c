/* SPDX-License-Identifier: MIT */
/*
 * Timers: a small heap of those that are due soon, and all others unsorted.
 *
 * Most timers are cancelled or moved before they come near their deadline, so
 * ordering them is work for nothing. The entries are one array in three parts:
 *
 *	0 ... near ... len ... capacity
 *	 near    far    spare
 *
 * The near part holds every deadline up to `limit`, as a 4-ary heap, or, when
 * much of it is due at once, sorted with the earliest last. The far part holds
 * the later deadlines in no order: to add, to move and to cancel there takes
 * constant time, whatever their number. When the near part runs out, or has
 * grown too large, a new limit is drawn from a sample, so that about an eighth
 * is near again, and the array is partitioned anew: it reads every entry, once
 * for operations on an eighth of them.
 *
 * An entry's slot holds what the ordering does not need, and where the entry
 * is. Slots never move, so a key is a slot's number and its generation. Every
 * slot is named by exactly one entry: the spare entries are the free slots. A
 * far timer that is cancelled leaves its entry, and so its slot, to the next
 * sweep, which comes when the array is full. 32 bytes a timer, and at most a
 * quarter more as slack.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <miost/timers.h>

struct entry {
	int64_t deadline;
	uint32_t slot;
};

struct slot {
	miost_id id;
	uint32_t generation;	/* odd: in use */
	uint32_t pos;		/* of its entry, when in use */
};

struct miost_timers {
	struct miost_source source;
	struct entry *entries;
	struct slot *slots;
	uint32_t near;
	uint32_t len;
	uint32_t capacity;	/* of the entries */
	uint32_t live;		/* the entries but for the cancelled far ones */
	uint32_t slot_count;	/* the capacity, and the slots worn out */
	uint32_t crowded;	/* the near part has become too large */
	uint32_t random;
	bool sorted;		/* the near part, the earliest last */
	int64_t limit;		/* near up to here, far after it */
	int64_t far_min;	/* no deadline in the far part is before it */
};

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch((address), 1)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* The generation of a slot that is never used again. */
#define WORN_OUT (UINT32_MAX - 1)

enum {
	GROWTH = 64,	/* entries added at least */
	FEW = 64,	/* so many may all be near */
	SAMPLES = 32,	/* drawn to find a limit, */
	NEAREST = 4,	/* which is the fourth of them: an eighth is near */
	AHEAD = 16	/* adds from now is when a slot fetched now is used */
};

/* Ordering. */

static bool
before(const struct miost_timers *timers, struct entry a, struct entry b)
{
	if (a.deadline != b.deadline)
		return a.deadline < b.deadline;
	return timers->slots[a.slot].id < timers->slots[b.slot].id;
}

static void
place(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	timers->entries[i] = entry;
	timers->slots[entry.slot].pos = i;
}

/* Puts `entry` where it belongs between the heap's root and the hole at `i`. */
static void
sift_up(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	while (i > 0) {
		uint32_t parent = (i - 1) / 4;

		if (!before(timers, entry, timers->entries[parent]))
			break;
		place(timers, i, timers->entries[parent]);
		i = parent;
	}
	place(timers, i, entry);
}

/* Puts `entry` where it belongs below the hole at `i`. */
static void
sift_down(struct miost_timers *timers, uint32_t i, struct entry entry)
{
	const struct entry *entries = timers->entries;

	for (;;) {
		uint64_t child = (uint64_t)i * 4 + 1;
		uint64_t end = child + 4;
		uint64_t least = child;

		if (child >= timers->near)
			break;
		if (end > timers->near)
			end = timers->near;
		while (++child < end)
			if (before(timers, entries[child], entries[least]))
				least = child;
		if (!before(timers, entries[least], entry))
			break;
		place(timers, i, entries[least]);
		i = (uint32_t)least;
	}
	place(timers, i, entry);
}

static void
heapify(struct miost_timers *timers)
{
	timers->sorted = false;
	for (uint32_t i = timers->near / 4 + 1; i-- > 0;)
		if (i < timers->near)
			sift_down(timers, i, timers->entries[i]);
}

/* Turns a sorted near part into a heap: the other way round it is one. */
static void
unsort(struct miost_timers *timers)
{
	struct entry *entries = timers->entries;

	if (!timers->sorted)
		return;
	for (uint32_t i = 0, j = timers->near; i + 1 < j; i++) {
		struct entry entry = entries[i];

		place(timers, i, entries[--j]);
		place(timers, j, entry);
	}
	timers->sorted = false;
}

/* Sorts few entries, the earliest last. */
static void
insertion_sort(const struct miost_timers *timers, struct entry *entries,
	       size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct entry entry = entries[i];
		size_t j = i;

		for (; j > 0 && before(timers, entries[j - 1], entry); j--)
			entries[j] = entries[j - 1];
		entries[j] = entry;
	}
}

/* What entries are sorted by, in an order that unsigned numbers have. */
static uint64_t
sort_key(const struct miost_timers *timers, struct entry entry, bool by_id)
{
	if (by_id)
		return timers->slots[entry.slot].id;
	return (uint64_t)entry.deadline ^ (uint64_t)1 << 63;
}

enum { DIGITS = 256 };

/*
 * Sorts entries, the earliest last, in place: into a bucket by the leading
 * eight bits in which they differ, then each bucket. A level for each eight
 * bits of a deadline and an id at most, whatever the entries are.
 */
static void
radix_sort(const struct miost_timers *timers, struct entry *entries, size_t n,
	   bool by_id)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;
	uint32_t start[DIGITS] = { 0 };
	uint32_t end[DIGITS];
	uint32_t sum = 0;
	int shift = 0;

	if (n <= 24) {
		insertion_sort(timers, entries, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t key = sort_key(timers, entries[i], by_id);

		least = key < least ? key : least;
		most = key > most ? key : most;
	}
	if (least == most) {
		if (!by_id)
			radix_sort(timers, entries, n, true);
		return;
	}
	while ((most - least) >> shift >= DIGITS)
		shift++;

#define DIGIT(entry) \
	((most - sort_key(timers, (entry), by_id)) >> shift)
	for (size_t i = 0; i < n; i++)
		start[DIGIT(entries[i])]++;
	for (int digit = 0; digit < DIGITS; digit++) {
		uint32_t count = start[digit];

		start[digit] = sum;
		end[digit] = sum += count;
	}
	for (int digit = 0; digit < DIGITS; digit++) {
		while (start[digit] < end[digit]) {
			struct entry entry = entries[start[digit]];
			uint64_t to = DIGIT(entry);

			while (to != (uint64_t)digit) {
				uint32_t i = start[to]++;
				struct entry next = entries[i];

				entries[i] = entry;
				entry = next;
				to = DIGIT(entry);
			}
			entries[start[digit]++] = entry;
		}
	}
#undef DIGIT
	for (int digit = 0; digit < DIGITS; digit++) {
		uint32_t first = digit > 0 ? end[digit - 1] : 0;

		if (end[digit] - first > 1)
			radix_sort(timers, entries + first, end[digit] - first,
				   by_id);
	}
}

static void
sort(struct miost_timers *timers)
{
	radix_sort(timers, timers->entries, timers->near, false);
	for (uint32_t i = 0; i < timers->near; i++)
		timers->slots[timers->entries[i].slot].pos = i;
	timers->sorted = true;
}

/* Near and far. */

static uint32_t
next_random(struct miost_timers *timers)
{
	timers->random = timers->random * 1664525 + 1013904223;
	return timers->random >> 8;
}

/* A limit up to which there is at least one deadline, and about an eighth. */
static int64_t
choose_limit(struct miost_timers *timers)
{
	int64_t nearest[NEAREST];
	int64_t latest = INT64_MIN;
	int n = 0;

	if (timers->len <= FEW) {
		for (uint32_t i = 0; i < timers->len; i++)
			if (timers->entries[i].deadline > latest)
				latest = timers->entries[i].deadline;
		return latest;
	}
	for (int draw = 0; draw < SAMPLES; draw++) {
		uint32_t i = (uint32_t)((uint64_t)next_random(timers) *
					timers->len >> 24);
		int64_t deadline = timers->entries[i].deadline;
		int j;

		if (n == NEAREST && deadline >= nearest[n - 1])
			continue;
		if (n < NEAREST)
			n++;
		for (j = n - 1; j > 0 && nearest[j - 1] > deadline; j--)
			nearest[j] = nearest[j - 1];
		nearest[j] = deadline;
	}
	return nearest[NEAREST - 1];
}

static bool
in_use(const struct miost_timers *timers, struct entry entry)
{
	return timers->slots[entry.slot].generation % 2 != 0;
}

/* Makes spare entries of those that were cancelled. */
static void
sweep(struct miost_timers *timers)
{
	struct entry *entries = timers->entries;
	uint32_t len = timers->near;

	for (uint32_t i = len; i < timers->len; i++) {
		struct entry entry = entries[i];

		if (!in_use(timers, entry))
			continue;
		if (i != len) {
			entries[i] = entries[len];
			place(timers, len, entry);
		}
		len++;
	}
	timers->len = len;
}

/*
 * Draws the line between near and far anew, not before `now`, and orders what
 * is near.
 */
static void
partition(struct miost_timers *timers, int64_t now)
{
	struct entry *entries = timers->entries;
	uint32_t near = 0;
	int64_t limit;

	if (timers->live < timers->len)
		sweep(timers);
	limit = choose_limit(timers);
	if (limit < now)
		limit = now;
	timers->far_min = INT64_MAX;
	for (uint32_t i = 0; i < timers->len; i++) {
		struct entry entry = entries[i];

		if (entry.deadline > limit) {
			if (entry.deadline < timers->far_min)
				timers->far_min = entry.deadline;
			continue;
		}
		if (i != near) {
			place(timers, i, entries[near]);
			place(timers, near, entry);
		}
		near++;
	}
	timers->near = near;
	timers->crowded = near < UINT32_MAX / 4 ? near * 2 + FEW : UINT32_MAX;
	timers->limit = limit;
	if (limit == now)
		sort(timers);
	else
		heapify(timers);
}

/* Makes sure that what is due, and the earliest of all, is near. */
static void
gather(struct miost_timers *timers, int64_t now)
{
	if (timers->near < timers->len &&
	    (timers->near == 0 || timers->far_min <= now))
		partition(timers, now);
}

static void
insert_near(struct miost_timers *timers, struct entry entry)
{
	uint32_t i = timers->near;

	if (timers->sorted && i > 0 &&
	    !before(timers, entry, timers->entries[i - 1]))
		unsort(timers);
	if (i < timers->len)
		place(timers, timers->len, timers->entries[i]);
	timers->len++;
	timers->near++;
	if (timers->sorted)
		place(timers, i, entry);
	else
		sift_up(timers, i, entry);
	if (timers->near > timers->crowded)
		partition(timers, INT64_MIN);
}

/* Puts an entry at the first spare place, whose slot is in use by now. */
static inline void
insert(struct miost_timers *timers, struct entry entry)
{
	if (entry.deadline > timers->limit) {
		if (entry.deadline < timers->far_min)
			timers->far_min = entry.deadline;
		place(timers, timers->len++, entry);
	} else {
		insert_near(timers, entry);
	}
}

/* Takes the entry of a slot out; leaves a spare place with no slot. */
static void
take_out(struct miost_timers *timers, uint32_t slot)
{
	struct entry *entries = timers->entries;
	uint32_t i = timers->slots[slot].pos;

	if (i < timers->near) {
		struct entry last;

		if (i < timers->near - 1) {
			unsort(timers);
			i = timers->slots[slot].pos;
		}
		last = entries[--timers->near];
		if (i == timers->near)
			;
		else if (i > 0 && before(timers, last, entries[(i - 1) / 4]))
			sift_up(timers, i, last);
		else
			sift_down(timers, i, last);
		i = timers->near;
	}
	if (i < --timers->len)
		place(timers, i, entries[timers->len]);
}

/* Slots. */

/* Frees a slot into the spare place that its entry left. */
static void
release(struct miost_timers *timers, uint32_t slot)
{
	timers->slots[slot].generation++;
	timers->entries[timers->len].slot = slot;
	timers->live--;
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

/* Makes a spare entry where there is none. */
static int
make_room(struct miost_timers *timers)
{
	size_t extra = timers->live / 4;
	int err;

	if (timers->live < timers->capacity - timers->capacity / 8) {
		sweep(timers);
		return 0;
	}
	err = grow(timers, (size_t)timers->live +
				   (extra > GROWTH ? extra : GROWTH));
	if (err < 0 && timers->live < timers->capacity) {
		sweep(timers);
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
	struct entry *entries = timers->entries;
	int err = 0;

	while (err == 0 && !has_spare(timers)) {
		if (timers->len == timers->capacity)
			err = make_room(timers);
		else
			entries[timers->len].slot =
				entries[--timers->capacity].slot;
	}
	return err;
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
	struct miost_timers *timers = (struct miost_timers *)source;
	int64_t now, earliest;
	uint64_t span;

	if (timers->live == 0)
		return MIOST_FOREVER;
	now = miost_now();
	if (timers->near == 0)
		partition(timers, now);
	earliest = timers->entries[timers->sorted ? timers->near - 1 : 0]
			   .deadline;
	if (earliest <= now)
		return 0;
	span = (uint64_t)earliest - (uint64_t)now;
	return span < INT64_MAX ? (int64_t)span : INT64_MAX;
}

/* How many below the heap's entry `i`, and it, are due; stops at `most`. */
static uint32_t
count_heap(const struct miost_timers *timers, uint64_t i, int64_t now,
	   uint32_t most)
{
	uint32_t n = 1;

	if (i >= timers->near || timers->entries[i].deadline > now)
		return 0;
	for (uint64_t child = i * 4 + 1; child <= i * 4 + 4 && n < most; child++)
		n += count_heap(timers, child, now, most - n);
	return n;
}

/* How many of the sorted near part are due: a binary search from its end. */
static uint32_t
count_sorted(const struct miost_timers *timers, int64_t now)
{
	uint32_t low = 0;
	uint32_t high = timers->near;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (timers->entries[mid].deadline > now)
			low = mid + 1;
		else
			high = mid;
	}
	return timers->near - low;
}

/* How many near ones are due. Sorts them if they are more than a few. */
static uint32_t
count_due(struct miost_timers *timers, int64_t now)
{
	uint32_t few = timers->near / 16 + 16;
	uint32_t n;

	if (timers->sorted)
		return count_sorted(timers, now);
	n = count_heap(timers, 0, now, few);
	if (n < few)
		return n;
	sort(timers);
	return count_sorted(timers, now);
}

/* Fires the earliest. */
static void
fire(struct miost_timers *timers, struct miost_event *event)
{
	uint32_t earliest = timers->sorted ? timers->near - 1 : 0;
	uint32_t slot = timers->entries[earliest].slot;

	event->id = timers->slots[slot].id;
	event->readiness = MIOST_TIMER;
	take_out(timers, slot);
	release(timers, slot);
}

static int
timers_poll(struct miost_source *source, struct miost_sink *sink)
{
	struct miost_timers *timers = (struct miost_timers *)source;
	struct miost_event *slots;
	uint32_t due;
	int64_t now;
	ssize_t n;

	if (timers->live == 0)
		return 0;
	now = miost_now();
	gather(timers, now);
	due = count_due(timers, now);
	if (due == 0)
		return 0;
	n = sink->ops->reserve(sink, due < INT_MAX ? due : INT_MAX, &slots);
	if (n <= 0)
		return (int)n;
	for (ssize_t i = 0; i < n; i++)
		fire(timers, &slots[i]);
	sink->ops->commit(sink, (size_t)n);
	return (int)n;
}

static const struct miost_source_ops timers_ops = {
	.max_timeout = timers_max_timeout,
	.poll = timers_poll,
};

/* The interface. */

int
miost_timers_new(struct miost_timers **out)
{
	struct miost_timers *timers = calloc(1, sizeof(*timers));

	if (timers == NULL)
		return -ENOMEM;
	timers->source.ops = &timers_ops;
	timers->limit = INT64_MIN;
	timers->far_min = INT64_MAX;
	timers->crowded = FEW;
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
	return n > timers->capacity ? grow(timers, n) : 0;
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
		*key = (miost_timer)slot->generation << 32 | entry.slot;
	timers->live++;
	insert(timers, entry);
	return 0;
}

int
miost_timers_add_timeout(struct miost_timers *timers, miost_id id,
			 int64_t timeout, miost_timer *key)
{
	if (timeout < 0)
		return -EINVAL;
	return miost_timers_add_deadline(
		timers, id, miost_deadline(miost_now(), timeout), key);
}

int
miost_timers_change(struct miost_timers *timers, miost_timer key,
		    int64_t deadline)
{
	struct entry entry = { .deadline = deadline };
	uint32_t i;

	if (find(timers, key, &entry.slot) < 0)
		return -ENOENT;
	i = timers->slots[entry.slot].pos;
	if (i >= timers->near && deadline > timers->limit) {
		timers->entries[i].deadline = deadline;
		if (deadline < timers->far_min)
			timers->far_min = deadline;
		return 0;
	}
	take_out(timers, entry.slot);
	insert(timers, entry);
	return 0;
}

/*
 * Removes a timer. A far one keeps its entry, and with it its slot, until the
 * next sweep: to take it out would touch three places of memory, not one.
 */
static void
remove_slot(struct miost_timers *timers, uint32_t slot)
{
	if (timers->slots[slot].pos < timers->near) {
		take_out(timers, slot);
		release(timers, slot);
	} else {
		timers->slots[slot].generation++;
		timers->live--;
	}
	if (timers->live == 0)
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
miost_timers_remove_deadline(struct miost_timers *timers, miost_id id)
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
