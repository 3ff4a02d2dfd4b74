/* SPDX-License-Identifier: MIT */
/*
 * Stands for <sys/sdt.h> where the library is compiled for tests/probes.c: a
 * probe calls probe_fired, with its name and its arguments, up to six.
 */
#ifndef PROBES_SDT_H
#define PROBES_SDT_H

#include <stdint.h>

void probe_fired(const char *provider, const char *name, int n,
		 const intmax_t *values);

static inline intmax_t
probe_signed(long long value)
{
	return value;
}

static inline intmax_t
probe_unsigned(unsigned long long value)
{
	return (intmax_t)value;
}

static inline intmax_t
probe_pointer(const void *value)
{
	return (intmax_t)(uintptr_t)value;
}

/* A tracer finds the bits; here they come as one type. */
#define PROBE_VALUE(value) \
	_Generic((value), \
		int: probe_signed, \
		long: probe_signed, \
		long long: probe_signed, \
		unsigned int: probe_unsigned, \
		unsigned long: probe_unsigned, \
		unsigned long long: probe_unsigned, \
		default: probe_pointer)(value)

#define PROBE_1(a) PROBE_VALUE(a)
#define PROBE_2(a, b) PROBE_1(a), PROBE_1(b)
#define PROBE_3(a, b, c) PROBE_2(a, b), PROBE_1(c)
#define PROBE_4(a, b, c, d) PROBE_3(a, b, c), PROBE_1(d)
#define PROBE_5(a, b, c, d, e) PROBE_4(a, b, c, d), PROBE_1(e)
#define PROBE_6(a, b, c, d, e, f) PROBE_5(a, b, c, d, e), PROBE_1(f)
#define PROBE_CHOSEN(a, b, c, d, e, f, chosen, ...) chosen
#define PROBE_VALUES(...) \
	PROBE_CHOSEN(__VA_ARGS__, PROBE_6, PROBE_5, PROBE_4, PROBE_3, \
		     PROBE_2, PROBE_1, 0)(__VA_ARGS__)
#define PROBE_COUNT(...) PROBE_CHOSEN(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)

#define STAP_PROBEV(provider, name, ...) \
	probe_fired(#provider, #name, PROBE_COUNT(__VA_ARGS__), \
		    (const intmax_t[]){ PROBE_VALUES(__VA_ARGS__) })

#endif
