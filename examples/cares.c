/* SPDX-License-Identifier: MIT */
/*
 * cares [-s SERVER:PORT] NAME...
 *
 * Looks up the IPv4 addresses of all names at once, and prints each answer when
 * it arrives.
 *
 * c-ares opens and closes its sockets when it likes. It calls back to say what
 * to wait for on each of them, and the adapter passes that on to
 * miost_os_queue_set(). c-ares has many deadlines, and tells the earliest one.
 * The adapter keeps one timer, and sets it to that deadline before each poll.
 *
 * The id of a socket is its descriptor. The program chooses the id of the
 * timer. Its other ids must be no descriptors of c-ares: pointers, descriptors
 * of its own, or negative numbers will do. nested.c shows another way.
 *
 *	cc -o cares cares.c $(pkg-config --cflags --libs miost libcares)
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

/* The program sets queue, timers and timer_id. They remain its own. */
struct resolver {
	ares_channel channel;	/* NULL: closed */
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	miost_timer timer;	/* 0: none */
	miost_id timer_id;
	int err;		/* the first error in resolver_watch() */
};

/* c-ares also calls this before it closes a socket, with 0 for both. */
static void
resolver_watch(void *data, ares_socket_t fd, int readable, int writable)
{
	struct resolver *resolver = data;
	miost_interests interests = (readable ? MIOST_READABLE : 0u) |
				    (writable ? MIOST_WRITABLE : 0u);
	int err;

	err = miost_os_queue_set(resolver->queue, fd, (miost_id)fd, interests,
				 MIOST_LEVEL);
	if (err < 0 && resolver->err == 0)
		resolver->err = err;
}

/* Adds to `options` and `mask` what the adapter needs. */
static int
resolver_open(struct resolver *resolver, struct ares_options *options, int mask)
{
	options->sock_state_cb = resolver_watch;
	options->sock_state_cb_data = resolver;
	return ares_init_options(&resolver->channel, options,
				 mask | ARES_OPT_SOCK_STATE_CB);
}

/*
 * Ends the lookups that are left: their callbacks get ARES_EDESTRUCTION. No
 * callback of a lookup may call this or ares_cancel(), since c-ares goes on to
 * use what they free. Such a callback runs in resolver_handle(), or at once in
 * the function that begins the lookup: let it set a flag, and close afterwards.
 */
static void
resolver_close(struct resolver *resolver)
{
	ares_destroy(resolver->channel);
	resolver->channel = NULL;
	miost_timers_cancel(resolver->timers, resolver->timer);
	resolver->timer = 0;
}

/*
 * Call this before each poll, since lookups that began or ended have moved the
 * deadline. An error says that a socket is not watched, or that there is no
 * timer: lookups may then end late, or not at all.
 */
static int
resolver_arm(struct resolver *resolver)
{
	struct timeval left;
	int64_t span;
	int err = resolver->err;

	resolver->err = 0;
	if (err < 0 || resolver->channel == NULL)
		return err;
	if (ares_timeout(resolver->channel, NULL, &left) == NULL) {
		miost_timers_cancel(resolver->timers, resolver->timer);
		resolver->timer = 0;
		return 0;
	}
	/* The clock of c-ares counts microseconds: do not wake too early. */
	span = left.tv_sec * SECOND + (left.tv_usec + 1) * 1000;
	err = miost_timers_change_timeout(resolver->timers, resolver->timer,
					  span);
	if (err == -ENOENT)
		err = miost_timers_add_timeout(resolver->timers,
					       resolver->timer_id, span,
					       &resolver->timer);
	return err;
}

/*
 * Takes the events of the sockets and of the timer. c-ares ignores events of a
 * socket that it has closed. The timer's event names no socket: it has neither
 * bit, and c-ares only looks at its deadlines.
 */
static void
resolver_handle(struct resolver *resolver, const struct miost_event *event)
{
	ares_socket_t fd = (ares_socket_t)event->id;
	bool may_read = event->readiness & MIOST_MAY_READ;
	bool may_write = event->readiness & MIOST_MAY_WRITE;

	if (resolver->channel != NULL)
		ares_process_fd(resolver->channel,
				may_read ? fd : ARES_SOCKET_BAD,
				may_write ? fd : ARES_SOCKET_BAD);
}

/* The demonstration: names on the command line. */

enum {
	BATCH = 64,
	TIMER = -1,		/* an id */
	TIMEOUT = 500,		/* of the first try, in milliseconds */
	TRIES = 4
};

struct lookup {
	const char *name;
	int *left;
	int *failed;
};

static void
resolved(void *data, int status, int timeouts, struct ares_addrinfo *info)
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
	for (struct ares_addrinfo_node *node = info->nodes; node != NULL;
	     node = node->ai_next) {
		struct sockaddr_in addr;

		memcpy(&addr, node->ai_addr, sizeof(addr));
		if (inet_ntop(AF_INET, &addr.sin_addr, text, sizeof(text)))
			printf("%s: %s\n", lookup->name, text);
	}
	ares_freeaddrinfo(info);
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
	const struct ares_addrinfo_hints hints = { .ai_family = AF_INET,
						   .ai_flags =
							   ARES_AI_NOSORT };
	struct lookup *lookups = calloc((size_t)count, sizeof(*lookups));
	int left = count, failed = 0, err = -EINVAL;

	if (lookups == NULL) {
		resolver_close(resolver);
		return -ENOMEM;
	}
	if (server == NULL ||
	    ares_set_servers_ports_csv(resolver->channel, server) == 0) {
		for (int i = 0; i < count; i++) {
			lookups[i] = (struct lookup){ names[i], &left,
						      &failed };
			ares_getaddrinfo(resolver->channel, names[i], NULL,
					 &hints, resolved, &lookups[i]);
		}
		err = run(resolver, &left);
	}
	/* Before the memory of the lookups that are left is freed. */
	resolver_close(resolver);
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
