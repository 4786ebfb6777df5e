/* test_timeline.c - the order of an order's events, whatever the clocks and the topics said. */
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/timeline.h"

#define START_MS INT64_C(1795536937123)

static struct timeline timeline;

/* The id of the n-th event of a test; 0 is none. */
static void make_id(int number, char out[UUID_SIZE])
{
    out[0] = '\0';
    if (number > 0)
        snprintf(out, UUID_SIZE, "00000000-0000-7000-8000-%012d", number);
}

static void given(enum event_type type, int id, int cause, int at_ms)
{
    struct event event = {.type = type, .timestamp_ms = START_MS + at_ms};

    make_id(id, event.event_id);
    make_id(cause, event.causation_id);
    ck_assert_int_eq(timeline_add(&timeline, 0, id, &event, NULL), 0);
}

static void then_order_is(const enum event_type *types, size_t count)
{
    timeline_sort(&timeline);
    ck_assert_uint_eq(timeline.count, count);
    for (size_t i = 0; i < count; i++)
        ck_assert_str_eq(event_type_name(timeline.entries[i].event->type),
                         event_type_name(types[i]));
}

#define THEN_ORDER_IS(...)                                                                         \
    then_order_is((const enum event_type[]){__VA_ARGS__},                                          \
                  ARRAY_LEN(((const enum event_type[]){__VA_ARGS__})))

static void clear(void)
{
    timeline_done(&timeline);
    timeline = (struct timeline){0};
}

START_TEST(events_stand_by_time)
{
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 20);
    given(EVENT_INVENTORY_RESERVED, 3, 2, 30);
    given(EVENT_ORDER_PLACED, 1, 0, 10);

    THEN_ORDER_IS(EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED);
}
END_TEST

START_TEST(an_effect_never_stands_before_its_cause_even_if_its_clock_is_behind)
{
    given(EVENT_ORDER_COMPLETED, 4, 3, -300);
    given(EVENT_SHIPMENT_CREATED, 3, 2, -200);
    given(EVENT_PAYMENT_PROCESSED, 2, 1, -100);
    given(EVENT_ORDER_PLACED, 1, 0, 0);

    THEN_ORDER_IS(EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_SHIPMENT_CREATED,
                  EVENT_ORDER_COMPLETED);
}
END_TEST

START_TEST(events_of_the_same_millisecond_stand_in_the_order_of_the_saga)
{
    given(EVENT_SHIPMENT_CREATED, 4, 9, 0);
    given(EVENT_PAYMENT_PROCESSED, 2, 9, 0);
    given(EVENT_ORDER_PLACED, 1, 9, 0);

    THEN_ORDER_IS(EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_SHIPMENT_CREATED);
}
END_TEST

START_TEST(each_event_knows_its_cause_after_sorting)
{
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 20);
    given(EVENT_ORDER_PLACED, 1, 0, 10);

    timeline_sort(&timeline);

    ck_assert_ptr_null(timeline.entries[0].cause);
    ck_assert_ptr_eq(timeline.entries[1].cause, &timeline.entries[0]);
}
END_TEST

START_TEST(a_cause_that_is_gone_is_no_cause)
{
    given(EVENT_PAYMENT_REFUNDED, 2, 77, 20);

    THEN_ORDER_IS(EVENT_PAYMENT_REFUNDED);
    ck_assert_ptr_null(timeline.entries[0].cause);
}
END_TEST

START_TEST(a_ring_of_causes_is_broken_at_its_earliest_event)
{
    given(EVENT_PAYMENT_PROCESSED, 2, 1, 20);
    given(EVENT_ORDER_PLACED, 1, 2, 10);

    THEN_ORDER_IS(EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED);
}
END_TEST

START_TEST(an_event_is_not_its_own_cause)
{
    given(EVENT_ORDER_PLACED, 1, 1, 10);

    THEN_ORDER_IS(EVENT_ORDER_PLACED);
    ck_assert_ptr_null(timeline.entries[0].cause);
}
END_TEST

START_TEST(the_outcome_is_the_event_that_ended_the_order)
{
    given(EVENT_ORDER_PLACED, 1, 0, 10);
    given(EVENT_PAYMENT_FAILED, 2, 1, 20);
    timeline_sort(&timeline);
    ck_assert_ptr_null(timeline_outcome(&timeline));

    given(EVENT_ORDER_CANCELLED, 3, 2, 30);
    timeline_sort(&timeline);
    ck_assert_int_eq(timeline_outcome(&timeline)->event->type, EVENT_ORDER_CANCELLED);
}
END_TEST

START_TEST(events_beyond_the_bound_are_counted)
{
    for (int i = 1; i <= TIMELINE_EVENTS_MAX + 3; i++)
        given(EVENT_ORDER_CANCELLATION_REQUESTED, i, i - 1, i);

    timeline_sort(&timeline);

    ck_assert_uint_eq(timeline.count, TIMELINE_EVENTS_MAX);
    ck_assert_uint_eq(timeline.dropped, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl timeline");
    TCase *tcase = tcase_create("timeline");

    tcase_add_checked_fixture(tcase, clear, clear);
    tcase_add_test(tcase, events_stand_by_time);
    tcase_add_test(tcase, an_effect_never_stands_before_its_cause_even_if_its_clock_is_behind);
    tcase_add_test(tcase, events_of_the_same_millisecond_stand_in_the_order_of_the_saga);
    tcase_add_test(tcase, each_event_knows_its_cause_after_sorting);
    tcase_add_test(tcase, a_cause_that_is_gone_is_no_cause);
    tcase_add_test(tcase, a_ring_of_causes_is_broken_at_its_earliest_event);
    tcase_add_test(tcase, an_event_is_not_its_own_cause);
    tcase_add_test(tcase, the_outcome_is_the_event_that_ended_the_order);
    tcase_add_test(tcase, events_beyond_the_bound_are_counted);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
