#!/bin/sh
# SPDX-License-Identifier: MIT
# Parts of a program with queues of their own, as sources of one poll.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

runs() {
	run examples/nested >"$tmp/out" 2>"$tmp/err"
	status=$?
	cat "$tmp/out" "$tmp/err"
	[ "$status" -eq 0 ]
}

# says REGEX: on one line, exactly.
says() {
	[ "$(grep -cx "$1" "$tmp/out")" -eq 1 ]
}

# Both parts have events 1; nobody gets the other's, and none is missing.
apart() {
	cat "$tmp/out"
	says 'writer: event 1, letter 1' && says 'writer: event 1, letter 2' &&
		says 'writer: event 1, letter 3' &&
		says 'reader: event 2, silence' && says 'program: event 2' &&
		[ "$(sed -n 's/^reader: event 1, //p' "$tmp/out" |
			tr -d '\n')" = abc ]
}

# A part ends, and the other one goes on.
ends() {
	cat "$tmp/out"
	says 'program: part 0 has ended' && says 'program: part 1 has ended' &&
		[ "$(tail -n 1 "$tmp/out")" = 'program: part 1 has ended' ]
}

plan 3
try 'runs, and ends' runs
try 'ids that are the same are kept apart' apart
try 'one part outlives the other' ends
