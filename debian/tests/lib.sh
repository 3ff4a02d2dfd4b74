# What the tests share. Each runs in a directory of its own; as root it runs
# once more as a user. DEB_HOST_GNU_TYPE names another machine, to compile for,
# and LOG_COMPILER the emulator that runs its programs where nothing else does.
# shellcheck shell=sh
set -eu

AUTOPKGTEST_TMP=${AUTOPKGTEST_TMP-$(mktemp -d)}
source=$(pwd)
host=${DEB_HOST_GNU_TYPE:+$DEB_HOST_GNU_TYPE-}
emulator=${LOG_COMPILER-}
flags=$("${host}pkg-config" --cflags --libs miost)

# as_user SCRIPT: runs it again without privileges, if it has any.
as_user() {
	[ "$(id -u)" = 0 ] || return 0
	echo '# as a user'
	chmod a+rx "$AUTOPKGTEST_TMP"
	directory=$(setpriv --reuid=nobody --regid=nogroup --clear-groups \
		mktemp -d)
	setpriv --reuid=nobody --regid=nogroup --clear-groups \
		env AUTOPKGTEST_TMP="$directory" sh "$1"
	rm -rf "$directory"
}
