/* test_order_history.c - what is kept of an order, in a real LMDB file, and what is passed over. */
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/util.h"
#include "services/order/read_side/history.h"
#include "suite.h"

#define ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"
#define OTHER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e91"

static char directory[] = "/tmp/test_order_history.XXXXXX";
static struct store *store;
static struct store_txn *txn;
static struct codec *codec;
static struct history_writer writer;
static struct history history;

static void set_up(void)
{
    static const char *const tables[] = {HISTORY_TABLES};
    struct store_config config = {.directory = directory,
                                  .identity = "test\n",
                                  .tables = tables,
                                  .table_count = HISTORY_TABLE_COUNT};

    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(store_open(&config, &store, NULL), 0);
    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    ck_assert_int_eq(store_begin_write(store, &txn, NULL), 0);
    ck_assert_int_eq(history_writer_init(&writer, txn, codec, NULL), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void tear_down(void)
{
    store_abort(txn);
    store_close(store);
    codec_free(codec);
    nftw(directory, remove_entry, 8, FTW_DEPTH);
}

static void given_json(const char *id, enum topic topic, int64_t offset, int64_t timestamp_ms,
                       const char *json)
{
    const struct history_record record = {.order_id = id,
                                          .topic = topic,
                                          .partition = 3,
                                          .offset = offset,
                                          .timestamp_ms = timestamp_ms,
                                          .json = json,
                                          .len = strlen(json)};

    ck_assert_int_eq(history_put(&writer, &record, NULL), 0);
}

/* An event of that type about the order `about`, kept under `id`. */
static void given_event(const char *id, enum topic topic, int64_t offset, enum event_type type,
                        const char *about)
{
    char json[1024];

    snprintf(json, sizeof(json),
             "{\"event_id\":\"00000000-0000-5000-8000-%012d\",\"event_type\":\"%s\","
             "\"timestamp\":\"2026-11-24T16:15:37.123Z\",\"correlation_id\":\"%s\","
             "\"schema_version\":1,\"data\":{\"order_id\":\"%s\",\"reason\":\"r\"}}",
             (int)offset, event_type_name(type), about, about);
    given_json(id, topic, offset, 1000, json);
}

static void when_read(const char *id)
{
    ck_assert_int_eq(history_read(txn, codec, id, &history, NULL), 0);
}

START_TEST(an_order_has_its_own_events_only)
{
    given_event(ID, TOPIC_PAYMENTS, 300, EVENT_PAYMENT_FAILED, ID);
    given_event(ID, TOPIC_ORDER_OUTCOMES, 7, EVENT_ORDER_CANCELLED, ID);
    given_event(OTHER_ID, TOPIC_PAYMENTS, 301, EVENT_PAYMENT_FAILED, OTHER_ID);
    when_read(ID);
    ck_assert_uint_eq(history.count, 2);
    ck_assert_int_eq(history.entries[0].event->type, EVENT_PAYMENT_FAILED);
    ck_assert_int_eq(history.entries[0].partition, 3);
    ck_assert_int_eq(history.entries[0].offset, 300);
    ck_assert_int_eq(history.entries[1].event->type, EVENT_ORDER_CANCELLED);
    history_done(&history);
    when_read("0193652f-8a31-7c04-9a5e-3f1d2b7c8e8f");
    ck_assert_uint_eq(history.count, 0);
}
END_TEST

START_TEST(a_record_that_comes_twice_is_there_once)
{
    given_event(ID, TOPIC_PAYMENTS, 300, EVENT_PAYMENT_FAILED, ID);
    given_event(ID, TOPIC_PAYMENTS, 300, EVENT_PAYMENT_FAILED, ID);
    when_read(ID);
    ck_assert_uint_eq(history.count, 1);
    history_done(&history);
}
END_TEST

START_TEST(what_is_no_event_of_the_order_is_passed_over)
{
    given_json(ID, TOPIC_PAYMENTS, 1, 1000, "no JSON");
    given_json(ID, TOPIC_PAYMENTS, 2, 1000, "");
    given_json(ID, TOPIC_PAYMENTS, 3, 1000, "{}");
    given_event(ID, TOPIC_PAYMENTS, 4, EVENT_PAYMENT_FAILED, OTHER_ID);
    given_event(ID, TOPIC_PAYMENTS, 5, EVENT_ORDER_CANCELLED, ID);
    given_event(ID, TOPIC_PAYMENTS, 6, EVENT_PAYMENT_FAILED, ID);
    when_read(ID);
    ck_assert_uint_eq(history.count, 1);
    ck_assert_int_eq(history.entries[0].offset, 6);
    history_done(&history);
}
END_TEST

START_TEST(a_topic_that_overflows_hides_no_other)
{
    for (int64_t i = 0; i < 5000; i++)
        given_event(ID, TOPIC_ORDERS, i, EVENT_ORDER_CANCELLATION_REQUESTED, ID);
    for (int64_t i = 0; i < 5000; i++)
        given_json(ID, TOPIC_PAYMENTS, i, 1000, "{}");
    given_event(ID, TOPIC_ORDER_OUTCOMES, 9, EVENT_ORDER_CANCELLED, ID);
    when_read(ID);
    ck_assert_uint_le(history.count, ORDER_EVENTS_MAX);
    ck_assert_int_eq(history.entries[0].offset, 0);
    ck_assert_int_eq(history.entries[history.count - 1].event->type, EVENT_ORDER_CANCELLED);
    history_done(&history);
}
END_TEST

START_TEST(the_largest_event_is_kept_and_a_larger_one_is_not)
{
    static char json[EVENT_BYTES_MAX + 2];

    memset(json, ' ', EVENT_BYTES_MAX);
    given_json(ID, TOPIC_PAYMENTS, 1, 1000, json);
    json[EVENT_BYTES_MAX] = ' ';
    given_json(ID, TOPIC_PAYMENTS, 2, 1000, json);
    when_read(ID);
    ck_assert_uint_eq(history.count, 0);
}
END_TEST

static size_t count_all(size_t table)
{
    struct store_cursor *cursor;
    struct store_bytes key, value;
    size_t count = 0;
    int r;

    ck_assert_int_eq(store_cursor_open(txn, table, &cursor, NULL), 0);
    for (r = store_cursor_seek(cursor, (struct store_bytes){"", 0}, &key, &value, NULL); r == 0;
         r = store_cursor_next(cursor, &key, &value, NULL))
        count++;
    store_cursor_close(cursor);
    return count;
}

START_TEST(what_is_old_expires_from_the_front_in_small_steps)
{
    for (int64_t i = 0; i < 30; i++)
        given_json(ID, TOPIC_ORDERS, i, i < 20 ? 1000 : 2000, "{}");
    ck_assert_int_eq(history_expire(&writer, 2000, 15, NULL), 0);
    ck_assert_uint_eq(count_all(0), 15);
    ck_assert_uint_eq(count_all(1), 15);
    ck_assert_int_eq(history_expire(&writer, 2000, 15, NULL), 0);
    ck_assert_uint_eq(count_all(0), 10);
    ck_assert_int_eq(history_expire(&writer, 2001, 15, NULL), 0);
    ck_assert_uint_eq(count_all(0), 0);
    ck_assert_uint_eq(count_all(1), 0);
}
END_TEST

START_TEST(a_younger_record_in_front_keeps_the_older_ones_behind_it)
{
    given_json(ID, TOPIC_ORDERS, 1, 2000, "{}");
    given_json(ID, TOPIC_ORDERS, 2, 1000, "{}");
    ck_assert_int_eq(history_expire(&writer, 2000, 10, NULL), 0);
    ck_assert_uint_eq(count_all(0), 2);
    ck_assert_int_eq(history_expire(&writer, 2001, 10, NULL), 0);
    ck_assert_uint_eq(count_all(0), 0);
}
END_TEST

START_TEST(numbers_go_on_after_the_last_record)
{
    given_event(ID, TOPIC_PAYMENTS, 1, EVENT_PAYMENT_FAILED, ID);
    ck_assert_int_eq(history_writer_finish(&writer, NULL), 0);
    ck_assert_int_eq(history_writer_init(&writer, txn, codec, NULL), 0);
    given_event(ID, TOPIC_PAYMENTS, 2, EVENT_PAYMENT_FAILED, ID);
    ck_assert_uint_eq(count_all(0), 2);
    when_read(ID);
    ck_assert_uint_eq(history.count, 2);
    history_done(&history);
}
END_TEST

START_TEST(an_empty_history_has_nothing_to_expire)
{
    ck_assert_int_eq(history_expire(&writer, 2000, 10, NULL), 0);
}
END_TEST

START_TEST(a_number_that_is_damaged_is_found_out)
{
    struct store_cursor *cursor;
    struct store_bytes key, value;
    char place[64];

    given_event(ID, TOPIC_PAYMENTS, 1, EVENT_PAYMENT_FAILED, ID);
    ck_assert_int_eq(store_cursor_open(txn, 1, &cursor, NULL), 0);
    ck_assert_int_eq(store_cursor_seek(cursor, (struct store_bytes){"", 0}, &key, &value, NULL), 0);
    key.data = memcpy(place, key.data, key.size);
    store_cursor_close(cursor);
    ck_assert_int_eq(store_put(txn, 1, key, (struct store_bytes){"x", 1}, NULL), 0);
    ck_assert_int_eq(history_read(txn, codec, ID, &history, NULL), -EUCLEAN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_history");
    TCase *tcase = tcase_create("order_history");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_order_has_its_own_events_only);
    tcase_add_test(tcase, a_record_that_comes_twice_is_there_once);
    tcase_add_test(tcase, what_is_no_event_of_the_order_is_passed_over);
    tcase_add_test(tcase, a_topic_that_overflows_hides_no_other);
    tcase_add_test(tcase, the_largest_event_is_kept_and_a_larger_one_is_not);
    tcase_add_test(tcase, what_is_old_expires_from_the_front_in_small_steps);
    tcase_add_test(tcase, a_younger_record_in_front_keeps_the_older_ones_behind_it);
    tcase_add_test(tcase, numbers_go_on_after_the_last_record);
    tcase_add_test(tcase, an_empty_history_has_nothing_to_expire);
    tcase_add_test(tcase, a_number_that_is_damaged_is_found_out);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
