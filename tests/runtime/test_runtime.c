/*
 * test_runtime.c - the life of a runtime on a mock cluster, without errors: it owns, decides,
 * starts again, steps aside. What it does about errors is in the other files of this folder.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/kafka/elector.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
#define MANY 200
/* The mock gives the members session.timeout.ms - 1 s to join again, twice. */
#define REBALANCE_MS_MAX 17000
/* BOOKMARK_ALONE_MS of work.c is 5000. */
#define BOOKMARK_MS_MAX 9000

static size_t saved_bookmarks(void)
{
    return mock_cluster_requests(scene_cluster(), API_OFFSETS_IN_TRANSACTION);
}

static size_t fences(void)
{
    return mock_cluster_requests(scene_cluster(), API_INIT_PRODUCER_ID);
}

START_TEST(an_order_is_answered)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    ck_assert_uint_eq(scene_answers(1), 1);
    scene_stop();
}
END_TEST

START_TEST(many_orders_are_answered_once_each)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    for (size_t i = 0; i < MANY; i++)
        scene_place(i);
    for (size_t i = 0; i < MANY; i++)
        scene_await_answer(i);
    scene_stop();
    for (size_t i = 0; i < MANY; i++)
        ck_assert_uint_eq(scene_answers(i), 1);
    ck_assert_uint_eq(fences(), 1);
}
END_TEST

START_TEST(an_order_that_was_placed_twice_is_answered_once)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_place(1);
    scene_place(1);
    scene_order(1);
    scene_place(1);
    scene_order(2);
    scene_order(3); /* one of the two comes after the last 1, in its partition */
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 1);
}
END_TEST

START_TEST(orders_that_were_placed_before_the_start_are_answered)
{
    scene_prepare((struct scene_setup){0});
    scene_place(1);
    scene_place(2);
    scene_own();
    scene_await_answer(1);
    scene_await_answer(2);
    scene_stop();
}
END_TEST

/* The mock forgets bookmarks that were saved in transactions: everything is read again. */
static void start_again(bool with_cache)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    for (size_t i = 0; i < MANY; i++)
        scene_place(i);
    for (size_t i = 0; i < MANY; i++)
        scene_await_answer(i);
    scene_stop();
    if (!with_cache)
        scene_lose_cache();
    scene_own();
    for (size_t i = MANY; i < MANY + 8; i++) /* in both partitions, behind all others */
        scene_order(i);
    scene_stop();
    for (size_t i = 0; i < MANY + 8; i++)
        ck_assert_uint_eq(scene_answers(i), 1);
}

START_TEST(what_the_ledger_answers_already_is_not_answered_again_after_a_restart)
{
    start_again(true);
}
END_TEST

START_TEST(what_the_ledger_answers_already_is_not_answered_again_without_the_cache)
{
    start_again(false);
}
END_TEST

START_TEST(all_shards_are_owned_by_who_is_alone)
{
    scene_prepare((struct scene_setup){.shards = 2});
    scene_own();
    ck_assert_uint_eq(fences(), 2);
    for (size_t i = 0; i < 16; i++)
        scene_order(i);
    scene_stop();
}
END_TEST

START_TEST(stopping_saves_the_bookmarks)
{
    size_t before;

    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    before = saved_bookmarks();
    scene_stop();
    ck_assert_uint_eq(saved_bookmarks(), before + 1);
}
END_TEST

START_TEST(stopping_without_anything_new_saves_nothing)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_stop();
    ck_assert_uint_eq(saved_bookmarks(), 0);
    ck_assert_uint_eq(mock_cluster_requests(scene_cluster(), API_END_TRANSACTION), 0);
}
END_TEST

static void place_something_without_an_answer(void)
{
    wire_send(scene_wire(),
              (struct wire_record){.topic = SCENE_ORDERS,
                                   .partition = 0,
                                   .value = "{\"event_type\":\"OrderPraised\"}",
                                   .value_len = strlen("{\"event_type\":\"OrderPraised\"}")});
}

START_TEST(a_bookmark_is_saved_on_its_own_when_there_is_nothing_to_publish)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    place_something_without_an_answer();
    AWAIT(saved_bookmarks() > 0, BOOKMARK_MS_MAX);
    scene_stop();
    ck_assert_uint_eq(saved_bookmarks(), 1);
}
END_TEST

static rd_kafka_message_t *next_dead_letter(void)
{
    wire_read(scene_wire(), SCENE_DEAD_LETTERS, 1);
    return wire_receive(scene_wire());
}

/* The bookmark goes with it, in the same transaction: otherwise a crash would bury it twice. */
static void assert_buried_with_its_bookmark(void)
{
    ck_assert_uint_eq(saved_bookmarks(), 1);
    AWAIT(mock_cluster_requests(scene_cluster(), API_END_TRANSACTION) == 1, SCENE_ANSWER_MS_MAX);
    wire_read(scene_wire(), SCENE_LEDGER, SCENE_PARTITIONS);
}

START_TEST(what_is_no_event_goes_to_the_dead_letters_and_delays_no_order)
{
    rd_kafka_message_t *letter;

    scene_prepare((struct scene_setup){0});
    scene_own();
    wire_send(scene_wire(), (struct wire_record){SCENE_ORDERS, 1, "k", "no event", 1, 8, NULL});
    letter = next_dead_letter();
    ck_assert_uint_eq(letter->len, 8);
    ck_assert_int_eq(memcmp(letter->payload, "no event", 8), 0);
    ck_assert_str_eq(wire_header(letter, "dead_letter_topic"), SCENE_ORDERS);
    ck_assert_str_eq(wire_header(letter, "dead_letter_partition"), "1");
    ck_assert_str_eq(wire_header(letter, "dead_letter_offset"), "0");
    ck_assert_str_eq(wire_header(letter, "dead_letter_service"), scene_name());
    rd_kafka_message_destroy(letter);
    assert_buried_with_its_bookmark();
    for (size_t i = 0; i < 4; i++)
        scene_order(i);
    scene_stop();
}
END_TEST

START_TEST(an_impossible_order_goes_to_the_dead_letters_with_the_reason)
{
    struct event event;
    rd_kafka_message_t *letter;

    scene_prepare((struct scene_setup){0});
    scene_own();
    sample_order_placed(&event, 1);
    strcpy(event.data.order_placed.customer_id, SCENE_IMPOSSIBLE);
    wire_send_event(scene_wire(), SCENE_ORDERS, &event, "");
    letter = next_dead_letter();
    ck_assert_str_eq(wire_header(letter, "dead_letter_cause"), "this customer is impossible");
    ck_assert_str_eq(wire_header(letter, "ce_type"), "OrderPlaced");
    rd_kafka_message_destroy(letter);
    assert_buried_with_its_bookmark();
    scene_order(2);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 0);
}
END_TEST

START_TEST(an_answer_carries_on_the_trace_and_names_its_cause)
{
    static const char traceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    struct event order, answer;
    rd_kafka_message_t *message;

    scene_prepare((struct scene_setup){0});
    scene_own();
    sample_order_placed(&order, 1);
    wire_send_event(scene_wire(), SCENE_ORDERS, &order, traceparent);
    message = wire_receive(scene_wire());
    ck_assert_str_eq(wire_header(message, "traceparent"), traceparent);
    ck_assert_int_eq(
        event_decode(scene_wire()->codec, message->payload, message->len, &answer, NULL), 0);
    ck_assert_str_eq(answer.causation_id, order.event_id);
    ck_assert_str_eq(answer.correlation_id, order.correlation_id);
    rd_kafka_message_destroy(message);
    scene_stop();
}
END_TEST

START_TEST(progress_moves_while_there_is_nothing_to_do)
{
    int64_t before;

    scene_prepare((struct scene_setup){0});
    scene_own();
    for (int i = 0; i < 3; i++) {
        before = scene_progress_ms();
        AWAIT(scene_progress_ms() > before, 1000);
    }
    scene_stop();
}
END_TEST

/* A member of the group that knows how to leave, and holds all shards if it was first. */
static rd_kafka_t *join(const char *instance)
{
    char group[64];
    const struct kafka_config kafka = {mock_cluster_address(scene_cluster()), "", "", instance};
    const struct kafka_option options[] = {{"group.id", group},
                                           {"session.timeout.ms", "6000"},
                                           {"heartbeat.interval.ms", "500"},
                                           {"partition.assignment.strategy", "cooperative-sticky"}};
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_conf_t *conf;
    rd_kafka_t *member;

    snprintf(group, sizeof(group), SCENE_PREFIX "%s", instance);
    ck_assert_int_eq(kafka_conf_new(&kafka, KAFKA_CONSUMER, options, 4, &conf, NULL), 0);
    ck_assert_int_eq(kafka_client_new(conf, KAFKA_CONSUMER, &member, NULL), 0);
    rd_kafka_topic_partition_list_add(topics, SCENE_SHARDS, RD_KAFKA_PARTITION_UA);
    ck_assert_int_eq(rd_kafka_subscribe(member, topics), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(topics);
    return member;
}

static int held_by(rd_kafka_t *member)
{
    rd_kafka_topic_partition_list_t *held;
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member, 0);
    int count;

    if (message != NULL)
        rd_kafka_message_destroy(message);
    ck_assert_int_eq(rd_kafka_assignment(member, &held), RD_KAFKA_RESP_ERR_NO_ERROR);
    count = held->cnt;
    rd_kafka_topic_partition_list_destroy(held);
    return count;
}

START_TEST(a_standby_decides_nothing_and_takes_over_when_the_owner_leaves)
{
    rd_kafka_t *other;

    scene_prepare((struct scene_setup){0});
    other = join("paymenta"); /* the group of the runtime that is started first */
    AWAIT(held_by(other) == 1, SCENE_OWN_MS_MAX);
    scene_place(1);
    scene_start();
    AWAIT(scene_is(RUNTIME_STANDBY), SCENE_OWN_MS_MAX);
    ck_assert_uint_eq(scene_shards(), 0);
    ck_assert_uint_eq(fences(), 0);
    ck_assert_uint_eq(scene_answers(1), 0);
    rd_kafka_consumer_close(other);
    rd_kafka_destroy(other);
    AWAIT(scene_is(RUNTIME_OWNER), REBALANCE_MS_MAX);
    scene_await_answer(1);
    scene_stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runtime");
    TCase *tests = tcase_create("runtime");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, an_order_is_answered);
    tcase_add_test(tests, many_orders_are_answered_once_each);
    tcase_add_test(tests, an_order_that_was_placed_twice_is_answered_once);
    tcase_add_test(tests, orders_that_were_placed_before_the_start_are_answered);
    tcase_add_test(tests, what_the_ledger_answers_already_is_not_answered_again_after_a_restart);
    tcase_add_test(tests, what_the_ledger_answers_already_is_not_answered_again_without_the_cache);
    tcase_add_test(tests, all_shards_are_owned_by_who_is_alone);
    tcase_add_test(tests, stopping_saves_the_bookmarks);
    tcase_add_test(tests, stopping_without_anything_new_saves_nothing);
    tcase_add_test(tests, a_bookmark_is_saved_on_its_own_when_there_is_nothing_to_publish);
    tcase_add_test(tests, what_is_no_event_goes_to_the_dead_letters_and_delays_no_order);
    tcase_add_test(tests, an_impossible_order_goes_to_the_dead_letters_with_the_reason);
    tcase_add_test(tests, an_answer_carries_on_the_trace_and_names_its_cause);
    tcase_add_test(tests, progress_moves_while_there_is_nothing_to_do);
    tcase_add_test(tests, a_standby_decides_nothing_and_takes_over_when_the_owner_leaves);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
