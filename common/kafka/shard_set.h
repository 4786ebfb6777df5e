/* shard_set.h - sets of shards: bit s is shard s. */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

/* Shards of one service. */
#define SHARDS_MAX 32

static inline bool shard_set_has(uint32_t set, uint32_t shard)
{
    return (set >> shard & 1) != 0;
}

/* All of `count` shards, 0 to SHARDS_MAX. */
static inline uint32_t shard_set_all(uint32_t count)
{
    return (uint32_t)((UINT64_C(1) << count) - 1);
}

/* The shards that these partitions of the shards topic stand for. */
static inline uint32_t shard_set_of(const rd_kafka_topic_partition_list_t *partitions)
{
    uint32_t set = 0;

    for (int i = 0; i < partitions->cnt; i++)
        if (partitions->elems[i].partition < SHARDS_MAX)
            set |= UINT32_C(1) << partitions->elems[i].partition;
    return set;
}
