#!/bin/sh
# SPDX-License-Identifier: MIT
# The sizes and offsets that miost(7) gives to other languages are those of the
# headers, and every public struct is there.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

# The rows of the page as C: a struct has its size, a member its offset, on
# machines of 64 and of 32 bits.
rows() {
	awk '
		function assert(what, wide, narrow) {
			printf "_Static_assert(%s == " \
				"(sizeof(void *) == 8 ? %d : %d), \"%s\");\n", \
				what, wide, narrow, what
			n++
		}
		/^\.Ss / { inside = /Other languages/ }
		!inside { next }
		/^\.It Vt struct / { type = $4; assert("sizeof(struct " type ")", $6, $8) }
		/^\.It Fa / {
			assert("offsetof(struct " type ", " $3 ")", $5, $7)
		}
		END { print "int miost_rows = " n + 0 ";" }
	' "$srcdir/doc/miost.7"
}

# The structs whose members the headers show.
structs() {
	sed -n 's/^struct \(miost_[a-z_]*\) {$/\1/p' \
		"$srcdir"/include/miost/*.h
}

plan 2
{
	echo '#include <stddef.h>'
	echo '#include <miost.h>'
	rows
} >"$tmp/layout.c"
grep '_Static_assert' "$tmp/layout.c" >/dev/null ||
	echo '#error there is no row' >>"$tmp/layout.c"
# shellcheck disable=SC2086 # a list of words
try 'the sizes and offsets of the manual are those of the headers' \
	$CC ${CPPFLAGS-} ${CFLAGS-} -std=c11 -Iinclude -I"$srcdir/include" -c \
	-o "$tmp/layout.o" "$tmp/layout.c"

for struct in $(structs); do
	grep "sizeof(struct $struct)" "$tmp/layout.c" >/dev/null ||
		echo "struct $struct is not there"
done >"$tmp/wrong"
none 'every public struct is in the manual' "$tmp/wrong"
