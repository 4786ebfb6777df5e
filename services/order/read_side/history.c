/* history.c - see history.h. */
#include "services/order/read_side/history.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "services/order/read_side/history_index.h"
#include "services/order/read_side/history_layout.h"
#include "services/order/read_side/history_segments.h"

#define PREFIX_SIZE (ID_SIZE + 1) /* of a place: the order, and a topic */
/*
 * Of one topic: events, and records that are looked at, events or not. A producer that runs wild in
 * one topic does not hide the others.
 */
#define EVENTS_PER_TOPIC_MAX (ORDER_EVENTS_MAX / HISTORY_TOPIC_COUNT)
#define RECORDS_PER_TOPIC_MAX 200

const enum topic history_topics[HISTORY_TOPIC_COUNT] = {
    TOPIC_ORDERS, TOPIC_PAYMENTS, TOPIC_INVENTORY, TOPIC_SHIPMENTS, TOPIC_ORDER_OUTCOMES};

static const struct store_bytes next_key = {(const uint8_t[]){TOPIC_NONE}, 1};

size_t history_topic_index(enum topic topic)
{
    size_t i = 0;

    while (i < HISTORY_TOPIC_COUNT && history_topics[i] != topic)
        i++;
    return i;
}

int history_next(struct store_txn *txn, uint64_t *ret, struct error *err)
{
    struct store_bytes value;
    int r = store_get(txn, TABLE_FEED, next_key, &value, err);

    if (r == 0)
        return read_number(value, ret, err);
    if (r == -ENOENT)
        *ret = 0;
    return r == -ENOENT ? 0 : r;
}

int history_writer_init(struct history_writer *ret, struct store_txn *txn, struct codec *codec,
                        struct error *err)
{
    uint64_t next;
    int r = history_next(txn, &next, err);

    if (r == 0)
        *ret = (struct history_writer){.txn = txn, .codec = codec, .next = next};
    return r;
}

static void write_place(uint8_t place[PLACE_SIZE], const struct history_record *record)
{
    char id[UUID_SIZE];

    memcpy(id, record->order_id, UUID_SIZE - 1);
    id[UUID_SIZE - 1] = '\0';
    uuid_to_bytes(id, place);
    put_feed_key(place + ID_SIZE, record->topic, record->partition, record->offset);
}

static void set_mark(struct history_writer *writer, const struct history_record *record)
{
    size_t topic = history_topic_index(record->topic);
    struct history_mark *mark = &writer->marks[topic][record->partition];

    if (!mark->is_set)
        mark->first = writer->next;
    mark->is_set = true;
    mark->last = record->offset;
}

int history_put(struct history_writer *writer, const struct history_record *record,
                struct error *err)
{
    uint8_t value[HEAD_SIZE + EVENT_BYTES_MAX], number[NUMBER_SIZE];
    int r;

    assert(history_topic_index(record->topic) < HISTORY_TOPIC_COUNT && record->partition >= 0 &&
           record->partition < HISTORY_PARTITIONS_MAX);
    if (record->len > EVENT_BYTES_MAX)
        return 0;
    put_number(number, writer->next, NUMBER_SIZE);
    write_place(value, record);
    r = store_add(writer->txn, TABLE_ORDERS, (struct store_bytes){value, PLACE_SIZE},
                  (struct store_bytes){number, NUMBER_SIZE}, false, err);
    if (r < 0)
        return r == -EEXIST ? 0 : r;
    if (record->topic == TOPIC_ORDERS)
        r = index_add(writer,
                      &(struct index_record){value, record->json, record->len, writer->next}, err);
    if (r < 0)
        return r;
    set_mark(writer, record);
    writer->next++;
    put_number(value + PLACE_SIZE, (uint64_t)record->timestamp_ms, TIME_SIZE);
    memcpy(value + HEAD_SIZE, record->json, record->len);
    return store_add(writer->txn, TABLE_RECORDS, (struct store_bytes){number, NUMBER_SIZE},
                     (struct store_bytes){value, HEAD_SIZE + record->len}, true, err);
}

static int save_mark(struct history_writer *writer, size_t topic, int32_t partition,
                     struct error *err)
{
    const struct history_mark *mark = &writer->marks[topic][partition];
    uint8_t key[FEED_KEY_SIZE], number[NUMBER_SIZE];

    put_feed_key(key, history_topics[topic], partition, mark->last);
    put_number(number, mark->first, NUMBER_SIZE);
    return store_put(writer->txn, TABLE_FEED, (struct store_bytes){key, FEED_KEY_SIZE},
                     (struct store_bytes){number, NUMBER_SIZE}, err);
}

int history_writer_finish(struct history_writer *writer, struct error *err)
{
    uint8_t number[NUMBER_SIZE];
    int r = 0;

    for (size_t topic = 0; topic < HISTORY_TOPIC_COUNT; topic++)
        for (int32_t p = 0; r == 0 && p < HISTORY_PARTITIONS_MAX; p++)
            if (writer->marks[topic][p].is_set)
                r = save_mark(writer, topic, p, err);
    if (r == 0)
        r = segment_save(&writer->segment, writer->txn, err);
    put_number(number, writer->next, NUMBER_SIZE);
    return r < 0 ? r
                 : store_put(writer->txn, TABLE_FEED, next_key,
                             (struct store_bytes){number, NUMBER_SIZE}, err);
}

/* Deletes one record, and all that leads to it. The record is borrowed, which no write outlives. */
static int remove_record(struct history_writer *writer, struct store_bytes key,
                         struct store_bytes value, struct error *err)
{
    uint8_t copy[HEAD_SIZE + EVENT_BYTES_MAX], number[NUMBER_SIZE];
    int r = 0;

    memcpy(number, key.data, NUMBER_SIZE);
    memcpy(copy, value.data, value.size);
    if (copy[ID_SIZE] == TOPIC_ORDERS)
        r = index_remove(writer,
                         &(struct index_record){copy, (const char *)copy + HEAD_SIZE,
                                                value.size - HEAD_SIZE,
                                                get_number(number, NUMBER_SIZE)},
                         err);
    if (r == 0)
        r = store_delete(writer->txn, TABLE_FEED,
                         (struct store_bytes){copy + ID_SIZE, FEED_KEY_SIZE}, err);
    if (r == 0)
        r = store_delete(writer->txn, TABLE_ORDERS, (struct store_bytes){copy, PLACE_SIZE}, err);
    if (r == 0)
        r = store_delete(writer->txn, TABLE_RECORDS, (struct store_bytes){number, NUMBER_SIZE},
                         err);
    return r;
}

/* Deletes the oldest record if it has expired. Returns 1, 0 (there is none), or a negative
   errno. */
static int expire_first(struct history_writer *writer, int64_t oldest_ms, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    struct store_bytes key, value;
    int r = store_cursor_open(writer->txn, TABLE_RECORDS, &cursor, err);

    if (r == 0)
        r = store_cursor_seek(cursor, (struct store_bytes){"", 0}, &key, &value, err);
    if (r == 0)
        r = check_record(key, value, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((int64_t)get_number((const uint8_t *)value.data + PLACE_SIZE, TIME_SIZE) >= oldest_ms)
        return 0;
    r = remove_record(writer, key, value, err);
    return r < 0 ? r : 1;
}

int history_expire(struct history_writer *writer, int64_t oldest_ms, size_t count_max,
                   struct error *err)
{
    int r = 1;

    for (size_t i = 0; r == 1 && i < count_max; i++)
        r = expire_first(writer, oldest_ms, err);
    return r < 0 ? r : segment_save(&writer->segment, writer->txn, err);
}

/* Who reads one order: the index, and what it leads to. */
struct reader {
    struct store_txn *txn;
    struct store_cursor *cursor; /* of the index */
    struct codec *codec;
    const char *order_id;
    struct history *history;
};

/* Adds the event to the history, if it is one. */
static int add_entry(struct reader *reader, const uint8_t *place, struct store_bytes record,
                     struct error *err)
{
    enum topic topic = (enum topic)place[ID_SIZE];
    const char *json = (const char *)record.data + HEAD_SIZE;
    struct event event, *copy;

    if (event_decode(reader->codec, json, record.size - HEAD_SIZE, &event, NULL) < 0 ||
        event_topic(event.type) != topic || !str_equal(event_key(&event), reader->order_id))
        return 0;
    copy = malloc(event_size(&event));
    if (copy == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    event_copy(copy, &event);
    reader->history->entries[reader->history->count++] = (struct order_entry){
        .event = copy,
        .partition = (int32_t)get_number(place + PREFIX_SIZE, 4),
        .offset = (int64_t)get_number(place + PREFIX_SIZE + 4, 8),
    };
    return 0;
}

/* What the index leads to must be there. */
static int get_record(struct store_txn *txn, struct store_bytes number, struct store_bytes *ret,
                      struct error *err)
{
    uint64_t ignored;
    int r = read_number(number, &ignored, err);

    if (r == 0)
        r = store_get(txn, TABLE_RECORDS, number, ret, err);
    if (r == -ENOENT)
        return error_set(err, -EUCLEAN, "local store: a record is missing");
    return r == 0 ? check_record(number, *ret, err) : r;
}

/* What one topic has about the order; `prefix` is its id, and room for the topic. */
static int read_topic(struct reader *reader, uint8_t prefix[PREFIX_SIZE], enum topic topic,
                      struct error *err)
{
    struct store_bytes place, number, record;
    size_t end = reader->history->count + EVENTS_PER_TOPIC_MAX;
    int r;

    prefix[ID_SIZE] = (uint8_t)topic;
    r = store_cursor_seek(reader->cursor, (struct store_bytes){prefix, PREFIX_SIZE}, &place,
                          &number, err);
    for (size_t seen = 0; r == 0 && seen < RECORDS_PER_TOPIC_MAX && reader->history->count < end;
         seen++) {
        if (place.size != PLACE_SIZE || memcmp(place.data, prefix, PREFIX_SIZE) != 0)
            return 0;
        r = get_record(reader->txn, number, &record, err);
        if (r == 0)
            r = add_entry(reader, place.data, record, err);
        if (r == 0)
            r = store_cursor_next(reader->cursor, &place, &number, err);
    }
    return r == -ENOENT ? 0 : r;
}

static int read_topics(struct reader *reader, struct error *err)
{
    uint8_t prefix[PREFIX_SIZE];
    int r = 0;

    uuid_to_bytes(reader->order_id, prefix);
    for (size_t i = 0; r == 0 && i < HISTORY_TOPIC_COUNT; i++)
        r = read_topic(reader, prefix, history_topics[i], err);
    return r;
}

int history_read(struct store_txn *txn, struct codec *codec, const char *order_id,
                 struct history *ret, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    int r = store_cursor_open(txn, TABLE_ORDERS, &cursor, err);

    ret->count = 0;
    if (r == 0)
        r = read_topics(&(struct reader){txn, cursor, codec, order_id, ret}, err);
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
