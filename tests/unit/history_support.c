/* history_support.c - see history_support.h. */
#include "tests/unit/history_support.h"

#include <check.h>
#include <string.h>

#include "common/base/util.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"

void history_store_open(struct history_store *ret)
{
    static const char *const tables[] = {HISTORY_TABLES};
    char directory[TEMP_DIRECTORY_SIZE];
    const struct store_config config = {directory, "test\n", tables, HISTORY_TABLE_COUNT};

    temp_directory_new(directory);
    ck_assert_int_eq(store_open(&config, &ret->store, NULL), 0);
    ck_assert_int_eq(codec_new(&ret->codec, NULL), 0);
    ck_assert_int_eq(store_begin_write(ret->store, &ret->txn, NULL), 0);
    ck_assert_int_eq(history_writer_init(&ret->writer, ret->txn, ret->codec, NULL), 0);
}

void history_store_close(struct history_store *store)
{
    store_abort(store->txn);
    store_close(store->store);
    codec_free(store->codec);
}

void history_store_put(struct history_store *store, const struct history_record *record)
{
    ck_assert_int_eq(history_put(&store->writer, record, NULL), 0);
}

void history_store_put_event(struct history_store *store, const struct event *event,
                             int32_t partition, int64_t offset, int64_t timestamp_ms)
{
    struct history_record record = {.order_id = event_key(event),
                                    .topic = event_topic(event->type),
                                    .partition = partition,
                                    .offset = offset,
                                    .timestamp_ms = timestamp_ms};
    char json[EVENT_BYTES_MAX];
    const char *text;

    ck_assert_int_eq(event_encode(store->codec, event, &text, &record.len, NULL), 0);
    record.json = memcpy(json, text, record.len);
    history_store_put(store, &record);
}

void history_store_place(struct history_store *store, size_t number, const char *customer_id,
                         int64_t placed_at_ms)
{
    struct event event;

    sample_order_placed(&event, number);
    str_copy(event.data.order_placed.customer_id, CUSTOMER_ID_SIZE, customer_id);
    event.timestamp_ms = placed_at_ms;
    history_store_put_event(store, &event, 0, (int64_t)number, placed_at_ms);
}

void history_store_next_batch(struct history_store *store)
{
    ck_assert_int_eq(history_writer_finish(&store->writer, NULL), 0);
    ck_assert_int_eq(history_writer_init(&store->writer, store->txn, store->codec, NULL), 0);
}

size_t history_store_count(struct history_store *store, size_t table)
{
    struct store_cursor *cursor;
    struct store_bytes key, value;
    size_t count = 0;
    int r;

    ck_assert_int_eq(store_cursor_open(store->txn, table, &cursor, NULL), 0);
    for (r = store_cursor_seek(cursor, (struct store_bytes){"", 0}, &key, &value, NULL); r == 0;
         r = store_cursor_next(cursor, &key, &value, NULL))
        count++;
    store_cursor_close(cursor);
    return count;
}
