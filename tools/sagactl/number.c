/* number.c - see number.h. */
#include "tools/sagactl/number.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Always fit an int64_t. */
#define DIGITS_MAX 18

int number_parse(const char *text, int64_t min, int64_t max, int64_t *ret, struct error *err)
{
    size_t len = strlen(text);
    bool is_number = len > 0 && len <= DIGITS_MAX && strspn(text, "0123456789") == len;
    int64_t number = is_number ? strtoll(text, NULL, 10) : -1;

    assert(min >= 0);
    if (number < min || number > max)
        return error_set(err, -EINVAL, "'%s' must be a whole number from %" PRId64 " to %" PRId64,
                         text, min, max);
    *ret = number;
    return 0;
}
