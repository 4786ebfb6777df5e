/*
 * history.h - the events of all orders in the local store: how they are written, read and expired.
 * Not a consumer of anything: projection.h feeds it.
 *
 * Records are kept as they come, one behind the other, and an index leads from an order to its
 * records: so a batch fills few pages, whatever stages its orders are in, and what is oldest stands
 * first. The JSON is parsed when somebody reads it: a hundred times less often than it is written.
 * Only an OrderPlaced is looked into at once, for the indexes of history_scan.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/codec.h"
#include "common/kafka/store.h"
#include "common/event/order_view.h"

/* Names the layout in history_layout.h; another one in the store's identity discards the store. */
#define HISTORY_FORMAT "order-history-4"
/* The tables of the store, in this order. */
#define HISTORY_TABLES "records", "orders", "placed", "customers", "feed", "stock"
#define HISTORY_TABLE_COUNT 6

/* Where an order's events stand. */
#define HISTORY_TOPIC_COUNT 5
extern const enum topic history_topics[HISTORY_TOPIC_COUNT];
/* Partitions of such a topic. */
#define HISTORY_PARTITIONS_MAX 64

/* Where `topic` stands in history_topics; HISTORY_TOPIC_COUNT: nowhere. */
size_t history_topic_index(enum topic topic);

/* A record of one of these topics. `json` is borrowed for the call. */
struct history_record {
    const char *order_id; /* a valid UUID (asserted); needs its 36 characters only */
    enum topic topic;
    int32_t partition; /* below HISTORY_PARTITIONS_MAX (asserted) */
    int64_t offset;
    int64_t timestamp_ms; /* the record's: what its retention counts from */
    const char *json;
    size_t len; /* at most EVENT_BYTES_MAX; longer ones are no events and are not kept */
};

/* Of one partition, in one transaction. */
struct history_mark {
    bool is_set;
    uint64_t first; /* number of the first record */
    int64_t last;   /* offset of the last one */
};

/* Of the index by customer: see history_segments.h. */
struct history_segment {
    bool is_set, is_dirty;
    int64_t start, end; /* of the time at which its orders were placed */
    int64_t newest;     /* at least that of the youngest order in it */
    uint64_t count;     /* of its orders */
};

/* Writes in one transaction. */
struct history_writer {
    struct store_txn *txn; /* borrowed */
    struct codec *codec;   /* borrowed */
    uint64_t next;         /* number of the next record */
    struct history_segment segment;
    struct history_mark marks[HISTORY_TOPIC_COUNT][HISTORY_PARTITIONS_MAX];
};

/* `ret` is the caller's memory; nothing to end. Returns 0 or a negative errno. */
int history_writer_init(struct history_writer *ret, struct store_txn *txn, struct codec *codec,
                        struct error *err);

/*
 * Keeps the record; one that is there already changes nothing. Those of one partition come in the
 * order of their offsets. Returns 0 or a negative errno.
 */
int history_put(struct history_writer *writer, const struct history_record *record,
                struct error *err);

/*
 * Once, after the last history_put() of the transaction: without it the feed misses these records.
 * Returns 0 or a negative errno.
 */
int history_writer_finish(struct history_writer *writer, struct error *err);

/*
 * After that: deletes records older than `oldest_ms`, the oldest first, at most `count_max`, and
 * what leads to them. It ends at the first one that is not: after a rebuild, when records came out
 * of their order, some stay a while longer.
 * Returns 0 or a negative errno.
 */
int history_expire(struct history_writer *writer, int64_t oldest_ms, size_t count_max,
                   struct error *err);

/* The events of one order, in the caller's memory; ended with history_done(). */
struct history {
    size_t count;
    struct order_entry entries[ORDER_EVENTS_MAX];
};

/*
 * Reads what is there of an order; records that are no events, or not of this order and topic, are
 * passed over, as everybody else does. Returns 0 (`count` 0: nothing is there) or a negative errno;
 * of this and all other readers, -EUCLEAN means that the store is damaged.
 */
int history_read(struct store_txn *txn, struct codec *codec, const char *order_id,
                 struct history *ret, struct error *err);
void history_done(struct history *history);
