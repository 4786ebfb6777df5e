/*
 * applier.c - see applier.h. Records are kept unparsed, so a batch costs little more than to write
 * it; what is no event is found out when somebody reads.
 */
#include "services/order/applier.h"

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/uuid.h"

/* Entries that may expire per batch: more than a batch adds, so that they never pile up. */
#define EXPIRED_PER_BATCH_MAX (2 * BATCH_RECORDS_MAX)

void applier_init(struct applier *applier, const struct order_listener *listener)
{
    memset(applier, 0, sizeof(*applier));
    applier->listener = *listener;
}

static int expire(struct history_writer *writer, struct error *err)
{
    int64_t oldest_ms = clock_utc_ms() - topic_info(TOPIC_ORDERS)->retention_ms;

    return history_expire(writer, oldest_ms, EXPIRED_PER_BATCH_MAX, err);
}

/* Is this a record that could be of an order? Its JSON is not looked at here: see history.h. */
static bool is_plausible(const rd_kafka_message_t *message, const struct partition *partition)
{
    return message->payload != NULL && message->key != NULL &&
           uuid_is_valid(message->key, message->key_len) &&
           rd_kafka_msg_partitioner_murmur2(NULL, message->key, message->key_len,
                                            partition->topic->partition_count, NULL,
                                            NULL) == message->partition;
}

static int apply_record(struct follower *follower, struct history_writer *writer,
                        const rd_kafka_message_t *message, struct error *err)
{
    struct partition *partition = follower_partition(follower, message);
    rd_kafka_timestamp_type_t type;
    int r = 0;

    if (partition == NULL)
        return error_set(err, -EIO, "a record of a partition that was not asked for");
    if (is_plausible(message, partition)) {
        const struct history_record record = {
            .order_id = message->key,
            .topic = partition->topic->topic,
            .partition = message->partition,
            .offset = message->offset,
            .timestamp_ms = rd_kafka_message_timestamp(message, &type),
            .json = message->payload,
            .len = message->len,
        };

        r = history_put(writer, &record, err);
    }
    if (r == 0)
        follower_advance(follower, partition, message->offset + 1, false);
    return r;
}

static void reach_end(struct follower *follower, const rd_kafka_message_t *message)
{
    struct partition *partition = follower_partition(follower, message);

    if (partition != NULL)
        follower_advance(follower, partition, message->offset, true);
}

/* Of what the library says in between, only this passes by itself. */
static bool is_transient(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__RESOLVE;
}

static bool is_of_interest(const struct applier *applier, struct follower *follower,
                           const rd_kafka_message_t *message)
{
    const struct partition *partition = follower_partition(follower, message);

    return message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->payload != NULL &&
           partition->topic->topic == TOPIC_ORDERS &&
           applier->listener.wants_orders(applier->listener.context);
}

/* Takes the message in every case. */
static int take_message(struct applier *applier, struct follower *follower,
                        struct history_writer *writer, rd_kafka_message_t *message,
                        struct error *err)
{
    int r = 0;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        reach_end(follower, message);
    else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        r = apply_record(follower, writer, message, err);
    else if (!is_transient(message->err))
        r = error_set(err, -EIO, "%s", rd_kafka_message_errstr(message));
    if (r == 0 && is_of_interest(applier, follower, message))
        applier->orders[applier->order_count++] = message;
    else
        rd_kafka_message_destroy(message);
    return r;
}

/* `report` is false when the batch failed: the records will come again. */
static void settle_orders(struct applier *applier, bool report)
{
    for (size_t i = 0; i < applier->order_count; i++) {
        rd_kafka_message_t *message = applier->orders[i];

        if (report)
            applier->listener.on_order(applier->listener.context, message->payload, message->len);
        rd_kafka_message_destroy(message);
    }
    applier->order_count = 0;
}

static int collect(struct applier *applier, struct follower *follower,
                   struct history_writer *writer, rd_kafka_message_t *message, struct error *err)
{
    int64_t latest_ms = clock_monotonic_ms() + BATCH_MS_MAX;
    int r = 0;

    for (size_t i = 1; r == 0 && message != NULL; i++) {
        r = take_message(applier, follower, writer, message, err);
        message = NULL;
        if (r == 0 && i < BATCH_RECORDS_MAX && clock_monotonic_ms() < latest_ms)
            message = rd_kafka_consumer_poll(follower->consumer, 0);
    }
    return r;
}

int applier_run(struct applier *applier, struct follower *follower, struct store *store,
                rd_kafka_message_t *first, struct error *err)
{
    CLEANUP(transaction_cleanup) struct store_txn *txn = NULL;
    struct history_writer writer;
    int r = store_begin_write(store, &txn, err);

    if (r == 0)
        r = history_writer_init(&writer, txn, err);
    if (r < 0)
        rd_kafka_message_destroy(first);
    if (r == 0)
        r = collect(applier, follower, &writer, first, err);
    if (r == 0)
        r = follower_save(follower, txn, err);
    if (r == 0)
        r = expire(&writer, err);
    if (r == 0)
        r = store_commit(TAKE_PTR(txn), err);
    settle_orders(applier, r == 0);
    return r;
}
