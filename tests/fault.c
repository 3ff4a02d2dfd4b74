/* SPDX-License-Identifier: MIT */
/*
 * Failures: every allocation and system call of the library fails in turn, and
 * nothing may be leaked, lost or half done. And how the epoll backend waits:
 * in which calls, for how long, on kernels that this one is not.
 */
#include <limits.h>
#include <stdint.h>

#include "util.h"

/* The faults. */

enum call {
	NO_CALL,
	MALLOC, CALLOC, REALLOC,
	SOCKET, SETSOCKOPT, BIND, LISTEN, CONNECT, ACCEPT,
	RECV, SEND, RECVMSG, SENDMSG,
	CLOCK,
	EPOLL_CREATE, EPOLL_CTL, EPOLL_WAIT, EPOLL_PWAIT2,
	CALLS
};

static struct {
	int count[CALLS];	/* of each call since reset() */
	enum call failing;
	int first, last;	/* which of them fail */
	int error;
	int64_t waited;		/* the last timeout, in nanoseconds */
	void (*after_getpeername)(void);
	bool fake_waits;	/* waits take no time, the clock goes on */
	int64_t clock;
} faults;

static void
reset_faults(void)
{
	memset(&faults, 0, sizeof(faults));
}

/* From now on the `nth` of these calls fails, and all up to the `last`. */
static void
fail(enum call call, int nth, int last, int error)
{
	reset_faults();
	faults.failing = call;
	faults.first = nth;
	faults.last = last;
	faults.error = error;
}

static bool
fails(enum call call)
{
	int n = ++faults.count[call];

	if (call != faults.failing || n < faults.first || n > faults.last)
		return false;
	errno = faults.error;
	return true;
}

void *
fault_malloc(size_t size)
{
	return fails(MALLOC) ? NULL : (malloc)(size);
}

void *
fault_calloc(size_t n, size_t size)
{
	return fails(CALLOC) ? NULL : (calloc)(n, size);
}

void *
fault_realloc(void *old, size_t size)
{
	return fails(REALLOC) ? NULL : (realloc)(old, size);
}

int
fault_socket(int family, int type, int protocol)
{
	return fails(SOCKET) ? -1 : (socket)(family, type, protocol);
}

int
fault_setsockopt(int fd, int level, int name, const void *value,
		 socklen_t len)
{
	return fails(SETSOCKOPT) ? -1
				 : (setsockopt)(fd, level, name, value, len);
}

int
fault_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(BIND) ? -1 : (bind)(fd, addr, len);
}

int
fault_listen(int fd, int backlog)
{
	return fails(LISTEN) ? -1 : (listen)(fd, backlog);
}

int
fault_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return fails(CONNECT) ? -1 : (connect)(fd, addr, len);
}

int
fault_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return fails(ACCEPT) ? -1 : (accept)(fd, addr, len);
}

#ifdef HAVE_ACCEPT4
int
fault_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return fails(ACCEPT) ? -1 : (accept4)(fd, addr, len, flags);
}
#endif

ssize_t
fault_recv(int fd, void *buf, size_t len, int flags)
{
	return fails(RECV) ? -1 : (recv)(fd, buf, len, flags);
}

ssize_t
fault_send(int fd, const void *buf, size_t len, int flags)
{
	return fails(SEND) ? -1 : (send)(fd, buf, len, flags);
}

ssize_t
fault_recvmsg(int fd, struct msghdr *message, int flags)
{
	return fails(RECVMSG) ? -1 : (recvmsg)(fd, message, flags);
}

ssize_t
fault_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return fails(SENDMSG) ? -1 : (sendmsg)(fd, message, flags);
}

#undef getpeername
int
fault_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	void (*after)(void) = faults.after_getpeername;
	int result = getpeername(fd, addr, len);
	int error = errno;

	faults.after_getpeername = NULL;
	if (after != NULL)
		after();
	errno = error;
	return result;
}

int
fault_clock_gettime(clockid_t clock, struct timespec *now)
{
	faults.count[CLOCK]++;
	if (!faults.fake_waits)
		return (clock_gettime)(clock, now);
	now->tv_sec = (time_t)(faults.clock / SECOND);
	now->tv_nsec = (long)(faults.clock % SECOND);
	return 0;
}

#ifdef HAVE_EPOLL_CREATE1
int
fault_epoll_create1(int flags)
{
	return fails(EPOLL_CREATE) ? -1 : (epoll_create1)(flags);
}

int
fault_epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event)
{
	return fails(EPOLL_CTL) ? -1
				: (epoll_ctl)(epfd, operation, fd, event);
}

int
fault_epoll_wait(int epfd, struct epoll_event *events, int n, int timeout)
{
	if (fails(EPOLL_WAIT))
		return -1;
	faults.waited = timeout < 0 ? -1 : timeout * MS;
	if (faults.fake_waits && timeout >= 0) {
		faults.clock += faults.waited;
		timeout = 0;
	}
	return (epoll_wait)(epfd, events, n, timeout);
}

int
fault_epoll_pwait2(int epfd, struct epoll_event *events, int n,
		   const struct timespec *timeout, const void *mask)
{
	if (fails(EPOLL_PWAIT2))
		return -1;
	check(mask == NULL);
	faults.waited = timeout->tv_sec * SECOND + timeout->tv_nsec;
	faults.clock += faults.waited;
	return (epoll_wait)(epfd, events, n, 0);
}

long
fault_syscall(long number, int epfd, struct epoll_event *events, int n,
	      const void *timeout, const void *mask, size_t mask_size)
{
	struct timespec span;
	int64_t raw[2];

	(void)number, (void)mask_size;
	memcpy(raw, timeout, sizeof(raw));
	span.tv_sec = (time_t)raw[0];
	span.tv_nsec = (long)raw[1];
	return fault_epoll_pwait2(epfd, events, n, &span, mask);
}
#endif

/* Memory. */

static void
no_memory_for_objects(void)
{
	struct miost_os_queue *os_queue;
	struct miost_queue *queue;
	struct miost_timers *timers;

	fail(MALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_os_queue_new(&os_queue), -ENOMEM);
	check_eq(faults.count[EPOLL_CREATE], 0);
	fail(CALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_queue_new(&queue), -ENOMEM);
	check_eq(miost_timers_new(&timers), -ENOMEM);
	reset_faults();
}

static void
no_queue_of_the_system(void)
{
	struct miost_os_queue *queue;

	if (strcmp(miost_backend(), "epoll") != 0)
		tap_skip("the faults are of the epoll backend");
	/* The sanitizers and valgrind see that the memory was freed. */
	fail(EPOLL_CREATE, 1, 1, EMFILE);
	check_eq(miost_os_queue_new(&queue), -EMFILE);
	check_eq(faults.count[MALLOC], 1);
	reset_faults();
}

/* Adds events until the `nth` growth fails; what was queued stays. */
static void
queue_cannot_grow(void)
{
	for (int nth = 1; nth <= 5; nth++) {
		struct miost_source *source;
		struct miost_queue *queue;
		struct miost_event_vec vec;
		miost_id added = 0;
		int err;

		check_ok(miost_queue_new(&queue));
		source = miost_queue_source(queue);
		miost_event_vec_init(&vec);
		fail(REALLOC, nth, INT_MAX, ENOMEM);
		while ((err = miost_queue_add(queue, (struct miost_event){
						added, 0 })) == 0)
			added++;
		check_eq(err, -ENOMEM);
		check_eq(miost_queue_len(queue), added);
		check_eq(miost_queue_add(queue, (struct miost_event){ 0, 0 }),
			 -ENOMEM);
		/* Nor can the sink grow: nothing is taken. */
		if (added > 0)
			check_eq(miost_poll(&source, 1, &vec.sink, 0),
				 -ENOMEM);
		check_eq(miost_queue_len(queue), added);
		reset_faults();
		check_ok(miost_queue_add(queue, (struct miost_event){
						added++, 0 }));
		check_eq(miost_poll(&source, 1, &vec.sink, 0), added);
		for (miost_id id = 0; id < added; id++)
			check_eq(vec.events[id].id, id);
		miost_event_vec_destroy(&vec);
		miost_queue_free(queue);
	}
}

static void
timers_cannot_grow(void)
{
	/* Two allocations for each growth: either may fail. */
	for (int nth = 1; nth <= 12; nth++) {
		struct miost_source *source;
		struct miost_timers *timers;
		struct miost_event_vec vec;
		miost_timer key, before = 1234;
		miost_id added = 0;
		int err;

		check_ok(miost_timers_new(&timers));
		source = miost_timers_source(timers);
		miost_event_vec_init(&vec);
		fail(REALLOC, nth, INT_MAX, ENOMEM);
		for (;;) {
			key = before;
			err = miost_timers_add_deadline(timers, added,
							(int64_t)added, &key);
			if (err < 0)
				break;
			check(key != before);
			added++;
		}
		check_eq(err, -ENOMEM);
		check_eq(key, before);
		check_eq(miost_timers_len(timers), added);
		check_eq(miost_timers_reserve(timers, 100000), -ENOMEM);
		if (added > 0)
			check_eq(miost_poll(&source, 1, &vec.sink, 0),
				 -ENOMEM);
		check_eq(miost_timers_len(timers), added);
		reset_faults();
		check_ok(miost_timers_add_deadline(timers, added,
						   (int64_t)added, NULL));
		added++;
		check_eq(miost_poll(&source, 1, &vec.sink, 0), added);
		for (miost_id id = 0; id < added; id++)
			check_eq(vec.events[id].id, id);
		miost_event_vec_destroy(&vec);
		miost_timers_free(timers);
	}
}

/* With room reserved no add fails, whatever was cancelled in between. */
static void
timers_reserved(void)
{
	enum { LIVE = 500 };
	miost_timer keys[LIVE];
	struct miost_timers *timers;

	check_ok(miost_timers_new(&timers));
	check_ok(miost_timers_reserve(timers, LIVE));
	fail(REALLOC, 1, INT_MAX, ENOMEM);
	for (unsigned int i = 0; i < LIVE; i++)
		check_ok(miost_timers_add_deadline(timers, i, i, &keys[i]));
	for (unsigned int i = 0; i < 100000; i++) {
		unsigned int k = i * 7919 % LIVE;

		check_ok(miost_timers_cancel(timers, keys[k]));
		check_ok(miost_timers_add_deadline(timers, i, i, &keys[k]));
	}
	check_eq(miost_timers_len(timers), LIVE);
	check_eq(faults.count[REALLOC], 0);
	reset_faults();
	miost_timers_free(timers);
}

/* Growing by doubling, a vec is moved seldom. */
static void
vec_doubles(void)
{
	struct miost_source *source;
	struct miost_queue *queue;
	struct miost_event_vec vec;

	check_ok(miost_queue_new(&queue));
	source = miost_queue_source(queue);
	miost_event_vec_init(&vec);
	for (miost_id id = 0; id < 4096; id++) {
		reset_faults();
		check_ok(miost_queue_add(queue, (struct miost_event){ id, 0 }));
		check_eq(source->ops->poll(source, &vec.sink), 1);
		check(faults.count[REALLOC] == 0 || vec.capacity >= id * 2);
	}
	reset_faults();
	miost_event_vec_destroy(&vec);
	miost_queue_free(queue);
}

/* A sink that cannot grow leaves the events of the system's queue there. */
static void
os_events_stay(void)
{
	struct miost_os_queue *queue;
	struct miost_event_vec vec;
	int fds[2];

	make_pair(fds);
	check_ok(miost_os_queue_new(&queue));
	check_ok(miost_os_queue_register(queue, fds[0], 4, MIOST_WRITABLE,
					 MIOST_EDGE));
	miost_event_vec_init(&vec);
	fail(REALLOC, 1, INT_MAX, ENOMEM);
	check_eq(miost_os_queue_poll(queue, &vec.sink, 0), -ENOMEM);
	check_eq(faults.count[EPOLL_WAIT], 0);
	reset_faults();
	check_eq(miost_os_queue_poll(queue, &vec.sink, 0), 1);
	check_eq(vec.events[0].id, 4);
	miost_event_vec_destroy(&vec);
	miost_os_queue_free(queue);
	close_pair(fds);
}

/* Sockets. */

/* Every call of connect and listen fails once: tap.h looks for leaks. */
static void
sockets_are_closed(void)
{
	static const struct {
		enum call call;
		int nth;
		int error;
	} cases[] = {
		{ SOCKET, 1, EMFILE },	   { SETSOCKOPT, 1, ENOBUFS },
		{ SETSOCKOPT, 2, ENOBUFS }, { BIND, 1, EACCES },
		{ LISTEN, 1, EADDRINUSE }, { CONNECT, 1, ENETUNREACH },
		{ CONNECT, 1, EACCES },
	};
	struct miost_addr addr = parse("127.0.0.1:0");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fail(cases[i].call, cases[i].nth, INT_MAX, cases[i].error);
		if (cases[i].call != CONNECT)
			check_eq(miost_tcp_listen(&addr), -cases[i].error);
		if (cases[i].call == SOCKET || cases[i].call == CONNECT)
			check_eq(miost_tcp_connect(&addr), -cases[i].error);
	}
	reset_faults();
}

static void
connect_interrupted(void)
{
	struct miost_addr addr = parse("127.0.0.1:0");
	int fd;

	fail(CONNECT, 1, 1, EINTR);
	fd = miost_tcp_connect(&addr);
	check(fd >= 0);
	check_eq(faults.count[CONNECT], 1);
	close(fd);
	fail(CONNECT, 1, 1, EINPROGRESS);
	fd = miost_tcp_connect(&addr);
	check(fd >= 0);
	close(fd);
	reset_faults();
}

/* A connection that comes about, or fails, while it is asked about. */

static struct {
	int fd;
	struct miost_addr addr;
} late;

static void
connect_late(void)
{
	(connect)(late.fd, (struct sockaddr *)&late.addr.storage,
		  late.addr.len);
}

static void
connected_meanwhile(void)
{
	for (int listens = 0; listens < 2; listens++) {
		int bound = socket(AF_INET, SOCK_STREAM, 0);

		late.addr = parse("127.0.0.1:0");
		check_ok((bind)(bound, (struct sockaddr *)&late.addr.storage,
				late.addr.len));
		check_ok(miost_socket_local_addr(bound, &late.addr));
		if (listens)
			check_ok((listen)(bound, 1));
		late.fd = socket(AF_INET, SOCK_STREAM, 0);
		set_nonblocking(late.fd);
		reset_faults();
		faults.after_getpeername = connect_late;
		check_eq(miost_tcp_connected(late.fd),
			 listens ? 0 : -ECONNREFUSED);
		reset_faults();
		close(late.fd);
		close(bound);
	}
}

static void
accept_goes_on(void)
{
	static const int passed_over[] = { EINTR, ECONNABORTED, EPROTO };
	struct miost_addr addr = parse("127.0.0.1:0");
	int listener = miost_tcp_listen(&addr);

	for (int i = 0; i < 3; i++) {
		fail(ACCEPT, 1, 3, passed_over[i]);
		check_eq(miost_tcp_accept(listener, NULL), -EAGAIN);
		check_eq(faults.count[ACCEPT], 4);
	}
	fail(ACCEPT, 1, 1, ENFILE);
	check_eq(miost_tcp_accept(listener, NULL), -ENFILE);
	check_eq(faults.count[ACCEPT], 1);
	reset_faults();
	close(listener);
}

static void
reads_go_on(void)
{
	char buf[4] = "";
	struct iovec iov = { buf, sizeof(buf) };
	int fds[2];

	make_pair(fds);
	fail(SEND, 1, 2, EINTR);
	check_eq(miost_socket_write(fds[0], "x", 1), 1);
	check_eq(faults.count[SEND], 3);
	fail(RECV, 1, 2, EINTR);
	check_eq(miost_socket_read(fds[1], buf, sizeof(buf)), 1);
	check_eq(faults.count[RECV], 3);
	fail(RECV, 1, 1, EWOULDBLOCK);
	check_eq(miost_socket_read(fds[1], buf, sizeof(buf)), -EAGAIN);
	fail(RECV, 1, 1, ECONNRESET);
	check_eq(miost_socket_peek(fds[1], buf, sizeof(buf)), -ECONNRESET);
	fail(SENDMSG, 1, 2, EINTR);
	check_eq(miost_socket_writev(fds[0], &iov, 1), 4);
	check_eq(faults.count[SENDMSG], 3);
	fail(RECVMSG, 1, 2, EINTR);
	check_eq(miost_socket_readv(fds[1], &iov, 1), 4);
	check_eq(faults.count[RECVMSG], 3);
	fail(SEND, 1, 1, ENOBUFS);
	check_eq(miost_socket_write(fds[0], "x", 1), -ENOBUFS);
	reset_faults();
	close_pair(fds);
}

/* How the epoll backend waits. */

struct waiting {
	struct miost_os_queue *queue;
	struct miost_event storage[1];
	struct miost_event_array array;
};

static void
start_waiting(struct waiting *w)
{
	if (strcmp(miost_backend(), "epoll") != 0 ||
	    !miost_has(MIOST_FEATURE_PRECISE_TIMEOUT))
		tap_skip("this backend has no second way to wait");
	reset_faults();
	check_ok(miost_os_queue_new(&w->queue));
	miost_event_array_init(&w->array, w->storage, 1);
}

static int
wait_faked(struct waiting *w, int64_t timeout)
{
	faults.fake_waits = true;
	memset(faults.count, 0, sizeof(faults.count));
	return miost_os_queue_poll(w->queue, &w->array.sink, timeout);
}

/* What needs no precision is one epoll_wait, the rest one epoll_pwait2. */
static void
one_call(void)
{
	static const struct {
		int64_t timeout;
		bool precise;
	} cases[] = {
		{ 0, false },	     { MS, false },
		{ 1, true },	     { 999999, true },
		{ MS + 1, true },    { 5 * SECOND, false },
		{ INT_MAX * MS, false }, { INT_MAX * MS - 1, true },
	};
	struct waiting w;

	start_waiting(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		check_eq(wait_faked(&w, cases[i].timeout), 0);
		check_eq(faults.waited, cases[i].timeout);
		check_eq(faults.count[EPOLL_PWAIT2], cases[i].precise);
		check_eq(faults.count[EPOLL_WAIT], !cases[i].precise);
		check_eq(faults.count[CLOCK], 0);
		check_eq(faults.count[MALLOC] + faults.count[CALLOC] +
				 faults.count[REALLOC], 0);
	}
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Refused once, the precise call is not tried again, in this queue. */
static void
coarse(void)
{
	static const int refusals[] = { ENOSYS, EPERM };

	for (int i = 0; i < 2; i++) {
		struct waiting w, other;

		start_waiting(&w);
		start_waiting(&other);
		fail(EPOLL_PWAIT2, 1, INT_MAX, refusals[i]);
		check_eq(wait_faked(&w, 1), 0);
		check_eq(faults.waited, MS);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(&w, 2 * MS + 1), 0);
		check_eq(faults.waited, 3 * MS);
		check_eq(faults.count[EPOLL_PWAIT2], 0);
		check_eq(faults.count[EPOLL_WAIT], 1);
		check_eq(wait_faked(&w, INT_MAX * MS - 1), 0);
		check_eq(faults.waited, INT_MAX * MS);
		check_eq(wait_faked(&w, 7 * MS), 0);
		check_eq(faults.waited, 7 * MS);
		reset_faults();
		check_eq(wait_faked(&other, 1), 0);
		check_eq(faults.count[EPOLL_PWAIT2], 1);
		miost_os_queue_free(w.queue);
		miost_os_queue_free(other.queue);
	}
	reset_faults();
}

/* Other errors are the caller's, whichever call gives them. */
static void
wait_errors(void)
{
	struct waiting w;

	start_waiting(&w);
	fail(EPOLL_PWAIT2, 1, 1, EINTR);
	check_eq(wait_faked(&w, 1), -EINTR);
	check_eq(faults.count[EPOLL_WAIT], 0);
	check_eq(wait_faked(&w, 1), -EINTR);
	fail(EPOLL_PWAIT2, 1, 1, EBADF);
	check_eq(wait_faked(&w, 1), -EBADF);
	reset_faults();
	check_eq(wait_faked(&w, 1), 0);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	fail(EPOLL_WAIT, 1, 1, EINTR);
	check_eq(wait_faked(&w, 0), -EINTR);
	check_eq(wait_faked(&w, MIOST_FOREVER), -EINTR);
	check_eq(wait_faked(&w, MS), -EINTR);
	check_eq(wait_faked(&w, INT64_MAX), -EINTR);
	check_eq(w.array.len, 0);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* Longer than a call can wait: as often as it takes, and no longer. */
static void
long_waits(void)
{
	const int64_t longest = INT_MAX * MS;
	struct waiting w;

	start_waiting(&w);
	check_eq(wait_faked(&w, longest + 1), 0);
	check_eq(faults.clock, longest + 1);
	check_eq(faults.count[EPOLL_WAIT], 1);
	check_eq(faults.count[EPOLL_PWAIT2], 1);
	faults.clock = 0;
	check_eq(wait_faked(&w, 10 * longest), 0);
	check_eq(faults.clock, 10 * longest);
	check_eq(faults.count[EPOLL_WAIT], 10);

	fail(EPOLL_PWAIT2, 1, INT_MAX, ENOSYS);
	check_eq(wait_faked(&w, 2 * longest + 1), 0);
	check_eq(faults.clock, 2 * longest + MS);
	check_eq(faults.count[EPOLL_WAIT], 3);
	miost_os_queue_free(w.queue);
	reset_faults();
}

/* No call but the one that it is for. */
static void
register_calls(void)
{
	struct waiting w;
	int fds[2];

	start_waiting(&w);
	make_pair(fds);
	reset_faults();
	check_ok(miost_os_queue_register(w.queue, fds[0], 1, MIOST_READABLE,
					 0));
	check_eq(faults.count[EPOLL_CTL], 1);
	check_ok(miost_os_queue_reregister(w.queue, fds[0], 1, MIOST_WRITABLE,
					   0));
	check_eq(faults.count[EPOLL_CTL], 2);
	fail(EPOLL_CTL, 1, INT_MAX, ENOSPC);
	check_eq(miost_os_queue_register(w.queue, fds[1], 1, MIOST_READABLE,
					 0), -ENOSPC);
	check_eq(miost_os_queue_reregister(w.queue, fds[0], 1, MIOST_READABLE,
					   0), -ENOSPC);
	check_eq(miost_os_queue_deregister(w.queue, fds[0]), -ENOSPC);
	check_eq(faults.count[EPOLL_CTL], 3);
	reset_faults();
	check_ok(miost_os_queue_deregister(w.queue, fds[0]));
	check_eq(faults.count[EPOLL_CTL], 1);
	close_pair(fds);
	miost_os_queue_free(w.queue);
}

static const struct tap_test tests[] = {
	{ "no memory for an object: -ENOMEM", no_memory_for_objects },
	{ "no queue to be had: the error, and no memory kept",
	  no_queue_of_the_system },
	{ "a queue that cannot grow keeps its events", queue_cannot_grow },
	{ "timers that cannot grow keep theirs", timers_cannot_grow },
	{ "with room reserved no add fails", timers_reserved },
	{ "a vec doubles", vec_doubles },
	{ "a sink that cannot grow leaves events in the system's queue",
	  os_events_stay },
	{ "whatever fails, the socket is closed", sockets_are_closed },
	{ "an interrupted connect goes on", connect_interrupted },
	{ "a connection that changes while it is asked about",
	  connected_meanwhile },
	{ "accept passes over what is not the listener's", accept_goes_on },
	{ "reads and writes go on when interrupted", reads_go_on },
	{ "a wait is one call, precise when it must be", one_call },
	{ "a kernel or sandbox without the precise call", coarse },
	{ "errors of waiting", wait_errors },
	{ "waits longer than a call takes", long_waits },
	{ "a change is one call", register_calls },
};

TAP_MAIN(tests)
