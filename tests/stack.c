/* SPDX-License-Identifier: MIT */
/*
 * How much stack the calls take, in a thread whose stack was painted before:
 * loops run in coroutines and in threads with small stacks, too.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "util.h"

enum {
	STACK = 512 * 1024,
	BOUND = 8 * 1024,
	MANY = 2000,
	BATCH = 256
};

static struct {
	struct miost_os_queue *queue;
	struct miost_waker *waker;
	struct miost_timers *timers;
	struct miost_event events[BATCH];
	int pairs[BATCH][2];
	int datagrams[2];
	pid_t child;
} t;

/* What is measured. Each can be called again, and says whether it went well. */

static bool
new_queue(void)
{
	struct miost_os_queue *queue;

	if (miost_os_queue_new(&queue) < 0)
		return false;
	miost_os_queue_free(queue);
	return true;
}

static bool
poll_many(void)
{
	return miost_os_queue_poll(t.queue, t.events, BATCH, MS / 2) >= 100;
}

static bool
poll_oneshot(void)
{
	for (int i = 0; i < 100; i++)
		if (miost_os_queue_set(t.queue, t.pairs[i][0], 1,
				       MIOST_READABLE | MIOST_WRITABLE,
				       MIOST_ONESHOT) < 0)
			return false;
	return poll_many();
}

static bool
poll_none(void)
{
	struct miost_os_queue *queue;
	int n;

	if (miost_os_queue_new(&queue) < 0)
		return false;
	n = miost_os_queue_poll(queue, t.events, BATCH, MS / 2);
	miost_os_queue_free(queue);
	return n == 0;
}

static bool
poll_sources(void)
{
	struct miost_source *source = miost_os_queue_source(t.queue);

	return miost_poll_events(&source, 1, t.events, BATCH, 0) > 0;
}

static bool
registering(void)
{
	int fd = t.datagrams[0];

	return miost_os_queue_register(t.queue, fd, 1, MIOST_READABLE, 0) ==
		       0 &&
	       miost_os_queue_reregister(t.queue, fd, 1, MIOST_WRITABLE, 0) ==
		       0 &&
	       miost_os_queue_set(t.queue, fd, 1, MIOST_READABLE,
				  MIOST_EDGE) == 0 &&
	       miost_os_queue_deregister(t.queue, fd) == 0;
}

static bool
waking(void)
{
	struct miost_waker *waker, *clone;

	if (miost_waker_new(t.queue, 9, &waker) < 0)
		return false;
	(void)miost_waker_clone(waker, &clone);
	if (miost_waker_wake(clone) < 0 || miost_waker_wake(t.waker) < 0)
		return false;
	miost_waker_free(waker);
	miost_waker_free(clone);
	return true;
}

static bool
signals(void)
{
	struct miost_signals *made;
	sigset_t set;
	int number;

	set = set_of_one(SIGUSR1);
	if (miost_signals_new(t.queue, &set, 8, &made) < 0)
		return false;
	(void)pthread_kill(pthread_self(), SIGUSR1);
	number = miost_signals_receive(made);
	miost_signals_free(made);
	return number == SIGUSR1;
}

static bool
processes(void)
{
	struct miost_process *process;
	int err = miost_process_new(t.queue, t.child, 7, &process);

	if (err == -ENOTSUP)
		return true;
	if (err < 0 || miost_process_wait(process, NULL) < 0)
		return false;
	miost_process_free(process);
	return true;
}

static bool
receive_many(void)
{
	static struct miost_datagram datagrams[BATCH];
	static char bytes[BATCH];

	for (int i = 0; i < BATCH; i++)
		datagrams[i] = (struct miost_datagram){ .data = &bytes[i],
							.len = 1 };
	(void)miost_socket_send_many(t.datagrams[0], datagrams, BATCH);
	return miost_socket_recv_many(t.datagrams[1], datagrams, BATCH) > 0;
}

static bool
addresses(void)
{
	struct miost_addr addr;
	char text[128];

	return miost_addr_parse("[fe80::1]:80", &addr) == 0 &&
	       miost_addr_format(&addr, text, sizeof(text)) > 0 &&
	       miost_addr_parse("192.0.2.1:80", &addr) == 0 &&
	       miost_addr_format(&addr, text, sizeof(text)) > 0;
}

static bool
sockets(void)
{
	struct miost_addr addr;
	int listener, fd, accepted;

	if (miost_addr_parse("127.0.0.1:0", &addr) < 0)
		return false;
	listener = miost_tcp_listen(&addr);
	if (listener < 0 || miost_socket_local_addr(listener, &addr) < 0)
		return false;
	fd = miost_tcp_connect(&addr);
	do
		accepted = miost_socket_accept(listener, NULL);
	while (accepted == -EAGAIN);
	(void)miost_socket_connected(fd);
	close(accepted);
	close(fd);
	close(listener);
	return accepted >= 0;
}

static bool
one_timer(void)
{
	struct miost_source *source = miost_timers_source(t.timers);

	return miost_timers_add_deadline(t.timers, 1, 0, NULL) == 0 &&
	       miost_poll_events(&source, 1, t.events, BATCH, 0) > 0;
}

static bool
many_timers(void)
{
	struct miost_source *source = miost_timers_source(t.timers);
	uint32_t random = 1;
	int taken = 0, n;

	for (int i = 0; i < MANY; i++) {
		random = random * 1664525 + 1013904223;
		if (miost_timers_add_deadline(t.timers, random >> 8,
					      (int64_t)(random >> 16),
					      NULL) < 0)
			return false;
	}
	while ((n = miost_poll_events(&source, 1, t.events, BATCH, 0)) > 0)
		taken += n;
	return taken == MANY;
}

/* The measure. */

static unsigned char *lowest;		/* of the thread's stack */

#ifdef __GNUC__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE
#endif

enum { PAINT = 0xa5, MARGIN = 512 };

/* All below the caller's frame, but for what this one may use. */
static NOINLINE void
paint(const volatile unsigned char *here)
{
	volatile unsigned char *p = lowest;

	while (p < here - MARGIN)
		*p++ = PAINT;
}

static NOINLINE size_t
used(const volatile unsigned char *here)
{
	const volatile unsigned char *p = lowest;

	while (p < here - MARGIN && *p == PAINT)
		p++;
	return (size_t)(here - p);
}

struct measure {
	bool (*run)(void);
	bool ok;
	size_t size;
};

static void *
measure(void *arg)
{
	struct measure *m = arg;
	volatile unsigned char here = 0;

	/* The first time the linker's own work would be counted. */
	m->ok = m->run();
	paint(&here);
	m->ok = m->ok && m->run();
	m->size = used(&here);
	return NULL;
}

static void
make_all(void)
{
	memset(&t, 0, sizeof(t));
	check_ok(miost_os_queue_new(&t.queue));
	check_ok(miost_waker_new(t.queue, 2, &t.waker));
	check_ok(miost_timers_new(&t.timers));
	need_descriptors(2 * BATCH + 50);
	for (int i = 0; i < BATCH; i++) {
		make_pair(t.pairs[i]);
		check_ok(miost_os_queue_register(t.queue, t.pairs[i][0], 1,
						 MIOST_WRITABLE, 0));
	}
	check_ok(miost_unix_pair(SOCK_DGRAM, t.datagrams));
	fflush(stdout);
	t.child = fork();
	check(t.child >= 0);
	if (t.child == 0) {
		(void)pause();
		_exit(0);
	}
}

static void
free_all(void)
{
	for (int i = 0; i < BATCH; i++)
		close_pair(t.pairs[i]);
	close_pair(t.datagrams);
	miost_timers_free(t.timers);
	miost_waker_free(t.waker);
	miost_os_queue_free(t.queue);
	check_ok(kill(t.child, SIGKILL));
	check_eq(waitpid(t.child, NULL, 0), t.child);
}

static bool
is_instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
	return true;
#endif
#endif
	return getenv("MIOST_TEST_RUN") != NULL;
}

static void
expect_bound(const char *name, bool (*run)(void))
{
	struct measure m = { .run = run };
	pthread_attr_t attr;
	pthread_t thread;

	if (is_instrumented())
		tap_skip("what looks for errors takes stack of its own");
	/* A check that fails in the thread cannot end the test. */
	if (!tap_loopback)
		tap_skip("there is no loopback interface");
	make_all();
	lowest = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANON, -1, 0);
	check(lowest != MAP_FAILED);
	check_ok(pthread_attr_init(&attr));
	check_ok(pthread_attr_setstack(&attr, lowest, STACK));
	check_ok(pthread_create(&thread, &attr, measure, &m));
	check_ok(pthread_join(thread, NULL));
	check_ok(pthread_attr_destroy(&attr));
	check_ok(munmap(lowest, STACK));
	free_all();
	printf("# %s: %zu bytes\n", name, m.size);
	check(m.ok);
	check(m.size < BOUND);
}

#define TEST(run) \
	static void \
	run##_bound(void) \
	{ \
		expect_bound(#run, run); \
	}

TEST(new_queue)
TEST(poll_many)
TEST(poll_oneshot)
TEST(poll_none)
TEST(poll_sources)
TEST(registering)
TEST(waking)
TEST(signals)
TEST(processes)
TEST(sockets)
TEST(receive_many)
TEST(addresses)
TEST(one_timer)
TEST(many_timers)

static const struct tap_test tests[] = {
	{ "a queue made and freed", new_queue_bound },
	{ "a poll with 256 events", poll_many_bound },
	{ "a poll with events for once", poll_oneshot_bound },
	{ "a poll without events", poll_none_bound },
	{ "a poll through a source", poll_sources_bound },
	{ "register, reregister, set, deregister", registering_bound },
	{ "wakers", waking_bound },
	{ "signals", signals_bound },
	{ "processes", processes_bound },
	{ "a connection", sockets_bound },
	{ "many datagrams at once", receive_many_bound },
	{ "addresses", addresses_bound },
	{ "a poll with one timer due", one_timer_bound },
	{ "a poll with many timers due", many_timers_bound },
};

TAP_MAIN(tests)
