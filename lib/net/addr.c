/* SPDX-License-Identifier: MIT */
/* Addresses: parsing, formatting, and converting what the system stores. */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "net.h"

static const char unix_prefix[] = "unix:";

#define UNIX_PREFIX (sizeof(unix_prefix) - 1)

/* The longest Unix address: BSDs accept paths longer than sun_path. */
#ifdef __linux__
#define UNIX_MOST sizeof(struct sockaddr_un)
#else
#define UNIX_MOST sizeof(struct sockaddr_storage)
#endif

/*
 * Parses all of `text` as a decimal number. It may be at most `most`, which is
 * 9 or more.
 */
static int
parse_number(const char *text, unsigned long most, unsigned long *number)
{
	unsigned long n = 0;

	if (*text == '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		unsigned long digit = (unsigned long)(*text - '0');

		if (*text < '0' || *text > '9' || n > (most - digit) / 10)
			return -EINVAL;
		n = n * 10 + digit;
	}
	*number = n;
	return 0;
}

/* Copies `len` bytes of text and adds a NUL. -EINVAL: they do not fit. */
static int
copy_part(char *buf, size_t size, const char *text, size_t len)
{
	if (len >= size)
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return 0;
}

static int
parse_ipv4(const char *text, size_t len, uint16_t port,
	   struct miost_addr *addr)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	char host[INET_ADDRSTRLEN];

	if (copy_part(host, sizeof(host), text, len) < 0 ||
	    inet_pton(AF_INET, host, &in.sin_addr) != 1)
		return -EINVAL;
	in.sin_port = htons(port);
#ifdef HAVE_STRUCT_SOCKADDR_IN_SIN_LEN
	in.sin_len = sizeof(in);
#endif
	memcpy(&addr->storage, &in, sizeof(in));
	addr->len = sizeof(in);
	return 0;
}

/*
 * Returns why if_nametoindex(3) failed. It needs a socket. If it cannot get
 * one, some C libraries, such as glibc, set errno to the error of something
 * else that they tried. So this tries to make a socket itself, and if that
 * fails, returns its error.
 */
static int
scope_error(void)
{
	int err = errno == ENXIO ? -ENODEV : -errno;
	int fd;

	if (err == -ENODEV)
		return err;
	fd = miost_socket_new(AF_UNIX, SOCK_DGRAM);
	return fd < 0 ? fd : miost__net_own(fd, err);
}

/* Parses the index or the name of an interface. */
static int
parse_scope(const char *text, size_t len, uint32_t *scope)
{
	char name[IF_NAMESIZE];		/* has room for any index, too */
	unsigned long number;

	if (len == 0)
		return -EINVAL;
	if (copy_part(name, sizeof(name), text, len) < 0)
		return -ENODEV;
	if (parse_number(name, UINT32_MAX, &number) == 0) {
		*scope = (uint32_t)number;
		return number != 0 ? 0 : -EINVAL;
	}
	*scope = if_nametoindex(name);
	return *scope != 0 ? 0 : scope_error();
}

static int
parse_ipv6(const char *text, size_t len, uint16_t port,
	   struct miost_addr *addr)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	const char *percent = memchr(text, '%', len);
	size_t host_len = percent != NULL ? (size_t)(percent - text) : len;
	char host[INET6_ADDRSTRLEN];

	if (copy_part(host, sizeof(host), text, host_len) < 0 ||
	    inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return -EINVAL;
	if (percent != NULL) {
		uint32_t scope;
		int err = parse_scope(percent + 1, len - host_len - 1, &scope);

		if (err < 0)
			return err;
		in6.sin6_scope_id = scope;
	}
	in6.sin6_port = htons(port);
#ifdef HAVE_STRUCT_SOCKADDR_IN_SIN_LEN
	in6.sin6_len = sizeof(in6);
#endif
	memcpy(&addr->storage, &in6, sizeof(in6));
	addr->len = sizeof(in6);
	return 0;
}

static int
parse_unix(const char *path, struct miost_addr *addr)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	bool abstract = path[0] == '@';
	bool is_path = path[0] != '\0' && !abstract;
	size_t len;

#ifndef __linux__
	if (abstract)
		return -ENOTSUP;
#endif
	/* A path that begins with '@' is written with "./" in front. */
	if (strncmp(path, "./@", 3) == 0)
		path += 2;
	len = strlen(path);
	/*
	 * The length of a path includes its NUL. An abstract name has a NUL in
	 * the place of its '@', and none at its end.
	 */
	if (len + (size_t)is_path > sizeof(un.sun_path))
		return -ENAMETOOLONG;
	memcpy(un.sun_path, path, len);
	if (abstract)
		un.sun_path[0] = '\0';
	len += UNIX_PATH + (size_t)is_path;
#ifdef HAVE_STRUCT_SOCKADDR_UN_SUN_LEN
	un.sun_len = (unsigned char)len;
#endif
	memcpy(&addr->storage, &un, sizeof(un));
	addr->len = (socklen_t)len;
	return 0;
}

int
miost_addr_parse(const char *text, struct miost_addr *addr)
{
	struct miost_addr parsed;
	const char *colon = strrchr(text, ':');
	unsigned long port;
	size_t len;
	int err;

	memset(&parsed, 0, sizeof(parsed));
	if (strncmp(text, unix_prefix, UNIX_PREFIX) == 0) {
		err = parse_unix(text + UNIX_PREFIX, &parsed);
	} else if (colon == NULL || parse_number(colon + 1, 65535, &port) < 0) {
		err = -EINVAL;
	} else {
		len = (size_t)(colon - text);
		if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
			err = parse_ipv6(text + 1, len - 2, (uint16_t)port,
					 &parsed);
		else
			err = parse_ipv4(text, len, (uint16_t)port, &parsed);
	}
	if (err == 0)
		*addr = parsed;
	return err;
}

static int
format_ipv4(const struct miost_addr *addr, char *buf, size_t size)
{
	struct sockaddr_in in;
	char host[INET_ADDRSTRLEN];

	memcpy(&in, &addr->storage, sizeof(in));
	inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
	return snprintf(buf, size, "%s:%u", host,
			(unsigned int)ntohs(in.sin_port));
}

static int
format_ipv6(const struct miost_addr *addr, char *buf, size_t size)
{
	struct sockaddr_in6 in6;
	char host[INET6_ADDRSTRLEN];
	char scope[IF_NAMESIZE > 11 ? IF_NAMESIZE : 11] = "";
	unsigned int number;

	memcpy(&in6, &addr->storage, sizeof(in6));
	number = in6.sin6_scope_id;
	inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
	/* A name of digits alone would be parsed as an index. */
	if (number != 0 && (if_indextoname(number, scope) == NULL ||
			    scope[strspn(scope, "0123456789")] == '\0'))
		snprintf(scope, sizeof(scope), "%u", number);
	return snprintf(buf, size, "[%s%s%s]:%u", host, number ? "%" : "",
			scope, (unsigned int)ntohs(in6.sin6_port));
}

static int
format_unix(const struct miost_addr *addr, char *buf, size_t size)
{
	char name[sizeof(addr->storage) + 1];
	size_t len = (size_t)miost__net_length(addr);

	if (len > UNIX_MOST)
		return -EINVAL;
	len -= UNIX_PATH;
	memcpy(name, (const char *)&addr->storage + UNIX_PATH, len);
	name[len] = '\0';
#ifdef __linux__
	if (len > 0 && name[0] == '\0') {
		for (size_t i = 0; i < len; i++)
			if (name[i] == '\0')
				name[i] = '@';
		return snprintf(buf, size, "%s%s", unix_prefix, name);
	}
#endif
	return snprintf(buf, size, "%s%s%s", unix_prefix,
			name[0] == '@' ? "./" : "", name);
}

int
miost_addr_format(const struct miost_addr *addr, char *buf, size_t size)
{
	int err = miost__net_length(addr);

	if (err < 0)
		return err;
	switch (addr->storage.ss_family) {
	case AF_INET:
		return format_ipv4(addr, buf, size);
	case AF_INET6:
		return format_ipv6(addr, buf, size);
	case AF_UNIX:
		return format_unix(addr, buf, size);
	default:
		return -EAFNOSUPPORT;
	}
}

/* How long an address of a family is at least. */
static size_t
least_length(int family)
{
	switch (family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return offsetof(struct sockaddr, sa_data);
	}
}

int
miost__net_length(const struct miost_addr *addr)
{
	const char *end = (const char *)&addr->storage +
			  sizeof(struct sockaddr_un);

	/* The length comes first: it may leave out the family. */
	if (addr->len < offsetof(struct sockaddr, sa_data) ||
	    addr->len < least_length(addr->storage.ss_family) ||
	    addr->len > sizeof(addr->storage))
		return -EINVAL;
	/*
	 * For a path that fills sun_path, Linux stores a length that includes
	 * a NUL behind sun_path, but it accepts no address of that length.
	 */
	if (addr->storage.ss_family == AF_UNIX &&
	    addr->len == sizeof(struct sockaddr_un) + 1 && *end == '\0')
		return sizeof(struct sockaddr_un);
	return (int)addr->len;
}

void
miost__net_settle(struct miost_addr *addr)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&addr->storage;
	bool named = addr->len > UNIX_PATH;

	/* Systems may store the full length of an address that they cut. */
	if (addr->len > sizeof(addr->storage))
		addr->len = sizeof(addr->storage);
	if (addr->len == 0 || addr->storage.ss_family != AF_UNIX)
		return;
	if (named)
		addr->len = (socklen_t)miost__net_length(addr);
#ifndef __linux__
	/*
	 * Systems may store zeros for an address without a name. On Linux,
	 * zeros are an abstract name.
	 */
	named = named && un->sun_path[0] != '\0';
#endif
	if (!named) {
		memset(&addr->storage, 0, sizeof(addr->storage));
		un->sun_family = AF_UNIX;
		addr->len = UNIX_PATH;
#ifdef HAVE_STRUCT_SOCKADDR_UN_SUN_LEN
		un->sun_len = UNIX_PATH;
#endif
	}
}
