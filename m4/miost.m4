dnl SPDX-License-Identifier: MIT
dnl The project's own configure macros.

dnl MIOST_CHECK_CONSTANTS(HEADER, CONSTANTS): defines HAVE_X, in capitals, for
dnl each of the macros or enumerators that the header declares; caches
dnl miost_cv_X.
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

dnl MIOST_CHECK_FLAGS(VARIABLE, FLAGS): appends to the variable each flag that
dnl the compiler takes without a word.
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

dnl Everything that is not part of the interface stays inside the library.
AC_DEFUN([MIOST_VISIBILITY],
  [MIOST_CHECK_FLAGS([VISIBILITY_CFLAGS], [-fvisibility=hidden])])

dnl Symbol versions, where the linker knows them.
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
    [build with sanitizers, such as address,undefined or thread])],
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
