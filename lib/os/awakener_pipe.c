/* SPDX-License-Identifier: MIT */
/*
 * An awakener's system side on a pipe, for systems that have nothing better.
 * Every write to it is an edge, so it is never read but to make room. Linux
 * 5.5 to 5.13 said nothing of a write to a pipe that was not empty, until their
 * stable releases were mended.
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include <miost/unix.h>

#include "awakener.h"
#include "os_queue.h"

const enum miost_feature miost__awakener_kind = MIOST_FEATURE_AWAKENER_PIPE;

int
miost__awakener_open(struct miost_awakener *awakener,
		     struct miost_os_queue *queue, miost_id id)
{
	int fds[2];
	int err = miost_pipe(fds);

	if (err < 0)
		return err;
	awakener->receiver = fds[0];
	awakener->sender = fds[1];
	err = miost__os_queue_adopt(queue, fds[0], id, MIOST_EDGE);
	if (err < 0)
		close(fds[1]);
	return err < 0 ? err : 0;
}

static void
make_room(int fd)
{
	char buf[1024];

	while (read(fd, buf, sizeof(buf)) == (ssize_t)sizeof(buf))
		;
}

int
miost__awakener_signal(const struct miost_awakener *awakener)
{
	for (;;) {
		if (write(awakener->sender, "", 1) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		/*
		 * Full. Another thread's byte may be taken with it; the write
		 * that follows makes the event for both.
		 */
		make_room(awakener->receiver);
	}
}

void
miost__awakener_close(const struct miost_awakener *awakener)
{
	close(awakener->sender);
	miost__os_queue_drop(&awakener->selector, awakener->receiver);
}
