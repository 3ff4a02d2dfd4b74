/* SPDX-License-Identifier: MIT */
/* What can be asked of a filter, and what comes of changes. */
#include "kqueue_test.h"

static void
clear_added_again(void)
{
	add(fds[0], READ, EV_CLEAR);
	send_bytes(fds[1], 1);
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	add(fds[0], READ, EV_CLEAR);
	expect_one(kq, fds[0], READ);
	expect_none(kq);
}

static void
level_added_again(void)
{
	check_ok(change_with(kq, fds[0], READ, EV_ADD, 0, 1));
	send_bytes(fds[1], 1);
	/* The flags of the first time stay. */
	check_ok(change_with(kq, fds[0], READ, EV_ADD | EV_ONESHOT, 0, 2));
	for (int i = 0; i < 2; i++) {
		expect_one(kq, fds[0], READ);
		expect_udata(0, 2);
	}
}

static void
added_disabled(void)
{
	send_bytes(fds[1], 1);
	add(fds[0], READ, EV_DISABLE);
	expect_none(kq);
	check(!is_readable(kq));
	/* To add it again does not enable it. */
	add(fds[0], READ, 0);
	expect_none(kq);
	do_change(fds[0], READ, EV_ENABLE);
	check(is_readable(kq));
	expect_one(kq, fds[0], READ);
	do_change(fds[0], READ, EV_DISABLE);
	expect_none(kq);
	do_change(fds[0], READ, EV_ENABLE);
	expect_one(kq, fds[0], READ);
}

static void
oneshot_then_delete(void)
{
	send_bytes(fds[1], 1);
	add(fds[0], READ, EV_ONESHOT);
	expect_one(kq, fds[0], READ);
	check(events[0].flags & EV_ONESHOT);
	expect_none(kq);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
}

static void
dispatch_then_enable(void)
{
	send_bytes(fds[1], 1);
	check_ok(change_with(kq, fds[0], READ, EV_ADD | EV_DISPATCH, 0, 1));
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	check_ok(change_with(kq, fds[0], READ, EV_ENABLE, 0, 2));
	if (NETBSD) {
		expect_none(kq);
		send_bytes(fds[1], 1);
		expect_one(kq, fds[0], READ);
		expect_udata(0, 1);
	} else {
		expect_one(kq, fds[0], READ);
		expect_udata(0, 2);
	}
	/* It is disabled now, which is no less there. */
	send_bytes(fds[1], 1);
	expect_none(kq);
	do_change(fds[0], READ, EV_DELETE);
	add(fds[0], READ, 0);
	expect_one(kq, fds[0], READ);
}

/* NetBSD's kern_event.c tests EV_CLEAR first, and EV_DISPATCH in its else. */
static void
dispatch_and_clear(void)
{
	add(fds[0], READ, EV_DISPATCH | EV_CLEAR);
	send_bytes(fds[1], 1);
	expect_one(kq, fds[0], READ);
	expect_none(kq);
	send_bytes(fds[1], 1);
	if (NETBSD)
		expect_one(kq, fds[0], READ);
	expect_none(kq);
}

static void
receipt_in(int room)
{
	const struct timespec *forever = NULL;

	send_bytes(fds[1], 1);
	memset(events, 0xff, sizeof(events));
	events[0] = make(fds[0], READ, EV_ADD | EV_RECEIPT, 0, 5);
	events[1] = make(fds[0], WRITE, EV_DELETE | EV_RECEIPT, 0, 6);
	check_eq(kevent(kq, events, 2, events, (flag_bits)room, forever), 2);
	check_eq(events[0].ident, fds[0]);
	check_eq(events[0].filter, READ);
	check_eq(events[0].flags, EV_ERROR);
	check_eq(events[0].data, 0);
	expect_udata(0, 5);
	check_eq(events[1].filter, WRITE);
	check_eq(events[1].data, ENOENT);
	expect_one(kq, fds[0], READ);
}

static void
receipt_exact(void)
{
	receipt_in(2);
}

static void
receipt_with_spare_room(void)
{
	receipt_in(8);
}

static void
receipt_without_room(void)
{
	struct kevent changes[2];

	changes[0] = make(fds[0], READ, EV_ADD | EV_RECEIPT, 0, 0);
	changes[1] = make(fds[0], WRITE, EV_ADD | EV_RECEIPT, 0, 0);
	check_eq(kevent(kq, changes, 2, NULL, 0, NULL), 0);
	/* The kernel stops at the first that it cannot report. */
	do_change(fds[0], READ, EV_DELETE);
	check_eq(change(kq, fds[0], WRITE, EV_DELETE), ENOENT);
}

static void
error_record(void)
{
	struct kevent change_of_it;

	change_of_it = make(fds[0], READ, EV_DELETE | EV_CLEAR, 3, 4);
	check_eq(kevent(kq, &change_of_it, 1, events, 1, NULL), 1);
	check_eq(events[0].flags, EV_ERROR);
	check_eq(events[0].data, ENOENT);
	check_eq(events[0].fflags, 3);
	expect_udata(0, 4);
}

static void
absent(void)
{
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	check_eq(change(kq, fds[0], READ, EV_ENABLE), ENOENT);
	check_eq(change(kq, fds[0], READ, EV_DISABLE), ENOENT);
	add(fds[0], READ, 0);
	check_eq(change(kq, fds[0], WRITE, EV_DELETE), ENOENT);
	check_eq(change(kq, fds[1], READ, EV_DELETE), ENOENT);
}

static void
closed_descriptor(void)
{
	int closed = fds[0];

	add(closed, READ, 0);
	drop(&fds[0]);
	check_eq(change(kq, closed, READ, EV_DELETE), EBADF);
	check_eq(change(kq, closed, READ, EV_ADD), EBADF);
	check_eq(change(kq, -1, READ, EV_ADD), EBADF);
}

static void
wide_udata(void)
{
	const uintptr_t wide = UINTPTR_MAX - 12345;

	check_ok(change_with(kq, fds[0], WRITE, EV_ADD, 0, wide));
	expect_one(kq, fds[0], WRITE);
	check((uintptr_t)events[0].udata == wide);
}

static void
alternates(void)
{
	filter_number last;

	send_bytes(fds[1], 1);
	add(fds[0], READ, 0);
	add(fds[0], WRITE, 0);
	check_eq(take(kq, 1, LONG_MS), 1);
	for (int i = 0; i < 4; i++) {
		last = events[0].filter;
		check_eq(take(kq, 1, LONG_MS), 1);
		check(events[0].filter != last);
	}
}

static void
kept_flags(void)
{
	const uint32_t kept = EV_CLEAR | EV_DISPATCH | EV_RECEIPT;

	events[0] = make(fds[0], WRITE, EV_ADD | EV_ENABLE | kept | EV_SYSFLAGS,
			 0, 0);
	check_eq(kevent(kq, events, 1, events, 1, NULL), 1);
	expect_one(kq, fds[0], WRITE);
	check_eq(events[0].flags, kept | (NETBSD ? EV_ADD | EV_ENABLE : 0));
}

static void
bad_changes(void)
{
	check_eq(change(kq, fds[0], (filter_number)-7, EV_ADD), EINVAL);
	check_eq(change(kq, fds[0], (filter_number)-100, EV_ADD), EINVAL);
	check_eq(change(kq, fds[0], (filter_number)100, EV_ADD), EINVAL);
	if (!NETBSD)
		check_eq(change(kq, fds[0], READ,
				EV_ADD | EV_ENABLE | EV_DISABLE),
			 EINVAL);
}

static void
order_of_changes(void)
{
	struct kevent changes[3];

	changes[0] = make(fds[0], WRITE, EV_ADD, 0, 1);
	changes[1] = make(fds[0], WRITE, EV_ADD, 0, 2);
	changes[2] = make(fds[1], WRITE, EV_ADD, 0, 3);
	check_eq(kevent(kq, changes, 3, events, 8, NULL), 2);
	expect_udata(0, 2);
	expect_udata(1, 3);
	/* Errors come alone, and what follows them is done. */
	changes[0] = make(fds[0], READ, EV_DELETE, 0, 4);
	changes[1] = make(fds[0], WRITE, EV_DELETE, 0, 5);
	changes[2] = make(fds[1], WRITE, EV_DELETE, 0, 6);
	check_eq(kevent(kq, changes, 3, events, 8, NULL), 1);
	expect_udata(0, 4);
	expect_none(kq);
}

static void
failure_without_room(void)
{
	struct kevent changes[3];

	changes[0] = make(fds[0], WRITE, EV_ADD, 0, 0);
	changes[1] = make(fds[0], READ, EV_DELETE, 0, 0);
	changes[2] = make(fds[0], READ, EV_ADD, 0, 0);
	check_eq(kevent(kq, changes, 3, NULL, 0, NULL), -1);
	check_eq(errno, ENOENT);
	do_change(fds[0], WRITE, EV_DELETE);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
}

/* A number that was closed unseen and is in use again is a new one. */
static void
stale_number(void)
{
	int more[2];

	make_pair(more);
	add(fds[0], READ, 0);
	check_eq(dup2(more[0], fds[0]), fds[0]);
	check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
	add(fds[0], READ, 0);
	send_bytes(more[1], 1);
	expect(kq, fds[0], READ, 1, false, 0);
	close_pair(more);
}

static const struct kqueue_test table[] = {
	{ "row 11: EV_ADD again on an EV_CLEAR filter", UNIX,
	  clear_added_again },
	{ "row 12: EV_ADD again on a level filter", UNIX, level_added_again },
	{ "row 13: EV_ADD|EV_DISABLE", UNIX, added_disabled },
	{ "row 14: EV_ONESHOT fired, then EV_DELETE", UNIX,
	  oneshot_then_delete },
	{ "row 15: EV_DISPATCH then EV_ENABLE, still ready", UNIX,
	  dispatch_then_enable },
	{ "row 35: EV_DISPATCH with EV_CLEAR", UNIX, dispatch_and_clear },
	{ "row 16: EV_RECEIPT with nevents == nchanges", UNIX, receipt_exact },
	{ "row 17: EV_RECEIPT with spare room", UNIX, receipt_with_spare_room },
	{ "row 18: EV_RECEIPT with nevents 0", UNIX, receipt_without_room },
	{ "row 19: flags in an EV_ERROR record", UNIX, error_record },
	{ "row 20: delete, enable, disable of an absent filter", UNIX, absent },
	{ "row 21: delete on a closed descriptor", UNIX, closed_descriptor },
	{ "row 25: 64-bit udata kept", UNIX, wide_udata },
	{ "row 32: nevents 1 with READ and WRITE ready", UNIX, alternates },
	{ "flags that an event keeps", UNIX, kept_flags },
	{ "bad filters and flags", UNIX, bad_changes },
	{ "order of changes", UNIX, order_of_changes },
	{ "a change fails without room to say so", UNIX, failure_without_room },
	{ "a number that means another file", UNIX, stale_number },
};

KQUEUE_MAIN(table)
