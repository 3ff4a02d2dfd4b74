/* SPDX-License-Identifier: MIT */
/* The backend and the features that the library was built with. */
#include "config.h"

#include <miost/version.h>

#include "selector.h"
#include "waker.h"

const char *
miost_backend(void)
{
	return miost__selector_name;
}

bool
miost_has(enum miost_feature feature)
{
	switch (feature) {
	case MIOST_FEATURE_PROCESS:
#if defined(HAVE_SYS_PIDFD_OPEN) || defined(HAVE_EVFILT_PROC)
		return true;
#else
		return false;
#endif
	case MIOST_FEATURE_WAKER_EVENTFD:
	case MIOST_FEATURE_WAKER_USER:
	case MIOST_FEATURE_WAKER_PIPE:
		return feature == miost__waker_kind;
	case MIOST_FEATURE_EXCLUSIVE:
	case MIOST_FEATURE_PRIORITY:
	case MIOST_FEATURE_READ_CLOSED:
	case MIOST_FEATURE_PRECISE_TIMEOUT:
		return miost__selector_has(feature);
	default:
		return false;
	}
}
