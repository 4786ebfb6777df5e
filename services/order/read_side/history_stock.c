/* history_stock.c - see history_stock.h. */
#include "services/order/read_side/history_stock.h"

#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history_layout.h"

int history_stock_put(struct store_txn *txn, const char *key, size_t key_len, const char *json,
                      size_t len, struct error *err)
{
    const struct store_bytes product = {key, key_len};

    if (key_len == 0 || key_len >= PRODUCT_ID_SIZE || len > EVENT_BYTES_MAX)
        return 0;
    if (json == NULL)
        return store_delete(txn, TABLE_STOCK, product, err);
    return store_put(txn, TABLE_STOCK, product, (struct store_bytes){json, len}, err);
}

int history_stock_read(struct store_txn *txn, struct codec *codec, const char *product_id,
                       struct event *ret, struct error *err)
{
    const size_t len = strlen(product_id);
    struct store_bytes value;
    struct event event;
    int r = -ENOENT;

    if (len > 0 && len < PRODUCT_ID_SIZE)
        r = store_get(txn, TABLE_STOCK, (struct store_bytes){product_id, len}, &value, err);
    if (r < 0)
        return r == -ENOENT ? error_set(err, r, "nothing is known of the product") : r;
    if (event_decode(codec, value.data, value.size, &event, NULL) < 0 ||
        event.type != EVENT_STOCK_LEVEL_CHANGED || !str_equal(event_key(&event), product_id))
        return error_set(err, -ENOENT, "the last record of the product is no event");
    event_copy(ret, &event);
    return 0;
}
