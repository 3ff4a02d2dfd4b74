#!/bin/sh
# SPDX-License-Identifier: MIT
# The library from Python, and asyncio on it.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"
need_loopback

python=${PYTHON-python3}
library=$(shared_library)
[ -f "$library" ] || library=.libs/libmiost.0.dylib
[ -f "$library" ] || skip_all 'there is no shared library'
# python3 may be a name for one that is not there.
"$python" -c 'import asyncio, ctypes, sys; sys.exit(sys.version_info < (3, 9))' \
	>/dev/null 2>&1 || skip_all 'there is no python3 from 3.9 on with ctypes'
# Sanitizers want to be there first, and another machine's Python would be
# needed for what is built for that machine.
MIOST_LIBRARY=$PWD/$library
export MIOST_LIBRARY
"$python" -c 'import ctypes, os; ctypes.CDLL(os.environ["MIOST_LIBRARY"])' \
	>"$tmp/load" 2>&1 ||
	skip_all "this library cannot be loaded: $(tail -n 1 "$tmp/load")"

PYTHONPATH=$srcdir/examples
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE

demonstration() {
	limited "$python" "$srcdir/examples/miost.py" >"$tmp/out" 2>&1
	status=$?
	sort "$tmp/out"
	[ "$status" -eq 0 ] &&
		[ "$(sort "$tmp/out" | tr '\n' ' ')" = 'hello 0 hello 1 hello 2 ' ]
}

# test_case TEST: what Python warns of, such as a socket that was not closed,
# is no less wrong.
test_case() {
	limited "$python" -X dev "$srcdir/tests/example_python.py" "$1" \
		>"$tmp/out" 2>&1
	status=$?
	cat "$tmp/out"
	[ "$status" -eq 0 ] && ! grep Warning: "$tmp/out"
}

plan 20
try 'clients and a server' demonstration
try 'timers' test_case Library.test_timers
try 'a thread wakes the loop' test_case Library.test_waker
try 'sockets' test_case Library.test_sockets
try 'errors are exceptions' test_case Library.test_errors
try 'the interface of selectors' test_case Selector.test_interface
try 'many descriptors are ready' test_case Selector.test_many
try 'a number is used again' test_case Selector.test_number_reused
try 'closed, and a duplicate is not' \
	test_case Selector.test_closed_without_a_word
try 'SIGINT ends a wait' test_case Signals.test_select
try 'SIGINT comes anywhere' test_case Signals.test_anywhere
try 'SIGINT ends a loop' test_case Signals.test_asyncio
try 'a handler does not end a wait' test_case Signals.test_handler
try 'a handler of the loop' test_case Signals.test_loop_handler
try 'asyncio: streams' test_case Asyncio.test_streams
try 'asyncio: a connection is refused' test_case Asyncio.test_refused
try 'asyncio: subprocesses' test_case Asyncio.test_subprocesses
try 'asyncio: threads' test_case Asyncio.test_threads
try 'asyncio: timers' test_case Asyncio.test_timers
try 'asyncio: a number is used again' test_case Asyncio.test_number_reused
