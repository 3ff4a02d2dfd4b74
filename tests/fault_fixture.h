/* SPDX-License-Identifier: MIT */
/* The fixture of tests in which calls fail. */
#ifndef FAULT_FIXTURE_H
#define FAULT_FIXTURE_H

#include "fault_calls.h"
#include "fixture.h"

static inline void
set_up_faults(void)
{
	reset_faults();
	set_up_pair();
}

static inline void
tear_down_faults(void)
{
	reset_faults();
	tear_down();
}

/* A child that inherits nothing, as valgrind wants to have it. */
static inline pid_t
child_of_nothing(void)
{
	pid_t child;

	tear_down();
	child = start_child(7);
	set_up_pair();
	return child;
}

#endif
