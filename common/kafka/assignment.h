/* assignment.h - which topic partitions the runtime's consumer reads, and from where. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/ledger.h"
#include "common/kafka/participant.h"
#include "common/kafka/topics.h"

/* All topics that a participant reads, writes or is elected on; `ret` has room for TOPIC_COUNT. */
size_t participant_topics(const struct participant *participant, enum topic *ret);

/*
 * Asks the cluster for all of these. Returns 0, -EINVAL (one has more partitions, or shards, than
 * we have room for, or the replays have other partitions than the inputs), or as
 * topics_describe().
 */
int participant_describe(const struct participant *participant, rd_kafka_t *client,
                         const char *prefix, int timeout_ms, struct topics *ret, struct error *err);

/* True for the topics of the participant's subscriptions, and for its replays. */
bool participant_reads(const struct participant *participant, enum topic topic);

/*
 * Adds the own topics' partitions of the shards in `shards` (a set of bits), each from where the
 * cache is good for. `list` is the caller's. Returns 0 or a negative errno.
 */
int assignment_add_ledgers(const struct participant *participant, const struct topics *topics,
                           struct ledger *ledger, uint32_t shards,
                           rd_kafka_topic_partition_list_t *list, struct error *err);

/* Adds the input partitions of the shards in `shards`, without offsets. */
void assignment_add_inputs(const struct participant *participant, const struct topics *topics,
                           uint32_t shards, rd_kafka_topic_partition_list_t *list);

/*
 * Fills in the offsets that the consumer's group has saved; 0 where it has saved none. Returns 0 or
 * a negative errno.
 */
int assignment_read_bookmarks(rd_kafka_t *consumer, int timeout_ms,
                              rd_kafka_topic_partition_list_t *list, struct error *err);

/* Makes `list` (borrowed) what the consumer reads. Returns 0 or a negative errno. */
int assignment_set(rd_kafka_t *consumer, const rd_kafka_topic_partition_list_t *list,
                   struct error *err);
