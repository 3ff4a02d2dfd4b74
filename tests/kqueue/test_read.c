/* SPDX-License-Identifier: MIT */
/* EVFILT_READ. */
#include <limits.h>

#include "kqueue_test.h"

static void
level(void)
{
	check_ok(change_with(kq, fds[0], READ, EV_ADD, 0, 7));
	expect_none(kq);
	send_bytes(fds[1], 3);
	expect(kq, fds[0], READ, 3, false, 0);
	expect_udata(0, 7);
	receive_bytes(fds[0], 1);
	expect(kq, fds[0], READ, 2, false, 0);
	drop(&fds[1]);
	/* FIN takes its time. */
	while (!(events[0].flags & EV_EOF))
		expect_one(kq, fds[0], READ);
	expect(kq, fds[0], READ, 2, true, 0);
	receive_bytes(fds[0], 2);
	expect(kq, fds[0], READ, 0, true, 0);
}

static void
listener_data(void)
{
	int more;

	add(fds[0], READ, 0);
	add(fds[0], WRITE, 0);
	expect_none(kq);
	fds[1] = miost_tcp_connect(&there);
	expect(kq, fds[0], READ, 1, false, 0);
	more = miost_tcp_connect(&there);
	expect(kq, fds[0], READ, 2, false, 0);
	close(more);
}

static void
udp_data(void)
{
	add(fds[0], READ, 0);
	send_bytes(fds[1], 6);
	send_bytes(fds[1], 2);
	expect(kq, fds[0], READ, 6, false, 0);
}

/* Its peer's refusal wakes fds[1] once, whatever the mark. */
static void
udp_refused(void)
{
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, fds[1], READ, 0, false, 0);
	check_eq(error_of(fds[1]), ECONNREFUSED);
	expect_none(kq);
}

static void
udp_peer_gone(void)
{
	drop(&fds[0]);
	add(fds[1], READ, 0);
	udp_refused();
}

static void
reset(void)
{
	for (int i = 0; i < 2; i++) {
		if (i == 1)
			kind->make(fds);
		add(fds[i], READ, 0);
		abort_tcp(fds[1 - i]);
		fds[1 - i] = -1;
		expect(kq, fds[i], READ, 0, true, ECONNRESET);
		add(fds[i], WRITE, 0);
		check_eq(take(kq, 8, LONG_MS), 2);
		check_eq(events[0].fflags, ECONNRESET);
		check_eq(events[1].fflags, ECONNRESET);
		check(events[0].flags & events[1].flags & EV_EOF);
		check_eq(error_of(fds[i]), ECONNRESET);
		drop(&fds[i]);
	}
}

static void
clear_read_and_write(void)
{
	add(fds[0], READ, EV_CLEAR);
	add(fds[0], WRITE, EV_CLEAR);
	expect_one(kq, fds[0], WRITE);
	expect_none(kq);
	/* More of it is an edge, and what was there still counts. */
	for (int n = 1; n <= 2; n++) {
		send_bytes(fds[1], 1);
		expect(kq, fds[0], READ, n, false, 0);
		expect_none(kq);
	}
}

static void
clear_and_fin(void)
{
	add(fds[0], READ, EV_CLEAR);
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 1, false, 0);
	drop(&fds[1]);
	expect(kq, fds[0], READ, 1, true, 0);
	expect_none(kq);
}

static void
clear_and_partial_read(void)
{
	add(fds[0], READ, EV_CLEAR);
	send_bytes(fds[1], 8);
	expect(kq, fds[0], READ, 8, false, 0);
	expect_none(kq);
	receive_bytes(fds[0], 3);
	if (kind->part_is_edge)
		expect(kq, fds[0], READ, 5, false, 0);
	expect_none(kq);
}

/* Watches for as many bytes as `mark` says. */
static void
add_marked(int fd, uint32_t flags, int64_t mark)
{
	struct kevent one = make(fd, READ, EV_ADD | flags, NOTE_LOWAT, 0);

	one.data = mark;
	check_eq(kevent(kq, &one, 1, NULL, 0, NULL), 0);
}

/*
 * filt_soread of FreeBSD, NetBSD and OpenBSD: the end and an error come before
 * the mark, which is compared with the bytes that are there.
 */
static void
mark(void)
{
	add_marked(fds[0], 0, 4);
	send_bytes(fds[1], 3);
	expect_none(kq);
	send_bytes(fds[1], 2);
	for (int i = 0; i < 2; i++)
		expect(kq, fds[0], READ, 5, false, 0);
	receive_bytes(fds[0], 2);
	expect_none(kq);
	/* Added again it has a new one (kqueue_register, "may change"). */
	add_marked(fds[0], 0, 2);
	expect(kq, fds[0], READ, 3, false, 0);
	add(fds[0], READ, 0);
	receive_bytes(fds[0], 2);
	expect(kq, fds[0], READ, 1, false, 0);
	/* More than there can be. */
	add_marked(fds[0], 0, INT_MAX);
	expect_none(kq);
	send_bytes(fds[1], 8);
	expect_none(kq);
	check_ok(shutdown(fds[1], SHUT_WR));
	for (int i = 0; i < 2; i++)
		expect(kq, fds[0], READ, 9, true, 0);
}

static void
mark_and_clear(void)
{
	add_marked(fds[0], EV_CLEAR, 4);
	send_bytes(fds[1], 3);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 4, false, 0);
	expect_none(kq);
	send_bytes(fds[1], 1);
	expect(kq, fds[0], READ, 5, false, 0);
	expect_none(kq);
	do_change(fds[0], READ, EV_DELETE);
	add_marked(fds[0], EV_CLEAR, INT_MAX);
	send_bytes(fds[1], 1);
	expect_none(kq);
	check_ok(shutdown(fds[1], SHUT_WR));
	expect(kq, fds[0], READ, 6, true, 0);
	expect_none(kq);
}

/* so_error in filt_soread: with the end of a stream, alone with a datagram. */
static void
mark_and_reset(void)
{
	add_marked(fds[0], 0, INT_MAX);
	abort_tcp(fds[1]);
	fds[1] = -1;
	expect(kq, fds[0], READ, 0, true, ECONNRESET);
}

static void
mark_and_refused(void)
{
	drop(&fds[0]);
	add_marked(fds[1], 0, INT_MAX);
	udp_refused();
}

/*
 * Neither filt_piperead of FreeBSD and NetBSD, nor what looks at listeners
 * (FreeBSD: filt_soread if SOLISTENING, NetBSD: filt_solisten) has a mark.
 */
static void
below_the_mark(void)
{
	add_marked(fds[0], 0, INT_MAX);
	expect_none(kq);
	if (fds[1] < 0)
		fds[1] = miost_tcp_connect(&there);
	else
		send_bytes(fds[1], 1);
	if (kind->has_mark)
		expect_none(kq);
	else
		expect(kq, fds[0], READ, 1, false, 0);
}

/*
 * KN_DISABLED in kqueue_register: FreeBSD sets it before it looks, NetBSD after
 * knote_activate, so that the kqueue is readable until it has been scanned.
 * Data that comes while it is disabled makes a knote active, which EV_ENABLE
 * then queues.
 */
static void
data_while_disabled(void)
{
	for (int clear = 0; clear < 2; clear++) {
		uint32_t flags = EV_DISABLE | (clear ? EV_CLEAR : 0);

		add(fds[0], READ, flags);
		check(!is_readable(kq));
		send_bytes(fds[1], 1);
		expect_none(kq);
		do_change(fds[0], READ, EV_ENABLE);
		expect(kq, fds[0], READ, 1, false, 0);
		/* What is gone again is not told. */
		do_change(fds[0], READ, EV_DISABLE);
		send_bytes(fds[1], 1);
		receive_bytes(fds[0], 2);
		expect_none(kq);
		do_change(fds[0], READ, EV_ENABLE);
		expect_none(kq);
		do_change(fds[0], READ, EV_DISABLE);
		do_change(fds[0], READ, EV_DELETE);
		check_eq(change(kq, fds[0], READ, EV_DELETE), ENOENT);
		send_bytes(fds[1], 1);
		add(fds[0], READ, flags);
		check_eq(is_readable(kq), NETBSD);
		expect_none(kq);
		check(!is_readable(kq));
		do_change(fds[0], READ, EV_DELETE);
		receive_bytes(fds[0], 1);
	}
}

/* The end of what is disabled is kept, too, and deleting does not tell it. */
static void
end_while_disabled(void)
{
	add(fds[0], READ, EV_DISABLE);
	add(fds[1], READ, EV_DISABLE);
	drop(&fds[1]);
	expect_none(kq);
	do_change(fds[0], READ, EV_ENABLE);
	expect(kq, fds[0], READ, 0, true, 0);
	do_change(fds[0], READ, EV_DISABLE);
	expect_none(kq);
	do_change(fds[0], READ, EV_DELETE);
	expect_none(kq);
}

static void
regular_file(void)
{
	FILE *file = tmpfile();
	int fd;

	check(file != NULL);
	fd = fileno(file);
	add(fd, READ, 0);
	expect_none(kq);
	send_bytes(fd, 8);
	expect_none(kq);
	check_eq(lseek(fd, 3, SEEK_SET), 3);
	expect(kq, fd, READ, 5, false, 0);
	receive_bytes(fd, 5);
	expect_none(kq);
	add(fd, WRITE, 0);
	expect(kq, fd, WRITE, 0, false, 0);
	/* Which the C library closes, with nobody looking. */
	fclose(file);
	check_eq(change(kq, fd, WRITE, EV_DELETE), EBADF);
}

static const struct kqueue_test table[] = {
	{ "row 1: EVFILT_READ on pipe", PIPE, level },
	{ "row 1: EVFILT_READ on Unix", UNIX, level },
	{ "row 1: EVFILT_READ on TCP", TCP, level },
	{ "row 3: listener data", LISTENER, listener_data },
	{ "row 4: UDP data, of which Linux tells the first", UDP, udp_data },
	{ "row 5: connected UDP, peer gone", UDP, udp_peer_gone },
	{ "row 7: reset: READ and WRITE carry fflags", TCP, reset },
	{ "row 8: EV_CLEAR, READ and WRITE, data arrives, Unix", UNIX,
	  clear_read_and_write },
	{ "row 8: EV_CLEAR, READ and WRITE, data arrives, TCP", TCP,
	  clear_read_and_write },
	{ "row 9: same, FIN with unread data", TCP, clear_and_fin },
	{ "row 10: EV_CLEAR on a pipe, partial read", PIPE,
	  clear_and_partial_read },
	{ "EV_CLEAR on a socket, partial read", UNIX, clear_and_partial_read },
	{ "NOTE_LOWAT on a Unix socket", UNIX, mark },
	{ "NOTE_LOWAT on a TCP socket", TCP, mark },
	{ "NOTE_LOWAT with EV_CLEAR", UNIX, mark_and_clear },
	{ "NOTE_LOWAT, and a reset", TCP, mark_and_reset },
	{ "NOTE_LOWAT, and a refused datagram", UDP, mark_and_refused },
	{ "NOTE_LOWAT on a pipe: ignored", PIPE, below_the_mark },
	{ "NOTE_LOWAT on a listener: ignored", LISTENER, below_the_mark },
	{ "NOTE_LOWAT on a UDP socket: waits", UDP, below_the_mark },
	{ "EV_ADD|EV_DISABLE, then data", UNIX, data_while_disabled },
	{ "EV_ADD|EV_DISABLE, then the end", PIPE, end_while_disabled },
	{ "regular files", NONE, regular_file },
};

KQUEUE_MAIN(table)
