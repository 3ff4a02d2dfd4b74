/* SPDX-License-Identifier: MIT */
/*
 * What the tests of the double share. Each has `kq`, and in `fds` a descriptor
 * of the kind that its line in the program's table says. Where a test's name
 * has a row, that is one of observed.txt.
 */
#ifndef KQUEUE_TEST_H
#define KQUEUE_TEST_H

#include <sys/event.h>

#include "../util.h"

#ifdef KQUEUE_DOUBLE_NETBSD
enum { NETBSD = true };
typedef uint32_t filter_number;
typedef uint32_t flag_bits;
typedef intptr_t udata_type;
#else
enum { NETBSD = false };
typedef short filter_number;
typedef unsigned short flag_bits;
typedef void *udata_type;
#endif

#define READ ((filter_number)EVFILT_READ)
#define WRITE ((filter_number)EVFILT_WRITE)

/* Long enough for whatever must come. */
enum { LONG_MS = 10000 };

static struct kevent events[8];
static int kq;
static int fds[2];			/* -1: there is none */
static struct miost_addr there;		/* where a listener or fds[0] is bound */

/* Kinds of descriptor. */

static inline void
make_kind_tcp(int made[2])
{
	make_tcp_pair(IPV4, made);
}

/* made[1] sends to made[0], which is connected to nobody. */
static inline void
make_kind_udp(int made[2])
{
	made[0] = bind_udp(IPV4, &there);
	made[1] = miost_socket_new(AF_INET, SOCK_DGRAM);
	check_ok(miost_socket_connect(made[1], &there));
}

static inline void
make_kind_listener(int made[2])
{
	made[0] = listen_on(IPV4, &there);
}

enum { NONE, PIPE, UNIX, TCP, UDP, LISTENER, NEW_TCP, NEW_UDP, NEW_UNIX,
       NEW_PACKET, NEW_DATAGRAM };

/*
 * How each is made, and what both kernels say of it; what they say differently
 * is where a test asks for NETBSD.
 */
static const struct kind {
	void (*make)(int made[2]);	/* NULL: a socket never connected */
	int domain, type;
	bool part_is_edge;	/* EV_CLEAR: a read of a part of it fires */
	bool has_mark;		/* NOTE_LOWAT counts */
	bool writable;		/* what was never connected is */
} kinds[] = {
	[PIPE] = { make_pipe, 0, 0, true, false, false },
	[UNIX] = { make_pair, 0, 0, false, true, false },
	[TCP] = { make_kind_tcp, 0, 0, false, true, false },
	[UDP] = { make_kind_udp, 0, 0, false, true, false },
	[LISTENER] = { make_kind_listener, 0, 0, false, false, false },
	[NEW_TCP] = { NULL, AF_INET, SOCK_STREAM, false, true, false },
	[NEW_UDP] = { NULL, AF_INET, SOCK_DGRAM, false, true, true },
	[NEW_UNIX] = { NULL, AF_UNIX, SOCK_STREAM, false, true, false },
	[NEW_PACKET] = { NULL, AF_UNIX, SOCK_SEQPACKET, false, true, false },
	[NEW_DATAGRAM] = { NULL, AF_UNIX, SOCK_DGRAM, false, true, true },
};

struct kqueue_test {
	const char *name;
	int kind;
	void (*run)(void);
};

static const struct kqueue_test *kqueue_tests;
static const struct kind *kind;		/* that of this test */

static inline int
make_kqueue(void)
{
	int made = kqueue();

	check(made >= 0);
	return made;
}

static inline void
begin(void)
{
	fds[0] = fds[1] = -1;
	kq = make_kqueue();
	kind = &kinds[kqueue_tests[tap_number - 1].kind];
	if (kind->make != NULL)
		kind->make(fds);
	else if (kind->domain != 0)
		fds[0] = miost_socket_new(kind->domain, kind->type);
}

static inline void
end(void)
{
	if (kq >= 0)
		drop(&kq);
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			drop(&fds[i]);
}

#define KQUEUE_MAIN(table) \
	int main(void) \
	{ \
		enum { TESTS = sizeof(table) / sizeof((table)[0]) }; \
		static struct tap_test tests[TESTS]; \
\
		kqueue_tests = (table); \
		for (int i = 0; i < TESTS; i++) { \
			tests[i].name = (table)[i].name; \
			tests[i].run = (table)[i].run; \
		} \
		tap_before = begin; \
		tap_after = end; \
		return tap_main(tests, TESTS); \
	}

/* Time. */

static inline struct timespec
span(int ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000L };

	return time;
}

static inline int64_t
now_us(void)
{
	return miost_now() / 1000;
}

/* Changes. */

static inline struct kevent
make(int ident, filter_number filter, uint32_t flags, uint32_t fflags,
     uintptr_t udata)
{
	struct kevent event;

	EV_SET(&event, (uintptr_t)ident, filter, (flag_bits)flags, fflags, 0,
	       (udata_type)udata);
	return event;
}

/* One change, without room for its outcome. Returns 0 or the errno. */
static inline int
change_with(int queue, int ident, filter_number filter, uint32_t flags,
	    uint32_t fflags, uintptr_t udata)
{
	struct kevent change = make(ident, filter, flags, fflags, udata);

	return kevent(queue, &change, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static inline int
change(int queue, int ident, filter_number filter, uint32_t flags)
{
	return change_with(queue, ident, filter, flags, 0, 0);
}

/* These must go well. */

static inline void
add(int fd, filter_number filter, uint32_t flags)
{
	check_ok(change(kq, fd, filter, EV_ADD | flags));
}

static inline void
do_change(int fd, filter_number filter, uint32_t flags)
{
	check_ok(change(kq, fd, filter, flags));
}

/* Events. */

static inline int
take(int queue, int n, int ms)
{
	struct timespec timeout = span(ms);

	memset(events, 0, sizeof(events));
	return kevent(queue, NULL, 0, events, (flag_bits)n, &timeout);
}

/* Exactly one event, which is `events[0]` then, of this filter. */
static inline void
expect_one(int queue, int ident, filter_number filter)
{
	check_eq(take(queue, 8, LONG_MS), 1);
	check_eq(events[0].ident, ident);
	check_eq(events[0].filter, filter);
}

static inline void
expect_none(int queue)
{
	check_eq(take(queue, 8, 0), 0);
}

static inline void
expect(int queue, int ident, filter_number filter, int64_t data, bool eof,
       unsigned int fflags)
{
	expect_one(queue, ident, filter);
	check_eq(events[0].data, data);
	check_eq((events[0].flags & EV_EOF) != 0, eof);
	check_eq(events[0].fflags, fflags);
}

static inline void
expect_udata(int i, uintptr_t udata)
{
	check_eq((uintptr_t)events[i].udata, udata);
}

/* Descriptors. */

static inline bool
is_readable(int fd)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, 0) == 1 && look.revents == POLLIN;
}

static inline void
send_bytes(int fd, size_t n)
{
	check_eq(write(fd, "12345678", n), n);
}

static inline void
receive_bytes(int fd, size_t n)
{
	char buf[8];

	check_eq(read(fd, buf, n), n);
}

static inline void
fill(int fd)
{
	static const char block[4096];

	while (write(fd, block, sizeof(block)) > 0)
		;
	check_eq(errno, EAGAIN);
}

static inline int
error_of(int fd)
{
	int err = -1;

	check_ok(miost_socket_take_error(fd, &err));
	return err;
}

/* Installs a handler, and has the signal come while the caller sleeps. */
static inline pid_t
signal_soon(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };
	struct timespec moment = span(50);
	pid_t pid;

	check_ok(sigaction(SIGUSR2, &action, NULL));
	pid = fork();
	if (pid == 0) {
		nanosleep(&moment, NULL);
		kill(getppid(), SIGUSR2);
		_exit(0);
	}
	return pid;
}

#endif
