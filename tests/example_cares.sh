#!/bin/sh
# SPDX-License-Identifier: MIT
# Look-ups by c-ares, at a server that drops and truncates.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

[ -x examples/cares ] || skip_all 'there is no c-ares for this compiler'

# The server ends with its input: descriptor 9.
mkfifo "$tmp/in"
tests/dns_server <"$tmp/in" >"$tmp/queries" 2>&1 &
exec 9>"$tmp/in"
await test -s "$tmp/queries" || exit 99
port=$(sed -n 1p "$tmp/queries")

# looks_up STATUS NAME...: what is printed, sorted, is expected as input.
looks_up() {
	looks_up_status=$1
	shift
	cat >"$tmp/expected"
	looks_up_got=0
	run examples/cares -s "127.0.0.1:$port" "$@" >"$tmp/out" 9>&- ||
		looks_up_got=$?
	sort "$tmp/out" | diff "$tmp/expected" - || return
	[ "$looks_up_got" = "$looks_up_status" ]
}

# asked WAY NAME: how often.
asked() {
	grep -cx "$1 $2\." "$tmp/queries"
}

one() {
	echo 'a.test: 192.0.2.1' | looks_up 0 a.test
}

dropped() {
	echo 'drop.test: 192.0.2.1' | looks_up 0 drop.test &&
		[ "$(asked udp drop.test)" -ge 2 ]
}

truncated() {
	echo 'trunc.test: 192.0.2.1' | looks_up 0 trunc.test &&
		[ "$(asked udp trunc.test)" -ge 1 ] &&
		[ "$(asked tcp trunc.test)" -ge 1 ]
}

failing() {
	looks_up 1 none.test mute.test <<'END'
mute.test: Timeout while contacting DNS servers
none.test: Domain name not found
END
}

many() {
	names=
	for i in 10 11 12 13 14 15 16 17 18 19; do
		names="$names a$i.test d$i.test t$i.test"
	done
	# shellcheck disable=SC2086 # a list of words
	printf '%s: 192.0.2.1\n' $names | sort >"$tmp/all"
	# shellcheck disable=SC2086
	looks_up 0 $names <"$tmp/all"
}

wrong() {
	wrong_status=0
	run examples/cares 2>"$tmp/err" || wrong_status=$?
	[ "$wrong_status" = 2 ] && grep '^usage: ' "$tmp/err" || return
	wrong_status=0
	run examples/cares -s no-address:x a.test 2>"$tmp/err" ||
		wrong_status=$?
	[ "$wrong_status" = 1 ] && grep '^cares: ' "$tmp/err"
}

plan 6
try 'one name' one
try 'an answer that is lost' dropped
try 'an answer that is truncated' truncated
try 'no such name, and no answer' failing
try 'many names at once' many
try 'wrong use' wrong
exec 9>&-
