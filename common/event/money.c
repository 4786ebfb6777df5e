/* money.c - see money.h. */
#include "common/event/money.h"

#include <string.h>

#include "common/event/decimal.h"

int money_parse(const char *text, size_t len, int64_t *ret_minor)
{
    return decimal_parse(text, len, MONEY_DECIMALS, ret_minor);
}

/* By hand: printf costs more than the rest of an event's encoding. */
size_t money_format(int64_t minor, char out[MONEY_SIZE])
{
    uint64_t rest = minor < 0 ? 0 - (uint64_t)minor : (uint64_t)minor;
    char backwards[MONEY_SIZE], *p = backwards + sizeof(backwards);

    for (int digit = 0; digit <= MONEY_DECIMALS || rest > 0; digit++, rest /= 10) {
        if (digit == MONEY_DECIMALS)
            *--p = '.';
        *--p = (char)('0' + rest % 10);
    }
    if (minor < 0)
        *--p = '-';

    size_t len = (size_t)(backwards + sizeof(backwards) - p);

    memcpy(out, p, len);
    out[len] = '\0';
    return len;
}
