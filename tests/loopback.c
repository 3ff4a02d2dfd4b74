/* SPDX-License-Identifier: MIT */
/* Whether there is a loopback interface, for tests that start servers. */
#include "tap.h"

int
main(void)
{
	return tap_has_loopback() ? 0 : 1;
}
