# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests written in shell share: a temporary directory, TAP, and
# building against the library that is not yet installed. A test begins
#	. "${srcdir:-.}/tests/lib.sh"
# and runs in the build directory.

srcdir=${srcdir:-.}
: "${CC:=cc}" "${LIBTOOL=./libtool}"
: "${READELF:=readelf}" "${OBJDUMP:=objdump}"
LC_ALL=C
export LC_ALL

# $tmp is removed at the end. A test that has more to undo defines cleanup.
# The status is 1 when a test failed, as that of the programs.
cleanup() { :; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/miost-test.XXXXXX") || exit 99
trap 'finish $?' EXIT
trap 'exit 99' HUP INT TERM

tap_number=0
tap_failed=0
limited_child=

finish() {
	[ -z "$limited_child" ] || kill -KILL "$limited_child"
	cleanup
	rm -rf "$tmp"
	[ "$1" != 0 ] || exit "$tap_failed"
	exit "$1"
}

# plan N: how many tests will be run.
plan() {
	echo "1..$1"
}

# ok NAME
ok() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1"
}

# listed NAME: the reason why what is underneath cannot pass the test; see
# tap.h. The test is run all the same.
listed() {
	awk -F '\t' -v name="$1" '$1 == name { print $2; exit }' \
		"${MIOST_TEST_SKIPS:-/dev/null}"
}

no_loopback='there is no loopback interface'

# loopback: whether there is one. Much fails without it.
loopback() {
	[ ! -x tests/loopback ] || run tests/loopback
}

# not_ok NAME [FILE]: what is in the file says why.
not_ok() {
	tap_reason=$(listed "$1")
	[ -n "$tap_reason" ] || loopback || tap_reason=$no_loopback
	if [ -n "$tap_reason" ]; then
		skip "$1" "$tap_reason"
		return
	fi
	tap_number=$((tap_number + 1))
	tap_failed=1
	echo "not ok $tap_number - $1"
	[ -z "${2-}" ] || sed 's/^/# /' "$2"
}

# skip NAME REASON
skip() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# skip_all REASON: ends the test; before plan.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# need_loopback: of a test that starts servers; before plan.
need_loopback() {
	loopback || skip_all "$no_loopback"
}

# none NAME FILE: passes when the file, which lists what is wrong, is empty.
none() {
	if [ -s "$2" ]; then not_ok "$1" "$2"; else ok "$1"; fi
}

# try NAME COMMAND...: passes when the command does; shows its output if not.
try() {
	tap_name=$1
	shift
	if "$@" >"$tmp/try.log" 2>&1; then
		ok "$tap_name"
	else
		not_ok "$tap_name" "$tmp/try.log"
	fi
}

# time_limit SECONDS: an upper bound of time, scaled for a slow machine
# by a whole number.
time_limit() {
	echo $(($1 * ${MIOST_TEST_TIME_FACTOR:-1}))
}

# shared_library: the ELF file in the build directory. OpenBSD has no shorter
# name for it.
shared_library() {
	if [ -f .libs/libmiost.so.0.0 ] && [ ! -f .libs/libmiost.so.0 ]; then
		echo .libs/libmiost.so.0.0
	else
		echo .libs/libmiost.so.0
	fi
}

# name_prefix: what the compiler puts before every name: _ on macOS.
name_prefix() {
	# shellcheck disable=SC2086 # the compiler may come with arguments
	echo __USER_LABEL_PREFIX__ | $CC -E -P - | tr -d ' \n'
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

# compile OUT ARGUMENT...: flags and sources, linked with the library.
compile() {
	tap_out=$1
	shift
	# These are lists of words.
	# shellcheck disable=SC2086
	$LIBTOOL --quiet --mode=link --tag=CC $CC ${CPPFLAGS-} ${CFLAGS-} \
		-Iinclude -I"$srcdir/include" ${LDFLAGS-} -o "$tap_out" "$@" \
		libmiost.la
}

# limited COMMAND...: kills it, and returns 124, when it takes too long. A
# program, not a function that starts one, is gone then.
limited() {
	# What runs in the background has no input but by another descriptor.
	{
		"$@" <&3 3<&- &
	} 3<&0
	limited_child=$!
	limited_tries=$(($(time_limit 20) * 10))
	while kill -0 "$limited_child" 2>/dev/null; do
		if [ "$limited_tries" -eq 0 ]; then
			kill -KILL "$limited_child"
			limited_child=
			echo "killed, since it took too long: $*" >&2
			return 124
		fi
		limited_tries=$((limited_tries - 1))
		sleep 0.1
	done
	wait "$limited_child"
	limited_status=$?
	limited_child=
	return "$limited_status"
}

# run PROGRAM...: under what the environment asks for, such as valgrind, and
# likewise limited.
run() {
	# shellcheck disable=SC2086 # a list of words
	limited ${MIOST_TEST_RUN-} "$@"
}
