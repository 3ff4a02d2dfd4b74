#!/bin/sh
# SPDX-License-Identifier: MIT
# A PostgreSQL of the test's own, on a Unix socket, and libpq.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

[ -x examples/pq ] || skip_all 'there is no libpq for this compiler'

for directory in /usr/lib/postgresql/*/bin; do
	[ ! -x "$directory/postgres" ] || PATH=$directory:$PATH
done
command -v initdb >/dev/null || skip_all 'there is no PostgreSQL server'

# The server refuses to run as root.
mkdir "$tmp/pg" && chmod 711 "$tmp" || exit 99
as=
if [ "$(id -u)" = 0 ]; then
	setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null ||
		skip_all 'no setpriv to be somebody else than root'
	as='setpriv --reuid=65534 --regid=65534 --clear-groups'
	chown 65534:65534 "$tmp/pg"
fi

# Its own processes end with it.
server=
cleanup() {
	[ -z "$server" ] || kill -s QUIT "$server" 2>/dev/null
	[ -z "$server" ] || wait "$server"
}

# shellcheck disable=SC2086 # a list of words
(cd "$tmp/pg" && $as initdb -D data -U test -A trust -N) >"$tmp/log" 2>&1 || {
	sed 's/^/# /' "$tmp/log"
	skip_all 'initdb fails'
}
# shellcheck disable=SC2086
(cd "$tmp/pg" && exec $as postgres -D data -k "$tmp/pg" -F \
	-c listen_addresses=) >"$tmp/log" 2>&1 &
server=$!

here="host=$tmp/pg port=5432 user=test dbname=postgres"

# pq ARGUMENT...: what it prints, expected as input.
pq() {
	cat >"$tmp/expected"
	run examples/pq "$@" >"$tmp/out" 2>"$tmp/err"
	pq_status=$?
	cat "$tmp/err"
	diff "$tmp/expected" "$tmp/out" && return "$pq_status"
}

is_up() {
	limited examples/pq "$here" 'select 1'
}

# fails TEXT ARGUMENT...
fails() {
	fails_text=$1
	shift
	fails_status=0
	run examples/pq "$@" >"$tmp/out" 2>&1 || fails_status=$?
	cat "$tmp/out"
	[ "$fails_status" = 1 ] && grep "$fails_text" "$tmp/out"
}

rows() {
	printf '1\ta\n2\tb\n3\n' | pq "$here" \
		"values (1, 'a'), (2, 'b')" 'select 3'
}

# A long answer, and nearly the longest command that an argument can be.
large() {
	run examples/pq "$here" "select repeat('0123456789', 1000000)" \
		>"$tmp/out" && [ "$(wc -c <"$tmp/out")" -eq 10000001 ] || return
	{
		printf "select length('"
		awk 'BEGIN { for (i = 0; i < 10000; i++) printf "0123456789" }'
		printf "')"
	} >"$tmp/query"
	echo 100000 | pq "$here" "$(cat "$tmp/query")"
}

notified() {
	printf 'miost: hello\n' | pq "$here" 'LISTEN miost' \
		"NOTIFY miost, 'hello'"
}

# By another connection, while the first does nothing but wait.
notified_later() {
	limited examples/pq "$here" 'LISTEN later' "select 'listens'" \
		>"$tmp/later" 2>&1 &
	notified_pid=$!
	await grep -q listens "$tmp/later" &&
		pq "$here" "NOTIFY later, 'by another'" </dev/null &&
		await grep -qx 'later: by another' "$tmp/later"
	notified_status=$?
	wait "$notified_pid" && return "$notified_status"
}

cancelled() {
	fails 'canceling statement due to user request' "$here" -t 200 \
		'select pg_sleep(600)' &&
		fails '^after$' "$here" -t 200 'select pg_sleep(600)' \
			"select 'after'"
}

# Nobody listens on the first ones; the last one is the server.
next_host() {
	echo 1 | pq "host=127.0.0.1,$tmp,127.0.0.1,$tmp/pg port=1,5432,1,5432 \
		user=test dbname=postgres" 'select 1'
}

unreachable() {
	fails 'onnection' "host=127.0.0.1,$tmp port=1,5432 user=test" \
		'select 1'
}

wrong() {
	fails 'syntax error' "$here" 'selec 1' &&
		fails 'no_such_option' 'no_such_option=1' 'select 1'
}

plan 9
try 'the server is up' await is_up
try 'rows' rows
try 'long answers and commands' large
try 'a notification' notified
try 'a notification while waiting' notified_later
try 'a command that takes too long is cancelled' cancelled
try 'the first hosts refuse' next_host
try 'all hosts refuse' unreachable
try 'wrong commands and options' wrong
