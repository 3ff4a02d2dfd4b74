#!/bin/sh
# SPDX-License-Identifier: MIT
# hiredis in a loop of ours: commands to a Redis server that is slow, dies and
# comes back.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

[ -x examples/hiredis ] || skip_all 'there is no hiredis for this compiler'
command -v redis-server >/dev/null || skip_all 'no redis-server'
command -v redis-cli >/dev/null || skip_all 'no redis-cli'

server=
client=
helper=
cleanup() {
	for pid in $server $helper; do
		kill -KILL "$pid" 2>/dev/null
	done
	[ -z "$client" ] || kill -TERM "$client" && wait "$client"
} 2>/dev/null

# The socket needs no luck; a port is taken by the first of us who asks.
socket=$tmp/redis
up_or_gone() {
	ask ping >/dev/null 2>&1 || ! kill -0 "$server" 2>/dev/null
}
ask() {
	redis-cli -s "$socket" "$@"
}
serve() {
	redis-server --port "$1" --bind 127.0.0.1 --unixsocket "$socket" \
		--save '' --appendonly no --daemonize no --dir "$tmp" \
		>"$tmp/server.log" 2>&1 &
	server=$!
	await up_or_gone && ask ping && return
	cat "$tmp/server.log"
	return 1
}
start_server() {
	for start_try in 1 2 3 4 5; do
		port=$((10000 + ($$ * 10 + start_try * 977) % 20000))
		serve "$port" && return
	done
	return 1
}
kill_server() {
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	server=
}

# begin ARGUMENT...: a client in the background, which goes when that does.
begin() {
	: >"$tmp/out"
	rm -f "$tmp/status"
	{
		trap 'kill -KILL "$limited_child"; exit 1' TERM
		status=0
		run examples/hiredis "$@" >"$tmp/out" 2>"$tmp/err" ||
			status=$?
		echo "$status" >"$tmp/status"
	} &
	client=$!
}
# ended STATUS
ended() {
	wait "$client"
	client=
	cat "$tmp/out" "$tmp/err"
	[ "$(cat "$tmp/status")" = "$1" ]
}
# said N TEXT: at least so many lines have it.
said() {
	[ "$(grep -c "$2" "$tmp/out")" -ge "$1" ]
}
still_there() {
	[ ! -s "$tmp/status" ]
}

# has N: the server has all of the keys, with their values.
has() {
	[ "$(ask dbsize)" = "$1" ] && [ "$(ask get 1)" = 7 ] &&
		[ "$(ask get "$1")" = $(($1 * 7)) ] &&
		[ "$(ask get $(($1 - 1)))" = $((($1 - 1) * 7)) ]
}

plan 10
try 'a server starts' start_server

pipelined() {
	ask flushall && begin -t 1000000 "$@" && ended 0 && has 100000 &&
		printf 'connected\n100000 answers\n' | diff - "$tmp/out"
}
try '100,000 commands at once, by a Unix socket' pipelined "$socket" 100000
try 'the same by TCP' pipelined "127.0.0.1:$port" 100000
try 'the same, 10 at a time' pipelined -w 10 "127.0.0.1:$port" 100000

# The server keeps what it is sent. The client must not wait for that.
patient() {
	ask flushall && ask client pause 100000 write || return
	begin -t 200 "$@" 1000
	await said 2 '^no answer in time$' && still_there &&
		ask client unpause && ended 0 && has 1000 && said 3 '^connected$'
}
silent() {
	patient "$socket" && patient "127.0.0.1:$port"
}
if ask client unpause | grep -q OK; then
	try 'a server that does not answer in time' silent
else
	skip 'a server that does not answer in time' 'Redis is older than 6.2'
fi

# While the server is silent there is nothing to do: not thousands of rounds.
few_rounds() {
	ask flushall && ask client pause 500 write || return
	limited tests/hiredis_rounds -t 1000000 "$socket" 10 >"$tmp/out" \
		2>"$tmp/rounds" || return
	cat "$tmp/out" "$tmp/rounds"
	[ "$(sed -n 's/ rounds$//p' "$tmp/rounds")" -le 50 ]
}
if ask client unpause | grep -q OK; then
	try 'the loop does not spin' few_rounds
else
	skip 'the loop does not spin' 'Redis is older than 6.2'
fi

# Killed with the commands in its hands, then absent, then back without data.
killed() {
	ask client pause 100000 write || return
	begin -t 1000000 "$@" 1000
	await said 1 '^connected$' || return
	kill_server
	rm -f "$socket"
	await said 3 . && still_there && serve "$port" && ended 0 &&
		has 1000 && [ "$(grep -c '^connected$' "$tmp/out")" -eq 2 ]
}
try 'a server is killed and comes back, by TCP' killed "127.0.0.1:$port"
try 'the same by a Unix socket' killed "$socket"

# A few times in the middle of the answers.
disconnector() {
	until said 5 '^connected$' || [ -s "$tmp/status" ]; do
		ask client kill type normal skipme yes
		sleep 0.02
	done >/dev/null 2>&1
}
cut_off() {
	ask flushall
	begin -t 1000000 -w 100 "127.0.0.1:$port" 100000
	disconnector &
	helper=$!
	cut_status=0
	ended 0 || cut_status=1
	wait "$helper"
	helper=
	[ "$cut_status" = 0 ] && has 100000 && said 2 '^connected$'
}
try 'connections that are cut in the middle' cut_off

wrong_use() {
	for arguments in '' "$socket" "$socket 0" "-t 0 $socket 1" \
		"-w 0 $socket 1" "-x $socket 1" "$socket 1 2"; do
		status=0
		# shellcheck disable=SC2086 # a list of words
		run examples/hiredis $arguments >"$tmp/out" 2>"$tmp/err" ||
			status=$?
		[ "$status" = 2 ] && grep '^usage: ' "$tmp/err" || return
	done
}
try 'wrong use' wrong_use
