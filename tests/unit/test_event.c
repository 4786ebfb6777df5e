/* test_event.c - what is known about an event and its topic without looking at JSON. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/decision.h"
#include "suite.h"

static struct event order_placed(size_t item_count)
{
    struct event event = {.type = EVENT_ORDER_PLACED, .schema_version = 1};

    strcpy(event.data.order_placed.order_id, "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90");
    event.data.order_placed.item_count = item_count;
    for (size_t i = 0; i < item_count; i++)
        event.data.order_placed.items[i] =
            (struct order_item){.product_id = "A", .quantity = 1 + (int64_t)i};
    return event;
}

START_TEST(every_type_is_found_by_its_name)
{
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        const char *name = event_type_name(type);

        ck_assert_int_eq(event_type_from_name(name, strlen(name)), type);
    }
    ck_assert_str_eq(event_type_name(EVENT_PAYMENT_FAILED), "PaymentFailed");
}
END_TEST

START_TEST(other_names_are_no_type)
{
    static const char *const names[] = {
        "", "OrderPlace", "OrderPlaced2", "orderPlaced", "PaymentFAILED", "OrderPlacee"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_int_eq(event_type_from_name(names[i], strlen(names[i])), EVENT_NONE);
    ck_assert_int_eq(event_type_from_name("OrderPlaced", 5), EVENT_NONE);
}
END_TEST

START_TEST(every_type_has_a_topic_with_a_writer)
{
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        ck_assert_ptr_nonnull(topic_info(event_topic(type))->writer);
    ck_assert_int_eq(event_topic(EVENT_INVENTORY_DEDUCTED), TOPIC_INVENTORY);
    ck_assert_int_eq(event_topic(EVENT_NONE), TOPIC_NONE);
}
END_TEST

START_TEST(topics_are_as_topics_json_says)
{
    ck_assert_str_eq(topic_info(TOPIC_ORDER_OUTCOMES)->name, "order-outcomes");
    ck_assert_str_eq(topic_info(TOPIC_ORDER_OUTCOMES)->writer, "order");
    ck_assert_int_eq(topic_info(TOPIC_ORDERS)->partitions, 4);
    ck_assert_int_eq(topic_info(TOPIC_ORDERS)->retention_ms, 604800000);
    ck_assert(topic_info(TOPIC_STOCK)->compacted);
    ck_assert_ptr_null(topic_info(TOPIC_PAYMENT_SHARDS)->writer);
    ck_assert_str_eq(topic_info(TOPIC_SHIPPING_DEAD_LETTERS)->config[0].name, "max.message.bytes");
    ck_assert_str_eq(topic_info(TOPIC_SHIPPING_DEAD_LETTERS)->config[0].value, "20971520");
}
END_TEST

START_TEST(the_key_is_the_order_or_the_product)
{
    struct event order = order_placed(1), stock = {.type = EVENT_STOCK_LEVEL_CHANGED};

    strcpy(stock.data.stock_level_changed.product_id, "SKU-1001");
    ck_assert_str_eq(event_key(&order), "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90");
    ck_assert_str_eq(event_key(&stock), "SKU-1001");
}
END_TEST

START_TEST(a_text_member_is_found_by_its_schema_name)
{
    struct event event = {.type = EVENT_PAYMENT_FAILED};

    strcpy(event.data.payment_failed.reason, "payment_declined");
    ck_assert_str_eq(event_text(&event, "reason"), "payment_declined");
    ck_assert_ptr_null(event_text(&event, "customer_id"));
    event = order_placed(1);
    ck_assert_ptr_null(event_text(&event, "total_amount"));
}
END_TEST

START_TEST(a_text_is_checked_by_the_rule_of_its_member)
{
    char text[CUSTOMER_ID_SIZE + 1];
    struct error err = {""};

    memset(text, 'c', sizeof(text));
    text[CUSTOMER_ID_SIZE] = '\0';
    ck_assert_int_eq(event_text_check(EVENT_ORDER_PLACED, "customer_id", text, &err), -EINVAL);
    ck_assert_int_eq(strncmp(err.text, "must be ", 8), 0);
    text[CUSTOMER_ID_SIZE - 1] = '\0';
    ck_assert_int_eq(event_text_check(EVENT_ORDER_PLACED, "customer_id", text, &err), 0);
    ck_assert_int_eq(event_text_check(EVENT_ORDER_PLACED, "customer_id", "c 1", &err), -EINVAL);
    ck_assert_int_eq(event_text_check(EVENT_ORDER_PLACED, "customer_id", "", &err), -EINVAL);
}
END_TEST

START_TEST(an_emitted_event_is_empty_but_for_its_defaults)
{
    static struct decision decision;
    struct event expected = {.type = EVENT_ORDER_PLACED};

    memset(&decision.events[0].data, 'x', sizeof(decision.events[0].data));
    memset(&decision.events[1].data, 'x', sizeof(decision.events[1].data));
    decision_emit(&decision, EVENT_ORDER_PLACED);
    decision_emit(&decision, EVENT_STOCK_LEVEL_CHANGED);
    strcpy(expected.data.order_placed.currency, "USD");
    ck_assert_uint_eq(decision.event_count, 2);
    ck_assert(event_equal(&decision.events[0], &expected));
    ck_assert(event_equal(&decision.events[1], &(struct event){.type = EVENT_STOCK_LEVEL_CHANGED}));
}
END_TEST

START_TEST(only_the_bytes_in_use_count_and_are_copied)
{
    struct event event = order_placed(2);
    size_t size = event_size(&event);
    struct event *copy = malloc(size); /* exactly: the sanitizer sees a byte too many */

    ck_assert_uint_lt(size, 600);
    ck_assert_uint_lt(sizeof(struct event) - 8,
                      offsetof(struct event, data) + sizeof(struct order_placed));
    event_copy(copy, &event);
    ck_assert(event_equal(copy, &event));
    free(copy);
}
END_TEST

START_TEST(an_event_of_no_type_can_be_copied_and_compared)
{
    struct event none = {.type = EVENT_NONE}, copy, placed = order_placed(1);

    event_copy(&copy, &none);
    ck_assert(event_equal(&copy, &none));
    ck_assert(!event_equal(&copy, &placed));
}
END_TEST

START_TEST(events_differ_when_one_value_does)
{
    struct event a = order_placed(2), b = order_placed(2);

    ck_assert(event_equal(&a, &b));
    b.data.order_placed.items[1].quantity++;
    ck_assert(!event_equal(&a, &b));
    b = order_placed(2);
    b.data.order_placed.total_amount_minor = 1;
    ck_assert(!event_equal(&a, &b));
    b = order_placed(1);
    ck_assert(!event_equal(&a, &b));
    b = order_placed(2);
    strcpy(b.causation_id, "6f1d7a52-1f0b-5d3c-8b7e-2c4d5e6f7a81");
    ck_assert(!event_equal(&a, &b));
}
END_TEST

START_TEST(bytes_that_are_not_in_use_do_not_matter_for_equality)
{
    struct event a = order_placed(1), b = order_placed(1);

    memset(&b.data.order_placed.items[1], 7, sizeof(struct order_item));
    b.data.order_placed.customer_id[1] = 'x';
    ck_assert(event_equal(&a, &b));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("event");
    TCase *event = tcase_create("event");

    tcase_add_test(event, every_type_is_found_by_its_name);
    tcase_add_test(event, other_names_are_no_type);
    tcase_add_test(event, every_type_has_a_topic_with_a_writer);
    tcase_add_test(event, topics_are_as_topics_json_says);
    tcase_add_test(event, the_key_is_the_order_or_the_product);
    tcase_add_test(event, a_text_member_is_found_by_its_schema_name);
    tcase_add_test(event, a_text_is_checked_by_the_rule_of_its_member);
    tcase_add_test(event, an_emitted_event_is_empty_but_for_its_defaults);
    tcase_add_test(event, only_the_bytes_in_use_count_and_are_copied);
    tcase_add_test(event, an_event_of_no_type_can_be_copied_and_compared);
    tcase_add_test(event, events_differ_when_one_value_does);
    tcase_add_test(event, bytes_that_are_not_in_use_do_not_matter_for_equality);
    suite_add_tcase(suite, event);
    return suite_main(suite);
}
