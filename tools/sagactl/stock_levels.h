/* stock_levels.h - the last level of each product. Pure data, no Kafka. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"

/* Products at a time; each takes about a hundred bytes, twice while they are read. */
#define STOCK_PRODUCTS_MAX 1000000

struct stock_level {
    struct stock_level_changed data;
    int64_t changed_at_ms;
    int64_t offset; /* of one partition: a later one replaces an earlier */
};

/* One of zeros is empty. Ended with stock_levels_done(). */
struct stock_levels {
    size_t count, capacity;
    struct stock_level *list;
};

/* `event` is a StockLevelChanged, copied. Returns 0, -ENOMEM or -E2BIG (STOCK_PRODUCTS_MAX). */
int stock_levels_add(struct stock_levels *levels, const struct event *event, int64_t offset,
                     struct error *err);

/* Leaves the last level of each product, by product id. */
void stock_levels_settle(struct stock_levels *levels);

/* After stock_levels_settle(). Borrowed; NULL: there is no such product. */
const struct stock_level *stock_levels_find(const struct stock_levels *levels,
                                            const char *product_id);

void stock_levels_done(struct stock_levels *levels);
