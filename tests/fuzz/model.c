/* SPDX-License-Identifier: MIT */
/* Operations of every kind, made of bytes, against the model. */
#include "config.h"

#include "../model.h"
#include "fuzz.h"

enum { MOST = 120 };

const char fuzz_name[] = "model";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op ops[MOST];
	size_t n = size / OP_BYTES < MOST ? size / OP_BYTES : MOST;

	for (size_t i = 0; i < n; i++)
		model_decode(data + i * OP_BYTES, &ops[i]);
	if (model_run(ops, n, false) == 0)
		return 0;
	(void)model_run(ops, n, true);
	fflush(stdout);
	abort();
}
