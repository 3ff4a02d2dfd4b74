#!/bin/sh
# SPDX-License-Identifier: MIT
# The static probes that the shared library was built with, as tracers see
# them; and that there are none without --enable-usdt.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

shared=$(shared_library)
[ "${MIOST_ENABLE_SHARED-yes}" = yes ] ||
	skip_all 'there is no shared library'
[ ! -f .libs/libmiost.0.dylib ] ||
	skip_all 'the shared library is no ELF file'
command -v "$READELF" >/dev/null || skip_all 'there is no readelf'

# Every probe with its number of arguments, see miost-tracing(7), and of places.
# When it fires and with what values is what tests/probes is about.
cat >"$tmp/places" <<'EOF'
deregister 3 1
poll_entry 2 3
poll_return 1 3
register 6 1
reregister 6 1
set 6 1
signal 1 1
timer_add 4 1
timer_cancel 3 1
timer_change 3 1
timer_fire 4 1
wake 2 2
EOF
sed 's/ [^ ]*$//' "$tmp/places" >"$tmp/expected"

# PROVIDER NAME ARGUMENTS LOCATION SEMAPHORE of every probe.
probes() {
	"$READELF" -W -n "$shared" | awk '
		/Provider:/ { provider = $NF }
		/Name:/ { name = $2 }
		/Location:/ { place = $2; sub(/,/, "", place); semaphore = $NF }
		/Arguments:/ { print provider, name, NF - 1, place, semaphore }
	'
}

# not_nops: the probes whose place is anything else.
not_nops() {
	"$OBJDUMP" -d "$shared" >"$tmp/code" || return
	while read -r _ name _ place _; do
		address=$(echo "$place" | sed 's/^0x0*//')
		grep "^ *$address:.*[[:space:]]nop[[:space:]]*$" "$tmp/code" \
			>/dev/null || echo "$name at $place"
	done <"$tmp/probes"
}

probes >"$tmp/probes"
if ! grep '^#define MIOST_USDT 1' config.h >/dev/null; then
	plan 1
	none 'there are no probes without --enable-usdt' "$tmp/probes"
	exit
fi

# missing: the probes that have fewer places. A compiler may make more of one.
missing() {
	awk 'FNR == NR { places[$2]++; next }
		places[$1] < $3 { print $1, "has", places[$1] + 0 }' \
		"$tmp/probes" "$tmp/places"
}

plan 5
awk '{ print $2, $3 }' "$tmp/probes" | sort -u |
	diff "$tmp/expected" - >"$tmp/wrong"
none 'every probe, with its arguments' "$tmp/wrong"
missing >"$tmp/wrong"
none 'in every place' "$tmp/wrong"
grep -v '^miost ' "$tmp/probes" >"$tmp/wrong"
none 'their provider is miost' "$tmp/wrong"
awk '$5 !~ /^0x0+$/' "$tmp/probes" >"$tmp/wrong"
none 'none has a semaphore' "$tmp/wrong"
if "$OBJDUMP" --version >/dev/null 2>&1; then
	not_nops >"$tmp/wrong"
	none 'each is a single nop' "$tmp/wrong"
else
	skip 'each is a single nop' 'there is no objdump'
fi
