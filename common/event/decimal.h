/* decimal.h - JSON numbers as exact integers. No floating point: a cent must not depend on it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Reads a JSON number (RFC 8259 grammar, exponent included) and returns it times 10^scale:
 * "19.99", "1999e-2" and "1.999e1" are all 1999 at scale 2. `scale` is 0 .. 18.
 *
 * text     borrowed; all `len` bytes must be the number.
 * ret      written on success only.
 * Returns 0, -EINVAL (no number, or not whole at this scale), -ERANGE (does not fit int64_t).
 */
int decimal_parse(const char *text, size_t len, int scale, int64_t *ret);
