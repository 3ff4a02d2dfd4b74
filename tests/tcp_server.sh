#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that tells clients their address, by nc as the client.
program=examples/tcp_server
name=${program#*/}

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

# Input that cannot be watched, or is closed, does not end it.
inputless() {
	rm -f "$tmp/status"
	: >"$tmp/out"
	if [ "$1" = null ]; then
		launch --once 127.0.0.1:0 </dev/null &
	else
		launch --once 127.0.0.1:0 <&- &
	fi
	await listening && told 127.0.0.1 127.0.0.1 && ended 0
}
both_inputless() {
	inputless null && inputless closed
}
try "serves without input" both_inputless

ipv6() {
	start '[::1]:0' && told ::1 '[::1]' && stop
}
if has_ipv6; then
	try "IPv6" ipv6
	exec 9>&-
else
	skip "IPv6" 'this machine has no IPv6 loopback address'
fi

# Wrong use, and errors.

# refused STATUS TEXT ARGUMENT...: the program ends at once and says why.
refused() {
	refused_status=$1
	refused_text=$2
	shift 2
	rm -f "$tmp/status"
	launch "$@" </dev/null
	cat "$tmp/err"
	[ "$(cat "$tmp/status")" = "$refused_status" ] &&
		[ ! -s "$tmp/out" ] && grep "$refused_text" "$tmp/err"
}

wrong_use() {
	refused 2 "^usage: $name " &&
		refused 2 '^usage: ' 127.0.0.1:0 127.0.0.1:0 &&
		refused 2 '^usage: ' --once &&
		refused 2 '^usage: ' --twice 127.0.0.1:0
}
try "wrong use" wrong_use

invalid_address() {
	refused 1 "^$name: 127.0.0.1: " 127.0.0.1 &&
		refused 1 "^$name: unix:/socket: " unix:/socket
}
try "an address that is none, or not for TCP" invalid_address

# Prints a port, and keeps it to itself until its input ends.
occupy() {
	perl -MSocket -e '
		$| = 1;
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		bind($s, sockaddr_in(0, INADDR_LOOPBACK)) or die "bind: $!";
		listen($s, 1) or die "listen: $!";
		print((sockaddr_in(getsockname($s)))[0], "\n");
		<STDIN>;'
}

in_use() {
	mkfifo "$tmp/hold"
	occupy <"$tmp/hold" >"$tmp/port" &
	exec 8>"$tmp/hold"
	await test -s "$tmp/port" &&
		refused 1 "^$name: 127.0.0.1:" "127.0.0.1:$(cat "$tmp/port")"
	in_use_status=$?
	exec 8>&-
	return "$in_use_status"
}
if command -v perl >/dev/null; then
	try "an address in use" in_use
else
	skip "an address in use" "no perl"
fi
