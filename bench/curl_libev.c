/* SPDX-License-Identifier: MIT */
/* libcurl in a loop of libev. */
#include <curl/curl.h>
#include <ev.h>
#include <stdlib.h>

#include "client.h"

static CURLM *multi;
static struct ev_loop *loop;
static ev_timer timer;

static void
on_io(struct ev_loop *on, ev_io *io, int events)
{
	(void)on;
	client_act(io->fd, (events & EV_READ ? CURL_CSELECT_IN : 0) |
			    (events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(struct ev_loop *on, ev_timer *due, int events)
{
	(void)on, (void)due, (void)events;
	client_act(CURL_SOCKET_TIMEOUT, 0);
}

static int
watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket)
{
	ev_io *io = socket;

	(void)easy, (void)data;
	if (io != NULL)
		ev_io_stop(loop, io);
	if (what == CURL_POLL_REMOVE) {
		free(io);
		return 0;
	}
	if (io == NULL) {
		io = malloc(sizeof(*io));
		must(io != NULL, "malloc");
		ev_init(io, on_io);
		curl_multi_assign(multi, fd, io);
	}
	ev_io_set(io, fd, (what & CURL_POLL_IN ? EV_READ : 0) |
				  (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(loop, io);
	return 0;
}

static int
arm(CURLM *of, long ms, void *data)
{
	(void)of, (void)data;
	ev_timer_stop(loop, &timer);
	if (ms >= 0) {
		ev_timer_set(&timer, (double)ms / 1000, 0.);
		ev_timer_start(loop, &timer);
	}
	return 0;
}

void
loop_open(void *of)
{
	multi = of;
	loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	must(loop != NULL, "loop");
	ev_init(&timer, on_timer);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, arm);
}

void
loop_run(void)
{
	ev_run(loop, 0);
}

void
loop_stop(void)
{
	ev_break(loop, EVBREAK_ONE);
}
