/* test_dead_letter.c - what a refused record carries to the dead-letter topic. */
#include "common/kafka/dead_letter.h"

#include <string.h>

#include "suite.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/wire.h"

#define TOPIC "t.payments"

static struct mock_cluster cluster;
static struct wire wire;
static rd_kafka_message_t *record;
static rd_kafka_headers_t *headers;

static void setup(void)
{
    mock_cluster_start(&cluster, 1);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_PAYMENTS, 3);
    wire_open(&wire, mock_cluster_address(&cluster));
    wire_read(&wire, TOPIC, 3);
}

static void teardown(void)
{
    if (headers != NULL)
        rd_kafka_headers_destroy(headers);
    if (record != NULL)
        rd_kafka_message_destroy(record);
    wire_close(&wire);
}

static void receive(rd_kafka_headers_t *original)
{
    wire_send(&wire, (struct wire_record){TOPIC, 2, "k", "v", 1, 1, original});
    record = wire_receive(&wire);
}

/* The header of that name as text; `index` counts those of the same name. */
static const char *nth(const char *name, size_t index)
{
    static char text[2 * DEAD_LETTER_CAUSE_MAX];
    const void *value;
    size_t len;

    ck_assert_msg(rd_kafka_header_get(headers, index, name, &value, &len) ==
                      RD_KAFKA_RESP_ERR_NO_ERROR,
                  "no header %zu named %s", index, name);
    ck_assert_uint_lt(len, sizeof(text));
    memcpy(text, value, len);
    text[len] = '\0';
    return text;
}

static const char *header(const char *name)
{
    return nth(name, 0);
}

START_TEST(five_headers_say_why_and_where_from)
{
    receive(NULL);
    headers = dead_letter_headers(record, "inventory", "/data/items: missing");
    ck_assert_str_eq(header("dead_letter_cause"), "/data/items: missing");
    ck_assert_str_eq(header("dead_letter_topic"), TOPIC);
    ck_assert_str_eq(header("dead_letter_partition"), "2");
    ck_assert_str_eq(header("dead_letter_offset"), "0");
    ck_assert_str_eq(header("dead_letter_service"), "inventory");
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 5);
}
END_TEST

START_TEST(the_offset_is_that_of_the_record)
{
    receive(NULL);
    rd_kafka_message_destroy(record);
    receive(NULL);
    headers = dead_letter_headers(record, "inventory", "x");
    ck_assert_str_eq(header("dead_letter_offset"), "1");
}
END_TEST

START_TEST(the_original_headers_are_kept_in_their_order)
{
    rd_kafka_headers_t *original = rd_kafka_headers_new(4);
    const char *name;
    const void *value;
    size_t len;

    rd_kafka_header_add(original, "ce_type", -1, "PaymentFailed", -1);
    rd_kafka_header_add(original, "binary", -1, "\0\xff\n", 3);
    rd_kafka_header_add(original, "null", -1, NULL, 0);
    rd_kafka_header_add(original, "ce_type", -1, "again", -1);
    receive(original);
    headers = dead_letter_headers(record, "inventory", "x");
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 9);
    ck_assert_str_eq(nth("ce_type", 0), "PaymentFailed");
    ck_assert_str_eq(nth("ce_type", 1), "again");
    rd_kafka_header_get_all(headers, 1, &name, &value, &len);
    ck_assert_str_eq(name, "binary");
    ck_assert_uint_eq(len, 3);
    ck_assert_int_eq(memcmp(value, "\0\xff\n", 3), 0);
    rd_kafka_header_get_all(headers, 2, &name, &value, &len);
    ck_assert_str_eq(name, "null");
    ck_assert_ptr_null(value);
}
END_TEST

START_TEST(the_headers_of_the_record_itself_stay_as_they_are)
{
    rd_kafka_headers_t *original = rd_kafka_headers_new(1);

    rd_kafka_header_add(original, "a", -1, "1", -1);
    receive(original);
    headers = dead_letter_headers(record, "inventory", "x");
    ck_assert_int_eq(rd_kafka_message_headers(record, &original), RD_KAFKA_RESP_ERR_NO_ERROR);
    ck_assert_uint_eq(rd_kafka_header_cnt(original), 1);
}
END_TEST

/* A dead letter that was replayed and refused again says why this time, and which letter it was. */
START_TEST(a_second_refusal_takes_the_place_of_the_first)
{
    rd_kafka_headers_t *original = rd_kafka_headers_new(3);

    rd_kafka_header_add(original, "dead_letter_cause", -1, "first", -1);
    rd_kafka_header_add(original, "dead_letter_offset", -1, "77", -1);
    rd_kafka_header_add(original, "dead_letter_id", -1, "inventory/0/3", -1);
    receive(original);
    headers = dead_letter_headers(record, "inventory", "second");
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 6);
    ck_assert_str_eq(header("dead_letter_cause"), "second");
    ck_assert_str_eq(header("dead_letter_offset"), "0");
    ck_assert_str_eq(header("dead_letter_id"), "inventory/0/3");
}
END_TEST

/* --- what comes back -------------------------------------------------------------------------- */

static bool is_mark(const char *value, const char *name)
{
    rd_kafka_headers_t *original = rd_kafka_headers_new(1);
    bool result;

    rd_kafka_header_add(original, name, -1, "discarded", -1);
    wire_send(&wire, (struct wire_record){TOPIC, 2, "k", value, 1, value != NULL, original});
    record = wire_receive(&wire);
    result = dead_letter_is_mark(record);
    rd_kafka_message_destroy(record);
    record = NULL;
    return result;
}

START_TEST(a_mark_has_a_resolution_and_no_value)
{
    ck_assert(is_mark(NULL, "dead_letter_resolution"));
    ck_assert(!is_mark("v", "dead_letter_resolution"));
    ck_assert(!is_mark(NULL, "dead_letter_id"));
}
END_TEST

START_TEST(an_event_is_replayed_for_as_long_as_its_topic_would_keep_it)
{
    int64_t week_ms = topic_info(TOPIC_ORDERS)->retention_ms;
    struct event event;

    sample_order_placed(&event, 1);
    ck_assert_ptr_null(dead_letter_obstacle(&event, SAMPLE_MS));
    ck_assert_ptr_null(dead_letter_obstacle(&event, SAMPLE_MS + week_ms - 1));
    ck_assert_ptr_nonnull(strstr(dead_letter_obstacle(&event, SAMPLE_MS + week_ms), "older"));
    event.type = EVENT_ORDER_SUBMITTED;
    ck_assert_ptr_nonnull(strstr(dead_letter_obstacle(&event, SAMPLE_MS + week_ms - 1), "older"));
}
END_TEST

/* Its offset would be that of the replay: the level would take it for one that it has counted. */
START_TEST(a_receipt_is_never_decided_upon_as_a_replay)
{
    struct event event = {.type = EVENT_STOCK_RECEIVED, .timestamp_ms = SAMPLE_MS};

    ck_assert_ptr_nonnull(strstr(dead_letter_obstacle(&event, SAMPLE_MS), "its own topic"));
}
END_TEST

START_TEST(a_cause_is_cut_at_its_bound)
{
    char cause[DEAD_LETTER_CAUSE_MAX + 2];

    memset(cause, 'c', sizeof(cause));
    cause[DEAD_LETTER_CAUSE_MAX] = '\0';
    receive(NULL);
    headers = dead_letter_headers(record, "inventory", cause);
    ck_assert_str_eq(header("dead_letter_cause"), cause);
    rd_kafka_headers_destroy(headers);
    cause[DEAD_LETTER_CAUSE_MAX] = 'd';
    cause[DEAD_LETTER_CAUSE_MAX + 1] = '\0';
    headers = dead_letter_headers(record, "inventory", cause);
    ck_assert_uint_eq(strlen(header("dead_letter_cause")), DEAD_LETTER_CAUSE_MAX);
    ck_assert_ptr_null(strchr(header("dead_letter_cause"), 'd'));
}
END_TEST

START_TEST(an_empty_cause_is_an_empty_header)
{
    receive(NULL);
    headers = dead_letter_headers(record, "inventory", "");
    ck_assert_str_eq(header("dead_letter_cause"), "");
    ck_assert_uint_eq(rd_kafka_header_cnt(headers), 5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dead_letter");
    TCase *tests = tcase_create("dead_letter");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, five_headers_say_why_and_where_from);
    tcase_add_test(tests, the_offset_is_that_of_the_record);
    tcase_add_test(tests, the_original_headers_are_kept_in_their_order);
    tcase_add_test(tests, the_headers_of_the_record_itself_stay_as_they_are);
    tcase_add_test(tests, a_second_refusal_takes_the_place_of_the_first);
    tcase_add_test(tests, a_mark_has_a_resolution_and_no_value);
    tcase_add_test(tests, an_event_is_replayed_for_as_long_as_its_topic_would_keep_it);
    tcase_add_test(tests, a_receipt_is_never_decided_upon_as_a_replay);
    tcase_add_test(tests, a_cause_is_cut_at_its_bound);
    tcase_add_test(tests, an_empty_cause_is_an_empty_header);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}
