/*
 * test_stop.c - asked to stop at any stage, the runtime ends within SCENE_STOP_MS_MAX, as asked to:
 * scene_stop() checks that. Each test brings it into one stage.
 */
#include <string.h>

#include "tests/runtime/samples.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
#define STAGE_MS_MAX 10000
#define SILENCE_MS 500
#define LONG_MS 60000
/* A commit under way is not given up for a stop: COMMIT_MS_MAX of work.c, and some time around
   it. */
#define COMMIT_MS_MAX 7000
#define MANY 500
#define NO_BROKER "127.0.0.1:1"

static size_t requests(enum api api)
{
    return mock_cluster_requests(scene_cluster(), api);
}

START_TEST(at_once)
{
    scene_prepare((struct scene_setup){0});
    scene_start();
    scene_stop();
}
END_TEST

/* It is in a call that waits for something. */
static void await_silence(void)
{
    AWAIT(clock_monotonic_ms() - scene_progress_ms() > SILENCE_MS, STAGE_MS_MAX);
}

START_TEST(while_it_looks_for_a_broker)
{
    scene_prepare((struct scene_setup){.address = NO_BROKER});
    scene_start();
    await_silence();
    scene_stop();
}
END_TEST

START_TEST(after_it_has_found_no_broker)
{
    scene_prepare((struct scene_setup){.address = NO_BROKER});
    scene_start();
    AWAIT(scene_says("no Kafka broker"), STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_the_broker_does_not_answer)
{
    scene_prepare((struct scene_setup){0});
    mock_cluster_slow_down(scene_cluster(), LONG_MS);
    scene_start();
    await_silence();
    scene_stop();
}
END_TEST

START_TEST(while_a_topic_is_missing)
{
    scene_prepare((struct scene_setup){.missing = TOPIC_ORDERS});
    scene_start();
    AWAIT(scene_says("does not exist"), STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_it_joins_the_group)
{
    scene_prepare((struct scene_setup){0});
    rd_kafka_mock_group_initial_rebalance_delay_ms(scene_cluster()->mock, LONG_MS);
    scene_start();
    AWAIT(requests(API_JOIN_GROUP) > 0, STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_there_is_no_coordinator_to_fence_with)
{
    scene_prepare((struct scene_setup){0});
    mock_cluster_fail(scene_cluster(), API_INIT_PRODUCER_ID,
                      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 10000);
    scene_start();
    AWAIT(requests(API_INIT_PRODUCER_ID) > 0, STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_the_coordinator_does_not_answer)
{
    scene_prepare((struct scene_setup){0});
    mock_cluster_delay(scene_cluster(), 1, API_INIT_PRODUCER_ID, LONG_MS, 10);
    scene_start();
    AWAIT(requests(API_INIT_PRODUCER_ID) > 0, STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_the_ledger_cannot_be_read)
{
    scene_prepare((struct scene_setup){.brokers = 2});
    mock_cluster_delay(scene_cluster(), SCENE_LEDGER_BROKER, API_FETCH, LONG_MS, 10);
    scene_start();
    AWAIT(requests(API_INIT_PRODUCER_ID) > 0, STAGE_MS_MAX);
    ck_assert(scene_is(RUNTIME_RESTORING) || scene_is(RUNTIME_CONNECTING));
    scene_stop();
}
END_TEST

START_TEST(while_the_bookmarks_cannot_be_read)
{
    scene_prepare((struct scene_setup){0});
    mock_cluster_delay(scene_cluster(), 1, API_OFFSET_FETCH, LONG_MS, 10);
    scene_start();
    AWAIT(requests(API_OFFSET_FETCH) > 0, STAGE_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(while_it_has_nothing_to_do)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_stop();
}
END_TEST

START_TEST(while_it_works)
{
    size_t answered = 0;

    scene_prepare((struct scene_setup){0});
    scene_own();
    for (size_t i = 0; i < MANY; i++)
        scene_place(i);
    scene_stop();
    for (size_t i = 0; i < MANY; i++)
        answered += scene_answers(i);
    ck_assert_uint_le(answered, MANY);
}
END_TEST

START_TEST(while_a_commit_takes_its_time)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    mock_cluster_delay(scene_cluster(), 1, API_END_TRANSACTION, 800, 1);
    scene_place(2);
    AWAIT(requests(API_END_TRANSACTION) > 1, STAGE_MS_MAX);
    scene_stop();
    scene_await_answer(2);
}
END_TEST

START_TEST(while_it_hears_who_has_fenced_it)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    mock_cluster_fail(scene_cluster(), API_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1);
    scene_place(1);
    AWAIT(scene_says("fenced"), STAGE_MS_MAX);
    scene_stop();
}
END_TEST

/* The mock's connections are cut and refused; the group's session is not yet over. */
START_TEST(while_the_broker_is_away)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    AWAIT(requests(API_HEARTBEAT) > 0, STAGE_MS_MAX);
    mock_cluster_set_down(scene_cluster());
    scene_stop();
}
END_TEST

START_TEST(while_a_commit_waits_for_a_broker_that_is_away)
{
    scene_prepare((struct scene_setup){.brokers = 2});
    scene_own();
    scene_order(1);
    mock_cluster_delay(scene_cluster(), SCENE_LEDGER_BROKER, API_PRODUCE, LONG_MS, 1);
    scene_place(2);
    await_silence();
    scene_stop_within(COMMIT_MS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stop");
    TCase *tests = tcase_create("stop");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, at_once);
    tcase_add_test(tests, while_it_looks_for_a_broker);
    tcase_add_test(tests, after_it_has_found_no_broker);
    tcase_add_test(tests, while_the_broker_does_not_answer);
    tcase_add_test(tests, while_a_topic_is_missing);
    tcase_add_test(tests, while_it_joins_the_group);
    tcase_add_test(tests, while_there_is_no_coordinator_to_fence_with);
    tcase_add_test(tests, while_the_coordinator_does_not_answer);
    tcase_add_test(tests, while_the_ledger_cannot_be_read);
    tcase_add_test(tests, while_the_bookmarks_cannot_be_read);
    tcase_add_test(tests, while_it_has_nothing_to_do);
    tcase_add_test(tests, while_it_works);
    tcase_add_test(tests, while_a_commit_takes_its_time);
    tcase_add_test(tests, while_it_hears_who_has_fenced_it);
    tcase_add_test(tests, while_the_broker_is_away);
    tcase_add_test(tests, while_a_commit_waits_for_a_broker_that_is_away);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
