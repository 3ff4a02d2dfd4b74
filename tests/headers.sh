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
	$1 "-std=$2" -Wall -Wextra -Wpedantic -Werror -Iinclude \
		-I"$srcdir/include" -c -o "$tmp/object.o" "$3"
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

# What a program writes with the constants.
cat >"$tmp/use" <<'EOF'
#include <miost.h>
miost_interests miost_some(miost_ready ready);
miost_interests miost_some(miost_ready ready)
{
	miost_interests some = MIOST_TCP_LISTENER_INTERESTS | MIOST_PRIORITY;
	miost_option option = MIOST_EDGE | MIOST_ONESHOT;

	some |= MIOST_TCP_STREAM_INTERESTS | MIOST_UDP_INTERESTS |
		MIOST_PIPE_RECEIVER_INTERESTS | MIOST_PIPE_SENDER_INTERESTS;
	if (miost_ready_contains(ready, MIOST_HUP | MIOST_READ_CLOSED))
		some &= ~(miost_interests)MIOST_READABLE;
	return miost_deadline(0, MIOST_FOREVER) < 0 && option ? some : ready;
}
EOF

plan 9
for standard in c99 c11 c17 c2x; do
	check_standard C "$CC" $standard c
done
for standard in c++11 c++14 c++17 c++20 c++23; do
	check_standard C++ "${CXX-}" $standard cc
done
