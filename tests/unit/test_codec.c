/*
 * test_codec.c - the rules of the codec, one by one. Where a rule is a bound of some member, the
 * examples in schemas/ and the contract tests go through all members; here stands one of each kind.
 */
#include "common/event/codec.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"

#define ORDER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"
#define EVENT_ID "b2a7c9d0-3e4f-5a6b-8c7d-9e0f1a2b3c4d"
#define TEXT_SIZE (2 * EVENT_BYTES_MAX)

/* As our encoder writes it. */
static const char placed[] =
    "{\"event_id\":\"" EVENT_ID "\",\"event_type\":\"OrderPlaced\","
    "\"timestamp\":\"2026-11-24T16:15:37.123Z\",\"correlation_id\":\"" ORDER_ID "\","
    "\"schema_version\":1,\"data\":{\"order_id\":\"" ORDER_ID "\",\"customer_id\":\"customer-1\","
    "\"items\":[{\"product_id\":\"A\",\"quantity\":2,\"unit_price\":19.99},"
    "{\"product_id\":\"B\",\"quantity\":1,\"unit_price\":5.00}],"
    "\"total_amount\":44.98,\"currency\":\"EUR\"}}";
static const char failed[] =
    "{\"event_id\":\"" EVENT_ID "\",\"event_type\":\"PaymentFailed\","
    "\"timestamp\":\"2026-11-24T16:15:37.123Z\",\"correlation_id\":\"" ORDER_ID "\","
    "\"causation_id\":\"" EVENT_ID "\",\"schema_version\":1,"
    "\"data\":{\"order_id\":\"" ORDER_ID "\",\"reason\":\"payment_declined\"}}";

static struct codec *codec;
static struct event event;
static struct error err;
static char text[TEXT_SIZE];

static void setup(void)
{
    memset(&event, 0, sizeof(event));
    memset(&err, 0, sizeof(err));
    ck_assert_int_eq(codec_new(&codec, &err), 0);
}

static void teardown(void)
{
    codec_free(codec);
}

/* `json` with the one place that says `from` saying `to`. */
static const char *with(const char *json, const char *from, const char *to)
{
    static char made[TEXT_SIZE]; /* `json` may be what this returned the last time */
    const char *place = strstr(json, from);

    ck_assert_ptr_nonnull(place);
    snprintf(made, sizeof(made), "%.*s%s%s", (int)(place - json), json, to, place + strlen(from));
    memcpy(text, made, sizeof(text));
    return text;
}

static void assert_read(const char *json)
{
    int r = event_decode(codec, json, strlen(json), &event, &err);

    ck_assert_msg(r == 0, "%d %s", r, err.text);
}

static void assert_refused(const char *json, const char *line)
{
    struct event untouched = {.type = EVENT_NONE, .timestamp_ms = 77};
    int r = event_decode(codec, json, strlen(json), &untouched, &err);

    ck_assert_int_eq(r, -EBADMSG);
    ck_assert_msg(strncmp(err.text, line, strlen(line)) == 0, "%s, not %s", err.text, line);
    ck_assert_int_eq(untouched.timestamp_ms, 77);
}

static void assert_not_written(const char *line)
{
    const char *json = NULL;
    size_t len;

    ck_assert_int_eq(event_encode(codec, &event, &json, &len, &err), -EINVAL);
    ck_assert_msg(strncmp(err.text, line, strlen(line)) == 0, "%s, not %s", err.text, line);
    ck_assert_ptr_null(json);
}

START_TEST(every_member_of_an_event_is_read)
{
    const struct order_placed *data = &event.data.order_placed;

    assert_read(placed);
    ck_assert_int_eq(event.type, EVENT_ORDER_PLACED);
    ck_assert_str_eq(event.event_id, EVENT_ID);
    ck_assert_str_eq(event.correlation_id, ORDER_ID);
    ck_assert_str_eq(event.causation_id, "");
    ck_assert_int_eq(event.timestamp_ms, INT64_C(1795536937123));
    ck_assert_int_eq(event.schema_version, 1);
    ck_assert_str_eq(data->order_id, ORDER_ID);
    ck_assert_str_eq(data->customer_id, "customer-1");
    ck_assert_uint_eq(data->item_count, 2);
    ck_assert_str_eq(data->items[1].product_id, "B");
    ck_assert_int_eq(data->items[0].quantity, 2);
    ck_assert_int_eq(data->items[0].unit_price_minor, 1999);
    ck_assert_int_eq(data->items[1].unit_price_minor, 500);
    ck_assert_int_eq(data->total_amount_minor, 4498);
    ck_assert_str_eq(data->currency, "EUR");
}
END_TEST

START_TEST(what_is_read_is_written_as_it_was)
{
    static const char *const texts[] = {placed, failed};
    const char *json;
    size_t len;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_read(texts[i]);
        ck_assert_int_eq(event_encode(codec, &event, &json, &len, &err), 0);
        ck_assert_str_eq(json, texts[i]);
        ck_assert_uint_eq(len, strlen(texts[i]));
    }
}
END_TEST

START_TEST(defaults_stand_for_absent_members)
{
    assert_read(with(placed, ",\"currency\":\"EUR\"", ""));
    ck_assert_str_eq(event.data.order_placed.currency, "USD");
    assert_read(with(placed, "\"schema_version\":1,", ""));
    ck_assert_int_eq(event.schema_version, EVENT_SCHEMA_VERSION);
}
END_TEST

START_TEST(an_absent_cause_does_not_keep_the_one_of_the_event_before)
{
    assert_read(failed);
    ck_assert_str_eq(event.causation_id, EVENT_ID);
    assert_read(placed);
    ck_assert_str_eq(event.causation_id, "");
}
END_TEST

START_TEST(unknown_members_are_ignored_at_every_level)
{
    assert_read(
        with(placed, "{\"event_id\"", "{\"a\":{\"event_id\":null,\"b\":[1e999]},\"event_id\""));
    assert_read(with(placed, "\"data\":{", "\"data\":{\"order_id \":1,\"note\":\"\\u0000\","));
    assert_read(with(placed, "\"quantity\":2", "\"quantity\":2,\"quantity\\u0000\":3"));
    ck_assert_int_eq(event.data.order_placed.items[0].quantity, 2);
}
END_TEST

START_TEST(a_missing_member_is_named)
{
    assert_refused(with(placed, "\"event_id\":\"" EVENT_ID "\",", ""), "/event_id: is missing");
    assert_refused(with(placed, "\"event_type\":\"OrderPlaced\",", ""), "/event_type: is missing");
    assert_refused(with(placed, ",\"unit_price\":5.00", ""),
                   "/data/items/1/unit_price: is missing");
    assert_refused("{\"event_type\":\"OrderPlaced\"}", "/event_id: is missing");
}
END_TEST

START_TEST(the_line_says_what_was_expected)
{
    assert_refused(with(placed, "\"quantity\":2", "\"quantity\":0"),
                   "/data/items/0/quantity: must be an integer 1..10000");
    assert_refused(with(placed, "19.99", "19.999"),
                   "/data/items/0/unit_price: must be an amount 0.00..1000000.00 with at most two");
    assert_refused(with(placed, "EUR", "JPY"), "/data/currency: must be one of USD EUR GBP");
    assert_refused(with(placed, "customer-1", "customer 1"),
                   "/data/customer_id: must be a text of 1..64 characters of [A-Za-z0-9._:-]");
    assert_refused(with(placed, "37.123Z", "37Z"), "/timestamp: must be a UTC time as 2026-");
}
END_TEST

START_TEST(values_of_another_type_are_refused)
{
    static const char *const values[] = {"null", "true", "{}", "[]", "\"2\"", "\"\"", "2.5"};
    char member[64];

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        snprintf(member, sizeof(member), "\"quantity\":%s", values[i]);
        assert_refused(with(placed, "\"quantity\":2", member), "/data/items/0/quantity: must be");
    }
    assert_refused(with(placed, "\"customer-1\"", "7"), "/data/customer_id: must be");
    assert_refused(with(placed, "\"2026-11-24T16:15:37.123Z\"", "1"), "/timestamp: must be");
    assert_refused(with(placed, "\"OrderPlaced\"", "7"), "/event_type: must be");
    assert_refused("[]", "must be an object");
    assert_refused("null", "must be an object");
}
END_TEST

START_TEST(an_integer_may_be_written_as_json_schema_allows)
{
    assert_read(with(placed, "\"quantity\":2", "\"quantity\":2.0"));
    ck_assert_int_eq(event.data.order_placed.items[0].quantity, 2);
    assert_read(with(placed, "\"quantity\":2", "\"quantity\":2e3"));
    ck_assert_int_eq(event.data.order_placed.items[0].quantity, 2000);
}
END_TEST

START_TEST(uuids_are_canonical_and_lower_case)
{
    assert_refused(with(placed, EVENT_ID, "B2A7C9D0-3E4F-5A6B-8C7D-9E0F1A2B3C4D"),
                   "/event_id: must");
    assert_refused(with(placed, EVENT_ID, "b2a7c9d03e4f5a6b8c7d9e0f1a2b3c4d"), "/event_id: must");
    assert_refused(with(placed, EVENT_ID, EVENT_ID "0"), "/event_id: must");
    assert_refused(with(failed, "\"causation_id\":\"" EVENT_ID "\"", "\"causation_id\":\"\""),
                   "/causation_id: must be a lower-case UUID");
}
END_TEST

START_TEST(a_member_that_stands_twice_is_refused)
{
    assert_refused(with(placed, "\"quantity\":2", "\"quantity\":2,\"quantity\":2"),
                   "/data/items/0/quantity: stands there twice");
    assert_refused(with(placed, "\"data\":", "\"d\\u0061ta\":{},\"data\":"), "/data: stands there");
    assert_refused(with(placed, "\"data\":{", "\"data\":{\"x/~y\":1,\"x/~y\":2,"),
                   "/data/x~1~0y: stands there twice");
    assert_refused(with(placed, "{\"event_id\"", "{\"event_type\":\"Other\",\"event_id\""),
                   "/event_type: stands there twice");
}
END_TEST

START_TEST(a_foreign_name_is_cut_in_the_line)
{
    char name[400];

    memset(name, 'n', sizeof(name));
    snprintf(text + TEXT_SIZE / 2, 1000, "\"data\":{\"%.300s\":1,\"%.300s\":2,", name, name);
    snprintf(name, sizeof(name), "/data/%.64s: stands",
             "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
             "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
    assert_refused(with(placed, "\"data\":{", text + TEXT_SIZE / 2), name);
}
END_TEST

START_TEST(an_object_has_a_bounded_number_of_members)
{
    char members[1024] = "\"data\":{";

    for (int i = 0; i < 28; i++)
        snprintf(members + strlen(members), 20, "\"m%d\":%d,", i, i);
    assert_refused(with(placed, "\"data\":{", members), "/data: must have at most 32 members");
}
END_TEST

START_TEST(an_unknown_event_type_is_told_apart)
{
    const char *json = with(failed, "PaymentFailed", "PaymentPostponed");

    ck_assert_int_eq(event_decode(codec, json, strlen(json), &event, &err), -ENOTSUP);
    ck_assert_str_eq(err.text, "/event_type: is not known here: PaymentPostponed");
    ck_assert_int_eq(event_decode(codec, "{\"event_type\":\"X\"}", 18, &event, &err), -ENOTSUP);
}
END_TEST

START_TEST(what_is_not_json_is_refused_with_its_place)
{
    assert_refused("", "not JSON: ");
    assert_refused("{\"event_type\":}", "not JSON: ");
    ck_assert_ptr_nonnull(strstr(err.text, "at byte 14"));
    assert_refused(with(placed, "}}", "}}x"), "not JSON: ");
    assert_refused(with(placed, "}}", "},}"), "not JSON: ");
    assert_refused(with(placed, "\"quantity\":2", "\"quantity\":02"), "not JSON: ");
    assert_refused(with(placed, "\"quantity\":2", "\"quantity\":NaN"), "not JSON: ");
}
END_TEST

START_TEST(texts_must_be_utf_8)
{
    static const char *const bad[] = {"\xff",     "\xc0\xaf", "\xed\xa0\x80",  "\xf4\x90\x80\x80",
                                      "\xe2\x82", "\\ud83d",  "\\udc00\\ud800"};

    assert_read(with(failed, "payment_declined", "\xf0\x9f\x92\xb3 \\ud83d\\udcb3"));
    ck_assert_str_eq(event.data.payment_failed.reason, "\xf0\x9f\x92\xb3 \xf0\x9f\x92\xb3");
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_refused(with(failed, "payment_declined", bad[i]), "not JSON: ");
}
END_TEST

START_TEST(a_text_has_no_control_characters)
{
    assert_refused(with(failed, "payment_declined", "a\\u0000b"), "/data/reason: must be");
    assert_refused(with(failed, "payment_declined", "a\\nb"), "/data/reason: must be");
    assert_refused(with(failed, "payment_declined", "\\u007f"), "/data/reason: must be");
}
END_TEST

START_TEST(texts_are_measured_in_characters)
{
    char reason[4 * 201 + 1] = "";

    for (int i = 0; i < 200; i++)
        strcat(reason, "\xf0\x9f\x92\xb3");
    assert_read(with(failed, "payment_declined", reason));
    ck_assert_uint_eq(strlen(event.data.payment_failed.reason), 800);
    strcat(reason, "a");
    assert_refused(with(failed, "payment_declined", reason), "/data/reason: must be a text of");
}
END_TEST

START_TEST(more_bytes_than_the_bound_are_refused_unseen)
{
    size_t len = strlen(placed);

    memcpy(text, placed, len);
    memset(text + len, ' ', TEXT_SIZE - len);
    ck_assert_int_eq(event_decode(codec, text, EVENT_BYTES_MAX, &event, &err), 0);
    ck_assert_int_eq(event_decode(codec, text, EVENT_BYTES_MAX + 1, &event, &err), -EBADMSG);
    ck_assert_str_eq(err.text, "larger than 65536 bytes");
}
END_TEST

START_TEST(deep_nesting_is_refused_and_brackets_in_texts_do_not_count)
{
    assert_read(with(placed, "\"data\":", "\"a\":[[[[[[[]]]]]]],\"data\":"));
    assert_refused(with(placed, "\"data\":", "\"a\":[[[[[[[[]]]]]]]],\"data\":"), "nested deeper");
    assert_read(with(placed, "\"data\":", "\"a\":\"[[[[[[\\\\\\\"[[[[[[\\\\\",\"data\":"));
    memset(text, '[', EVENT_BYTES_MAX);
    text[EVENT_BYTES_MAX] = '\0';
    assert_refused(text, "nested deeper than 8 levels");
}
END_TEST

START_TEST(the_worst_document_within_the_bounds_fits_the_buffer)
{
    char *p = text;

    p += sprintf(p, "{\"event_type\":\"X\",\"a\":[1");
    while (p < text + EVENT_BYTES_MAX - 2)
        p += sprintf(p, ",1");
    sprintf(p, "]}");
    ck_assert_int_eq(event_decode(codec, text, strlen(text), &event, &err), -ENOTSUP);
}
END_TEST

START_TEST(the_largest_event_can_be_written)
{
    struct order_placed *data = &event.data.order_placed;
    const char *json;
    size_t len;

    assert_read(placed);
    data->item_count = ITEMS_MAX;
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        memset(data->items[i].product_id, 'p', PRODUCT_ID_SIZE - 1);
        data->items[i].product_id[PRODUCT_ID_SIZE - 1] = '\0';
        data->items[i].quantity = ORDERED_QUANTITY_MAX;
        data->items[i].unit_price_minor = UNIT_PRICE_MINOR_MAX;
    }
    ck_assert_int_eq(event_encode(codec, &event, &json, &len, &err), 0);
    ck_assert_uint_lt(len, EVENT_BYTES_MAX / 2);
}
END_TEST

START_TEST(an_invalid_event_is_not_written)
{
    assert_read(placed);
    event.data.order_placed.items[1].quantity = 10001;
    assert_not_written("/data/items/1/quantity: must be an integer 1..10000");
    event.data.order_placed.item_count = 0;
    assert_not_written("/data/items: must be an array of 1..100 objects");
    event.data.order_placed.item_count = SIZE_MAX;
    assert_not_written("/data/items: must be");
    memset(event.data.order_placed.customer_id, 'c', CUSTOMER_ID_SIZE);
    assert_not_written("/data/customer_id: must be");
    event.data.order_placed.order_id[0] = 'A';
    assert_not_written("/data/order_id: must be a lower-case UUID");
    event.schema_version = 0;
    assert_not_written("/schema_version: must be");
    event.timestamp_ms = -1;
    assert_not_written("/timestamp: must be");
    event.type = EVENT_NONE;
    assert_not_written("/event_type: must be");
    event.type = EVENT_TYPE_COUNT;
    assert_not_written("/event_type: must be");
}
END_TEST

START_TEST(a_text_that_is_not_utf_8_is_not_written)
{
    assert_read(failed);
    strcpy(event.data.payment_failed.reason, "caf\xe9");
    assert_not_written("/data/reason: must be");
    strcpy(event.data.payment_failed.reason, "two\nlines");
    assert_not_written("/data/reason: must be");
    strcpy(event.data.payment_failed.reason, "");
    assert_not_written("/data/reason: must be");
}
END_TEST

START_TEST(the_error_line_is_optional)
{
    ck_assert_int_eq(event_decode(codec, "{}", 2, &event, NULL), -EBADMSG);
    ck_assert_int_eq(event_encode(codec, &event, NULL, NULL, NULL), -EINVAL);
}
END_TEST

static TCase *reading(void)
{
    TCase *tcase = tcase_create("reading");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, every_member_of_an_event_is_read);
    tcase_add_test(tcase, defaults_stand_for_absent_members);
    tcase_add_test(tcase, an_absent_cause_does_not_keep_the_one_of_the_event_before);
    tcase_add_test(tcase, unknown_members_are_ignored_at_every_level);
    tcase_add_test(tcase, a_missing_member_is_named);
    tcase_add_test(tcase, the_line_says_what_was_expected);
    tcase_add_test(tcase, values_of_another_type_are_refused);
    tcase_add_test(tcase, an_integer_may_be_written_as_json_schema_allows);
    tcase_add_test(tcase, uuids_are_canonical_and_lower_case);
    tcase_add_test(tcase, a_member_that_stands_twice_is_refused);
    tcase_add_test(tcase, a_foreign_name_is_cut_in_the_line);
    tcase_add_test(tcase, an_object_has_a_bounded_number_of_members);
    tcase_add_test(tcase, an_unknown_event_type_is_told_apart);
    tcase_add_test(tcase, what_is_not_json_is_refused_with_its_place);
    tcase_add_test(tcase, texts_must_be_utf_8);
    tcase_add_test(tcase, a_text_has_no_control_characters);
    tcase_add_test(tcase, texts_are_measured_in_characters);
    tcase_add_test(tcase, more_bytes_than_the_bound_are_refused_unseen);
    tcase_add_test(tcase, deep_nesting_is_refused_and_brackets_in_texts_do_not_count);
    tcase_add_test(tcase, the_worst_document_within_the_bounds_fits_the_buffer);
    tcase_add_test(tcase, the_error_line_is_optional);
    return tcase;
}

static TCase *writing(void)
{
    TCase *tcase = tcase_create("writing");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, what_is_read_is_written_as_it_was);
    tcase_add_test(tcase, the_largest_event_can_be_written);
    tcase_add_test(tcase, an_invalid_event_is_not_written);
    tcase_add_test(tcase, a_text_that_is_not_utf_8_is_not_written);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("codec");

    suite_add_tcase(suite, reading());
    suite_add_tcase(suite, writing());
    return suite_main(suite);
}
