#!/bin/sh
# SPDX-License-Identifier: MIT
# The TLS echo server, by openssl s_client and by clients of our own.
program=examples/tls_echo

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

[ -x examples/tls_echo ] || skip_all 'there is no OpenSSL for this compiler'
command -v openssl >/dev/null || skip_all 'there is no openssl command'

openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
	-keyout "$tmp/key.pem" -out "$tmp/certificate.pem" 2>"$tmp/log" ||
	skip_all 'openssl makes no certificate'

serve() {
	start 127.0.0.1:0 "$tmp/certificate.pem" "$tmp/key.pem"
}

terminate() {
	kill -s TERM "$(cat "$tmp/pid")" && ended 0
}

# clients MODE [COUNT]: and the server has nothing to complain of.
clients() {
	limited tests/tls_client "$port" "$@" && [ ! -s "$tmp/err" ]
}

# What s_client says, and what the server sends, is in $tmp/said.
session() {
	rm -f "$tmp/typed"
	mkfifo "$tmp/typed"
	: >"$tmp/said"
	apart openssl s_client -connect "127.0.0.1:$port" "$@" \
		<"$tmp/typed" >"$tmp/said" 2>&1 &
	session_pid=$!
	exec 8>"$tmp/typed"
}

type_line() {
	echo "$1" >&8
}

end_session() {
	exec 8>&-
	wait "$session_pid"
}

# A line that was typed has come back.
came_back() {
	await grep -qx "$1" "$tmp/said"
}

# echoed_by VERSION
echoed_by() {
	session "$1" || return
	type_line one && came_back one && type_line two && came_back two &&
		type_line Q && end_session && return
	cat "$tmp/said"
	exec 8>&-
	return 1
}

# K asks for new keys of both sides; what follows is under them.
new_keys() {
	session -tls1_3 || return
	type_line one && came_back one && type_line K &&
		await grep -q KEYUPDATE "$tmp/said" &&
		type_line two && came_back two &&
		type_line Q && end_session && return
	cat "$tmp/said"
	exec 8>&-
	return 1
}

cut_off() {
	limited tests/tls_client "$port" fin && cat "$tmp/err" &&
		await grep '^tls_echo: client: ' "$tmp/err" &&
		serves_on
}

serves_on() {
	limited tests/tls_client "$port" echo
}

# One that reads nothing neither fills the memory nor keeps others waiting.
deaf() {
	(exec 9>&- && exec tests/tls_client "$port" deaf) >"$tmp/deaf" 2>&1 &
	deaf_pid=$!
	await grep -q 'takes no more' "$tmp/deaf" && serves_on
	deaf_status=$?
	kill -KILL "$deaf_pid"
	wait "$deaf_pid"
	cat "$tmp/deaf"
	[ "$deaf_status" = 0 ] && serves_on
}

plain_text() {
	printf 'GET / HTTP/1.0\r\n\r\n' | nc -w "$(time_limit 20)" -N \
		127.0.0.1 "$port" >/dev/null
	serves_on
}

complaints() {
	grep -c '^tls_echo: client: ' "$tmp/err"
}

has_complained_again() {
	[ "$(complaints)" -gt "$complaints_before" ]
}

# The first bytes of a handshake, and the end of the stream.
half_hello() {
	complaints_before=$(complaints)
	printf '\026\003\001\002\000\001' | nc -w "$(time_limit 20)" -N \
		127.0.0.1 "$port" >/dev/null
	await has_complained_again && serves_on
}

wrong() {
	refused 2 '^usage: ' &&
		refused 2 '^usage: ' 127.0.0.1:0 "$tmp/certificate.pem" &&
		refused 1 '^tls_echo: 127.0.0.1: ' 127.0.0.1 \
			"$tmp/certificate.pem" "$tmp/key.pem" &&
		refused 1 '^tls_echo: .*/none: ' 127.0.0.1:0 "$tmp/none" \
			"$tmp/key.pem" &&
		refused 1 '^tls_echo: .*/certificate.pem: ' 127.0.0.1:0 \
			"$tmp/certificate.pem" "$tmp/certificate.pem"
}

plan 14
try 'starts, and says where it listens' serve
try 's_client, TLS 1.2' echoed_by -tls1_2
try 's_client, TLS 1.3' echoed_by -tls1_3
try 'new keys' new_keys
try 'one client' clients echo
try 'many clients at once' clients echo 60
try 'half-closed streams come back whole' clients half 20
try 'a client that reads late' clients slow
try 'a client that reads nothing' deaf
try 'a stream that is cut off' cut_off
try 'plain text is refused' plain_text
try 'a handshake that is cut off' half_hello
try 'SIGTERM ends it' terminate
exec 9>&-
try 'wrong use' wrong
