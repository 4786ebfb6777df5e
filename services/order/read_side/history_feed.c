/*
 * history_feed.c - see history_feed.h. For each partition and batch the store says with which
 * number it begins, under the offset with which it ends: so the first entry at or behind a position
 * is of the batch that has it, and a partition that has nothing new has none.
 */
#include "services/order/read_side/history_feed.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/uuid.h"
#include "services/order/read_side/history_layout.h"

static const struct topic_state *topic_at(const struct feed_source *source, size_t i)
{
    const struct topic_state *state = &source->topics->list[i];

    assert(state->topic == history_topics[i] && state->partition_count <= HISTORY_PARTITIONS_MAX);
    return state;
}

/* The positions are how far the topics were applied. */
static int begin_now(const struct feed_source *source, struct feed_cursor *cursor,
                     struct error *err)
{
    int r = 0;

    for (size_t i = 0; i < HISTORY_TOPIC_COUNT; i++) {
        const struct topic_state *topic = topic_at(source, i);

        for (int32_t p = 0; r == 0 && p < topic->partition_count; p++) {
            int64_t *position = &cursor->positions.next[i][p];

            r = store_offset_get(source->txn, topic->name, p, position, err);
            if (*position < 0)
                *position = 0;
        }
    }
    return r;
}

/* Lowers `first` to the number before which the partition has nothing at or behind `position`. */
static int find_first(struct store_cursor *cursor, enum topic topic, int32_t partition,
                      int64_t position, uint64_t *first, struct error *err)
{
    uint8_t bound[FEED_KEY_SIZE];
    struct store_bytes key, value;
    uint64_t number = 0;
    int r;

    put_feed_key(bound, topic, partition, position > 0 ? position : 0);
    r = store_cursor_seek(cursor, (struct store_bytes){bound, FEED_KEY_SIZE}, &key, &value, err);
    if (r == 0 && key.size != FEED_KEY_SIZE)
        r = error_set(err, -EUCLEAN, "local store: a damaged feed");
    if (r == 0 && memcmp(key.data, bound, PARTITION_SIZE) != 0)
        r = -ENOENT;
    if (r == 0)
        r = read_number(value, &number, err);
    if (r == 0 && number < *first)
        *first = number;
    return r == -ENOENT ? 0 : r;
}

static int begin_at_positions(const struct feed_source *source, struct feed_cursor *cursor,
                              struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *walker = NULL;
    int r = store_cursor_open(source->txn, TABLE_FEED, &walker, err);

    for (size_t i = 0; i < HISTORY_TOPIC_COUNT; i++) {
        const struct topic_state *topic = topic_at(source, i);

        for (int32_t p = 0; r == 0 && p < topic->partition_count; p++)
            r = find_first(walker, topic->topic, p, cursor->positions.next[i][p], &cursor->next,
                           err);
    }
    return r;
}

int history_feed_begin(const struct feed_source *source, const struct feed_positions *positions,
                       struct feed_cursor *ret, struct error *err)
{
    struct feed_cursor cursor = {.generation = source->generation};
    int r = history_next(source->txn, &cursor.next, err);

    if (positions != NULL)
        cursor.positions = *positions;
    if (r == 0)
        r = positions != NULL ? begin_at_positions(source, &cursor, err)
                              : begin_now(source, &cursor, err);
    if (r == 0)
        *ret = cursor;
    return r;
}

/* Returns 0 or -EUCLEAN; `ret_number` and `ret_position` are the record's in its cursor. */
static int read_record(struct feed_cursor *cursor, struct store_bytes key, struct store_bytes value,
                       struct feed_record *ret, int64_t **ret_position, struct error *err)
{
    const uint8_t *place = value.data;
    int r = check_record(key, value, err);
    size_t topic;

    if (r < 0)
        return r;
    topic = history_topic_index((enum topic)place[ID_SIZE]);
    ret->partition = (int32_t)get_number(place + ID_SIZE + 1, 4);
    if (topic == HISTORY_TOPIC_COUNT || ret->partition < 0 ||
        ret->partition >= HISTORY_PARTITIONS_MAX)
        return error_set(err, -EUCLEAN, "local store: a record of no partition");
    uuid_from_bytes(place, ret->order_id);
    ret->topic = history_topics[topic];
    ret->offset = (int64_t)get_number(place + ID_SIZE + PARTITION_SIZE, 8);
    ret->json = (const char *)value.data + HEAD_SIZE;
    ret->len = value.size - HEAD_SIZE;
    *ret_position = &cursor->positions.next[topic][ret->partition];
    return 0;
}

/* Returns 1 (go on), 0 (visit() said stop) or a negative errno. */
static int pass_record(struct feed_cursor *cursor, struct store_bytes key, struct store_bytes value,
                       feed_visit *visit, void *context, struct error *err)
{
    struct feed_record record;
    int64_t *position = NULL;
    int r = read_record(cursor, key, value, &record, &position, err);

    if (r < 0)
        return r;
    if (record.offset >= *position) {
        if (!visit(context, &record))
            return 0;
        *position = record.offset + 1;
    }
    cursor->next = get_number(key.data, NUMBER_SIZE) + 1;
    return 1;
}

static int walk(struct store_cursor *walker, struct feed_cursor *cursor, feed_visit *visit,
                void *context, struct error *err)
{
    uint8_t bound[NUMBER_SIZE];
    struct store_bytes key, value;
    int r;

    put_number(bound, cursor->next, NUMBER_SIZE);
    r = store_cursor_seek(walker, (struct store_bytes){bound, NUMBER_SIZE}, &key, &value, err);
    for (size_t i = 0; r == 0; i++) {
        if (i == FEED_RECORDS_MAX)
            return 1;
        r = pass_record(cursor, key, value, visit, context, err);
        if (r <= 0)
            return r == 0 ? 1 : r;
        r = store_cursor_next(walker, &key, &value, err);
    }
    return r == -ENOENT ? 0 : r;
}

int history_feed(const struct feed_source *source, struct feed_cursor *cursor, feed_visit *visit,
                 void *context, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *walker = NULL;
    int r = 0;

    if (cursor->generation != source->generation)
        r = history_feed_begin(source, &cursor->positions, cursor, err);
    if (r == 0)
        r = store_cursor_open(source->txn, TABLE_RECORDS, &walker, err);
    return r == 0 ? walk(walker, cursor, visit, context, err) : r;
}
