#!/bin/sh
# SPDX-License-Identifier: MIT
# Each public header compiles alone, and twice, in every standard of C and C++
# that it promises, without a warning.

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
	none "$name" "$tmp/wrong"
}

plan 8
for standard in c99 c11 c17 c2x; do
	check_standard C "$CC" $standard c
done
for standard in c++11 c++14 c++17 c++20; do
	check_standard C++ "${CXX-}" $standard cc
done
