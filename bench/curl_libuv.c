/* SPDX-License-Identifier: MIT */
/* libcurl in a loop of libuv. */
#include <curl/curl.h>
#include <stdlib.h>
#include <uv.h>

#include "client.h"

static CURLM *multi;
static uv_loop_t loop;
static uv_timer_t timer;

/* A poll handle does not say of which descriptor it is. */
struct watcher {
	uv_poll_t poll;
	curl_socket_t fd;
};

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	const struct watcher *watcher = poll->data;

	client_act(watcher->fd, (status < 0 ? CURL_CSELECT_ERR : 0) |
				 (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
				 (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(uv_timer_t *due)
{
	(void)due;
	client_act(CURL_SOCKET_TIMEOUT, 0);
}

static void
on_close(uv_handle_t *handle)
{
	free(handle->data);
}

static int
watch(CURL *easy, curl_socket_t fd, int what, void *data, void *socket)
{
	struct watcher *watcher = socket;

	(void)easy, (void)data;
	if (what == CURL_POLL_REMOVE) {
		if (watcher != NULL)
			uv_close((uv_handle_t *)&watcher->poll, on_close);
		return 0;
	}
	if (watcher == NULL) {
		watcher = malloc(sizeof(*watcher));
		must(watcher != NULL, "malloc");
		must(uv_poll_init(&loop, &watcher->poll, fd) == 0,
		     "uv_poll_init");
		watcher->poll.data = watcher;
		watcher->fd = fd;
		curl_multi_assign(multi, fd, watcher);
	}
	must(uv_poll_start(&watcher->poll,
			   (what & CURL_POLL_IN ? UV_READABLE : 0) |
				   (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
			   on_poll) == 0, "uv_poll_start");
	return 0;
}

static int
arm(CURLM *of, long ms, void *data)
{
	(void)of, (void)data;
	return ms < 0 ? uv_timer_stop(&timer)
		      : uv_timer_start(&timer, on_timer, (uint64_t)ms, 0);
}

void
loop_open(void *of)
{
	multi = of;
	must(uv_loop_init(&loop) == 0, "uv_loop_init");
	must(uv_timer_init(&loop, &timer) == 0, "uv_timer_init");
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, arm);
}

void
loop_run(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
}

void
loop_stop(void)
{
	uv_stop(&loop);
}
