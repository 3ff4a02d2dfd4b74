#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, and twice, and the constants in use, in
# every standard of C and C++ that is promised, without a warning.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

headers=$(cd "$srcdir/include" && ls miost.h miost/*.h &&
	{ [ -f miost/version.h ] || echo miost/version.h; })

# compiles COMPILER STANDARD SOURCE
compiles() {
	# The compiler may come with arguments.
	# shellcheck disable=SC2086
	$1 "-std=$2" -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion \
		-Werror -Iinclude -I"$srcdir/include" -c -o "$tmp/object.o" "$3"
}

# check_standard LANGUAGE COMPILER STANDARD SUFFIX
check_standard() {
	name="$1: each header alone, -std=$3"
	if [ -z "$2" ]; then
		skip "$name" "no compiler for $1"
		return
	fi
	echo 'int miost_nothing;' >"$tmp/nothing.$4"
	if ! compiles "$2" "$3" "$tmp/nothing.$4" 2>/dev/null; then
		skip "$name" "$2 does not know it"
		return
	fi
	: >"$tmp/wrong"
	for header in $headers; do
		printf '#include <%s>\n#include <%s>\nint miost_nothing;\n' \
			"$header" "$header" >"$tmp/header.$4"
		compiles "$2" "$3" "$tmp/header.$4" >"$tmp/said" 2>&1 ||
			{ echo "<$header>:" && cat "$tmp/said"; } >>"$tmp/wrong"
	done
	cp "$tmp/use" "$tmp/use.$4"
	compiles "$2" "$3" "$tmp/use.$4" >>"$tmp/wrong" 2>&1 || :
	none "$name" "$tmp/wrong"
}

# What a program writes with the constants, and their types.
cat >"$tmp/use" <<'EOF'
#include <miost.h>
#ifdef __cplusplus
#include <type_traits>
#define IS_A(type, number) \
	static_assert(std::is_same<decltype(number), type>::value, #number)
#elif __STDC_VERSION__ >= 201112L
#define IS_A(type, number) \
	_Static_assert(_Generic((number), type: 1, default: 0), #number)
#else
#define IS_A(type, number) struct miost_unused
#endif
IS_A(miost_ready, MIOST_READABLE);
IS_A(miost_ready, MIOST_PRIORITY);
IS_A(miost_ready, MIOST_WRITABLE);
IS_A(miost_ready, MIOST_ERROR);
IS_A(miost_ready, MIOST_HUP);
IS_A(miost_ready, MIOST_TIMER);
IS_A(miost_ready, MIOST_READ_CLOSED);
IS_A(miost_ready, MIOST_WRITE_CLOSED);
IS_A(miost_ready, MIOST_MAY_READ);
IS_A(miost_ready, MIOST_MAY_WRITE);
IS_A(miost_options, MIOST_LEVEL);
IS_A(miost_options, MIOST_EDGE);
IS_A(miost_options, MIOST_ONESHOT);
IS_A(miost_options, MIOST_EXCLUSIVE);
IS_A(uint32_t, MIOST_TRUNCATED);
IS_A(int64_t, MIOST_FOREVER);
miost_interests miost_some(miost_ready ready, miost_options options);
miost_interests miost_some(miost_ready ready, miost_options options)
{
	miost_interests some = MIOST_READABLE | MIOST_PRIORITY;
	miost_options other = MIOST_EDGE | MIOST_ONESHOT;
	struct miost_event event;

	event.readiness = ready & ~MIOST_HUP;
	options &= ~MIOST_EXCLUSIVE;
	if (event.readiness & MIOST_MAY_READ)
		some &= ~MIOST_READABLE;
	return miost_deadline(0, MIOST_FOREVER) < 0 && other != options
		       ? some : event.readiness & ~MIOST_MAY_WRITE;
}
int miost_more(struct miost_queue *queue, miost_id id);
int miost_more(struct miost_queue *queue, miost_id id)
{
#ifdef __cplusplus
	return miost_queue_add(queue, { id, MIOST_READABLE, 0 });
#else
	struct miost_event more = { .id = id, .readiness = MIOST_READABLE };

	return miost_queue_add(queue, more);
#endif
}
EOF

plan 9
for standard in c99 c11 c17 c2x; do
	check_standard C "$CC" $standard c
done
for standard in c++11 c++14 c++17 c++20 c++23; do
	check_standard C++ "${CXX-}" $standard cc
done
