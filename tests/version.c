/* SPDX-License-Identifier: MIT */
/* Which library it is, at compile time and at run time. */
#include "config.h"

#include <miost/version.h>

#include "tap.h"

static void
version(void)
{
	char text[32];

	check_str(miost_version(), MIOST_VERSION);
	snprintf(text, sizeof(text), "%d.%d.%d", MIOST_VERSION_MAJOR,
		 MIOST_VERSION_MINOR, MIOST_VERSION_PATCH);
	check_str(text, MIOST_VERSION);
}

static void
backend(void)
{
	check(strcmp(miost_backend(), "epoll") == 0 ||
	      strcmp(miost_backend(), "kqueue") == 0);
}

static void
features(void)
{
	bool epoll = strcmp(miost_backend(), "epoll") == 0;

	check(!miost_has(MIOST_FEATURE_EXCLUSIVE) || epoll);
	check(miost_has(MIOST_FEATURE_PRIORITY) || !epoll);
	check(miost_has(MIOST_FEATURE_PRECISE_TIMEOUT) || epoll);
	check_eq(miost_has(MIOST_FEATURE_WAKER_EVENTFD) +
			 miost_has(MIOST_FEATURE_WAKER_USER) +
			 miost_has(MIOST_FEATURE_WAKER_PIPE), 1);
#ifdef HAVE_EPOLLEXCLUSIVE
	check_eq(miost_has(MIOST_FEATURE_EXCLUSIVE), epoll);
#endif
#if defined(HAVE_EPOLL_PWAIT2) || defined(HAVE_SYS_EPOLL_PWAIT2)
	check(miost_has(MIOST_FEATURE_PRECISE_TIMEOUT));
#endif
	check(miost_has(MIOST_FEATURE_READ_CLOSED) || !epoll);
	check(!miost_has((enum miost_feature)0));
	check(!miost_has((enum miost_feature)1000));
}

static const struct tap_test tests[] = {
	{ "the headers and the library agree", version },
	{ "the backend has a name", backend },
	{ "known features, and unknown ones", features },
};

TAP_MAIN(tests)
