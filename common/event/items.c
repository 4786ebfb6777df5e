/* items.c - see items.h. Lists are short (a few lines, 100 at most): a plain search is enough. */
#include "common/event/items.h"

#include <assert.h>

#include "common/base/util.h"

static_assert(ITEMS_MAX * ORDERED_QUANTITY_MAX <= MERGED_QUANTITY_MAX,
              "the lines of an order can always be merged");

static struct item_line *items_find(struct item_line *items, size_t count, const char *product_id)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(items[i].product_id, product_id))
            return &items[i];
    return NULL;
}

static void items_append(struct item_line *items, size_t *count, const char *product_id,
                         int64_t quantity)
{
    struct item_line *item = &items[*count];

    *item = (struct item_line){0};
    str_copy(item->product_id, sizeof(item->product_id), product_id);
    item->quantity = quantity;
    *count += 1;
}

bool items_add(struct item_line *items, size_t *count, const char *product_id, int64_t quantity)
{
    struct item_line *item = items_find(items, *count, product_id);
    int64_t before = item != NULL ? item->quantity : 0;

    if (quantity > MERGED_QUANTITY_MAX - before || (item == NULL && *count == ITEMS_MAX))
        return false;
    if (item != NULL)
        item->quantity += quantity;
    else
        items_append(items, count, product_id, quantity);
    return true;
}

bool items_merge(const struct item_line *from, size_t from_count, struct item_line *to,
                 size_t *to_count)
{
    *to_count = 0;
    for (size_t i = 0; i < from_count; i++)
        if (!items_add(to, to_count, from[i].product_id, from[i].quantity))
            return false;
    return true;
}

void items_merge_order(const struct order_placed *order, struct item_line *to, size_t *to_count)
{
    *to_count = 0;
    for (size_t i = 0; i < order->item_count; i++) {
        const struct order_item *item = &order->items[i];
        bool added = items_add(to, to_count, item->product_id, item->quantity);

        assert(added);
    }
}
