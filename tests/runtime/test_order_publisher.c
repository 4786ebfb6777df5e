/*
 * test_order_publisher.c - what the front door writes, against a mock cluster: each record is
 * settled once, and never sent a second time as if it were another one.
 */
#include "services/order/front_door/order_publisher.h"

#include <stdatomic.h>
#include <string.h>

#include "tests/runtime/await.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/wire.h"
#include "tests/unit/suite.h"

#define TEST_S_MAX 60
#define ORDERS "t.orders"
#define TICKETS_MAX 8
#define SETTLED_MS_MAX 5000
#define NOTHING_MS 300
/* The second record is so much younger, and both are sent when the first has so much time left. */
#define YOUNGER_MS 3000
#define LEFT_MS 1500
/* Beyond all times: the broker has the records, and its answer is lost. */
#define ANSWER_MS 60000

static struct mock_cluster cluster;
static struct wire wire;
static struct kafka_config kafka;
static struct order_publisher *publisher;
static struct codec *codec;
static struct error err;
static atomic_int settled[TICKETS_MAX];
static atomic_bool confirmed[TICKETS_MAX], may_exist[TICKETS_MAX];

static void on_settled(void *context, const struct publication *publication)
{
    (void)context;
    confirmed[publication->ticket] = publication->is_confirmed;
    may_exist[publication->ticket] = publication->may_exist;
    settled[publication->ticket]++;
}

static void on_tick(void *context)
{
    (void)context;
}

static void setup(void)
{
    const struct order_publisher_config config = {
        .kafka = &kafka, .on_settled = on_settled, .on_tick = on_tick};

    mock_cluster_start(&cluster, 1);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_ORDERS, 1);
    mock_cluster_create_topic(&cluster, "t.", TOPIC_ORDER_REQUESTS, 1);
    kafka = (struct kafka_config){mock_cluster_address(&cluster), "", "t.", "order-0"};
    wire_open(&wire, mock_cluster_address(&cluster));
    ck_assert_int_eq(codec_new(&codec, &err), 0);
    ck_assert_msg(order_publisher_new(&config, &publisher, &err) == 0, "%s", err.text);
}

static void teardown(void)
{
    order_publisher_free(publisher, 0);
    codec_free(codec);
    wire_close(&wire);
}

/* The ticket is the number of the order. */
static void send_order(size_t number)
{
    struct event event;

    sample_order_placed(&event, number);
    ck_assert_msg(order_publisher_send(publisher, codec, &event, NULL, number, &err) == 0, "%s",
                  err.text);
}

static void send_and_confirm(size_t number)
{
    send_order(number);
    AWAIT(settled[number] == 1, SETTLED_MS_MAX);
    ck_assert(confirmed[number]);
}

/* How often the order is in the topic. */
static int count_of(size_t number)
{
    char key[UUID_SIZE];
    rd_kafka_message_t *message;
    int count = 0;

    sample_key(number, key);
    wire_read(&wire, ORDERS, 1);
    while ((message = wire_next(&wire, NOTHING_MS)) != NULL) {
        count += memcmp(message->key, key, UUID_SIZE - 1) == 0 ? 1 : 0;
        rd_kafka_message_destroy(message);
    }
    return count;
}

START_TEST(what_is_confirmed_is_settled_once_and_in_the_topic_once)
{
    send_and_confirm(1);
    send_and_confirm(2);
    ck_assert_int_eq(count_of(1), 1);
    ck_assert_int_eq(count_of(2), 1);
}
END_TEST

START_TEST(what_no_broker_has_seen_fails_in_time_and_is_nowhere)
{
    int64_t start_ms;

    send_and_confirm(1);
    mock_cluster_set_down(&cluster);
    start_ms = clock_monotonic_ms();
    send_order(2);
    AWAIT(settled[2] == 1, PUBLISH_MS_MAX + SETTLED_MS_MAX);
    ck_assert_int_ge(clock_monotonic_ms() - start_ms, PUBLISH_MS_MAX);
    ck_assert(!confirmed[2] && !may_exist[2]);
    mock_cluster_set_up(&cluster);
    send_and_confirm(3);
    ck_assert_int_eq(count_of(2), 0);
    ck_assert_int_eq(settled[2], 1);
}
END_TEST

/*
 * Both go to the broker, which writes them and does not answer. When the time of the first is up,
 * the library by itself would number the second one anew and send it again.
 */
START_TEST(what_lacks_only_its_answer_is_not_sent_again_under_another_number)
{
    int64_t start_ms;

    send_and_confirm(1);
    mock_cluster_set_down(&cluster);
    start_ms = clock_monotonic_ms();
    send_order(2);
    AWAIT(clock_monotonic_ms() - start_ms >= YOUNGER_MS, PUBLISH_MS_MAX);
    send_order(3);
    AWAIT(clock_monotonic_ms() - start_ms >= PUBLISH_MS_MAX - LEFT_MS, PUBLISH_MS_MAX);
    mock_cluster_delay(&cluster, 1, API_PRODUCE, ANSWER_MS, 1);
    mock_cluster_set_up(&cluster);
    AWAIT(settled[2] == 1 && settled[3] == 1, PUBLISH_MS_MAX);
    ck_assert(!confirmed[2] && may_exist[2]);
    send_and_confirm(4);
    ck_assert_int_eq(count_of(2), 1);
    ck_assert_int_eq(count_of(3), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_publisher");
    TCase *tests = tcase_create("records");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, TEST_S_MAX);
    tcase_add_test(tests, what_is_confirmed_is_settled_once_and_in_the_topic_once);
    tcase_add_test(tests, what_no_broker_has_seen_fails_in_time_and_is_nowhere);
    tcase_add_test(tests, what_lacks_only_its_answer_is_not_sent_again_under_another_number);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}
