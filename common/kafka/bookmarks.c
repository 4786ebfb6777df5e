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

void bookmarks_begin(struct bookmarks *bookmarks, enum topic topic, int32_t partition, int64_t next,
                     bool is_saved)
{
    *find(bookmarks, topic, partition) =
        (struct bookmark){next, is_saved ? next : -1, -1, -1, -1, -1};
}

void bookmarks_move(struct bookmarks *bookmarks, enum topic topic, const rd_kafka_message_t *record)
{
    struct bookmark *bookmark = find(bookmarks, topic, record->partition);
    rd_kafka_timestamp_type_t type;

    bookmark->next = record->offset + 1;
    bookmark->record_ms = rd_kafka_message_timestamp(record, &type);
}

void bookmarks_reach_end(struct bookmarks *bookmarks, enum topic topic, int32_t partition,
                         int64_t end)
{
    find(bookmarks, topic, partition)->end = end;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/*
 * The end is that of the broker's last answer, records included that are not committed yet: what
 * hangs there is behind, too. How old the oldest is, is not known before it is read; but what came
 * after we had caught up is no older than that, and what follows a record is hardly older than it.
 */
void bookmark_add_lag(struct bookmark *bookmark, int64_t end, int64_t now_ms, struct lag *lag)
{
    int64_t records = end - later(bookmark->next, bookmark->end), oldest_ms;

    if (end < 0)
        return; /* not known yet */
    if (records <= 0) {
        bookmark->caught_up_ms = now_ms;
        return;
    }
    if (bookmark->noticed_ms < 0)
        bookmark->noticed_ms = now_ms;
    oldest_ms = later(bookmark->record_ms, bookmark->caught_up_ms);
    if (oldest_ms < 0)
        oldest_ms = bookmark->noticed_ms; /* nothing is known of it, but that it was there then */
    lag->records += records;
    if (lag->oldest_ms == 0 || oldest_ms < lag->oldest_ms)
        lag->oldest_ms = oldest_ms;
}

struct lag bookmarks_lag(struct bookmarks *bookmarks, rd_kafka_t *consumer,
                         const struct topic_state *topic, int64_t now_ms)
{
    struct lag lag = {0, 0};

    for (int32_t p = 0; p < topic->partition_count && p < PARTITIONS_MAX; p++) {
        struct bookmark *bookmark = find(bookmarks, topic->topic, p);
        int64_t first, end;

        if (bookmark->next >= 0 &&
            rd_kafka_get_watermark_offsets(consumer, topic->name, p, &first, &end) ==
                RD_KAFKA_RESP_ERR_NO_ERROR)
            bookmark_add_lag(bookmark, end, now_ms, &lag);
    }
    return lag;
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
