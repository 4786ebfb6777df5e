/* test_order_request.c - what is an order over HTTP, and what a client is told when it is none. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/front_door/order_request.h"
#include "suite.h"

#define BODY_SIZE 400000

static const struct order_stamp stamp = {.order_id = "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90",
                                         .event_id = "0193652f-8a31-7c04-9a5e-3f1d2b7c8e91",
                                         .timestamp_ms = 1795537000123};

static struct codec *codec;
static struct event event;
static struct order_refusal refusal;
static char body[BODY_SIZE];

static void set_up(void)
{
    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    memset(&event, 0, sizeof(event));
}

static void tear_down(void)
{
    codec_free(codec);
}

static int when_posted(const char *text, size_t len)
{
    return order_request_read(codec, text, len, &stamp, &event, &refusal);
}

static void then_refused(const char *text, unsigned status)
{
    int r = when_posted(text, strlen(text));

    ck_assert_msg(r == -EBADMSG && refusal.status == status, "r %d, status %u: %s", r,
                  r < 0 ? refusal.status : 0, text);
    ck_assert_str_ne(refusal.detail, "");
    ck_assert_int_eq(event.type, EVENT_NONE);
}

/* One fault, at this place. */
static void then_fault(const char *text, const char *pointer)
{
    then_refused(text, 422);
    ck_assert_msg(refusal.fault_count == 1 && str_equal(refusal.faults[0].pointer, pointer),
                  "%zu faults, the first at %s (%s): %s", refusal.fault_count,
                  refusal.faults[0].pointer, refusal.faults[0].detail, text);
}

static const struct order_placed *then_placed(const char *text)
{
    int r = when_posted(text, strlen(text));

    ck_assert_msg(r == 0, "%s: %s: %s", refusal.detail, refusal.faults[0].pointer,
                  refusal.faults[0].detail);
    return &event.data.order_placed;
}

/* An order with these members beside a valid customer, and with these of its only item. */
static const char *order_with(const char *members)
{
    snprintf(body, sizeof(body),
             "{\"customer_id\":\"c-1\",\"items\":[{\"product_id\":\"p-1\",\"quantity\":2,"
             "\"unit_price\":9.99}]%s}",
             members);
    return body;
}

static const char *order_with_item(const char *item)
{
    snprintf(body, sizeof(body), "{\"customer_id\":\"c-1\",\"items\":[%s]}", item);
    return body;
}

START_TEST(an_order_becomes_an_event)
{
    const struct order_placed *order = then_placed(order_with(""));

    ck_assert_int_eq(event.type, EVENT_ORDER_PLACED);
    ck_assert_str_eq(event.event_id, stamp.event_id);
    ck_assert_int_eq(event.timestamp_ms, stamp.timestamp_ms);
    ck_assert_str_eq(event.correlation_id, stamp.order_id);
    ck_assert_str_eq(event.causation_id, "");
    ck_assert_str_eq(order->order_id, stamp.order_id);
    ck_assert_str_eq(order->customer_id, "c-1");
    ck_assert_str_eq(order->currency, "USD");
    ck_assert_int_eq(order->total_amount_minor, 1998);
    ck_assert_uint_eq(order->item_count, 1);
    ck_assert_str_eq(order->items[0].product_id, "p-1");
    ck_assert_int_eq(order->items[0].quantity, 2);
    ck_assert_int_eq(order->items[0].unit_price_minor, 999);
}
END_TEST

START_TEST(the_event_can_be_written)
{
    const char *json;
    size_t len;
    struct error err;

    then_placed(order_with(",\"currency\":\"EUR\",\"total_amount\":19.98"));
    ck_assert_str_eq(event.data.order_placed.currency, "EUR");
    ck_assert_int_eq(event_encode(codec, &event, &json, &len, &err), 0);
}
END_TEST

START_TEST(money_is_exact_in_every_form_of_a_number)
{
    ck_assert_int_eq(then_placed(order_with(",\"total_amount\":1998e-2"))->total_amount_minor,
                     1998);
    ck_assert_int_eq(then_placed(order_with(",\"total_amount\":19.980"))->total_amount_minor, 1998);
    /* 0.1 + 0.2 of binary fractions is not 0.3. */
    ck_assert_int_eq(then_placed("{\"customer_id\":\"c\",\"total_amount\":0.3,\"items\":["
                                 "{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":0.1},"
                                 "{\"product_id\":\"b\",\"quantity\":1,\"unit_price\":0.2}]}")
                         ->total_amount_minor,
                     30);
    ck_assert_int_eq(
        then_placed(order_with_item("{\"product_id\":\"a\",\"quantity\":3,\"unit_price\":0}"))
            ->total_amount_minor,
        0);
}
END_TEST

START_TEST(the_largest_order_is_an_order)
{
    size_t len = (size_t)snprintf(body, sizeof(body), "{\"customer_id\":\"c\",\"items\":[");

    for (int i = 0; i < ITEMS_MAX; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len,
                                "%s{\"product_id\":\"p%d\",\"quantity\":10000,"
                                "\"unit_price\":1000000}",
                                i > 0 ? "," : "", i);
    snprintf(body + len, sizeof(body) - len, "],\"total_amount\":1000000000000.00}");
    ck_assert_int_eq(then_placed(body)->total_amount_minor, AMOUNT_MINOR_MAX);
}
END_TEST

START_TEST(what_is_no_json_object_is_malformed)
{
    static const char *const bodies[] = {
        "",
        " ",
        "{",
        "nul",
        "[]",
        "null",
        "1",
        "\"{}\"",
        "{} {}",
        "{}x",
        "{'a':1}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "{\"a\":+1}",
        "\xef\xbb\xbf{}",
        "{\"customer_id\":\"\xff\"}",
        "{\"customer_id\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\\ud800\"}",
        "// c\n{}",
        "{\"a\":\"\t\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        then_refused(bodies[i], 400);
}
END_TEST

START_TEST(a_member_that_stands_there_twice_is_malformed)
{
    then_refused(order_with(",\"customer_id\":\"c-2\""), 400);
    then_refused(order_with(",\"customer_\\u0069d\":\"c-2\""), 400);
    then_refused(order_with(",\"x\":1,\"x\":1"), 400);
    then_refused(order_with(",\"x\":[[{\"y\":{\"z\":1,\"\\u007a\":2}}]]"), 400);
    then_refused(order_with_item("{\"product_id\":\"a\",\"quantity\":1,\"quantity\":1,"
                                 "\"unit_price\":1}"),
                 400);
}
END_TEST

START_TEST(each_broken_rule_is_named_by_its_place)
{
    static const struct {
        const char *item, *pointer;
    } items[] = {
        {"{\"product_id\":\"a\",\"quantity\":0,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":-1,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":1.5,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":10001,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":99999999999999999999,\"unit_price\":1}",
         "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":1e400,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":\"1\",\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":true,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":null,\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":[1],\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"unit_price\":1}", "/items/0/quantity"},
        {"{\"product_id\":\"a\",\"quantity\":1}", "/items/0/unit_price"},
        {"{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":-0.01}", "/items/0/unit_price"},
        {"{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":0.001}", "/items/0/unit_price"},
        {"{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":1000000.01}", "/items/0/unit_price"},
        {"{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":\"1\"}", "/items/0/unit_price"},
        {"{\"product_id\":\"\",\"quantity\":1,\"unit_price\":1}", "/items/0/product_id"},
        {"{\"product_id\":\"a b\",\"quantity\":1,\"unit_price\":1}", "/items/0/product_id"},
        {"{\"product_id\":\"\\u0000\",\"quantity\":1,\"unit_price\":1}", "/items/0/product_id"},
        {"{\"product_id\":7,\"quantity\":1,\"unit_price\":1}", "/items/0/product_id"},
        {"{\"quantity\":1,\"unit_price\":1}", "/items/0/product_id"},
        {"1", "/items/0"},
        {"null", "/items/0"},
        {"[]", "/items/0"},
        {"{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":1},{\"product_id\":\"b\","
         "\"quantity\":0,\"unit_price\":1}",
         "/items/1/quantity"},
        {"", "/items"},
    };

    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        then_fault(order_with_item(items[i].item), items[i].pointer);
}
END_TEST

START_TEST(each_broken_rule_of_the_order_is_named_too)
{
    static const struct {
        const char *text, *pointer;
    } orders[] = {
        {"{\"items\":[{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":1}]}", "/customer_id"},
        {"{\"customer_id\":\"\",\"items\":[{\"product_id\":\"a\",\"quantity\":1,"
         "\"unit_price\":1}]}",
         "/customer_id"},
        {"{\"customer_id\":{\"a\":1},\"items\":[{\"product_id\":\"a\",\"quantity\":1,"
         "\"unit_price\":1}]}",
         "/customer_id"},
        {"{\"customer_id\":\"c\"}", "/items"},
        {"{\"customer_id\":\"c\",\"items\":null}", "/items"},
        {"{\"customer_id\":\"c\",\"items\":{}}", "/items"},
        {"{\"customer_id\":\"c\",\"items\":\"a\"}", "/items"},
    };
    static const struct {
        const char *members, *pointer;
    } extras[] = {
        {",\"currency\":\"usd\"", "/currency"},
        {",\"currency\":\"XXX\"", "/currency"},
        {",\"currency\":null", "/currency"},
        {",\"currency\":1", "/currency"},
        {",\"total_amount\":19.97", "/total_amount"},
        {",\"total_amount\":19.981", "/total_amount"},
        {",\"total_amount\":-19.98", "/total_amount"},
        {",\"total_amount\":0", "/total_amount"},
        {",\"total_amount\":null", "/total_amount"},
        {",\"total_amount\":\"19.98\"", "/total_amount"},
        {",\"total_amount\":1000000000000.01", "/total_amount"},
        {",\"total_amount\":1e999999999", "/total_amount"},
        {",\"order_id\":\"0193652f-8a31-7c04-9a5e-3f1d2b7c8e90\"", "/order_id"},
        {",\"\":1", "/"},
        {",\"a/b~c\":1", "/a~1b~0c"},
        {",\"curency\":\"EUR\"", "/curency"},
        {",\"nested\":{\"a\":[{\"b\":{}}]}", "/nested"},
    };

    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        then_fault(orders[i].text, orders[i].pointer);
    for (size_t i = 0; i < ARRAY_LEN(extras); i++)
        then_fault(order_with(extras[i].members), extras[i].pointer);
}
END_TEST

START_TEST(a_wrong_total_is_told_the_right_one)
{
    then_fault(order_with(",\"total_amount\":19.97"), "/total_amount");
    ck_assert_str_eq(refusal.faults[0].detail, "must be the sum of quantity x unit_price, 19.98");
}
END_TEST

START_TEST(all_that_is_wrong_is_told_at_once)
{
    static const char *const pointers[] = {"/x",
                                           "/items/1/note",
                                           "/customer_id",
                                           "/items/0",
                                           "/items/1/product_id",
                                           "/items/1/quantity",
                                           "/items/1/unit_price",
                                           "/total_amount",
                                           "/currency"};

    then_refused("{\"x\":1,\"customer_id\":[],\"items\":[7,{\"product_id\":\"\",\"quantity\":0,"
                 "\"unit_price\":0.001,\"note\":\"\"}],\"total_amount\":-1,\"currency\":\"\"}",
                 422);
    ck_assert_uint_eq(refusal.fault_count, ARRAY_LEN(pointers));
    for (size_t i = 0; i < ARRAY_LEN(pointers); i++)
        ck_assert_str_eq(refusal.faults[i].pointer, pointers[i]);
}
END_TEST

/* `count` times the item, with a comma in between. */
static const char *order_of_many(const char *item, size_t count)
{
    size_t len = (size_t)snprintf(body, sizeof(body), "{\"customer_id\":\"c\",\"items\":[");

    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%s%s", i > 0 ? "," : "", item);
    snprintf(body + len, sizeof(body) - len, "]}");
    return body;
}

START_TEST(too_many_items_are_one_fault)
{
    static const char item[] = "{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":1}";

    ck_assert_uint_eq(then_placed(order_of_many(item, ITEMS_MAX))->item_count, ITEMS_MAX);
    event.type = EVENT_NONE;
    then_fault(order_of_many(item, ITEMS_MAX + 1), "/items");
    then_fault(order_of_many("0", 10000), "/items");
}
END_TEST

START_TEST(no_more_faults_are_listed_than_there_is_room_for)
{
    then_refused(order_of_many("{\"x\":1}", 50), 422);
    ck_assert_uint_eq(refusal.fault_count, HTTP_FAULTS_MAX);
    then_refused(order_of_many("0", 50), 422);
    ck_assert_uint_eq(refusal.fault_count, HTTP_FAULTS_MAX);
}
END_TEST

START_TEST(no_depth_and_no_number_of_members_does_harm)
{
    size_t depth = 60000, len;

    memset(body, '[', depth);
    memset(body + depth, ']', depth);
    body[2 * depth] = '\0';
    then_refused(body, 400);
    len = (size_t)sprintf(body, "{\"customer_id\":\"c\",\"deep\":");
    memset(body + len, '[', depth);
    memset(body + len + depth, ']', depth);
    strcpy(body + len + 2 * depth, ",\"items\":[{\"product_id\":\"a\",\"quantity\":1,"
                                   "\"unit_price\":1}]}");
    then_fault(body, "/deep");
    len = (size_t)sprintf(body, "{");
    for (int i = 0; i < 10000; i++)
        len += (size_t)sprintf(body + len, "%s\"%d\":0", i > 0 ? "," : "", i);
    strcpy(body + len, "}");
    then_refused(body, 422);
}
END_TEST

START_TEST(a_long_foreign_name_is_cut_between_two_characters)
{
    char members[2000] = ",\"";

    for (int i = 0; i < 500; i++)
        strcat(members, "\xe2\x82\xac");
    strcat(members, "\":1");
    then_refused(order_with(members), 422);
    ck_assert_uint_eq((strlen(refusal.faults[0].pointer) - 1) % 3, 0);
    ck_assert_uint_lt(strlen(refusal.faults[0].pointer), 60);
}
END_TEST

/* --------------------------------------------------------------------------- a cancellation */

static int when_cancelled(const char *text)
{
    return cancellation_request_read(codec, text, strlen(text), &stamp, &event, &refusal);
}

static void then_reason(const char *text, const char *reason)
{
    ck_assert_msg(when_cancelled(text) == 0, "%s: %s", text, refusal.detail);
    ck_assert_int_eq(event.type, EVENT_ORDER_CANCELLATION_SUBMITTED);
    ck_assert_str_eq(event.event_id, stamp.event_id);
    ck_assert_str_eq(event.correlation_id, stamp.order_id);
    ck_assert_str_eq(event.data.order_cancellation_submitted.order_id, stamp.order_id);
    ck_assert_str_eq(event.data.order_cancellation_submitted.reason, reason);
}

START_TEST(a_cancellation_may_say_why)
{
    then_reason("", "customer_request");
    then_reason("{}", "customer_request");
    then_reason("{\"reason\":\"changed my mind\"}", "changed my mind");
}
END_TEST

START_TEST(what_is_wrong_with_a_cancellation_is_named)
{
    static const struct {
        const char *text;
        unsigned status;
        const char *pointer;
    } bodies[] = {
        {"{", 400, NULL},
        {"[]", 400, NULL},
        {"\"customer_request\"", 400, NULL},
        {"{\"reason\":\"a\",\"reason\":\"b\"}", 400, NULL},
        {"{\"reason\":\"\"}", 422, "/reason"},
        {"{\"reason\":null}", 422, "/reason"},
        {"{\"reason\":7}", 422, "/reason"},
        {"{\"reason\":[\"a\"]}", 422, "/reason"},
        {"{\"reason\":\"two\\nlines\"}", 422, "/reason"},
        {"{\"resaon\":\"a\"}", 422, "/resaon"},
        {"{\"order_id\":\"a\"}", 422, "/order_id"},
        {"{\"items\":[]}", 422, "/items"},
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        int r = when_cancelled(bodies[i].text);

        ck_assert_msg(r == -EBADMSG && refusal.status == bodies[i].status, "%s: %d, %u",
                      bodies[i].text, r, refusal.status);
        if (bodies[i].pointer == NULL)
            continue;
        ck_assert_uint_eq(refusal.fault_count, 1);
        ck_assert_str_eq(refusal.faults[0].pointer, bodies[i].pointer);
    }
}
END_TEST

/* -------------------------------------------------------------------------- orders with a key */

START_TEST(an_order_that_is_submitted_is_the_same_order)
{
    struct event submitted;
    const struct order_submitted *data = &submitted.data.order_submitted;
    const char *json;
    size_t len;

    then_placed(order_with(",\"currency\":\"EUR\""));
    order_request_submit(&event, &submitted);
    ck_assert_int_eq(submitted.type, EVENT_ORDER_SUBMITTED);
    ck_assert_str_eq(submitted.event_id, stamp.event_id);
    ck_assert_int_eq(submitted.timestamp_ms, stamp.timestamp_ms);
    ck_assert_str_eq(data->order_id, stamp.order_id);
    ck_assert_str_eq(data->customer_id, "c-1");
    ck_assert_str_eq(data->currency, "EUR");
    ck_assert_int_eq(data->total_amount_minor, 1998);
    ck_assert_uint_eq(data->item_count, 1);
    ck_assert_str_eq(data->items[0].product_id, "p-1");
    ck_assert_int_eq(event_encode(codec, &submitted, &json, &len, NULL), 0);
}
END_TEST

static bool is_same(const char *first, const char *second)
{
    static struct event kept;

    ck_assert_int_eq(when_posted(first, strlen(first)), 0);
    event_copy(&kept, &event);
    ck_assert_int_eq(when_posted(second, strlen(second)), 0);
    return order_request_is_same(&kept.data.order_placed, &event.data.order_placed);
}

START_TEST(orders_are_compared_by_what_they_say_not_by_how_it_is_spelt)
{
#define ITEM_A "{\"product_id\":\"a\",\"quantity\":1,\"unit_price\":1.50}"
#define ITEM_B "{\"product_id\":\"b\",\"quantity\":1,\"unit_price\":1.50}"
    static const char first[] = "{\"customer_id\":\"c\",\"items\":[" ITEM_A "," ITEM_B "]}";
    static const char *const same[] = {
        first,
        "{ \"items\" : [" ITEM_A ", " ITEM_B "], \"customer_id\" : \"\\u0063\" }",
        "{\"customer_id\":\"c\",\"currency\":\"USD\",\"total_amount\":3,\"items\":[" ITEM_A
        ",{\"unit_price\":15e-1,\"quantity\":1,\"product_id\":\"b\"}]}",
    };
    static const char *const others[] = {
        "{\"customer_id\":\"d\",\"items\":[" ITEM_A "," ITEM_B "]}",
        "{\"customer_id\":\"c\",\"items\":[" ITEM_B "," ITEM_A "]}",
        "{\"customer_id\":\"c\",\"items\":[" ITEM_A "]}",
        "{\"customer_id\":\"c\",\"items\":[" ITEM_A "," ITEM_B "," ITEM_B "]}",
        "{\"customer_id\":\"c\",\"currency\":\"EUR\",\"items\":[" ITEM_A "," ITEM_B "]}",
        "{\"customer_id\":\"c\",\"items\":[" ITEM_A
        ",{\"product_id\":\"b\",\"quantity\":3,\"unit_price\":0.50}]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        ck_assert_msg(is_same(first, same[i]), "%s", same[i]);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        ck_assert_msg(!is_same(first, others[i]), "%s", others[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_request");
    TCase *request = tcase_create("order_request");

    tcase_add_checked_fixture(request, set_up, tear_down);
    tcase_add_test(request, an_order_becomes_an_event);
    tcase_add_test(request, the_event_can_be_written);
    tcase_add_test(request, money_is_exact_in_every_form_of_a_number);
    tcase_add_test(request, the_largest_order_is_an_order);
    tcase_add_test(request, what_is_no_json_object_is_malformed);
    tcase_add_test(request, a_member_that_stands_there_twice_is_malformed);
    tcase_add_test(request, each_broken_rule_is_named_by_its_place);
    tcase_add_test(request, each_broken_rule_of_the_order_is_named_too);
    tcase_add_test(request, a_wrong_total_is_told_the_right_one);
    tcase_add_test(request, all_that_is_wrong_is_told_at_once);
    tcase_add_test(request, too_many_items_are_one_fault);
    tcase_add_test(request, no_more_faults_are_listed_than_there_is_room_for);
    tcase_add_test(request, no_depth_and_no_number_of_members_does_harm);
    tcase_add_test(request, a_long_foreign_name_is_cut_between_two_characters);
    tcase_add_test(request, a_cancellation_may_say_why);
    tcase_add_test(request, what_is_wrong_with_a_cancellation_is_named);
    tcase_add_test(request, an_order_that_is_submitted_is_the_same_order);
    tcase_add_test(request, orders_are_compared_by_what_they_say_not_by_how_it_is_spelt);
    suite_add_tcase(suite, request);
    return suite_main(suite);
}
