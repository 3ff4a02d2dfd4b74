/* SPDX-License-Identifier: MIT */
/* Which library this is, and what it was built with. */
#include <miost/version.h>

#include "selector.h"

const char *
miost_version(void)
{
	return MIOST_VERSION;
}

const char *
miost_backend(void)
{
	return miost__selector_name;
}

bool
miost_has(enum miost_feature feature)
{
	return miost__selector_has(feature);
}
