#!/bin/sh
# SPDX-License-Identifier: MIT
# An OS queue and timers inside a GLib main loop.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

[ -x examples/glib ] || skip_all 'there is no GLib for this compiler'

cat >"$tmp/expected" <<'EOF'
a timeout of GLib's
a pipe that miost watches
a timer of miost's
EOF

# Not under MIOST_TEST_RUN: GLib keeps memory to the end.
all_of_it() {
	limited examples/glib >"$tmp/out" && sort "$tmp/out" >"$tmp/sorted" &&
		sort "$tmp/expected" | diff - "$tmp/sorted"
}

# What comes after what it was caused by.
in_order() {
	awk '/GLib/ { glib = NR } /pipe/ { pipe = NR }
		END { exit glib >= pipe }' "$tmp/out"
}

# A round an event, and some that find that it was none; not thousands.
few_rounds() {
	limited tests/glib_rounds >"$tmp/out" 2>"$tmp/rounds"
	cat "$tmp/rounds"
	[ "$(sed -n 's/ rounds$//p' "$tmp/rounds")" -le 20 ]
}

plan 3
try 'both loops get their events' all_of_it
try 'in order' in_order
try 'the loop does not spin' few_rounds
