#!/bin/sh
# SPDX-License-Identifier: MIT
# Threads that compute, and a loop that they wake.
program=examples/workers

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

cat >"$tmp/expected" <<'EOF'
0 primes below 0
0 primes below 2
1 primes below 3
1229 primes below 10000
168 primes below 1000
25 primes below 100
2262 primes below 20000
4 primes below 10
EOF
sort "$tmp/expected" >"$tmp/sorted"

# counts THREADS
counts() {
	limited launch "$1" 10 100 1000 10000 20000 0 2 3 </dev/null || return
	cat "$tmp/err"
	sort "$tmp/out" | diff "$tmp/sorted" - && ended 0
}

has_printed() {
	grep '^4 primes below 10$' "$tmp/out" >/dev/null
}

# After a result it is known to run; the other job takes minutes.
interrupted() {
	: >"$tmp/out"
	rm -f "$tmp/status"
	launch 2 10 2000000 10 10 10 </dev/null &
	await has_printed && kill -s INT "$(cat "$tmp/pid")" || return
	ended 0 && grep '^interrupted, [1-4] left$' "$tmp/out"
}

wrong() {
	refused 2 '^usage: ' && refused 2 '^usage: ' 1 &&
		refused 2 '^usage: ' 0 5 && refused 2 '^usage: ' 65 5 &&
		refused 2 '^usage: ' 2 -5 && refused 2 '^usage: ' 2 5x
}

plan 5
try 'one thread' counts 1
try 'four threads' counts 4
try 'more threads than jobs' counts 20
try 'SIGINT ends it' interrupted
try 'wrong arguments' wrong
