/*
 * money.h - amounts of money: decimal text outside, int64_t minor units (hundredths) inside.
 * All currencies in use have two decimals. Pure; any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MONEY_DECIMALS 2

/* "-92233720368547758.08" and NUL. */
#define MONEY_SIZE 22

/*
 * Reads a JSON number as money, exactly: "19.99" and "1999e-2" are 1999.
 * Returns 0, -EINVAL (no JSON number, or a fraction of a minor unit), -ERANGE (does not fit).
 * `text` is borrowed and needs no NUL; `ret_minor` is written on success only.
 */
int money_parse(const char *text, size_t len, int64_t *ret_minor);

/* Always two decimals: 1999 is "19.99", 0 is "0.00". Returns the length without NUL. */
size_t money_format(int64_t minor, char out[MONEY_SIZE]);
