/* SPDX-License-Identifier: MIT */
/*
 * What a fuzz target is: a name, and what is done with some bytes. libFuzzer
 * brings the main of its own; without it replay.c has one, which is given the
 * files of the corpus.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The directory in corpus/. */
extern const char fuzz_name[];

/* Ends the program if it finds anything; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
