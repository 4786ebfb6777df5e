/*
 * test_history_feed.c - that a reader of the feed gets every record once, in the order in which the
 * store has them, wherever it begins; and what else is kept: stock, and the order of a batch.
 */
#include "services/order/read_side/history_feed.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history_layout.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/history_support.h"

static struct history_store store, other;
static struct topics topics;
static struct feed_cursor cursor;

/* What was visited, as "topic index/partition/offset ". */
static struct {
    char text[4096];
    size_t count, stop_at; /* stops when that many are there; 0: never */
} visited;

static void set_up(void)
{
    memset(&topics, 0, sizeof(topics));
    topics.count = HISTORY_TOPIC_COUNT;
    for (size_t i = 0; i < HISTORY_TOPIC_COUNT; i++) {
        topics.list[i].topic = history_topics[i];
        topics.list[i].partition_count = 4;
        topic_name("test.", history_topics[i], topics.list[i].name);
    }
    history_store_open(&store);
    history_store_open(&other);
    memset(&visited, 0, sizeof(visited));
}

static void tear_down(void)
{
    history_store_close(&store);
    history_store_close(&other);
}

static void put(struct history_store *to, enum topic topic, int32_t partition, int64_t offset)
{
    char id[UUID_SIZE], json[32];

    sample_key((size_t)(partition * 1000 + offset), id);
    snprintf(json, sizeof(json), "%d", (int)offset);
    history_store_put(to, &(struct history_record){.order_id = id,
                                                   .topic = topic,
                                                   .partition = partition,
                                                   .offset = offset,
                                                   .timestamp_ms = 1000 + offset,
                                                   .json = json,
                                                   .len = strlen(json)});
}

static bool visit(void *context, const struct feed_record *record)
{
    size_t len = strlen(visited.text);
    char id[UUID_SIZE], json[32];

    (void)context;
    if (visited.stop_at != 0 && visited.count == visited.stop_at)
        return false;
    sample_key((size_t)(record->partition * 1000 + record->offset), id);
    snprintf(json, sizeof(json), "%d", (int)record->offset);
    ck_assert_str_eq(record->order_id, id);
    ck_assert(record->len == strlen(json) && memcmp(record->json, json, record->len) == 0);
    if (len + 32 < sizeof(visited.text))
        snprintf(visited.text + len, sizeof(visited.text) - len, "%zu/%d/%d ",
                 history_topic_index(record->topic), (int)record->partition, (int)record->offset);
    visited.count++;
    return true;
}

static void given_begin(struct history_store *from, uint64_t generation,
                        const struct feed_positions *positions)
{
    const struct feed_source source = {from->txn, &topics, generation};

    ck_assert_int_eq(history_feed_begin(&source, positions, &cursor, NULL), 0);
}

static int when_fed(struct history_store *from, uint64_t generation)
{
    const struct feed_source source = {from->txn, &topics, generation};

    return history_feed(&source, &cursor, visit, NULL, NULL);
}

static void then_visited(const char *text)
{
    ck_assert_str_eq(visited.text, text);
    visited.text[0] = '\0';
    visited.count = 0;
}

START_TEST(from_its_beginning_the_feed_has_all_in_the_order_of_arrival)
{
    put(&store, TOPIC_PAYMENTS, 2, 10);
    put(&store, TOPIC_ORDERS, 1, 7);
    history_store_next_batch(&store);
    put(&store, TOPIC_ORDERS, 1, 9);
    put(&store, TOPIC_ORDER_OUTCOMES, 3, 0);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){0});
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("1/2/10 0/1/7 0/1/9 4/3/0 ");
    ck_assert_int_eq(cursor.positions.next[0][1], 10);
    ck_assert_int_eq(cursor.positions.next[1][2], 11);
    ck_assert_int_eq(cursor.positions.next[0][0], 0);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("");
}
END_TEST

START_TEST(from_now_the_feed_has_what_comes_later_only)
{
    put(&store, TOPIC_ORDERS, 1, 7);
    history_store_next_batch(&store);
    ck_assert_int_eq(store_offset_put(store.txn, topics.list[0].name, 1, 9, NULL), 0);
    given_begin(&store, 1, NULL);
    ck_assert_int_eq(cursor.positions.next[0][1], 9);
    ck_assert_int_eq(cursor.positions.next[0][2], 0);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("");
    put(&store, TOPIC_ORDERS, 1, 9);
    put(&store, TOPIC_ORDERS, 2, 0);
    history_store_next_batch(&store);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/1/9 0/2/0 ");
}
END_TEST

START_TEST(a_record_before_which_the_visitor_stops_comes_again)
{
    for (int64_t i = 0; i < 4; i++)
        put(&store, TOPIC_ORDERS, 0, i);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){0});
    visited.stop_at = 3;
    ck_assert_int_eq(when_fed(&store, 1), 1);
    then_visited("0/0/0 0/0/1 0/0/2 ");
    ck_assert_int_eq(cursor.positions.next[0][0], 3);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/3 ");
}
END_TEST

START_TEST(one_call_looks_at_so_many_records_and_no_more)
{
    for (int64_t i = 0; i < 2 * FEED_RECORDS_MAX + 5; i++)
        put(&store, TOPIC_ORDERS, 0, i);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 2});
    ck_assert_int_eq(when_fed(&store, 1), 1);
    ck_assert_uint_eq(visited.count, FEED_RECORDS_MAX - 2);
    ck_assert_int_eq(when_fed(&store, 1), 1);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    ck_assert_uint_eq(visited.count, 2 * FEED_RECORDS_MAX + 3);
}
END_TEST

START_TEST(a_call_that_ends_with_the_last_record_says_that_it_was_the_end)
{
    for (int64_t i = 0; i < FEED_RECORDS_MAX; i++)
        put(&store, TOPIC_ORDERS, 0, i);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){0});
    ck_assert_int_eq(when_fed(&store, 1), 0);
    ck_assert_uint_eq(visited.count, FEED_RECORDS_MAX);
}
END_TEST

START_TEST(an_idle_partition_does_not_make_the_feed_start_early)
{
    put(&store, TOPIC_SHIPMENTS, 3, 0);
    for (int64_t i = 0; i < 20; i++) {
        put(&store, TOPIC_ORDERS, 0, 2 * i);
        put(&store, TOPIC_ORDERS, 0, 2 * i + 1);
        history_store_next_batch(&store);
    }
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 31, .next[3][3] = 1});
    ck_assert_uint_eq(cursor.next, 31); /* of offset 30, with which the batch of 31 begins */
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 40, .next[3][3] = 1});
    ck_assert_uint_eq(cursor.next, 41);
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 40, .next[3][3] = -1});
    ck_assert_uint_eq(cursor.next, 0);
}
END_TEST

/* Three partitions of eight records: interleaved in `store`, one after the other in `other`. */
static void fill_both(void)
{
    for (int64_t i = 0; i < 8; i++) {
        put(&store, TOPIC_ORDERS, 0, i);
        put(&store, TOPIC_ORDERS, 1, i);
        put(&store, TOPIC_PAYMENTS, 1, i);
        if (i % 3 == 0)
            history_store_next_batch(&store);
    }
    history_store_next_batch(&store);
    for (int64_t i = 0; i < 8; i++)
        put(&other, TOPIC_PAYMENTS, 1, i);
    history_store_next_batch(&other);
    for (int64_t i = 0; i < 8; i++) {
        put(&other, TOPIC_ORDERS, 1, i);
        if (i == 3)
            history_store_next_batch(&other);
    }
    for (int64_t i = 0; i < 8; i++)
        put(&other, TOPIC_ORDERS, 0, i);
    history_store_next_batch(&other);
}

/* All 24 are in visited.text, each once. */
static void then_all_were_visited(void)
{
    char text[16];

    ck_assert_uint_eq(visited.count, 24);
    for (int i = 0; i < 24; i++) {
        snprintf(text, sizeof(text), "%d/%d/%d ", i % 3 == 2, i % 3 != 0, i / 3);
        ck_assert_msg(strstr(visited.text, text) != NULL, "%smisses %s", visited.text, text);
    }
}

START_TEST(positions_go_on_in_a_store_that_was_filled_in_another_order)
{
    fill_both();
    for (size_t stop = 1; stop <= 24; stop++) {
        visited.text[0] = '\0';
        visited.count = 0;
        visited.stop_at = stop;
        given_begin(&store, 1, &(struct feed_positions){0});
        when_fed(&store, 1);
        ck_assert_uint_eq(visited.count, stop);
        visited.stop_at = 0;
        given_begin(&other, 7, &cursor.positions);
        ck_assert_int_eq(when_fed(&other, 7), 0);
        then_all_were_visited();
    }
}
END_TEST

START_TEST(a_cursor_goes_on_after_its_store_was_replaced)
{
    fill_both();
    for (size_t stop = 1; stop <= 24; stop++) {
        visited.text[0] = '\0';
        visited.count = 0;
        visited.stop_at = stop;
        given_begin(&store, 1, &(struct feed_positions){0});
        when_fed(&store, 1);
        visited.stop_at = 0;
        ck_assert_int_eq(when_fed(&other, 2), 0);
        then_all_were_visited();
        ck_assert_uint_eq(cursor.generation, 2);
    }
}
END_TEST

START_TEST(what_this_store_does_not_have_yet_but_the_reader_has_is_left_out)
{
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 2});
    for (int64_t i = 0; i < 4; i++) {
        put(&store, TOPIC_ORDERS, 0, i);
        history_store_next_batch(&store);
    }
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/2 0/0/3 ");
}
END_TEST

START_TEST(positions_that_have_expired_start_at_the_oldest)
{
    for (int64_t i = 0; i < 6; i++) {
        put(&store, TOPIC_ORDERS, 0, 10 + i);
        if (i % 2 == 1)
            history_store_next_batch(&store);
    }
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 11});
    ck_assert_int_eq(history_expire(&store.writer, 1013, 10, NULL), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_FEED), 2 + 1); /* and the next number */
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/13 0/0/14 0/0/15 ");
    given_begin(&store, 1, &(struct feed_positions){.next[0][0] = 3});
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/13 0/0/14 0/0/15 ");
}
END_TEST

START_TEST(numbers_do_not_come_again_when_all_has_expired)
{
    put(&store, TOPIC_ORDERS, 0, 0);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){0});
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/0 ");
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, 10, NULL), 0);
    history_store_next_batch(&store);
    put(&store, TOPIC_ORDERS, 0, 1);
    history_store_next_batch(&store);
    ck_assert_int_eq(when_fed(&store, 1), 0);
    then_visited("0/0/1 ");
}
END_TEST

static void damage(size_t table, const void *key, size_t size)
{
    ck_assert_int_eq(store_put(store.txn, table, (struct store_bytes){key, size},
                               (struct store_bytes){"x", 1}, NULL),
                     0);
}

START_TEST(a_damaged_record_is_found_out_and_the_cursor_stays)
{
    const uint8_t second[NUMBER_SIZE] = {[NUMBER_SIZE - 1] = 1};

    put(&store, TOPIC_ORDERS, 0, 0);
    history_store_next_batch(&store);
    given_begin(&store, 1, &(struct feed_positions){0});
    damage(TABLE_RECORDS, second, sizeof(second));
    ck_assert_int_eq(when_fed(&store, 1), -EUCLEAN);
    then_visited("0/0/0 ");
    ck_assert_uint_eq(cursor.next, 1);
}
END_TEST

START_TEST(a_damaged_start_is_found_out)
{
    const struct feed_source source = {store.txn, &topics, 1};
    uint8_t key[FEED_KEY_SIZE];

    put_feed_key(key, TOPIC_ORDERS, 0, 5);
    damage(TABLE_FEED, key, sizeof(key));
    ck_assert_int_eq(history_feed_begin(&source, &(struct feed_positions){0}, &cursor, NULL),
                     -EUCLEAN);
}
END_TEST

START_TEST(a_damaged_next_number_is_found_out)
{
    const struct feed_source source = {store.txn, &topics, 1};

    damage(TABLE_FEED, "", 1);
    ck_assert_int_eq(history_feed_begin(&source, NULL, &cursor, NULL), -EUCLEAN);
    ck_assert_int_eq(history_writer_init(&store.writer, store.txn, store.codec, NULL), -EUCLEAN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history_feed");
    TCase *tcase = tcase_create("history_feed");
    int failed;

    temp_directories_start();
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, from_its_beginning_the_feed_has_all_in_the_order_of_arrival);
    tcase_add_test(tcase, from_now_the_feed_has_what_comes_later_only);
    tcase_add_test(tcase, a_record_before_which_the_visitor_stops_comes_again);
    tcase_add_test(tcase, one_call_looks_at_so_many_records_and_no_more);
    tcase_add_test(tcase, a_call_that_ends_with_the_last_record_says_that_it_was_the_end);
    tcase_add_test(tcase, an_idle_partition_does_not_make_the_feed_start_early);
    tcase_add_test(tcase, positions_go_on_in_a_store_that_was_filled_in_another_order);
    tcase_add_test(tcase, a_cursor_goes_on_after_its_store_was_replaced);
    tcase_add_test(tcase, what_this_store_does_not_have_yet_but_the_reader_has_is_left_out);
    tcase_add_test(tcase, positions_that_have_expired_start_at_the_oldest);
    tcase_add_test(tcase, numbers_do_not_come_again_when_all_has_expired);
    tcase_add_test(tcase, a_damaged_record_is_found_out_and_the_cursor_stays);
    tcase_add_test(tcase, a_damaged_start_is_found_out);
    tcase_add_test(tcase, a_damaged_next_number_is_found_out);
    suite_add_tcase(suite, tcase);
    failed = suite_main(suite);
    temp_directories_stop();
    return failed;
}
