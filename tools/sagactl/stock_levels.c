/* stock_levels.c - see stock_levels.h. */
#include "tools/sagactl/stock_levels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/array.h"

static int compare_products(const void *a, const void *b)
{
    const struct stock_level *x = a, *y = b;

    return strcmp(x->data.product_id, y->data.product_id);
}

static int compare(const void *a, const void *b)
{
    const struct stock_level *x = a, *y = b;
    int by_product = compare_products(a, b);

    return by_product != 0 ? by_product : (x->offset > y->offset) - (x->offset < y->offset);
}

void stock_levels_settle(struct stock_levels *levels)
{
    size_t kept = 0;

    if (levels->count > 0)
        qsort(levels->list, levels->count, sizeof(*levels->list), compare);
    for (size_t i = 0; i < levels->count; i++) {
        bool is_last =
            i + 1 == levels->count || compare_products(&levels->list[i], &levels->list[i + 1]) != 0;

        if (is_last)
            levels->list[kept++] = levels->list[i];
    }
    levels->count = kept;
}

/* The topic has many levels of few products: before the array grows, the old ones go. */
static int make_room(struct stock_levels *levels, struct error *err)
{
    struct stock_level *list;

    if (levels->count < levels->capacity)
        return 0;
    stock_levels_settle(levels);
    if (levels->count > STOCK_PRODUCTS_MAX)
        return error_set(err, -E2BIG, "there are more than %d products", STOCK_PRODUCTS_MAX);
    if (levels->count < levels->capacity / 2)
        return 0;
    list = array_grow(levels->list, levels->capacity, &levels->capacity, sizeof(*list), err);
    if (list == NULL)
        return -ENOMEM;
    levels->list = list;
    return 0;
}

int stock_levels_add(struct stock_levels *levels, const struct event *event, int64_t offset,
                     struct error *err)
{
    int r = make_room(levels, err);

    if (r < 0)
        return r;
    levels->list[levels->count++] = (struct stock_level){
        .data = event->data.stock_level_changed,
        .changed_at_ms = event->timestamp_ms,
        .offset = offset,
    };
    return 0;
}

const struct stock_level *stock_levels_find(const struct stock_levels *levels,
                                            const char *product_id)
{
    struct stock_level key = {.offset = 0};

    if (strlen(product_id) >= sizeof(key.data.product_id) || levels->count == 0)
        return NULL;
    str_copy(key.data.product_id, sizeof(key.data.product_id), product_id);
    return bsearch(&key, levels->list, levels->count, sizeof(key), compare_products);
}

void stock_levels_done(struct stock_levels *levels)
{
    free(levels->list);
    *levels = (struct stock_levels){0};
}
