/*
 * test_replays.c - dead letters that the operator gives back: decided upon as if they came from
 * their own topic, or refused once more. See tests/integration/test_dead_letters.py, too.
 */
#include <string.h>

#include "common/base/clock.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
#define LETTER_ID "payment/0/7"
#define DAY_MS INT64_C(86400000)
/* So many orders are in both partitions. */
#define SOME 8

static rd_kafka_headers_t *replay_headers(void)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);

    rd_kafka_header_add(headers, "ce_type", -1, "OrderPlaced", -1);
    rd_kafka_header_add(headers, "dead_letter_id", -1, LETTER_ID, -1);
    return headers;
}

static void replay_event(const struct event *event)
{
    const char *json;
    size_t len;

    ck_assert_int_eq(event_encode(scene_wire()->codec, event, &json, &len, NULL), 0);
    wire_send(scene_wire(),
              (struct wire_record){SCENE_REPLAYS, RD_KAFKA_PARTITION_UA, event_key(event), json,
                                   strlen(event_key(event)), len, replay_headers()});
}

/* Order number `number`, of now: samples are of a day that will be long ago. */
static void replay_order(size_t number)
{
    struct event event;

    sample_order_placed(&event, number);
    event.timestamp_ms = clock_utc_ms();
    replay_event(&event);
}

static void own(void)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
}

/* Orders that are replayed now are answered, after all that was sent before. */
static void assert_goes_on(size_t first)
{
    for (size_t i = first; i < first + SOME; i++)
        replay_order(i);
    for (size_t i = first; i < first + SOME; i++)
        scene_await_answer(i);
}

static size_t transactions(void)
{
    return mock_cluster_requests(scene_cluster(), API_END_TRANSACTION);
}

static rd_kafka_message_t *next_dead_letter(void)
{
    wire_read(scene_wire(), SCENE_DEAD_LETTERS, 1);
    return wire_receive(scene_wire());
}

START_TEST(a_replayed_order_is_answered_once)
{
    own();
    replay_order(1);
    replay_order(1);
    assert_goes_on(2);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 1);
}
END_TEST

START_TEST(what_has_its_answer_gets_no_other_when_it_is_replayed)
{
    own();
    scene_order(1);
    replay_order(1);
    assert_goes_on(2);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 1);
}
END_TEST

START_TEST(a_replay_moves_a_bookmark_of_its_own)
{
    own();
    assert_goes_on(1);
    scene_stop();
    ck_assert_uint_ge(mock_cluster_requests(scene_cluster(), API_OFFSETS_IN_TRANSACTION), 1);
}
END_TEST

START_TEST(what_is_refused_again_is_a_dead_letter_again_that_names_its_ancestor)
{
    struct event event;
    rd_kafka_message_t *letter;

    own();
    sample_order_placed(&event, 1);
    event.timestamp_ms = clock_utc_ms();
    strcpy(event.data.order_placed.customer_id, SCENE_IMPOSSIBLE);
    replay_event(&event);
    letter = next_dead_letter();
    ck_assert_str_eq(wire_header(letter, "dead_letter_cause"), "this customer is impossible");
    ck_assert_str_eq(wire_header(letter, "dead_letter_topic"), SCENE_REPLAYS);
    ck_assert_str_eq(wire_header(letter, "dead_letter_offset"), "0");
    ck_assert_str_eq(wire_header(letter, "dead_letter_id"), LETTER_ID);
    rd_kafka_message_destroy(letter);
    scene_stop();
}
END_TEST

START_TEST(what_is_no_event_is_a_dead_letter_again)
{
    rd_kafka_message_t *letter;

    own();
    wire_send(scene_wire(),
              (struct wire_record){SCENE_REPLAYS, 1, "k", "no event", 1, 8, replay_headers()});
    letter = next_dead_letter();
    ck_assert_str_eq(wire_header(letter, "dead_letter_id"), LETTER_ID);
    rd_kafka_message_destroy(letter);
    scene_stop();
}
END_TEST

/* Its order may have ended and be forgotten: it must not begin anew. */
START_TEST(an_order_that_may_be_forgotten_is_not_placed_by_a_replay)
{
    struct event event;
    rd_kafka_message_t *letter;

    own();
    sample_order_placed(&event, 1);
    event.timestamp_ms = clock_utc_ms() - 7 * DAY_MS;
    replay_event(&event);
    letter = next_dead_letter();
    ck_assert_ptr_nonnull(strstr(wire_header(letter, "dead_letter_cause"), "older"));
    rd_kafka_message_destroy(letter);
    wire_read(scene_wire(), SCENE_LEDGER, SCENE_PARTITIONS);
    assert_goes_on(2);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 0);
}
END_TEST

static void send_mark(const char *topic)
{
    rd_kafka_headers_t *headers = replay_headers();

    rd_kafka_header_add(headers, "dead_letter_resolution", -1, "discarded", -1);
    for (int32_t partition = 0; partition < SCENE_PARTITIONS; partition++)
        wire_send(scene_wire(), (struct wire_record){topic, partition, "k", NULL, 1, 0,
                                                     rd_kafka_headers_copy(headers)});
    rd_kafka_headers_destroy(headers);
}

START_TEST(a_mark_is_passed_over)
{
    own();
    send_mark(SCENE_REPLAYS);
    assert_goes_on(1);
    scene_stop();
    wire_read(scene_wire(), SCENE_DEAD_LETTERS, 1);
    ck_assert_ptr_null(wire_next(scene_wire(), 500));
}
END_TEST

/* Elsewhere it is a record without a value like any other. */
START_TEST(a_mark_in_another_topic_is_refused)
{
    own();
    send_mark(SCENE_ORDERS);
    rd_kafka_message_destroy(next_dead_letter());
    scene_stop();
}
END_TEST

START_TEST(nothing_is_owned_while_the_replays_would_come_to_other_shards)
{
    scene_prepare((struct scene_setup){.replays = 1});
    scene_start();
    AWAIT(scene_says("t.payment.replays has 1 partitions but t.payments has 2"), SCENE_OWN_MS_MAX);
    ck_assert_uint_eq(transactions(), 0);
    scene_stop();
}
END_TEST

START_TEST(nothing_is_owned_while_the_topic_of_replays_is_missing)
{
    scene_prepare((struct scene_setup){.missing = TOPIC_PAYMENT_REPLAYS});
    scene_start();
    AWAIT(scene_says("topic t.payment.replays does not exist: run 'sagactl topics apply'"),
          SCENE_OWN_MS_MAX);
    mock_cluster_create_topic(scene_cluster(), SCENE_PREFIX, TOPIC_PAYMENT_REPLAYS,
                              SCENE_PARTITIONS);
    AWAIT(scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    assert_goes_on(1);
    scene_stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("replays");
    TCase *tests = tcase_create("replays");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, a_replayed_order_is_answered_once);
    tcase_add_test(tests, what_has_its_answer_gets_no_other_when_it_is_replayed);
    tcase_add_test(tests, a_replay_moves_a_bookmark_of_its_own);
    tcase_add_test(tests, what_is_refused_again_is_a_dead_letter_again_that_names_its_ancestor);
    tcase_add_test(tests, what_is_no_event_is_a_dead_letter_again);
    tcase_add_test(tests, an_order_that_may_be_forgotten_is_not_placed_by_a_replay);
    tcase_add_test(tests, a_mark_is_passed_over);
    tcase_add_test(tests, a_mark_in_another_topic_is_refused);
    tcase_add_test(tests, nothing_is_owned_while_the_replays_would_come_to_other_shards);
    tcase_add_test(tests, nothing_is_owned_while_the_topic_of_replays_is_missing);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
