#!/bin/sh
# SPDX-License-Identifier: MIT
# Holds user instructions, which no load on the machine changes, against
# instructions.budget. TAP. From the build directory, by `make
# check-instructions`.

set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

# What the budgets are for.
case ${host_cpu-} in
x86_64) ;;
*) skip "the budgets are for x86_64, not ${host_cpu-an unknown machine}" ;;
esac
case " ${CFLAGS-} " in
*sanitize*) skip 'sanitizers count, too' ;;
*' -O2 '*) ;;
*) skip 'the budgets are for -O2' ;;
esac
${CC:-cc} --version | grep 'Free Software Foundation' >/dev/null ||
	skip 'the budgets are for gcc'
command -v valgrind >/dev/null || skip 'no valgrind'
[ "${has_callgrind-}" = yes ] || skip 'no valgrind/callgrind.h'

work=$(mktemp -d "${TMPDIR:-/tmp}/miost-instructions.XXXXXX")
trap 'rm -rf "$work"' EXIT

for name in bare queue two poll again; do
	case $name in
	bare) set -- bench/epoll ;;
	two) set -- bench/miost --two ;;
	poll) set -- bench/miost --poll ;;
	*) set -- bench/miost ;;
	esac
	sh "$here/count" "$@" >"$work/$name" || {
		echo '1..1'
		echo "not ok 1 - count $*"
		exit 1
	}
done

# What waits for the clock may be one poll more or less.
grep -v timer_expire "$work/queue" >"$work/first"
grep -v timer_expire "$work/again" >"$work/second"

awk -v "repeats=$(cmp -s "$work/first" "$work/second" && echo 1 || echo 0)" '
	function ok(so, name) {
		print (so ? "ok " : "not ok ") ++n " - " name
		failed += !so
	}
	FILENAME != ARGV[ARGC - 1] {
		kind = FILENAME
		sub(".*/", "", kind)
		count[kind, $1] = $2
		next
	}
	/^#/ || NF != 4 { next }
	{
		base = $2 == "over" ? count["bare", $3] : 0
		got = count[$1, $3] - base
		ok(($1, $3) in count && got <= $4, $1 " " $3 ": " \
			sprintf("%.2f", got) " of " $4 \
			($2 == "over" ? " over the bare loop" : ""))
	}
	END {
		ok(repeats, "counted again, they are the same")
		print "1.." n
		exit failed > 0
	}
' "$work/bare" "$work/queue" "$work/two" "$work/poll" "$here/instructions.budget"
