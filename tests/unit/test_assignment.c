/*
 * test_assignment.c - which partitions a shard reads: those with p mod shards = s, of all topics.
 */
#include "common/kafka/assignment.h"

#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"

#define ALL UINT32_MAX
#define TEXT_SIZE 512

/* As inventory: two own topics, and inputs from several others. */
static const struct subscription subscriptions[] = {
    {EVENT_PAYMENT_PROCESSED, TOPIC_INVENTORY}, {EVENT_SHIPMENT_CREATED, TOPIC_INVENTORY},
    {EVENT_SHIPMENT_FAILED, TOPIC_INVENTORY},   {EVENT_SHIPMENT_CANCELLED, TOPIC_INVENTORY},
    {EVENT_STOCK_RECEIVED, TOPIC_STOCK},
};
static const struct participant participant = {
    .name = "inventory",
    .shards = TOPIC_INVENTORY_SHARDS,
    .dead_letters = TOPIC_INVENTORY_DEAD_LETTERS,
    .replays = TOPIC_INVENTORY_REPLAYS,
    .ledgers = {TOPIC_INVENTORY, TOPIC_STOCK},
    .ledger_count = 2,
    .subscriptions = subscriptions,
    .subscription_count = ARRAY_LEN(subscriptions),
};

static struct topics topics;
static struct ledger *ledger;
static struct error err;

static void describe(enum topic topic, int32_t partition_count)
{
    struct topic_state *state = &topics.list[topics.count++];

    state->topic = topic;
    state->partition_count = partition_count;
    topic_name("t.", topic, state->name);
    strcpy(state->id, "id");
}

static void start(int32_t shard_count, int32_t partition_count)
{
    char directory[TEMP_DIRECTORY_SIZE];

    describe(TOPIC_INVENTORY_SHARDS, shard_count);
    describe(TOPIC_INVENTORY_DEAD_LETTERS, 1);
    describe(TOPIC_INVENTORY, partition_count);
    describe(TOPIC_STOCK, 1);
    describe(TOPIC_PAYMENTS, partition_count);
    describe(TOPIC_SHIPMENTS, partition_count);
    describe(TOPIC_STOCK_RECEIPTS, 1);
    describe(TOPIC_INVENTORY_REPLAYS, partition_count);
    temp_directory_new(directory);
    ck_assert_int_eq(ledger_open(directory, &topics, participant.ledgers, participant.ledger_count,
                                 &ledger, &err),
                     0);
}

static void teardown(void)
{
    ledger_close(ledger);
}

/* "t.payments/0 t.payments/2", with "@offset" where there is one. Takes the list. */
static const char *text_of(rd_kafka_topic_partition_list_t *list)
{
    static char text[TEXT_SIZE];
    size_t len = 0;

    text[0] = '\0';
    rd_kafka_topic_partition_list_sort(list, NULL, NULL);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s/%d", i > 0 ? " " : "",
                                entry->topic, (int)entry->partition);
        if (entry->offset != RD_KAFKA_OFFSET_INVALID)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "@%d", (int)entry->offset);
        ck_assert_uint_lt(len, sizeof(text));
    }
    rd_kafka_topic_partition_list_destroy(list);
    return text;
}

static const char *inputs(uint32_t shards)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    assignment_add_inputs(&participant, &topics, shards, list);
    return text_of(list);
}

static const char *own_topics(uint32_t shards)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    int r = assignment_add_ledgers(&participant, &topics, ledger, shards, list, &err);

    ck_assert_msg(r == 0, "%s", err.text);
    return text_of(list);
}

START_TEST(a_single_shard_reads_every_partition)
{
    start(1, 3);
    ck_assert_str_eq(inputs(1), "t.inventory.replays/0 t.inventory.replays/1 "
                                "t.inventory.replays/2 t.payments/0 t.payments/1 t.payments/2 "
                                "t.shipments/0 t.shipments/1 t.shipments/2 t.stock-receipts/0");
    ck_assert_str_eq(own_topics(1), "t.inventory/0@0 t.inventory/1@0 t.inventory/2@0 t.stock/0@0");
}
END_TEST

START_TEST(without_a_shard_there_is_nothing_to_read)
{
    start(2, 4);
    ck_assert_str_eq(inputs(0), "");
    ck_assert_str_eq(own_topics(0), "");
}
END_TEST

START_TEST(a_shard_reads_its_partitions_of_every_topic)
{
    start(2, 5);
    ck_assert_str_eq(inputs(1 << 0),
                     "t.inventory.replays/0 t.inventory.replays/2 "
                     "t.inventory.replays/4 t.payments/0 t.payments/2 t.payments/4 "
                     "t.shipments/0 t.shipments/2 t.shipments/4 t.stock-receipts/0");
    ck_assert_str_eq(inputs(1 << 1), "t.inventory.replays/1 t.inventory.replays/3 t.payments/1 "
                                     "t.payments/3 t.shipments/1 t.shipments/3");
    ck_assert_str_eq(own_topics(1 << 1), "t.inventory/1@0 t.inventory/3@0");
}
END_TEST

START_TEST(a_set_of_shards_reads_what_each_of_them_reads)
{
    start(3, 6);
    ck_assert_str_eq(inputs(1 << 0 | 1 << 2),
                     "t.inventory.replays/0 t.inventory.replays/2 t.inventory.replays/3 "
                     "t.inventory.replays/5 "
                     "t.payments/0 t.payments/2 t.payments/3 t.payments/5 t.shipments/0 "
                     "t.shipments/2 t.shipments/3 t.shipments/5 t.stock-receipts/0");
    ck_assert_str_eq(own_topics(1 << 1 | 1 << 2),
                     "t.inventory/1@0 t.inventory/2@0 t.inventory/4@0 t.inventory/5@0");
}
END_TEST

START_TEST(all_shards_and_none_but_one_are_sets_like_others)
{
    start(32, 33);
    ck_assert_str_eq(inputs(UINT32_C(1) << 31),
                     "t.inventory.replays/31 t.payments/31 t.shipments/31");
    ck_assert_str_eq(own_topics(1), "t.inventory/0@0 t.inventory/32@0 t.stock/0@0");
    ck_assert_str_eq(own_topics(ALL & ~UINT32_C(0x7fffffff)), "t.inventory/31@0");
}
END_TEST

START_TEST(more_shards_than_partitions_leave_some_with_nothing)
{
    start(4, 2);
    ck_assert_str_eq(inputs(1 << 3), "");
    ck_assert_str_eq(inputs(1 << 1), "t.inventory.replays/1 t.payments/1 t.shipments/1");
}
END_TEST

START_TEST(own_topics_are_read_from_where_the_cache_is_good_for)
{
    start(1, 3);
    ledger_advance(ledger, TOPIC_INVENTORY, 1, 42);
    ledger_advance(ledger, TOPIC_STOCK, 0, 7);
    ck_assert_int_eq(ledger_commit(ledger, SAMPLE_MS, &err), 0);
    ck_assert_str_eq(own_topics(1), "t.inventory/0@0 t.inventory/1@42 t.inventory/2@0 t.stock/0@7");
}
END_TEST

START_TEST(what_is_there_already_is_kept)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    start(1, 1);
    rd_kafka_topic_partition_list_add(list, "another", 9);
    assignment_add_inputs(&participant, &topics, 1, list);
    ck_assert_str_eq(text_of(list), "another/9 t.inventory.replays/0 t.payments/0 t.shipments/0 "
                                    "t.stock-receipts/0");
}
END_TEST

START_TEST(a_participant_reads_the_topics_of_its_subscriptions_and_its_replays)
{
    ck_assert(participant_reads(&participant, TOPIC_INVENTORY_REPLAYS));
    ck_assert(!participant_reads(&participant, TOPIC_PAYMENT_REPLAYS));
    ck_assert(participant_reads(&participant, TOPIC_PAYMENTS));
    ck_assert(participant_reads(&participant, TOPIC_STOCK_RECEIPTS));
    ck_assert(!participant_reads(&participant, TOPIC_ORDERS));
    ck_assert(!participant_reads(&participant, TOPIC_INVENTORY));
    ck_assert(!participant_reads(&participant, TOPIC_STOCK));
}
END_TEST

START_TEST(the_topics_of_a_participant_are_named_once_each)
{
    static const enum topic expected[] = {
        TOPIC_INVENTORY_SHARDS, TOPIC_INVENTORY_DEAD_LETTERS,
        TOPIC_INVENTORY,        TOPIC_STOCK,
        TOPIC_PAYMENTS,         TOPIC_SHIPMENTS,
        TOPIC_STOCK_RECEIPTS,   TOPIC_INVENTORY_REPLAYS,
    };
    enum topic found[TOPIC_COUNT];

    ck_assert_uint_eq(participant_topics(&participant, found), ARRAY_LEN(expected));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        ck_assert_int_eq(found[i], expected[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("assignment");
    TCase *tests = tcase_create("assignment");
    int result;

    temp_directories_start();
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, a_single_shard_reads_every_partition);
    tcase_add_test(tests, without_a_shard_there_is_nothing_to_read);
    tcase_add_test(tests, a_shard_reads_its_partitions_of_every_topic);
    tcase_add_test(tests, a_set_of_shards_reads_what_each_of_them_reads);
    tcase_add_test(tests, all_shards_and_none_but_one_are_sets_like_others);
    tcase_add_test(tests, more_shards_than_partitions_leave_some_with_nothing);
    tcase_add_test(tests, own_topics_are_read_from_where_the_cache_is_good_for);
    tcase_add_test(tests, what_is_there_already_is_kept);
    tcase_add_test(tests, a_participant_reads_the_topics_of_its_subscriptions_and_its_replays);
    tcase_add_test(tests, the_topics_of_a_participant_are_named_once_each);
    suite_add_tcase(suite, tests);
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
