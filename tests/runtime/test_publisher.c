/*
 * test_publisher.c - one transactional producer against a mock cluster: what each call returns, and
 * what it says about itself.
 */
#include "common/kafka/publisher.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/dead_letter.h"
#include "tests/runtime/await.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/wire.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
#define PARTITIONS 2
#define LEDGER "t.payments"
#define DEAD_LETTERS "t.payment.dead-letters"
#define FENCE_MS 2000
/* It takes 2 ms; with a topic that is not known yet it would be a second. */
#define FIRST_COMMIT_MS_MAX 500
#define FREE_MS_MAX 500
#define RECONNECT_MS_MAX 10000
/* Larger than the queue of a producer, queue.buffering.max.kbytes in client.c. */
#define BIG_RECORDS 48
#define BIG_BYTES ((size_t)1 << 20)

static struct mock_cluster cluster;
static struct wire wire;
static struct kafka_config kafka;
static struct publisher *publisher;
static struct codec *codec;
static struct event event;
static struct error err;

static void setup(void)
{
    mock_cluster_start(&cluster, 1);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_PAYMENTS, PARTITIONS);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_PAYMENT_DEAD_LETTERS, 1);
    kafka = (struct kafka_config){mock_cluster_address(&cluster), "", "t.", "payment-0"};
    wire_open(&wire, mock_cluster_address(&cluster));
    ck_assert_int_eq(codec_new(&codec, &err), 0);
}

static void teardown(void)
{
    publisher_free(publisher);
    codec_free(codec);
    wire_close(&wire);
}

static void make(void)
{
    static const enum topic ledgers[] = {TOPIC_PAYMENTS};
    const struct publisher_config config = {
        .kafka = &kafka,
        .transactional_id = "t.payment-0",
        .source = "order-saga/payment",
        .ledgers = ledgers,
        .ledger_count = 1,
        .dead_letters = TOPIC_PAYMENT_DEAD_LETTERS,
    };

    ck_assert_msg(publisher_new(&config, &publisher, &err) == 0, "%s", err.text);
}

static void make_and_fence(void)
{
    make();
    ck_assert_msg(publisher_fence(publisher, FENCE_MS, &err) == 0, "%s", err.text);
}

static int send_number(size_t number)
{
    sample_payment_failed(&event, number, "payment_declined");
    return publisher_send(publisher, codec, &event, LEDGER, "", &err);
}

static int commit(void)
{
    return publisher_commit(publisher, NULL, NULL, 5000, &err);
}

static void send_and_commit(size_t number)
{
    ck_assert_msg(send_number(number) == 0, "%s", err.text);
    ck_assert_msg(commit() == 0, "%s", err.text);
}

START_TEST(what_was_committed_is_in_the_topic)
{
    rd_kafka_message_t *message;

    make_and_fence();
    send_and_commit(1);
    wire_read(&wire, LEDGER, PARTITIONS);
    message = wire_receive(&wire);
    ck_assert_str_eq(wire_header(message, "ce_source"), "order-saga/payment");
    ck_assert_str_eq(wire_header(message, "ce_id"), event.event_id);
    rd_kafka_message_destroy(message);
}
END_TEST

START_TEST(the_first_commit_does_not_wait_for_a_topic_to_be_known)
{
    int64_t start_ms;

    make_and_fence();
    start_ms = clock_monotonic_ms();
    send_and_commit(1);
    ck_assert_int_lt(clock_monotonic_ms() - start_ms, FIRST_COMMIT_MS_MAX);
}
END_TEST

START_TEST(freeing_does_not_wait)
{
    int64_t start_ms;

    make_and_fence();
    send_and_commit(1);
    ck_assert_int_eq(send_number(2), 0); /* and is left open */
    start_ms = clock_monotonic_ms();
    publisher_free(TAKE_PTR(publisher));
    ck_assert_int_lt(clock_monotonic_ms() - start_ms, FREE_MS_MAX);
}
END_TEST

START_TEST(a_transaction_begins_with_the_first_event_and_ends_with_the_commit)
{
    make_and_fence();
    ck_assert(!publisher_has_transaction(publisher));
    ck_assert_int_eq(send_number(1), 0);
    ck_assert(publisher_has_transaction(publisher));
    ck_assert_int_eq(commit(), 0);
    ck_assert(!publisher_has_transaction(publisher));
}
END_TEST

START_TEST(a_commit_of_nothing_asks_the_broker_nothing)
{
    make_and_fence();
    ck_assert_int_eq(commit(), 0);
    ck_assert_uint_eq(mock_cluster_requests(&cluster, API_END_TRANSACTION), 0);
    ck_assert(!publisher_is_doubtful(publisher));
}
END_TEST

START_TEST(positions_are_one_behind_the_last_own_event)
{
    char key[UUID_SIZE];
    int32_t partition;

    sample_key(1, key);
    partition = rd_kafka_msg_partitioner_murmur2(NULL, key, strlen(key), PARTITIONS, NULL, NULL);
    make_and_fence();
    ck_assert_int_eq(publisher_position(publisher, 0, partition), -1);
    send_and_commit(1);
    ck_assert_int_eq(publisher_position(publisher, 0, partition), 1);
    ck_assert_int_eq(send_number(1), 0);
    send_and_commit(1);
    ck_assert_int_eq(publisher_position(publisher, 0, partition), 3);
    ck_assert_int_eq(publisher_position(publisher, 0, 1 - partition), -1);
}
END_TEST

START_TEST(an_event_that_breaks_its_schema_is_refused_and_harms_nothing)
{
    make_and_fence();
    sample_payment_failed(&event, 1, "");
    ck_assert_int_eq(publisher_send(publisher, codec, &event, LEDGER, "", &err), -EINVAL);
    send_and_commit(1);
}
END_TEST

START_TEST(fencing_without_a_coordinator_times_out_and_may_be_tried_again)
{
    int64_t start_ms = clock_monotonic_ms();

    make();
    mock_cluster_fail(&cluster, API_INIT_PRODUCER_ID,
                      RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, 1000);
    ck_assert_int_eq(publisher_fence(publisher, 500, &err), -ETIMEDOUT);
    ck_assert_msg(strncmp(err.text, "cannot fence: ", 14) == 0, "%s", err.text);
    ck_assert_int_lt(clock_monotonic_ms() - start_ms, FENCE_MS);
    mock_cluster_heal(&cluster, API_INIT_PRODUCER_ID);
    ck_assert_msg(publisher_fence(publisher, FENCE_MS, &err) == 0, "%s", err.text);
    send_and_commit(1);
}
END_TEST

START_TEST(fencing_without_a_broker_times_out)
{
    kafka.bootstrap_servers = "127.0.0.1:1";
    make();
    ck_assert_int_eq(publisher_fence(publisher, 500, &err), -ETIMEDOUT);
}
END_TEST

START_TEST(whoever_was_fenced_is_told_so_at_the_commit)
{
    make_and_fence();
    mock_cluster_fail(&cluster, API_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1);
    ck_assert_int_eq(send_number(1), 0);
    ck_assert_int_eq(commit(), -EPERM);
    ck_assert_msg(strstr(err.text, "fenced") != NULL, "%s", err.text);
}
END_TEST

START_TEST(whoever_is_not_allowed_to_write_is_told_so_at_the_commit)
{
    make_and_fence();
    mock_cluster_fail(&cluster, API_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 1);
    ck_assert_int_eq(send_number(1), 0);
    ck_assert_int_eq(commit(), -EIO);
    ck_assert_str_ne(err.text, "");
}
END_TEST

START_TEST(a_quiet_commit_is_not_doubtful)
{
    make_and_fence();
    for (size_t i = 0; i < 10; i++)
        send_and_commit(i);
    ck_assert(!publisher_is_doubtful(publisher));
}
END_TEST

/* The commit is tried again and succeeds, but the first EndTxn may still be on its way. */
START_TEST(a_connection_that_is_cut_during_a_commit_makes_the_publisher_doubtful)
{
    make_and_fence();
    send_and_commit(1);
    mock_cluster_fail(&cluster, API_END_TRANSACTION, RD_KAFKA_RESP_ERR__TRANSPORT, 1);
    send_and_commit(2);
    ck_assert_uint_eq(mock_cluster_requests(&cluster, API_END_TRANSACTION), 3);
    ck_assert(publisher_is_doubtful(publisher));
}
END_TEST

START_TEST(a_connection_that_was_cut_before_the_commit_is_no_doubt)
{
    size_t produced;

    make_and_fence();
    send_and_commit(1);
    produced = mock_cluster_requests(&cluster, API_PRODUCE);
    mock_cluster_set_down(&cluster);
    mock_cluster_set_up(&cluster);
    ck_assert_int_eq(send_number(2), 0);
    AWAIT(mock_cluster_requests(&cluster, API_PRODUCE) > produced, RECONNECT_MS_MAX);
    ck_assert_int_eq(commit(), 0);
    ck_assert(!publisher_is_doubtful(publisher));
}
END_TEST

static rd_kafka_message_t *refused_record(const char *key, const char *value, size_t value_len)
{
    wire_send(&wire, (struct wire_record){.topic = LEDGER,
                                          .partition = 1,
                                          .key = key,
                                          .key_len = key != NULL ? strlen(key) : 0,
                                          .value = value,
                                          .value_len = value_len});
    wire_read(&wire, LEDGER, PARTITIONS);
    return wire_receive(&wire);
}

static void bury(const rd_kafka_message_t *record)
{
    int r = publisher_send_record(publisher, DEAD_LETTERS, record,
                                  dead_letter_headers(record, "payment", "no event"), &err);

    ck_assert_msg(r == 0, "%s", err.text);
}

static const struct {
    const char *key, *value;
    size_t value_len;
} refused[] = {
    {"k", "no event", 8}, {"", "", 0}, {NULL, NULL, 0}, {NULL, "\0\xff\n", 3}, {"k", NULL, 0},
};

START_TEST(a_dead_letter_is_the_record_byte_for_byte)
{
    rd_kafka_message_t *record =
        refused_record(refused[_i].key, refused[_i].value, refused[_i].value_len);
    rd_kafka_message_t *letter;

    make_and_fence();
    bury(record);
    ck_assert_int_eq(commit(), 0);
    wire_read(&wire, DEAD_LETTERS, 1);
    letter = wire_receive(&wire);
    ck_assert_uint_eq(letter->key_len, record->key_len);
    ck_assert_int_eq(letter->key == NULL, record->key == NULL);
    ck_assert_uint_eq(letter->len, record->len);
    ck_assert_int_eq(letter->payload == NULL, record->payload == NULL);
    ck_assert(letter->len == 0 || memcmp(letter->payload, record->payload, letter->len) == 0);
    ck_assert_str_eq(wire_header(letter, "dead_letter_cause"), "no event");
    rd_kafka_message_destroy(letter);
    rd_kafka_message_destroy(record);
}
END_TEST

/* A batch of large refused records waits for the queue, as events do; it must not fail for ever. */
START_TEST(more_dead_letters_than_the_queue_holds_wait_for_it)
{
    static char value[BIG_BYTES];
    rd_kafka_message_t *record;

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (char)('a' + (i * i / 7 + i) % 23); /* does not shrink to nothing */
    record = refused_record("k", value, 1000);
    record->payload = value;
    record->len = sizeof(value);
    make_and_fence();
    mock_cluster_delay(&cluster, 1, API_PRODUCE, 300, 4);
    for (int i = 0; i < BIG_RECORDS; i++)
        bury(record);
    ck_assert_msg(commit() == 0, "%s", err.text);
    rd_kafka_message_destroy(record);
}
END_TEST

START_TEST(a_setting_that_the_library_refuses_is_an_error_line)
{
    static const enum topic ledgers[] = {TOPIC_PAYMENTS};
    const struct publisher_config config = {.kafka = &kafka,
                                            .transactional_id = "t",
                                            .source = "s",
                                            .ledgers = ledgers,
                                            .ledger_count = 1,
                                            .dead_letters = TOPIC_PAYMENT_DEAD_LETTERS};

    kafka.properties_file = "/nowhere";
    ck_assert_int_eq(publisher_new(&config, &publisher, &err), -ENOENT);
    ck_assert_ptr_null(publisher);
}
END_TEST

static TCase *calls_case(void)
{
    TCase *tests = tcase_create("calls");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, what_was_committed_is_in_the_topic);
    tcase_add_test(tests, the_first_commit_does_not_wait_for_a_topic_to_be_known);
    tcase_add_test(tests, freeing_does_not_wait);
    tcase_add_test(tests, a_transaction_begins_with_the_first_event_and_ends_with_the_commit);
    tcase_add_test(tests, a_commit_of_nothing_asks_the_broker_nothing);
    tcase_add_test(tests, positions_are_one_behind_the_last_own_event);
    tcase_add_test(tests, an_event_that_breaks_its_schema_is_refused_and_harms_nothing);
    tcase_add_loop_test(tests, a_dead_letter_is_the_record_byte_for_byte, 0, ARRAY_LEN(refused));
    tcase_add_test(tests, more_dead_letters_than_the_queue_holds_wait_for_it);
    return tests;
}

static TCase *errors_case(void)
{
    TCase *tests = tcase_create("errors");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, fencing_without_a_coordinator_times_out_and_may_be_tried_again);
    tcase_add_test(tests, fencing_without_a_broker_times_out);
    tcase_add_test(tests, whoever_was_fenced_is_told_so_at_the_commit);
    tcase_add_test(tests, whoever_is_not_allowed_to_write_is_told_so_at_the_commit);
    tcase_add_test(tests, a_quiet_commit_is_not_doubtful);
    tcase_add_test(tests, a_connection_that_is_cut_during_a_commit_makes_the_publisher_doubtful);
    tcase_add_test(tests, a_connection_that_was_cut_before_the_commit_is_no_doubt);
    tcase_add_test(tests, a_setting_that_the_library_refuses_is_an_error_line);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("publisher");

    suite_add_tcase(suite, calls_case());
    suite_add_tcase(suite, errors_case());
    return suite_main(suite);
}
