/*
 * test_start.c - errors that a request may be answered with while the runtime starts, or reads:
 * they delay it, and that is all. Errors of transactions: test_errors.c.
 */
#include "common/base/util.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20

struct error_case {
    enum api api;
    rd_kafka_resp_err_t code;
};

/* At the start: nothing is owned before these have passed. */
static const struct error_case start_cases[] = {
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR__TRANSPORT},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH},
    {API_INIT_PRODUCER_ID, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED},
    {API_FIND_COORDINATOR, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE},
    {API_FIND_COORDINATOR, RD_KAFKA_RESP_ERR__TRANSPORT},
    {API_OFFSET_FETCH, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
    {API_OFFSET_FETCH, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {API_OFFSET_FETCH, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED},
    {API_OFFSET_FETCH, RD_KAFKA_RESP_ERR__TRANSPORT},
    {API_LIST_OFFSETS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
    {API_JOIN_GROUP, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
};

/* While it works. */
static const struct error_case reading_cases[] = {
    {API_FETCH, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION},
    {API_FETCH, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART},
    {API_FETCH, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE},
    {API_HEARTBEAT, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS},
    {API_HEARTBEAT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR},
    {API_HEARTBEAT, RD_KAFKA_RESP_ERR__TRANSPORT},
};

static size_t requests(enum api api)
{
    return mock_cluster_requests(scene_cluster(), api);
}

static void fail_next(const struct error_case *this)
{
    mock_cluster_fail(scene_cluster(), this->api, this->code, 1);
}

START_TEST(an_error_at_the_start_delays_the_start)
{
    const struct error_case *this = &start_cases[_i];

    scene_prepare((struct scene_setup){0});
    fail_next(this);
    scene_own();
    scene_order(1);
    scene_stop();
}
END_TEST

START_TEST(an_error_while_reading_delays_an_order_at_most)
{
    const struct error_case *this = &reading_cases[_i];
    size_t fences, seen;

    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    fences = requests(API_INIT_PRODUCER_ID);
    seen = requests(this->api);
    fail_next(this);
    AWAIT(requests(this->api) > seen + 1, SCENE_OWN_MS_MAX);
    scene_order(2);
    ck_assert_uint_eq(requests(API_INIT_PRODUCER_ID), fences);
    scene_stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("start");
    TCase *tests = tcase_create("start");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_loop_test(tests, an_error_at_the_start_delays_the_start, 0, ARRAY_LEN(start_cases));
    tcase_add_loop_test(tests, an_error_while_reading_delays_an_order_at_most, 0,
                        ARRAY_LEN(reading_cases));
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
