# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of servers share: starting one, stopping it, and waiting. Such
# a test sets $program, and then
#	. "${srcdir:-.}/tests/server.sh"
# The server's input is open, as descriptor 9, from start to stop.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

: "${program:?}" "${port=}"
name=${program#*/}

# Of the many kinds of nc, these tests need one that can end its stream (-N,
# which is something else to that of macOS).
nc -h 2>&1 | grep -qi '[[:space:]]-N[[:space:]].*shutdown' ||
	skip_all 'no nc that ends its stream with its input (-N)'

# Ends a server that a failed test has left. launch removes its pid.
cleanup() {
	cleanup_tries=50
	while [ -f "$tmp/pid" ] && [ "$cleanup_tries" -gt 0 ]; do
		kill -9 "$(cat "$tmp/pid")" 2>/dev/null
		cleanup_tries=$((cleanup_tries - 1))
		sleep 0.1
	done
}

# Asks the system, not the servers.
has_ipv6() {
	grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null ||
		ifconfig lo0 2>/dev/null | grep -q 'inet6 ::1'
}

# apart COMMAND...: with &, does not keep the server's input open.
apart() {
	exec 9>&-
	"$@"
}

# launch ARGUMENT...: runs the program, and leaves its status in a file.
launch() {
	cleanup
	rm -f "$tmp/status"
	# shellcheck disable=SC2016,SC2086 # for sh to expand; a list of words
	sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$tmp/pid" \
		${MIOST_TEST_RUN-} "$program" "$@" >"$tmp/out" 2>"$tmp/err"
	launch_status=$?
	rm -f "$tmp/pid"
	echo "$launch_status" >"$tmp/status"
}

listening() {
	port=$(sed -n 's/^listening on .*://p' "$tmp/out")
	[ -n "$port" ] || [ -s "$tmp/status" ]
}

# start ARGUMENT...: begins to serve, on $port.
start() {
	rm -f "$tmp/in" "$tmp/out" "$tmp/status"
	mkfifo "$tmp/in"
	: >"$tmp/out"
	launch "$@" <"$tmp/in" &
	exec 9>"$tmp/in"
	await listening && [ -n "$port" ]
}

# Valgrind lists what was left open, and what was open from the start.
closed_all() {
	awk '/== Open / { getline; if (!/inherited/) exit 1 }' "$tmp/err"
}

# ended STATUS: the server ends, with this status.
ended() {
	await test -s "$tmp/status" && [ "$(cat "$tmp/status")" = "$1" ] &&
		closed_all && return
	cat "$tmp/err"
	return 1
}

stop() {
	exec 9>&-
	ended 0
}

# What all of them are tested for.

# without_input COMMAND...: input that cannot be watched, or is closed, does not
# end a server; the command is a client that is served.
without_input() {
	: >"$tmp/out"
	rm -f "$tmp/status"
	launch --once 127.0.0.1:0 </dev/null &
	await listening && "$@" && ended 0 || return
	: >"$tmp/out"
	rm -f "$tmp/status"
	launch --once 127.0.0.1:0 <&- &
	await listening && "$@" && ended 0
}

# serves_ipv6 COMMAND...: likewise.
serves_ipv6() {
	start '[::1]:0' && "$@" && stop
}

# try_ipv6 COMMAND...
try_ipv6() {
	if has_ipv6; then
		try "IPv6" serves_ipv6 "$@"
		exec 9>&-
	else
		skip "IPv6" 'this machine has no IPv6 loopback address'
	fi
}

# refused STATUS TEXT ARGUMENT...: the program ends at once and says why.
refused() {
	refused_status=$1
	refused_text=$2
	shift 2
	limited launch "$@" </dev/null || return
	cat "$tmp/err"
	[ "$(cat "$tmp/status")" = "$refused_status" ] &&
		[ ! -s "$tmp/out" ] && grep "$refused_text" "$tmp/err"
}

wrong_arguments() {
	refused 2 "^usage: $name " &&
		refused 2 '^usage: ' 127.0.0.1:0 127.0.0.1:0 &&
		refused 2 '^usage: ' --once &&
		refused 2 '^usage: ' --twice 127.0.0.1:0
}

wrong_idle() {
	refused 2 '^usage: ' --idle &&
		refused 2 '^usage: ' --idle 1 &&
		refused 2 '^usage: ' --idle 0 127.0.0.1:0 &&
		refused 2 '^usage: ' --idle 1s 127.0.0.1:0
}

invalid_address() {
	refused 1 "^$name: 127.0.0.1: " 127.0.0.1 &&
		refused 1 "^$name: unix:/socket: " unix:/socket
}

# Of two servers the second is refused: none shares its port unasked.
in_use() {
	start 127.0.0.1:0 || return
	in_use_status=0
	run "$program" "127.0.0.1:$port" </dev/null >"$tmp/second" 2>&1 ||
		in_use_status=$?
	cat "$tmp/second"
	stop && [ "$in_use_status" -eq 1 ] &&
		grep "^$name: 127.0.0.1:$port: " "$tmp/second"
}

# Three tests.
try_errors() {
	try "wrong use" wrong_arguments
	try "an address that is none, or not for TCP" invalid_address
	try "an address in use" in_use
	exec 9>&-
}
