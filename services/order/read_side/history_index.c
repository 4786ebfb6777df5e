/*
 * history_index.c - see history_index.h. Foreign producers could place an order twice. Then there
 * is an entry for each time that it was placed at, and of two with the same time the later record
 * has it.
 */
#include "services/order/read_side/history_index.h"

#include <string.h>

#include "common/base/uuid.h"
#include "services/order/read_side/history_segments.h"

void index_placed_key(uint8_t out[PLACED_SIZE], int64_t placed_at_ms,
                      const uint8_t order_id[ID_SIZE])
{
    memcpy(put_number(out, (uint64_t)placed_at_ms, TIME_SIZE), order_id, ID_SIZE);
}

size_t index_customer_prefix(uint8_t out[CUSTOMER_PREFIX_SIZE], int64_t segment_start,
                             const char *customer_id)
{
    size_t size = strlen(customer_id) + 1;

    memcpy(put_number(out, (uint64_t)segment_start, TIME_SIZE), customer_id, size);
    return TIME_SIZE + size;
}

/* What the indexes have of an order. */
struct entry {
    int64_t placed_at_ms;
    char customer_id[CUSTOMER_ID_SIZE];
    uint8_t placed_key[PLACED_SIZE], customer_key[INDEX_KEY_SIZE];
    struct store_bytes placed, customer; /* the same; the latter once its segment is known */
    uint8_t number[NUMBER_SIZE];
};

static bool read_entry(struct codec *codec, const struct index_record *record, struct entry *ret)
{
    uint8_t order_id[ID_SIZE];
    struct event event;

    if (event_decode(codec, record->json, record->len, &event, NULL) < 0 ||
        event.type != EVENT_ORDER_PLACED)
        return false;
    uuid_to_bytes(event.data.order_placed.order_id, order_id);
    ret->placed_at_ms = event.timestamp_ms;
    memcpy(ret->customer_id, event.data.order_placed.customer_id, CUSTOMER_ID_SIZE);
    index_placed_key(ret->placed_key, event.timestamp_ms, order_id);
    ret->placed = (struct store_bytes){ret->placed_key, PLACED_SIZE};
    put_number(ret->number, record->number, NUMBER_SIZE);
    return memcmp(order_id, record->order_id, ID_SIZE) == 0;
}

/* The key in the index by customer. */
static int find_segment(struct history_writer *writer, struct entry *entry, bool is_new,
                        struct error *err)
{
    int r = segment_use(&writer->segment, writer->txn, entry->placed_at_ms, is_new, err);
    size_t size;

    if (r < 0)
        return r;
    size = index_customer_prefix(entry->customer_key, writer->segment.start, entry->customer_id);
    memcpy(entry->customer_key + size, entry->placed_key, PLACED_SIZE);
    entry->customer = (struct store_bytes){entry->customer_key, size + PLACED_SIZE};
    return 0;
}

int index_add(struct history_writer *writer, const struct index_record *record, struct error *err)
{
    struct entry entry;
    struct store_bytes number = {entry.number, NUMBER_SIZE};
    int r;

    if (!read_entry(writer->codec, record, &entry))
        return 0;
    r = store_put(writer->txn, TABLE_PLACED, entry.placed, number, err);
    if (r == 0)
        r = find_segment(writer, &entry, true, err);
    if (r < 0)
        return r;
    r = store_add(writer->txn, TABLE_CUSTOMERS, entry.customer, number, false, err);
    if (r == 0)
        segment_note_added(&writer->segment, entry.placed_at_ms);
    return r == -EEXIST ? store_put(writer->txn, TABLE_CUSTOMERS, entry.customer, number, err) : r;
}

/* Deletes the entry if it is this record's. Returns 1, 0 (it is not) or a negative errno. */
static int remove_key(struct history_writer *writer, size_t table, struct store_bytes key,
                      uint64_t number, struct error *err)
{
    struct store_bytes value;
    uint64_t found = 0;
    int r = store_get(writer->txn, table, key, &value, err);

    if (r == 0)
        r = read_number(value, &found, err);
    if (r < 0 || found != number)
        return r == -ENOENT ? 0 : r;
    r = store_delete(writer->txn, table, key, err);
    return r < 0 ? r : 1;
}

int index_remove(struct history_writer *writer, const struct index_record *record,
                 struct error *err)
{
    struct entry entry;
    int r;

    if (!read_entry(writer->codec, record, &entry))
        return 0;
    r = remove_key(writer, TABLE_PLACED, entry.placed, record->number, err);
    if (r >= 0)
        r = find_segment(writer, &entry, false, err);
    if (r == 0)
        r = remove_key(writer, TABLE_CUSTOMERS, entry.customer, record->number, err);
    if (r == 1)
        segment_note_removed(&writer->segment);
    return r < 0 && r != -ENOENT ? r : 0;
}
