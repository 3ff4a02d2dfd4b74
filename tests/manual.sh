#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual: every page is free of lint, every example in it compiles and
# runs, every prototype is that of the headers, and every function has a page.

# shellcheck source=tests/lib.sh
. "${srcdir:-.}/tests/lib.sh"

doc=$srcdir/doc
headers=$(find "$srcdir/include" -name '*.h' ! -name version.h -o \
	-name '*.h.in')

# The pages proper. In a build inside the source tree the generated ones, of
# one line that leads to another page, stand beside them.
for page in "$doc"/*.[37]; do
	case $(sed -n 1p "$page") in
	.so*) ;;
	*) echo "$page" ;;
	esac
done >"$tmp/pages"

# functions HEADER...: those that they declare.
functions() {
	# shellcheck disable=SC2016
	awk '
		FNR == 1 { text = text "\n;"; comment = 0 }
		/^#/ || continued { continued = /\\$/; next }
		{
			line = $0
			gsub(/\/\*[^*]*\*\//, "", line)
			if (comment && !sub(/^.*\*\//, "", line)) next
			comment = sub(/\/\*.*$/, "", line)
			text = text " " line
		}
		END {
			n = split(text, part, /[;{}]/)
			for (i = 1; i <= n; i++) {
				if (part[i] !~ /MIOST_API|static inline/) continue
				if (match(part[i], /miost_[a-z0-9_]+\(/))
					print substr(part[i], RSTART, RLENGTH - 1)
			}
		}
	' "$@" | sort
}

# names PAGE: what stands in its NAME section.
names() {
	sed -n '/^\.Sh NAME/,/^\.Sh [^N]/s/^\.Nm \(miost_[a-z0-9_]*\)\( ,\)\{0,1\}$/\1/p' \
		"$1"
}

# Splits a page's examples into $tmp/NOUN.1.c and so on; prints how many.
examples() {
	awk -v out="$2" '
		/^\.Sh / { inside = $2 == "EXAMPLES" }
		inside && /^\.Bd / { code = 1; n++; next }
		inside && /^\.Ed/ { code = 0; next }
		inside && code {
			gsub(/\\\(aq/, sprintf("%c", 39))
			gsub(/\\\(dq/, "\"")
			gsub(/\\&/, "")
			gsub(/\\-/, "-")
			gsub(/\\e/, "\\")
			print >(out "." n ".c")
		}
		END { print n + 0 }
	' "$1"
}

# A synopsis as C: includes, and a declaration a function.
synopsis() {
	awk '
		function unquote(s) { gsub(/"/, "", s); return s }
		function add(arg) { args = args (args == "" ? "" : ", ") arg }
		function end() { print type " " name "(" args ");" }
		/^\.Sh / { inside = $2 == "SYNOPSIS" }
		!inside { next }
		/^\.In / { print "#include <" $2 ">" }
		/^\.Ft / { type = unquote(substr($0, 5)) }
		/^\.Fo / { name = $2; args = "" }
		/^\.Fa / { add(unquote(substr($0, 5))) }
		/^\.Fc/ { end() }
		/^\.Fn / {
			rest = substr($0, 5)
			name = rest
			sub(/ .*/, "", name)
			sub(/^[^ ]* */, "", rest)
			args = ""
			while (rest != "") {
				if (match(rest, /^"[^"]*"/) || match(rest, /^[^ ]+/))
					add(unquote(substr(rest, 1, RLENGTH)))
				rest = substr(rest, RLENGTH + 1)
				sub(/^ +/, "", rest)
			}
			end()
		}
	' "$1"
}

strict='-std=c11 -Wall -Wextra -Wpedantic -Werror'

lint() {
	{
		mandoc -T lint -W warning "$1"
		# Brackets within brackets come of two macros on one line.
		mandoc -T ascii "$1" | awk '{ gsub(/.\010/, "") }
			/\[[A-Z0-9, ]*\[E/'
	} >"$tmp/lint" 2>&1
	none "$2 is free of lint" "$tmp/lint"
}

# build_and_run NOUN COUNT: all examples of a page.
build_and_run() {
	i=0
	while [ "$i" -lt "$2" ]; do
		i=$((i + 1))
		# shellcheck disable=SC2086 # lists of words
		compile "$tmp/$1.$i" $strict "$tmp/$1.$i.c" || return
		run "$tmp/$1.$i" || {
			echo "example $i: status $?"
			return 1
		}
	done
}

examples_run() {
	noun=$(basename "$1")
	if [ "$noun" = miost-tracing.7 ]; then
		ok "$2: its examples are for tracers"
		return
	fi
	count=$(examples "$1" "$tmp/$noun")
	if [ "$count" -gt 0 ]; then
		try "$2: its examples compile and run" \
			build_and_run "$noun" "$count"
	else
		echo 'it has none' >"$tmp/none"
		not_ok "$2: its examples compile and run" "$tmp/none"
	fi
}

# The compiler compares them with the headers.
prototypes() {
	{ echo "extern int miost_nothing;" && synopsis "$1"; } \
		>"$tmp/synopsis.c"
	# shellcheck disable=SC2086
	try "$2: its synopsis is that of the headers" \
		$CC ${CPPFLAGS-} ${CFLAGS-} $strict -Iinclude \
		-I"$srcdir/include" -c -o "$tmp/synopsis.o" "$tmp/synopsis.c"
}

plan $((3 * $(wc -l <"$tmp/pages") + 7))

while read -r page; do
	name=doc/$(basename "$page")
	if command -v mandoc >/dev/null; then
		lint "$page" "$name"
	else
		skip "$name is free of lint" 'there is no mandoc'
	fi
	prototypes "$page" "$name"
	examples_run "$page" "$name"
done <"$tmp/pages"

# shellcheck disable=SC2086 # no spaces in these names
functions $headers >"$tmp/functions"
while read -r page; do
	names "$page"
done <"$tmp/pages" | sort >"$tmp/named"
uniq "$tmp/named" >"$tmp/named-once"
while read -r page; do
	synopsis "$page" | sed -n 's/.* \**\(miost_[a-z0-9_]*\)(.*);$/\1/p'
done <"$tmp/pages" | sort >"$tmp/declared"
# Each page is also the page of its own name.
while read -r page; do
	basename "$page" | sed 's/\.[37]$//'
done <"$tmp/pages" | sort >"$tmp/nouns"
sed -n 's|^[[:space:]]*doc/\(.*\)\.3\([[:space:]]*\\\)\{0,1\}$|\1|p' \
	"$doc/links.am" | sort >"$tmp/links"

{
	[ -s "$tmp/functions" ] || echo 'no function was found in the headers'
	comm -23 "$tmp/functions" "$tmp/named" | sed 's/$/: in none/'
	uniq -d "$tmp/named" | sed 's/$/: in several/'
} >"$tmp/wrong"
none 'every function is in the NAME section of exactly one page' "$tmp/wrong"

comm -23 "$tmp/named-once" "$tmp/functions" | comm -23 - "$tmp/nouns" \
	>"$tmp/wrong"
none 'no NAME section has anything else' "$tmp/wrong"

diff "$tmp/functions" "$tmp/declared" >"$tmp/wrong"
none 'every function is in exactly one SYNOPSIS' "$tmp/wrong"

comm -23 "$tmp/functions" "$tmp/nouns" | diff - "$tmp/links" >"$tmp/wrong"
none 'doc/links.am has the functions without a page of that name' "$tmp/wrong"

# structs FILE...: those that are defined there, each on a line, uncommented.
structs() {
	sed -e 's|/\*[^*]*\*/||g' -e '/^[[:space:]]*\/\*/,/\*\//d' "$@" |
		sed -n '/^struct miost_[a-z_]* {$/,/^};/p' | tr -s '\n\t ' '   ' |
		sed 's/}; */};\
/g' | sort
}

# shellcheck disable=SC2086 # no spaces in these names
structs $headers >"$tmp/structs"
while read -r page; do
	sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$page"
done <"$tmp/pages" >"$tmp/synopses"
{
	[ -s "$tmp/structs" ] || echo 'no struct was found in the headers'
	structs "$tmp/synopses" | comm -23 - "$tmp/structs"
} >"$tmp/wrong"
none 'structs of a SYNOPSIS are those of the headers' "$tmp/wrong"

# header_errors HEADER...: each function, and each error of the comment above.
header_errors() {
	awk '
		/\/\*/ { inside = 1; errors = "" }
		inside {
			line = $0
			while (match(line, /-E[A-Z][A-Z0-9]+/)) {
				errors = errors " " substr(line, RSTART + 1,
							   RLENGTH - 1)
				line = substr(line, RSTART + RLENGTH)
			}
		}
		/\*\// { inside = 0; next }
		!inside && /^MIOST_API/ && match($0, /miost_[a-z0-9_]+\(/) {
			name = substr($0, RSTART, RLENGTH - 1)
			n = split(errors, error)
			for (i = 1; i <= n; i++) print name, error[i]
		}
	' "$@" | sort -u
}

# page_errors PAGE [SECTION]: each function of it, and each error that it names.
page_errors() {
	names "$1" | while read -r function; do
		sed -n "/^\.Sh ${2-LIBRARY}/,/^\.Sh SEE/p" "$1" |
			grep -o '\<Er E[A-Z][A-Z0-9]*' | sed "s/^Er/$function/"
	done | sort -u
}

# shellcheck disable=SC2086
header_errors $headers >"$tmp/header-errors"
while read -r page; do
	page_errors "$page"
done <"$tmp/pages" | sort -u >"$tmp/page-errors"
{
	[ -s "$tmp/header-errors" ] || echo 'no error was found in the headers'
	comm -23 "$tmp/header-errors" "$tmp/page-errors"
} >"$tmp/wrong"
none 'errors of the headers are on the page of the function' "$tmp/wrong"

# A header whose functions pass on what the system says leaves that to the page.
for header in $headers; do
	grep 'the manual lists it' "$header" >/dev/null && continue
	functions "$header" >"$tmp/here"
	while read -r page; do
		names "$page" | sort | comm -12 - "$tmp/here" | grep . \
			>/dev/null || continue
		page_errors "$page" ERRORS | sed 's/.* //' | sort -u |
			while read -r error; do
				grep -e "-$error\>" "$header" >/dev/null ||
					echo "$error: $page, not $header"
			done
	done <"$tmp/pages"
done >"$tmp/wrong"
none 'errors of a page are in the header' "$tmp/wrong"
