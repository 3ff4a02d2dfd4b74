/* SPDX-License-Identifier: MIT */
/*
 * Cancellation: a thread that is cancelled already goes through every call of
 * the queue and of what is made for it, and only a poll ends it. Nothing leaks,
 * which a test sees of descriptors and leak checkers of memory.
 */
#include <pthread.h>

#include "util.h"

enum { WAKER = 1, SIGNALS, PROCESS, FREED };

struct objects {
	struct miost_os_queue *queue;
	struct miost_waker *waker;
	struct miost_signals *signals;
	struct miost_process *process;
	struct miost_event events[4];
	int gate[2], pair[2];
	pid_t child;
	int result;
};

struct call {
	const char *name;
	int (*run)(struct objects *o);
	struct objects *objects;
};

static int
new_queue(struct objects *o)
{
	return miost_os_queue_new(&o->queue);
}

static int
new_waker(struct objects *o)
{
	return miost_waker_new(o->queue, WAKER, &o->waker);
}

static int
wake(struct objects *o)
{
	return miost_waker_wake(o->waker);
}

static int
new_signals(struct objects *o)
{
	sigset_t set;

	set = set_of_one(SIGUSR1);
	return miost_signals_new(o->queue, &set, SIGNALS, &o->signals);
}

/* Blocked by the caller, who sent itself one. */
static int
receive(struct objects *o)
{
	return miost_signals_receive(o->signals) != SIGUSR1;
}

static int
new_process(struct objects *o)
{
	int err = miost_process_new(o->queue, o->child, PROCESS, &o->process);

	if (err < 0)
		o->process = NULL;
	return err == -ENOTSUP ? 0 : err;
}

static int
wait_in_vain(struct objects *o)
{
	return o->process != NULL ? miost_process_wait(o->process, NULL) : 0;
}

static int
wait_for_end(struct objects *o)
{
	if (o->process == NULL)
		return 0;
	return miost_process_wait(o->process, NULL) != 1;
}

static int
register_one(struct objects *o)
{
	return miost_os_queue_register(o->queue, o->pair[0], 7, MIOST_WRITABLE,
				       MIOST_ONESHOT);
}

static int
reregister_one(struct objects *o)
{
	return miost_os_queue_reregister(o->queue, o->pair[0], 7,
					 MIOST_READABLE, MIOST_LEVEL);
}

static int
set_one(struct objects *o)
{
	return miost_os_queue_set(o->queue, o->pair[1], 7, MIOST_READABLE,
				  MIOST_LEVEL);
}

static int
deregister_one(struct objects *o)
{
	return miost_os_queue_deregister(o->queue, o->pair[0]);
}

static int
free_process(struct objects *o)
{
	miost_process_free(o->process);
	return 0;
}

static int
free_signals(struct objects *o)
{
	miost_signals_free(o->signals);
	return 0;
}

static int
free_waker(struct objects *o)
{
	miost_waker_free(o->waker);
	return 0;
}

static int
free_queue(struct objects *o)
{
	miost_os_queue_free(o->queue);
	return 0;
}

/* Cancelled already, it comes to the next cancellation point. */
static void *
call_cancelled(void *arg)
{
	struct call *call = arg;
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void)pthread_cancel(pthread_self());
	(void)pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	call->objects->result = call->run(call->objects);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state == PTHREAD_CANCEL_ENABLE ? call : NULL;
}

static void
do_call(struct objects *o, const char *name, int (*run)(struct objects *o))
{
	struct call call = { name, run, o };
	pthread_t thread;
	void *end;

	check_ok(pthread_create(&thread, NULL, call_cancelled, &call));
	check_ok(pthread_join(thread, &end));
	if (end != &call)
		tap_fail(__FILE__, __LINE__, "%s is a cancellation point, or "
			 "left it disabled", name);
	if (o->result != 0)
		tap_fail(__FILE__, __LINE__, "%s gave %d", name, o->result);
}

#define DO(call) do_call(&o, #call, call)

static void
expect(struct objects *o, miost_id id)
{
	check_eq(miost_os_queue_poll(o->queue, o->events, 4,
				     scaled(10 * SECOND)), 1);
	check_eq(o->events[0].id, id);
}

static void
no_points(void)
{
	struct objects o = { .child = -1 };
	sigset_t set;

	set = set_of_one(SIGUSR1);
	check_ok(pthread_sigmask(SIG_BLOCK, &set, NULL));
	make_pair(o.pair);
	o.child = start_gated(o.gate, 0);
	DO(new_queue);
	DO(new_waker);
	for (int i = 0; i < 3; i++) {
		DO(wake);
		expect(&o, WAKER);
	}
	DO(new_signals);
	check_ok(kill(getpid(), SIGUSR1));
	expect(&o, SIGNALS);
	DO(receive);
	DO(register_one);
	DO(reregister_one);
	DO(set_one);
	DO(deregister_one);
	DO(new_process);
	DO(wait_in_vain);
	let_end(o.gate);
	if (o.process != NULL)
		expect(&o, PROCESS);
	DO(wait_for_end);
	if (o.process == NULL)
		check_eq(waitpid(o.child, NULL, 0), o.child);
	check_eq(miost_os_queue_poll(o.queue, o.events, 4, 0), 0);
	DO(free_process);
	DO(free_signals);
	DO(free_waker);
	DO(free_queue);
	close_pair(o.pair);
	check_ok(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
}

static int
fail_to_register(struct objects *o)
{
	return miost_os_queue_register(o->queue, -1, 7, MIOST_READABLE, 0) !=
	       -EBADF;
}

/* Of a process that is no child: what was made by then is closed. */
static int
fail_to_watch(struct objects *o)
{
	int err = miost_process_new(o->queue, 1, PROCESS, &o->process);

	return err != -ECHILD && err != -ENOTSUP;
}

static void
no_points_of_failure(void)
{
	struct objects o = { .result = 0 };

	DO(new_queue);
	DO(fail_to_register);
	DO(fail_to_watch);
	DO(free_queue);
}

static void *
poll_without_end(void *arg)
{
	struct objects *o = arg;

	(void)miost_os_queue_poll(o->queue, o->events, 4, MIOST_FOREVER);
	return NULL;
}

/* It does not see that a cancelled thread leaves its frames. */
static bool
under_address_sanitizer(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return true;
#endif
#endif
	return false;
}

/* A poll is a point, and what it polled goes on. */
static void
polls_end(void)
{
	struct miost_waker *freed;
	struct objects o;
	pthread_t thread;
	void *end;

	if (under_address_sanitizer())
		tap_skip("the address sanitizer reports what a cancelled "
			 "thread leaves on its stack");
	check_ok(miost_os_queue_new(&o.queue));
	check_ok(miost_waker_new(o.queue, WAKER, &o.waker));
	for (int i = 0; i < 20; i++) {
		check_ok(miost_waker_new(o.queue, FREED, &freed));
		check_ok(pthread_create(&thread, NULL, poll_without_end, &o));
		if (i % 2)
			(void)poll(NULL, 0, 2);
		if (i % 4 == 0)
			check_ok(miost_waker_wake(o.waker));
		check_ok(pthread_cancel(thread));
		check_ok(pthread_join(thread, &end));
		check(end == PTHREAD_CANCELED || i % 4 == 0);
		/* It may have been freed while that thread polled. */
		miost_waker_free(freed);
		check_ok(miost_waker_wake(o.waker));
		expect(&o, WAKER);
		check_eq(miost_os_queue_poll(o.queue, o.events, 4, 0), 0);
	}
	miost_waker_free(o.waker);
	miost_os_queue_free(o.queue);
}

static const struct tap_test tests[] = {
	{ "no call is a cancellation point", no_points },
	{ "nor is one that fails", no_points_of_failure },
	{ "but a poll is, and loses no wake", polls_end },
};

TAP_MAIN(tests)
