/*
 * test_history_segments.c - that the index by customer, which is cut into segments of time, is one
 * to everybody who scans it: against a sorted list of the same orders.
 */
#include "services/order/read_side/history_segments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history_scan.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/history_support.h"

#define ORDERS (5 * SEGMENT_ORDERS_MAX / 2)
#define START_MS INT64_C(1795536937000)
#define BATCH 300
#define HEADS 12000

static const char *const customers[] = {"c", "c1", "d"};

static struct history_store store;
static int64_t placed_at_ms[ORDERS];
static size_t expected[ORDERS], expected_count; /* numbers of orders */
static size_t visited_count, call_count;
static bool is_backwards;

static void set_up(void)
{
    history_store_open(&store);
    srand(7);
}

static void tear_down(void)
{
    history_store_close(&store);
}

static const char *customer_of(size_t number)
{
    return customers[number % ARRAY_LEN(customers)];
}

/* Time goes on, and every third order comes late; `is_shuffled`: all of it comes in two halves. */
static void given_orders(bool is_shuffled)
{
    for (size_t i = 0; i < ORDERS; i++) {
        size_t tick = is_shuffled ? (i * 2) % ORDERS + (i * 2 >= ORDERS) : i;
        int late = i % 3 == 0 ? rand() % 500 : 0;

        placed_at_ms[i] = START_MS + (int64_t)(tick / 4) - late;
        history_store_place(&store, i, customer_of(i), placed_at_ms[i]);
        if (i % BATCH == BATCH - 1)
            history_store_next_batch(&store);
    }
    history_store_next_batch(&store);
}

static size_t segment_count(void)
{
    struct store_cursor *cursor;
    int64_t start = -1;
    size_t count = 0;

    ck_assert_int_eq(store_cursor_open(store.txn, TABLE_CUSTOMERS, &cursor, NULL), 0);
    while (segment_behind(cursor, start, &start, NULL) == 0)
        count++;
    store_cursor_close(cursor);
    return count;
}

static int compare(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;

    if (placed_at_ms[left] != placed_at_ms[right])
        return placed_at_ms[left] < placed_at_ms[right] ? -1 : 1;
    return left < right ? -1 : left > right;
}

/* Those of the customer, of the orders from the number `first` on. */
static void given_expectation(const char *customer_id, size_t first)
{
    expected_count = 0;
    for (size_t i = first; i < ORDERS; i++)
        if (str_equal(customer_of(i), customer_id))
            expected[expected_count++] = i;
    qsort(expected, expected_count, sizeof(expected[0]), compare);
}

static bool visit(void *context, const struct order_view *view)
{
    char id[UUID_SIZE];

    (void)context;
    ck_assert_uint_lt(visited_count, expected_count);
    sample_key(expected[is_backwards ? expected_count - 1 - visited_count : visited_count], id);
    ck_assert_str_eq(view->placed->order_id, id);
    visited_count++;
    return true;
}

/* Page after page. */
static void then_visited_in_pages_of(const char *customer_id, bool newest_first, size_t size)
{
    struct order_range range = {
        .newest_first = newest_first, .customer_id = customer_id, .visit_max = size};
    struct order_range_result result;

    is_backwards = newest_first;
    visited_count = 0;
    call_count = 0;
    do {
        ck_assert_int_eq(history_scan(store.txn, store.codec, &range, visit, NULL, &result, NULL),
                         0);
        range.after = result.last;
        call_count++;
    } while (result.has_more);
    ck_assert_uint_eq(visited_count, expected_count);
}

static void then_all_customers_have_their_orders(size_t first)
{
    for (size_t i = 0; i < ARRAY_LEN(customers); i++) {
        given_expectation(customers[i], first);
        then_visited_in_pages_of(customers[i], false, ORDER_SCAN_MAX);
        then_visited_in_pages_of(customers[i], true, ORDER_SCAN_MAX);
        then_visited_in_pages_of(customers[i], true, 7);
    }
}

START_TEST(orders_that_come_as_time_goes_on_are_in_several_segments_and_in_order)
{
    given_orders(false);
    ck_assert_uint_ge(segment_count(), 3);
    then_all_customers_have_their_orders(0);
}
END_TEST

START_TEST(orders_of_the_same_time_that_come_much_later_are_in_order_too)
{
    given_orders(true);
    ck_assert_uint_ge(segment_count(), 2);
    then_all_customers_have_their_orders(0);
}
END_TEST

START_TEST(orders_of_one_millisecond_stay_in_one_segment)
{
    for (size_t i = 0; i < ORDERS; i++)
        history_store_place(&store, i, customer_of(i), placed_at_ms[i] = START_MS);
    history_store_next_batch(&store);
    ck_assert_uint_eq(segment_count(), 1);
    then_all_customers_have_their_orders(0);
}
END_TEST

START_TEST(segments_that_are_empty_expire)
{
    given_orders(true);
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, ORDERS / 2, NULL), 0);
    then_all_customers_have_their_orders(ORDERS / 2);
    history_store_next_batch(&store);
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, ORDERS, NULL), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_CUSTOMERS), 0);
}
END_TEST

/* A head of a segment in which nobody has orders any more. */
static void given_head(int64_t start)
{
    uint8_t key[TIME_SIZE], value[8 + TIME_SIZE];

    put_number(key, (uint64_t)start, TIME_SIZE);
    put_number(put_number(value, 1, 8), (uint64_t)start, TIME_SIZE);
    ck_assert_int_eq(store_put(store.txn, TABLE_CUSTOMERS, (struct store_bytes){key, sizeof(key)},
                               (struct store_bytes){value, sizeof(value)}, NULL),
                     0);
}

START_TEST(a_customer_without_orders_for_very_long_is_looked_for_in_several_calls)
{
    for (int64_t i = 1; i < HEADS; i++)
        given_head(START_MS + 10 * i);
    history_store_place(&store, 0, "c", placed_at_ms[0] = START_MS);
    history_store_place(&store, 1, "c", placed_at_ms[1] = START_MS + 10 * HEADS - 1);
    history_store_next_batch(&store);
    expected_count = 2;
    expected[0] = 0;
    expected[1] = 1;
    then_visited_in_pages_of("c", true, 10);
    ck_assert_uint_eq(call_count, 3);
    then_visited_in_pages_of("c", false, 10);
    ck_assert_uint_eq(call_count, 3);
}
END_TEST

START_TEST(a_damaged_head_is_found_out)
{
    struct history_segment segment = {.is_set = false};
    uint8_t key[TIME_SIZE] = {0};

    ck_assert_int_eq(store_put(store.txn, TABLE_CUSTOMERS, (struct store_bytes){key, sizeof(key)},
                               (struct store_bytes){"x", 1}, NULL),
                     0);
    ck_assert_int_eq(segment_use(&segment, store.txn, START_MS, true, NULL), -EUCLEAN);
    ck_assert_int_eq(store_put(store.txn, TABLE_CUSTOMERS, (struct store_bytes){"x", 1},
                               (struct store_bytes){"x", 1}, NULL),
                     0);
    ck_assert_int_eq(segment_use(&segment, store.txn, INT64_MAX, true, NULL), -EUCLEAN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history_segments");
    TCase *tcase = tcase_create("history_segments");
    int failed;

    temp_directories_start();
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, orders_that_come_as_time_goes_on_are_in_several_segments_and_in_order);
    tcase_add_test(tcase, orders_of_the_same_time_that_come_much_later_are_in_order_too);
    tcase_add_test(tcase, orders_of_one_millisecond_stay_in_one_segment);
    tcase_add_test(tcase, segments_that_are_empty_expire);
    tcase_add_test(tcase, a_customer_without_orders_for_very_long_is_looked_for_in_several_calls);
    tcase_add_test(tcase, a_damaged_head_is_found_out);
    suite_add_tcase(suite, tcase);
    failed = suite_main(suite);
    temp_directories_stop();
    return failed;
}
