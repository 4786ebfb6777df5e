/*
 * bookmarks.h - how far each input partition was worked on, and how far that is saved as the
 * group's offset. Only where reading goes on after a start; see ARCHITECTURE.md. Private to work.c
 * and shards.c.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/kafka/publisher.h"
#include "common/kafka/topics.h"

struct bookmark {
    int64_t next;  /* the record to go on with; -1: not ours */
    int64_t saved; /* as the group's committed offset has it; -1: nobody knows */
    /* The rest is for those who look on. */
    int64_t end;          /* nothing is left before it, markers included; -1: never came there */
    int64_t record_ms;    /* the time of the last record worked on, and */
    int64_t caught_up_ms; /* when there was nothing to do for the last time; UTC, -1: never */
    int64_t noticed_ms;   /* when there was something to do for the first time */
};

struct bookmarks {
    struct bookmark of[TOPIC_COUNT][PARTITIONS_MAX];
};

/* None is ours. */
void bookmarks_forget(struct bookmarks *bookmarks);

/* Reading begins at `next`; `is_saved`: that is what is saved, and not to be saved anew. */
void bookmarks_begin(struct bookmarks *bookmarks, enum topic topic, int32_t partition, int64_t next,
                     bool is_saved);

/* All before the record is worked on, and the record, which is borrowed. */
void bookmarks_move(struct bookmarks *bookmarks, enum topic topic,
                    const rd_kafka_message_t *record);

/* ... and so is all before `end`: the consumer is there, behind what is no record. */
void bookmarks_reach_end(struct bookmarks *bookmarks, enum topic topic, int32_t partition,
                         int64_t end);

/* What is left of a topic, in our partitions. */
struct lag {
    int64_t records; /* with those that are not committed yet, and the markers between */
    int64_t
        oldest_ms; /* UTC: none of them is older, nor the oldest much younger; 0: there is none */
};

/* Adds what is left of a partition that ends there. `now_ms` is UTC; `end` -1: nobody knows. */
void bookmark_add_lag(struct bookmark *bookmark, int64_t end, int64_t now_ms, struct lag *lag);

/* By what the consumer knows without asking. */
struct lag bookmarks_lag(struct bookmarks *bookmarks, rd_kafka_t *consumer,
                         const struct topic_state *topic, int64_t now_ms);

/*
 * Those of the partitions p with p mod shard_count = shard that moved since they were saved; empty
 * when none did. Owned by the caller.
 */
rd_kafka_topic_partition_list_t *bookmarks_moved(const struct bookmarks *bookmarks,
                                                 const struct topics *topics, uint32_t shard,
                                                 uint32_t shard_count);

/* What bookmarks_moved() returned is saved now. */
void bookmarks_note_saved(struct bookmarks *bookmarks, const struct topics *topics,
                          const rd_kafka_topic_partition_list_t *list);
