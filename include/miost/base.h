/* SPDX-License-Identifier: MIT */
/* Attributes of declarations: linkage, and arguments that are not NULL. */
#ifndef MIOST_BASE_H
#define MIOST_BASE_H

#ifdef __cplusplus
#define MIOST_BEGIN_DECLS extern "C" {
#define MIOST_END_DECLS }
#else
#define MIOST_BEGIN_DECLS
#define MIOST_END_DECLS
#endif

#if defined(__GNUC__)
/* A symbol of the library's interface. */
#define MIOST_API __attribute__((visibility("default")))
/* These arguments, counted from 1, are pointers that must not be NULL. */
#define MIOST_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#else
#define MIOST_API
#define MIOST_NONNULL(...)
#endif

#endif
