/*
 * test_history_scan.c - which orders a scan visits, in which order, and where it says to go on; and
 * that the indexes behind it expire with the records.
 */
#include "services/order/read_side/history_scan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history_layout.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/history_support.h"

#define ORDERS_MAX 64
#define START_MS INT64_C(1795536937000)

static struct history_store store;
static struct order_range_result result;

/* What was visited: the numbers of the orders, as "1 2 3 ". */
static struct {
    char text[512];
    size_t count, stop_at; /* stops before the order of that number; 0: none */
} visited;

static void set_up(void)
{
    history_store_open(&store);
    memset(&visited, 0, sizeof(visited));
}

static void tear_down(void)
{
    history_store_close(&store);
}

static size_t number_of(const struct order_view *view)
{
    char id[UUID_SIZE];
    size_t number = 0;

    for (sample_key(0, id); !str_equal(id, view->placed->order_id); sample_key(number, id))
        ck_assert_uint_le(++number, ORDERS_MAX);
    return number;
}

static bool visit(void *context, const struct order_view *view)
{
    size_t number = number_of(view), len = strlen(visited.text);

    (void)context;
    if (visited.stop_at != 0 && number == visited.stop_at)
        return false;
    snprintf(visited.text + len, sizeof(visited.text) - len, "%zu ", number);
    visited.count++;
    return true;
}

static void when_scanned(struct order_range range)
{
    struct error err;
    int r = history_scan(store.txn, store.codec, &range, visit, NULL, &result, &err);

    ck_assert_msg(r == 0, "%s", err.text);
}

/* Page after page. Returns how many there were. */
static size_t when_paged(struct order_range range)
{
    size_t pages = 0;

    do {
        when_scanned(range);
        range.after = result.last;
        ck_assert_uint_le(++pages, ORDERS_MAX);
    } while (result.has_more);
    return pages;
}

static void then_visited(const char *numbers)
{
    ck_assert_str_eq(visited.text, numbers);
    visited.text[0] = '\0';
}

START_TEST(orders_come_by_the_time_they_were_placed_not_by_arrival)
{
    history_store_place(&store, 1, "c", START_MS + 300);
    history_store_place(&store, 2, "c", START_MS + 100);
    history_store_place(&store, 3, "c", START_MS + 200);
    when_scanned((struct order_range){.visit_max = 10});
    then_visited("2 3 1 ");
    ck_assert(!result.has_more);
    when_scanned((struct order_range){.visit_max = 10, .newest_first = true});
    then_visited("1 3 2 ");
    ck_assert(!result.has_more);
}
END_TEST

START_TEST(an_empty_store_has_no_orders)
{
    when_scanned((struct order_range){.visit_max = 10});
    when_scanned((struct order_range){.visit_max = 10, .newest_first = true});
    when_scanned((struct order_range){.visit_max = 10, .newest_first = true, .customer_id = "c"});
    then_visited("");
    ck_assert(!result.has_more);
    ck_assert_str_eq(result.last.order_id, "");
}
END_TEST

START_TEST(pages_over_equal_times_have_each_order_once)
{
    for (size_t i = 1; i <= 9; i++)
        history_store_place(&store, i, i % 2 == 0 ? "even" : "odd", START_MS + (int64_t)(i / 5));
    for (size_t page = 1; page <= 10; page++) {
        struct order_range range = {.visit_max = page};

        ck_assert_uint_eq(when_paged(range), (9 + page - 1) / page);
        then_visited("1 2 3 4 5 6 7 8 9 ");
        range.newest_first = true;
        when_paged(range);
        then_visited("9 8 7 6 5 4 3 2 1 ");
        range.customer_id = "even";
        when_paged(range);
        then_visited("8 6 4 2 ");
        range.newest_first = false;
        ck_assert_uint_eq(when_paged(range), (4 + page - 1) / page);
        then_visited("2 4 6 8 ");
    }
}
END_TEST

START_TEST(customers_whose_names_begin_alike_are_apart)
{
    history_store_place(&store, 1, "c", START_MS);
    history_store_place(&store, 2, "c1", START_MS);
    history_store_place(&store, 3, "b", START_MS);
    history_store_place(&store, 4, "c", START_MS + 1);
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "c"});
    then_visited("1 4 ");
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "c", .newest_first = true});
    then_visited("4 1 ");
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "c1", .newest_first = true});
    then_visited("2 ");
}
END_TEST

START_TEST(nobody_has_no_orders)
{
    char name[CUSTOMER_ID_SIZE + 1];

    memset(name, 'c', CUSTOMER_ID_SIZE);
    name[CUSTOMER_ID_SIZE] = '\0';
    history_store_place(&store, 1, "c", START_MS);
    when_scanned((struct order_range){.visit_max = 10, .customer_id = ""});
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "d"});
    when_scanned((struct order_range){.visit_max = 10, .customer_id = name});
    name[CUSTOMER_ID_SIZE - 1] = '\0';
    when_scanned((struct order_range){.visit_max = 10, .customer_id = name, .newest_first = true});
    then_visited("");
    ck_assert(!result.has_more);
}
END_TEST

START_TEST(where_a_visitor_stops_the_next_page_begins)
{
    for (size_t i = 1; i <= 4; i++)
        history_store_place(&store, i, "c", START_MS + (int64_t)i);
    visited.stop_at = 3;
    when_scanned((struct order_range){.visit_max = 10});
    then_visited("1 2 ");
    ck_assert(result.has_more);
    ck_assert_int_eq(result.last.placed_at_ms, START_MS + 2);
    visited.stop_at = 0;
    when_scanned((struct order_range){.visit_max = 10, .after = result.last});
    then_visited("3 4 ");
}
END_TEST

START_TEST(a_visitor_that_stops_at_once_stays_where_it_is)
{
    struct order_place after = {.placed_at_ms = START_MS + 1};

    for (size_t i = 1; i <= 2; i++)
        history_store_place(&store, i, "c", START_MS + (int64_t)i);
    visited.stop_at = 2;
    sample_key(1, after.order_id);
    when_scanned((struct order_range){.visit_max = 10, .after = after});
    then_visited("");
    ck_assert(result.has_more);
    ck_assert_int_eq(result.last.placed_at_ms, START_MS + 1);
    ck_assert_str_eq(result.last.order_id, after.order_id);
}
END_TEST

START_TEST(a_view_has_all_events_of_its_order)
{
    struct event failed;

    history_store_place(&store, 1, "c", START_MS);
    sample_payment_failed(&failed, 1, "payment_declined");
    history_store_put_event(&store, &failed, 0, 0, START_MS);
    sample_payment_failed(&failed, 2, "payment_declined");
    history_store_put_event(&store, &failed, 0, 1, START_MS);
    when_scanned((struct order_range){.visit_max = 10});
    then_visited("1 "); /* of 2 there is no OrderPlaced yet */
    history_store_place(&store, 2, "c", START_MS + 5);
    when_scanned((struct order_range){.visit_max = 10, .after = result.last});
    then_visited("2 ");
}
END_TEST

static void put_json(size_t number, int64_t offset, const char *json)
{
    char id[UUID_SIZE];

    sample_key(number, id);
    history_store_put(&store, &(struct history_record){.order_id = id,
                                                       .topic = TOPIC_ORDERS,
                                                       .offset = offset,
                                                       .timestamp_ms = START_MS,
                                                       .json = json,
                                                       .len = strlen(json)});
}

START_TEST(what_is_no_order_under_its_own_key_is_not_indexed)
{
    const char *json;
    char copy[EVENT_BYTES_MAX];
    struct event event;
    size_t len;

    put_json(1, 1, "{}");
    put_json(2, 2, "");
    sample_order_placed(&event, 4);
    ck_assert_int_eq(event_encode(store.codec, &event, &json, &len, NULL), 0);
    memcpy(copy, json, len + 1);
    put_json(3, 3, copy);
    ck_assert_uint_eq(history_store_count(&store, TABLE_PLACED), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_CUSTOMERS), 0);
    history_store_next_batch(&store);
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, 10, NULL), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_RECORDS), 0);
}
END_TEST

/* The same order once more, at the offset `offset`. */
static void place_again(size_t number, const char *customer_id, int64_t placed_at_ms,
                        int64_t offset)
{
    struct event event;

    sample_order_placed(&event, number);
    str_copy(event.data.order_placed.customer_id, CUSTOMER_ID_SIZE, customer_id);
    event.timestamp_ms = placed_at_ms;
    history_store_put_event(&store, &event, 0, offset, placed_at_ms);
}

START_TEST(an_order_placed_twice_is_visited_once)
{
    history_store_place(&store, 1, "c", START_MS);
    place_again(1, "c", START_MS + 9, 100);
    place_again(1, "d", START_MS, 101);
    history_store_place(&store, 2, "c", START_MS + 5);
    when_paged((struct order_range){.visit_max = 1});
    then_visited("1 2 ");
    when_paged((struct order_range){.visit_max = 1, .newest_first = true, .customer_id = "c"});
    then_visited("2 1 ");
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "d"});
    then_visited("");
}
END_TEST

START_TEST(the_second_placing_of_the_same_time_keeps_the_entry_when_the_first_expires)
{
    history_store_place(&store, 1, "c", START_MS);
    place_again(1, "c", START_MS, 100);
    history_store_next_batch(&store);
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, 1, NULL), 0);
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "c"});
    then_visited("1 ");
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, 1, NULL), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_PLACED), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_CUSTOMERS), 0);
}
END_TEST

START_TEST(an_expired_order_is_no_longer_found)
{
    for (size_t i = 1; i <= 20; i++)
        history_store_place(&store, i, i % 2 == 0 ? "even" : "odd", START_MS + (int64_t)i);
    history_store_next_batch(&store);
    ck_assert_int_eq(history_expire(&store.writer, START_MS + 18, 100, NULL), 0);
    when_scanned((struct order_range){.visit_max = 10});
    then_visited("18 19 20 ");
    when_scanned((struct order_range){.visit_max = 10, .customer_id = "even"});
    then_visited("18 20 ");
    ck_assert_int_eq(history_expire(&store.writer, INT64_MAX, 100, NULL), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_RECORDS), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_ORDERS), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_PLACED), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_CUSTOMERS), 0);
    ck_assert_uint_eq(history_store_count(&store, TABLE_FEED), 1); /* the next number */
}
END_TEST

START_TEST(a_damaged_index_is_found_out)
{
    const struct order_range range = {.visit_max = 10};
    const struct store_bytes bytes = {"short", 5};

    ck_assert_int_eq(store_put(store.txn, TABLE_PLACED, bytes, bytes, NULL), 0);
    ck_assert_int_eq(history_scan(store.txn, store.codec, &range, visit, NULL, &result, NULL),
                     -EUCLEAN);
}
END_TEST

START_TEST(an_index_that_leads_nowhere_is_found_out)
{
    const struct order_range range = {.visit_max = 10};
    const uint8_t first[NUMBER_SIZE] = {0};

    history_store_place(&store, 1, "c", START_MS);
    ck_assert_int_eq(
        store_delete(store.txn, TABLE_RECORDS, (struct store_bytes){first, NUMBER_SIZE}, NULL), 0);
    ck_assert_int_eq(history_scan(store.txn, store.codec, &range, visit, NULL, &result, NULL),
                     -EUCLEAN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history_scan");
    TCase *tcase = tcase_create("history_scan");
    int failed;

    temp_directories_start();
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, orders_come_by_the_time_they_were_placed_not_by_arrival);
    tcase_add_test(tcase, an_empty_store_has_no_orders);
    tcase_add_test(tcase, pages_over_equal_times_have_each_order_once);
    tcase_add_test(tcase, customers_whose_names_begin_alike_are_apart);
    tcase_add_test(tcase, nobody_has_no_orders);
    tcase_add_test(tcase, where_a_visitor_stops_the_next_page_begins);
    tcase_add_test(tcase, a_visitor_that_stops_at_once_stays_where_it_is);
    tcase_add_test(tcase, a_view_has_all_events_of_its_order);
    tcase_add_test(tcase, what_is_no_order_under_its_own_key_is_not_indexed);
    tcase_add_test(tcase, an_order_placed_twice_is_visited_once);
    tcase_add_test(tcase,
                   the_second_placing_of_the_same_time_keeps_the_entry_when_the_first_expires);
    tcase_add_test(tcase, an_expired_order_is_no_longer_found);
    tcase_add_test(tcase, a_damaged_index_is_found_out);
    tcase_add_test(tcase, an_index_that_leads_nowhere_is_found_out);
    suite_add_tcase(suite, tcase);
    failed = suite_main(suite);
    temp_directories_stop();
    return failed;
}
