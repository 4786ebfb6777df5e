/* test_order_batch.c - in which order the records of a batch are applied. */
#include "services/order/read_side/batch.h"

#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"

#define ORDERS 0
#define PAYMENTS 2

/* As a follower has them: orders 0 and 1, payments 0 and 1. */
static struct partition partitions[4];
static struct batch batch;
static rd_kafka_message_t messages[BATCH_RECORDS_MAX];
static char order[256];

static void set_up(void)
{
    for (size_t i = 0; i < ARRAY_LEN(partitions); i++)
        partitions[i].latest_ms = INT64_MIN;
    batch.count = 0;
    batch.bytes = 0;
}

/* Its offset is the number of the record in the batch. */
static void given(size_t partition, int64_t timestamp_ms)
{
    rd_kafka_message_t *message = &messages[batch.count];

    *message = (rd_kafka_message_t){.offset = (int64_t)batch.count, .len = 100};
    batch_add(&batch, &partitions[partition], message, timestamp_ms);
}

static const char *when_sorted(void)
{
    size_t len = 0;

    batch_sort(&batch);
    for (size_t i = 0; i < batch.count; i++)
        len += (size_t)snprintf(order + len, sizeof(order) - len, "%d ",
                                (int)batch.entries[i].message->offset);
    return order;
}

START_TEST(a_cause_comes_before_its_effect_that_arrived_first)
{
    given(PAYMENTS, 1005);
    given(PAYMENTS, 1010);
    given(ORDERS, 1000);
    given(ORDERS, 1007);
    ck_assert_str_eq(when_sorted(), "2 0 3 1 ");
}
END_TEST

START_TEST(of_one_millisecond_the_earlier_topic_comes_first)
{
    given(PAYMENTS + 1, 1000);
    given(PAYMENTS, 1000);
    given(ORDERS + 1, 1000);
    given(ORDERS, 1000);
    ck_assert_str_eq(when_sorted(), "3 2 1 0 ");
}
END_TEST

START_TEST(a_partition_keeps_its_order_whatever_its_clocks_say)
{
    given(ORDERS, 1010);
    given(ORDERS, 1000); /* the clock went back */
    given(ORDERS, 1000);
    given(PAYMENTS, 1005);
    given(ORDERS, 1020);
    ck_assert_str_eq(when_sorted(), "3 0 1 2 4 ");
}
END_TEST

START_TEST(a_batch_has_room_for_so_many_records_and_bytes)
{
    for (size_t i = 0; i < BATCH_RECORDS_MAX; i++) {
        ck_assert(batch_has_room(&batch));
        given(ORDERS, 1000);
    }
    ck_assert(!batch_has_room(&batch));
    set_up();
    batch.bytes = BATCH_BYTES_MAX - 100;
    ck_assert(batch_has_room(&batch));
    given(ORDERS, 1000);
    ck_assert(!batch_has_room(&batch));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_batch");
    TCase *tcase = tcase_create("order_batch");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, a_cause_comes_before_its_effect_that_arrived_first);
    tcase_add_test(tcase, of_one_millisecond_the_earlier_topic_comes_first);
    tcase_add_test(tcase, a_partition_keeps_its_order_whatever_its_clocks_say);
    tcase_add_test(tcase, a_batch_has_room_for_so_many_records_and_bytes);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
