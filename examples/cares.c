/* SPDX-License-Identifier: MIT */
/*
 * cares [-s SERVER:PORT] NAME...
 *
 * Looks up the IPv4 addresses of all names at once, and prints them as they
 * come.
 *
 * c-ares opens and closes its sockets when it likes, and tells of each change
 * what to wait for: the adapter passes that on to miost_os_queue_set(), and the
 * descriptor is the id. c-ares has many deadlines and tells the earliest: one
 * timer stands for them, moved before each poll.
 *
 *	cc -o cares cares.c $(pkg-config --cflags --libs miost libcares)
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <ares.h>

#include <miost.h>

/* The adapter. */

#define SECOND INT64_C(1000000000)

struct resolver {
	ares_channel channel;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;	/* 0: none */
	miost_id timer_id;	/* no descriptor of c-ares has it */
	int err;		/* the first one of the callback's */
};

/* c-ares tells it before it closes a socket, too: then both are 0. */
static void
resolver_watch(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = data;
	miost_interests interests = 0;
	int err;

	if (readable)
		interests |= MIOST_READABLE;
	if (writable)
		interests |= MIOST_WRITABLE;
	err = miost_os_queue_set(resolver->queue, fd, (miost_id)fd, interests,
				 MIOST_LEVEL);
	if (err < 0 && err != -EBADF && resolver->err == 0)
		resolver->err = err;
}

/* `options` are changed. The queue and the timers stay the caller's. */
static int
resolver_open(struct resolver *resolver, struct ares_options *options, int mask)
{
	options->sock_state_cb = resolver_watch;
	options->sock_state_cb_data = resolver;
	return ares_init_options(&resolver->channel, options,
				 mask | ARES_OPT_SOCK_STATE_CB);
}

/* Before each poll: lookups that began or ended have moved the deadline. */
static int
resolver_arm(struct resolver *resolver)
{
	struct timeval left;
	int64_t span;
	int err;

	if (ares_timeout(resolver->channel, NULL, &left) == NULL) {
		miost_timers_cancel(resolver->timers, resolver->timer);
		resolver->timer = 0;
		return resolver->err;
	}
	/* c-ares has a clock of its own, of microseconds: not too early. */
	span = left.tv_sec * SECOND + (left.tv_usec + 1) * 1000;
	err = miost_timers_change_timeout(resolver->timers, resolver->timer,
					  span);
	if (err == -ENOENT)
		err = miost_timers_add_timeout(resolver->timers,
					       resolver->timer_id, span,
					       &resolver->timer);
	return err < 0 ? err : resolver->err;
}

/* An event of a socket that is closed by now does nothing. */
static void
resolver_handle(struct resolver *resolver, const struct miost_event *event)
{
	bool socket = event->id != resolver->timer_id;
	ares_socket_t fd = socket ? (ares_socket_t)event->id : ARES_SOCKET_BAD;

	ares_process_fd(resolver->channel,
			event->readiness & MIOST_MAY_READ ? fd
							  : ARES_SOCKET_BAD,
			event->readiness & MIOST_MAY_WRITE ? fd
							   : ARES_SOCKET_BAD);
}

/* What is shown with it: names on the command line. */

enum { BATCH = 64, TIMER = -1, TIMEOUT = 500, TRIES = 4 };

struct lookup {
	const char *name;
	int *left;
	int *failed;
};

static void
resolved(void *data, int status, int timeouts, struct hostent *host)
{
	struct lookup *lookup = data;
	char text[INET_ADDRSTRLEN];

	(void)timeouts;
	--*lookup->left;
	if (status != ARES_SUCCESS) {
		++*lookup->failed;
		printf("%s: %s\n", lookup->name, ares_strerror(status));
		return;
	}
	for (char **addr = host->h_addr_list; *addr != NULL; addr++)
		if (inet_ntop(AF_INET, *addr, text, sizeof(text)) != NULL)
			printf("%s: %s\n", lookup->name, text);
}

static int
run(struct resolver *resolver, const int *left)
{
	struct miost_source *const sources[] = {
		miost_os_queue_source(resolver->queue),
		miost_timers_source(resolver->timers),
	};
	struct miost_event events[BATCH];

	while (*left > 0) {
		int n = resolver_arm(resolver);

		if (n == 0)
			n = miost_poll_events(sources, 2, events, BATCH,
					      MIOST_FOREVER);
		if (n < 0 && n != -EINTR)
			return n;
		for (int i = 0; i < n; i++)
			resolver_handle(resolver, &events[i]);
	}
	return 0;
}

static int
look_up(struct resolver *resolver, const char *server, char **names, int count)
{
	struct lookup *lookups = calloc((size_t)count, sizeof(*lookups));
	int left = count, failed = 0, err = -EINVAL;

	if (lookups == NULL)
		return -ENOMEM;
	if (server == NULL ||
	    ares_set_servers_ports_csv(resolver->channel, server) == 0) {
		for (int i = 0; i < count; i++) {
			lookups[i] = (struct lookup){ names[i], &left,
						      &failed };
			ares_gethostbyname(resolver->channel, names[i],
					   AF_INET, resolved, &lookups[i]);
		}
		err = run(resolver, &left);
	}
	/* Ends the lookups that are left, before their memory is gone. */
	ares_destroy(resolver->channel);
	free(lookups);
	return err < 0 ? err : failed > 0;
}

static int
start(const char *server, char **names, int count)
{
	struct ares_options options = { .timeout = TIMEOUT, .tries = TRIES,
					.flags = ARES_FLAG_NOSEARCH };
	struct resolver resolver = { .timer_id = (miost_id)TIMER };
	int err = miost_os_queue_new(&resolver.queue);

	if (err == 0)
		err = miost_timers_new(&resolver.timers);
	if (err == 0 && resolver_open(&resolver, &options,
				      ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					      ARES_OPT_FLAGS) != 0)
		err = -ENOMEM;
	if (err == 0)
		err = look_up(&resolver, server, names, count);
	miost_timers_free(resolver.timers);
	miost_os_queue_free(resolver.queue);
	return err;
}

int
main(int argc, char **argv)
{
	bool has_server = argc > 2 && strcmp(argv[1], "-s") == 0;
	int first = has_server ? 3 : 1, err;

	if (argc <= first || argv[first][0] == '-') {
		fprintf(stderr, "usage: cares [-s SERVER:PORT] NAME...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (ares_library_init(ARES_LIB_INIT_ALL) != 0)
		return EXIT_FAILURE;
	err = start(has_server ? argv[2] : NULL, argv + first, argc - first);
	if (err < 0)
		fprintf(stderr, "cares: %s\n", strerror(-err));
	ares_library_cleanup();
	return err != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
