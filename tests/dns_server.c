/* SPDX-License-Identifier: MIT */
/*
 * A DNS server for example_cares.sh, on UDP and TCP of 127.0.0.1. Prints its
 * port, and then each query. The first letter of a name says how it answers:
 *
 *	d  not to the first query of all that come for this name
 *	t  cut off by UDP, complete by TCP
 *	n  that there is no such name
 *	m  not at all
 *
 * Other names have the address 192.0.2.1. Ends when its input does.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NAMES = 100, HEADER = 12, LONGEST = 512 };

static char seen[NAMES][LONGEST];

/* Whether the name comes for the first time. */
static int
is_new(const char *name)
{
	int i = 0;

	while (i < NAMES - 1 && seen[i][0] != '\0') {
		if (strcmp(seen[i], name) == 0)
			return 0;
		i++;
	}
	strcpy(seen[i], name);
	return 1;
}

/* Makes the query an answer in place. Returns its length; 0: no answer. */
static size_t
answer(unsigned char *packet, size_t len, int tcp)
{
	static const unsigned char record[] = {
		0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1
	};
	char name[LONGEST] = "";
	size_t at = HEADER;

	while (at < len && packet[at] != 0 && at + packet[at] + 1 < len) {
		strncat(name, (char *)packet + at + 1, packet[at]);
		strcat(name, ".");
		at += packet[at] + 1u;
	}
	at += 5;		/* the root, the type and the class */
	if (at > len || name[0] == '\0')
		return 0;
	printf("%s %s\n", tcp ? "tcp" : "udp", name);
	if (name[0] == 'm' || (name[0] == 'd' && is_new(name)))
		return 0;
	packet[2] = 0x81;
	packet[3] = 0x80;
	memset(packet + 6, 0, 6);
	if (name[0] == 'n')
		packet[3] |= 3;
	else if (name[0] == 't' && !tcp)
		packet[2] |= 2;
	else {
		packet[7] = 1;
		memcpy(packet + at, record, sizeof(record));
		at += sizeof(record);
	}
	return at;
}

static void
serve_udp(int fd)
{
	unsigned char packet[2 * LONGEST];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t n = recvfrom(fd, packet, LONGEST, 0, (struct sockaddr *)&from,
			     &size);
	size_t len = n > HEADER ? answer(packet, (size_t)n, 0) : 0;

	if (len > 0)
		sendto(fd, packet, len, 0, (struct sockaddr *)&from, size);
}

/* Answers one query. Returns -1, closed, when the client is gone. */
static int
serve_tcp(int fd)
{
	unsigned char packet[2 + 2 * LONGEST];
	size_t len = 0;

	if (recv(fd, packet, 2, MSG_WAITALL) == 2)
		len = packet[0] * 256u + packet[1];
	if (len < HEADER || len > LONGEST ||
	    recv(fd, packet + 2, len, MSG_WAITALL) != (ssize_t)len) {
		close(fd);
		return -1;
	}
	len = answer(packet + 2, len, 1);
	packet[0] = (unsigned char)(len >> 8);
	packet[1] = (unsigned char)len;
	if (len > 0)
		send(fd, packet, len + 2, MSG_NOSIGNAL);
	return fd;
}

/* The same port for both. */
static int
open_both(int *udp, int *tcp)
{
	for (int i = 0; i < 100; i++) {
		struct sockaddr_in addr = { .sin_family = AF_INET };
		socklen_t size = sizeof(addr);

		addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		*udp = socket(AF_INET, SOCK_DGRAM, 0);
		*tcp = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(*tcp, (struct sockaddr *)&addr, size) == 0 &&
		    listen(*tcp, 10) == 0 &&
		    getsockname(*tcp, (struct sockaddr *)&addr, &size) == 0 &&
		    bind(*udp, (struct sockaddr *)&addr, size) == 0)
			return ntohs(addr.sin_port);
		close(*udp);
		close(*tcp);
	}
	return 0;
}

int
main(void)
{
	/* Input, UDP, the listener, and one client at a time. */
	struct pollfd fds[4] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .events = POLLIN },
				 { .events = POLLIN },
				 { .fd = -1, .events = POLLIN } };
	int port = open_both(&fds[1].fd, &fds[2].fd);

	if (port == 0)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%d\n", port);
	while (poll(fds, 4, -1) > 0 && fds[0].revents == 0) {
		if (fds[1].revents)
			serve_udp(fds[1].fd);
		if (fds[3].fd >= 0 && fds[3].revents)
			fds[3].fd = serve_tcp(fds[3].fd);
		else if (fds[3].fd < 0 && fds[2].revents)
			fds[3].fd = accept(fds[2].fd, NULL, NULL);
	}
	return 0;
}
