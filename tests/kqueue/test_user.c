/* SPDX-License-Identifier: MIT */
/* EVFILT_USER, which NetBSD before 10 lacks. */
#include <pthread.h>

#include "kqueue_test.h"

#ifdef EVFILT_USER

#define USER ((filter_number)EVFILT_USER)

static void *
trigger_thrice(void *arg)
{
	struct timespec moment = span(20);

	(void)arg;
	nanosleep(&moment, NULL);
	for (int i = 0; i < 3; i++)
		if (change_with(kq, 1, USER, 0, NOTE_TRIGGER, 9) != 0)
			return NULL;
	return &kq;
}

static void
user_from_a_thread(void)
{
	pthread_t thread;
	void *result;

	check_ok(change_with(kq, 1, USER, EV_ADD | EV_CLEAR, 0, 9));
	expect_none(kq);
	check_ok(pthread_create(&thread, NULL, trigger_thrice, NULL));
	expect_one(kq, 1, USER);
	check_ok(pthread_join(thread, &result));
	check(result != NULL);
	/* Up to two triggers came after the first event, as one. */
	check(take(kq, 8, 0) <= 1);
	expect_none(kq);
	for (int i = 0; i < 3; i++)
		change_with(kq, 1, USER, 0, NOTE_TRIGGER, 9);
	expect_one(kq, 1, USER);
	expect_none(kq);
}

static void
trigger_overwrites_udata(void)
{
	check_ok(change_with(kq, 1, USER, EV_ADD | EV_CLEAR, 0, 9));
	check_ok(change_with(kq, 1, USER, 0, NOTE_TRIGGER, 0));
	expect_one(kq, 1, USER);
	expect_udata(0, 0);
}

static void
trigger_in_handler(int number)
{
	int saved = errno;

	(void)number;
	change_with(kq, 1, USER, 0, NOTE_TRIGGER, 0);
	errno = saved;
}

static void
user_from_a_handler(void)
{
	pid_t pid;
	int n;

	check_ok(change(kq, 1, USER, EV_ADD | EV_CLEAR));
	pid = signal_soon(trigger_in_handler);
	n = take(kq, 8, LONG_MS);
	if (n < 0) {
		check_eq(errno, EINTR);
		n = take(kq, 8, 0);
	}
	check_eq(n, 1);
	check_eq(events[0].filter, USER);
	reap(pid);
	signal(SIGUSR2, SIG_DFL);
}

static void
user_flags(void)
{
	/* A trigger that adds does not trigger, nor one that clears. */
	check_ok(change_with(kq, 1, USER, EV_ADD | EV_CLEAR, NOTE_TRIGGER, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, EV_CLEAR, NOTE_TRIGGER, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, 0, NOTE_FFCOPY | NOTE_TRIGGER | 0x6,
			     0));
	expect(kq, 1, USER, 0, false, 0x6);
	check_ok(change_with(kq, 1, USER, 0, NOTE_FFOR | 0x1, 0));
	check_ok(change_with(kq, 1, USER, 0, NOTE_FFAND | 0x5, 0));
	expect_none(kq);
	check_ok(change_with(kq, 1, USER, 0, NOTE_TRIGGER, 0));
	expect(kq, 1, USER, 0, false, 0x5);
	/* Without EV_CLEAR it stays. */
	add(2, USER, 0);
	check_ok(change_with(kq, 2, USER, 0, NOTE_TRIGGER, 0));
	expect_one(kq, 2, USER);
	expect_one(kq, 2, USER);
	check_eq(change_with(kq, 3, USER, 0, NOTE_TRIGGER, 0), ENOENT);
}

static const struct kqueue_test table[] = {
	{ "row 26: EVFILT_USER triggered from a thread", NONE,
	  user_from_a_thread },
	{ "row 27: a trigger overwrites udata", NONE,
	  trigger_overwrites_udata },
	{ "EVFILT_USER triggered from a handler", NONE, user_from_a_handler },
	{ "flags of EVFILT_USER", NONE, user_flags },
};

KQUEUE_MAIN(table)

#else

int
main(void)
{
	puts("1..0 # SKIP this kernel has no EVFILT_USER");
	return 0;
}

#endif
