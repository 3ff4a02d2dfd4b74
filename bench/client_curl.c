/* SPDX-License-Identifier: MIT */
/* A client of an HTTP server, on a Unix socket, that asks for a file. */
#include "config.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "client.h"

static CURLM *multi;
static CURL **idle;
static long idle_count, total, started, ended;

const char *
client_version(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

static size_t
drop(char *data, size_t one, size_t len, void *arg)
{
	(void)data, (void)one, (void)arg;
	return len;
}

static CURL *
new_transfer(const char *server)
{
	CURL *easy = curl_easy_init();

	must(easy != NULL, "curl_easy_init");
	curl_easy_setopt(easy, CURLOPT_URL, "http://localhost/file");
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, server);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	return easy;
}

void
client_open(const char *server, long at_once)
{
	must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "libcurl");
	multi = curl_multi_init();
	idle = calloc((size_t)at_once, sizeof(CURL *));
	must(multi != NULL && idle != NULL, "transfers");
	while (idle_count < at_once)
		idle[idle_count++] = new_transfer(server);
	loop_open(multi);
}

static void
start_some(void)
{
	for (; started < total && idle_count > 0; started++)
		must(curl_multi_add_handle(multi, idle[--idle_count]) ==
			     CURLM_OK, "curl_multi_add_handle");
}

void
client_start(long n)
{
	total += n;
	start_some();
}

void
client_go_on(void)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;

		must(message->data.result == CURLE_OK, "transfer");
		curl_multi_remove_handle(multi, easy);
		idle[idle_count++] = easy;
		ended++;
		if (ended == total)
			loop_stop();
	}
	start_some();
}

void
client_act(int fd, int bits)
{
	int running;

	must(curl_multi_socket_action(multi, fd, bits, &running) == CURLM_OK,
	     "curl_multi_socket_action");
	client_go_on();
}
