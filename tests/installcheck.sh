#!/bin/sh
# SPDX-License-Identifier: MIT
# For `make installcheck`: programs that know only what pkg-config says build
# and run against the installed copy, and what else belongs there is there.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

: "${PKG_CONFIG:=pkg-config}" "${DESTDIR=}"
: "${libdir:?}" "${mandir:?}"
lib=$DESTDIR$libdir
man=$DESTDIR$mandir

# The copy's own miost.pc, and every path it names below DESTDIR.
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH
if [ -n "$DESTDIR" ]; then
	PKG_CONFIG_SYSROOT_DIR=$DESTDIR
	export PKG_CONFIG_SYSROOT_DIR
fi

: "${exampledir:?}"

cat >"$tmp/program.c" <<'EOF'
#include <miost.h>
#include <stdio.h>
#include <string.h>

int
main(void)
{
	struct miost_event storage[1];
	struct miost_event_array events;
	struct miost_os_queue *queue;
	struct miost_timers *timers;
	struct miost_source *sources[2];
	int n;

	if (miost_os_queue_new(&queue) < 0 || miost_timers_new(&timers) < 0)
		return 1;
	sources[0] = miost_os_queue_source(queue);
	sources[1] = miost_timers_source(timers);
	miost_event_array_init(&events, storage, 1);
	if (miost_timers_add_timeout(timers, 7, 1000000, NULL) < 0)
		return 1;
	n = miost_poll(sources, 2, &events.sink, MIOST_FOREVER);
	miost_timers_free(timers);
	miost_os_queue_free(queue);
	if (n != 1 || storage[0].id != 7)
		return 1;
	if (strcmp(miost_version(), MIOST_VERSION) != 0)
		return 1;
	printf("libmiost %s on %s\n", miost_version(), miost_backend());
	return 0;
}
EOF
cp "$tmp/program.c" "$tmp/program.cc"
echo 'int main(void) { return 0; }' >"$tmp/trivial.c"
cp "$tmp/trivial.c" "$tmp/trivial.cc"

# build COMPILER SOURCE FLAG...: like a user, with nothing but the flags.
build() {
	compiler=$1
	source=$2
	shift 2
	# These are lists of words.
	# shellcheck disable=SC2086
	$compiler ${CPPFLAGS-} ${CFLAGS-} -o "$tmp/program" "$tmp/$source" \
		"$@" ${LDFLAGS-}
}

# The programs find the shared library as one that is not in its place yet.
build_and_run() {
	echo "$@" && build "$@" && LD_LIBRARY_PATH=$lib \
		DYLD_LIBRARY_PATH=$lib "$tmp/program"
}

# uses_shared: whether the program just built needs the shared library.
uses_shared() {
	"$READELF" -d "$tmp/program" | grep NEEDED | grep libmiost >/dev/null
}

shared() {
	# shellcheck disable=SC2046 # a list of words
	build_and_run "$@" $($PKG_CONFIG --cflags --libs miost) || return
	command -v "$READELF" >/dev/null || return 0
	[ "${MIOST_ENABLE_SHARED-yes}" = no ] || uses_shared
}

# All of it static where the system can, else the library alone.
static() {
	flags=$($PKG_CONFIG --static --cflags --libs miost) || return
	if build "$1" "trivial.${2#*.}" -static; then
		flags="$flags -static"
	else
		flags=$(echo " $flags " | sed "s| -lmiost | $lib/libmiost.a |")
	fi
	# shellcheck disable=SC2086 # a list of words
	build_and_run "$@" $flags || return
	command -v "$READELF" >/dev/null || return 0
	! uses_shared
}

# check_language LANGUAGE COMPILER SOURCE
check_language() {
	if [ -z "$2" ]; then
		skip "$1, shared" "no compiler for $1"
		skip "$1, static" "no compiler for $1"
		return
	fi
	if [ "${MIOST_ENABLE_SHARED-yes}" = no ]; then
		skip "$1, shared" 'there is no shared library'
	else
		try "$1, shared" shared "$2" "$3"
	fi
	if [ "${MIOST_ENABLE_STATIC-yes}" = no ]; then
		skip "$1, static" 'there is no static library'
	else
		try "$1, static" static "$2" "$3"
	fi
}

pkgconfig() {
	$PKG_CONFIG --modversion miost && $PKG_CONFIG --cflags --libs miost
}

# flags_of EXAMPLE: of the other library that it says it is built with, which is
# the system's, if it is anywhere.
flags_of() (
	package=$(sed -n 's/^ \*.*(pkg-config .* miost \(.*\))$/\1/p' "$1")
	[ -n "$package" ] || return 0
	unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
	$PKG_CONFIG --cflags "$package" 2>/dev/null
)

# The examples as they were installed, in plain C11. An empty list is a failure.
examples() {
	for example in "$DESTDIR$exampledir"/*.c; do
		more=$(flags_of "$example") || continue
		# shellcheck disable=SC2046,SC2086 # lists of words
		$CC ${CPPFLAGS-} ${CFLAGS-} -std=c11 -Wall -Wextra -Wpedantic \
			-Werror -c -o "$tmp/example.o" "$example" \
			$($PKG_CONFIG --cflags miost) $more
	done
}

# Those of more than one file say how to build them. An empty list is a failure.
several_files() {
	# shellcheck disable=SC2016 # a dollar sign, not a variable
	sed -n 's/^ \*	cc -o \([a-z].*\.c\) \$(pkg-config .* miost)$/\1/p' \
		"$DESTDIR$exampledir"/*.c >"$tmp/commands"
	[ -s "$tmp/commands" ] || return
	static=
	[ "${MIOST_ENABLE_SHARED-yes}" != no ] || static=--static
	while read -r example sources; do
		echo "$example: $sources"
		# shellcheck disable=SC2046,SC2086 # lists of words
		(cd "$DESTDIR$exampledir" && $CC ${CPPFLAGS-} ${CFLAGS-} \
			-o "$tmp/$example" $sources \
			$($PKG_CONFIG $static --cflags --libs miost) \
			${LDFLAGS-}) ||
			return
	done <"$tmp/commands"
}

# Every function has a page, and every page that leads on leads somewhere.
pages() {
	for name in miost_poll $(sed -n \
		's/^[ 	]*\(miost_[a-z_0-9]*\);/\1/p' "$srcdir/lib/miost.map")
	do
		[ -f "$man/man3/$name.3" ] || echo "no page $name(3)"
	done
	[ -f "$man/man7/miost.7" ] || echo 'no page miost(7)'
	for page in "$man"/man3/miost*.3; do
		to=$(sed -n '1s/^\.so //p' "$page")
		[ -z "$to" ] || [ -f "$man/$to" ] ||
			echo "$page leads to $to, which is not there"
	done
	page=$man/man3/miost_queue_add.3
	grep -q '^\.so man3/miost_queue\.3$' "$page" ||
		echo "$page does not lead to miost_queue(3)"
}

check_rpath() {
	name='the library has no rpath'
	if [ "${MIOST_ENABLE_SHARED-yes}" = no ]; then
		skip "$name" 'there is no shared library'
	elif ! command -v "$READELF" >/dev/null; then
		skip "$name" 'there is no readelf'
	elif [ -f "$lib/libmiost.0.dylib" ]; then
		skip "$name" 'the shared library is no ELF file'
	else
		"$READELF" -d "$lib"/libmiost.so.0* 2>&1 |
			grep -e RPATH -e RUNPATH -e Error >"$tmp/wrong"
		none "$name" "$tmp/wrong"
	fi
}

command -v "$PKG_CONFIG" >/dev/null || skip_all "there is no $PKG_CONFIG"

plan 9
try 'pkg-config finds it' pkgconfig
check_language C "$CC" program.c
check_language C++ "${CXX-}" program.cc
examples >"$tmp/wrong" 2>&1
none 'the examples compile as a program of yours does' "$tmp/wrong"
try 'the examples of several files build as they say' several_files
pages >"$tmp/wrong" 2>&1
none 'the manual is complete' "$tmp/wrong"
check_rpath
