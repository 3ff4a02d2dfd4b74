/* SPDX-License-Identifier: MIT */
/* The version of the library. */
#include <miost/version.h>

const char *
miost_version(void)
{
	return MIOST_VERSION;
}
