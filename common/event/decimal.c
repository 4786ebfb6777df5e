/*
 * decimal.c - see decimal.h. A number is its significant digits and the power of ten of the last.
 */
#include "common/event/decimal.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

/* Beyond any exponent that the digits of a text could make up for. */
#define EXPONENT_MAX 1000000000

struct decimal {
    bool negative;
    bool overflow;   /* more significant digits than `digits` can hold */
    uint64_t digits; /* without leading and trailing zeros */
    int64_t power;   /* of ten, of the last of `digits` */
    int64_t zeros;   /* seen after the last of `digits`; they count only if another follows */
};

struct cursor {
    const char *next;
    const char *end;
};

static bool is_digit(const struct cursor *at)
{
    return at->next < at->end && *at->next >= '0' && *at->next <= '9';
}

static bool take(struct cursor *at, char wanted)
{
    bool found = at->next < at->end && *at->next == wanted;

    at->next += found;
    return found;
}

static void append_digit(struct decimal *number, unsigned digit)
{
    if (number->overflow)
        return;
    number->overflow = __builtin_mul_overflow(number->digits, 10, &number->digits) ||
                       __builtin_add_overflow(number->digits, digit, &number->digits);
}

/* Takes a run of digits; false when there is none. */
static bool take_digits(struct cursor *at, struct decimal *number)
{
    const char *start = at->next;

    for (; is_digit(at); at->next++) {
        if (*at->next == '0') {
            number->zeros++;
            continue;
        }
        for (; number->zeros > 0; number->zeros--)
            append_digit(number, 0);
        append_digit(number, (unsigned)(*at->next - '0'));
    }
    return at->next > start;
}

static bool take_integer(struct cursor *at, struct decimal *number)
{
    if (take(at, '0'))
        return true; /* JSON has no leading zeros: a digit here is left over at the end */
    return take_digits(at, number);
}

/* Each digit of a fraction, a trailing zero too, moves the power of the last one down. */
static bool take_fraction(struct cursor *at, struct decimal *number)
{
    const char *start = at->next;
    bool some = take_digits(at, number);

    number->power -= at->next - start;
    return some;
}

static bool take_exponent(struct cursor *at, struct decimal *number)
{
    bool negative = take(at, '-');
    int64_t exponent = 0;

    if (!negative)
        take(at, '+');
    if (!is_digit(at))
        return false;
    for (; is_digit(at); at->next++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*at->next - '0');
    number->power += negative ? -exponent : exponent;
    return true;
}

static bool read_decimal(struct cursor at, struct decimal *number)
{
    number->negative = take(&at, '-');
    if (!take_integer(&at, number))
        return false;
    if (take(&at, '.') && !take_fraction(&at, number))
        return false;
    if ((take(&at, 'e') || take(&at, 'E')) && !take_exponent(&at, number))
        return false;
    number->power += number->zeros;
    return at.next == at.end;
}

static int apply_power(const struct decimal *number, int64_t power, uint64_t *ret)
{
    uint64_t value = number->digits;

    for (; power > 0; power--)
        if (__builtin_mul_overflow(value, 10, &value))
            return -ERANGE; /* after 20 rounds at the latest, since value > 0 */
    *ret = value;
    return 0;
}

int decimal_parse(const char *text, size_t len, int scale, int64_t *ret)
{
    struct decimal number = {0};
    uint64_t value = 0;

    assert(scale >= 0 && scale <= 18);
    if (!read_decimal((struct cursor){text, text + len}, &number))
        return -EINVAL;
    if (number.digits != 0 || number.overflow) {
        int64_t power = number.power + scale;

        if (power < 0)
            return -EINVAL;
        if (number.overflow || apply_power(&number, power, &value) < 0)
            return -ERANGE;
    }
    if (value > (uint64_t)INT64_MAX + number.negative)
        return -ERANGE;
    *ret = number.negative ? (int64_t)(0 - value) : (int64_t)value;
    return 0;
}
