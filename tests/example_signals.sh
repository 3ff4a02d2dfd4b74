#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that prints signals, sent to it as anybody sends them.
program=examples/signals

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

ready() {
	grep '^ready, pid ' "$tmp/out" >/dev/null
}

begin() {
	: >"$tmp/out"
	rm -f "$tmp/status"
	launch </dev/null &
	await ready && pid=$(sed -n 's/^ready, pid //p' "$tmp/out")
}

# got NAME TIMES: at least so often.
got() {
	[ "$(grep -cx "got SIG$1" "$tmp/out")" -ge "$2" ]
}

# each: one after the other.
each() {
	for signal in HUP INT USR1 USR2 CHLD; do
		kill -s "$signal" "$pid" && await got "$signal" 1 || return
	done
	[ "$(wc -l <"$tmp/out")" -eq 6 ]
}

# A burst is at least one, and at most as many as were sent.
burst() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		kill -s USR1 "$pid" && kill -s USR2 "$pid" || return
	done
	await got USR1 2 && await got USR2 2 &&
		[ "$(grep -c USR1 "$tmp/out")" -le 11 ]
}

goes_on() {
	kill -s STOP "$pid" && kill -s HUP "$pid" && kill -s CONT "$pid" &&
		await got HUP 2
}

ends() {
	kill -s TERM "$pid" && ended 0 &&
		[ "$(tail -n 1 "$tmp/out")" = 'got SIGTERM' ]
}

wrong() {
	refused 2 '^usage: ' now
}

plan 6
try 'starts' begin
try 'prints each signal' each
try 'a burst' burst
try 'stopped and continued' goes_on
try 'ends with SIGTERM' ends
try 'wrong arguments' wrong
