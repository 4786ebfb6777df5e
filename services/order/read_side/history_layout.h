/*
 * history_layout.h - how the store of the read side is laid out. Private to history*.c. Change
 * HISTORY_FORMAT with it.
 *
 *   records    number -> place, record time, JSON
 *   orders     place -> number
 *   placed     placed_at_ms, order id -> number of the OrderPlaced
 *   customers  segment, customer id, 0, placed_at_ms, order id -> the same
 *              segment -> count of its orders, its youngest time
 *   feed       topic, partition, last offset of a batch -> number of the first record
 *              TOPIC_NONE -> number of the next record of all
 *   stock      product id -> JSON
 *
 * A place is order id, topic, partition and offset. A segment is the time at which it begins: see
 * history_segments.h. Numbers are big-endian, so that they sort.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"
#include "common/kafka/store.h"

enum history_table {
    TABLE_RECORDS,
    TABLE_ORDERS,
    TABLE_PLACED,
    TABLE_CUSTOMERS,
    TABLE_FEED,
    TABLE_STOCK,
};

#define NUMBER_SIZE 8
#define TIME_SIZE 8
#define ID_SIZE 16

#define PARTITION_SIZE (1 + 4) /* a topic and a partition */
#define FEED_KEY_SIZE (PARTITION_SIZE + 8)
#define PLACE_SIZE (ID_SIZE + FEED_KEY_SIZE)
#define HEAD_SIZE (PLACE_SIZE + TIME_SIZE)

/* What an index by time ends with. */
#define PLACED_SIZE (TIME_SIZE + ID_SIZE)
#define CUSTOMER_PREFIX_SIZE (TIME_SIZE + CUSTOMER_ID_SIZE)
#define INDEX_KEY_SIZE (CUSTOMER_PREFIX_SIZE + PLACED_SIZE)

static inline uint8_t *put_number(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return out + size;
}

static inline uint64_t get_number(const uint8_t *in, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | in[i];
    return value;
}

static inline void put_feed_key(uint8_t out[FEED_KEY_SIZE], enum topic topic, int32_t partition,
                                int64_t offset)
{
    out = put_number(out, (uint64_t)topic, 1);
    out = put_number(out, (uint64_t)partition, 4);
    put_number(out, (uint64_t)offset, 8);
}

/* A number that stands alone. */
static inline int read_number(struct store_bytes bytes, uint64_t *ret, struct error *err)
{
    if (bytes.size != NUMBER_SIZE)
        return error_set(err, -EUCLEAN, "local store: a damaged number");
    *ret = get_number(bytes.data, NUMBER_SIZE);
    return 0;
}

/* A row of `records`, before anything in it is looked at. */
static inline int check_record(struct store_bytes key, struct store_bytes value, struct error *err)
{
    if (key.size != NUMBER_SIZE || value.size < HEAD_SIZE ||
        value.size > HEAD_SIZE + EVENT_BYTES_MAX)
        return error_set(err, -EUCLEAN, "local store: a damaged record");
    return 0;
}

/* The number of the next record. Returns 0 or a negative errno. */
int history_next(struct store_txn *txn, uint64_t *ret, struct error *err);
