/* history.c - see history.h. */
#include "services/order/history.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/base/uuid.h"

/*
 * records: number -> place, time, JSON. orders: place -> number. A place is order id, topic,
 * partition and offset. Numbers are big-endian, so that they sort.
 */
#define RECORDS 0
#define ORDERS 1
#define NUMBER_SIZE 8
#define ID_SIZE 16
#define PREFIX_SIZE (ID_SIZE + 1)
#define PLACE_SIZE (PREFIX_SIZE + 4 + 8)
#define TIME_SIZE 8
#define HEAD_SIZE (PLACE_SIZE + TIME_SIZE)
/*
 * Of one topic: events, and records that are looked at, events or not. A producer that runs wild in
 * one topic does not hide the others.
 */
#define EVENTS_PER_TOPIC_MAX (ORDER_EVENTS_MAX / HISTORY_TOPIC_COUNT)
#define RECORDS_PER_TOPIC_MAX 200

const enum topic history_topics[HISTORY_TOPIC_COUNT] = {
    TOPIC_ORDERS, TOPIC_PAYMENTS, TOPIC_INVENTORY, TOPIC_SHIPMENTS, TOPIC_ORDER_OUTCOMES};

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

int history_writer_init(struct history_writer *ret, struct store_txn *txn, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    struct store_bytes key, value;
    int r = store_cursor_open(txn, RECORDS, &cursor, err);

    if (r == 0)
        r = store_cursor_last(cursor, &key, &value, err);
    if (r < 0 && r != -ENOENT)
        return r;
    *ret = (struct history_writer){txn, r == 0 ? get_number(key.data, NUMBER_SIZE) + 1 : 0};
    return 0;
}

static void write_place(uint8_t place[PLACE_SIZE], const struct history_record *record)
{
    char id[UUID_SIZE];
    uint8_t *p = place + ID_SIZE;

    memcpy(id, record->order_id, UUID_SIZE - 1);
    id[UUID_SIZE - 1] = '\0';
    uuid_to_bytes(id, place);
    p = put_number(p, (uint64_t)record->topic, 1);
    p = put_number(p, (uint64_t)record->partition, 4);
    put_number(p, (uint64_t)record->offset, 8);
}

int history_put(struct history_writer *writer, const struct history_record *record,
                struct error *err)
{
    uint8_t value[HEAD_SIZE + EVENT_BYTES_MAX], number[NUMBER_SIZE];
    int r;

    if (record->len > EVENT_BYTES_MAX)
        return 0;
    put_number(number, writer->next, NUMBER_SIZE);
    write_place(value, record);
    r = store_add(writer->txn, ORDERS, (struct store_bytes){value, PLACE_SIZE},
                  (struct store_bytes){number, NUMBER_SIZE}, false, err);
    if (r < 0)
        return r == -EEXIST ? 0 : r;
    put_number(value + PLACE_SIZE, (uint64_t)record->timestamp_ms, TIME_SIZE);
    memcpy(value + HEAD_SIZE, record->json, record->len);
    writer->next++;
    return store_add(writer->txn, RECORDS, (struct store_bytes){number, NUMBER_SIZE},
                     (struct store_bytes){value, HEAD_SIZE + record->len}, true, err);
}

/* Deletes the oldest record if it has expired. Returns 1, 0 (there is none), or a negative
   errno. */
static int expire_first(struct store_txn *txn, int64_t oldest_ms, struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    uint8_t number[NUMBER_SIZE], place[PLACE_SIZE];
    struct store_bytes key, value;
    int r = store_cursor_open(txn, RECORDS, &cursor, err);

    if (r == 0)
        r = store_cursor_seek(cursor, (struct store_bytes){"", 0}, &key, &value, err);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((int64_t)get_number((const uint8_t *)value.data + PLACE_SIZE, TIME_SIZE) >= oldest_ms)
        return 0;
    memcpy(number, key.data, NUMBER_SIZE);
    memcpy(place, value.data, PLACE_SIZE);
    r = store_delete(txn, ORDERS, (struct store_bytes){place, PLACE_SIZE}, err);
    if (r == 0)
        r = store_delete(txn, RECORDS, (struct store_bytes){number, NUMBER_SIZE}, err);
    return r < 0 ? r : 1;
}

int history_expire(struct history_writer *writer, int64_t oldest_ms, size_t count_max,
                   struct error *err)
{
    int r = 1;

    for (size_t i = 0; r == 1 && i < count_max; i++)
        r = expire_first(writer->txn, oldest_ms, err);
    return r < 0 ? r : 0;
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
        r = store_get(reader->txn, RECORDS, number, &record, err);
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
    int r = store_cursor_open(txn, ORDERS, &cursor, err);

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
