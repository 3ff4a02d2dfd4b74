#!/bin/sh
# SPDX-License-Identifier: MIT
# The scheduler: what it is told to do, it does in order and not too early.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

# scheduler: commands on the input, in a pipe.
scheduler() {
	run examples/timers >"$tmp/out" 2>"$tmp/err" && return
	cat "$tmp/err"
	return 1
}

names() {
	sed 's/ .*//' "$tmp/out" | tr '\n' ' '
}

# not_early NAME MS
not_early() {
	ms=$(sed -n "s/^$1 after \([0-9]*\) ms$/\1/p" "$tmp/out")
	[ "$ms" -ge "$2" ]
}

once() {
	printf 'at late 400\nat soon 100\nat now 0\n' | scheduler || return
	cat "$tmp/out" "$tmp/err"
	[ "$(names)" = 'now soon late ' ] && not_early soon 100 &&
		not_early late 400
}

from_a_file() {
	printf 'at two 60\nat one 30\n' >"$tmp/in"
	scheduler <"$tmp/in" && [ "$(names)" = 'one two ' ]
}

changed() {
	printf 'at a 100000\nat b 50\nat c 100000\nchange a 150\ncancel c\n' |
		scheduler || return
	cat "$tmp/out"
	[ "$(names)" = 'cancelled b a ' ] && not_early a 150
}

ticked() {
	[ "$(grep -c '^tick' "$tmp/out")" -ge 5 ]
}

# Without drift: the n-th is not before n times the span, and all are counted.
again() {
	: >"$tmp/out"
	{
		echo 'every tick 20'
		await ticked
		echo 'cancel tick'
	} | scheduler || return
	cat "$tmp/out"
	awk '/^tick/ { if ($3 < 20 * ++n) exit 1 }
		END { if (n < 5) exit 1 }' "$tmp/out" &&
		[ "$(tail -n 1 "$tmp/out")" = 'cancelled tick' ]
}

complaints() {
	printf 'nonsense\nat a 1000\nat a 1\ncancel b\ncancel a\nchange x 1\n' |
		scheduler || return
	cat "$tmp/err"
	grep 'what is "nonsense"' "$tmp/err" && grep 'there is one' "$tmp/err" &&
		[ "$(grep -c 'there is none' "$tmp/err")" -eq 2 ]
}

nothing() {
	scheduler </dev/null && [ ! -s "$tmp/out" ]
}

usage() {
	examples/timers 1 2>"$tmp/err" </dev/null
	[ $? -eq 2 ] && grep '^usage: ' "$tmp/err"
}

plan 7
try 'in order, and not too early' once
try 'commands from a file' from_a_file
try 'change and cancel' changed
try 'again and again' again
try 'commands that are wrong' complaints
try 'nothing to do' nothing
try 'wrong arguments' usage
