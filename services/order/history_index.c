/*
 * history_index.c - see history_index.h. Foreign producers could place an order twice. Then there
 * is an entry for each time that it was placed at, and of two with the same time the later record
 * has it.
 */
#include "services/order/history_index.h"

#include <string.h>

#include "common/base/uuid.h"

/* The keys of one order in both indexes. */
struct keys {
    uint8_t placed[INDEX_KEY_SIZE], customer[INDEX_KEY_SIZE];
    size_t placed_size, customer_size;
};

size_t index_key(uint8_t out[INDEX_KEY_SIZE], const char *customer_id, int64_t placed_at_ms,
                 const uint8_t order_id[ID_SIZE])
{
    size_t size = customer_id != NULL ? strlen(customer_id) + 1 : 0;

    memcpy(out, customer_id != NULL ? customer_id : "", size);
    put_number(out + size, (uint64_t)placed_at_ms, TIME_SIZE);
    memcpy(out + size + TIME_SIZE, order_id, ID_SIZE);
    return size + PLACED_SIZE;
}

static bool read_keys(struct codec *codec, const struct index_record *record, struct keys *ret)
{
    uint8_t order_id[ID_SIZE];
    struct event event;

    if (event_decode(codec, record->json, record->len, &event, NULL) < 0 ||
        event.type != EVENT_ORDER_PLACED)
        return false;
    uuid_to_bytes(event.data.order_placed.order_id, order_id);
    ret->placed_size = index_key(ret->placed, NULL, event.timestamp_ms, order_id);
    ret->customer_size =
        index_key(ret->customer, event.data.order_placed.customer_id, event.timestamp_ms, order_id);
    return memcmp(order_id, record->order_id, ID_SIZE) == 0;
}

int index_add(struct store_txn *txn, struct codec *codec, const struct index_record *record,
              struct error *err)
{
    uint8_t number[NUMBER_SIZE];
    struct keys keys;
    int r;

    if (!read_keys(codec, record, &keys))
        return 0;
    put_number(number, record->number, NUMBER_SIZE);
    r = store_put(txn, TABLE_PLACED, (struct store_bytes){keys.placed, keys.placed_size},
                  (struct store_bytes){number, NUMBER_SIZE}, err);
    return r < 0 ? r
                 : store_put(txn, TABLE_CUSTOMERS,
                             (struct store_bytes){keys.customer, keys.customer_size},
                             (struct store_bytes){number, NUMBER_SIZE}, err);
}

/* Deletes the entry if it is this record's. */
static int remove_entry(struct store_txn *txn, size_t table, struct store_bytes key,
                        uint64_t number, struct error *err)
{
    struct store_bytes value;
    uint64_t entry = 0;
    int r = store_get(txn, table, key, &value, err);

    if (r == 0)
        r = read_number(value, &entry, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    return entry == number ? store_delete(txn, table, key, err) : 0;
}

int index_remove(struct store_txn *txn, struct codec *codec, const struct index_record *record,
                 struct error *err)
{
    struct keys keys;
    int r;

    if (!read_keys(codec, record, &keys))
        return 0;
    r = remove_entry(txn, TABLE_PLACED, (struct store_bytes){keys.placed, keys.placed_size},
                     record->number, err);
    return r < 0 ? r
                 : remove_entry(txn, TABLE_CUSTOMERS,
                                (struct store_bytes){keys.customer, keys.customer_size},
                                record->number, err);
}
