/* number.h - whole numbers of the command line. */
#pragma once

#include <stdint.h>

#include "common/base/error.h"

/*
 * Digits only: strtoll() alone would take " 7", "+7" and "7 ". Returns 0, or -EINVAL with
 * "'x' must be a whole number from MIN to MAX". `min` is not negative (asserted).
 */
int number_parse(const char *text, int64_t min, int64_t max, int64_t *ret, struct error *err);
