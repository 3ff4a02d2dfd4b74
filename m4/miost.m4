dnl SPDX-License-Identifier: MIT
dnl The project's own configure macros.

dnl MIOST_CHECK_CONSTANTS(HEADER, CONSTANTS): for each X of the constants,
dnl macros or enumerators, defines HAVE_X, in capitals, if the header declares
dnl X. Caches the result in miost_cv_X.
AC_DEFUN([MIOST_CHECK_CONSTANTS], [
m4_foreach_w([miost_name], [$2], [
AC_CACHE_CHECK([for ]miost_name, [miost_cv_]miost_name,
  [AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <sys/types.h>
#include <sys/time.h>
#include <$1>]],
      [[long long value = (long long)]]miost_name[[; return value == 42;]])],
    [AS_VAR_SET([miost_cv_]miost_name, [yes])],
    [AS_VAR_SET([miost_cv_]miost_name, [no])])])
AS_VAR_IF([miost_cv_]miost_name, [yes],
  [AC_DEFINE([HAVE_]m4_toupper(miost_name), [1],
    [Whether <$1> declares ]miost_name)])
])])

dnl MIOST_CHECK_CALLS(HEADER, FUNCTIONS): like AC_CHECK_FUNCS, but goes by the
dnl declarations in the header. On macOS a function may be in the libraries to
dnl link with, which are of the newest release, but not in the oldest release on
dnl which the program is to run. The compiler knows that from the declaration.
AC_DEFUN([MIOST_CHECK_CALLS], [
m4_foreach_w([miost_name], [$2], [
AC_CACHE_CHECK([for ]miost_name, [ac_cv_func_]miost_name,
  [AC_LINK_IFELSE([AC_LANG_PROGRAM([[#ifdef __clang__
#pragma clang diagnostic error "-Wunguarded-availability-new"
#endif
#include <sys/types.h>
#include <$1>]],
      [[void (*volatile call)(void) = (void (*)(void))]]miost_name[[;
return call == 0;]])],
    [AS_VAR_SET([ac_cv_func_]miost_name, [yes])],
    [AS_VAR_SET([ac_cv_func_]miost_name, [no])])])
AS_VAR_IF([ac_cv_func_]miost_name, [yes],
  [AC_DEFINE([HAVE_]m4_toupper(miost_name), [1],
    [Whether <$1> declares ]miost_name)])
])])

dnl MIOST_CHECK_FLAGS(VARIABLE, FLAGS): appends to the variable each flag that
dnl the compiler accepts without a warning.
AC_DEFUN([MIOST_CHECK_FLAGS], [
for miost_flag in m4_normalize([$2]); do
  AS_VAR_PUSHDEF([miost_cache], [miost_cv_flag_$miost_flag])
  AC_CACHE_CHECK([whether $CC takes $miost_flag], [miost_cache],
    [miost_save_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS -Werror $miost_flag"
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
      [AS_VAR_SET([miost_cache], [yes])], [AS_VAR_SET([miost_cache], [no])])
    CFLAGS=$miost_save_CFLAGS])
  AS_VAR_IF([miost_cache], [yes], [$1="$$1 $miost_flag"])
  AS_VAR_POPDEF([miost_cache])
done
AC_SUBST([$1])
])

dnl Hides all symbols that are not part of the library's interface.
AC_DEFUN([MIOST_VISIBILITY],
  [MIOST_CHECK_FLAGS([VISIBILITY_CFLAGS], [-fvisibility=hidden])])

dnl Symbol versions, if the linker supports them.
AC_DEFUN([MIOST_VERSION_SCRIPT], [
AC_CACHE_CHECK([whether the linker takes --version-script],
  [miost_cv_version_script],
  [echo 'MIOST_0 { global: miost_version; local: *; };' >conftest.map
  miost_save_LDFLAGS=$LDFLAGS
  LDFLAGS="$LDFLAGS -shared -fPIC -Wl,--version-script=conftest.map"
  AC_LINK_IFELSE([AC_LANG_SOURCE([[int miost_version(void);
int miost_version(void) { return 0; }]])],
    [miost_cv_version_script=yes], [miost_cv_version_script=no])
  LDFLAGS=$miost_save_LDFLAGS
  rm -f conftest.map])
AM_CONDITIONAL([VERSION_SCRIPT], [test "$miost_cv_version_script" = yes])
])

AC_DEFUN([MIOST_WARNINGS], [
MIOST_CHECK_FLAGS([WARN_CFLAGS], [-Wall -Wextra -Wpedantic -Walloca
  -Wcast-align=strict -Wcast-qual -Wconversion -Wdate-time
  -Wdouble-promotion -Wduplicated-branches -Wduplicated-cond -Wfloat-equal
  -Wformat=2 -Wformat-signedness -Winit-self -Wjump-misses-init -Wlogical-op
  -Wmissing-declarations -Wmissing-include-dirs -Wmissing-prototypes
  -Wmissing-variable-declarations -Wnested-externs -Wnull-dereference
  -Wold-style-definition -Wpointer-arith -Wredundant-decls -Wshadow
  -Wsign-conversion -Wstrict-overflow=2 -Wstrict-prototypes -Wswitch-default
  -Wswitch-enum -Wundef -Wuninitialized -Wvla -Wwrite-strings])
AC_ARG_ENABLE([werror],
  [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
  [], [enable_werror=no])
AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
])

AC_DEFUN([MIOST_SANITIZE], [
AC_ARG_ENABLE([sanitize],
  [AS_HELP_STRING([--enable-sanitize=LIST],
    [build with sanitizers, such as address,undefined, memory or thread])],
  [], [enable_sanitize=no])
AS_CASE([$enable_sanitize],
  [no], [],
  [yes], [AC_MSG_ERROR([--enable-sanitize needs a list: address,undefined])],
  [SANITIZE_CFLAGS="-fsanitize=$enable_sanitize -fno-sanitize-recover=all"
  SANITIZE_CFLAGS="$SANITIZE_CFLAGS -fno-omit-frame-pointer"
  miost_save_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS $SANITIZE_CFLAGS"
  AC_MSG_CHECKING([whether $CC links with -fsanitize=$enable_sanitize])
  AC_LINK_IFELSE([AC_LANG_PROGRAM()], [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
    AC_MSG_ERROR([$CC cannot build with -fsanitize=$enable_sanitize])])
  CFLAGS=$miost_save_CFLAGS])
AC_SUBST([SANITIZE_CFLAGS])
])

dnl Finds out what the system has, and chooses the files to compile. Sets
dnl miost_backend and miost_waker, and for the summary miost_kqueue,
dnl miost_signals, miost_process, miost_precise and miost_exclusive.
AC_DEFUN([MIOST_SYSTEM], [
AC_CHECK_FUNCS([epoll_create1 kqueue])
miost_kqueue=
AS_IF([test "$with_backend" = kqueue && test "$ac_cv_func_kqueue" != yes],
  [MIOST_KQUEUE_ELSEWHERE])
AS_CASE([$with_backend],
  [auto], [AS_IF(
    [test "$ac_cv_func_epoll_create1" = yes], [miost_backend=epoll],
    [test "$ac_cv_func_kqueue" = yes], [miost_backend=kqueue],
    [AC_MSG_ERROR([this system has neither epoll nor kqueue])])],
  [epoll], [miost_backend=epoll
    AS_IF([test "$ac_cv_func_epoll_create1" != yes],
      [AC_MSG_ERROR([--with-backend=epoll: this system has no epoll])])],
  [kqueue], [miost_backend=kqueue],
  [AC_MSG_ERROR([--with-backend=$with_backend: not auto, epoll or kqueue])])

dnl Functions, constants and libraries for the backends and the sockets.
miost_save_CPPFLAGS=$CPPFLAGS
CPPFLAGS="$CPPFLAGS $KQUEUE_CPPFLAGS"
AC_CHECK_FUNCS([epoll_pwait2 eventfd kqueue1 signalfd sigtimedwait])
AC_CHECK_HEADER([sys/syscall.h], [AC_CHECK_FUNCS([syscall])])
AC_CHECK_FUNCS([waitid])
MIOST_CHECK_CALLS([sys/socket.h], [accept4 recvmmsg sendmmsg])
MIOST_CHECK_CALLS([unistd.h], [pipe2])
MIOST_CHECK_CONSTANTS([sys/epoll.h], [EPOLLEXCLUSIVE])
MIOST_CHECK_CONSTANTS([sys/event.h], [EVFILT_USER EVFILT_PROC NOTE_OOB])
MIOST_CHECK_CONSTANTS([sys/socket.h],
  [SOCK_NONBLOCK MSG_NOSIGNAL SO_NOSIGPIPE])
MIOST_CHECK_CONSTANTS([fcntl.h], [F_SETNOSIGPIPE O_NOSIGPIPE])
MIOST_CHECK_CONSTANTS([sys/syscall.h], [SYS_epoll_pwait2 SYS_pidfd_open])
AC_CHECK_MEMBERS([struct sockaddr_in.sin_len, struct sockaddr_un.sun_len], [],
  [], [[#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <sys/un.h>]])
CPPFLAGS=$miost_save_CPPFLAGS
AC_SEARCH_LIBS([clock_gettime], [rt], [],
  [AC_MSG_ERROR([this system has no clock_gettime])])
AC_SEARCH_LIBS([pthread_sigmask], [pthread], [],
  [AC_MSG_ERROR([this system has no pthread_sigmask])])
MIOST_CHECK_CALLS([pthread.h], [pthread_setcancelstate])

AS_CASE([$with_waker],
  [auto], [AS_IF(
    [test $miost_backend:$ac_cv_func_eventfd = epoll:yes],
      [miost_waker=eventfd],
    [test $miost_backend:$miost_cv_EVFILT_USER = kqueue:yes],
      [miost_waker=user],
    [miost_waker=pipe])],
  [eventfd], [miost_waker=eventfd
    AS_IF([test $miost_backend:$ac_cv_func_eventfd != epoll:yes],
      [AC_MSG_ERROR([--with-waker=eventfd: not on this system])])],
  [user], [miost_waker=user
    AS_IF([test $miost_backend:$miost_cv_EVFILT_USER != kqueue:yes],
      [AC_MSG_ERROR([--with-waker=user: not on this system])])],
  [pipe], [miost_waker=pipe],
  [AC_MSG_ERROR(
    [--with-waker=$with_waker: not auto, eventfd, user or pipe])])

AS_IF([test "$miost_backend" = epoll && test "$ac_cv_func_signalfd" != yes],
  [AC_MSG_ERROR([this system has epoll, but no signalfd])])
AS_IF([test "$miost_backend" = epoll],
  [miost_signals=signalfd miost_process=pidfd
  AS_IF([test "$miost_cv_SYS_pidfd_open" != yes],
    [miost_process="no (the system's headers know no pidfd)"])],
  [miost_signals=EVFILT_SIGNAL miost_process=EVFILT_PROC])
AS_IF([test "$ac_cv_func_epoll_pwait2" = yes], [miost_precise=libc],
  [test "$miost_cv_SYS_epoll_pwait2" = yes], [miost_precise='system call'],
  [miost_precise=no])
miost_exclusive=$miost_cv_EPOLLEXCLUSIVE
AS_IF([test "$miost_backend" = kqueue],
  [miost_precise=kevent miost_exclusive=no])
])

dnl Finds another kqueue to try the backend with if the C library has none:
dnl libkqueue, or else the test double, which works on Linux only and is linked
dnl into each program. miost_cv_libkqueue=no skips libkqueue.
AC_DEFUN([MIOST_KQUEUE_ELSEWHERE], [
AC_CACHE_CHECK([for libkqueue], [miost_cv_libkqueue],
  [AS_IF([$PKG_CONFIG --exists libkqueue 2>/dev/null],
    [miost_cv_libkqueue=yes], [miost_cv_libkqueue=no])])
AS_IF([test "$miost_cv_libkqueue" = yes],
  [miost_kqueue=' of libkqueue'
  KQUEUE_CPPFLAGS=`$PKG_CONFIG --cflags libkqueue`
  LIBS="`$PKG_CONFIG --libs libkqueue` $LIBS"
  AC_SUBST([KQUEUE_REQUIRES], [libkqueue])],
  [test "$ac_cv_func_epoll_create1" = yes],
  [miost_kqueue=' of the test double'
  KQUEUE_CPPFLAGS="-I`cd "$srcdir" && pwd`/tests/kqueue"
  AS_IF([test "$enable_shared" != no],
    [AC_MSG_ERROR([--with-backend=kqueue: this system has no kqueue. For tests
there is a double: add --disable-shared])])],
  [AC_MSG_ERROR([--with-backend=kqueue: this system has no kqueue])])
AC_DEFINE([HAVE_KQUEUE], [1])
AC_SUBST([KQUEUE_CPPFLAGS])
])

dnl MIOST_EXAMPLE(NAME, PACKAGE, HEADERS, CALL): whether examples that use this
dnl library can be built. Nothing else needs it. The flags that pkg-config gives
dnl must be right for this very compiler: a program is linked to find out.
AC_DEFUN([MIOST_EXAMPLE], [
AC_CACHE_CHECK([for $2, for examples], [miost_cv_$1],
  [miost_cv_$1=no
  AS_IF([test "$enable_os" != no && $PKG_CONFIG --exists $2 2>/dev/null],
    [miost_save_CFLAGS=$CFLAGS
    miost_save_LIBS=$LIBS
    CFLAGS="$CFLAGS `$PKG_CONFIG --cflags $2`"
    LIBS="`$PKG_CONFIG --libs $2` $LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[$3]], [[$4]])], [miost_cv_$1=yes])
    CFLAGS=$miost_save_CFLAGS
    LIBS=$miost_save_LIBS])])
AS_IF([test "$miost_cv_$1" = yes],
  [AC_SUBST([$1_CFLAGS], ["`$PKG_CONFIG --cflags $2`"])
  AC_SUBST([$1_LIBS], ["`$PKG_CONFIG --libs $2`"])
  miost_examples="${miost_examples:+$miost_examples }$2"])
AM_CONDITIONAL([$1], [test "$miost_cv_$1" = yes])
])

dnl Static probes, for tracers.
AC_DEFUN([MIOST_STATIC_PROBES], [
AC_ARG_ENABLE([usdt],
  [AS_HELP_STRING([--enable-usdt],
    [build with static probes for bpftrace and perf (needs sys/sdt.h)])],
  [], [enable_usdt=no])
AS_IF([test "$enable_usdt" != no],
  [AC_MSG_CHECKING([for static probes])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#define SDT_USE_VARIADIC
#include <sys/sdt.h>]],
      [[STAP_PROBEV(miost, probe, 1, 2);]])],
    [AC_MSG_RESULT([yes])
    AC_DEFINE([MIOST_USDT], [1], [Whether there are static probes])],
    [AC_MSG_RESULT([no])
    AC_MSG_ERROR([--enable-usdt: <sys/sdt.h> is missing])])])
])

dnl MIOST_PEER(NAME, HEADER, LIBS, CALL): adds a library to compare with in the
dnl benchmarks to BENCH_PEERS, if a program that calls it links.
AC_DEFUN([MIOST_PEER], [
AC_CACHE_CHECK([for $1], [miost_cv_peer_$1],
  [miost_save_LIBS=$LIBS
  LIBS="$3 $LIBS"
  AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <$2>]], [[$4]])],
    [miost_cv_peer_$1=yes], [miost_cv_peer_$1=no])
  LIBS=$miost_save_LIBS])
AS_VAR_IF([miost_cv_peer_$1], [yes],
  [BENCH_PEERS="$BENCH_PEERS bench/$1"
  miost_peers="$miost_peers $1"])
])

dnl MIOST_CLIENTS(NAME, VARIABLE): adds a client of this library in each loop to
dnl BENCH_CLIENTS, if MIOST_EXAMPLE(VARIABLE) found the library.
AC_DEFUN([MIOST_CLIENTS], [
AS_IF([test "$miost_cv_$2" = yes], [
  for miost_peer in $miost_peers; do
    AS_CASE([$miost_peer], [epoll], [miost_peer=miost])
    BENCH_CLIENTS="$BENCH_CLIENTS bench/$1_$miost_peer"
  done
  miost_clients="$miost_clients $1"])
])

dnl The programs and libraries that the benchmarks compare. They need epoll, on
dnl which the bare loop, bench/epoll, runs.
AC_DEFUN([MIOST_BENCH], [
BENCH_PEERS=
BENCH_CLIENTS=
miost_peers=
miost_clients=
AS_IF([test "$miost_backend" = epoll], [
  BENCH_PEERS='bench/epoll bench/miost'
  miost_peers=epoll
  MIOST_PEER([libev], [ev.h], [-lev], [return !ev_loop_new(0);])
  MIOST_PEER([libevent], [event2/thread.h], [-levent_pthreads -levent_core],
    [return evthread_use_pthreads();])
  MIOST_PEER([libuv], [uv.h], [-luv], [return !uv_default_loop();])
  MIOST_CLIENTS([curl], [CURL])
  MIOST_CLIENTS([hiredis], [HIREDIS])
  AC_CHECK_HEADERS([valgrind/callgrind.h])
  AC_CHECK_FUNCS([mallinfo2])
])
AC_SUBST([BENCH_PEERS])
AC_SUBST([BENCH_CLIENTS])
AC_SUBST([has_callgrind], [$ac_cv_header_valgrind_callgrind_h])
])
