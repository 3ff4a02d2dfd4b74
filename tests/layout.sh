#!/bin/sh
# SPDX-License-Identifier: MIT
# What miost(7) tells other languages are the facts of the headers: the values
# of constants, and the sizes and offsets of every public struct.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

# The rows of the page as assertions: a constant has its value, a struct its
# size and a member its offset, on machines of 64 and of 32 bits.
rows() {
	awk '
		function assert(what, value) {
			printf "_Static_assert(%s == %s, \"%s\");\n", \
				what, value, what
		}
		function either(wide, narrow) {
			return "(sizeof(void *) == 8 ? " wide " : " narrow ")"
		}
		/^\.S[hs] / { inside = /Other languages/ }
		!inside { next }
		/^\.It Dv MIOST_/ { assert($3, $5) }
		/^\.It Vt struct / {
			type = $4
			assert("sizeof(struct " type ")", either($6, $8))
		}
		/^\.It [a-z]+ Ta [0-9]+ Ta [0-9]+$/ {
			assert("offsetof(struct " type ", " $2 ")", \
				either($4, $6))
		}
	' "$srcdir/doc/miost.7"
}

# What the headers define: the structs with members, but for tables, and the
# constants that are numbers.
structs() {
	sed -n 's/^struct \(miost_[a-z_]*\) {$/\1/p' \
		"$srcdir"/include/miost/*.h | grep -v '_ops$'
}
# members STRUCT
members() {
	sed -n "/^struct $1 {\$/,/^}/s/^	[a-z].*[ *]\([a-z]*\);.*/\1/p" \
		"$srcdir"/include/miost/*.h
}
constants() {
	sed -n -e 's/^#define \(MIOST_[A-Z_]*\) .*INT[0-9]*_C.*/\1/p' \
		-e 's/^	\(MIOST_FEATURE_[A-Z_]*\) = .*/\1/p' \
		"$srcdir"/include/miost/*.h include/miost/version.h
}

plan 2
{
	echo '#include <stddef.h>'
	echo '#include <miost.h>'
	rows
} >"$tmp/layout.c"
# shellcheck disable=SC2086 # a list of words
try 'the numbers of the manual are those of the headers' \
	$CC ${CPPFLAGS-} ${CFLAGS-} -std=c11 -Iinclude -I"$srcdir/include" -c \
	-o "$tmp/layout.o" "$tmp/layout.c"

{
	[ -n "$(structs)" ] && [ -n "$(constants)" ] || echo 'nothing was found'
	for struct in $(structs); do
		grep "(sizeof(struct $struct)" "$tmp/layout.c" >/dev/null ||
			echo "struct $struct"
		for member in $(members "$struct"); do
			grep "(struct $struct, $member)" "$tmp/layout.c" \
				>/dev/null || echo "struct $struct: $member"
		done
	done
	for constant in $(constants); do
		grep "($constant ==" "$tmp/layout.c" >/dev/null ||
			echo "$constant"
	done
} >"$tmp/wrong"
none 'every public struct and constant is in the manual' "$tmp/wrong"
