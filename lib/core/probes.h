/* SPDX-License-Identifier: MIT */
/*
 * Static probes for tracers such as bpftrace and perf. miost-tracing(7) lists
 * them. A probe is a single nop, and a note in the object file that tells where
 * the nop and its arguments are. Without --enable-usdt it is no code at all.
 */
#ifndef MIOST_CORE_PROBES_H
#define MIOST_CORE_PROBES_H

#include "config.h"

/* MIOST__PROBE(NAME, ARGUMENT...): one to twelve integers or pointers. */
#ifdef MIOST_USDT
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define MIOST__PROBE(...) STAP_PROBEV(miost, __VA_ARGS__)
#else
#define MIOST__PROBE(...) ((void)0)
#endif

#endif
