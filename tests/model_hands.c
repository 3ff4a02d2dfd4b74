/* SPDX-License-Identifier: MIT */
/* The model's wakers and signals: what hangs on a queue beside descriptors. */
#include "config.h"

#include <signal.h>

#include "model.h"

enum { CLONES = 3, NUMBERS = 4, PENDING = 8 };

struct waker {
	struct hand hand;
	struct miost_waker *clones[CLONES];
};

struct signals {
	struct hand hand;
	struct miost_signals *object;
	bool set[NUMBERS];	/* what it is for, */
	bool blocks[NUMBERS];	/* and what it has blocked */
	bool noted;		/* something was sent since it was empty */
};

static struct {
	struct waker wakers[WAKERS];
	struct signals signals[SIGNALS];
	int numbers[NUMBERS];
	bool blocked[NUMBERS];
	int pending[NUMBERS];
	int handled[NUMBERS];	/* by the handler, as it should be */
	sigset_t mask;
} hands;

static volatile sig_atomic_t caught[NUMBERS];

static const struct fault wakers_fail[] = {
	{ MALLOC, ENOMEM }, { EVENTFD, EMFILE }, { PIPE, ENFILE },
	{ EPOLL_CTL, ENOSPC }, { EPOLL_CTL, ENOMEM },
	{ KEVENT_RECEIPT, ENOMEM }, { KEVENT_CHANGE, EINTR },
};

static const struct fault wakes_fail[] = {
	{ WRITE, EAGAIN }, { KEVENT_CHANGE, EINTR },
};

static const struct fault signals_fail[] = {
	{ MALLOC, ENOMEM }, { SIGNALFD, EMFILE }, { EPOLL_CTL, ENOSPC },
	{ SIGMASK, EINVAL }, { PIPE, EMFILE }, { KQUEUE, ENFILE },
	{ KEVENT_RECEIPT, ENOMEM },
};

static const struct fault receives_fail[] = {
	{ READ, EINTR }, { SIGTIMEDWAIT, EINTR }, { READ, EAGAIN },
	{ SIGTIMEDWAIT, EAGAIN },
};

static void
catch(int number)
{
	for (int i = 0; i < NUMBERS; i++)
		if (hands.numbers[i] == number)
			caught[i]++;
}

static bool
is_of_real_time(int i)
{
#ifdef SIGRTMIN
	return hands.numbers[i] >= SIGRTMIN;
#else
	(void)i;
	return false;
#endif
}

void
hands_open(void)
{
	struct sigaction action = { .sa_handler = catch };
	sigset_t ours;

	memset(&hands, 0, sizeof(hands));
	hands.numbers[0] = SIGUSR1;
	hands.numbers[1] = SIGUSR2;
#ifdef SIGRTMIN
	hands.numbers[2] = SIGRTMIN + 1;
	hands.numbers[3] = SIGRTMIN + 2;
#else
	hands.numbers[2] = SIGWINCH;
	hands.numbers[3] = SIGURG;
#endif
	sigemptyset(&ours);
	for (int i = 0; i < NUMBERS; i++) {
		caught[i] = 0;
		sigaddset(&ours, hands.numbers[i]);
		expect_eq(sigaction(hands.numbers[i], &action, NULL), 0);
	}
	/* The first is one that the program has blocked itself. */
	expect_eq(pthread_sigmask(SIG_UNBLOCK, &ours, &hands.mask), 0);
	sigemptyset(&ours);
	sigaddset(&ours, hands.numbers[0]);
	expect_eq(pthread_sigmask(SIG_BLOCK, &ours, NULL), 0);
	hands.blocked[0] = true;
}

void
hands_close(void)
{
	for (int i = 0; i < WAKERS; i++)
		for (int k = 0; k < CLONES; k++) {
			miost_waker_free(hands.wakers[i].clones[k]);
			hands.wakers[i].clones[k] = NULL;
		}
	for (int i = 0; i < SIGNALS; i++) {
		miost_signals_free(hands.signals[i].object);
		hands.signals[i].object = NULL;
	}
	/* What is still pending is caught now. */
	(void)pthread_sigmask(SIG_SETMASK, &hands.mask, NULL);
}

struct hand *
hands_at(int i)
{
	return i < WAKERS ? &hands.wakers[i].hand
			  : &hands.signals[i - WAKERS].hand;
}

enum due
hands_due(int i)
{
	const struct signals *signals;

	if (i < WAKERS)
		return hands.wakers[i].hand.due;
	signals = &hands.signals[i - WAKERS];
	for (int k = 0; k < NUMBERS; k++)
		if (signals->set[k] && hands.pending[k] > 0)
			return DUE;
	/* kqueue notes that it was sent; it may have been caught since. */
	return signals->noted && !on_epoll() ? MAY_BE_DUE : NOT_DUE;
}

void
hands_delivered(int i)
{
	if (i < WAKERS)
		hands.wakers[i].hand.due = NOT_DUE;
}

void
hands_queue_freed(int q)
{
	for (int i = 0; i < HANDS; i++)
		if (hands_at(i)->q == q)
			hands_at(i)->q = -1;
}

/* Wakers. */

static int
users_of(const struct waker *waker)
{
	int n = 0;

	for (int k = 0; k < CLONES; k++)
		n += waker->clones[k] != NULL;
	return n;
}

static void
waker_new(const struct op *op)
{
	struct waker *waker = &hands.wakers[op->a % WAKERS];
	struct miost_waker *made = NULL;
	int q = op->b % 2, err, fault;
	miost_id id = model_id(TAG_OS, 100u + op->a % WAKERS);

	if (users_of(waker) > 0)
		return;
	model_say("make waker %d of queue %d", op->a % WAKERS, q);
	ARM(op, wakers_fail);
	err = miost_waker_new(os_queue(q), id, &made);
	fault = model_unarm();
	if (err != 0) {
		expect(err == fault && fault != -EINTR && made == NULL);
		return;
	}
	*waker = (struct waker){ .hand = { .used = true, .q = q, .id = id } };
	waker->clones[0] = made;
}

static struct miost_waker **
clone_of(const struct op *op, bool wanted)
{
	struct waker *waker = &hands.wakers[op->a % WAKERS];

	for (unsigned int k = 0; k < CLONES; k++)
		if ((waker->clones[(op->b + k) % CLONES] != NULL) == wanted)
			return &waker->clones[(op->b + k) % CLONES];
	return NULL;
}

static void
waker_clone(const struct op *op)
{
	struct miost_waker **from = clone_of(op, true);
	struct miost_waker **to = clone_of(op, false);

	if (from == NULL || to == NULL)
		return;
	model_say("clone waker %d", op->a % WAKERS);
	expect_eq(miost_waker_clone(*from, to), 0);
}

static void
waker_wake(const struct op *op)
{
	struct waker *waker = &hands.wakers[op->a % WAKERS];
	struct miost_waker **clone = clone_of(op, true);
	int err;

	if (clone == NULL)
		return;
	model_say("wake by waker %d", op->a % WAKERS);
	ARM(op, wakes_fail);
	errno = 12345;
	err = miost_waker_wake(*clone);
	expect_eq(errno, 12345);
	(void)model_unarm();
	expect_eq(err, 0);
	waker->hand.due = DUE;
}

static void
waker_free(const struct op *op)
{
	struct waker *waker = &hands.wakers[op->a % WAKERS];
	struct miost_waker **clone = clone_of(op, true);

	if (clone == NULL)
		return;
	model_say("free a clone of waker %d", op->a % WAKERS);
	miost_waker_free(*clone);
	*clone = NULL;
	if (users_of(waker) == 0)
		waker->hand = (struct hand){ .used = false };
}

/* Signals. */

/* The mask is as it should be, and the handler ran as often as it should. */
static void
expect_signals(void)
{
	sigset_t now;

	expect_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
	for (int i = 0; i < NUMBERS; i++) {
		expect_eq(sigismember(&now, hands.numbers[i]),
			  hands.blocked[i]);
		expect_eq(caught[i], hands.handled[i]);
	}
}

static void
signals_new(const struct op *op)
{
	struct signals *signals = &hands.signals[op->a % SIGNALS];
	struct miost_signals *made = NULL;
	int q = op->b % 2, err, fault;
	miost_id id = model_id(TAG_OS, 110u + op->a % SIGNALS);
	sigset_t set;

	if (signals->object != NULL)
		return;
	sigemptyset(&set);
	for (int i = 0; i < NUMBERS; i++)
		if (op->c >> i & 1)
			sigaddset(&set, hands.numbers[i]);
	model_say("make signals %d of queue %d, set %x", op->a % SIGNALS, q,
		  op->c % 16u);
	ARM(op, signals_fail);
	err = miost_signals_new(os_queue(q), &set, id, &made);
	fault = model_unarm();
	if (op->c % 16 == 0) {
		expect(err == -EINVAL || err == fault);
		return;
	}
	if (err != 0) {
		expect(err == fault && made == NULL);
		expect_signals();
		return;
	}
	*signals = (struct signals){ .hand = { .used = true, .q = q,
					       .id = id } };
	signals->object = made;
	for (int i = 0; i < NUMBERS; i++) {
		signals->set[i] = op->c >> i & 1;
		signals->blocks[i] = signals->set[i] && !hands.blocked[i];
		hands.blocked[i] |= signals->set[i];
		signals->noted |= signals->set[i] && hands.pending[i] > 0;
	}
	expect_signals();
}

static void
raise_one(const struct op *op)
{
	int i = op->a % NUMBERS;

	if (hands.pending[i] == PENDING)
		return;
	model_say("raise signal %d", hands.numbers[i]);
	expect_eq(raise(hands.numbers[i]), 0);
	if (!hands.blocked[i])
		hands.handled[i]++;
	else if (is_of_real_time(i))
		hands.pending[i]++;
	else
		hands.pending[i] = 1;
	for (int k = 0; k < SIGNALS; k++)
		hands.signals[k].noted |= hands.signals[k].set[i];
	expect_signals();
}

static void
receive(const struct op *op)
{
	struct signals *signals = &hands.signals[op->a % SIGNALS];
	int number, fault, any = 0;

	if (signals->object == NULL)
		return;
	model_say("receive from signals %d", op->a % SIGNALS);
	for (int i = 0; i < NUMBERS; i++)
		any += signals->set[i] ? hands.pending[i] : 0;
	ARM(op, receives_fail);
	number = miost_signals_receive(signals->object);
	fault = model_unarm();
	model_say(" = %d", number);
	/* Another thread may have been faster. */
	if (any == 0 || (number == 0 && fault == -EAGAIN)) {
		expect_eq(number, 0);
		signals->noted = any > 0;
		return;
	}
	for (int i = 0; i < NUMBERS; i++)
		if (hands.numbers[i] == number) {
			expect(signals->set[i] && hands.pending[i] > 0);
			hands.pending[i]--;
			expect_signals();
			return;
		}
	model_fail(__FILE__, __LINE__, "received %d", number);
}

/* ThreadSanitizer, which defers handlers, makes one signal of several. */
static bool
is_merging_signals(void)
{
#if defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
	return true;
#endif
#endif
	return false;
}

static void
signals_free(const struct op *op)
{
	struct signals *signals = &hands.signals[op->a % SIGNALS];

	if (signals->object == NULL)
		return;
	model_say("free signals %d", op->a % SIGNALS);
	miost_signals_free(signals->object);
	for (int i = 0; i < NUMBERS; i++)
		if (signals->blocks[i]) {
			hands.blocked[i] = false;
			hands.handled[i] += is_merging_signals()
						    ? hands.pending[i] > 0
						    : hands.pending[i];
			hands.pending[i] = 0;
		}
	*signals = (struct signals){ .object = NULL };
	expect_signals();
}

void
hands_do(const struct op *op)
{
	switch (op->kind) {
	case OP_WAKER_NEW:
		waker_new(op);
		break;
	case OP_WAKER_CLONE:
		waker_clone(op);
		break;
	case OP_WAKE:
		waker_wake(op);
		break;
	case OP_WAKER_FREE:
		waker_free(op);
		break;
	case OP_SIGNALS_NEW:
		signals_new(op);
		break;
	case OP_RAISE:
		raise_one(op);
		break;
	case OP_RECEIVE:
		receive(op);
		break;
	default:
		signals_free(op);
	}
}
