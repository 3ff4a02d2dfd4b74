/* SPDX-License-Identifier: MIT */
/* What the files of the double share: knotes, kqueues, and whose is what. */
#ifndef KQUEUE_DOUBLE_H
#define KQUEUE_DOUBLE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef KQUEUE_DOUBLE_NETBSD
enum { NETBSD = true };
typedef uint32_t filter_number;
typedef uint32_t flag_bits;
typedef size_t event_count;
/* A number that no filter has. */
#define EVFILT_USER UINT32_MAX
#define NOTE_TRIGGER 0
#define NOTE_FFAND 0
#define NOTE_FFOR 0
#define NOTE_FFCOPY 0
#define NOTE_FFCTRLMASK 0
#define NOTE_FFLAGSMASK 0
#else
enum { NETBSD = false };
typedef short filter_number;
typedef unsigned short flag_bits;
typedef int event_count;
#endif

/* What epoll gives for what is no knote: an eventfd, the other epoll. */
#define NO_NOTE UINT64_MAX

struct knote {
	struct knote *prev;
	struct knote *next;
	struct kqueue *kq;
	struct kevent event;	/* to be delivered, but for its flags */
	uint32_t flags;
	unsigned int asked_fflags;
	int64_t asked_data;
	int fd;			/* what is watched; -1: nothing */
	mode_t kind;		/* S_IFMT of it */
	struct kqueue *nested;	/* the kqueue that it is, if it lives */
	bool told_later;	/* of an edge of that one */
	bool broken;		/* a pipe, which has lost its reader */
	bool was_ready;		/* when it was judged last */
	bool peer_closed;	/* a socket's, for writing */
	int64_t sent;		/* see double_sent */
	int64_t mark;		/* see mark_of */
	bool triggered;		/* EVFILT_USER */
	bool active;
	bool disabled;
};

struct kqueue {
	struct kqueue *next;
	int fd;			/* the program's, and for all but writing */
	int writes;
	int wake;
	bool duplicated;	/* other numbers than fd were used */
	int64_t queued;		/* how often a knote came to wait in it */
	struct knote notes;	/* a ring, in the order of becoming active */
};

/* All there are. What is declared below is called with the lock held. */
extern struct kqueue *double_kqueues;

static inline bool
is_reader(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_READ;
}

static inline bool
is_writer(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_WRITE;
}

static inline bool
is_of_descriptor(const struct knote *note)
{
	return is_reader(note) || is_writer(note);
}

static inline bool
is_of_user(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_USER;
}

static inline bool
is_of_signal(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_SIGNAL;
}

static inline bool
is_of_timer(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_TIMER;
}

static inline bool
is_of_process(const struct knote *note)
{
	return note->event.filter == (filter_number)EVFILT_PROC;
}

/* Without the double's own close(2), which looks for knotes. */
static inline int
close_only(int fd)
{
	return fd < 0 ? -1 : (int)syscall(SYS_close, fd);
}

/* The kqueue that a descriptor is, if it is one. */
struct kqueue *double_find_kqueue(int fd);

/* The kqueue that a knote watches, if it watches one that lives. */
struct kqueue *double_inner(const struct knote *note);

/* Moves a descriptor of our own to where tests do not look. */
int double_hide(int fd);

/* look.c: what poll(2) says of a descriptor. */
short double_poll(int fd);

/* look.c: whether a knote fires as things are; its event then says how. */
bool double_judge(struct knote *note);

/*
 * look.c: changes that make no edge on Linux but do there: of the bytes in a
 * pipe, of what is left of a file, of a socket's being connected; and what is
 * the only edge of a kqueue: that one more knote waits in it.
 */
int64_t double_mark(const struct knote *note);

/* look.c: how much a socket was given to send; 0 where Linux does not tell. */
int64_t double_sent(int fd);

/* look.c: whether it is a pipe, and no FIFO. */
bool double_is_pipe(const struct knote *note);

/* knote.c: makes active what has something new. */
void double_take_edges(struct kqueue *kq);

/* knote.c: how many active knotes wait to be taken. */
int64_t double_count(const struct kqueue *kq);

/* knote.c: whether there are knotes that can wake nobody. */
bool double_must_look(const struct kqueue *kq);

/* knote.c: does one change. Returns 0 or an errno. */
int double_apply(struct kqueue *kq, struct kevent *change);

/* knote.c: takes up to `room` events, and returns how many. */
int double_scan(struct kqueue *kq, struct kevent *events, int room);

/* knote.c: removes a knote; `forget` leaves it in epoll, as a parent needs. */
void double_drop(struct knote *note);
void double_forget(struct knote *note);

#endif
