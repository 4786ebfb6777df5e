/*
 * batch.h - the records of one local transaction, in the order in which they are applied: a cause
 * before its effect, as far as the times of the records tell, and within a partition always by
 * offset. It decides nothing about their content. Private to the projection.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/order/read_side/follower.h"

#define BATCH_RECORDS_MAX 2000
/* Of their payloads: as long as a record is kept, the library keeps what it came with. */
#define BATCH_BYTES_MAX (1U << 20)

struct batch_entry {
    rd_kafka_message_t *message; /* owned */
    struct partition *partition; /* borrowed */
    int64_t latest_ms;           /* the latest record of its partition, up to here */
    uint32_t arrival;
    bool is_change; /* something about an order */
};

/* All zero: empty. */
struct batch {
    size_t count, bytes;
    struct batch_entry entries[BATCH_RECORDS_MAX];
};

/* May one more be added? */
bool batch_has_room(const struct batch *batch);

/* Takes the message; there must be room (asserted). */
void batch_add(struct batch *batch, struct partition *partition, rd_kafka_message_t *message,
               int64_t timestamp_ms);

/*
 * Sorts by the latest time in their own partition, then by topic, as history_topics lists them: so
 * an effect of the same millisecond comes behind.
 */
void batch_sort(struct batch *batch);

/* Empties it: destroys the messages. */
void batch_clear(struct batch *batch);
