#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that runs a command: its output, its status and its time.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

# spawn ARGUMENT...: leaves the status in $status.
spawn() {
	status=0
	run examples/spawn "$@" >"$tmp/out" 2>"$tmp/err" </dev/null ||
		status=$?
}

[ -z "${MIOST_TEST_RUN-}" ] || skip_all 'valgrind changes how children end'
spawn true
[ "$status" != 77 ] || skip_all 'this system cannot watch processes'

# says STATUS OUTPUT: of the last command.
says() {
	cat "$tmp/out" "$tmp/err"
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | diff - "$tmp/out" && [ "$status" = "$1" ]
}

output() {
	spawn printf 'one\ntwo\n\nthree' &&
		says 0 '| one\n| two\n| \n| three\n'
}

long() {
	spawn awk 'BEGIN { while (i++ < 100000) print i }'
	[ "$status" = 0 ] && awk '$0 != "| " NR { exit 1 }
		END { exit NR != 100000 }' "$tmp/out"
}

statuses() {
	for expected in 0 1 3 255; do
		spawn sh -c "exit $expected" && says "$expected" '' || return
	done
}

killed() {
	for number in 9 15 10; do
		spawn sh -c "kill -$number \$\$"
		says $((128 + number)) '' || return
	done
}

missing() {
	spawn ./no/such/command
	says 127 '' && grep 'No such file' "$tmp/err"
}

# Its output ends before it does, and the other way round.
closes_early() {
	spawn sh -c 'echo said; exec >&-; sleep 0.2; exit 4'
	says 4 '| said\n'
}

talks_late() {
	spawn sh -c '(sleep 0.2; echo late) & exit 5'
	says 5 '| late\n'
}

too_long() {
	spawn -t 200 sh -c 'echo begins; exec sleep 1000'
	says 137 '| begins\n'
}

in_time() {
	spawn -t 100000 echo ok && says 0 '| ok\n'
}

wrong() {
	for arguments in '' '-t' '-t 5' '-t x true' '-t -1 true'; do
		# shellcheck disable=SC2086 # a list of words
		spawn $arguments
		[ "$status" = 2 ] && grep '^usage: ' "$tmp/err" || return
	done
}

plan 10
try 'output, line by line' output
try 'much of it' long
try 'statuses' statuses
try 'signals' killed
try 'no such command' missing
try 'the output ends first' closes_early
try 'the output ends last' talks_late
try 'killed when its time is up' too_long
try 'ended in time' in_time
try 'wrong arguments' wrong
