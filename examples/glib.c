/* SPDX-License-Identifier: MIT */
/*
 * An OS queue and timers inside a GLib main loop.
 *
 * One GSource stands for both: GLib watches the queue's descriptor, and sleeps
 * no longer than the timers allow. GLib calls prepare() before each sleep, and
 * thereby learns of timers that were added or changed. A loop without such a
 * call needs a timer of its own, which the program sets again after every poll
 * and every change of the library's timers.
 *
 * The program uses a pipe that the queue watches, a timer of the library, and a
 * timeout of GLib.
 *
 *	cc -o glib glib.c $(pkg-config --cflags --libs miost glib-2.0)
 */
#include <stdio.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib.h>

#include <miost.h>

enum { PIPE, TIMER };

#define MS INT64_C(1000000)

/* The queue gives up to 256 events, and the timers find room for theirs. */
enum { SOURCES = 2, BATCH = 512 };

struct loop_source {
	GSource source;		/* the first member, as GLib wants it */
	struct miost_source *sources[SOURCES];
	gpointer descriptor;
	void (*handle)(struct miost_event event, gpointer data);
};

/* Before GLib sleeps. Milliseconds are rounded up, so as not to spin. */
static gboolean
prepare(GSource *source, gint *timeout)
{
	struct loop_source *loop = (struct loop_source *)source;
	int64_t span = miost_max_timeout(loop->sources, SOURCES);
	int64_t ms = span / MS + (span % MS > 0);

	*timeout = span < 0 ? -1 : (gint)MIN(ms, G_MAXINT);
	return span == 0;
}

/* After it: whether there is something to dispatch. */
static gboolean
check(GSource *source)
{
	struct loop_source *loop = (struct loop_source *)source;

	return g_source_query_unix_fd(source, loop->descriptor) != 0 ||
	       miost_max_timeout(loop->sources, SOURCES) == 0;
}

static gboolean
dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
	struct loop_source *loop = (struct loop_source *)source;
	struct miost_event events[BATCH];
	/* Never waits; what is left is dispatched in the next round. */
	int n = miost_poll_events(loop->sources, SOURCES, events, BATCH, 0);

	(void)unused;
	for (int i = 0; i < n; i++)
		loop->handle(events[i], data);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs functions = {
	.prepare = prepare,
	.check = check,
	.dispatch = dispatch,
};

/* What is shown with it. */

struct demo {
	GMainLoop *main_loop;
	int fds[2];
	int left;
};

static void
happened(struct demo *demo, const char *what)
{
	printf("%s\n", what);
	if (--demo->left == 0)
		g_main_loop_quit(demo->main_loop);
}

static void
handle(struct miost_event event, gpointer data)
{
	struct demo *demo = data;
	char buf[16];

	if (event.id == TIMER)
		happened(demo, "a timer of miost's");
	else if (miost_pipe_read(demo->fds[0], buf, sizeof(buf)) > 0)
		happened(demo, "a pipe that miost watches");
}

static gboolean
on_timeout(gpointer data)
{
	struct demo *demo = data;

	happened(demo, "a timeout of GLib's");
	(void)miost_pipe_write(demo->fds[1], "x", 1);
	return G_SOURCE_REMOVE;
}

static int
run(struct miost_os_queue *queue, struct miost_timers *timers,
    struct demo *demo)
{
	GSource *source = g_source_new(&functions, sizeof(struct loop_source));
	struct loop_source *loop = (struct loop_source *)source;
	int err;

	loop->sources[0] = miost_os_queue_source(queue);
	loop->sources[1] = miost_timers_source(timers);
	loop->handle = handle;
	loop->descriptor = g_source_add_unix_fd(
		source, miost_os_queue_fd(queue), G_IO_IN);
	g_source_set_callback(source, NULL, demo, NULL);
	g_source_attach(source, NULL);

	err = miost_os_queue_register(queue, demo->fds[0], PIPE,
				      MIOST_READABLE, MIOST_LEVEL);
	if (err == 0)
		err = miost_timers_add_timeout(timers, TIMER, 200 * MS, NULL);
	if (err == 0) {
		g_timeout_add(50, on_timeout, demo);
		demo->left = 3;
		demo->main_loop = g_main_loop_new(NULL, FALSE);
		g_main_loop_run(demo->main_loop);
		g_main_loop_unref(demo->main_loop);
	}
	g_source_destroy(source);
	g_source_unref(source);
	return err;
}

int
main(void)
{
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	struct demo demo = { .left = 0 };
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_pipe(demo.fds);
	if (err < 0)
		goto fail;
	err = miost_os_queue_new(&queue);
	if (err < 0)
		goto close_pipe;
	err = miost_timers_new(&timers);
	if (err < 0)
		goto free_queue;
	err = run(queue, timers, &demo);
	miost_timers_free(timers);
free_queue:
	miost_os_queue_free(queue);
close_pipe:
	close(demo.fds[0]);
	close(demo.fds[1]);
fail:
	if (err < 0)
		fprintf(stderr, "glib: %s\n", g_strerror(-err));
	return err < 0;
}
