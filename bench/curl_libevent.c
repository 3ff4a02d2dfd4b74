/* SPDX-License-Identifier: MIT */
/* libcurl in a loop of libevent. */
#include <curl/curl.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/time.h>

#include "client.h"

static CURLM *multi;
static struct event_base *base;
static struct event timer;

static void
on_event(evutil_socket_t fd, short events, void *arg)
{
	(void)arg;
	client_act(fd, (events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short events, void *arg)
{
	(void)fd, (void)events, (void)arg;
	client_act(CURL_SOCKET_TIMEOUT, 0);
}

static int
watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket)
{
	struct event *event = socket;
	short events = EV_PERSIST;

	(void)easy, (void)data;
	if (event != NULL)
		event_del(event);
	if (what == CURL_POLL_REMOVE) {
		free(event);
		return 0;
	}
	if (event == NULL) {
		event = malloc(sizeof(*event));
		must(event != NULL, "malloc");
		curl_multi_assign(multi, fd, event);
	}
	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	event_assign(event, base, fd, events, on_event, NULL);
	must(event_add(event, NULL) == 0, "event_add");
	return 0;
}

static int
arm(CURLM *of, long ms, void *data)
{
	struct timeval span = { .tv_sec = ms / 1000,
				.tv_usec = ms % 1000 * 1000 };

	(void)of, (void)data;
	return ms < 0 ? evtimer_del(&timer) : evtimer_add(&timer, &span);
}

void
loop_open(void *of)
{
	multi = of;
	base = event_base_new();
	must(base != NULL, "event_base_new");
	evtimer_assign(&timer, base, on_timer, NULL);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, arm);
}

void
loop_run(void)
{
	must(event_base_dispatch(base) == 0, "event_base_dispatch");
}

void
loop_stop(void)
{
	event_base_loopbreak(base);
}
