/*
 * history.h - the events of all orders in the local store: how they are laid out, read and expired.
 * Not a consumer of anything: projection.h feeds it.
 *
 * An event is kept as the JSON it came as, under order id, topic, partition and offset, so applying
 * a record twice changes nothing, and all that concerns an order stands together. It is parsed when
 * somebody reads it: a hundred times less often than it is written.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/codec.h"
#include "common/kafka/store.h"
#include "services/order/order_view.h"

/* Names the layout below; another one in the store's identity discards the store. */
#define HISTORY_FORMAT "order-history-1"
#define HISTORY_TABLE "events"
/* Order id, topic, partition, offset; numbers big-endian, so that they sort. */
#define HISTORY_KEY_SIZE (16 + 1 + 4 + 8)
/* Entries that history_expire() looks at in one step. */
#define HISTORY_STEP 512

/* Where an order's events stand. */
#define HISTORY_TOPIC_COUNT 5
extern const enum topic history_topics[HISTORY_TOPIC_COUNT];

/* A record of one of these topics. `json` is borrowed for the call. */
struct history_record {
    const char *order_id; /* a valid UUID (asserted); needs its 36 characters only */
    enum topic topic;
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* the record's: what its retention counts from */
    const char *json;
    size_t len; /* at most EVENT_BYTES_MAX; longer ones are no events and are not kept */
};

int history_put(struct store_txn *txn, const struct history_record *record, struct error *err);

/* The events of one order, in the caller's memory; ended with history_done(). */
struct history {
    size_t count;
    struct order_entry entries[ORDER_EVENTS_MAX];
};

/*
 * Reads what is there of an order; records that are no events, or not of this order and topic, are
 * passed over, as everybody else does. Returns 0 (`count` 0: nothing is there) or a negative errno.
 */
int history_read(struct store_txn *txn, struct codec *codec, const char *order_id,
                 struct history *ret, struct error *err);
void history_done(struct history *history);

/* How far a walk over all entries has come. Zero: at the start. */
struct history_walk {
    bool under_way;
    uint8_t key[HISTORY_KEY_SIZE];
};

/*
 * One step of a walk that deletes what is older than `oldest_ms`. `walk->under_way` becomes false
 * when the end is reached. Returns 0 or a negative errno.
 */
int history_expire(struct store_txn *txn, struct history_walk *walk, int64_t oldest_ms,
                   struct error *err);
