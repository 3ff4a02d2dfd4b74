/* SPDX-License-Identifier: MIT */
/*
 * A part of a program, with an OS queue, timers and ids of its own, as one
 * source of another program's poll.
 *
 * An event tells its id, and not whose id that is: parts by different makers
 * that register in one queue have to agree on ids. These need not. The outer
 * program gives each part one id, and what happens inside comes as an event
 * with that id, which says only that the part has something to do; the part
 * then polls for itself, and finds its own ids. This takes one more system call
 * for each batch of inner events.
 *
 * Two things lead to the event. The descriptor of the inner queue is registered
 * in the outer one. The inner timers are what the source tells of: until when
 * the outer poll may sleep, and that they are due. Nothing is taken from inside
 * before the part polls. So nothing is lost when the outer sink is full, or
 * when the program ignores the event: it comes again. It may be spurious,
 * mostly when both led to it.
 *
 * Shown with a part that writes into a pipe and one that reads from it, which
 * both use the ids 1 and 2.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <miost.h>

/* The queue gives up to 256 events, and the timers find room for theirs. */
enum { PART_SOURCES = 2, PART_BATCH = 512 };

struct part {
	struct miost_source source;	/* the first member: what is polled */
	miost_id id;			/* of the outer program's choice */
	struct miost_os_queue *outer;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	struct miost_source *sources[PART_SOURCES];
	/* 0: go on; anything else ends the part, and drops its other events */
	int (*handle)(struct part *part, struct miost_event event);
};

/* The OS queue cannot tell; it is the outer one that wakes up for it. */
static int64_t
part_max_timeout(struct miost_source *source)
{
	struct part *part = (struct part *)source;

	return miost_max_timeout(part->sources, PART_SOURCES);
}

/* One event, for whatever is due. A sink without room gets it another time. */
static int
part_poll(struct miost_source *source, struct miost_sink *sink)
{
	struct part *part = (struct part *)source;
	struct miost_event *slots;
	ssize_t room;

	if (part_max_timeout(source) != 0)
		return 0;
	room = sink->ops->reserve(sink, 1, &slots);
	if (room <= 0)
		return (int)room;
	slots[0].id = part->id;
	slots[0].readiness = MIOST_READABLE;
	slots[0].reserved = 0;
	sink->ops->commit(sink, 1);
	return 1;
}

/* It cannot wait, and so is never the first of the outer sources. */
static const struct miost_source_ops part_ops = {
	.max_timeout = part_max_timeout,
	.poll = part_poll,
};

static void
part_destroy(struct part *part)
{
	(void)miost_os_queue_deregister(part->outer,
					miost_os_queue_fd(part->queue));
	miost_timers_free(part->timers);
	miost_os_queue_free(part->queue);
}

static int
part_init(struct part *part, struct miost_os_queue *outer, miost_id id,
	  int (*handle)(struct part *part, struct miost_event event))
{
	int err = miost_os_queue_new(&part->queue);

	if (err < 0)
		return err;
	err = miost_timers_new(&part->timers);
	if (err < 0) {
		miost_os_queue_free(part->queue);
		return err;
	}
	part->source.ops = &part_ops;
	part->id = id;
	part->outer = outer;
	part->sources[0] = miost_os_queue_source(part->queue);
	part->sources[1] = miost_timers_source(part->timers);
	part->handle = handle;
	/* Level-triggered: an inner batch need not be all that there is. */
	err = miost_os_queue_register(outer, miost_os_queue_fd(part->queue), id,
				      MIOST_READABLE, MIOST_LEVEL);
	if (err < 0)
		part_destroy(part);
	return err;
}

/*
 * The outer program calls this when the part's event comes. It handles a batch
 * of inner events, without waiting, and returns what the handler returned last,
 * or the error of the inner poll: the outer poll does not fail because of a
 * part. If the result is not 0, destroy the part here, never in its handler,
 * and ignore its events that are left in the outer batch.
 */
static int
part_run(struct part *part)
{
	struct miost_event events[PART_BATCH];
	int n = miost_poll_events(part->sources, PART_SOURCES, events,
				  PART_BATCH, 0);
	/* If a signal interrupts the poll, the event comes again. */
	int result = n < 0 && n != -EINTR ? n : 0;

	for (int i = 0; i < n && result == 0; i++)
		result = part->handle(part, events[i]);
	return result;
}

/* What is shown with it. */

#define MS INT64_C(1000000)

enum { ENDED = 1, LETTERS = 3 };

/* A part by one maker. It writes letters at intervals. */

enum { TICK = 1, PIPE_BROKEN = 2 };

struct writer {
	struct part part;	/* the first member */
	int fd;
	int written;
};

static int
writer_handle(struct part *part, struct miost_event event)
{
	static const char letters[LETTERS + 1] = "abc";
	struct writer *writer = (struct writer *)part;
	ssize_t n;

	if (event.id == PIPE_BROKEN)
		return -EPIPE;
	n = miost_pipe_write(writer->fd, &letters[writer->written], 1);
	if (n < 0)
		return (int)n;
	writer->written++;
	printf("writer: event %d, letter %d\n", TICK, writer->written);
	if (writer->written == LETTERS)
		return ENDED;
	return miost_timers_add_timeout(part->timers, TICK, 20 * MS, NULL);
}

static int
writer_init(struct writer *writer, struct miost_os_queue *outer, miost_id id,
	    int fd)
{
	int err = part_init(&writer->part, outer, id, writer_handle);

	if (err < 0)
		return err;
	writer->fd = fd;
	writer->written = 0;
	/* The writer only wants to know when the reader has gone. */
	err = miost_os_queue_register(writer->part.queue, fd, PIPE_BROKEN, 0,
				      MIOST_LEVEL);
	if (err == 0)
		err = miost_timers_add_timeout(writer->part.timers, TICK, 0,
					       NULL);
	if (err < 0)
		part_destroy(&writer->part);
	return err;
}

/* A part by another maker. It reads letters until there are no more. */

enum { DATA = 1, SILENCE = 2 };

struct reader {
	struct part part;	/* the first member */
	int fd;
	miost_timer silence;
};

/* The silence begins anew. */
static int
reader_listen(struct reader *reader)
{
	struct miost_timers *timers = reader->part.timers;

	(void)miost_timers_cancel(timers, reader->silence);
	return miost_timers_add_timeout(timers, SILENCE, 200 * MS,
					&reader->silence);
}

static int
reader_handle(struct part *part, struct miost_event event)
{
	struct reader *reader = (struct reader *)part;
	char letters[8];
	ssize_t n;

	if (event.id == SILENCE) {
		/* It is over if letters came in the same batch. */
		if (miost_timers_get(part->timers, reader->silence, NULL) == 0)
			return 0;
		printf("reader: event %d, silence\n", SILENCE);
		return ENDED;
	}
	n = miost_pipe_read(reader->fd, letters, sizeof(letters));
	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return n < 0 ? (int)n : ENDED;
	printf("reader: event %d, %.*s\n", DATA, (int)n, letters);
	return reader_listen(reader);
}

static int
reader_init(struct reader *reader, struct miost_os_queue *outer, miost_id id,
	    int fd)
{
	int err = part_init(&reader->part, outer, id, reader_handle);

	if (err < 0)
		return err;
	reader->fd = fd;
	err = miost_os_queue_register(reader->part.queue, fd, DATA,
				      MIOST_READABLE, MIOST_LEVEL);
	reader->silence = 0;
	if (err == 0)
		err = reader_listen(reader);
	if (err < 0)
		part_destroy(&reader->part);
	return err;
}

/* The program that has both, and a timer of its own. */

enum { WRITER, READER, TIMER, PARTS = 2 };

struct program {
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	struct writer writer;
	struct reader reader;
	struct part *parts[PARTS];	/* by id; NULL: ended */
};

static int
handle(struct program *program, struct miost_event event)
{
	struct part *part = event.id < PARTS ? program->parts[event.id] : NULL;
	int result;

	if (event.id == TIMER)
		printf("program: event %d\n", TIMER);
	/* It may have ended earlier in the batch. */
	if (part == NULL)
		return 0;
	result = part_run(part);
	if (result == 0)
		return 0;
	printf("program: part %d has ended\n", (int)part->id);
	part_destroy(part);
	program->parts[event.id] = NULL;
	/* The other part could go on; this program has no use for that. */
	return result < 0 ? result : 0;
}

/* The sources of the next poll. The OS queue is first: it waits. */
static size_t
list(const struct program *program, struct miost_source **sources)
{
	size_t n = 0;

	sources[n++] = miost_os_queue_source(program->queue);
	sources[n++] = miost_timers_source(program->timers);
	for (int i = 0; i < PARTS; i++)
		if (program->parts[i] != NULL)
			sources[n++] = &program->parts[i]->source;
	return n;
}

static int
loop(struct program *program)
{
	int err = miost_timers_add_timeout(program->timers, TIMER, 30 * MS,
					   NULL);

	while (err == 0 && (program->parts[WRITER] != NULL ||
			    program->parts[READER] != NULL ||
			    miost_timers_len(program->timers) > 0)) {
		struct miost_source *sources[2 + PARTS];
		struct miost_event events[8];
		int n = miost_poll_events(sources, list(program, sources),
					  events, 8, MIOST_FOREVER);

		if (n < 0 && n != -EINTR)
			err = n;
		for (int i = 0; i < n && err == 0; i++)
			err = handle(program, events[i]);
	}
	return err;
}

static int
run(struct program *program, int fds[2])
{
	int err = writer_init(&program->writer, program->queue, WRITER, fds[1]);

	if (err < 0)
		return err;
	program->parts[WRITER] = &program->writer.part;
	err = reader_init(&program->reader, program->queue, READER, fds[0]);
	if (err == 0) {
		program->parts[READER] = &program->reader.part;
		err = loop(program);
	}
	for (int i = 0; i < PARTS; i++)
		if (program->parts[i] != NULL)
			part_destroy(program->parts[i]);
	return err;
}

int
main(void)
{
	struct program program = { .queue = NULL };
	int fds[2];
	int err;

	setvbuf(stdout, NULL, _IOLBF, 0);
	err = miost_pipe(fds);
	if (err == 0) {
		err = miost_os_queue_new(&program.queue);
		if (err == 0)
			err = miost_timers_new(&program.timers);
		if (err == 0)
			err = run(&program, fds);
		miost_timers_free(program.timers);
		miost_os_queue_free(program.queue);
		close(fds[0]);
		close(fds[1]);
	}
	if (err < 0)
		fprintf(stderr, "nested: %s\n", strerror(-err));
	return err < 0;
}
