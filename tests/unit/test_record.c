/* test_record.c - events as Kafka records and back, over librdkafka's mock of a broker. */
#include "common/kafka/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/wire.h"

#define TOPIC "t.payments"
#define PARTITIONS 4
#define TRACEPARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static struct mock_cluster cluster;
static struct wire wire;
static struct codec *codec;
static struct event event, found;
static struct error err;
static bool wanted[EVENT_TYPE_COUNT];
static enum topic belongs;
static rd_kafka_message_t *message;

static void setup(void)
{
    mock_cluster_start(&cluster, 1);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_PAYMENTS, PARTITIONS);
    wire_open(&wire, mock_cluster_address(&cluster));
    wire_read(&wire, TOPIC, PARTITIONS);
    ck_assert_int_eq(codec_new(&codec, &err), 0);
    memset(wanted, 0, sizeof(wanted));
    wanted[EVENT_PAYMENT_FAILED] = wanted[EVENT_PAYMENT_PROCESSED] = true;
    belongs = TOPIC_PAYMENTS;
    memset(&found, 0, sizeof(found));
    err.text[0] = '\0';
}

static void teardown(void)
{
    if (message != NULL)
        rd_kafka_message_destroy(message);
    codec_free(codec);
    wire_close(&wire);
}

static void send_event(const char *traceparent)
{
    wire_send_event(&wire, TOPIC, &event, traceparent);
    message = wire_receive(&wire);
}

static void send_sample(void)
{
    sample_payment_failed(&event, 1, "payment_declined");
    send_event("");
}

static rd_kafka_headers_t *type_header(const char *type)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);

    rd_kafka_header_add(headers, "ce_type", -1, type, type != NULL ? -1 : 0);
    return headers;
}

/* The sample's own JSON and key, for records that are wrong in one thing. */
static struct wire_record sample_record(void)
{
    static char key[UUID_SIZE];
    struct wire_record record = {.topic = TOPIC, .partition = RD_KAFKA_PARTITION_UA, .key = key};

    sample_payment_failed(&event, 1, "payment_declined");
    sample_key(1, key);
    record.key_len = strlen(key);
    ck_assert_int_eq(event_encode(codec, &event, &record.value, &record.value_len, &err), 0);
    return record;
}

static enum record_verdict read_again(void)
{
    const struct record_place place = {belongs, PARTITIONS};

    return record_read(codec, message, wanted, &place, &found, &err);
}

static enum record_verdict send_and_read(struct wire_record record)
{
    wire_send(&wire, record);
    message = wire_receive(&wire);
    return read_again();
}

static void assert_refused(struct wire_record record, const char *part)
{
    ck_assert_int_eq(send_and_read(record), RECORD_REFUSED);
    ck_assert_msg(strstr(err.text, part) != NULL, "%s", err.text);
}

START_TEST(an_event_comes_back_as_it_was_sent)
{
    sample_payment_processed(&event, 1, 3);
    send_event("");
    ck_assert_int_eq(read_again(), RECORD_EVENT);
    ck_assert(event_equal(&found, &event));
}
END_TEST

START_TEST(the_largest_event_comes_back_as_it_was_sent)
{
    sample_payment_processed(&event, 1, ITEMS_MAX);
    send_event("");
    ck_assert_int_eq(read_again(), RECORD_EVENT);
    ck_assert(event_equal(&found, &event));
}
END_TEST

START_TEST(the_key_is_the_order_and_the_partition_is_that_of_java_clients)
{
    char key[UUID_SIZE];

    for (size_t i = 0; i < 16; i++) {
        sample_payment_failed(&event, i, "x");
        sample_key(i, key);
        send_event("");
        ck_assert_uint_eq(message->key_len, strlen(key));
        ck_assert_int_eq(memcmp(message->key, key, message->key_len), 0);
        ck_assert_int_eq(message->partition, rd_kafka_msg_partitioner_murmur2(
                                                 NULL, key, strlen(key), PARTITIONS, NULL, NULL));
        ck_assert_int_eq(read_again(), RECORD_EVENT);
        rd_kafka_message_destroy(message);
        message = NULL;
    }
}
END_TEST

START_TEST(the_headers_are_those_of_cloudevents)
{
    send_sample();
    ck_assert_str_eq(wire_header(message, "ce_specversion"), "1.0");
    ck_assert_str_eq(wire_header(message, "ce_id"), event.event_id);
    ck_assert_str_eq(wire_header(message, "ce_type"), "PaymentFailed");
    ck_assert_str_eq(wire_header(message, "ce_source"), "order-saga/test");
    ck_assert_str_eq(wire_header(message, "ce_time"), "2026-11-24T16:15:37.123Z");
    ck_assert_str_eq(wire_header(message, "content-type"), "application/json");
    ck_assert_str_eq(wire_header(message, "traceparent"), "-");
}
END_TEST

START_TEST(an_event_that_breaks_its_schema_is_not_sent)
{
    sample_payment_failed(&event, 1, "");
    ck_assert_int_eq(
        record_send(wire.producer, codec, &event, TOPIC, "order-saga/test", "", NULL, &err),
        -EINVAL);
    ck_assert_msg(strstr(err.text, "PaymentFailed: /data/reason") != NULL, "%s", err.text);
    ck_assert_int_eq(rd_kafka_outq_len(wire.producer), 0);
}
END_TEST

START_TEST(a_type_that_is_not_wanted_is_skipped_by_its_header_without_a_look_at_the_json)
{
    struct wire_record record = sample_record();

    record.value = "{ no JSON at all";
    record.value_len = strlen(record.value);
    record.headers = type_header("PaymentRefunded");
    ck_assert_int_eq(send_and_read(record), RECORD_SKIPPED);
}
END_TEST

START_TEST(a_type_that_nobody_here_knows_is_skipped)
{
    struct wire_record record = sample_record();

    record.headers = type_header("PaymentPostponed");
    ck_assert_int_eq(send_and_read(record), RECORD_SKIPPED);
}
END_TEST

START_TEST(a_null_value_of_a_type_that_is_not_wanted_is_skipped)
{
    struct wire_record record = sample_record();

    record.value = NULL;
    record.value_len = 0;
    record.headers = type_header("PaymentRefunded");
    ck_assert_int_eq(send_and_read(record), RECORD_SKIPPED);
}
END_TEST

START_TEST(without_a_type_header_the_json_says_what_it_is)
{
    ck_assert_int_eq(send_and_read(sample_record()), RECORD_EVENT);
    ck_assert(event_equal(&found, &event));
}
END_TEST

START_TEST(a_type_header_of_null_is_as_none)
{
    struct wire_record record = sample_record();

    record.headers = type_header(NULL);
    ck_assert_int_eq(send_and_read(record), RECORD_EVENT);
}
END_TEST

START_TEST(without_a_type_header_a_type_that_is_not_wanted_is_skipped)
{
    wanted[EVENT_PAYMENT_FAILED] = false;
    ck_assert_int_eq(send_and_read(sample_record()), RECORD_SKIPPED);
}
END_TEST

START_TEST(without_a_type_header_a_type_that_nobody_here_knows_is_skipped)
{
    struct wire_record record = sample_record();

    record.value = "{\"event_type\":\"PaymentPostponed\"}";
    record.value_len = strlen(record.value);
    ck_assert_int_eq(send_and_read(record), RECORD_SKIPPED);
}
END_TEST

START_TEST(the_last_of_several_type_headers_counts)
{
    struct wire_record record = sample_record();

    record.headers = type_header("PaymentRefunded");
    rd_kafka_header_add(record.headers, "ce_type", -1, "PaymentFailed", -1);
    ck_assert_int_eq(send_and_read(record), RECORD_EVENT);
}
END_TEST

START_TEST(a_null_value_is_refused)
{
    struct wire_record record = sample_record();

    record.value = NULL;
    record.value_len = 0;
    record.headers = _i == 0 ? NULL : type_header("PaymentFailed");
    assert_refused(record, "null");
}
END_TEST

static const char *const no_events[] = {"",    "no JSON", "[]", "{", "{}", "{\"event_type\":7}",
                                        "\xff"};

START_TEST(what_is_no_event_is_refused)
{
    struct wire_record record = sample_record();

    record.value = no_events[_i];
    record.value_len = strlen(record.value);
    assert_refused(record, "");
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(what_is_no_event_is_refused_by_its_header_too)
{
    struct wire_record record = sample_record();

    record.value = no_events[_i];
    record.value_len = strlen(record.value);
    record.headers = type_header("PaymentFailed");
    assert_refused(record, "");
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(an_event_that_breaks_its_schema_is_refused_with_a_pointer)
{
    struct wire_record record = sample_record();
    char json[1024];

    snprintf(json, sizeof(json), "%s", record.value);
    *strstr(json, "payment_declined") = '\x01';
    record.value = json;
    record.headers = type_header("PaymentFailed");
    assert_refused(record, "");
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(a_record_whose_key_is_another_is_refused)
{
    struct wire_record record = sample_record();
    char key[UUID_SIZE];

    sample_key(2, key);
    record.key = key;
    assert_refused(record, "the record key is not 0193652f-8a31-7c04-9a5e-000000000001");
}
END_TEST

START_TEST(a_record_whose_key_only_begins_alike_is_refused)
{
    struct wire_record record = sample_record();

    record.key_len--;
    assert_refused(record, "the record key is not");
}
END_TEST

START_TEST(a_record_without_a_key_is_refused)
{
    struct wire_record record = sample_record();

    record.key = NULL;
    record.key_len = 0;
    assert_refused(record, "the record key is not");
}
END_TEST

START_TEST(a_record_in_the_wrong_partition_is_refused)
{
    struct wire_record record = sample_record();
    int32_t right =
        rd_kafka_msg_partitioner_murmur2(NULL, record.key, record.key_len, PARTITIONS, NULL, NULL);
    char part[64];

    record.partition = (right + 1) % PARTITIONS;
    snprintf(part, sizeof(part), "belongs to partition %d", (int)right);
    assert_refused(record, part);
}
END_TEST

START_TEST(an_event_is_refused_where_it_does_not_belong)
{
    belongs = TOPIC_SHIPMENTS;
    assert_refused(sample_record(), "PaymentFailed belongs to topic payments");
    belongs = TOPIC_NONE; /* a topic that takes the events of others */
    ck_assert_int_eq(read_again(), RECORD_EVENT);
}
END_TEST

START_TEST(a_header_that_says_another_type_than_the_json_is_refused)
{
    struct wire_record record = sample_record();

    record.headers = type_header("PaymentProcessed");
    ck_assert_int_eq(send_and_read(record), RECORD_REFUSED);
    ck_assert_msg(strstr(err.text, "the header says PaymentProcessed") != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_traceparent_is_passed_on)
{
    char copy[TRACEPARENT_SIZE];

    sample_payment_failed(&event, 1, "x");
    send_event(TRACEPARENT);
    ck_assert_str_eq(wire_header(message, "traceparent"), TRACEPARENT);
    record_traceparent(message, copy);
    ck_assert_str_eq(copy, TRACEPARENT);
}
END_TEST

START_TEST(no_traceparent_is_an_empty_one)
{
    char copy[TRACEPARENT_SIZE] = "x";

    send_sample();
    record_traceparent(message, copy);
    ck_assert_str_eq(copy, "");
}
END_TEST

static const char *const malformed[] = {
    "",
    "00",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7 01",
};

START_TEST(a_malformed_traceparent_is_dropped)
{
    struct wire_record record = sample_record();
    char copy[TRACEPARENT_SIZE] = "x";

    record.headers = type_header("PaymentFailed");
    rd_kafka_header_add(record.headers, "traceparent", -1, malformed[_i], -1);
    ck_assert_int_eq(send_and_read(record), RECORD_EVENT);
    record_traceparent(message, copy);
    ck_assert_str_eq(copy, "");
}
END_TEST

static TCase *sent_case(void)
{
    TCase *tests = tcase_create("sent");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, an_event_comes_back_as_it_was_sent);
    tcase_add_test(tests, the_largest_event_comes_back_as_it_was_sent);
    tcase_add_test(tests, the_key_is_the_order_and_the_partition_is_that_of_java_clients);
    tcase_add_test(tests, the_headers_are_those_of_cloudevents);
    tcase_add_test(tests, an_event_that_breaks_its_schema_is_not_sent);
    tcase_add_test(tests, a_traceparent_is_passed_on);
    tcase_add_test(tests, no_traceparent_is_an_empty_one);
    tcase_add_loop_test(tests, a_malformed_traceparent_is_dropped, 0, ARRAY_LEN(malformed));
    return tests;
}

static TCase *skipped_case(void)
{
    TCase *tests = tcase_create("skipped");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests,
                   a_type_that_is_not_wanted_is_skipped_by_its_header_without_a_look_at_the_json);
    tcase_add_test(tests, a_type_that_nobody_here_knows_is_skipped);
    tcase_add_test(tests, a_null_value_of_a_type_that_is_not_wanted_is_skipped);
    tcase_add_test(tests, without_a_type_header_the_json_says_what_it_is);
    tcase_add_test(tests, a_type_header_of_null_is_as_none);
    tcase_add_test(tests, without_a_type_header_a_type_that_is_not_wanted_is_skipped);
    tcase_add_test(tests, without_a_type_header_a_type_that_nobody_here_knows_is_skipped);
    tcase_add_test(tests, the_last_of_several_type_headers_counts);
    return tests;
}

static TCase *refused_case(void)
{
    TCase *tests = tcase_create("refused");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_loop_test(tests, a_null_value_is_refused, 0, 2);
    tcase_add_loop_test(tests, what_is_no_event_is_refused, 0, ARRAY_LEN(no_events));
    tcase_add_loop_test(tests, what_is_no_event_is_refused_by_its_header_too, 0,
                        ARRAY_LEN(no_events));
    tcase_add_test(tests, an_event_that_breaks_its_schema_is_refused_with_a_pointer);
    tcase_add_test(tests, a_record_whose_key_is_another_is_refused);
    tcase_add_test(tests, a_record_whose_key_only_begins_alike_is_refused);
    tcase_add_test(tests, a_record_without_a_key_is_refused);
    tcase_add_test(tests, a_record_in_the_wrong_partition_is_refused);
    tcase_add_test(tests, an_event_is_refused_where_it_does_not_belong);
    tcase_add_test(tests, a_header_that_says_another_type_than_the_json_is_refused);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("record");

    suite_add_tcase(suite, sent_case());
    suite_add_tcase(suite, skipped_case());
    suite_add_tcase(suite, refused_case());
    return suite_main(suite);
}
