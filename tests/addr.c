/* SPDX-License-Identifier: MIT */
/* Addresses as text, and back. */
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "util.h"

enum { UNIX_PATH = offsetof(struct sockaddr_un, sun_path) };

static void
check_format(const struct miost_addr *addr, const char *text)
{
	char buf[256];

	check_eq(miost_addr_format(addr, buf, sizeof(buf)), strlen(text));
	check_str(buf, text);
}

static void
round_trip(void)
{
	static const char *const texts[] = {
		"127.0.0.1:80",
		"0.0.0.0:0",
		"255.255.255.255:65535",
		"[::1]:80",
		"[::]:0",
		"[2001:db8::1:2]:443",
		"[::ffff:192.0.2.1]:7",
		"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:65535",
		"unix:/run/some/socket",
		"unix:relative",
		"unix:./@at",
		"unix:/a:1",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct miost_addr addr = parse(texts[i]);

		check_format(&addr, texts[i]);
	}
}

static void
ipv4(void)
{
	struct miost_addr addr = parse("127.0.0.1:0443");
	struct sockaddr_in in;

	check_eq(addr.len, sizeof(in));
	memcpy(&in, &addr.storage, sizeof(in));
	check_eq(in.sin_family, AF_INET);
	check_eq(ntohs(in.sin_port), 443);
	check_eq(ntohl(in.sin_addr.s_addr), INADDR_LOOPBACK);
}

static void
ipv6(void)
{
	struct miost_addr addr = parse("[::1]:443");
	struct sockaddr_in6 in6;

	check_eq(addr.len, sizeof(in6));
	memcpy(&in6, &addr.storage, sizeof(in6));
	check_eq(in6.sin6_family, AF_INET6);
	check_eq(ntohs(in6.sin6_port), 443);
	check_eq(in6.sin6_scope_id, 0);
	check(memcmp(&in6.sin6_addr, &in6addr_loopback, 16) == 0);
}

static void
scopes(void)
{
	char name[IF_NAMESIZE], text[64];
	struct sockaddr_in6 in6;
	struct miost_addr addr;

	/* A number that hardly is one of an interface's. */
	addr = parse("[fe80::1%4000000000]:80");
	memcpy(&in6, &addr.storage, sizeof(in6));
	check_eq(in6.sin6_scope_id, 4000000000u);
	check_format(&addr, "[fe80::1%4000000000]:80");
	check_eq(miost_addr_parse("[fe80::1%no-such-if]:80", &addr), -ENODEV);
	check_eq(miost_addr_parse("[fe80::1%4294967296]:80", &addr), -ENODEV);
	check_eq(miost_addr_parse("[fe80::1%a-name-that-no-system-takes]:80",
				  &addr), -ENODEV);

	if (if_indextoname(1, name) == NULL)
		tap_skip("this machine has no first interface");
	snprintf(text, sizeof(text), "[fe80::1%%%s]:80", name);
	addr = parse(text);
	memcpy(&in6, &addr.storage, sizeof(in6));
	check_eq(in6.sin6_scope_id, 1);
	check_format(&addr, text);
	addr = parse("[fe80::1%1]:80");
	check_format(&addr, text);
}

static void
abstract(void)
{
	struct miost_addr addr;
	struct sockaddr_un un;
	char text[256];

#ifndef __linux__
	check_eq(miost_addr_parse("unix:@name", &addr), -ENOTSUP);
	tap_skip("this system has no abstract names");
#endif
	addr = parse("unix:@name");
	check_eq(addr.len, UNIX_PATH + 5);
	memcpy(&un, &addr.storage, sizeof(un));
	check(memcmp(un.sun_path, "\0name", 5) == 0);
	check_format(&addr, "unix:@name");
	addr = parse("unix:@");
	check_eq(addr.len, UNIX_PATH + 1);
	check_format(&addr, "unix:@");

	/* The longest, and one more. */
	memset(text, 'n', sizeof(text));
	memcpy(text, "unix:@", 6);
	text[5 + sizeof(un.sun_path)] = '\0';
	addr = parse(text);
	check_eq(addr.len, sizeof(un));
	check_format(&addr, text);
	text[5 + sizeof(un.sun_path)] = 'n';
	text[6 + sizeof(un.sun_path)] = '\0';
	check_eq(miost_addr_parse(text, &addr), -ENAMETOOLONG);

	/* A NUL within. */
	memcpy(&addr.storage, &un, sizeof(un));
	((struct sockaddr_un *)&addr.storage)->sun_path[2] = '\0';
	addr.len = UNIX_PATH + 5;
	check_format(&addr, "unix:@n@me");
}

static void
unix_paths(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct miost_addr addr = parse("unix:/x");
	char text[256];

	check_eq(addr.len, UNIX_PATH + 3);
	memset(text, 'p', sizeof(text));
	memcpy(text, "unix:/", 6);
	text[4 + sizeof(un.sun_path)] = '\0';
	addr = parse(text);
	check_eq(addr.len, sizeof(un));
	check_format(&addr, text);
	text[4 + sizeof(un.sun_path)] = 'p';
	text[5 + sizeof(un.sun_path)] = '\0';
	check_eq(miost_addr_parse(text, &addr), -ENAMETOOLONG);

	/* Not to be taken for an abstract name. */
	memcpy(un.sun_path, "@at", 4);
	memcpy(&addr.storage, &un, sizeof(un));
	addr.len = UNIX_PATH + 4;
	check_format(&addr, "unix:./@at");

	/* As systems give them: without a name, and without a NUL. */
	memset(&addr, 0, sizeof(addr));
	memcpy(&addr.storage, &un, sizeof(un));
	addr.len = UNIX_PATH;
	check_format(&addr, "unix:");
	memset(un.sun_path, 'q', sizeof(un.sun_path));
	memcpy(&addr.storage, &un, sizeof(un));
	addr.len = UNIX_PATH + 3;
	check_format(&addr, "unix:qqq");
	addr.len = sizeof(un);
	check_eq(miost_addr_format(&addr, NULL, 0), 5 + sizeof(un.sun_path));
	/* Linux counts one NUL more than there is room for. */
	addr.len = sizeof(un) + 1;
	check_eq(miost_addr_format(&addr, NULL, 0), 5 + sizeof(un.sun_path));
#ifdef __linux__
	((char *)&addr.storage)[sizeof(un)] = 'q';
	check_eq(miost_addr_format(&addr, NULL, 0), -EINVAL);
#endif
}

/* What begins as an abstract name does is read as it is written. */
static void
at_paths(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct miost_addr addr, again;
	char text[256];

	for (size_t len = 1; len < sizeof(un.sun_path); len++) {
		memset(un.sun_path, 0, sizeof(un.sun_path));
		memset(un.sun_path, '@', len);
		memset(&addr, 0, sizeof(addr));
		memcpy(&addr.storage, &un, sizeof(un));
		addr.len = (socklen_t)(UNIX_PATH + len + 1);
		check_eq(miost_addr_format(&addr, text, sizeof(text)),
			 7 + len);
		check(strncmp(text, "unix:./@", 8) == 0);
		again = parse(text);
		check_eq(again.len, addr.len);
		memcpy(&un, &again.storage, sizeof(un));
		check_eq(strlen(un.sun_path), len);
		check_eq(un.sun_path[0], '@');
		check_format(&again, text);
	}
	memset(un.sun_path, '@', sizeof(un.sun_path));
	memcpy(text + 7, un.sun_path, sizeof(un.sun_path));
	text[7 + sizeof(un.sun_path)] = '\0';
	check_eq(miost_addr_parse(text, &addr), -ENAMETOOLONG);
	/* Others keep their dots. */
	addr = parse("unix:./a");
	check_format(&addr, "unix:./a");
	addr = parse("unix:.@");
	check_format(&addr, "unix:.@");
}

/* To look for an interface needs a descriptor, with most C libraries. */
static void
no_descriptors(void)
{
	struct rlimit limit, old;
	struct miost_addr addr;
	char name[IF_NAMESIZE], text[64];
	int err, unknown;

	if (getenv("MIOST_TEST_RUN") != NULL)
		tap_skip("valgrind keeps a limit of its own");
	if (if_indextoname(1, name) == NULL)
		tap_skip("this machine has no first interface");
	snprintf(text, sizeof(text), "[fe80::1%%%s]:80", name);
	check_ok(getrlimit(RLIMIT_NOFILE, &old));
	limit = old;
	limit.rlim_cur = 0;
	check_ok(setrlimit(RLIMIT_NOFILE, &limit));
	err = miost_addr_parse(text, &addr);
	unknown = miost_addr_parse("[fe80::1%no-such-if]:80", &addr);
	addr = parse("[fe80::1%1]:80");
	check_ok(setrlimit(RLIMIT_NOFILE, &old));
#ifdef __linux__
	check_eq(err, -EMFILE);
	check_eq(unknown, -EMFILE);
#else
	check(err == 0 || err == -EMFILE);
	check(unknown == -ENODEV || unknown == -EMFILE);
#endif
	check_format(&addr, text);
}

static void
malformed(void)
{
	static const char *const texts[] = {
		"", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:65536", "127.0.0.1:99999999999999999999",
		"127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1",
		"127.0.0.1:80 ", " 127.0.0.1:80", "127.0.0:80",
		"127.0.0.256:80", "127.0.0.1.1:80", "localhost:80", "::1:80",
		"::1", "[::1]", "[::1]:", "[::1]80", "[]:80", "[::1:80",
		"::1]:80", "[:::1]:80", "[::g]:80", "[127.0.0.1]:80",
		"[fe80::1%]:80", "[fe80::1%0]:80", "[%lo]:80", "[::1]:80:80",
		"unix", "Unix:/x",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0]:1",
		"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1",
		"11111111111111111111111111111111111111111111.0.0.1:80",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct miost_addr addr, before;
		int err;

		memset(&addr, 0x5a, sizeof(addr));
		before = addr;
		err = miost_addr_parse(texts[i], &addr);
		if (err != -EINVAL)
			printf("# %s: %d\n", texts[i], err);
		check_eq(err, -EINVAL);
		check(memcmp(&addr, &before, sizeof(addr)) == 0);
	}
}

static void
bad_format(void)
{
	struct miost_addr addr = parse("127.0.0.1:80");
	char buf[8];

	addr.len = sizeof(struct sockaddr_in) - 1;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
	addr.len = 0;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
	/* All of it is more than it needs, and no harm. */
	addr.len = sizeof(addr.storage);
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), 12);
	addr = parse("[::1]:80");
	addr.len = sizeof(struct sockaddr_in6) - 1;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
	addr = parse("unix:/x");
	for (addr.len = 0; addr.len < UNIX_PATH; addr.len++)
		check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
#ifdef __linux__
	addr.len = sizeof(struct sockaddr_un) + 2;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
#endif
	addr.len = sizeof(addr.storage) + 1;
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EINVAL);
	addr.storage.ss_family = AF_UNSPEC;
	addr.len = sizeof(addr.storage);
	check_eq(miost_addr_format(&addr, buf, sizeof(buf)), -EAFNOSUPPORT);
}

static void
short_buffers(void)
{
	static const char *const texts[] = { "127.0.0.1:80", "[::1]:80",
					     "unix:/some/path" };

	for (size_t i = 0; i < 3; i++) {
		struct miost_addr addr = parse(texts[i]);
		size_t len = strlen(texts[i]);

		check_eq(miost_addr_format(&addr, NULL, 0), len);
		for (size_t size = 1; size < len + 3; size++) {
			size_t kept = size <= len ? size - 1 : len;
			char buf[32];

			memset(buf, '#', sizeof(buf));
			check_eq(miost_addr_format(&addr, buf, size), len);
			check(memcmp(buf, texts[i], kept) == 0);
			check_eq(buf[kept], '\0');
			check_eq(buf[size], '#');
		}
	}
}

static const struct tap_test tests[] = {
	{ "what is parsed is formatted the same", round_trip },
	{ "IPv4", ipv4 },
	{ "IPv6", ipv6 },
	{ "scopes by name and by number, unknown ones: -ENODEV", scopes },
	{ "abstract Unix names", abstract },
	{ "Unix paths, the longest and the unnamed", unix_paths },
	{ "paths that begin with '@'", at_paths },
	{ "no descriptor to look for an interface with: -EMFILE",
	  no_descriptors },
	{ "what is no address: -EINVAL, and nothing is stored", malformed },
	{ "addresses of the wrong length or family", bad_format },
	{ "format cuts as snprintf does", short_buffers },
};

TAP_MAIN(tests)
