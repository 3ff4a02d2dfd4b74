#!/bin/sh
# SPDX-License-Identifier: MIT
# libcurl in a loop of ours: files of an nginx, many at a time.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

[ -x examples/curl ] || skip_all 'there is no libcurl for this compiler'
PATH=$PATH:/usr/sbin:/usr/local/sbin
command -v nginx >/dev/null || skip_all 'no nginx'
command -v openssl >/dev/null || skip_all 'no openssl'

# Nobody's proxy.
no_proxy='*'
export no_proxy

server=
killer_pid=
cleanup() {
	for pid in $killer_pid $server; do
		kill -KILL "$pid" 2>/dev/null
	done
}

mkdir "$tmp/www" "$tmp/www/files" "$tmp/log"
awk -v dir="$tmp/www/files" 'BEGIN {
	for (i = 1; i <= 200; i++) {
		file = dir "/" i
		for (line = 0; line < i * i / 10; line++)
			print "line " line " of file " i >file
		close(file)
	}
}'
dd if=/dev/zero of="$tmp/www/slow" bs=65536 count=160 2>/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 \
	-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key.pem" \
	-out "$tmp/cert.pem" >"$tmp/openssl.log" 2>&1 ||
	skip_all 'this openssl makes no certificate'

# One process, which stays the user that it is. An nginx cannot be told to take
# any free port.
configure() {
	cat <<EOT
daemon off;
master_process off;
pid $tmp/nginx.pid;
error_log $tmp/log/error.log;
events { worker_connections 1000; }
http {
	access_log off;
	client_body_temp_path $tmp/log/body;
	proxy_temp_path $tmp/log/proxy;
	fastcgi_temp_path $tmp/log/fastcgi;
	uwsgi_temp_path $tmp/log/uwsgi;
	scgi_temp_path $tmp/log/scgi;
	server {
		listen 127.0.0.1:$1;
		listen 127.0.0.1:$2 ssl;
		ssl_certificate $tmp/cert.pem;
		ssl_certificate_key $tmp/key.pem;
		root $tmp/www;
		location /slow { limit_rate 100k; }
	}
}
EOT
}
up_or_gone() {
	[ -s "$tmp/nginx.pid" ] || ! kill -0 "$server" 2>/dev/null
}
# Before its own log there is one at a path of the system's, if it can be.
early=
if nginx -h 2>&1 | grep -q '^ *-e '; then early="-e $tmp/log/error.log"; fi
start_server() {
	for start_try in 1 2 3 4 5; do
		port=$((10000 + ($$ * 10 + start_try * 977) % 20000))
		configure "$port" "$((port + 1))" >"$tmp/nginx.conf"
		# shellcheck disable=SC2086 # an option or none
		nginx -p "$tmp" -c "$tmp/nginx.conf" $early \
			>"$tmp/log/out" 2>&1 &
		server=$!
		await up_or_gone && [ -s "$tmp/nginx.pid" ] && return
		kill -KILL "$server" 2>/dev/null
	done
	cat "$tmp/log"/*
	return 1
}
stop_server() {
	kill -KILL "$server"
	wait "$server" 2>/dev/null
	server=
	rm "$tmp/nginx.pid"
}

# fetch STATUS ARGUMENT...: the bodies go to $tmp/got.
fetch() {
	expected=$1
	shift
	rm -rf "$tmp/got"
	mkdir "$tmp/got"
	status=0
	run examples/curl -d "$tmp/got" "$@" >"$tmp/out" 2>"$tmp/err" ||
		status=$?
	cat "$tmp/err"
	[ "$status" = "$expected" ] || { echo "status $status"; return 1; }
}

# How many transfers failed; valgrind says things of its own.
failures() {
	grep -c '^http' "$tmp/err"
}

# many AT_ONCE BASE_URL: each file, and nothing else, as it is.
many() {
	at_once=$1
	base=$2
	set --
	while [ $# -lt 200 ]; do
		set -- "$@" "$base/files/$(($# + 1))"
	done
	fetch 0 -n "$at_once" -c "$tmp/cert.pem" "$@" &&
		diff -r "$tmp/www/files" "$tmp/got" &&
		[ "$(grep -c '^200 [1-9]' "$tmp/out")" -eq 200 ] &&
		[ "$(failures)" -eq 0 ]
}

try_many() {
	for at_once in 1 20 200; do
		try "$1: 200 files, $at_once at once" many "$at_once" "$2"
	done
}

plan 15
try 'nginx starts' start_server
http=http://127.0.0.1:$port
https=https://127.0.0.1:$((port + 1))
try_many HTTP "$http"
try_many HTTPS "$https"

stranger() {
	fetch 1 "$https/files/1" && [ ! -s "$tmp/out" ] &&
		grep -i cert "$tmp/err"
}
try 'a certificate that nobody trusts' stranger

absent() {
	fetch 0 "$http/none" "$http/files/7" "$http/none" &&
		[ "$(cut -d ' ' -f 1 "$tmp/out" | sort | paste -s -d ' ' -)" \
			= '200 404 404' ] &&
		cmp "$tmp/got/2" "$tmp/www/files/7"
}
try 'files that are not there' absent

# A hundred seconds' worth, ended by libcurl's own timer; nothing else is.
late() {
	begin=$(date +%s)
	fetch 1 -t 1 "$http/slow" "$http/files/1" || return
	elapsed=$(($(date +%s) - begin))
	echo "$elapsed s"
	[ "$elapsed" -ge 1 ] && [ "$elapsed" -lt "$(time_limit 20)" ] &&
		grep '^http://.*/slow: [Tt]ime' "$tmp/err" &&
		[ "$(failures)" -eq 1 ] &&
		cmp "$tmp/got/2" "$tmp/www/files/1"
}
try 'a transfer that takes too long' late

# Slow data comes now and then: not thousands of rounds a second.
few_rounds() {
	limited tests/curl_rounds -t 1 "$http/slow" >"$tmp/out" 2>"$tmp/rounds"
	cat "$tmp/rounds"
	[ "$(sed -n 's/ rounds$//p' "$tmp/rounds")" -le 1000 ]
}
try 'the loop does not spin' few_rounds

# The server dies when all transfers have got something.
arrived() {
	[ -s "$tmp/got/1" ] && [ -s "$tmp/got/2" ] && [ -s "$tmp/got/3" ]
}
killer() {
	await arrived
	kill -KILL "$server"
}
killed() {
	rm -rf "$tmp/got"
	killer &
	killer_pid=$!
	fetch 1 -c "$tmp/cert.pem" "$http/slow" "$https/slow" "$http/slow"
	fetched=$?
	wait "$killer_pid"
	killer_pid=
	[ "$fetched" -eq 0 ] && [ ! -s "$tmp/out" ] &&
		[ "$(grep -c '/slow: ' "$tmp/err")" -eq 3 ]
}
try 'a server that is killed in the middle' killed
stop_server 2>/dev/null

refused() {
	fetch 1 "$http/files/1" "$https/files/1" && [ ! -s "$tmp/out" ] &&
		[ "$(grep -c '/files/1: ' "$tmp/err")" -eq 2 ]
}
try 'a server that is not there' refused

unwritable() {
	status=0
	run examples/curl -d "$tmp/none" "$http/" >"$tmp/out" 2>"$tmp/err" ||
		status=$?
	cat "$tmp/err"
	[ "$status" = 1 ] && grep '^curl: ' "$tmp/err"
}
try 'a directory that is not there' unwritable

wrong_use() {
	for arguments in '' '-n 0 http://a/' '-t -1 http://a/' -x -n; do
		status=0
		# shellcheck disable=SC2086 # a list of words
		run examples/curl $arguments >"$tmp/out" 2>"$tmp/err" ||
			status=$?
		[ "$status" = 2 ] && grep '^usage: ' "$tmp/err" || return
	done
}
try 'wrong use' wrong_use
