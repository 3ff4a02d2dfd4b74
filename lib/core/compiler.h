/* SPDX-License-Identifier: MIT */
/* Hints to the compiler, for speed alone. */
#ifndef MIOST_CORE_COMPILER_H
#define MIOST_CORE_COMPILER_H

/*
 * Keeps a function out of line. Inlined, it makes its caller save registers for
 * it, even on paths that do not reach it.
 */
#ifdef __GNUC__
#define MIOST__NOINLINE __attribute__((noinline))
#else
#define MIOST__NOINLINE
#endif

#endif
