/*
 * test_errors.c - what the runtime does about every error that a request of a transaction may be
 * answered with: the library tries again by itself, or the runtime gives up what it has and owns
 * anew. Whatever it is, afterwards the order is answered, always with the same event.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
/* FENCED_WAIT_MS of runtime.c, less what a busy machine may blur. */
#define FENCED_MS_MIN 1200
#define FENCED_SEEN_MS_MAX 5000

enum fate {
    TRIED_AGAIN, /* by the library: no other producer */
    OWNED_ANEW,  /* at once */
    FENCED,      /* after hearing who is the owner now */
};

struct error_case {
    enum api api;
    rd_kafka_resp_err_t code;
    enum fate fate;
};

/* A transaction with an answer: AddPartitionsToTxn, Produce, EndTxn. */
static const struct error_case answer_cases[] = {
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, FENCED},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, FENCED},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TRIED_AGAIN},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TRIED_AGAIN},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, TRIED_AGAIN},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, TRIED_AGAIN},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, TRIED_AGAIN},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, OWNED_ANEW},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, OWNED_ANEW},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, OWNED_ANEW},
    {API_ADD_PARTITIONS, RD_KAFKA_RESP_ERR_UNKNOWN, OWNED_ANEW},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, FENCED},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, TRIED_AGAIN},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, TRIED_AGAIN},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, TRIED_AGAIN},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, OWNED_ANEW},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, OWNED_ANEW},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, OWNED_ANEW},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, OWNED_ANEW},
    {API_PRODUCE, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, OWNED_ANEW},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, FENCED},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, FENCED},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TRIED_AGAIN},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TRIED_AGAIN},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, TRIED_AGAIN},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, OWNED_ANEW},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING, OWNED_ANEW},
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR_UNKNOWN, OWNED_ANEW},
    /* The connection is cut: the commit succeeds, but a late EndTxn may be on its way. */
    {API_END_TRANSACTION, RD_KAFKA_RESP_ERR__TRANSPORT, OWNED_ANEW},
};

/* A transaction that carries bookmarks too. */
static const struct error_case bookmark_cases[] = {
    {API_ADD_OFFSETS, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS, TRIED_AGAIN},
    {API_ADD_OFFSETS, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TRIED_AGAIN},
    {API_ADD_OFFSETS, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, OWNED_ANEW},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, FENCED},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, TRIED_AGAIN},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_NOT_COORDINATOR, TRIED_AGAIN},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, OWNED_ANEW},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, OWNED_ANEW},
    {API_OFFSETS_IN_TRANSACTION, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, OWNED_ANEW},
};

static size_t requests(enum api api)
{
    return mock_cluster_requests(scene_cluster(), api);
}

/* Orders are produced too, but to another broker than answers. */
static void fail_next(const struct error_case *this)
{
    if (this->api == API_PRODUCE)
        mock_cluster_fail_at(scene_cluster(), SCENE_LEDGER_BROKER, API_PRODUCE, this->code);
    else
        mock_cluster_fail(scene_cluster(), this->api, this->code, 1);
}

static void check_fate(const struct error_case *this, size_t fences_before, int64_t took_ms)
{
    size_t fences = requests(API_INIT_PRODUCER_ID) - fences_before;

    if (this->fate == TRIED_AGAIN)
        ck_assert_uint_eq(fences, 0);
    else
        ck_assert_uint_ge(fences, 1);
    if (this->fate == FENCED)
        ck_assert_int_ge(took_ms, FENCED_MS_MIN);
}

START_TEST(an_error_while_answering_delays_the_answer)
{
    const struct error_case *this = &answer_cases[_i];
    size_t fences;
    int64_t start_ms;

    scene_prepare((struct scene_setup){.brokers = 2});
    scene_own();
    scene_order(1);
    fences = requests(API_INIT_PRODUCER_ID);
    fail_next(this);
    start_ms = clock_monotonic_ms();
    scene_place(2);
    if (this->fate == FENCED)
        AWAIT(scene_is(RUNTIME_RESTORING) && scene_says("enced"), FENCED_SEEN_MS_MAX);
    scene_await_answer(2);
    if (this->fate != TRIED_AGAIN)
        AWAIT(requests(API_INIT_PRODUCER_ID) > fences && scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    check_fate(this, fences, clock_monotonic_ms() - start_ms);
    scene_order(3);
    scene_stop();
}
END_TEST

START_TEST(an_error_while_saving_bookmarks_delays_the_dead_letter)
{
    const struct error_case *this = &bookmark_cases[_i];
    rd_kafka_message_t *letter;
    size_t fences;
    int64_t start_ms;

    scene_prepare((struct scene_setup){0});
    scene_own();
    wire_read(scene_wire(), SCENE_DEAD_LETTERS, 1);
    fences = requests(API_INIT_PRODUCER_ID);
    fail_next(this);
    start_ms = clock_monotonic_ms();
    wire_send(scene_wire(), (struct wire_record){SCENE_ORDERS, 1, "k", "no event", 1, 8, NULL});
    letter = wire_receive(scene_wire());
    ck_assert_uint_eq(letter->len, 8);
    rd_kafka_message_destroy(letter);
    AWAIT(requests(this->api) > 1 && scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    AWAIT(requests(API_END_TRANSACTION) > 0, SCENE_OWN_MS_MAX);
    check_fate(this, fences, clock_monotonic_ms() - start_ms);
    wire_read(scene_wire(), SCENE_LEDGER, SCENE_PARTITIONS);
    scene_order(1);
    scene_stop();
}
END_TEST

START_TEST(many_errors_in_a_row_are_overcome)
{
    static const rd_kafka_resp_err_t codes[] = {
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
        RD_KAFKA_RESP_ERR_INVALID_TXN_STATE,
        RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING,
        RD_KAFKA_RESP_ERR_UNKNOWN,
    };

    scene_prepare((struct scene_setup){0});
    scene_own();
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        mock_cluster_fail(scene_cluster(), API_ADD_PARTITIONS, codes[i], 1);
    scene_order(1);
    scene_order(2);
    ck_assert_uint_eq(requests(API_INIT_PRODUCER_ID), 1 + ARRAY_LEN(codes));
    ck_assert_uint_eq(scene_answers(1), 1);
    scene_stop();
}
END_TEST

/*
 * The group says that somebody else has our group.instance.id. The runtime asks who before it ends
 * the process; the mock knows no DescribeGroups, so here it joins again. See tests/integration.
 */
START_TEST(a_fenced_instance_asks_who_it_is_before_it_ends)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    mock_cluster_fail(scene_cluster(), API_HEARTBEAT, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, 1);
    AWAIT(scene_says("no broker says by whom"), SCENE_OWN_MS_MAX);
    ck_assert_uint_eq(scene_shards(), 0);
    scene_stop();
}
END_TEST

/* The transaction's coordinator says the same, but the group has the last word. */
START_TEST(a_fenced_instance_in_a_transaction_is_only_a_failed_transaction)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    mock_cluster_fail(scene_cluster(), API_OFFSETS_IN_TRANSACTION,
                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, 1);
    wire_send(scene_wire(), (struct wire_record){SCENE_ORDERS, 1, "k", "no event", 1, 8, NULL});
    AWAIT(requests(API_OFFSETS_IN_TRANSACTION) > 1, SCENE_OWN_MS_MAX);
    scene_order(1);
    scene_stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errors");
    TCase *tests = tcase_create("errors");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_loop_test(tests, an_error_while_answering_delays_the_answer, 0,
                        ARRAY_LEN(answer_cases));
    tcase_add_loop_test(tests, an_error_while_saving_bookmarks_delays_the_dead_letter, 0,
                        ARRAY_LEN(bookmark_cases));
    tcase_add_test(tests, many_errors_in_a_row_are_overcome);
    tcase_add_test(tests, a_fenced_instance_asks_who_it_is_before_it_ends);
    tcase_add_test(tests, a_fenced_instance_in_a_transaction_is_only_a_failed_transaction);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
