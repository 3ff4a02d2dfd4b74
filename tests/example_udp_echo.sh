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

# The server has handled them when what was sent after them comes back.
too_long() {
	perl -MSocket -e '
		my ($port) = @ARGV;
		socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
		connect($s, sockaddr_in($port, INADDR_LOOPBACK)) or
			die "connect: $!";
		send($s, "x" x $_, 0) or die "send: $!"
			for (9000, 9001, 9200);' "$port" && echoes 127.0.0.1
}

# Nothing is echoed of what does not fit.
ends() {
	stop && cat "$tmp/out" &&
		grep '^echoed [1-9][0-9]* datagrams$' "$tmp/out" &&
		[ "$(sed -n 's/ were too long$//p' "$tmp/out")" = "$expected" ]
}

# More at once than the server takes in a row: it comes back to the rest.
burst() {
	perl -MSocket -e '
		my ($port, $pid, $patience) = @ARGV;
		socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
		connect($s, sockaddr_in($port, INADDR_LOOPBACK)) or
			die "connect: $!";
		kill "STOP", $pid;
		send($s, $_, 0) or die "send: $!" for 1 .. 100;
		kill "CONT", $pid;
		alarm $patience;
		defined(recv($s, my $buf, 64, 0)) or die "recv: $!"
			for 1 .. 100;' \
		"$port" "$(cat "$tmp/pid")" "$(time_limit 20)"
}

# The socket gets the input's number, and is no input.
closed_input() {
	: >"$tmp/out"
	rm -f "$tmp/status"
	launch 127.0.0.1:0 <&- &
	await listening && echoes 127.0.0.1
}

wrong() {
	refused 2 '^usage: ' 127.0.0.1:0 127.0.0.1:0 &&
		refused 2 '^usage: ' -c 127.0.0.1:1 &&
		refused 1 'Invalid argument' nonsense &&
		refused 1 '192.0.2.1:0: ' 192.0.2.1:0
}

plan 10
try 'starts, and says where it listens' start 127.0.0.1:0
try 'echoes' echoes 127.0.0.1
try 'a long datagram' long
try 'eight clients at once' many
expected=
if command -v perl >/dev/null; then
	try 'a hundred datagrams at once' burst
	try 'datagrams that are too long' too_long
	expected=2
else
	skip 'a hundred datagrams at once' 'no perl'
	skip 'datagrams that are too long' 'no perl'
fi
try 'ends when its input does' ends
exec 9>&-
try_ipv6 echoes '[::1]'
try 'serves with its input closed' closed_input
cleanup
try 'wrong arguments' wrong
