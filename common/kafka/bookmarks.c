/* bookmarks.c - see bookmarks.h. */
#include "common/kafka/bookmarks.h"

#include <assert.h>
#include <string.h>

void bookmarks_forget(struct bookmarks *bookmarks)
{
    memset(bookmarks, -1, sizeof(*bookmarks));
}

static struct bookmark *find(struct bookmarks *bookmarks, enum topic topic, int32_t partition)
{
    assert(partition >= 0 && partition < PARTITIONS_MAX);
    return &bookmarks->of[topic][partition];
}

void bookmarks_begin(struct bookmarks *bookmarks, enum topic topic, int32_t partition, int64_t next)
{
    *find(bookmarks, topic, partition) = (struct bookmark){next, next};
}

void bookmarks_move(struct bookmarks *bookmarks, enum topic topic, int32_t partition, int64_t next)
{
    find(bookmarks, topic, partition)->next = next;
}

rd_kafka_topic_partition_list_t *bookmarks_moved(const struct bookmarks *bookmarks,
                                                 const struct topics *topics, uint32_t shard,
                                                 uint32_t shard_count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *topic = &topics->list[i];

        for (int32_t p = (int32_t)shard; p < topic->partition_count && p < PARTITIONS_MAX;
             p += (int32_t)shard_count) {
            const struct bookmark *bookmark = &bookmarks->of[topic->topic][p];

            if (bookmark->next > bookmark->saved)
                rd_kafka_topic_partition_list_add(list, topic->name, p)->offset = bookmark->next;
        }
    }
    return list;
}

void bookmarks_note_saved(struct bookmarks *bookmarks, const struct topics *topics,
                          const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];

        find(bookmarks, topic_by_name(topics, entry->topic), entry->partition)->saved =
            entry->offset;
    }
}
