/* clock.h - the two clocks and RFC 3339 text. Decisions never read a clock: time comes to them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* "2026-11-24T16:15:37.123Z" and NUL. */
#define TIMESTAMP_SIZE 25

/* Milliseconds since 1970 UTC: for facts. May jump. */
int64_t clock_utc_ms(void);

/* Milliseconds since some start: for waiting and measuring. Never goes back. */
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

/* RFC 3339, UTC, milliseconds. `utc_ms` 0 .. 253402300799999 (year 9999). */
void timestamp_format(int64_t utc_ms, char out[TIMESTAMP_SIZE]);

/*
 * Reads exactly the form that timestamp_format writes, and only real dates.
 * Returns 0 or -EINVAL; `ret_utc_ms` is written on success only.
 */
int timestamp_parse(const char *text, size_t len, int64_t *ret_utc_ms);
