/* SPDX-License-Identifier: MIT */
/* What a compiler is told for the sake of speed alone. */
#ifndef MIOST_CORE_COMPILER_H
#define MIOST_CORE_COMPILER_H

/*
 * Kept out of line: a function that is inlined has its caller save registers
 * for it, also when it is not reached.
 */
#ifdef __GNUC__
#define MIOST__NOINLINE __attribute__((noinline))
#else
#define MIOST__NOINLINE
#endif

#endif
