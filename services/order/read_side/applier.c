/*
 * applier.c - see applier.h. Records are kept unparsed, but for an OrderPlaced, so a batch costs
 * little more than to write it; what is no event is found out when somebody reads.
 */
#include "services/order/read_side/applier.h"

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/uuid.h"
#include "services/order/read_side/history_stock.h"

/* Entries that may expire per batch: more than a batch adds, so that they never pile up. */
#define EXPIRED_PER_BATCH_MAX (2 * BATCH_RECORDS_MAX)

void applier_init(struct applier *applier, const struct order_listener *listener,
                  struct codec *codec)
{
    memset(applier, 0, sizeof(*applier));
    applier->listener = *listener;
    applier->codec = codec;
}

static int expire(struct history_writer *writer, struct error *err)
{
    int64_t oldest_ms = clock_utc_ms() - topic_info(TOPIC_ORDERS)->retention_ms;

    return history_expire(writer, oldest_ms, EXPIRED_PER_BATCH_MAX, err);
}

/* ---------------------------------------------------------------------- what a batch is made of */

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

/* Takes what is no record. */
static int take_notice(struct follower *follower, rd_kafka_message_t *message, struct error *err)
{
    int r = 0;

    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        reach_end(follower, message);
    else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        r = error_set(err, -EIO, "a record of a partition that was not asked for");
    else if (!is_transient(message->err))
        r = error_set(err, -EIO, "%s", rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    return r;
}

static int take_message(struct applier *applier, struct follower *follower,
                        rd_kafka_message_t *message, struct error *err)
{
    struct partition *partition = NULL;
    rd_kafka_timestamp_type_t type;

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        partition = follower_partition(follower, message);
    if (partition == NULL)
        return take_notice(follower, message, err);
    batch_add(&applier->batch, partition, message, rd_kafka_message_timestamp(message, &type));
    return 0;
}

static int collect(struct applier *applier, struct follower *follower, rd_kafka_message_t *message,
                   struct error *err)
{
    int64_t latest_ms = clock_monotonic_ms() + BATCH_MS_MAX;
    int r = 0;

    while (r == 0 && message != NULL) {
        r = take_message(applier, follower, message, err);
        message = NULL;
        if (r == 0 && batch_has_room(&applier->batch) && clock_monotonic_ms() < latest_ms)
            message = rd_kafka_consumer_poll(follower->consumer, 0);
    }
    return r;
}

/* -------------------------------------------------------------------------- how it is applied */

/* Is this a record that could be of an order? Its JSON is not looked at here: see history.h. */
static bool is_plausible(const rd_kafka_message_t *message, const struct partition *partition)
{
    return message->payload != NULL && message->key != NULL &&
           uuid_is_valid(message->key, message->key_len) &&
           rd_kafka_msg_partitioner_murmur2(NULL, message->key, message->key_len,
                                            partition->topic->partition_count, NULL,
                                            NULL) == message->partition;
}

static int apply_order(struct history_writer *writer, struct batch_entry *entry, struct error *err)
{
    const rd_kafka_message_t *message = entry->message;
    rd_kafka_timestamp_type_t type;
    const struct history_record record = {
        .order_id = message->key,
        .topic = entry->partition->topic->topic,
        .partition = message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, &type),
        .json = message->payload,
        .len = message->len,
    };

    entry->is_change = is_plausible(message, entry->partition);
    return entry->is_change ? history_put(writer, &record, err) : 0;
}

static int apply_stock(struct store_txn *txn, const struct batch_entry *entry, struct error *err)
{
    const rd_kafka_message_t *message = entry->message;

    if (message->key == NULL)
        return 0;
    return history_stock_put(txn, message->key, message->key_len, message->payload, message->len,
                             err);
}

static int apply_records(struct batch *batch, struct follower *follower,
                         struct history_writer *writer, struct error *err)
{
    int r = 0;

    batch_sort(batch);
    for (size_t i = 0; r == 0 && i < batch->count; i++) {
        struct batch_entry *entry = &batch->entries[i];

        r = entry->partition->topic->topic == TOPIC_STOCK ? apply_stock(writer->txn, entry, err)
                                                          : apply_order(writer, entry, err);
        follower_advance(follower, entry->partition, entry->message->offset + 1, false);
    }
    return r == 0 ? history_writer_finish(writer, err) : r;
}

static int apply(struct applier *applier, struct follower *follower, struct store *store,
                 struct error *err)
{
    CLEANUP(transaction_cleanup) struct store_txn *txn = NULL;
    struct history_writer writer;
    int r = store_begin_write(store, &txn, err);

    if (r == 0)
        r = history_writer_init(&writer, txn, applier->codec, err);
    if (r == 0)
        r = apply_records(&applier->batch, follower, &writer, err);
    if (r == 0)
        r = follower_save(follower, txn, err);
    if (r == 0)
        r = expire(&writer, err);
    return r == 0 ? store_commit(TAKE_PTR(txn), err) : r;
}

/* Asks only now: see struct order_listener. */
static void tell_changes(struct applier *applier)
{
    const struct order_listener *listener = &applier->listener;
    size_t count = 0;

    if (!listener->is_wanted(listener->context))
        return;
    for (size_t i = 0; i < applier->batch.count; i++) {
        const struct batch_entry *entry = &applier->batch.entries[i];

        if (!entry->is_change)
            continue;
        memcpy(applier->changes[count].order_id, entry->message->key, UUID_SIZE - 1);
        applier->changes[count++].order_id[UUID_SIZE - 1] = '\0';
    }
    if (count > 0)
        listener->on_changes(listener->context, applier->changes, count);
}

int applier_run(struct applier *applier, struct follower *follower, struct store *store,
                rd_kafka_message_t *first, struct error *err)
{
    int r = collect(applier, follower, first, err);

    if (r == 0)
        r = apply(applier, follower, store, err);
    if (r == 0)
        tell_changes(applier);
    batch_clear(&applier->batch);
    return r;
}
