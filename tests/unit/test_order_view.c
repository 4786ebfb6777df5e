/* test_order_view.c - how an order stands and what happened, from its events in any order. */
#include <string.h>

#include "common/base/util.h"
#include "services/order/front_door/order_json.h"
#include "common/event/order_view.h"
#include "suite.h"

#define ORDER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"

static struct event events[ORDER_EVENTS_MAX];
static struct order_entry entries[ORDER_EVENTS_MAX];
static size_t count;
static struct order_view view;

static void set_up(void)
{
    memset(events, 0, sizeof(events));
    count = 0;
}

/* Adds an event with the id `id` and the cause `cause` (0: none), at that time. */
static struct event *given(enum event_type type, int id, int cause, int64_t timestamp_ms)
{
    struct event *event = &events[count];

    event->type = type;
    event->timestamp_ms = timestamp_ms;
    event->schema_version = EVENT_SCHEMA_VERSION;
    strcpy(event->correlation_id, ORDER_ID);
    snprintf(event->event_id, UUID_SIZE, "00000000-0000-5000-8000-%012d", id);
    if (cause > 0)
        snprintf(event->causation_id, UUID_SIZE, "00000000-0000-5000-8000-%012d", cause);
    strcpy((char *)event_key(event), ORDER_ID);
    entries[count] = (struct order_entry){.event = event, .partition = 3, .offset = id};
    count++;
    return event;
}

static struct event *given_order(int64_t timestamp_ms)
{
    struct event *event = given(EVENT_ORDER_PLACED, 1, 0, timestamp_ms);
    struct order_placed *order = &event->data.order_placed;

    strcpy(order->customer_id, "c-1");
    strcpy(order->currency, "USD");
    order->total_amount_minor = 1998;
    order->item_count = 1;
    order->items[0] = (struct order_item){"p-1", 2, 999};
    return event;
}

static void when_folded(void)
{
    order_view_fold(entries, count, &view);
}

static void then_status(enum order_status status)
{
    when_folded();
    ck_assert_str_eq(order_status_name(view.status), order_status_name(status));
}

START_TEST(nothing_is_known_without_events_or_without_the_order)
{
    then_status(ORDER_UNKNOWN);
    ck_assert_ptr_null(view.placed);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 10);
    then_status(ORDER_UNKNOWN);
    ck_assert_ptr_null(view.placed);
}
END_TEST

START_TEST(the_status_follows_the_events)
{
    given_order(10);
    then_status(ORDER_PLACED);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 11);
    then_status(ORDER_PAID);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 12);
    then_status(ORDER_RESERVED);
    given(EVENT_SHIPMENT_CREATED, 4, 3, 13);
    then_status(ORDER_SHIPPED);
    given(EVENT_ORDER_COMPLETED, 5, 4, 14);
    then_status(ORDER_COMPLETED);
    given(EVENT_INVENTORY_DEDUCTED, 6, 4, 15);
    then_status(ORDER_COMPLETED);
    ck_assert_ptr_null(view.reason);
    ck_assert_int_eq(view.placed_at_ms, 10);
    ck_assert_int_eq(view.updated_at_ms, 15);
}
END_TEST

START_TEST(that_somebody_asks_again_is_no_update)
{
    given_order(10);
    given(EVENT_ORDER_CANCELLATION_SUBMITTED, 2, 0, 20);
    then_status(ORDER_PLACED);
    ck_assert_int_eq(view.updated_at_ms, 10);
    ck_assert_uint_eq(view.step_count, 2);
}
END_TEST

START_TEST(a_failure_is_being_undone_until_the_order_is_cancelled)
{
    given_order(10);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 11);
    strcpy(given(EVENT_INVENTORY_RESERVATION_FAILED, 3, 2, 12)
               ->data.inventory_reservation_failed.reason,
           "out_of_stock");
    then_status(ORDER_CANCELLING);
    ck_assert_str_eq(view.reason, "out_of_stock");
    strcpy(given(EVENT_PAYMENT_REFUNDED, 4, 3, 13)->data.payment_refunded.reason, "out_of_stock");
    then_status(ORDER_CANCELLING);
    strcpy(given(EVENT_ORDER_CANCELLED, 5, 4, 14)->data.order_cancelled.reason, "the last word");
    then_status(ORDER_CANCELLED);
    ck_assert_str_eq(view.reason, "the last word");
}
END_TEST

START_TEST(a_shipment_wins_over_a_request_to_cancel)
{
    given_order(10);
    strcpy(given(EVENT_ORDER_CANCELLATION_REQUESTED, 2, 1, 11)
               ->data.order_cancellation_requested.reason,
           "customer_request");
    then_status(ORDER_CANCELLING);
    ck_assert_str_eq(view.reason, "customer_request");
    given(EVENT_SHIPMENT_CREATED, 3, 1, 12);
    then_status(ORDER_SHIPPED);
    ck_assert_ptr_null(view.reason);
    given(EVENT_ORDER_COMPLETED, 4, 3, 13);
    then_status(ORDER_COMPLETED);
}
END_TEST

/* All orders in which the events of a cancelled order may become known, one by one. */
static void then_never_back(const size_t *permutation, size_t length)
{
    struct order_entry known[ORDER_EVENTS_MAX];
    enum order_status before = ORDER_UNKNOWN;

    for (size_t i = 0; i < length; i++) {
        known[i] = entries[permutation[i]];
        order_view_fold(known, i + 1, &view);
        ck_assert_int_ge(view.status, before);
        before = view.status;
    }
    ck_assert_int_eq(before, ORDER_CANCELLED);
    for (size_t i = 1; i < view.step_count; i++)
        ck_assert_int_lt(view.steps[i - 1].entry->offset, view.steps[i].entry->offset);
}

static void permute(size_t *permutation, size_t fixed, size_t length)
{
    if (fixed == length)
        then_never_back(permutation, length);
    for (size_t i = fixed; i < length; i++) {
        size_t kept = permutation[fixed];

        permutation[fixed] = permutation[i];
        permutation[i] = kept;
        permute(permutation, fixed + 1, length);
        permutation[i] = permutation[fixed];
        permutation[fixed] = kept;
    }
}

START_TEST(the_status_never_goes_back_whatever_comes_first)
{
    size_t permutation[] = {0, 1, 2, 3, 4, 5, 6};

    given_order(10);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 11);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 12);
    given(EVENT_SHIPMENT_FAILED, 4, 3, 13);
    given(EVENT_INVENTORY_RELEASED, 5, 4, 14);
    given(EVENT_PAYMENT_REFUNDED, 6, 5, 15);
    given(EVENT_ORDER_CANCELLED, 7, 6, 16);
    permute(permutation, 0, ARRAY_LEN(permutation));
}
END_TEST

START_TEST(a_cause_stands_before_its_effect_though_clocks_disagree)
{
    given(EVENT_SHIPMENT_CREATED, 4, 3, 70);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 80);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 90);
    given_order(100);
    given(EVENT_ORDER_COMPLETED, 5, 4, 60);
    when_folded();
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(view.steps[i].entry->offset, i + 1);
}
END_TEST

START_TEST(a_delay_counts_from_the_cause_and_is_never_negative)
{
    given_order(100);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 107);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 104);
    given(EVENT_SHIPMENT_CREATED, 4, 99, 200);
    when_folded();
    ck_assert_int_eq(view.steps[0].delay_ms, 0);
    ck_assert_int_eq(view.steps[1].delay_ms, 7);
    ck_assert_int_eq(view.steps[2].delay_ms, 0);
    ck_assert_int_eq(view.steps[3].delay_ms, 0);
}
END_TEST

START_TEST(events_that_cause_each_other_or_themselves_are_shown_all_the_same)
{
    given_order(100);
    given(EVENT_PAYMENT_PROCESSED, 2, 3, 102);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 101);
    given(EVENT_SHIPMENT_CREATED, 4, 4, 103);
    given(EVENT_PAYMENT_PROCESSED, 2, 3, 104);
    when_folded();
    ck_assert_uint_eq(view.step_count, 5);
    ck_assert_int_eq(view.steps[0].entry->offset, 1);
}
END_TEST

/* One event after the other becomes known, forwards and backwards. */
START_TEST(the_entity_tag_names_the_events_not_the_order_in_which_they_came)
{
    char tags[4][ORDER_ETAG_SIZE], backwards[ORDER_ETAG_SIZE];

    given(EVENT_PAYMENT_PROCESSED, 2, 1, 11);
    given_order(10);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 12);
    for (size_t i = 0; i <= count; i++) {
        order_view_fold(entries, i, &view);
        order_view_etag(&view, tags[i]);
        ck_assert_uint_eq(strlen(tags[i]), ORDER_ETAG_SIZE - 1);
        for (size_t j = 0; j < i; j++)
            ck_assert_str_ne(tags[i], tags[j]);
    }

    struct order_entry reversed[] = {entries[2], entries[1], entries[0]};

    order_view_fold(reversed, count, &view);
    order_view_etag(&view, backwards);
    ck_assert_str_eq(backwards, tags[3]);
}
END_TEST

START_TEST(an_order_is_final_when_it_is_completed_or_cancelled)
{
    given_order(10);
    given(EVENT_SHIPMENT_CREATED, 2, 1, 11);
    when_folded();
    ck_assert(!order_view_is_final(&view));
    given(EVENT_ORDER_COMPLETED, 3, 2, 12);
    when_folded();
    ck_assert(order_view_is_final(&view));
    events[2].type = EVENT_ORDER_CANCELLED;
    when_folded();
    ck_assert(order_view_is_final(&view));
}
END_TEST

START_TEST(an_order_is_written_with_exact_money)
{
    size_t len;
    char *json;

    given_order(1795537000123);
    when_folded();
    json = order_json(&view, &len);
    ck_assert_str_eq(json, "{\"order_id\":\"" ORDER_ID "\",\"customer_id\":\"c-1\","
                           "\"status\":\"placed\",\"items\":[{\"product_id\":\"p-1\","
                           "\"quantity\":2,\"unit_price\":9.99}],\"total_amount\":19.98,"
                           "\"currency\":\"USD\",\"placed_at\":\"2026-11-24T16:16:40.123Z\","
                           "\"updated_at\":\"2026-11-24T16:16:40.123Z\"}");
    ck_assert_uint_eq(len, strlen(json));
    free(json);
}
END_TEST

START_TEST(a_timeline_tells_who_did_what_and_why)
{
    struct codec *codec;
    size_t len;
    char *json;

    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    given_order(1795537000123);
    strcpy(given(EVENT_PAYMENT_FAILED, 2, 1, 1795537000130)->data.payment_failed.reason, "no");
    when_folded();
    json = order_timeline_json(&view, 1795537000180, codec, &len);
    ck_assert_str_eq(
        json,
        "{\"order_id\":\"" ORDER_ID "\",\"status\":\"cancelling\",\"events\":["
        "{\"event_type\":\"OrderPlaced\",\"event_id\":\"00000000-0000-5000-8000-000000000001\","
        "\"causation_id\":null,\"timestamp\":\"2026-11-24T16:16:40.123Z\",\"service\":\"order\","
        "\"topic\":\"orders\",\"partition\":3,\"offset\":1,\"delay_ms\":0,\"data\":{"
        "\"order_id\":\"" ORDER_ID "\",\"customer_id\":\"c-1\",\"items\":[{\"product_id\":\"p-1\","
        "\"quantity\":2,\"unit_price\":9.99}],\"total_amount\":19.98,\"currency\":\"USD\"}},"
        "{\"event_type\":\"PaymentFailed\",\"event_id\":\"00000000-0000-5000-8000-000000000002\","
        "\"causation_id\":\"00000000-0000-5000-8000-000000000001\","
        "\"timestamp\":\"2026-11-24T16:16:40.130Z\",\"service\":\"payment\","
        "\"topic\":\"payments\",\"partition\":3,\"offset\":2,\"delay_ms\":7,\"data\":{"
        "\"order_id\":\"" ORDER_ID "\",\"reason\":\"no\"}}],\"next\":["
        "{\"event_type\":\"OrderCancelled\",\"service\":\"order\","
        "\"after\":\"00000000-0000-5000-8000-000000000002\",\"waiting_ms\":50}]}");
    free(json);
    codec_free(codec);
}
END_TEST

START_TEST(a_timeline_ends_with_what_is_still_to_come)
{
    struct codec *codec;
    size_t len;
    char *json, *next;

    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    given_order(100);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 110);
    given(EVENT_INVENTORY_RESERVATION_FAILED, 3, 2, 120);
    when_folded();
    json = order_timeline_json(&view, 150, codec, &len);
    next = strstr(json, ",\"next\":");
    ck_assert_ptr_nonnull(next);
    ck_assert_str_eq(next, ",\"next\":[{\"event_type\":\"PaymentRefunded\",\"service\":\"payment\","
                           "\"after\":\"00000000-0000-5000-8000-000000000003\",\"waiting_ms\":30},"
                           "{\"event_type\":\"OrderCancelled\",\"service\":\"order\","
                           "\"after\":null,\"waiting_ms\":null}]}");
    free(json);
    codec_free(codec);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_view");
    TCase *order = tcase_create("order_view");

    tcase_add_checked_fixture(order, set_up, NULL);
    tcase_add_test(order, nothing_is_known_without_events_or_without_the_order);
    tcase_add_test(order, the_status_follows_the_events);
    tcase_add_test(order, that_somebody_asks_again_is_no_update);
    tcase_add_test(order, a_failure_is_being_undone_until_the_order_is_cancelled);
    tcase_add_test(order, a_shipment_wins_over_a_request_to_cancel);
    tcase_add_test(order, the_status_never_goes_back_whatever_comes_first);
    tcase_add_test(order, a_cause_stands_before_its_effect_though_clocks_disagree);
    tcase_add_test(order, a_delay_counts_from_the_cause_and_is_never_negative);
    tcase_add_test(order, events_that_cause_each_other_or_themselves_are_shown_all_the_same);
    tcase_add_test(order, the_entity_tag_names_the_events_not_the_order_in_which_they_came);
    tcase_add_test(order, an_order_is_final_when_it_is_completed_or_cancelled);
    tcase_add_test(order, an_order_is_written_with_exact_money);
    tcase_add_test(order, a_timeline_tells_who_did_what_and_why);
    tcase_add_test(order, a_timeline_ends_with_what_is_still_to_come);
    suite_add_tcase(suite, order);
    return suite_main(suite);
}
