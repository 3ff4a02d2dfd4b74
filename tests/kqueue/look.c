/* SPDX-License-Identifier: MIT */
/*
 * Looking at what knotes watch: whether these kernels would say that it is
 * ready, told from what Linux says.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "double.h"

short
double_poll(int fd)
{
	struct pollfd look = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLRDHUP,
	};

	return poll(&look, 1, 0) > 0 ? look.revents : 0;
}

static int
number_of(int fd, unsigned long request)
{
	int n = 0;

	return ioctl(fd, request, &n) == 0 ? n : 0;
}

static int
option_of(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : 0;
}

static bool
is_tcp(int fd, struct tcp_info *info)
{
	socklen_t len = sizeof(*info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

int64_t
double_sent(int fd)
{
	struct tcp_info info;

	return is_tcp(fd, &info)
		       ? (int64_t)info.tcpi_bytes_sent + info.tcpi_notsent_bytes
		       : 0;
}

bool
double_is_pipe(const struct knote *note)
{
	struct statfs fs;

	return note->kind == S_IFIFO && fstatfs(note->fd, &fs) == 0 &&
	       fs.f_type == PIPEFS_MAGIC;
}

/* Connected, connecting, or was: the name stays when the peer is gone. */
static bool
has_peer(int fd)
{
	char name;
	socklen_t len = sizeof(name);

	return getsockopt(fd, SOL_SOCKET, SO_PEERNAME, &name, &len) == 0;
}

static bool
is_shut_for_writing(int fd, short ready)
{
	/* Established, SYN sent, SYN received, close-wait. */
	const unsigned int open = 1u << 1 | 1u << 2 | 1u << 3 | 1u << 8;
	struct tcp_info info;

	if (ready & POLLHUP)
		return true;
	if (is_tcp(fd, &info))
		return !(open >> info.tcpi_state & 1);
	/* On a stream this sends nothing, but only if it may send. */
	return option_of(fd, SO_DOMAIN) == AF_UNIX &&
	       option_of(fd, SO_TYPE) == SOCK_STREAM &&
	       send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
	       errno == EPIPE;
}

/* Which error is pending, of which Linux only says that there is one. */
static unsigned int
guess_error(int fd)
{
	struct tcp_info info;

	return is_tcp(fd, &info) && info.tcpi_delivered == 0 ? ECONNREFUSED
							     : ECONNRESET;
}

static int64_t
backlog_of(int fd)
{
	struct tcp_info info;

	return is_tcp(fd, &info) ? info.tcpi_unacked : 1;
}

/* Judging: whether a knote fires as things are, and with what. */

static void
set_eof(struct knote *note, bool eof, unsigned int error)
{
	note->flags = eof ? note->flags | EV_EOF : note->flags & ~EV_EOF;
	note->event.fflags = error;
}

/*
 * The filter of a pipe's other end is taken, and never fires: as poll says. The
 * end of the reader has FreeBSD clear the list of knotes, each for once then.
 */
static bool
judge_pipe(struct knote *note)
{
	int used = number_of(note->fd, FIONREAD);
	short ready = double_poll(note->fd);
	bool eof = ready & (is_reader(note) ? POLLHUP : POLLERR);

	set_eof(note, eof, 0);
	if (!NETBSD && eof && is_writer(note) && double_is_pipe(note))
		note->flags |= EV_ONESHOT;
	if (is_reader(note))
		note->event.data = used;
	else
		note->event.data = eof ? 0 : fcntl(note->fd, F_GETPIPE_SZ) -
						 used;
	return eof || ready & (is_reader(note) ? POLLIN : POLLOUT);
}

static bool
judge_listener(struct knote *note, short ready)
{
	if (!is_reader(note) || !(ready & POLLIN))
		return false;
	note->event.data = backlog_of(note->fd);
	return true;
}

static bool
judge_socket(struct knote *note)
{
	int fd = note->fd;
	short ready = double_poll(fd);
	bool eof;

	if (option_of(fd, SO_ACCEPTCONN))
		return judge_listener(note, ready);
	/* Linux calls this hung up, and writable. */
	if (option_of(fd, SO_TYPE) != SOCK_DGRAM && !has_peer(fd))
		return false;
	if (is_reader(note)) {
		note->event.data = number_of(fd, FIONREAD);
		eof = ready & (POLLRDHUP | POLLHUP);
	} else {
		note->event.data = option_of(fd, SO_SNDBUF) -
				   number_of(fd, SIOCOUTQ);
		eof = is_shut_for_writing(fd, ready);
	}
	set_eof(note, eof, eof && ready & POLLERR ? guess_error(fd) : 0);
	/* A datagram socket's error wakes, without EOF. */
	if (eof || ready & POLLERR)
		return true;
	if (is_reader(note) && note->asked_fflags & NOTE_LOWAT)
		return note->event.data >= note->asked_data;
	return ready & (is_reader(note) ? POLLIN : POLLOUT);
}

static int64_t
rest_of_file(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	return st.st_size - lseek(fd, 0, SEEK_CUR);
}

static bool
judge_file(struct knote *note)
{
	note->event.data = is_reader(note) ? rest_of_file(note->fd) : 0;
	return is_writer(note) || note->event.data != 0;
}

static bool
judge_device(struct knote *note)
{
	short ready = double_poll(note->fd);

	note->event.data = is_reader(note) ? number_of(note->fd, FIONREAD) : 0;
	set_eof(note, ready & POLLHUP, 0);
	return ready & (POLLHUP | (is_reader(note) ? POLLIN : POLLOUT));
}

static bool
judge(struct knote *note)
{
	struct kqueue *inner;

	if (is_of_user(note))
		return note->triggered;
	if (is_of_signal(note) || is_of_timer(note))
		return note->event.data != 0;
	if (is_of_process(note))
		return note->event.fflags != 0;
	if (note->kind == S_IFIFO)
		return judge_pipe(note);
	if (note->kind == S_IFSOCK)
		return judge_socket(note);
	if (note->kind == S_IFREG)
		return judge_file(note);
	inner = double_inner(note);
	if (inner == NULL)
		return judge_device(note);
	double_take_edges(inner);
	note->event.data = double_count(inner);
	return note->event.data > 0;
}

bool
double_judge(struct knote *note)
{
	note->was_ready = judge(note);
	if (is_writer(note) && note->kind == S_IFSOCK)
		note->sent = double_sent(note->fd);
	return note->was_ready;
}

int64_t
double_mark(const struct knote *note)
{
	const struct kqueue *inner;

	if (note->nested != NULL) {
		inner = double_inner(note);
		return inner != NULL ? inner->queued : note->mark;
	}
	if (note->kind == S_IFIFO)
		return number_of(note->fd, FIONREAD);
	if (note->kind == S_IFREG)
		return rest_of_file(note->fd);
	if (note->kind == S_IFSOCK)
		return note->mark != 0 || has_peer(note->fd);
	return 0;
}

