#!/bin/sh
# SPDX-License-Identifier: MIT
# The README's program is short, compiles as it is shown, and runs; and every
# place that names the version names the same one.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

# The program is the indented block that begins with an #include.
awk '
	/^[^ ]/ { inside = 0 }
	/^    #include/ && !inside { inside = 1; blocks++ }
	inside && /[^ ]/ { for (; blank > 0; blank--) print ""; print substr($0, 5) }
	inside && /^$/ { blank++ }
	!inside { blank = 0 }
	END { exit blocks != 1 }
' "$srcdir/README" >"$tmp/program.c" ||
	skip_all 'the README does not show exactly one program'
lines=$(($(wc -l <"$tmp/program.c")))

plan 5
echo "it has $lines lines" >"$tmp/count"
if [ "$lines" -gt 0 ] && [ "$lines" -le 40 ]; then
	ok 'the program has at most 40 lines'
else
	not_ok 'the program has at most 40 lines' "$tmp/count"
fi
try 'it compiles as shown, without a warning' \
	compile "$tmp/program" -std=c11 -Wall -Wextra -Wpedantic -Werror \
	"$tmp/program.c"
run_program() {
	run "$tmp/program" >"$tmp/printed"
}
try 'it runs, and its status is 0' run_program
printf 'a client\ntime is up\n' |
	diff - "$tmp/printed" >"$tmp/difference" 2>&1
none 'it prints what the README says' "$tmp/difference"

# The version stands in configure.ac; what else names it must follow.
version=$(sed -n 's/^#define MIOST_VERSION "\(.*\)"$/\1/p' \
	include/miost/version.h)
{
	[ -n "$version" ] || echo 'no version in version.h'
	grep -F "This is version $version," "$srcdir/README" >/dev/null ||
		echo "README does not say that it is version $version"
	sed -n '/^[0-9]/{p;q;}' "$srcdir/CHANGELOG" | grep -F "$version " \
		>/dev/null || echo "CHANGELOG does not begin with $version"
	[ ! -f "$srcdir/debian/changelog" ] ||
		sed -n 1p "$srcdir/debian/changelog" |
		grep -F "($version-" >/dev/null ||
		echo "debian/changelog does not begin with $version"
} >"$tmp/wrong"
none 'README and changelogs name the same version' "$tmp/wrong"
