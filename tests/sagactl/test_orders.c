/* test_orders.c - events of many orders, order by order. How one is folded: test_order_view.c. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/orders.h"

#define TEXT_SIZE 256

static struct orders orders;
static char text[TEXT_SIZE];

static void given(int order, enum event_type type, int64_t offset)
{
    struct event event = {.type = type, .timestamp_ms = offset};

    snprintf((char *)event_key(&event), UUID_SIZE, "00000000-0000-7000-8000-%012d", order);
    ck_assert_int_eq(orders_add(&orders, 0, offset, &event, NULL), 0);
}

static int note(void *context, const char *order_id, const struct order_view *view, size_t left_out,
                struct error *err)
{
    const int *stop_after = context;
    size_t len = strlen(text);

    (void)err;
    snprintf(text + len, sizeof(text) - len, "%s %s %zu+%zu\n", order_id + UUID_SIZE - 2,
             order_status_name(view->status), view->step_count, left_out);
    return stop_after != NULL && order_id[UUID_SIZE - 2] - '0' == *stop_after ? -EIO : 0;
}

static void then_orders(const char *expected)
{
    text[0] = '\0';
    ck_assert_int_eq(orders_each(&orders, note, NULL, NULL), 0);
    ck_assert_str_eq(text, expected);
}

static void clear(void)
{
    orders_done(&orders);
}

START_TEST(without_events_there_is_no_order)
{
    then_orders("");
}
END_TEST

START_TEST(each_order_is_folded_once_from_all_of_its_events)
{
    given(2, EVENT_ORDER_PLACED, 10);
    given(1, EVENT_ORDER_PLACED, 11);
    given(2, EVENT_ORDER_COMPLETED, 12);
    given(1, EVENT_PAYMENT_PROCESSED, 13);
    given(3, EVENT_ORDER_CANCELLED, 14);
    then_orders("1 paid 2+0\n2 completed 2+0\n3 unknown 1+0\n");
}
END_TEST

START_TEST(more_events_may_come_later)
{
    given(1, EVENT_ORDER_PLACED, 10);
    then_orders("1 placed 1+0\n");
    given(1, EVENT_ORDER_COMPLETED, 11);
    then_orders("1 completed 2+0\n");
}
END_TEST

START_TEST(a_request_that_is_sent_again_and_again_does_not_hide_what_happened)
{
    for (int i = 0; i < 100; i++)
        given(1, EVENT_ORDER_CANCELLATION_SUBMITTED, i);
    given(1, EVENT_ORDER_PLACED, 0);
    given(1, EVENT_ORDER_COMPLETED, 1);
    then_orders("1 completed 8+94\n");
}
END_TEST

START_TEST(a_visitor_can_end_the_round)
{
    int stop_after = 1;

    given(1, EVENT_ORDER_PLACED, 10);
    given(2, EVENT_ORDER_PLACED, 11);
    text[0] = '\0';
    ck_assert_int_eq(orders_each(&orders, note, &stop_after, NULL), -EIO);
    ck_assert_str_eq(text, "1 placed 1+0\n");
}
END_TEST

START_TEST(more_than_the_memory_for_it_is_refused)
{
    struct event event = {.type = EVENT_ORDER_COMPLETED};

    orders.bytes = ORDERS_BYTES_MAX - (int64_t)event_size(&event);
    given(1, EVENT_ORDER_COMPLETED, 1);
    ck_assert_int_eq(orders_add(&orders, 0, 2, &event, NULL), -E2BIG);
    ck_assert_uint_eq(orders.count, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl orders");
    TCase *tcase = tcase_create("orders");

    tcase_add_checked_fixture(tcase, clear, clear);
    tcase_add_test(tcase, without_events_there_is_no_order);
    tcase_add_test(tcase, each_order_is_folded_once_from_all_of_its_events);
    tcase_add_test(tcase, more_events_may_come_later);
    tcase_add_test(tcase, a_request_that_is_sent_again_and_again_does_not_hide_what_happened);
    tcase_add_test(tcase, a_visitor_can_end_the_round);
    tcase_add_test(tcase, more_than_the_memory_for_it_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
