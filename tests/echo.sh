#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that sends everything back, by nc as the client.
program=examples/echo

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

# client [HOST]: sends its input and ends its stream; prints what comes back.
client() {
	nc -N -w "$(time_limit 20)" "${1-127.0.0.1}" "$port"
}

# Serving.

# echoed FILE [HOST]: what a client sends comes back.
echoed() {
	client "${2-127.0.0.1}" <"$1" >"$tmp/back" && cmp "$1" "$tmp/back"
}

plan 20

echo "hello" >"$tmp/hello"
: >"$tmp/empty"
# Patient with clients, however slow the machine is.
try "starts, and says where it listens" start --idle 3600 127.0.0.1:0
try "a line" echoed "$tmp/hello"
try "nothing at all" echoed "$tmp/empty"

dd if=/dev/urandom of="$tmp/data" bs=65536 count=160 2>/dev/null
try "10 MiB, the last of it after the client's end" echoed "$tmp/data"

# Each sends something else, so that nothing may be mixed up.
many() {
	dd if="$tmp/data" of="$tmp/part" bs=65536 count=8 2>/dev/null
	for i in 1 2 3 4 5 6 7 8 9 10; do
		{ echo "$i"; cat "$tmp/part"; echo "$i"; } >"$tmp/many.$i"
		apart client <"$tmp/many.$i" >"$tmp/many.$i.back" &
	done
	for i in 1 2 3 4 5 6 7 8 9 10; do
		await cmp -s "$tmp/many.$i" "$tmp/many.$i.back" || return
	done
}
try "ten clients at once" many

# A client that sends and does not read, until it cannot send any more; it
# prints how much it sent, waits for its input to end, and reads everything.
stubborn_client() {
	perl -MSocket -MIO::Handle -e '
		my ($port, $left, $patience) = @ARGV;
		my ($sent, $got, $n, $buf) = (0, 0);
		$| = 1;
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		connect($s, sockaddr_in($port, INADDR_LOOPBACK)) or
			die "connect: $!";
		$s->blocking(0);
		while ($left > 0) {
			vec(my $writable = "", fileno($s), 1) = 1;
			select(undef, $writable, undef, $patience) or last;
			$n = syswrite($s, "x" x 65536) or next;
			$left -= $n;
			$sent += $n;
		}
		print "$sent\n";
		<STDIN>;
		$s->blocking(1);
		shutdown($s, 1) or die "shutdown: $!";
		$got += $n while $n = sysread($s, $buf, 65536);
		print "$got\n";' "$port" "$stubborn_bytes" "$(time_limit 2)"
}
stubborn_bytes=268435456	# more than all buffers of a system hold

resident() {
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' \
		"/proc/$(cat "$tmp/pid")/status"
}

stubborn_starts() {
	mkfifo "$tmp/go"
	: >"$tmp/counts"
	apart stubborn_client <"$tmp/go" >"$tmp/counts" &
	exec 8>"$tmp/go"
	await test -s "$tmp/counts" &&
		[ "$(cat "$tmp/counts")" -lt "$stubborn_bytes" ]
}

few_more_kb() {
	echo "$1 KiB before, $2 KiB now"
	[ $(($2 - $1)) -lt 2048 ]
}

counted_twice() {
	[ "$(wc -l <"$tmp/counts")" -eq 2 ]
}

stubborn_ends() {
	exec 8>&-
	await counted_twice && cat "$tmp/counts" &&
		[ "$(uniq "$tmp/counts" | wc -l)" -eq 1 ]
}

if command -v perl >/dev/null; then
	measured=
	if [ -z "${MIOST_TEST_RUN-}" ] && [ -n "$(resident 2>/dev/null)" ]; then
		measured=$(resident)
	fi
	try "a client that reads nothing is read from no more" stubborn_starts
	if [ -n "$measured" ]; then
		try "and costs little memory" \
			few_more_kb "$measured" "$(resident)"
	else
		skip "and costs little memory" "no /proc, or under valgrind"
	fi
	try "and delays no other client" echoed "$tmp/hello"
	try "and gets everything once it reads" stubborn_ends
else
	for i in 1 2 3 4; do
		skip "a client that reads nothing, $i" "no perl"
	done
fi

# The client's stream stays open until the server ends it.
quiet_client() {
	mkfifo "$tmp/quiet"
	apart client <"$tmp/quiet" >"$tmp/quiet.back" &
	quiet=$!
	exec 8>"$tmp/quiet"
	echo "hello" >&8
	await cmp -s "$tmp/hello" "$tmp/quiet.back"
}

ends_with_client() {
	quiet_client && stop
	ends_status=$?
	exec 8>&-
	wait "$quiet"
	return "$ends_status"
}
try "ends when its input does, with a client connected" ends_with_client

once() {
	start --once 127.0.0.1:0 && echoed "$tmp/hello" && ended 0
}
try "--once: ends after one client" once
exec 9>&-

# Idle since just before its last byte, the client is closed a second later.
idle() {
	start --idle 1.0 127.0.0.1:0 || return
	begin=$(date +%s)
	client_without_end <"$tmp/hello" >"$tmp/back"
	elapsed=$(($(date +%s) - begin))
	echo "closed after $elapsed s"
	cmp "$tmp/hello" "$tmp/back" && [ "$elapsed" -ge 1 ] &&
		[ "$elapsed" -lt "$(time_limit 20)" ]
}
client_without_end() {
	nc -w "$(time_limit 20)" 127.0.0.1 "$port"
}
try "an idle client is closed, not too early" idle
stop || :

# late_client send|end: stops the server, sends a byte or ends, and lets the
# server go on once the client seems idle: one poll gives both events.
late_client() {
	perl -MSocket -e '
		my ($what, $port, $server, $idle, $limit) = @ARGV;
		alarm $limit;
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		connect($s, sockaddr_in($port, INADDR_LOOPBACK)) or
			die "connect: $!";
		sub put { syswrite($s, $_[0]) == 1 or die "write: $!" }
		sub get { sysread($s, my $byte, 1) or die "closed" }
		put("1");
		get();
		select(undef, undef, undef, 0.2);	# until it waits
		kill("STOP", $server) == 1 or die "kill: $!";
		$what eq "send" ? put("2") : close($s);
		select(undef, undef, undef, $idle + 0.5);
		kill("CONT", $server) == 1 or die "kill: $!";
		exit if $what eq "end";
		get();
		put("3");
		get();' "$1" "$port" "$(cat "$tmp/pid")" "$(time_limit 1)" \
		"$(time_limit 20)"
}
late() {
	start --idle "$(time_limit 1)" 127.0.0.1:0 && late_client "$1" &&
		echoed "$tmp/hello" && stop
}
if command -v perl >/dev/null; then
	try "a client that sends just before it is idle is kept" late send
	exec 9>&-
	try "a client that ends just before it is idle is closed once" late end
	exec 9>&-
else
	skip "a client that sends just before it is idle" "no perl"
	skip "a client that ends just before it is idle" "no perl"
fi

try "serves without input" without_input echoed "$tmp/hello"
try_ipv6 echoed "$tmp/hello" ::1
try_errors
try "wrong idle times" wrong_idle
