# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # $build is bootstrap's
# What bootstrap knows of package managers: which packages have the missing
# tools, and how to install them. If a tool is missing, bootstrap reads this file
# and calls install_tools.

package_manager() {
	case $(uname -s) in
	Darwin) managers=brew ;;
	FreeBSD | DragonFly) managers=pkg ;;
	NetBSD) managers='pkgin pkg_add' ;;
	OpenBSD) managers=pkg_add ;;
	*) managers='apt-get dnf yum apk' ;;
	esac
	for manager in $managers; do
		if have "$manager"; then
			echo "$manager"
			return
		fi
	done
}

# newest NAME: OpenBSD has several versions of a package, and must be told one.
newest() {
	found=$(pkg_info -Q "$1" 2>/dev/null |
		sed -n "s/^\($1-[0-9][^ ]*\).*/\1/p" | sort -V | tail -n 1)
	echo "${found:-$1}"
}

# package MANAGER TOOL: its packages; nothing if the tool is part of the system.
package() {
	case $1:$2 in
	apt-get:cc) echo gcc libc6-dev ;;
	# Tests include headers of the kernel, which musl does not bring along.
	apk:cc | apk:c++ | apk:make) echo build-base linux-headers ;;
	dnf:cc | yum:cc) echo gcc ;;
	*:cc) ;;
	apt-get:c++) echo g++ ;;
	dnf:c++ | yum:c++) echo gcc-c++ ;;
	*:c++) ;;
	apt-get:make | dnf:make | yum:make) echo make ;;
	*:make) ;;
	apt-get:awk) echo mawk ;;
	*:awk) echo gawk ;;
	*:diff) echo diffutils ;;
	pkgin:libtoolize) echo libtool-base ;;
	*:libtoolize) echo libtool ;;
	apt-get:nc | apk:nc | pkgin:nc | pkg_add:nc) echo netcat-openbsd ;;
	dnf:nc | yum:nc) echo nmap-ncat ;;
	*:nc) echo netcat ;;
	pkg_add:autoconf | pkg_add:automake) newest "$2" ;;
	*) echo "$2" ;;
	esac
}

packages_for() {
	manager=$1
	shift
	for tool; do
		package "$manager" "$tool" | tr ' ' '\n'
	done | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# install_command MANAGER PACKAGES: prints a command for a shell.
install_command() {
	case $1 in
	apt-get)
		echo "apt-get update && DEBIAN_FRONTEND=noninteractive" \
			"apt-get install -y --no-install-recommends $2"
		;;
	dnf | yum) echo "$1 install -y $2" ;;
	apk) echo "apk add --no-cache $2" ;;
	pkg) echo "env ASSUME_ALWAYS_YES=yes pkg install $2" ;;
	pkgin) echo "pkgin -y update && pkgin -y install $2" ;;
	pkg_add)
		case $(uname -s) in
		OpenBSD) echo "pkg_add -I $2" ;;
		*) echo "pkg_add $2" ;;
		esac
		;;
	brew) echo "brew install $2" ;;
	esac
}

# installer MANAGER: prints the prefix of commands that install, such as sudo;
# fails if this user may not install.
installer() {
	if [ "$1" = brew ]; then
		[ "$(id -u)" != 0 ]
	elif [ "$(id -u)" = 0 ]; then
		:
	elif have sudo && sudo -n true >/dev/null 2>&1; then
		echo sudo -n
	elif have doas && doas -n true >/dev/null 2>&1; then
		echo doas -n
	else
		return 1
	fi
}

# Only tests of the headers need c++; they are skipped without it.
only_helpful() {
	[ "$1" = 'c++ ' ] || return 1
	say 'without c++: its tests are skipped'
}

# cannot_install MISSING COMMAND
cannot_install() {
	if only_helpful "$1"; then return; fi
	echo "bootstrap: missing: ${1% }" >&2
	case $manager in
	'') die 'no package manager that it knows; install these by hand' ;;
	esac
	[ -z "$packages" ] || {
		echo "bootstrap: this installs them, run by someone who may:" >&2
		echo "    $2" >&2
		exit 1
	}
	case $(uname -s) in
	Darwin) die 'they come with the system: xcode-select --install' ;;
	*) die 'they come with the system: its compiler set' ;;
	esac
}

# install_tools: installs the tools in $missing.
install_tools() {
	manager=$(package_manager)
	# Lists of words, here and below.
	# shellcheck disable=SC2086
	packages=$(packages_for "${manager:-none}" $missing)
	command=$(install_command "${manager:-none}" "$packages")
	if [ -z "$manager" ] || [ -z "$packages" ] ||
		! as=$(installer "$manager"); then
		cannot_install "$missing" "$command"
		return 0
	fi
	say "missing: ${missing% }"
	say "$command"
	# shellcheck disable=SC2086
	step install $as sh -c "$command"
	rm -f "$build/configured"
	# shellcheck disable=SC2086
	missing=$(missing_of $missing)
	[ -z "$missing" ] || only_helpful "$missing" ||
		die "still missing: $missing(see $build/install.log)"
}
