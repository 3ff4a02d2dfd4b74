#!/bin/sh
# SPDX-License-Identifier: MIT
# Several processes that serve one port.
program=examples/prefork

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

clients=40

# client: prints what the server sends.
client() {
	nc -w "$(time_limit 20)" 127.0.0.1 "$port" </dev/null
}

# Each client is served by one of three.
served() {
	: >"$tmp/served"
	i=0
	while [ "$i" -lt "$clients" ]; do
		client >>"$tmp/served" 9>&- || return
		i=$((i + 1))
	done
	[ "$(grep -c '^served by [012]$' "$tmp/served")" -eq "$clients" ]
}

# told: each process has told what it did, and the sums are right.
told() {
	cat "$tmp/out" "$tmp/err"
	[ "$(grep -c '^worker [012]: ' "$tmp/out")" -eq 3 ] &&
		awk -v clients="$clients" '
			/^worker/ {
				sub(/,/, "", $4)
				sub(/,/, "", $6)
				woken += $4
				served += $6
				nothing += $9
			}
			END {
				exit served != clients ||
					woken != served + nothing
			}
		' "$tmp/out"
}

# serves ARGUMENT...: to the end of the input.
serves() {
	start "$@" 3 127.0.0.1:0 && served && stop && told
}

by_signal() {
	start 3 127.0.0.1:0 && served && kill -s TERM "$(cat "$tmp/pid")" &&
		ended 0 && told
}

# gone: nobody has the listener any more.
gone() {
	! client >/dev/null 2>&1
}

# The parent is killed: the others end by themselves.
parent_killed() {
	start 3 127.0.0.1:0 && kill -s KILL "$(cat "$tmp/pid")" && await gone
}

# A listener for each: Linux spreads connections, other systems need not.
each_its_own() {
	serves -p && [ "$(sed -n 's/^worker.* served 0,//p' "$tmp/out" |
		wc -l)" -le "$may_idle" ]
}
may_idle=2
[ "$(uname)" != Linux ] || may_idle=1

# A second one that does not ask to share the port, either, is refused.
not_shared() {
	start 1 127.0.0.1:0 || return
	not_shared_status=0
	run "$program" 1 "127.0.0.1:$port" </dev/null >"$tmp/second" 2>&1 ||
		not_shared_status=$?
	cat "$tmp/second"
	[ "$not_shared_status" -eq 1 ] && grep 'in use' "$tmp/second" && stop
}

wrong() {
	refused 2 '^usage: ' && refused 2 '^usage: ' -a &&
		refused 2 '^usage: ' -p &&
		refused 2 '^usage: ' 0 && refused 2 '^usage: ' 65 &&
		refused 1 'Invalid argument' 2 nonsense
}

plan 7
try 'forty clients, and what was done' serves
exec 9>&-
try 'the same when all are woken' serves -a
exec 9>&-
try 'the same when each has a listener' each_its_own
exec 9>&-
try 'a port is not shared unasked' not_shared
exec 9>&-
try 'ends with SIGTERM' by_signal
exec 9>&-
try 'ends when the parent is killed' parent_killed
exec 9>&-
try 'wrong arguments' wrong
