/* SPDX-License-Identifier: MIT */
/* Operations on timers and the user queue, made of bytes, against the model. */
#include "config.h"

#include "../model.h"
#include "fuzz.h"

enum { MOST = 250 };

const char fuzz_name[] = "timers";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct op ops[MOST];
	size_t n = size / OP_BYTES < MOST ? size / OP_BYTES : MOST;

	for (size_t i = 0; i < n; i++) {
		model_decode(data + i * OP_BYTES, &ops[i]);
		ops[i].kind = (uint8_t)(OP_FIRST_OWN + data[i * OP_BYTES] %
						(OP_KINDS - OP_FIRST_OWN));
	}
	if (model_run(ops, n, false) == 0)
		return 0;
	(void)model_run(ops, n, true);
	fflush(stdout);
	abort();
}
