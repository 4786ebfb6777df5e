/*
 * bookmarks.h - how far each input partition was worked on, and how far that is saved as the
 * group's offset. Only where reading goes on after a start; see ARCHITECTURE.md. Private to work.c.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "common/kafka/publisher.h"
#include "common/kafka/topics.h"

struct bookmark {
    int64_t next;  /* the record to go on with; -1: not ours */
    int64_t saved; /* as the group's committed offset has it */
};

struct bookmarks {
    struct bookmark of[TOPIC_COUNT][PARTITIONS_MAX];
};

/* None is ours. */
void bookmarks_forget(struct bookmarks *bookmarks);

/* Reading begins at `next`, which is what is saved. */
void bookmarks_begin(struct bookmarks *bookmarks, enum topic topic, int32_t partition,
                     int64_t next);

void bookmarks_move(struct bookmarks *bookmarks, enum topic topic, int32_t partition, int64_t next);

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
