# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of servers share: starting one, stopping it, and waiting. Such
# a test sets $program, and then
#	. "${srcdir:-.}/tests/server.sh"
# The server's input is open, as descriptor 9, from start to stop.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

: "${program:?}" "${port=}"

# Of the many kinds of nc, these tests need one that can end its stream (-N).
nc -h 2>&1 | grep -q '[[:space:]]-N' || skip_all "no nc that knows -N"

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

# await COMMAND...: until it succeeds; fails when that takes too long.
await() {
	await_tries=$(($(time_limit 20) * 10))
	until "$@"; do
		await_tries=$((await_tries - 1))
		[ "$await_tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# launch ARGUMENT...: runs the program, and leaves its status in a file.
launch() {
	cleanup
	rm -f "$tmp/status"
	# shellcheck disable=SC2016,SC2086 # for sh to expand; a list of words
	sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$tmp/pid" \
		${MIOST_TEST_RUN-} "$program" "$@" >"$tmp/out" 2>"$tmp/err"
	echo $? >"$tmp/status"
	rm -f "$tmp/pid"
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
