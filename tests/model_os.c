/* SPDX-License-Identifier: MIT */
/*
 * The model's OS queues: what is registered, and which events that means as
 * poll(2) sees things. A level-triggered descriptor must have an event while
 * it is ready. One that is edge-triggered must have one after it became ready
 * and after more came, may have a spurious one after anything that was done to
 * it, and has none if nothing was.
 */
#include "config.h"

#include "model.h"

#ifndef POLLRDHUP
#define POLLRDHUP 0
#endif

enum { QUEUES = 2, NESTED = ENDS, REGS };

struct reg {
	bool in;
	miost_id id;
	miost_interests interests;
	miost_options options;
	enum due edge;
	miost_ready news;	/* the bits that made it DUE */
	bool spent;		/* oneshot, and has fired */
	miost_ready got;	/* in the poll that is looked at */
	bool seen;
	int missed;		/* how often in a row, though due */
};

static struct {
	struct miost_os_queue *queue;
	struct reg regs[REGS];
} queues[QUEUES];

static unsigned int ids;

static const struct fault changes_fail[] = {
	{ EPOLL_CTL, ENOMEM }, { EPOLL_CTL, ENOSPC }, { EPOLL_CTL, EPERM },
	{ KEVENT_RECEIPT, ENOMEM }, { KEVENT_CHANGE, EINTR },
	{ KEVENT_CHANGE, ENOMEM },
};

static const struct fault queues_fail[] = {
	{ MALLOC, ENOMEM }, { EPOLL_CREATE, EMFILE }, { KQUEUE, ENFILE },
	{ FCNTL, EINVAL },
};

void
os_open(void)
{
	memset(queues, 0, sizeof(queues));
	ids = 1000;
	for (int q = 0; q < QUEUES; q++)
		expect_eq(miost_os_queue_new(&queues[q].queue), 0);
}

void
os_close(void)
{
	for (int q = 0; q < QUEUES; q++) {
		miost_os_queue_free(queues[q].queue);
		queues[q].queue = NULL;
	}
}

struct miost_os_queue *
os_queue(int q)
{
	return queues[q].queue;
}

/* What poll(2) says, as an event says it. */
struct want {
	miost_ready must, may;	/* bits of an event */
	bool sure, possible;	/* that there is one */
};

static struct want
want_on_epoll(const struct reg *reg, short bits)
{
	const miost_interests readers = MIOST_READABLE | MIOST_READ_CLOSED;
	const miost_ready half = MIOST_HUP | MIOST_READ_CLOSED;
	struct want want = { .must = 0 };

	if (bits & POLLIN)
		want.must |= reg->interests & MIOST_READABLE;
	if (bits & POLLPRI)
		want.must |= reg->interests & MIOST_PRIORITY;
	if (bits & POLLOUT)
		want.must |= reg->interests & MIOST_WRITABLE;
	if (bits & POLLERR)
		want.must |= MIOST_ERROR;
	if (bits & POLLHUP)
		want.must |= half | MIOST_WRITE_CLOSED;
	if (bits & POLLRDHUP && reg->interests & readers &&
	    !(reg->options & MIOST_EXCLUSIVE))
		want.must |= half;
	want.may = want.must;
	want.sure = want.possible = want.must != 0;
	return want;
}

static void
add_reader(struct want *want, const struct end *end, short bits, bool data)
{
	bool over = bits & (POLLHUP | POLLRDHUP);

	if (over)
		want->must |= MIOST_READABLE | MIOST_HUP | MIOST_READ_CLOSED;
	else if (data && bits & POLLIN)
		want->must |= MIOST_READABLE;
	if (want->must != 0 || bits & POLLERR || end->shut_in) {
		want->may |= want->must | MIOST_READABLE;
		want->possible = true;
	}
	if (bits & POLLERR)
		want->may |= MIOST_HUP | MIOST_READ_CLOSED;
	if (end->shut_in)
		want->may |= MIOST_HUP | MIOST_READ_CLOSED;
}

static void
add_writer(struct want *want, const struct end *end, short bits)
{
	bool over = bits & (POLLHUP | POLLERR) || end->shut_out ||
		    end->peer < 0 || ends[end->peer].shut_in;

	if (bits & POLLOUT)
		want->must |= MIOST_WRITABLE;
	if (over || bits & POLLOUT) {
		want->may |= MIOST_WRITABLE;
		want->possible = true;
	}
	if (over)
		want->may |= MIOST_HUP | MIOST_WRITE_CLOSED;
}

/* kqueue tells each direction apart, and in more words. */
static struct want
want_on_kqueue(const struct reg *reg, const struct end *end, short bits)
{
	const miost_interests readers = MIOST_READABLE | MIOST_READ_CLOSED;
	struct want want = { .must = 0 };

	if (reg->interests & readers)
		add_reader(&want, end, bits, reg->interests & MIOST_READABLE);
	if (reg->interests & MIOST_WRITABLE)
		add_writer(&want, end, bits);
	want.may |= want.must;
	if (want.possible && (bits & POLLERR || end->deaf))
		want.may |= MIOST_ERROR | MIOST_HUP | MIOST_READ_CLOSED |
			    MIOST_WRITE_CLOSED;
	want.sure = want.must != 0;
	/* The end of a pipe's reader is told once, or not, or over and over. */
	if (end->deaf && reg->interests != 0) {
		want.sure = false;
		want.possible = true;
		want.must = 0;
	}
	return want;
}

static struct want
want_of(const struct reg *reg, const struct end *end, short bits)
{
	return on_epoll() ? want_on_epoll(reg, bits)
			  : want_on_kqueue(reg, end, bits);
}

static struct want
want_now(int q, int i)
{
	const struct reg *reg = &queues[q].regs[i];
	struct want want = { .must = 0 };
	size_t must, may;

	if (i != NESTED)
		return want_of(reg, &ends[i], ends[i].bits);
	os_count(1, &must, &may);
	want.must = want.may = MIOST_READABLE;
	want.sure = must > 0;
	/* On kqueue it stays readable until it is polled. */
	want.possible = must + may > 0 || !on_epoll();
	return want;
}

static enum due
due_of(int q, int i)
{
	const struct reg *reg = &queues[q].regs[i];
	struct want want;

	if (!reg->in || reg->spent)
		return NOT_DUE;
	want = want_now(q, i);
	if (!want.possible)
		return NOT_DUE;
	if (!(reg->options & MIOST_EDGE))
		return want.sure ? DUE : MAY_BE_DUE;
	/* TCP acknowledges in its own time, which is an edge. */
	if (reg->edge == NOT_DUE && i != NESTED && ends[i].kind == TCP)
		return MAY_BE_DUE;
	if (reg->edge != DUE)
		return reg->edge;
	/* Of kqueue's two filters the other has nothing new to tell. */
	if (!on_epoll() && (want.must & reg->news) == 0)
		return MAY_BE_DUE;
	return want.sure ? DUE : MAY_BE_DUE;
}

static void
add_due(enum due due, size_t *must, size_t *may)
{
	*must += due == DUE;
	*may += due == MAY_BE_DUE;
}

void
os_count(int q, size_t *must, size_t *may)
{
	*must = *may = 0;
	for (int i = 0; i < HANDS; i++)
		if (hands_at(i)->used && hands_at(i)->q == q)
			add_due(hands_due(i), must, may);
	for (int i = 0; i < REGS; i++)
		add_due(due_of(q, i), must, may);
}

void
os_end_changed(int i, short before, bool touched, bool more)
{
	for (int q = 0; q < QUEUES; q++) {
		struct reg *reg = &queues[q].regs[i];
		struct want was, is;
		miost_ready news;

		if (!reg->in)
			continue;
		was = want_of(reg, &ends[i], before);
		is = want_of(reg, &ends[i], ends[i].bits);
		news = is.must & ~was.must;
		if (more)
			news |= is.must & MIOST_READABLE;
		reg->news |= news;
		if (news != 0)
			reg->edge = DUE;
		else if (touched && reg->edge == NOT_DUE)
			reg->edge = MAY_BE_DUE;
	}
}

void
os_end_closes(int i, bool deregister)
{
	for (int q = 0; q < QUEUES; q++) {
		struct reg *reg = &queues[q].regs[i];
		int err = -ENOENT;

		if (deregister) {
			err = miost_os_queue_deregister(queues[q].queue,
							ends[i].fd);
			/* Which kqueue may have done by itself. */
			expect(err == (reg->in ? 0 : -ENOENT) ||
			       (err == -ENOENT && ends[i].deaf &&
				!on_epoll()));
		}
		reg->in = false;
	}
}

/* Registering. */

static bool
is_pipe(int i)
{
	return i != NESTED && (ends[i].kind == PIPE_READER ||
			       ends[i].kind == PIPE_WRITER);
}

/* What is wrong with the arguments. */
static int
argument_error(int i, miost_interests interests, miost_options options)
{
	bool half_close = interests & MIOST_READ_CLOSED &&
			  !(interests & MIOST_READABLE);

	if (options & MIOST_EXCLUSIVE &&
	    (options & MIOST_ONESHOT ||
	     interests & (MIOST_PRIORITY | MIOST_READ_CLOSED)))
		return -EINVAL;
	if (options & MIOST_EXCLUSIVE && !miost_has(MIOST_FEATURE_EXCLUSIVE))
		return -ENOTSUP;
	if (interests & MIOST_PRIORITY && !miost_has(MIOST_FEATURE_PRIORITY))
		return -ENOTSUP;
	if (half_close && !miost_has(MIOST_FEATURE_READ_CLOSED))
		return -ENOTSUP;
	if (half_close && !on_epoll() && is_pipe(i))
		return -ENOTSUP;
	return 0;
}

/* An object that is made of one descriptor. */
struct one {
	struct miost_evented evented;
	int fd;
	int calls;
};

static int
one_register(struct miost_evented *handle, struct miost_os_queue *queue,
	     miost_id id, miost_interests interests, miost_options options)
{
	((struct one *)handle)->calls++;
	return miost_os_queue_register(queue, ((struct one *)handle)->fd, id,
				       interests, options);
}

static int
one_reregister(struct miost_evented *handle, struct miost_os_queue *queue,
	       miost_id id, miost_interests interests, miost_options options)
{
	((struct one *)handle)->calls++;
	return miost_os_queue_reregister(queue, ((struct one *)handle)->fd,
					 id, interests, options);
}

static int
one_deregister(struct miost_evented *handle, struct miost_os_queue *queue)
{
	((struct one *)handle)->calls++;
	return miost_os_queue_deregister(queue, ((struct one *)handle)->fd);
}

static const struct miost_evented_ops one_ops = {
	.register_with = one_register,
	.reregister_with = one_reregister,
	.deregister_from = one_deregister,
};

/* The same through such an object, which is asked only if all is valid. */
static int
call_evented(const struct op *op, struct miost_os_queue *queue, int fd,
	     const struct reg *to, bool valid)
{
	struct one one = { { &one_ops }, fd, 0 };
	int err;

	switch (op->kind) {
	case OP_REGISTER:
		err = miost_os_queue_register_evented(queue, &one.evented,
						      to->id, to->interests,
						      to->options);
		break;
	case OP_REREGISTER:
		err = miost_os_queue_reregister_evented(queue, &one.evented,
							to->id, to->interests,
							to->options);
		break;
	default:
		err = miost_os_queue_deregister_evented(queue, &one.evented);
		valid = true;
	}
	expect_eq(one.calls, valid);
	return err;
}

static int
call(const struct op *op, struct miost_os_queue *queue, int fd,
     const struct reg *to, bool valid)
{
	if (op->kind != OP_SET && op->v / 2 % 4 == 0)
		return call_evented(op, queue, fd, to, valid);
	switch (op->kind) {
	case OP_REGISTER:
		return miost_os_queue_register(queue, fd, to->id,
					       to->interests, to->options);
	case OP_REREGISTER:
		return miost_os_queue_reregister(queue, fd, to->id,
						 to->interests, to->options);
	case OP_SET:
		return miost_os_queue_set(queue, fd, to->id, to->interests,
					  to->options);
	default:
		return miost_os_queue_deregister(queue, fd);
	}
}

/* The error that there has to be without a fault, or 0. */
static int
expected_error(const struct op *op, int i, const struct reg *reg,
	       const struct reg *to)
{
	int err = argument_error(i, to->interests, to->options);

	switch (op->kind) {
	case OP_REGISTER:
		return err == 0 && reg->in ? -EEXIST : err;
	case OP_REREGISTER:
		if (to->options & MIOST_EXCLUSIVE)
			return -EINVAL;
		if (err == 0 && !reg->in)
			return -ENOENT;
		return err == 0 && reg->options & MIOST_EXCLUSIVE ? -EINVAL
								  : err;
	case OP_SET:
		return err;
	default:
		return reg->in ? 0 : -ENOENT;
	}
}

/* Where a failed change may have left it either way: out of the queue. */
static void
put_out(int q, int fd, struct reg *reg)
{
	int err = miost_os_queue_deregister(queues[q].queue, fd);

	expect(err == 0 || err == -ENOENT);
	reg->in = false;
}

static void
after_change(const struct op *op, int q, int i, const struct reg *to)
{
	struct reg *reg = &queues[q].regs[i];
	struct want want;

	if (op->kind == OP_DEREGISTER ||
	    (op->kind == OP_SET && to->interests == 0)) {
		reg->in = false;
		return;
	}
	*reg = *to;
	reg->in = true;
	want = want_now(q, i);
	reg->edge = want.sure ? DUE : want.possible ? MAY_BE_DUE : NOT_DUE;
	reg->news = want.must;
}

static void
failed_change(const struct op *op, int q, int i)
{
	struct reg *reg = &queues[q].regs[i];

	/* What could not be registered is not, not in part either. */
	if (op->kind == OP_REGISTER && !reg->in && !ends[i].deaf)
		expect_eq(miost_os_queue_deregister(queues[q].queue,
						    ends[i].fd), -ENOENT);
	else if (op->kind == OP_SET || !on_epoll())
		put_out(q, ends[i].fd, reg);
}

static const char *
name_of(int kind)
{
	switch (kind) {
	case OP_REGISTER:
		return "register";
	case OP_REREGISTER:
		return "reregister";
	case OP_SET:
		return "set";
	default:
		return "deregister";
	}
}

static void
change(const struct op *op)
{
	static const miost_interests bits[] = {
		MIOST_READABLE, MIOST_WRITABLE, MIOST_READ_CLOSED,
		MIOST_PRIORITY
	};
	int i = fds_pick(op->a), q = op->v % 2, err, expected, fault;
	struct reg to = { .options = op->c % 4 };
	struct reg *reg = &queues[q].regs[i < 0 ? 0 : i];
	bool valid;

	if (i < 0)
		return;
	for (int k = 0; k < 4; k++)
		if (op->b >> k & 1)
			to.interests |= bits[k];
	if (op->c % 16 >= 13)
		to.options = (to.options & MIOST_EDGE) | MIOST_EXCLUSIVE;
	if (op->b % 64 >= 48)
		to.interests = 0;
	to.id = model_id(TAG_OS, ids++);
	expected = expected_error(op, i, reg, &to);
	/* What kqueue cannot do with a pipe only the pipe's own call knows. */
	valid = argument_error(NESTED, to.interests, to.options) == 0 &&
		!(op->kind == OP_REREGISTER && to.options & MIOST_EXCLUSIVE);
	/* Which kqueue does not notice. */
	if (expected == -EEXIST && !on_epoll())
		return;
	model_say("%s end %d in queue %d: interests %x, options %x",
		  name_of(op->kind), i, q,
		  (unsigned int)to.interests, (unsigned int)to.options);
	fds_sample();
	ARM(op, changes_fail);
	err = call(op, queues[q].queue, ends[i].fd, &to, valid);
	fault = model_unarm();
	model_say(" = %d", err);
	if (fault != 0 && fault != -EINTR && err == fault) {
		failed_change(op, q, i);
		return;
	}
	/* What epoll refuses is refused, in whichever of a call's steps. */
	if (on_epoll() && fault != 0)
		expect_eq(err, fault);
	/* A pipe without a reader comes and goes as each kernel likes. */
	if (ends[i].deaf && !on_epoll() && err != expected) {
		expect(err == 0 || err == -EPIPE || err == -ENOENT);
		put_out(q, ends[i].fd, reg);
		return;
	}
	/* Whether it did anything before it was interrupted none can tell. */
	if (fault == -EINTR && expected == -ENOENT && err == 0) {
		put_out(q, ends[i].fd, reg);
		return;
	}
	expect_eq(err, expected);
	if (err == 0)
		after_change(op, q, i, &to);
}

static void
wrong(const struct op *op)
{
	struct miost_os_queue *queue = queues[0].queue;
	int own = miost_os_queue_fd(queue);

	model_say("wrong arguments");
	expect_eq(miost_os_queue_register(queue, 0, 1, MIOST_HUP, 0),
		  -EINVAL);
	expect_eq(miost_os_queue_register(queue, 0, 1, MIOST_READABLE, 8),
		  -EINVAL);
	expect_eq(miost_os_queue_reregister(queue, 0, 1, MIOST_TIMER, 0),
		  -EINVAL);
	expect_eq(miost_os_queue_set(queue, 0, 1, 0, 16), -EINVAL);
	expect_eq(miost_os_queue_register(queue, -1, 1, op->a % 2, 0), -EBADF);
	expect_eq(miost_os_queue_reregister(queue, -1, 1, 1, 0), -EBADF);
	expect_eq(miost_os_queue_set(queue, -1, 1, op->a % 2, 0), -EBADF);
	expect_eq(miost_os_queue_deregister(queue, -1), -EBADF);
	expect_eq(miost_os_queue_register(queue, own, 1, 1, 0), -EINVAL);
	expect_eq(miost_os_queue_set(queue, own, 1, 1, 0), -EINVAL);
}

static void
renew(const struct op *op)
{
	struct miost_os_queue *made = NULL;
	int q = op->a % 2, err, fault;

	model_say("free queue %d, make it anew", q);
	miost_os_queue_free(queues[q].queue);
	memset(queues[q].regs, 0, sizeof(queues[q].regs));
	if (q == 1)
		queues[0].regs[NESTED].in = false;
	hands_queue_freed(q);
	ARM(op, queues_fail);
	err = miost_os_queue_new(&made);
	fault = model_unarm();
	expect_eq(err, fault);
	expect((err == 0) == (made != NULL));
	if (err != 0)
		expect_eq(miost_os_queue_new(&made), 0);
	expect(fcntl(miost_os_queue_fd(made), F_GETFD) & FD_CLOEXEC);
	queues[q].queue = made;
}

/* Queue 1 into queue 0, or out of it. */
static void
nest(void)
{
	struct reg *reg = &queues[0].regs[NESTED];
	int fd = miost_os_queue_fd(queues[1].queue);

	model_say("queue 1 %s queue 0", reg->in ? "out of" : "into");
	if (reg->in) {
		expect_eq(miost_os_queue_deregister(queues[0].queue, fd), 0);
		reg->in = false;
		return;
	}
	*reg = (struct reg){ .in = true, .interests = MIOST_READABLE };
	reg->id = model_id(TAG_OS, ids++);
	expect_eq(miost_os_queue_register(queues[0].queue, fd, reg->id,
					  MIOST_READABLE, MIOST_LEVEL), 0);
}

void
os_do(const struct op *op)
{
	switch (op->kind) {
	case OP_WRONG:
		wrong(op);
		break;
	case OP_RENEW:
		renew(op);
		break;
	case OP_NEST:
		nest();
		break;
	default:
		change(op);
	}
}

/* Checking. */

static struct reg *
find_reg(int q, miost_id id)
{
	for (int i = 0; i < REGS; i++)
		if (queues[q].regs[i].in && queues[q].regs[i].id == id)
			return &queues[q].regs[i];
	return NULL;
}

static struct hand *
find_hand(int q, miost_id id)
{
	for (int i = 0; i < HANDS; i++)
		if (hands_at(i)->used && hands_at(i)->q == q &&
		    hands_at(i)->id == id)
			return hands_at(i);
	return NULL;
}

static void
take_event(int q, const struct miost_event *event)
{
	struct reg *reg = find_reg(q, event->id);
	struct hand *hand = find_hand(q, event->id);

	model_say(" %x:%x", (unsigned int)(event->id >> 2 & 0xfff),
		  (unsigned int)event->readiness);
	expect_eq(event->reserved, 0);
	if (hand != NULL) {
		expect_eq(event->readiness, MIOST_READABLE);
		expect(!hand->seen);
		hand->seen = true;
		return;
	}
	if (reg == NULL)
		model_fail(__FILE__, __LINE__,
			   "an event, %x, has the id %jx of nobody",
			   (unsigned int)event->readiness,
			   (uintmax_t)event->id);
	/* kqueue has one for each direction, but of a oneshot one. */
	expect(!reg->seen ||
	       (!on_epoll() && !(reg->options & MIOST_ONESHOT)));
	reg->seen = true;
	reg->got |= event->readiness;
}

/*
 * FreeBSD tells one kqueue of another a moment later, so that a poll may miss
 * it: signals are a kqueue in the queue's own, which may be in another one.
 */
static bool
is_late(int *missed, bool is_kqueue)
{
	return !on_epoll() && is_kqueue && ++*missed <= 2;
}

static void
check_reg(int q, int i, bool whole)
{
	struct reg *reg = &queues[q].regs[i];
	enum due due = due_of(q, i);
	struct want want;

	if (!reg->in)
		return;
	want = want_now(q, i);
	if (reg->seen || due != DUE)
		reg->missed = 0;
	if (!reg->seen) {
		if (whole && due == DUE && !is_late(&reg->missed, i == NESTED))
			model_fail(__FILE__, __LINE__,
				   "no event of end %d, but poll(2) says %x",
				   i, (unsigned int)ends[i % ENDS].bits);
		/* The kernel has looked, and found nothing. */
		if (whole && reg->edge == DUE)
			reg->edge = MAY_BE_DUE;
		return;
	}
	if (due == NOT_DUE)
		model_fail(__FILE__, __LINE__,
			   "an event, %x, of end %d, without reason",
			   (unsigned int)reg->got, i);
	if ((reg->got & ~want.may) != 0 ||
	    ((want.must & ~reg->got) != 0 && (on_epoll() || whole) &&
	     !(reg->options & MIOST_EDGE && !on_epoll())))
		model_fail(__FILE__, __LINE__,
			   "an event of end %d is %x, not %x to %x", i,
			   (unsigned int)reg->got, (unsigned int)want.must,
			   (unsigned int)want.may);
	reg->edge = on_epoll() || whole ? NOT_DUE : MAY_BE_DUE;
	reg->news = 0;
	reg->spent = reg->options & MIOST_ONESHOT;
}

static void
check_hand(int q, int i, bool whole)
{
	struct hand *hand = hands_at(i);
	enum due due;

	if (!hand->used || hand->q != q)
		return;
	due = hands_due(i);
	if (hand->seen && due == NOT_DUE)
		model_fail(__FILE__, __LINE__, "%s had a spurious event",
			   i < WAKERS ? "a waker" : "signals");
	if (hand->seen || due != DUE)
		hand->missed = 0;
	else if (whole && !is_late(&hand->missed, i >= WAKERS))
		model_fail(__FILE__, __LINE__, "%s had no event",
			   i < WAKERS ? "a waker" : "signals");
	if (hand->seen)
		hands_delivered(i);
}

/* How many of kqueue's events are part of another. */
static size_t
merged(int q)
{
	size_t n = 0;

	for (int i = 0; i < REGS && !on_epoll(); i++)
		n += queues[q].regs[i].seen &&
		     queues[q].regs[i].options & MIOST_ONESHOT;
	return n;
}

void
os_check(int q, const struct part *part)
{
	bool whole;

	expect(part->n <= part->room);
	for (int i = 0; i < HANDS; i++)
		hands_at(i)->seen = false;
	for (int i = 0; i < REGS; i++) {
		queues[q].regs[i].seen = false;
		queues[q].regs[i].got = 0;
	}
	for (size_t k = 0; k < part->n; k++)
		take_event(q, &part->events[k]);
	whole = part->n + merged(q) < part->room && !part->excused;
	/* The nested queue first: what it had is what it still has. */
	check_reg(q, NESTED, whole);
	for (int i = 0; i < HANDS; i++)
		check_hand(q, i, whole);
	for (int i = 0; i < NESTED; i++)
		check_reg(q, i, whole);
}
