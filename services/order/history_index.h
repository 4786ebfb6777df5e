/*
 * history_index.h - which orders there are: the entries that history_scan.h walks. Private to
 * history*.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/event/codec.h"
#include "common/kafka/store.h"
#include "services/order/history_layout.h"

/*
 * Writes the key of one index: of a customer, or with NULL that of all orders. Returns its size.
 */
size_t index_key(uint8_t out[INDEX_KEY_SIZE], const char *customer_id, int64_t placed_at_ms,
                 const uint8_t order_id[ID_SIZE]);

/* A record of the topic `orders`, in the caller's memory. */
struct index_record {
    const uint8_t *order_id; /* ID_SIZE bytes */
    const char *json;
    size_t len;
    uint64_t number;
};

/*
 * Enters it in both indexes, or takes it out again. What is no OrderPlaced of that order changes
 * nothing. Returns 0 or a negative errno.
 */
int index_add(struct store_txn *txn, struct codec *codec, const struct index_record *record,
              struct error *err);
int index_remove(struct store_txn *txn, struct codec *codec, const struct index_record *record,
                 struct error *err);
