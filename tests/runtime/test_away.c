/*
 * test_away.c - the runtime while the broker, or a topic of it, is not there: it says what is
 * missing, keeps giving signs of life, and goes on by itself when that comes back.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/kafka/topics.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/scene.h"
#include "tests/runtime/temp_directory.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 20
/* A clear line within this; DESCRIBE_TIMEOUT_MS of session.c is 3000. */
#define SAID_MS_MAX 7000
/* From the return of the broker to work: reconnects come within a second. */
#define BACK_MS_MAX 8000
/* Between two signs of life, whatever happens; the watchdog bites after 25 s. */
#define SILENCE_MS_MAX 7000
/* The same, while there is no coordinator to fence with: a reason has to be told soon. */
#define FENCING_MS_MAX 5000
#define AWAY_MS 1000
#define LONG_MS 60000
#define NO_BROKER "127.0.0.1:1"

static bool never(void)
{
    return false;
}

static bool has_lost_its_shards(void)
{
    return !scene_is(RUNTIME_OWNER);
}

/* Looks until `enough`, and no longer than that time; returns the longest silence. */
static int64_t longest_silence(bool (*enough)(void), int ms_max)
{
    int64_t end_ms = clock_monotonic_ms() + ms_max, longest = 0;

    while (!enough() && clock_monotonic_ms() < end_ms) {
        int64_t silence_ms = clock_monotonic_ms() - scene_progress_ms();

        longest = silence_ms > longest ? silence_ms : longest;
        (void)poll(NULL, 0, AWAIT_POLL_MS);
    }
    return longest;
}

static void assert_says(const char *part)
{
    AWAIT(scene_is(RUNTIME_CONNECTING) && scene_says(part), SAID_MS_MAX);
    ck_assert_uint_eq(scene_shards(), 0);
}

static void create(enum topic topic, int partitions)
{
    mock_cluster_create_topic(scene_cluster(), SCENE_PREFIX, topic, partitions);
}

static const enum topic missing[] = {TOPIC_ORDERS, TOPIC_PAYMENTS, TOPIC_PAYMENT_SHARDS,
                                     TOPIC_PAYMENT_DEAD_LETTERS};

START_TEST(a_missing_topic_is_named_and_awaited)
{
    char name[TOPIC_NAME_SIZE], line[TOPIC_NAME_SIZE + 64];
    enum topic topic = missing[_i];

    topic_name(SCENE_PREFIX, topic, name);
    snprintf(line, sizeof(line), "topic %s does not exist: run 'sagactl topics apply'", name);
    scene_prepare((struct scene_setup){.missing = topic});
    scene_start();
    assert_says(line);
    create(topic, topic == TOPIC_ORDERS || topic == TOPIC_PAYMENTS ? SCENE_PARTITIONS : 1);
    AWAIT(scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    if (topic == TOPIC_PAYMENTS)
        wire_read(scene_wire(), SCENE_LEDGER, SCENE_PARTITIONS);
    scene_order(1);
    scene_stop();
}
END_TEST

START_TEST(topics_that_disagree_in_partitions_are_named)
{
    scene_prepare((struct scene_setup){.missing = TOPIC_ORDERS});
    create(TOPIC_ORDERS, SCENE_PARTITIONS + 1);
    scene_start();
    assert_says("they must agree");
    ck_assert(scene_says(SCENE_ORDERS) && scene_says(SCENE_LEDGER));
    scene_stop();
}
END_TEST

START_TEST(more_shards_than_there_is_room_for_are_refused)
{
    scene_prepare((struct scene_setup){.missing = TOPIC_PAYMENT_SHARDS});
    create(TOPIC_PAYMENT_SHARDS, 33);
    scene_start();
    assert_says("topic t.payment.shards has 33 partitions; 1 to 32 are supported");
    scene_stop();
}
END_TEST

START_TEST(a_data_directory_that_cannot_be_used_is_a_clear_line_and_is_awaited)
{
    scene_prepare((struct scene_setup){0});
    scene_block_cache();
    scene_start();
    assert_says("/ledger");
    scene_unblock_cache();
    AWAIT(scene_is(RUNTIME_OWNER), SCENE_OWN_MS_MAX);
    scene_stop();
}
END_TEST

START_TEST(a_broker_that_is_not_there_is_a_clear_line_and_is_awaited)
{
    int64_t silence_ms;

    scene_prepare((struct scene_setup){0});
    mock_cluster_set_down(scene_cluster());
    scene_start();
    assert_says("no Kafka broker");
    silence_ms = longest_silence(never, AWAY_MS);
    mock_cluster_set_up(scene_cluster());
    AWAIT(scene_is(RUNTIME_OWNER), BACK_MS_MAX);
    ck_assert_int_lt(silence_ms, SILENCE_MS_MAX);
    scene_order(1);
    scene_stop();
}
END_TEST

/* As a broker that is stopped: it accepts connections, and that is all. */
static int listen_and_do_nothing(char address[32])
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
    ck_assert_int_eq(listen(fd, 16), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    snprintf(address, 32, "127.0.0.1:%d", (int)ntohs(name.sin_port));
    return fd;
}

START_TEST(a_broker_that_does_not_answer_is_a_clear_line)
{
    char address[32];
    int fd = listen_and_do_nothing(address);

    scene_prepare((struct scene_setup){.address = address});
    scene_start();
    assert_says("no Kafka broker");
    ck_assert_int_lt(longest_silence(never, AWAY_MS), SILENCE_MS_MAX);
    scene_stop();
    close(fd);
}
END_TEST

START_TEST(a_broker_that_goes_during_a_commit_and_comes_back_is_met_again)
{
    size_t commits;
    int64_t silence_ms;

    scene_prepare((struct scene_setup){0});
    scene_own();
    scene_order(1);
    commits = mock_cluster_requests(scene_cluster(), API_END_TRANSACTION);
    mock_cluster_delay(scene_cluster(), 1, API_END_TRANSACTION, LONG_MS, 1);
    scene_place(2);
    AWAIT(mock_cluster_requests(scene_cluster(), API_END_TRANSACTION) > commits, SAID_MS_MAX);
    mock_cluster_set_down(scene_cluster());
    silence_ms = longest_silence(has_lost_its_shards, SILENCE_MS_MAX);
    ck_assert(!scene_is(RUNTIME_OWNER));
    mock_cluster_set_up(scene_cluster());
    AWAIT(scene_is(RUNTIME_OWNER), BACK_MS_MAX);
    ck_assert_int_lt(silence_ms, SILENCE_MS_MAX);
    scene_order(2);
    scene_order(3);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 1);
}
END_TEST

START_TEST(connections_that_are_cut_again_and_again_delay_orders_at_most)
{
    scene_prepare((struct scene_setup){0});
    scene_own();
    for (size_t i = 0; i < 5; i++) {
        mock_cluster_set_down(scene_cluster());
        mock_cluster_set_up(scene_cluster());
        scene_order(i);
    }
    scene_stop();
}
END_TEST

/* No coordinator for transactions, but everything else: the runtime is not stuck, and says why. */
START_TEST(progress_moves_and_a_line_says_why_while_there_is_no_coordinator)
{
    scene_prepare((struct scene_setup){0});
    mock_cluster_fail(scene_cluster(), API_INIT_PRODUCER_ID,
                      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, 10000);
    scene_start();
    AWAIT(mock_cluster_requests(scene_cluster(), API_INIT_PRODUCER_ID) > 0, SCENE_OWN_MS_MAX);
    ck_assert_int_lt(longest_silence(never, FENCING_MS_MAX + AWAY_MS), FENCING_MS_MAX);
    ck_assert(scene_says("cannot fence"));
    mock_cluster_heal(scene_cluster(), API_INIT_PRODUCER_ID);
    AWAIT(scene_is(RUNTIME_OWNER), BACK_MS_MAX);
    scene_stop();
}
END_TEST

/* One of three brokers is dead, and none of ours: nothing is to be recovered from. */
START_TEST(a_dead_broker_that_nobody_needs_disturbs_nothing)
{
    char addresses[256];
    size_t fences;

    scene_prepare((struct scene_setup){0});
    snprintf(addresses, sizeof(addresses), NO_BROKER ",%s,127.0.0.1:2",
             mock_cluster_address(scene_cluster()));
    scene_use_address(addresses);
    scene_own();
    for (size_t i = 0; i < 20; i++)
        scene_order(i);
    fences = mock_cluster_requests(scene_cluster(), API_INIT_PRODUCER_ID);
    scene_stop();
    ck_assert_uint_eq(fences, 1);
}
END_TEST

/* The ledger's leader is away: what was published is not known, so nothing may be decided. */
START_TEST(nothing_is_decided_before_the_whole_ledger_was_read)
{
    scene_prepare((struct scene_setup){.brokers = 2});
    scene_own();
    scene_order(1);
    scene_stop();
    scene_lose_cache();
    mock_cluster_delay(scene_cluster(), SCENE_LEDGER_BROKER, API_FETCH, 200, 10);
    scene_own();
    scene_order(2);
    scene_order(3);
    scene_stop();
    ck_assert_uint_eq(scene_answers(1), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("away");
    TCase *tests = tcase_create("away");
    int result;

    temp_directories_start();
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_loop_test(tests, a_missing_topic_is_named_and_awaited, 0, 4);
    tcase_add_test(tests, topics_that_disagree_in_partitions_are_named);
    tcase_add_test(tests, more_shards_than_there_is_room_for_are_refused);
    tcase_add_test(tests, a_data_directory_that_cannot_be_used_is_a_clear_line_and_is_awaited);
    tcase_add_test(tests, a_broker_that_is_not_there_is_a_clear_line_and_is_awaited);
    tcase_add_test(tests, a_broker_that_does_not_answer_is_a_clear_line);
    tcase_add_test(tests, a_broker_that_goes_during_a_commit_and_comes_back_is_met_again);
    tcase_add_test(tests, connections_that_are_cut_again_and_again_delay_orders_at_most);
    tcase_add_test(tests, progress_moves_and_a_line_says_why_while_there_is_no_coordinator);
    tcase_add_test(tests, a_dead_broker_that_nobody_needs_disturbs_nothing);
    tcase_add_test(tests, nothing_is_decided_before_the_whole_ledger_was_read);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
