/* ends.h - where partitions begin and end, all of them in one request. */
#pragma once

#include <librdkafka/rdkafka.h>

#include "common/base/error.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/cluster.h"

/*
 * Sets the offsets of `list` to where its partitions begin (RD_KAFKA_OFFSET_SPEC_EARLIEST) or end
 * (RD_KAFKA_OFFSET_SPEC_LATEST): behind the last record, or, with READ_COMMITTED, behind the last
 * one that no open transaction keeps from being read. Asks again while leadership is on its way,
 * up to CLUSTER_TIMEOUT_MS. Takes nothing from the consumer that `cluster` may be.
 * Returns 0, -ETIMEDOUT (nobody answers) or another negative errno of kafka_error().
 */
int ends_find(struct cluster *cluster, rd_kafka_OffsetSpec_t spec,
              rd_kafka_IsolationLevel_t isolation, rd_kafka_topic_partition_list_t *list,
              struct error *err);

/*
 * The partitions of these topics in which a transaction is open: readers wait there. `ret` is owned
 * by the caller, and may be empty. Returns 0 or an error of ends_find().
 */
int ends_find_open(struct cluster *cluster, const struct topics *topics,
                   rd_kafka_topic_partition_list_t **ret, struct error *err);
