/* history.c - see history.h. */
#include "services/order/history.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/base/uuid.h"

#define TABLE 0
#define ID_SIZE 16
#define TIME_SIZE 8
#define PREFIX_SIZE (ID_SIZE + 1)
/*
 * Of one topic: events, and records that are looked at, events or not. A producer that runs wild in
 * one topic does not hide the others.
 */
#define EVENTS_PER_TOPIC_MAX (ORDER_EVENTS_MAX / HISTORY_TOPIC_COUNT)
#define RECORDS_PER_TOPIC_MAX 200

const enum topic history_topics[HISTORY_TOPIC_COUNT] = {
    TOPIC_ORDERS, TOPIC_PAYMENTS, TOPIC_INVENTORY, TOPIC_SHIPMENTS, TOPIC_ORDER_OUTCOMES};

DEFINE_CLEANUP(cursor_cleanup, struct store_cursor, store_cursor_close)

static uint8_t *put_number(uint8_t *out, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    return out + size;
}

static uint64_t get_number(const uint8_t *in, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | in[i];
    return value;
}

int history_put(struct store_txn *txn, const struct history_record *record, struct error *err)
{
    uint8_t key[HISTORY_KEY_SIZE], value[TIME_SIZE + EVENT_BYTES_MAX], *p;
    char id[UUID_SIZE];

    if (record->len > EVENT_BYTES_MAX)
        return 0;
    memcpy(id, record->order_id, UUID_SIZE - 1);
    id[UUID_SIZE - 1] = '\0';
    uuid_to_bytes(id, key);
    p = put_number(key + ID_SIZE, (uint64_t)record->topic, 1);
    p = put_number(p, (uint64_t)record->partition, 4);
    put_number(p, (uint64_t)record->offset, 8);
    put_number(value, (uint64_t)record->timestamp_ms, TIME_SIZE);
    memcpy(value + TIME_SIZE, record->json, record->len);
    return store_put(txn, TABLE, (struct store_bytes){key, sizeof(key)},
                     (struct store_bytes){value, TIME_SIZE + record->len}, err);
}

/* Adds the event to the history, if it is one. */
static int add_entry(struct codec *codec, const char *order_id, const uint8_t *key,
                     struct store_bytes value, struct history *history, struct error *err)
{
    enum topic topic = (enum topic)key[ID_SIZE];
    const char *json = (const char *)value.data + TIME_SIZE;
    struct event event, *copy;

    if (event_decode(codec, json, value.size - TIME_SIZE, &event, NULL) < 0 ||
        event_topic(event.type) != topic || !str_equal(event_key(&event), order_id))
        return 0;
    copy = malloc(event_size(&event));
    if (copy == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    event_copy(copy, &event);
    history->entries[history->count++] = (struct order_entry){
        .event = copy,
        .partition = (int32_t)get_number(key + ID_SIZE + 1, 4),
        .offset = (int64_t)get_number(key + ID_SIZE + 5, 8),
    };
    return 0;
}

/* What one topic has about the order; `prefix` is its id, and room for the topic. */
static int read_topic(struct store_cursor *cursor, struct codec *codec, const char *order_id,
                      uint8_t prefix[PREFIX_SIZE], enum topic topic, struct history *history,
                      struct error *err)
{
    struct store_bytes key, value;
    size_t end = history->count + EVENTS_PER_TOPIC_MAX;
    int r;

    prefix[ID_SIZE] = (uint8_t)topic;
    r = store_cursor_seek(cursor, (struct store_bytes){prefix, PREFIX_SIZE}, &key, &value, err);
    for (size_t seen = 0; r == 0 && seen < RECORDS_PER_TOPIC_MAX && history->count < end; seen++) {
        if (key.size != HISTORY_KEY_SIZE || memcmp(key.data, prefix, PREFIX_SIZE) != 0)
            return 0;
        r = add_entry(codec, order_id, key.data, value, history, err);
        if (r == 0)
            r = store_cursor_next(cursor, &key, &value, err);
    }
    return r == -ENOENT ? 0 : r;
}

static int read_topics(struct store_cursor *cursor, struct codec *codec, const char *order_id,
                       struct history *history, struct error *err)
{
    uint8_t prefix[PREFIX_SIZE];
    int r = 0;

    uuid_to_bytes(order_id, prefix);
    for (size_t i = 0; r == 0 && i < HISTORY_TOPIC_COUNT; i++)
        r = read_topic(cursor, codec, order_id, prefix, history_topics[i], history, err);
    return r;
}

int history_read(struct store_txn *txn, struct codec *codec, const char *order_id,
                 struct history *ret, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    int r = store_cursor_open(txn, TABLE, &cursor, err);

    ret->count = 0;
    if (r == 0)
        r = read_topics(cursor, codec, order_id, ret, err);
    if (r < 0)
        history_done(ret);
    return r;
}

void history_done(struct history *history)
{
    for (size_t i = 0; i < history->count; i++)
        free((struct event *)history->entries[i].event);
    history->count = 0;
}

/* The keys of what has expired among the next entries; the walk then stands behind them. */
static int find_expired(struct store_cursor *cursor, struct history_walk *walk, int64_t oldest_ms,
                        uint8_t expired[HISTORY_STEP][HISTORY_KEY_SIZE], size_t *ret_count,
                        struct error *err)
{
    struct store_bytes from = {walk->key, walk->under_way ? sizeof(walk->key) : 0}, key, value;
    int r = store_cursor_seek(cursor, from, &key, &value, err);

    *ret_count = 0;
    for (size_t i = 0; r == 0 && i < HISTORY_STEP; i++) {
        int64_t timestamp_ms = (int64_t)get_number(value.data, TIME_SIZE);

        if (timestamp_ms < oldest_ms)
            memcpy(expired[(*ret_count)++], key.data, HISTORY_KEY_SIZE);
        r = store_cursor_next(cursor, &key, &value, err);
    }
    walk->under_way = r == 0;
    if (r == 0)
        memcpy(walk->key, key.data, HISTORY_KEY_SIZE);
    return r == -ENOENT ? 0 : r;
}

int history_expire(struct store_txn *txn, struct history_walk *walk, int64_t oldest_ms,
                   struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    uint8_t expired[HISTORY_STEP][HISTORY_KEY_SIZE];
    size_t count;
    int r = store_cursor_open(txn, TABLE, &cursor, err);

    if (r == 0)
        r = find_expired(cursor, walk, oldest_ms, expired, &count, err);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = store_delete(txn, TABLE, (struct store_bytes){expired[i], HISTORY_KEY_SIZE}, err);
    return r;
}
