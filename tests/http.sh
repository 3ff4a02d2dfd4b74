#!/bin/sh
# SPDX-License-Identifier: MIT
# The example that serves HTTP, by curl as the client, and by nc as a bad one.
program=examples/http

# shellcheck source=tests/server.sh
. "${srcdir:-.}/tests/server.sh"

command -v curl >/dev/null || skip_all "no curl"

# Clients.

# fetch ARGUMENT...: curl, as if nobody had configured it.
fetch() {
	curl -q -sS --noproxy '*' -m "$(time_limit 20)" "$@"
}

# codes PATH...: the status of each, over one connection.
codes() {
	: >"$tmp/config"
	for path; do
		echo "url = \"http://$host:$port$path\""
		echo 'output = "/dev/null"'
	done >>"$tmp/config"
	fetch --config "$tmp/config" -w '%{http_code} %{num_connects}\n'
}

# send BYTES [OPTION]: writes them at once, as printf's %b; prints what comes.
send() {
	# shellcheck disable=SC2086 # an option or none
	printf '%b' "$1" | nc ${2-} -w "$(time_limit 20)" "$host" "$port"
}

# statuses: of the answers that are its input, in one line.
statuses() {
	sed -n 's/^HTTP\/1\.1 \([0-9]*\) .*/\1/p' | paste -s -d ' ' -
}

# answers STATUSES BYTES: to a client that ends its stream after them.
answers() {
	send "$2" -N >"$tmp/answer" || return
	cat "$tmp/answer"
	[ "$(statuses <"$tmp/answer")" = "$1" ]
}

# closes STATUSES BYTES: the same, to one that waits for the server to end.
closes() {
	begin=$(date +%s)
	send "$2" >"$tmp/answer" || return
	elapsed=$(($(date +%s) - begin))
	cat "$tmp/answer"
	echo "closed after $elapsed s"
	[ "$(statuses <"$tmp/answer")" = "$1" ] &&
		tr -d '\r' <"$tmp/answer" | grep -Fqx 'Connection: close' &&
		[ "$elapsed" -lt "$(time_limit 20)" ]
}

host=127.0.0.1
get='GET / HTTP/1.1\r\nHost: a\r\n\r\n'
head='HEAD / HTTP/1.1\r\nHost: a\r\n\r\n'
lost='GET /lost HTTP/1.1\r\nHost: a\r\n\r\n'

plan 34

# What curl gets.

try "starts, and says where it listens" start "$host:0"

page() {
	fetch -D "$tmp/head" -o "$tmp/page" "http://$host:$port/" &&
		tr -d '\r' <"$tmp/head" >"$tmp/lines" && cat "$tmp/lines" &&
		grep -Fqx 'HTTP/1.1 200 OK' "$tmp/lines" &&
		grep -q '^Content-Type: text/html' "$tmp/lines" &&
		grep -q '^Date: .* GMT$' "$tmp/lines" &&
		grep -Fqx "Content-Length: $(($(wc -c <"$tmp/page")))" \
			"$tmp/lines" &&
		grep -q '<title>' "$tmp/page"
}
try "GET: the page" page

without_body() {
	fetch --head "http://$host:$port/" >"$tmp/only_head" &&
		grep -v '^Date' "$tmp/only_head" >"$tmp/1" &&
		grep -v '^Date' "$tmp/head" >"$tmp/2" && cmp "$tmp/1" "$tmp/2"
}
try "HEAD: the same without the page" without_body
with_host='GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n'
with_host=$with_host'GET http://a HTTP/1.1\r\nHost: a\r\n\r\n'
with_host=$with_host'GET HTTP://a:80?q HTTP/1.1\r\nHost: a\r\n\r\n'
with_host=$with_host'GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n'
try "a target with its host, as proxies are asked" \
	answers "200 200 200 404" "$with_host"

one_connection() {
	codes / /lost '/?query' /lost / >"$tmp/codes" || return
	cat "$tmp/codes"
	[ "$(paste -s -d , "$tmp/codes")" = "200 1,404 0,200 0,404 0,200 0" ]
}
try "several requests over one connection, 404 among them" one_connection

thousand() {
	i=0
	set --
	while [ "$i" -lt 1000 ]; do
		set -- "$@" /
		i=$((i + 1))
	done
	codes "$@" >"$tmp/codes" || return
	sort "$tmp/codes" | uniq -c
	[ "$(grep -c '^200 1$' "$tmp/codes")" -eq 1 ] &&
		[ "$(grep -c '^200 0$' "$tmp/codes")" -eq 999 ]
}
try "1,000 requests over one connection" thousand

# The configuration is left from the 1,000 above.
thousand_at_once() {
	fetch -Z --parallel-max 10 --config "$tmp/config" \
		-w '%{http_code}\n' >"$tmp/codes" || return
	sort "$tmp/codes" | uniq -c
	[ "$(grep -c '^200$' "$tmp/codes")" -eq 1000 ]
}
if fetch -Z --version >/dev/null 2>&1; then
	try "1,000 requests over ten connections" thousand_at_once
else
	skip "1,000 requests over ten connections" "curl is older than -Z"
fi

http10() {
	fetch -0 -w '%{http_code} %{num_connects}\n' \
		"http://$host:$port/" -o /dev/null \
		"http://$host:$port/" -o /dev/null >"$tmp/codes" || return
	cat "$tmp/codes"
	[ "$(paste -s -d , "$tmp/codes")" = "200 1,200 1" ]
}
try "HTTP/1.0: a connection for each" http10

# The answer comes while curl still sends: a reset would lose it.
upload() {
	dd if=/dev/zero of="$tmp/zeros" bs=65536 count=160 2>/dev/null
	code=$(fetch -H 'Expect:' --data-binary "@$tmp/zeros" -o /dev/null \
		-w '%{http_code}' "http://$host:$port/")
	echo "$code"
	[ "$code" = 404 ]
}
try "POST of 10 MiB: the client sees the answer" upload

big_head() {
	dd if=/dev/zero bs=9000 count=1 2>/dev/null | tr '\0' a >"$tmp/as"
	code=$(fetch -H "X: $(cat "$tmp/as")" -o /dev/null -w '%{http_code}' \
		"http://$host:$port/")
	echo "$code"
	[ "$code" = 431 ]
}
try "a head above 8 KiB: 431" big_head

# What comes in other pieces than requests.

try "three requests in one write: answers in order" \
	answers "200 404 200" "$get$lost$get"

# More requests than fit the buffer, whose answers do not fit theirs.
hundreds() {
	i=0
	: >"$tmp/expected"
	while [ "$i" -lt 300 ]; do
		printf '%b' "$get$lost$head"
		echo "200 404 200" >>"$tmp/expected"
		i=$((i + 1))
	done >"$tmp/requests"
	nc -N -w "$(time_limit 20)" "$host" "$port" <"$tmp/requests" |
		statuses | tr ' ' '\n' >"$tmp/codes"
	tr ' ' '\n' <"$tmp/expected" | cmp - "$tmp/codes"
}
try "900 requests in one go: answers in order" hundreds

# A pause after each byte, so that most come alone.
bytes='47 45 54 20 2f 20 48 54 54 50 2f 31 2e 31 0d 0a
	48 6f 73 74 3a 61 0d 0a 0d 0a'
slowly() {
	for byte in $bytes $bytes; do
		# shellcheck disable=SC2059 # an escape
		printf "\\$(printf '%03o' "0x$byte")"
		sleep 0.01
	done
}
byte_by_byte() {
	slowly | nc -N -w "$(time_limit 20)" "$host" "$port" >"$tmp/answer"
	cat "$tmp/answer"
	[ "$(statuses <"$tmp/answer")" = "200 200" ]
}
try "two requests, byte by byte" byte_by_byte
try "empty lines before a request" answers "200 200" "\r\n$get\r\n\r\n$get"

# What ends a connection, after one answer.

last=$get$get
try "Connection: close" closes 200 \
	"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n$last"
try "HTTP/1.0 without keep-alive" closes 200 "GET / HTTP/1.0\r\n\r\n$last"
try "HTTP/1.0 with keep-alive" answers "200 200" \
	"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n$get"
try "a body that looks like a request" closes 404 \
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 27\r\n\r\n$last"
try "a chunked body" closes 404 \
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n$last"
try "a body of no bytes ends nothing" answers "404 200" \
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n$get"
try "a version that is not 1.x" closes 505 \
	"GET / HTTP/2.0\r\nHost: a\r\n\r\n$last"

# bad NAME BYTES...: each is answered by one 400.
bad() {
	bad_name=$1
	shift
	try "$bad_name: 400" all_bad "$@"
}
all_bad() {
	for bytes; do
		printf 'request: %s\n' "$bytes"
		closes 400 "$bytes$last" || return
	done
}
line='GET / HTTP/1.1\r\n'
bad "no request line" 'hello\r\n\r\n' 'GET /\r\n\r\n' ' / HTTP/1.1\r\n\r\n' \
	'GET  / HTTP/1.1\r\n\r\n' 'GET / HTTP/1.1 \r\n\r\n' \
	'GET / http/1.1\r\n\r\n' 'G(T / HTTP/1.1\r\n\r\n' \
	'GET /\t HTTP/1.1\r\n\r\n' 'GET /\0303\0244 HTTP/1.1\r\n\r\n'
bad "no Host, two, or none that can be" "$line\r\n" \
	"${line}Host: a\r\nhost: a\r\n\r\n" "${line}Host: a/b\r\n\r\n"
bad "CR or LF alone, NUL" 'GET / HTTP/1.1\nHost: a\n\n' \
	"${line}Host: a\rX: b\r\n\r\n" "${line}Host: a\r\r\n\r\n" \
	"${line}Host: a\0000\r\n\r\n" '\n'
bad "no field" "${line}Host: a\r\nX : b\r\n\r\n" "${line}Host: a\r\nX\r\n\r\n" \
	"${line} Host: a\r\n\r\n" "${line}Host: a\r\n: b\r\n\r\n" \
	"${line}Host: a\r\nX: b\r\n c\r\n\r\n"
bad "lengths that are none, or contradict" \
	"${line}Host: a\r\nContent-Length: x\r\n\r\n" \
	"${line}Host: a\r\nContent-Length:\r\n\r\n" \
	"${line}Host: a\r\nContent-Length: -1\r\n\r\n" \
	"${line}Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" \
	"${line}Host: a\r\nContent-Length: 1, 1\r\n\r\n" \
	"${line}Host: a\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n"

# The end.

try "ends when its input does" stop

once() {
	start --once "$host:0" && closes 200 "GET / HTTP/1.0\r\n\r\n" &&
		ended 0
}
try "--once: ends after one connection" once
exec 9>&-

# Neither nothing nor half a request keeps a connection.
idle() {
	start --idle 1.0 "$host:0" || return
	for bytes in '' 'GET / HTTP/1.1\r\nHost'; do
		begin=$(date +%s)
		send "$bytes" >"$tmp/answer" || return
		elapsed=$(($(date +%s) - begin))
		echo "closed after $elapsed s"
		[ ! -s "$tmp/answer" ] && [ "$elapsed" -ge 1 ] &&
			[ "$elapsed" -lt "$(time_limit 20)" ] || return
	done
}
try "an idle connection is closed, not too early" idle
stop || :

fetched_ipv6() {
	code=$(fetch -g -o /dev/null -w '%{http_code}' "http://[::1]:$port/")
	echo "$code"
	[ "$code" = 200 ]
}
try_ipv6 fetched_ipv6
try_errors
try "wrong idle times" wrong_idle
