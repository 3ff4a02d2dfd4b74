/* SPDX-License-Identifier: MIT */
/*
 * Static probes, for bpftrace, perf and their kind; miost-tracing(7) lists
 * them. A probe is a single nop and a note in the object file that says where
 * it is and where its arguments are; without --enable-usdt it is nothing.
 */
#ifndef MIOST_CORE_PROBES_H
#define MIOST_CORE_PROBES_H

#include "config.h"

/* MIOST__PROBE(NAME, ARGUMENT...): one to twelve, whole numbers or pointers. */
#ifdef MIOST_USDT
#define SDT_USE_VARIADIC
#include <sys/sdt.h>
#define MIOST__PROBE(...) STAP_PROBEV(miost, __VA_ARGS__)
#else
#define MIOST__PROBE(...) ((void)0)
#endif

#endif
