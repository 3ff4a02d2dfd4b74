/* SPDX-License-Identifier: MIT */
/* Which library this is. */
#include <miost/version.h>

const char *
miost_version(void)
{
	return MIOST_VERSION;
}
