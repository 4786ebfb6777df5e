/*
 * follower.h - a consumer on all partitions of the order topics and of `stock`, from given offsets,
 * and how far it has come. One thread. Private to the projection.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/client.h"
#include "common/kafka/store.h"
#include "common/kafka/topics.h"

struct partition {
    const struct topic_state *topic;
    int32_t number;
    int64_t next;      /* the offset to be read next */
    int64_t target;    /* the end of the partition when we started */
    bool is_behind;    /* has not reached it yet */
    bool is_dirty;     /* `next` is not in the store yet */
    int64_t latest_ms; /* the batch's: see batch.h */
};

struct follower {
    rd_kafka_t *consumer;
    struct topics topics; /* history_topics, then TOPIC_STOCK */
    size_t partition_count, behind_count;
    struct partition *partitions; /* in the order of the topics, then of the numbers */
};

/* Connects and asks for the topics; reads nothing yet. Ended with follower_close(). */
int follower_open(const struct kafka_config *kafka, struct follower *ret, struct error *err);
void follower_close(struct follower *follower); /* an empty one is harmless */

/* Starts at the offsets of the store, or at the beginning. */
int follower_start(struct follower *follower, struct store *store, struct error *err);

/*
 * Are these still the same topics? Of deleted and created ones the library does not tell a consumer
 * whose offset is beyond their end. Returns 0, also when no broker answers; -ESTALE or -ENOENT.
 */
int follower_check(struct follower *follower, const struct kafka_config *kafka, struct error *err);

/* The partition of a record, or NULL. */
struct partition *follower_partition(struct follower *follower, const rd_kafka_message_t *message);

/* It was read up to there; `at_end`: and there is no more, for now. */
void follower_advance(struct follower *follower, struct partition *partition, int64_t next,
                      bool at_end);

/* Saves all offsets that are not saved yet. */
int follower_save(struct follower *follower, struct store_txn *txn, struct error *err);
