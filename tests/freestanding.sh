#!/bin/sh
# SPDX-License-Identifier: MIT
# The core knows no operating system: it compiles as freestanding, and all that
# it needs is malloc's kind, memcpy's kind and what the compiler brings.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

: "${NM:=nm}"

# What a freestanding program has to offer.
allowed='malloc calloc realloc free memcpy memmove memset memcmp'

compile_core() {
	for source in "$srcdir"/lib/core/*.c; do
		# Lists of words, here and below.
		# shellcheck disable=SC2086
		$CC -I. -Iinclude -I"$srcdir/include" ${CPPFLAGS-} -O2 \
			-std=c11 -ffreestanding -c "$source" \
			-o "$tmp/$(basename "$source" .c).o" || return
	done
}

# What no object of the core defines: but for the compiler's own helpers, those
# of its stack protector among them, and macOS's memset of zeros.
undefined() {
	$NM "$tmp"/*.o | awk '
		NF == 3 { defined[$3] = 1 }
		NF == 2 && $1 == "U" { used[$2] = 1 }
		END { for (name in used) if (!defined[name]) print name }
	' | sed "s/^$(name_prefix)//" | grep -v -e '^_*bzero$' -e '^__stack_' \
		-e '^__guard_local$' -e '^__aeabi_' -e '^_GLOBAL_OFFSET_TABLE_$' \
		-e '^__u\{0,1\}\(div\|mod\|cmp\)[a-z]*[0-9]$' -e '^__x86\.' |
		sort
}

plan 3
try 'the core compiles as freestanding' compile_core
undefined >"$tmp/undefined"
for name in $allowed; do
	echo "$name"
done | sort | comm -23 "$tmp/undefined" - >"$tmp/wrong"
none 'it needs malloc and memcpy and their kind alone' "$tmp/wrong"
grep -x malloc "$tmp/undefined" >/dev/null ||
	grep -x realloc "$tmp/undefined" >/dev/null ||
	echo 'nm shows nothing' >"$tmp/wrong"
none 'that was seen by nm' "$tmp/wrong"
