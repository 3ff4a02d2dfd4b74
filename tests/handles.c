/* SPDX-License-Identifier: MIT */
/*
 * Every kind of descriptor that the library makes, and some that it does not,
 * each held against everything that a queue does: a test a kind and check.
 */
#include "config.h"

#include <stdint.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#endif

#include "fixture.h"

enum { MORE = 16 };

struct kind;

/* One of a kind, and what it takes to make it ready. */
struct handle {
	const struct kind *kind;
	int fd;			/* the one that is watched */
	int peer;		/* the other end, or -1 */
	struct miost_addr addr;	/* where to send or connect to */
	int more[MORE];		/* whatever else is to be closed */
	int n;
	struct miost_os_queue *inner;
};

struct kind {
	const char *name;
	const char *any;	/* an address, if it has one */
	void (*make)(struct handle *h);
	void (*feed)(struct handle *h);		/* NULL: never readable */
	void (*drain)(struct handle *h);
	bool writable;
	bool fills;		/* until its peer reads */
};

static char directory[64];

static void
keep(struct handle *h, int fd)
{
	check(fd >= 0);
	check(h->n < MORE);
	h->more[h->n++] = fd;
}

static void
make(struct handle *h, const struct kind *kind)
{
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	h->fd = h->peer = -1;
	if (kind->any != NULL && kind->any[0] == '[')
		need_ipv6();
	kind->make(h);
	check(h->fd >= 0);
}

static void
unmake(struct handle *h)
{
	if (h->fd >= 0)
		close(h->fd);
	if (h->peer >= 0)
		close(h->peer);
	while (h->n > 0)
		close(h->more[--h->n]);
	miost_os_queue_free(h->inner);
}

static void
take_ends(struct handle *h, const int fds[2], int watched)
{
	h->fd = fds[watched];
	h->peer = fds[!watched];
}

/* What makes them ready, and unready. */

static void
read_all(struct handle *h)
{
	char buf[4096];

	while (read(h->fd, buf, sizeof(buf)) > 0)
		;
}

static void
write_peer(struct handle *h)
{
	check_eq(write(h->peer, "x\n", 2), 2);
	wait_for(h->fd, POLLIN);
}

static void
send_there(struct handle *h)
{
	check_eq(miost_socket_send_to(h->peer, "x", 1, &h->addr), 1);
	wait_for(h->fd, POLLIN);
}

static void
connect_there(struct handle *h)
{
	keep(h, h->addr.storage.ss_family == AF_UNIX
			? miost_unix_connect(&h->addr)
			: miost_tcp_connect(&h->addr));
	wait_for(h->fd, POLLIN);
}

static void
accept_all(struct handle *h)
{
	int fd;

	while ((fd = miost_socket_accept(h->fd, NULL)) >= 0)
		close(fd);
	check_eq(fd, -EAGAIN);
}

/* Sockets. */

static void
make_tcp(struct handle *h)
{
	int fds[2];

	make_tcp_pair(h->kind->any, fds);
	take_ends(h, fds, 0);
}

static void
make_accepted(struct handle *h)
{
	int fds[2];

	make_tcp_pair(h->kind->any, fds);
	take_ends(h, fds, 1);
}

static void
make_listener(struct handle *h)
{
	h->fd = listen_on(h->kind->any, &h->addr);
}

static void
make_udp(struct handle *h)
{
	struct miost_addr addr;

	h->peer = bind_udp(h->kind->any, &addr);
	h->fd = bind_udp(h->kind->any, &h->addr);
}

static void
make_connected_udp(struct handle *h)
{
	struct miost_addr addr;

	make_udp(h);
	check_ok(miost_socket_local_addr(h->peer, &addr));
	check_ok(miost_socket_connect(h->fd, &addr));
}

static struct miost_addr
unix_addr(const struct handle *h)
{
	static unsigned int number;
	char text[128];

	snprintf(text, sizeof(text), "%s%s/%u", h->kind->any, directory,
		 number++);
	return parse(text);
}

/* The name can go once it has been used. */
static void
unlink_addr(const struct miost_addr *addr)
{
	char text[128];

	check(miost_addr_format(addr, text, sizeof(text)) > 0);
	(void)unlink(text + strlen("unix:"));
}

static void
make_unix_listener(struct handle *h)
{
	h->addr = unix_addr(h);
	h->fd = miost_unix_listen(&h->addr);
}

static void
make_unix_stream(struct handle *h)
{
	make_unix_listener(h);
	check(h->fd >= 0);
	keep(h, h->fd);
	h->fd = miost_unix_connect(&h->addr);
	h->peer = miost_socket_accept(h->more[0], NULL);
	check(h->peer >= 0);
	unlink_addr(&h->addr);
}

static void
make_unix_datagram(struct handle *h)
{
	struct miost_addr addr = unix_addr(h);

	h->addr = unix_addr(h);
	h->fd = miost_unix_bind(&h->addr);
	h->peer = miost_unix_bind(&addr);
	check(h->peer >= 0);
	unlink_addr(&addr);
}

static void
make_pair_of(struct handle *h, int type)
{
	int fds[2];

	check_ok(miost_unix_pair(type, fds));
	take_ends(h, fds, 0);
}

static void
make_stream_pair(struct handle *h)
{
	make_pair_of(h, SOCK_STREAM);
}

static void
make_datagram_pair(struct handle *h)
{
	make_pair_of(h, SOCK_DGRAM);
}

static void
make_packet_pair(struct handle *h)
{
	need_packets();
	make_pair_of(h, SOCK_SEQPACKET);
}

/* Other files. */

static void
make_receiver(struct handle *h)
{
	int fds[2];

	check_ok(miost_pipe(fds));
	take_ends(h, fds, 0);
}

static void
make_sender(struct handle *h)
{
	int fds[2];

	check_ok(miost_pipe(fds));
	take_ends(h, fds, 1);
}

static void
make_fifo(struct handle *h)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/fifo", directory);
	check_ok(mkfifo(path, 0600));
	h->fd = open(path, O_RDONLY | O_NONBLOCK);
	h->peer = open(path, O_WRONLY | O_NONBLOCK);
	check_ok(unlink(path));
	check(h->peer >= 0);
}

static void
make_tty(struct handle *h)
{
	const char *name = NULL;

	h->peer = posix_openpt(O_RDWR | O_NOCTTY);
	if (h->peer >= 0 && grantpt(h->peer) == 0 && unlockpt(h->peer) == 0)
		name = ptsname(h->peer);
	if (name != NULL)
		h->fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (h->fd < 0) {
		if (h->peer >= 0)
			close(h->peer);
		tap_skip("there is no terminal to be had");
	}
}

/* A queue in a queue, ready when what it watches is. */
static void
make_queue(struct handle *h)
{
	int fds[2];

	check_ok(miost_os_queue_new(&h->inner));
	make_pair(fds);
	keep(h, fds[0]);
	h->peer = fds[1];
	check_ok(miost_os_queue_register(h->inner, fds[0], 1, MIOST_READABLE,
					 MIOST_LEVEL));
	h->fd = miost_socket_clone(miost_os_queue_fd(h->inner));
}

static void
drain_queue(struct handle *h)
{
	struct miost_event storage[1];
	char buf[256];

	while (read(h->more[0], buf, sizeof(buf)) > 0)
		;
	check_eq(miost_os_queue_poll(h->inner, storage, 1, 0), 0);
}

#ifdef __linux__
static void
make_eventfd(struct handle *h)
{
	h->fd = eventfd(0, EFD_NONBLOCK);
}

static void
feed_eventfd(struct handle *h)
{
	check_ok(eventfd_write(h->fd, 1));
}

static void
make_inotify(struct handle *h)
{
	h->fd = inotify_init1(IN_NONBLOCK);
	if (h->fd < 0)
		tap_skip("there is no inotify to be had");
	check(inotify_add_watch(h->fd, directory, IN_CREATE) >= 0);
}

static void
feed_inotify(struct handle *h)
{
	static unsigned int number;
	char path[96];

	snprintf(path, sizeof(path), "%s/file%u", directory, number++);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	check_ok(unlink(path));
	wait_for(h->fd, POLLIN);
}

static void
make_timerfd(struct handle *h)
{
	h->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
}

static void
feed_timerfd(struct handle *h)
{
	struct itimerspec soon = { .it_value = { 0, 1 } };
	uint64_t count;

	/* Set anew it is unready first. */
	(void)!read(h->fd, &count, sizeof(count));
	check_ok(timerfd_settime(h->fd, 0, &soon, NULL));
	wait_for(h->fd, POLLIN);
}

static void
make_signalfd(struct handle *h)
{
	sigset_t set;

	set = set_of_one(SIGRTMIN);
	check_ok(sigprocmask(SIG_BLOCK, &set, NULL));
	h->fd = signalfd(-1, &set, SFD_NONBLOCK);
}

static void
feed_signalfd(struct handle *h)
{
	(void)h;
	check_ok(raise(SIGRTMIN));
}
#endif

/* What feeds and drains it, whether it is writable, and whether it fills. */
#define STREAM write_peer, read_all, true, true
#define READER write_peer, read_all, false, false
#define ACCEPTING connect_there, accept_all, false, false
#define DATAGRAM send_there, read_all, true, false

static const struct kind kinds[] = {
	{ "tcp stream, IPv4", IPV4, make_tcp, STREAM },
	{ "tcp stream, IPv6", IPV6, make_tcp, STREAM },
	{ "accepted tcp stream, IPv4", IPV4, make_accepted, STREAM },
	{ "accepted tcp stream, IPv6", IPV6, make_accepted, STREAM },
	{ "tcp listener, IPv4", IPV4, make_listener, ACCEPTING },
	{ "tcp listener, IPv6", IPV6, make_listener, ACCEPTING },
	{ "udp, IPv4", IPV4, make_udp, DATAGRAM },
	{ "udp, IPv6", IPV6, make_udp, DATAGRAM },
	{ "connected udp, IPv4", IPV4, make_connected_udp, DATAGRAM },
	{ "connected udp, IPv6", IPV6, make_connected_udp, DATAGRAM },
	{ "unix stream", "unix:", make_unix_stream, STREAM },
	{ "unix listener", "unix:", make_unix_listener, ACCEPTING },
	{ "unix datagram", "unix:", make_unix_datagram, DATAGRAM },
	{ "unix stream pair", NULL, make_stream_pair, STREAM },
	{ "unix datagram pair", NULL, make_datagram_pair, STREAM },
	{ "unix packet pair", NULL, make_packet_pair, STREAM },
	{ "pipe receiver", NULL, make_receiver, READER },
	{ "pipe sender", NULL, make_sender, NULL, NULL, true, true },
	{ "fifo", NULL, make_fifo, READER },
	{ "terminal", NULL, make_tty, write_peer, read_all, true, false },
	{ "queue", NULL, make_queue, write_peer, drain_queue, false, false },
#ifdef __linux__
	{ "abstract unix stream", "unix:@", make_unix_stream, STREAM },
	{ "abstract unix listener", "unix:@", make_unix_listener, ACCEPTING },
	{ "abstract unix datagram", "unix:@", make_unix_datagram, DATAGRAM },
	{ "eventfd", NULL, make_eventfd, feed_eventfd, read_all, true, false },
	{ "inotify", NULL, make_inotify, feed_inotify, read_all, false, false },
	{ "timerfd", NULL, make_timerfd, feed_timerfd, read_all, false, false },
	{ "signalfd", NULL, make_signalfd, feed_signalfd, read_all, false,
	  false },
#endif
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* At least that, and of nothing else. */
static void
expect_all(miost_id id, miost_ready ready)
{
	check(has_all(ready_of(id), ready));
}

/* The same of another queue. */
static void
expect_of(struct miost_os_queue *other, miost_id id, miost_ready ready)
{
	struct miost_os_queue *own = f.queue;

	f.queue = other;
	expect_all(id, ready);
	f.queue = own;
}

/* The readiness that it can be brought to, and can lose again. */
static miost_interests
side(const struct handle *h)
{
	return h->kind->feed != NULL ? MIOST_READABLE : MIOST_WRITABLE;
}

static void
fill(struct handle *h)
{
	static const char block[4096];
	ssize_t n;

	/* A TCP peer takes some more for a while. */
	do {
		while ((n = write(h->fd, block, sizeof(block))) > 0)
			;
		check_eq(errno, EAGAIN);
		(void)poll(NULL, 0, 1);
	} while (write(h->fd, block, 1) > 0);
}

static void
make_room(struct handle *h)
{
	char buf[65536];

	for (int i = 0; i < 1000; i++) {
		struct pollfd wait = { h->fd, POLLOUT, 0 };

		while (read(h->peer, buf, sizeof(buf)) > 0)
			;
		if (poll(&wait, 1, 10) > 0)
			return;
	}
	tap_fail(__FILE__, __LINE__, "it never has room");
}

static void
make_ready(struct handle *h)
{
	if (h->kind->feed != NULL)
		h->kind->feed(h);
	else
		make_room(h);
}

static void
make_unready(struct handle *h)
{
	if (h->kind->feed != NULL)
		h->kind->drain(h);
	else
		fill(h);
}

/* The checks. Each begins with a handle that is not ready. */

static void
level(struct handle *h)
{
	add(h->fd, 1, side(h), MIOST_LEVEL);
	expect_nothing();
	for (int i = 0; i < 3; i++) {
		make_ready(h);
		expect_all(1, side(h));
		expect_all(1, side(h));
		make_unready(h);
		expect_nothing();
	}
}

static void
edge_drained(struct handle *h)
{
	add(h->fd, 1, side(h), MIOST_EDGE);
	expect_nothing();
	for (int i = 0; i < 3; i++) {
		make_ready(h);
		expect_all(1, side(h));
		expect_nothing();
		make_unready(h);
		expect_nothing();
	}
}

static void
edge_not_drained(struct handle *h)
{
	make_ready(h);
	add(h->fd, 1, MIOST_READABLE, MIOST_EDGE);
	expect_all(1, MIOST_READABLE);
	for (int i = 0; i < 3; i++) {
		expect_nothing();
		make_ready(h);
		/* kqueue tells of a queue once it has been empty. */
		if (h->inner != NULL && !on_epoll()) {
			expect_nothing();
			make_unready(h);
			make_ready(h);
		}
		expect_all(1, MIOST_READABLE);
	}
	expect_nothing();
}

static void
oneshot(struct handle *h)
{
	add(h->fd, 1, side(h), MIOST_ONESHOT);
	make_ready(h);
	expect_all(1, side(h));
	expect_nothing();
	change(h->fd, 2, side(h), MIOST_ONESHOT | MIOST_EDGE);
	expect_all(2, side(h));
	expect_nothing();
	make_unready(h);
	make_ready(h);
	expect_nothing();
	change(h->fd, 3, side(h), MIOST_ONESHOT);
	expect_all(3, side(h));
	expect_nothing();
}

static void
every_id(struct handle *h)
{
	static const miost_id ids[] = { 0, 1, UINTPTR_MAX, UINTPTR_MAX / 2 };

	make_ready(h);
	add(h->fd, 77, side(h), MIOST_LEVEL);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		change(h->fd, ids[i], side(h), MIOST_LEVEL);
		expect_all(ids[i], side(h));
	}
}

static void
reregister(struct handle *h)
{
	miost_interests other = MIOST_READABLE | MIOST_WRITABLE;

	check_eq(try_change(h->fd, 1, side(h), 0), -ENOENT);
	/* A kqueue that is watched can be readable, and nothing else. */
	if (!on_epoll() && h->inner != NULL)
		other = 0;
	add(h->fd, 1, other != 0 ? other & ~side(h) : side(h), MIOST_LEVEL);
	if (on_epoll())
		check_eq(try_add(h->fd, 2, side(h), 0), -EEXIST);
	make_ready(h);
	change(h->fd, 2, side(h), MIOST_EDGE);
	expect_all(2, side(h));
	expect_nothing();
	change(h->fd, 3, side(h), MIOST_LEVEL);
	expect_all(3, side(h));
	expect_all(3, side(h));
	change(h->fd, 4, side(h), MIOST_ONESHOT);
	expect_all(4, side(h));
	expect_nothing();
	change(h->fd, 5, side(h), MIOST_LEVEL);
	expect_all(5, side(h));
}

static void
deregister(struct handle *h)
{
	check_eq(take_out(h->fd), -ENOENT);
	add(h->fd, 1, side(h), MIOST_LEVEL);
	make_ready(h);
	expect_all(1, side(h));
	check_ok(take_out(h->fd));
	expect_nothing();
	check_eq(take_out(h->fd), -ENOENT);
	add(h->fd, 2, side(h), MIOST_EDGE);
	expect_all(2, side(h));
}

static void
closed(struct handle *h)
{
	add(h->fd, 1, side(h), MIOST_LEVEL);
	make_ready(h);
	close(h->fd);
	h->fd = -1;
	/* That of a queue in a queue was a duplicate. */
	miost_os_queue_free(h->inner);
	h->inner = NULL;
	expect_nothing();
}

static void
clones(struct handle *h)
{
	struct miost_os_queue *another;
	int clone = miost_socket_clone(h->fd);
	miost_id seen = 0;

	check(clone >= 0);
	check_ok(miost_os_queue_new(&another));
	check_ok(miost_os_queue_register(another, h->fd, 3, side(h),
					 MIOST_LEVEL));
	add(h->fd, 1, side(h), MIOST_LEVEL);
	add(clone, 2, side(h), MIOST_EDGE);
	make_ready(h);
	check_eq(poll_for(scaled(10 * SECOND)), 2);
	for (int i = 0; i < 2; i++)
		seen |= f.events[i].id;
	check_eq(seen, 1 | 2);
	expect_all(1, side(h)); /* the clone's was an edge */
	expect_of(another, 3, side(h));
	check_ok(take_out(h->fd));
	expect_nothing();
	change(clone, 4, side(h), MIOST_LEVEL);
	expect_all(4, side(h));
	check_ok(take_out(clone));
	expect_nothing();
	expect_of(another, 3, side(h));
	close(clone);
	miost_os_queue_free(another);
}

/* Two that are ready, and room for none, one, and more than enough. */
static void
capacities(struct handle *h)
{
	struct miost_event_vec vec;
	struct miost_source *source;
	int clone = miost_socket_clone(h->fd);
	miost_id seen = 0;

	check(clone >= 0);
	make_ready(h);
	add(h->fd, 1, side(h), MIOST_EDGE);
	add(clone, 2, side(h), MIOST_EDGE);
	check_eq(poll_some(0, MIOST_FOREVER), -ENOBUFS);
	for (int i = 0; i < 2; i++) {
		check_eq(poll_some(1, scaled(10 * SECOND)), 1);
		seen |= f.events[0].id;
	}
	check_eq(seen, 1 | 2);
	expect_nothing();
	change(h->fd, 3, side(h), MIOST_LEVEL);
	change(clone, 4, side(h), MIOST_LEVEL);
	check_eq(poll_for(0), 2);
	source = miost_os_queue_source(f.queue);
	miost_event_vec_init(&vec);
	check_eq(miost_poll(&source, 1, &vec.sink, 0), 2);
	check_eq(vec.len, 2);
	miost_event_vec_destroy(&vec);
	close(clone);
}

static void
writable(struct handle *h)
{
	if (h->kind->feed == NULL)
		make_ready(h);
	add(h->fd, 1, MIOST_READABLE, MIOST_LEVEL);
	if (h->kind->feed != NULL)
		expect_nothing();	/* though it is writable */
	change(h->fd, 1, MIOST_WRITABLE, MIOST_LEVEL);
	expect_all(1, MIOST_WRITABLE);
	if (h->kind->feed != NULL) {
		make_ready(h);
		expect_all(1, MIOST_WRITABLE);
		check(!(f.events[0].readiness & MIOST_READABLE));
		change(h->fd, 2, MIOST_READABLE | MIOST_WRITABLE, MIOST_EDGE);
		expect_all(2, MIOST_READABLE | MIOST_WRITABLE);
		expect_nothing();
	}
	if (!h->kind->fills)
		return;
	change(h->fd, 3, MIOST_WRITABLE, MIOST_LEVEL);
	fill(h);
	expect_nothing();
	make_room(h);
	expect_all(3, MIOST_WRITABLE);
}

/* With the other sources, each in its turn. */
static void
among_sources(struct handle *h)
{
	struct miost_source *sources[3];
	struct miost_timers *timers;
	struct miost_queue *own;
	int n;

	check_ok(miost_queue_new(&own));
	check_ok(miost_timers_new(&timers));
	sources[0] = miost_os_queue_source(f.queue);
	sources[1] = miost_queue_source(own);
	sources[2] = miost_timers_source(timers);
	add(h->fd, 1, side(h), MIOST_EDGE);
	make_ready(h);
	check_ok(miost_queue_add(own, event_of(2, 0)));
	check_ok(miost_timers_add_deadline(timers, 3, 0, NULL));
	n = miost_poll_events(sources, 3, f.events, EVENTS, MIOST_FOREVER);
	/* FreeBSD tells of a queue a moment later. */
	if (n == 2 && h->inner != NULL && !on_epoll()) {
		memmove(&f.events[1], &f.events[0], 2 * sizeof(f.events[0]));
		check_eq(miost_os_queue_poll(f.queue, f.events, 1,
					     scaled(10 * SECOND)), 1);
		n++;
	}
	check_eq(n, 3);
	for (miost_id i = 0; i < 3; i++)
		check_eq(f.events[i].id, i + 1);
	miost_timers_free(timers);
	miost_queue_free(own);
}

static const struct {
	const char *name;
	void (*run)(struct handle *h);
} checks[] = {
	{ "level, until drained", level },
	{ "edge, drained", edge_drained },
	{ "edge, not drained", edge_not_drained },
	{ "oneshot, and rearmed", oneshot },
	{ "every id", every_id },
	{ "reregistered", reregister },
	{ "deregistered", deregister },
	{ "closed", closed },
	{ "clones", clones },
	{ "capacities", capacities },
	{ "writable", writable },
	{ "among other sources", among_sources },
};

enum { CHECKS = sizeof(checks) / sizeof(checks[0]) };

/* A test of each kind and check that go together. */
static struct {
	const struct kind *kind;
	void (*run)(struct handle *h);
	char name[80];
} pairs[KINDS * CHECKS];

static struct tap_test tests[KINDS * CHECKS];

static void
run_pair(void)
{
	const struct kind *kind = pairs[tap_number - 1].kind;
	void (*run)(struct handle *) = pairs[tap_number - 1].run;
	struct handle h;

	make(&h, kind);
	if (kind->feed == NULL)
		make_unready(&h);
	run(&h);
	if (kind->feed != NULL && h.fd >= 0)
		kind->drain(&h);
	if (kind->any != NULL && strncmp(kind->any, "unix:", 5) == 0)
		unlink_addr(&h.addr);
	unmake(&h);
}

static size_t
make_tests(void)
{
	size_t n = 0;

	for (size_t i = 0; i < KINDS * CHECKS; i++) {
		const struct kind *kind = &kinds[i / CHECKS];

		pairs[n].kind = kind;
		pairs[n].run = checks[i % CHECKS].run;
		if ((pairs[n].run == edge_not_drained && kind->feed == NULL) ||
		    (pairs[n].run == writable && !kind->writable))
			continue;
		snprintf(pairs[n].name, sizeof(pairs[n].name), "%s: %s",
			 kind->name, checks[i % CHECKS].name);
		tests[n].name = pairs[n].name;
		tests[n].run = run_pair;
		n++;
	}
	return n;
}

int
main(void)
{
	char leave[96];
	int status;

	tap_before = set_up;
	tap_after = tear_down;
	strcpy(directory, "/tmp/miost-handles.XXXXXX");
	if (mkdtemp(directory) == NULL)
		return 99;
	status = tap_main(tests, make_tests());
	/* With what a failed test left there. */
	snprintf(leave, sizeof(leave), "rm -rf %s", directory);
	return system(leave) == 0 ? status : 99;
}
