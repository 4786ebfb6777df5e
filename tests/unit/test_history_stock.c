/* test_history_stock.c - the level of a product is what its last record says. */
#include "services/order/read_side/history_stock.h"

#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history_layout.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/history_support.h"

static struct history_store store;
static struct event found;

static void set_up(void)
{
    history_store_open(&store);
}

static void tear_down(void)
{
    history_store_close(&store);
}

static void given_record(const char *key, const char *json, size_t len)
{
    ck_assert_int_eq(history_stock_put(store.txn, key, strlen(key), json, len, NULL), 0);
}

/* The level of `product`, kept under `key`. */
static void given_level(const char *key, const char *product, int64_t on_hand)
{
    struct event event;
    const char *json;
    size_t len;

    sample_stock_level(&event, product, on_hand);
    ck_assert_int_eq(event_encode(store.codec, &event, &json, &len, NULL), 0);
    given_record(key, json, len);
}

static int when_read(const char *product)
{
    return history_stock_read(store.txn, store.codec, product, &found, NULL);
}

START_TEST(the_last_record_of_a_product_counts)
{
    given_level("A", "A", 5);
    given_level("AB", "AB", 9);
    given_level("A", "A", 3);
    ck_assert_int_eq(when_read("A"), 0);
    ck_assert_int_eq(found.data.stock_level_changed.on_hand, 3);
    ck_assert_int_eq(when_read("AB"), 0);
    ck_assert_int_eq(found.data.stock_level_changed.on_hand, 9);
}
END_TEST

START_TEST(of_a_product_without_records_nothing_is_known)
{
    char name[2 * PRODUCT_ID_SIZE];

    memset(name, 'A', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    given_level("A", "A", 5);
    ck_assert_int_eq(when_read("B"), -ENOENT);
    ck_assert_int_eq(when_read(""), -ENOENT);
    ck_assert_int_eq(when_read(name), -ENOENT);
}
END_TEST

START_TEST(a_tombstone_deletes)
{
    given_level("A", "A", 5);
    given_record("A", NULL, 0);
    ck_assert_int_eq(when_read("A"), -ENOENT);
    ck_assert_uint_eq(history_store_count(&store, TABLE_STOCK), 0);
    given_record("A", NULL, 0);
}
END_TEST

START_TEST(a_last_record_that_is_no_event_of_the_product_says_nothing)
{
    given_level("A", "A", 5);
    given_record("A", "{}", 2);
    ck_assert_int_eq(when_read("A"), -ENOENT);
    given_level("A", "B", 5);
    ck_assert_int_eq(when_read("A"), -ENOENT);
    given_record("A", "", 0);
    ck_assert_int_eq(when_read("A"), -ENOENT);
}
END_TEST

START_TEST(keys_and_events_of_no_sensible_length_are_passed_over)
{
    static char long_key[PRODUCT_ID_SIZE + 1], json[EVENT_BYTES_MAX + 1];

    memset(long_key, 'A', PRODUCT_ID_SIZE);
    given_record(long_key, "{}", 2);
    given_record("", "{}", 2);
    ck_assert_uint_eq(history_store_count(&store, TABLE_STOCK), 0);
    given_level("A", "A", 5);
    given_record("A", json, sizeof(json));
    ck_assert_int_eq(when_read("A"), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history_stock");
    TCase *tcase = tcase_create("history_stock");
    int failed;

    temp_directories_start();
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, the_last_record_of_a_product_counts);
    tcase_add_test(tcase, of_a_product_without_records_nothing_is_known);
    tcase_add_test(tcase, a_tombstone_deletes);
    tcase_add_test(tcase, a_last_record_that_is_no_event_of_the_product_says_nothing);
    tcase_add_test(tcase, keys_and_events_of_no_sensible_length_are_passed_over);
    suite_add_tcase(suite, tcase);
    failed = suite_main(suite);
    temp_directories_stop();
    return failed;
}
