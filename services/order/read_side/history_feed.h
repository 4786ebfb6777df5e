/*
 * history_feed.h - all records of a store in the order in which they came into it, from a position
 * on. Within a partition that is the order of the offsets; across partitions each store has its
 * own, with causes before effects as far as records of one batch tell.
 *
 * A reader keeps a cursor. What is in it for others, and for later, is its positions: they mean the
 * same to every replica and after every restart.
 */
#pragma once

#include "common/kafka/topics.h"
#include "services/order/read_side/history.h"

/* Records looked at in one call. */
#define FEED_RECORDS_MAX 1000

/* The next offset of each partition, by the index in history_topics; 0: from its beginning. */
struct feed_positions {
    int64_t next[HISTORY_TOPIC_COUNT][HISTORY_PARTITIONS_MAX];
};

/* Plain memory; nothing to end. */
struct feed_cursor {
    uint64_t generation; /* of the store that `next` is of */
    uint64_t next;       /* number of the next record */
    struct feed_positions positions;
};

/* Borrowed for the call. `json` is as it came: it need not be an event, nor of that order. */
struct feed_record {
    char order_id[UUID_SIZE]; /* the record's key */
    enum topic topic;
    int32_t partition;
    int64_t offset;
    const char *json;
    size_t len;
};

/* False: stop before this record; it comes again. */
typedef bool feed_visit(void *context, const struct feed_record *record);

/* A store as it is in one transaction. */
struct feed_source {
    struct store_txn *txn;
    const struct topics *topics; /* with history_topics in front, in their order */
    uint64_t generation;         /* another one when the store was replaced by another */
};

/*
 * A cursor that begins with the first record that is at or behind its partition's position; NULL:
 * behind all that is there now. What retention has taken is no fault. Returns 0 or a negative
 * errno.
 */
int history_feed_begin(const struct feed_source *source, const struct feed_positions *positions,
                       struct feed_cursor *ret, struct error *err);

/*
 * Visits what comes next, and moves the cursor behind it. A cursor of another generation begins
 * anew from its positions. Returns 0 (the end was reached, for now), 1 (there may be more) or a
 * negative errno; the cursor stands behind the last visited record in any case.
 */
int history_feed(const struct feed_source *source, struct feed_cursor *cursor, feed_visit *visit,
                 void *context, struct error *err);
