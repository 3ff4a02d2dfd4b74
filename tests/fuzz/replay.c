/* SPDX-License-Identifier: MIT */
/* Gives a target the files of its corpus, or those that are named. */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#ifndef MIOST_LIBFUZZER

#include "../tap.h"

enum { LONGEST = 65536 };

static int number;

/* A target ends the program if it finds something. */
static int
replay(const char *path)
{
	static uint8_t data[LONGEST];
	FILE *file = fopen(path, "rb");
	size_t size;

	number++;
	if (file == NULL) {
		printf("not ok %d - %s\n# cannot be opened\n", number, path);
		return 1;
	}
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	printf("# %s\n", path);
	fflush(stdout);
	alarm(60);
	(void)LLVMFuzzerTestOneInput(data, size);
	printf("ok %d - %s: %s\n", number, fuzz_name,
	       strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path);
	fflush(stdout);
	return 0;
}

static int
replay_all(const char *directory)
{
	char path[4096];
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int failed = 0;

	if (dir == NULL) {
		printf("not ok 1 - %s\n# cannot be opened\n", directory);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		int n = snprintf(path, sizeof(path), "%s/%s", directory,
				 entry->d_name);

		if (entry->d_name[0] != '.' && n < (int)sizeof(path))
			failed |= replay(path);
	}
	closedir(dir);
	return failed;
}

int
main(int argc, char *argv[])
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	int failed = 0;

	if (strcmp(fuzz_name, "model") == 0 && !tap_has_loopback()) {
		printf("1..0 # SKIP there is no loopback interface\n");
		return 0;
	}
	for (int i = 1; i < argc; i++)
		failed |= replay(argv[i]);
	if (argc == 1) {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
			 srcdir != NULL ? srcdir : ".", fuzz_name);
		failed = replay_all(path);
	}
	printf("1..%d\n", number);
	return failed;
}

#endif
