/* SPDX-License-Identifier: MIT */
/* Sockets in steps: each step, its errors, and the options. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include "util.h"

static int
make_socket(int family, int type)
{
	return from_birth(miost_socket_new(family, type));
}

/* A stream socket with an address, and maybe the option to share it. */
static int
bind_stream(const struct miost_addr *addr, bool share)
{
	int fd = make_socket(addr->storage.ss_family, SOCK_STREAM);

	if (share)
		check_ok(miost_socket_set_reuse_port(fd, true));
	check_ok(miost_socket_bind(fd, addr));
	return fd;
}

static void
by_steps(const char *any)
{
	struct miost_addr addr = parse(any), from;
	int listener, client, server;
	char buf[4];

	listener = make_socket(addr.storage.ss_family, SOCK_STREAM);
	check_ok(miost_socket_bind(listener, &addr));
	check_ok(miost_socket_local_addr(listener, &addr));
	check_ok(miost_socket_listen(listener));
	check_eq(miost_socket_accept(listener, NULL), -EAGAIN);
	client = make_socket(addr.storage.ss_family, SOCK_STREAM);
	check_ok(miost_socket_connect(client, &addr));
	wait_for(client, POLLOUT);
	check_ok(miost_socket_connected(client));
	/* Linux says once more that it is done. */
	(void)miost_socket_connect(client, &addr);
	check_eq(miost_socket_connect(client, &addr), -EISCONN);
	wait_for(listener, POLLIN);
	server = miost_socket_accept(listener, &from);
	check(server >= 0);
	check_ok(miost_socket_local_addr(client, &addr));
	same_addr(&from, &addr);
	check_eq(miost_socket_write(client, "ping", 4), 4);
	wait_for(server, POLLIN);
	check_eq(miost_socket_read(server, buf, 4), 4);
	close(server);
	close(client);
	close(listener);
}

static void
tcp(void)
{
	by_steps("127.0.0.1:0");
}

static void
tcp_ipv6(void)
{
	need_ipv6();
	by_steps("[::1]:0");
}

static void
new_errors(void)
{
	int err = miost_socket_new(-1, SOCK_STREAM);

	check(err == -EAFNOSUPPORT || err == -EINVAL);
	err = miost_socket_new(AF_INET, 77);
	check(err == -EINVAL || err == -ESOCKTNOSUPPORT ||
	      err == -EPROTONOSUPPORT || err == -EPROTOTYPE);
}

static void
bind_errors(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd = bind_stream(&addr, false);
	int other = make_socket(AF_INET, SOCK_STREAM);

	check_eq(miost_socket_bind(fd, &addr), -EINVAL);
	check_ok(miost_socket_local_addr(fd, &addr));
	check_eq(miost_socket_bind(other, &addr), -EADDRINUSE);
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_socket_bind(other, &addr), -EINVAL);
	addr.len = 3;
	check_eq(miost_socket_bind(other, &addr), -EINVAL);
	addr = parse("192.0.2.1:0");
	check_eq(miost_socket_bind(other, &addr), -EADDRNOTAVAIL);
	check_eq(miost_socket_bind(-1, &addr), -EBADF);
	close(other);
	close(fd);
}

static void
listen_errors(void)
{
	int fd = make_socket(AF_INET, SOCK_DGRAM);

	check_eq(miost_socket_listen(fd), -EOPNOTSUPP);
	check_eq(miost_socket_listen(-1), -EBADF);
	close(fd);
}

static void
connect_errors(void)
{
	struct miost_addr addr = parse("127.0.0.1:1");
	int fd = make_socket(AF_INET, SOCK_STREAM);
	int err;

	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_socket_connect(fd, &addr), -EINVAL);
	addr.len = 2;
	check_eq(miost_socket_connect(fd, &addr), -EINVAL);
	addr.len = sizeof(struct sockaddr_in) - 1;
	check_eq(miost_socket_connect(fd, &addr), -EINVAL);
	addr = parse("[::1]:1");
	addr.len = sizeof(struct sockaddr_in6) - 1;
	check_eq(miost_socket_connect(fd, &addr), -EINVAL);
	addr = parse("127.0.0.1:1");
	check_eq(miost_socket_connect(-1, &addr), -EBADF);
	addr = parse("unix:/tmp/x");
	err = miost_socket_connect(fd, &addr);
	check(err == -EAFNOSUPPORT || err == -EINVAL);
	err = miost_socket_bind(fd, &addr);
	check(err == -EAFNOSUPPORT || err == -EINVAL);
	close(fd);
}

/* Options. */

/* Asks the system, not the library. */
static bool
is_on(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	check_ok(getsockopt(fd, level, name, &value, &len));
	return value != 0;
}

static void
switches(void)
{
	static const struct {
		int (*get)(int fd);
		int (*set)(int fd, bool on);
		int level, name;
	} all[] = {
		{ miost_socket_reuse_addr, miost_socket_set_reuse_addr,
		  SOL_SOCKET, SO_REUSEADDR },
		{ miost_socket_reuse_port, miost_socket_set_reuse_port, 0, 0 },
		{ miost_socket_nodelay, miost_socket_set_nodelay, IPPROTO_TCP,
		  TCP_NODELAY },
	};
	int fd = make_socket(AF_INET, SOCK_STREAM);

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		int err = all[i].set(fd, true);

		check_eq(all[i].get(-1), i == 1 && err == -ENOTSUP ? -ENOTSUP
								   : -EBADF);
		if (i == 1 && err == -ENOTSUP)
			continue;
		check_ok(err);
		check_eq(all[i].get(fd), 1);
		check(all[i].name == 0 ||
		      is_on(fd, all[i].level, all[i].name));
		check_ok(all[i].set(fd, false));
		check_eq(all[i].get(fd), 0);
		check_eq(all[i].set(-1, true), -EBADF);
	}
	close(fd);
}

static void
buffer_sizes(void)
{
	static const struct {
		int (*get)(int fd);
		int (*set)(int fd, int size);
		int name;
	} all[] = {
		{ miost_socket_recv_buffer_size,
		  miost_socket_set_recv_buffer_size, SO_RCVBUF },
		{ miost_socket_send_buffer_size,
		  miost_socket_set_send_buffer_size, SO_SNDBUF },
	};
	int fd = make_socket(AF_INET, SOCK_STREAM);

	for (int i = 0; i < 2; i++) {
		int true_size = 0;
		socklen_t len = sizeof(true_size);

		check_ok(all[i].set(fd, 20000 + i * 10000));
		check(all[i].get(fd) >= 20000 + i * 10000);
		check_ok(getsockopt(fd, SOL_SOCKET, all[i].name, &true_size,
				    &len));
		check_eq(all[i].get(fd), true_size);
		check_eq(all[i].set(fd, 0), -EINVAL);
		check_eq(all[i].set(fd, -1), -EINVAL);
		check_eq(all[i].get(fd), true_size);
		check_eq(all[i].set(-1, 1), -EBADF);
		check_eq(all[i].get(-1), -EBADF);
	}
	close(fd);
}

/* A second server on a port hears that there is a first one. */
static void
not_shared(void)
{
	struct miost_addr addr;
	int first = listen_on(IPV4, &addr);
	int second;

	check_eq(miost_socket_reuse_addr(first), 1);
	check_eq(miost_tcp_listen(&addr), -EADDRINUSE);
	second = make_socket(AF_INET, SOCK_STREAM);
	if (miost_socket_set_reuse_port(second, true) == 0)
		check_eq(miost_socket_bind(second, &addr), -EADDRINUSE);
	close(second);
	close(first);
	first = miost_tcp_listen(&addr);
	check(first >= 0);
	close(first);
}

/* Leaves nothing at an address but the end of a connection, in TIME_WAIT. */
static struct miost_addr
leave_time_wait(void)
{
	struct miost_addr addr;
	int listener = listen_on(IPV4, &addr);
	int client = miost_tcp_connect(&addr);
	int server;
	char byte;

	check(client >= 0);
	wait_for(listener, POLLIN);
	server = miost_socket_accept(listener, NULL);
	check(server >= 0);
	close(listener);
	/* The end that is closed first keeps the port. */
	close(server);
	wait_for(client, POLLIN);
	check_eq(miost_socket_read(client, &byte, 1), 0);
	close(client);
	return addr;
}

static void
over_time_wait(void)
{
	struct miost_addr addr = leave_time_wait();
	int fd = make_socket(AF_INET, SOCK_STREAM);
	int err = miost_socket_bind(fd, &addr);

	check_eq(miost_socket_reuse_addr(fd), 0);
	if (err == 0) {
		close(fd);
		tap_skip("this system keeps nothing of a connection within it");
	}
	check_eq(err, -EADDRINUSE);
	check_ok(miost_socket_set_reuse_addr(fd, true));
	check_ok(miost_socket_bind(fd, &addr));
	check_ok(miost_socket_listen(fd));
	close(fd);
	fd = miost_tcp_listen(&addr);
	check(fd >= 0);
	close(fd);
}

static void
shared(void)
{
	struct miost_addr addr = parse(IPV4);
	int fd = make_socket(AF_INET, SOCK_STREAM);
	int err = miost_socket_set_reuse_port(fd, true);
	int fds[2];

	close(fd);
	if (err == -ENOTSUP)
		tap_skip("this system has no ports that are shared");
	check_ok(err);
	for (int i = 0; i < 2; i++) {
		fds[i] = bind_stream(&addr, true);
		check_ok(miost_socket_local_addr(fds[i], &addr));
		check_ok(miost_socket_listen(fds[i]));
	}
	check_eq(miost_tcp_listen(&addr), -EADDRINUSE);
	close_pair(fds);
}

/* The same port, of all addresses of IPv4 or of its loopback alone. */
static struct miost_addr
ipv4_of(const struct miost_addr *six, uint32_t host)
{
	struct miost_addr four = parse("0.0.0.0:0");
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	memcpy(&in6, &six->storage, sizeof(in6));
	memcpy(&in, &four.storage, sizeof(in));
	in.sin_addr.s_addr = htonl(host);
	in.sin_port = in6.sin6_port;
	memcpy(&four.storage, &in, sizeof(in));
	return four;
}

/* An address of IPv6 is not one of IPv4, too, unless that is asked for. */
static void
ipv6_alone(void)
{
	struct miost_addr any = parse("[::]:0"), six, four;
	int fd, other = -EADDRINUSE;

	need_ipv6();
	/* Somebody else may have the port of IPv4, but hardly always. */
	for (int i = 0; i < 100 && other == -EADDRINUSE; i++) {
		fd = miost_tcp_listen(&any);
		check(fd >= 0);
		check_eq(miost_socket_v6only(fd), 1);
		check_ok(miost_socket_local_addr(fd, &six));
		four = ipv4_of(&six, INADDR_ANY);
		other = miost_tcp_listen(&four);
		close(fd);
	}
	check(other >= 0);
	close(other);

	fd = make_socket(AF_INET6, SOCK_STREAM);
	check_eq(miost_socket_v6only(fd), 1);
	if (miost_socket_set_v6only(fd, false) == -EINVAL) {
		close(fd);
		tap_skip("this system's IPv6 sockets cannot serve IPv4");
	}
	check_eq(miost_socket_v6only(fd), 0);
	check_ok(miost_socket_bind(fd, &any));
	check_eq(miost_socket_set_v6only(fd, true), -EINVAL);
	check_ok(miost_socket_listen(fd));
	check_ok(miost_socket_local_addr(fd, &six));
	four = ipv4_of(&six, INADDR_ANY);
	check_eq(miost_tcp_listen(&four), -EADDRINUSE);
	four = ipv4_of(&six, INADDR_LOOPBACK);
	other = miost_tcp_connect(&four);
	check(other >= 0);
	wait_for(other, POLLOUT);
	check_ok(miost_socket_connected(other));
	close(other);
	close(fd);
	fd = make_socket(AF_INET, SOCK_STREAM);
	check(miost_socket_v6only(fd) < 0);
	close(fd);
	fd = make_socket(AF_INET6, SOCK_DGRAM);
	check_eq(miost_socket_v6only(fd), 1);
	close(fd);
}

/* Datagrams of any family. */

static void
truncated(int from, int to)
{
	struct miost_datagram many[4];
	char buf[4][8];

	check_eq(miost_socket_write(from, "0123456789abcdef", 16), 16);
	check_eq(miost_socket_write(from, "01234567", 8), 8);
	check_eq(miost_socket_write(from, "", 0), 0);
	check_eq(miost_socket_write(from, "012345678", 9), 9);
	for (int i = 0; i < 4; i++) {
		many[i].data = buf[i];
		many[i].len = 8;
		many[i].flags = many[i].reserved = 0x80;
	}
	for (int i = 0, n; i < 4; i += n) {
		wait_for(to, POLLIN);
		n = miost_socket_recv_many(to, many + i, (size_t)(4 - i));
		check(n > 0);
	}
	check_eq(many[0].len, 8);
	check_eq(many[0].flags, MIOST_TRUNCATED);
	check_eq(many[1].len, 8);
	check_eq(many[1].flags, 0);
	check_eq(many[2].len, 0);
	check_eq(many[2].flags, 0);
	check_eq(many[3].len, 8);
	check_eq(many[3].flags, MIOST_TRUNCATED);
	for (int i = 0; i < 4; i++)
		check_eq(many[i].reserved, 0);
	/* A send does not look at them. */
	many[0].addr.len = 0;
	check_eq(miost_socket_send_many(from, many, 1), 1);
	check_eq(many[0].flags, MIOST_TRUNCATED);
}

static void
truncated_udp(void)
{
	struct miost_addr addr[2];
	int fds[2];

	for (int i = 0; i < 2; i++) {
		addr[i] = parse(IPV4);
		fds[i] = make_socket(AF_INET, SOCK_DGRAM);
		check_ok(miost_socket_bind(fds[i], &addr[i]));
		check_ok(miost_socket_local_addr(fds[i], &addr[i]));
	}
	check_ok(miost_socket_connect(fds[0], &addr[1]));
	truncated(fds[0], fds[1]);
	close_pair(fds);
}

static void
truncated_unix(void)
{
	int fds[2];

	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	truncated(fds[0], fds[1]);
	close_pair(fds);
}

/* What was queued before a socket got its peer stays. */
static void
peers_of_datagrams(void)
{
	struct miost_addr addr[3], none;
	int fds[3], error;
	char buf[4];

	for (int i = 0; i < 3; i++) {
		addr[i] = parse(IPV4);
		fds[i] = miost_udp_bind(&addr[i]);
		check(fds[i] >= 0);
		check_ok(miost_socket_local_addr(fds[i], &addr[i]));
	}
	check_eq(miost_socket_send_to(fds[2], "old", 3, &addr[0]), 3);
	wait_for(fds[0], POLLIN);
	check_ok(miost_socket_connect(fds[0], &addr[1]));
	check_ok(miost_socket_connected(fds[0]));
	check_eq(miost_socket_read(fds[0], buf, 4), 3);
	check_eq(miost_socket_send_to(fds[2], "new", 3, &addr[0]), 3);
	check_eq(miost_socket_read(fds[0], buf, 4), -EAGAIN);

	/* No family: no peer, whatever the call says of it. */
	memset(&none, 0, sizeof(none));
	none.storage.ss_family = AF_UNSPEC;
	none.len = sizeof(struct sockaddr_in);
	error = miost_socket_connect(fds[0], &none);
#ifdef __linux__
	check_ok(error);
#else
	(void)error;
#endif
	check_eq(miost_socket_peer_addr(fds[0], NULL), -ENOTCONN);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
}

/* Unix sockets without a name. */

static void
is_nameless(const struct miost_addr *addr)
{
	struct miost_addr parsed = parse("unix:");
	char text[16];

	check_eq(addr->len, parsed.len);
	check(memcmp(&addr->storage, &parsed.storage, addr->len) == 0);
	check_eq(miost_addr_format(addr, text, sizeof(text)), 5);
	check_str(text, "unix:");
}

static void
nameless(void)
{
	struct miost_datagram many[2];
	struct miost_addr addr;
	char buf[8];
	int fds[2];

	check_ok(miost_unix_pair(SOCK_DGRAM, fds));
	check_ok(miost_socket_local_addr(fds[0], &addr));
	is_nameless(&addr);
	check_ok(miost_socket_peer_addr(fds[0], &addr));
	is_nameless(&addr);
	for (int i = 0; i < 4; i++)
		check_eq(miost_socket_write(fds[0], "x", 1), 1);
	memset(&addr, 0x55, sizeof(addr));
	check_eq(miost_socket_peek_from(fds[1], buf, 8, &addr), 1);
	is_nameless(&addr);
	memset(&addr, 0x55, sizeof(addr));
	check_eq(miost_socket_recv_from(fds[1], buf, 8, &addr), 1);
	is_nameless(&addr);
	check_eq(miost_socket_recv_from(fds[1], buf, 8, NULL), 1);
	for (int i = 0; i < 2; i++) {
		many[i].data = buf;
		many[i].len = 8;
		memset(&many[i].addr, 0x55, sizeof(many[i].addr));
	}
	for (int i = 0, n; i < 2; i += n) {
		n = miost_socket_recv_many(fds[1], many + i, (size_t)(2 - i));
		check(n > 0);
	}
	for (int i = 0; i < 2; i++)
		is_nameless(&many[i].addr);
	close_pair(fds);
}

/* Of a stream no address is one, and least of all a Unix socket's. */
static void
no_sender_of_a_stream(void)
{
	struct miost_addr addr;
	char text[8], buf[4];
	int fds[2];

	make_tcp_pair(IPV4, fds);
	check_eq(miost_socket_write(fds[0], "x", 1), 1);
	wait_for(fds[1], POLLIN);
	memset(&addr, 0x55, sizeof(addr));
	check_eq(miost_socket_recv_from(fds[1], buf, 4, &addr), 1);
	check_eq(addr.len, 0);
	check_eq(miost_addr_format(&addr, text, sizeof(text)), -EINVAL);
	close_pair(fds);
}

static void
nameless_clients(void)
{
	struct miost_addr addr, peer, nobody = parse("unix:");
	int listener, client, server, fd;
	char text[sizeof(struct sockaddr_un)];

	snprintf(text, sizeof(text), "unix:/tmp/miost-steps.%ld",
		 (long)getpid());
	addr = parse(text);
	listener = bind_stream(&addr, false);
	check_ok(miost_socket_listen(listener));
	client = make_socket(AF_UNIX, SOCK_STREAM);
	check_ok(miost_socket_connect(client, &addr));
	wait_for(listener, POLLIN);
	memset(&peer, 0x55, sizeof(peer));
	server = miost_socket_accept(listener, &peer);
	check(server >= 0);
	is_nameless(&peer);
	check_ok(miost_socket_peer_addr(server, &peer));
	is_nameless(&peer);

	/* It is nobody's to be bound to, or to be connected to. */
	fd = make_socket(AF_UNIX, SOCK_STREAM);
	check_eq(miost_socket_bind(fd, &nobody), -EINVAL);
	check(miost_socket_connect(fd, &nobody) < 0);
	check_eq(miost_unix_listen(&nobody), -EINVAL);
	check_eq(miost_unix_bind(&nobody), -EINVAL);
	check(miost_unix_connect(&nobody) < 0);
	close(fd);
	close(server);
	close(client);
	close(listener);
	check_ok(unlink(text + strlen("unix:")));
}

static void
is_path(int err, const struct miost_addr *addr, const char *path)
{
	char text[256];

	check_ok(err);
	check_eq(miost_addr_format(addr, text, sizeof(text)),
		 5 + strlen(path));
	check_str(text + 5, path);
}

static void
accepted_from(int listener, const char *path)
{
	struct miost_addr addr;
	int server;

	wait_for(listener, POLLIN);
	server = miost_socket_accept(listener, &addr);
	check(server >= 0);
	is_path(0, &addr, path);
	close(server);
}

static void
received_from(int fd, int client, const char *path)
{
	char byte;
	struct miost_datagram datagram = { .data = &byte, .len = 1 };
	struct miost_addr addr;

	for (int i = 0; i < 2; i++)
		check_eq(miost_socket_write(client, "x", 1), 1);
	check_eq(miost_socket_recv_from(fd, &byte, 1, &addr), 1);
	is_path(0, &addr, path);
	check_eq(miost_socket_recv_many(fd, &datagram, 1), 1);
	is_path(0, &datagram.addr, path);
}

/* An address of the system's own, for every call that takes one. */
static void
takes_as_given(const struct miost_addr *addr)
{
	struct miost_datagram datagram = { .data = (char[]){ "x" }, .len = 1,
					   .addr = *addr };
	int fd = miost_unix_bind(addr);
	int other = make_socket(AF_UNIX, SOCK_DGRAM);
	char buf[4];

	check(fd >= 0);
	check_eq(miost_socket_send_to(other, "x", 1, addr), 1);
	check_eq(miost_socket_send_many(other, &datagram, 1), 1);
	check_ok(miost_socket_connect(other, addr));
	check_eq(miost_socket_write(other, "x", 1), 1);
	for (int i = 0; i < 3; i++)
		check_eq(miost_socket_read(fd, buf, 4), 1);
	close(other);
	close(fd);
}

/* A path that fills its place comes back as one that can be used. */
static void
longest_path(void)
{
	char directory[] = "/tmp/miost-steps.XXXXXX";
	char path[sizeof(struct sockaddr_un)];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t room = sizeof(un.sun_path);
	struct miost_addr addr, own;
	char text[256];
	int fd, client;

	check(mkdtemp(directory) != NULL);
	memset(path, 'p', sizeof(path));
	memcpy(path, directory, strlen(directory));
	path[strlen(directory)] = '/';
	memcpy(un.sun_path, path, room);
	path[room] = '\0';
	memset(&addr, 0, sizeof(addr));
	memcpy(&addr.storage, &un, sizeof(un));
	addr.len = sizeof(un);
	fd = make_socket(AF_UNIX, SOCK_STREAM);
	if (miost_socket_bind(fd, &addr) < 0) {
		close(fd);
		check_ok(rmdir(directory));
		tap_skip("this system wants a NUL after a path");
	}
	check_ok(miost_socket_listen(fd));
	is_path(miost_socket_local_addr(fd, &own), &own, path);
	check(own.len <= sizeof(un));
	client = miost_unix_connect(&own);
	check(client >= 0);
	is_path(miost_socket_peer_addr(client, &own), &own, path);
	close(client);
	/* And as the system gives it. */
	memset(&own, 0, sizeof(own));
	own.len = sizeof(own.storage);
	check_ok(getsockname(fd, (struct sockaddr *)&own.storage, &own.len));
	is_path(0, &own, path);
	client = miost_unix_connect(&own);
	check(client >= 0);
	close(client);
	close(fd);
	check_ok(unlink(path));
	takes_as_given(&own);
	check_ok(unlink(path));

	/* As that of a client, and of a sender. */
	snprintf(text, sizeof(text), "unix:%s/x", directory);
	own = parse(text);
	for (int i = 0; i < 2; i++) {
		int type = i ? SOCK_DGRAM : SOCK_STREAM;

		fd = make_socket(AF_UNIX, type);
		check_ok(miost_socket_bind(fd, &own));
		client = make_socket(AF_UNIX, type);
		check_ok(miost_socket_bind(client, &addr));
		if (type == SOCK_STREAM)
			check_ok(miost_socket_listen(fd));
		check_ok(miost_socket_connect(client, &own));
		if (type == SOCK_STREAM)
			accepted_from(fd, path);
		else
			received_from(fd, client, path);
		close(client);
		close(fd);
		check_ok(unlink(path));
		check_ok(unlink(text + strlen("unix:")));
	}
	check_ok(rmdir(directory));
}

/* A path that begins with '@', there and back. */
static void
at_path(void)
{
	char directory[] = "/tmp/miost-steps.XXXXXX";
	char cwd[4096], name[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct miost_addr addr, own;
	char text[256];
	int fd;

	check(getcwd(cwd, sizeof(cwd)) != NULL);
	check(mkdtemp(directory) != NULL);
	check_ok(chdir(directory));
	memset(name, '@', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), "unix:./%s", name);
	addr = parse(text);
	fd = miost_unix_listen(&addr);
	check(fd >= 0);
	check_ok(access(name, F_OK));
	check_ok(miost_socket_local_addr(fd, &own));
	same_addr(&own, &addr);
	close(fd);
	check_ok(unlink(name));
	check_ok(chdir(cwd));
	check_ok(rmdir(directory));
}

/* Descriptor 0 is one like all others. */

/* What errno was before means nothing. */
static void
is_zero(int fd)
{
	check_eq(fd, 0);
	close(fd);
	errno = ENOSYS;
}

static void
descriptor_zero(void)
{
	struct miost_addr any = parse(IPV4), tcp = any, own;
	struct miost_addr peer, addr;
	int keep = fcntl(0, F_DUPFD_CLOEXEC, 100);
	int listener = miost_tcp_listen(&tcp), client, fds[2];
	bool six = has_ipv6();
	char path[64];

	if (keep < 0) {
		close(listener);
		tap_skip("there is no descriptor 0 to begin with");
	}
	check_ok(miost_socket_local_addr(listener, &tcp));
	client = miost_tcp_connect(&tcp);
	check(client > 0);
	wait_for(listener, POLLIN);
	snprintf(path, sizeof(path), "unix:/tmp/miost-zero.%ld",
		 (long)getpid());
	own = parse(path);
	close(0);
	errno = ENOSYS;
	is_zero(miost_socket_new(AF_INET, SOCK_STREAM));
	if (six) {
		check_eq(miost_socket_new(AF_INET6, SOCK_STREAM), 0);
		check_eq(miost_socket_v6only(0), 1);
		close(0);
	}
	check_eq(miost_tcp_connect(&tcp), 0);
	wait_for(0, POLLOUT);
	check_ok(miost_socket_connected(0));
	close(0);
	check_eq(miost_tcp_listen(&any), 0);
	check_eq(miost_socket_accept(0, NULL), -EAGAIN);
	close(0);
	check_eq(miost_udp_bind(&any), 0);
	check_eq(miost_socket_bind(0, &any), -EINVAL);
	close(0);
	is_zero(miost_socket_clone(listener));
	memset(&peer, 0x55, sizeof(peer));
	is_zero(miost_socket_accept(listener, &peer));
	check_ok(miost_socket_local_addr(client, &addr));
	same_addr(&peer, &addr);
	is_zero(miost_unix_bind(&own));
	check_ok(unlink(path + strlen("unix:")));
	check_eq(miost_unix_listen(&own), 0);
	check_eq(miost_socket_accept(0, NULL), -EAGAIN);
	fds[0] = miost_unix_connect(&own);
	check(fds[0] > 0);
	close(fds[0]);
	check_eq(dup2(0, client), client);
	is_zero(0);
	check_eq(miost_unix_connect(&own), 0);
	check_ok(miost_socket_connected(0));
	close(0);
	check_ok(unlink(path + strlen("unix:")));
	check_ok(miost_unix_pair(SOCK_STREAM, fds));
	close(fds[1]);
	is_zero(fds[0]);
	check_ok(miost_pipe(fds));
	check_eq(miost_pipe_write(fds[1], "x", 1), 1);
	close(fds[1]);
	check_eq(miost_pipe_read(fds[0], path, 1), 1);
	is_zero(fds[0]);
	check_eq(dup2(keep, 0), 0);
	close(keep);
	close(client);
	close(listener);
}

static const struct tap_test tests[] = {
	{ "TCP in steps", tcp },
	{ "TCP in steps, IPv6", tcp_ipv6 },
	{ "sockets that there are not", new_errors },
	{ "bind: its errors", bind_errors },
	{ "listen: its errors", listen_errors },
	{ "connect: its errors", connect_errors },
	{ "options that are on or off", switches },
	{ "sizes of buffers", buffer_sizes },
	{ "a port that somebody listens on: -EADDRINUSE", not_shared },
	{ "a port that a closed connection still has", over_time_wait },
	{ "a port that all agree to share", shared },
	{ "IPv6 alone, unless asked otherwise", ipv6_alone },
	{ "datagrams that were cut say so, UDP", truncated_udp },
	{ "datagrams that were cut say so, Unix", truncated_unix },
	{ "a datagram socket's peer, and none again", peers_of_datagrams },
	{ "datagrams of a socket without a name", nameless },
	{ "a stream has no sender", no_sender_of_a_stream },
	{ "clients without a name", nameless_clients },
	{ "the longest path", longest_path },
	{ "a path that begins with '@'", at_path },
	{ "descriptor 0", descriptor_zero },
};

TAP_MAIN(tests)
