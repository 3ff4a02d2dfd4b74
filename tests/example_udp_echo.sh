#!/bin/sh
# SPDX-License-Identifier: MIT
# The UDP echo server, with itself as the client.
program=examples/udp_echo

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

# client HOST TEXT...
client() {
	client_host=$1
	shift
	run "$program" -c "$client_host:$port" "$@" </dev/null
}

# echoes HOST: some texts come back, in order.
echoes() {
	client "$1" one 'two words' three >"$tmp/said" 2>"$tmp/why" || {
		cat "$tmp/said" "$tmp/why"
		return 1
	}
	printf 'echo: %s\n' one 'two words' three | diff - "$tmp/said"
}

long() {
	text=$(awk 'BEGIN { for (i = 0; i < 900; i++) printf "0123456789" }')
	client 127.0.0.1 "$text" >"$tmp/said" &&
		[ "$(cat "$tmp/said")" = "echo: $text" ]
}

many() {
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		apart client 127.0.0.1 "$i" "$i$i" "$i$i$i" >"$tmp/many.$i" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || return
	done
	[ "$(cat "$tmp"/many.* | wc -l)" -eq 24 ]
}

ends() {
	stop && grep '^echoed [1-9][0-9]* datagrams$' "$tmp/out"
}

wrong() {
	refused 2 '^usage: ' 127.0.0.1:0 127.0.0.1:0 &&
		refused 2 '^usage: ' -c 127.0.0.1:1 &&
		refused 1 'Invalid argument' nonsense &&
		refused 1 '192.0.2.1:0: ' 192.0.2.1:0
}

plan 7
try 'starts, and says where it listens' start 127.0.0.1:0
try 'echoes' echoes 127.0.0.1
try 'a long datagram' long
try 'eight clients at once' many
try 'ends when its input does' ends
exec 9>&-
try_ipv6 echoes '[::1]'
try 'wrong arguments' wrong
