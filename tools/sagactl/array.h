/* array.h - an array that grows with what is put into it. */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/base/error.h"

#define ARRAY_CAPACITY_START 64

/*
 * Makes room for one more item behind `count`. Returns the array, which may have moved, or NULL
 * when memory is short: then the old one is as it was.
 */
static inline void *array_grow(void *items, size_t count, size_t *capacity, size_t item_size,
                               struct error *err)
{
    size_t wanted = *capacity > 0 ? *capacity * 2 : ARRAY_CAPACITY_START;

    if (count < *capacity)
        return items;
    items = reallocarray(items, wanted, item_size);
    if (items == NULL)
        error_set(err, -ENOMEM, "out of memory");
    else
        *capacity = wanted;
    return items;
}
