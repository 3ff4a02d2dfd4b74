#!/bin/sh
# SPDX-License-Identifier: MIT
# What the library shows and what it keeps to itself: the headers, the map and
# the shared library agree, and there is no global state.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

: "${NM:=nm}"
node=MIOST_0.1
shared=$(shared_library)
prefix=$(name_prefix)

# The functions that a header declares MIOST_API, without its comments.
prototypes() {
	for header in "$srcdir"/include/miost/*.h include/miost/version.h; do
		tr '\n\t' '\001 ' <"$header" |
			sed 's|/\*[^*]*\*\{1,\}\([^/*][^*]*\*\{1,\}\)*/||g' |
			tr '\001' '\n' | sed '/^#/d' | tr '\n;' ' \n'
	done | sed -n 's/.*MIOST_API //p' | sed 's/ *(.*//; s/.*[ *]//' |
		sort -u
}

# What the map exports.
exports() {
	awk -v node="$node" '
		$1 == node { inside = 1 }
		/local:/ { inside = 0 }
		inside && sub(/;$/, "") { print $1 }
	' "$srcdir/lib/miost.map" | sort
}

# The library's objects as they are linked; the fault test has its own.
objects() {
	ls lib/*/.libs/libmiost_la-*.o 2>/dev/null || ls lib/*/libmiost_la-*.o
}

# NAME CLASS SECTION of every symbol that the objects define; on macOS nm knows
# no sections. On a PC of 32
# bits gcc adds thunks of its own, and static probes a base for addresses.
defined() {
	# Lists of words.
	# shellcheck disable=SC2046,SC2086
	$NM --format=sysv $(objects) | awk -F '|' -v prefix="$prefix" '
		NF != 7 { next }
		{ gsub(/ /, ""); sub("^" prefix, "", $1) }
		$3 != "U" && $7 != "*UND*" && $1 !~ /^(__x86\.|_\.stapsdt)/ {
			print $1, $3, $7
		}'
}

# The names that the shared library defines, with their versions.
dynamic() {
	"$READELF" -W --dyn-syms "$shared" | awk -v node="$node" '
		$7 ~ /^([0-9]+|ABS)$/ && $8 !~ "^" node "(@@" node ")?$" {
			print $8
		}' | sort
}

# The dynamic section's values under a tag, in [ ].
tagged() {
	"$READELF" -W -d "$shared" | sed -n "s/.*($1).*\[\(.*\)\].*/\1/p"
}

check_headers() {
	prototypes >"$tmp/prototypes"
	exports >"$tmp/exports"
	[ -s "$tmp/prototypes" ] || echo 'no prototypes were found' \
		>>"$tmp/prototypes"
	diff "$tmp/prototypes" "$tmp/exports" >"$tmp/wrong"
	none 'the headers declare what the map exports' "$tmp/wrong"
}

check_shared() {
	sed "s/\$/@@$node/" "$tmp/exports" >"$tmp/versioned"
	dynamic | diff "$tmp/versioned" - >"$tmp/wrong"
	none "the shared library exports it as $node, and no more" "$tmp/wrong"

	tagged SONAME | grep -vx 'libmiost\.so\.0' >"$tmp/wrong"
	[ -n "$(tagged SONAME)" ] || echo 'no soname' >"$tmp/wrong"
	case $shared in
	*.0.0) skip 'its soname' 'it is known by the name of its file' ;;
	*) none 'its soname is libmiost.so.0' "$tmp/wrong" ;;
	esac

	# glibc, musl, the BSDs and their threads; and what a sanitizer brings.
	tagged NEEDED | grep -v -e '^libc\.' -e '^ld-' -e '^libgcc_s\.' \
		-e '^libpthread\.' -e '^libthr\.' \
		-e '^lib[a-z]*san\.' >"$tmp/wrong"
	case ${CFLAGS-} in *-fsanitize=*) : >"$tmp/wrong" ;; esac
	none 'it needs the C library alone' "$tmp/wrong"

	"$READELF" -W -d "$shared" | grep -e RPATH -e RUNPATH -e TEXTREL \
		>"$tmp/wrong"
	none 'it has no rpath and no text relocations' "$tmp/wrong"
}

skip_shared() {
	for name in 'exported symbols' 'soname' 'needed libraries' \
		'rpath and text relocations'; do
		skip "$name" "$1"
	done
}

check_objects() {
	defined >"$tmp/defined"
	awk '$2 ~ /[A-Z]/ { print $1 }' "$tmp/defined" | sort >"$tmp/global"

	grep -v '^miost__' "$tmp/global" | diff "$tmp/exports" - >"$tmp/wrong"
	none 'what files share begins with miost__' "$tmp/wrong"

	awk '$3 == "" && $2 ~ /[BbCDd]/ ||
		$3 ~ /^(\.?[st]?(data|bss)|\*?COM)/ && $3 !~ /^\.data\.rel\.ro/
	' "$tmp/defined" >"$tmp/wrong"
	none 'there is no global state' "$tmp/wrong"
}

plan 7
check_headers
if [ "${MIOST_ENABLE_SHARED-yes}" = no ]; then
	skip_shared 'there is no shared library'
elif [ -f .libs/libmiost.0.dylib ]; then
	skip_shared 'the shared library is no ELF file'
elif ! command -v "$READELF" >/dev/null; then
	skip_shared 'there is no readelf'
elif [ -f "$shared" ] && ! "$READELF" -W --dyn-syms "$shared" >/dev/null 2>&1; then
	skip_shared 'readelf does not know --dyn-syms'
else
	check_shared
fi
case "$CC ${CFLAGS-}" in
*-fsanitize=* | *--coverage*)
	skip 'what files share' 'the compiler adds symbols'
	skip 'global state' 'the compiler adds symbols'
	;;
*-flto*)
	skip 'what files share' 'the objects are yet to be compiled'
	skip 'global state' 'the objects are yet to be compiled'
	;;
*)
	if [ -n "$(defined 2>/dev/null)" ]; then
		check_objects
	else
		skip 'what files share' "$NM does not know --format=sysv"
		skip 'global state' "$NM does not know --format=sysv"
	fi
	;;
esac
