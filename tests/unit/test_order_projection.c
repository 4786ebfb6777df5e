/*
 * test_order_projection.c - the read side over a broker: when it is ready, who is told of what, and
 * what can be read then.
 */
#include "services/order/read_side/projection.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/await.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"
#include "tests/runtime/wire.h"

#define PREFIX "t."
#define PARTITIONS 4
#define READY_MS_MAX 20000

static struct mock_cluster cluster;
static struct kafka_config kafka;
static struct wire wire;
static struct projection *projection;
static struct codec *codec;
static char data_dir[TEMP_DIRECTORY_SIZE];
static struct error err;

/* Of the listener, on the projection's thread. */
static struct codec *listener_codec;
static atomic_bool is_listening;
static atomic_size_t told, told_and_readable, told_ready;

static bool is_wanted(void *context)
{
    (void)context;
    return is_listening;
}

static void on_changes(void *context, const struct order_change *changes, size_t count)
{
    struct history history;

    (void)context;
    told_ready += count == 0;
    for (size_t i = 0; i < count; i++) {
        if (projection_read(projection, listener_codec, changes[i].order_id, &history, NULL) == 0) {
            told_and_readable += history.count > 0;
            history_done(&history);
        }
        told++;
    }
}

static void create_topic(enum topic topic)
{
    mock_cluster_create_topic(&cluster, PREFIX, topic,
                              topic_info(topic)->keyed_by_order ? PARTITIONS : 1);
}

static void set_up(void)
{
    mock_cluster_start(&cluster, 1);
    for (size_t i = 0; i < HISTORY_TOPIC_COUNT; i++)
        create_topic(history_topics[i]);
    kafka = (struct kafka_config){.bootstrap_servers = mock_cluster_address(&cluster),
                                  .properties_file = "",
                                  .topic_prefix = PREFIX,
                                  .client_id = "order-0"};
    temp_directory_new(data_dir);
    wire_open(&wire, kafka.bootstrap_servers);
    ck_assert_int_eq(codec_new(&codec, NULL), 0);
    ck_assert_int_eq(codec_new(&listener_codec, NULL), 0);
    is_listening = false;
    told = told_and_readable = told_ready = 0;
}

static void tear_down(void)
{
    projection_close(projection);
    projection = NULL;
    wire_close(&wire);
    codec_free(codec);
    codec_free(listener_codec);
}

static void given_projection(void)
{
    const struct projection_config config = {
        .kafka = &kafka,
        .data_dir = data_dir,
        .listener = {.is_wanted = is_wanted, .on_changes = on_changes}};

    ck_assert_int_eq(projection_open(&config, &projection, NULL), 0);
}

static void given_ready_projection(void)
{
    create_topic(TOPIC_STOCK);
    given_projection();
    AWAIT(projection_ready(projection, &err) == 0, READY_MS_MAX);
}

static void send_event(const struct event *event)
{
    wire_send_event(&wire,
                    event_topic(event->type) == TOPIC_STOCK    ? PREFIX "stock"
                    : event_topic(event->type) == TOPIC_ORDERS ? PREFIX "orders"
                                                               : PREFIX "payments",
                    event, NULL);
}

static void send_order(size_t number)
{
    struct event event;

    sample_order_placed(&event, number);
    send_event(&event);
}

static size_t events_of(size_t number)
{
    struct history history;
    char id[UUID_SIZE];
    size_t count;

    sample_key(number, id);
    ck_assert_msg(projection_read(projection, codec, id, &history, &err) == 0, "%s", err.text);
    count = history.count;
    history_done(&history);
    return count;
}

static int64_t level_of(const char *product)
{
    struct event event;

    return projection_stock(projection, codec, product, &event, &err) == 0
               ? event.data.stock_level_changed.on_hand
               : -1;
}

static bool count_order(void *context, const struct order_view *view)
{
    (void)view;
    ++*(size_t *)context;
    return true;
}

static bool count_record(void *context, const struct feed_record *record)
{
    (void)record;
    ++*(size_t *)context;
    return true;
}

static size_t orders_listed(void)
{
    const struct order_range range = {.visit_max = 10};
    size_t count = 0;

    ck_assert_int_eq(projection_scan(projection, codec, &range, count_order, &count, NULL, NULL),
                     0);
    return count;
}

static size_t records_fed(struct feed_cursor *cursor)
{
    size_t count = 0;

    ck_assert_int_eq(projection_feed(projection, cursor, count_record, &count, NULL), 0);
    return count;
}

START_TEST(it_waits_for_the_topic_of_the_stock_too)
{
    const struct order_range range = {.visit_max = 1};
    struct feed_cursor cursor = {0};
    struct event event;
    size_t count = 0;

    given_projection();
    AWAIT(projection_ready(projection, &err) == -EAGAIN && strstr(err.text, PREFIX "stock") != NULL,
          READY_MS_MAX);
    ck_assert_int_eq(projection_stock(projection, codec, "A", &event, NULL), -EAGAIN);
    ck_assert_int_eq(projection_feed_begin(projection, NULL, &cursor, NULL), -EAGAIN);
    ck_assert_int_eq(projection_feed(projection, &cursor, count_record, &count, NULL), -EAGAIN);
    ck_assert_int_eq(projection_scan(projection, codec, &range, count_order, &count, NULL, NULL),
                     -EAGAIN);
    create_topic(TOPIC_STOCK);
    AWAIT(projection_ready(projection, &err) == 0, READY_MS_MAX);
}
END_TEST

START_TEST(when_it_is_ready_all_that_was_there_can_be_read)
{
    struct feed_cursor cursor;
    struct event event;

    create_topic(TOPIC_STOCK);
    send_order(1);
    send_order(2);
    sample_payment_failed(&event, 1, "payment_declined");
    send_event(&event);
    sample_stock_level(&event, "A", 7);
    send_event(&event);
    given_projection();
    AWAIT(projection_ready(projection, &err) == 0, READY_MS_MAX);
    ck_assert_uint_eq(events_of(1), 2);
    ck_assert_uint_eq(events_of(2), 1);
    ck_assert_uint_eq(orders_listed(), 2);
    ck_assert_int_eq(level_of("A"), 7);
    ck_assert_int_eq(projection_feed_begin(projection, &(struct feed_positions){0}, &cursor, NULL),
                     0);
    ck_assert_uint_eq(records_fed(&cursor), 3);
    ck_assert_int_eq(projection_feed_begin(projection, NULL, &cursor, NULL), 0);
    ck_assert_uint_eq(records_fed(&cursor), 0);
}
END_TEST

START_TEST(who_is_told_of_a_change_can_read_it)
{
    struct event event;

    given_ready_projection();
    is_listening = true;
    send_order(1);
    AWAIT(told == 1, WIRE_MS_MAX);
    sample_payment_failed(&event, 1, "payment_declined");
    send_event(&event);
    AWAIT(told == 2, WIRE_MS_MAX);
    ck_assert_uint_eq(told_and_readable, 2);
    is_listening = false;
    send_order(2);
    AWAIT(events_of(2) == 1, WIRE_MS_MAX);
    ck_assert_uint_eq(told, 2);
}
END_TEST

START_TEST(who_waits_while_it_is_not_ready_is_told_when_it_is)
{
    is_listening = true;
    given_ready_projection();
    AWAIT(told_ready == 1, WIRE_MS_MAX);
    send_order(1);
    AWAIT(told == 1, WIRE_MS_MAX);
    ck_assert_uint_eq(told_ready, 1);
}
END_TEST

START_TEST(of_stock_nobody_is_told_and_a_tombstone_takes_it_away)
{
    struct event event;

    given_ready_projection();
    is_listening = true;
    sample_stock_level(&event, "A", 7);
    send_event(&event);
    AWAIT(level_of("A") == 7, WIRE_MS_MAX);
    wire_send(&wire, (struct wire_record){.topic = PREFIX "stock", .key = "A", .key_len = 1});
    AWAIT(level_of("A") == -1, WIRE_MS_MAX);
    ck_assert_uint_eq(told, 0);
}
END_TEST

START_TEST(after_a_restart_positions_still_mean_the_same)
{
    struct feed_cursor cursor;

    given_ready_projection();
    send_order(1);
    AWAIT(events_of(1) == 1, WIRE_MS_MAX);
    ck_assert_int_eq(projection_feed_begin(projection, NULL, &cursor, NULL), 0);
    projection_close(projection);
    send_order(2);
    given_projection();
    AWAIT(projection_ready(projection, &err) == 0, READY_MS_MAX);
    ck_assert_int_eq(projection_feed_begin(projection, &cursor.positions, &cursor, NULL), 0);
    ck_assert_uint_eq(records_fed(&cursor), 1);
    ck_assert_uint_eq(orders_listed(), 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_projection");
    TCase *tcase = tcase_create("order_projection");
    int failed;

    temp_directories_start();
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, it_waits_for_the_topic_of_the_stock_too);
    tcase_add_test(tcase, when_it_is_ready_all_that_was_there_can_be_read);
    tcase_add_test(tcase, who_is_told_of_a_change_can_read_it);
    tcase_add_test(tcase, who_waits_while_it_is_not_ready_is_told_when_it_is);
    tcase_add_test(tcase, of_stock_nobody_is_told_and_a_tombstone_takes_it_away);
    tcase_add_test(tcase, after_a_restart_positions_still_mean_the_same);
    suite_add_tcase(suite, tcase);
    failed = suite_main(suite);
    temp_directories_stop();
    return failed;
}
