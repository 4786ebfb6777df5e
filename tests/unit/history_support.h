/*
 * history_support.h - a store of the order service's read side, filled by hand. For tests; failures
 * are Check's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "services/order/read_side/history.h"

/* One write transaction, which is never committed: it reads what it has written. */
struct history_store {
    struct store *store;
    struct store_txn *txn;
    struct codec *codec;
    struct history_writer writer;
};

void history_store_open(struct history_store *ret);
void history_store_close(struct history_store *store);

/* A record with any JSON, in partition 0 .. HISTORY_PARTITIONS_MAX - 1. */
void history_store_put(struct history_store *store, const struct history_record *record);
void history_store_put_event(struct history_store *store, const struct event *event,
                             int32_t partition, int64_t offset, int64_t timestamp_ms);

/* The OrderPlaced of sample `number`, in partition 0 at offset `number`. */
void history_store_place(struct history_store *store, size_t number, const char *customer_id,
                         int64_t placed_at_ms);

/* Ends a batch and begins the next. */
void history_store_next_batch(struct history_store *store);

/* Rows of that table, by its number in HISTORY_TABLES. */
size_t history_store_count(struct history_store *store, size_t table);
