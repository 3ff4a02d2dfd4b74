#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that tells clients their address, by nc as the client.
program=examples/tcp_server

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

# client HOST: prints what the server sends.
client() {
	nc -w "$(time_limit 20)" "$1" "$port" </dev/null
}

# Serving.

# told HOST PREFIX: a client hears of an address, and the server tells it too.
told() {
	client "$1" >"$tmp/line" || return
	cat "$tmp/line"
	told_address=$(sed -n 's/^your address is //p' "$tmp/line")
	case $told_address in
	"$2":[1-9]*) ;;
	*) return 1 ;;
	esac
	[ "$(wc -l <"$tmp/line")" -eq 1 ] &&
		await grep -Fqx "served $told_address" "$tmp/out"
}

plan 10

try "starts, and says where it listens" start 127.0.0.1:0
try "tells a client its address" told 127.0.0.1 127.0.0.1

many() {
	served=$(($(grep -c '^served ' "$tmp/out") + 10))
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		apart client 127.0.0.1 >>"$tmp/many" &
	done
	await all_served && return
	cat "$tmp/many" "$tmp/out" "$tmp/err"
	return 1
}
all_served() {
	[ "$(grep -c '^served ' "$tmp/out")" -eq "$served" ] &&
		[ "$(sort -u "$tmp/many" | grep -c '^your ')" -eq 10 ]
}
try "ten clients at once" many
try "ends when its input does" stop

once() {
	start --once 127.0.0.1:0 && told 127.0.0.1 127.0.0.1 && ended 0
}
try "--once: ends after one client" once
exec 9>&-

try "serves without input" without_input told 127.0.0.1 127.0.0.1
try_ipv6 told ::1 '[::1]'
try_errors
