/* SPDX-License-Identifier: MIT */
/*
 * curl [-n AT_ONCE] [-t SECONDS] [-c CA_FILE] [-d DIRECTORY] URL...
 *
 * Fetches all the URLs, at most AT_ONCE (20) at a time and each within SECONDS,
 * and prints the status, length and URL of each. With -d it writes the body of
 * the first to DIRECTORY/1, and so on. With -c it trusts the certificates in
 * CA_FILE.
 *
 * The adapter runs libcurl's multi interface. Two callbacks say which sockets
 * libcurl waits for, and when it wants to be called next. A range of ids is
 * libcurl's: the first is that of its only timer, and the next are those of
 * descriptors 0, 1 and so on. The other ids of the program must be less than
 * the first. If they are pointers, give the adapter a queue and timers of its
 * own, as in nested.c.
 *
 *	cc -o curl curl.c $(pkg-config --cflags --libs miost libcurl)
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include <miost.h>

#define MS INT64_C(1000000)

/* The adapter. */

struct curl_loop {
	CURLM *multi;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;
	miost_id first;		/* of libcurl's ids */
	int err;	/* of miost: look after curl_multi_add_handle(), too */
};

/* libcurl does not say whether it has named the socket before. */
static int
curl_loop_watch(CURL *easy, curl_socket_t fd, int what, void *data,
		void *unused)
{
	struct curl_loop *loop = data;
	miost_interests interests = 0;
	int err;

	(void)easy;
	(void)unused;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		interests |= MIOST_READABLE;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		interests |= MIOST_WRITABLE;
	err = miost_os_queue_set(loop->queue, fd,
				 loop->first + 1 + (miost_id)fd, interests,
				 MIOST_LEVEL);
	/* A closed socket is no longer watched anyway. */
	if (err == 0 || (err == -EBADF && interests == 0))
		return 0;
	loop->err = err;
	return -1;
}

/*
 * libcurl must not be called from here, even if the time is 0. An error that
 * this returned from curl_multi_add_handle() would make libcurl 7.88 crash.
 */
static int
curl_loop_arm(CURLM *multi, long ms, void *data)
{
	struct curl_loop *loop = data;
	int err = 0;

	(void)multi;
	(void)miost_timers_cancel(loop->timers, loop->timer);
	if (ms >= 0)
		err = miost_timers_add_timeout(loop->timers, loop->first,
					       ms * MS, &loop->timer);
	if (err < 0)
		loop->err = err;
	return 0;
}

/*
 * Takes over `multi`, which is NULL if there was no memory for it. The queue and
 * the timers are the program's, and must outlive the loop.
 */
static int
curl_loop_init(struct curl_loop *loop, CURLM *multi,
	       struct miost_os_queue *queue, struct miost_timers *timers,
	       miost_id first)
{
	*loop = (struct curl_loop){ .multi = multi,
				    .queue = queue,
				    .timers = timers,
				    .first = first };
	if (loop->multi == NULL)
		return -ENOMEM;
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION,
			  curl_loop_watch);
	curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, curl_loop_arm);
	curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	return 0;
}

/* Remove the easy handles first. Ignore events that are left in the batch. */
static void
curl_loop_destroy(struct curl_loop *loop)
{
	/* This closes connections, and may call both callbacks. */
	curl_multi_cleanup(loop->multi);
	(void)miost_timers_cancel(loop->timers, loop->timer);
}

/*
 * Handles an event. One that is out of date does no harm: libcurl ignores a
 * socket that it does not know, and finds nothing to do on a new one with the
 * same number. After an error no transfer goes on. The errors of transfers come
 * from curl_multi_info_read() instead.
 */
static int
curl_loop_handle(struct curl_loop *loop, struct miost_event event)
{
	int bits = 0, running;
	/* For the timer this is -1, which is CURL_SOCKET_TIMEOUT. */
	curl_socket_t fd = (curl_socket_t)(event.id - loop->first) - 1;
	CURLMcode code;

	if (event.readiness & MIOST_MAY_READ)
		bits |= CURL_CSELECT_IN;
	if (event.readiness & MIOST_MAY_WRITE)
		bits |= CURL_CSELECT_OUT;
	if (event.readiness & MIOST_ERROR)
		bits |= CURL_CSELECT_ERR;
	code = curl_multi_socket_action(loop->multi, fd, bits, &running);
	if (loop->err < 0)
		return loop->err;
	if (code == CURLM_OUT_OF_MEMORY)
		return -ENOMEM;
	return code == CURLM_OK ? 0 : -EIO;
}

/* What is shown with it. */

/* The loop has no other ids, but there is room for them. */
enum { CURL_IDS = 1000 };

struct transfer {
	const char *url;
	CURL *easy;
	FILE *file;
	curl_off_t size;
};

struct client {
	struct curl_loop loop;
	struct transfer *transfers;
	size_t n, started, ended;
	size_t at_once;
	long seconds;		/* 0: no limit of its own */
	const char *ca_file, *directory;
	bool failed;
};

static size_t
write_body(char *data, size_t one, size_t len, void *arg)
{
	struct transfer *transfer = arg;

	(void)one;
	transfer->size += (curl_off_t)len;
	if (transfer->file == NULL)
		return len;
	return fwrite(data, 1, len, transfer->file);
}

/* Files are numbered, because a URL is not a good name for one. */
static int
open_file(struct client *client, struct transfer *transfer)
{
	char path[4096];
	int len = snprintf(path, sizeof(path), "%s/%zu", client->directory,
			   (size_t)(transfer - client->transfers) + 1);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	transfer->file = fopen(path, "wb");
	return transfer->file == NULL ? -errno : 0;
}

static int
start(struct client *client, struct transfer *transfer)
{
	CURL *easy = transfer->easy = curl_easy_init();

	if (easy == NULL)
		return -ENOMEM;
	if (client->directory != NULL) {
		int err = open_file(client, transfer);

		if (err < 0)
			return err;
	}
	curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, client->seconds);
	if (client->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, client->ca_file);
	/* This sets libcurl's timer, due at once, which begins the transfer. */
	if (curl_multi_add_handle(client->loop.multi, easy) != CURLM_OK)
		return -ENOMEM;
	return client->loop.err;
}

static int
start_some(struct client *client)
{
	int err = 0;

	while (err == 0 && client->started < client->n &&
	       client->started - client->ended < client->at_once)
		err = start(client, &client->transfers[client->started++]);
	return err;
}

/* Frees what a transfer holds. Returns whether its file is complete. */
static bool
release(struct client *client, struct transfer *transfer)
{
	FILE *file = transfer->file;

	if (transfer->easy != NULL) {
		curl_multi_remove_handle(client->loop.multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
	}
	transfer->file = NULL;
	return file == NULL || fclose(file) == 0;
}

static void
end(struct client *client, struct transfer *transfer, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (!release(client, transfer) && code == CURLE_OK)
		code = CURLE_WRITE_ERROR;
	client->ended++;
	if (code == CURLE_OK) {
		printf("%ld %" CURL_FORMAT_CURL_OFF_T " %s\n", status,
		       transfer->size, transfer->url);
		return;
	}
	client->failed = true;
	fprintf(stderr, "%s: %s\n", transfer->url, curl_easy_strerror(code));
}

/* A transfer must not be removed in a callback, so it is done here. */
static void
end_some(struct client *client)
{
	struct curl_loop *loop = &client->loop;
	struct transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(loop->multi, &left)) != NULL) {
		/* The message is freed with its easy handle. */
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE,
				  &transfer);
		end(client, transfer, code);
	}
}

static int
fetch_all(struct client *client)
{
	struct curl_loop *loop = &client->loop;
	struct miost_source *sources[] = { miost_os_queue_source(loop->queue),
					   miost_timers_source(loop->timers) };
	struct miost_event events[512];
	int err = start_some(client);

	while (err == 0 && client->ended < client->n) {
		int n = miost_poll_events(sources, 2, events, 512,
					  MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		for (int i = 0; i < n && err == 0; i++)
			err = curl_loop_handle(loop, events[i]);
		end_some(client);
		if (err == 0)
			err = start_some(client);
	}
	for (size_t i = 0; i < client->n; i++)
		(void)release(client, &client->transfers[i]);
	return err;
}

static int
run(struct client *client)
{
	struct curl_loop *loop = &client->loop;
	struct miost_os_queue *queue = NULL;
	struct miost_timers *timers = NULL;
	int err = miost_os_queue_new(&queue);

	if (err == 0)
		err = miost_timers_new(&timers);
	if (err == 0) {
		err = curl_loop_init(loop, curl_multi_init(), queue, timers,
				     CURL_IDS);
		if (err == 0)
			err = fetch_all(client);
		curl_loop_destroy(loop);
	}
	miost_timers_free(timers);
	miost_os_queue_free(queue);
	return err;
}

/* Returns the index of the first URL, or 0 if the arguments are wrong. */
static int
parse(struct client *client, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:c:d:")) != -1) {
		switch (option) {
		case 'n':
			client->at_once = strtoul(optarg, NULL, 10);
			break;
		case 't':
			client->seconds = strtol(optarg, NULL, 10);
			break;
		case 'c':
			client->ca_file = optarg;
			break;
		case 'd':
			client->directory = optarg;
			break;
		default:
			return 0;
		}
	}
	return client->at_once > 0 && client->seconds >= 0 && optind < argc
		       ? optind
		       : 0;
}

int
main(int argc, char **argv)
{
	struct client client = { .at_once = 20 };
	int first = parse(&client, argc, argv);
	int err = -ENOMEM;

	if (first == 0) {
		fprintf(stderr, "usage: curl [-n AT_ONCE] [-t SECONDS] "
				"[-c CA_FILE] [-d DIRECTORY] URL...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	client.n = (size_t)(argc - first);
	client.transfers = calloc(client.n, sizeof(*client.transfers));
	for (size_t i = 0; i < client.n && client.transfers != NULL; i++)
		client.transfers[i].url = argv[(size_t)first + i];
	if (client.transfers != NULL &&
	    curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
		err = run(&client);
		curl_global_cleanup();
	}
	free(client.transfers);
	if (err < 0)
		fprintf(stderr, "curl: %s\n", strerror(-err));
	return err < 0 || client.failed;
}
