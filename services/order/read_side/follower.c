/* follower.c - see follower.h. */
#include "services/order/read_side/follower.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "services/order/read_side/history.h"

#define BROKER_MS 5000
#define CHECK_MS 1000
#define FOLLOWED_TOPIC_COUNT (HISTORY_TOPIC_COUNT + 1)

#define GROUP_SIZE 128

static const struct kafka_option options[] = {
    {"auto.offset.reset", "error"},         /* lost records: see projection.c */
    {"queued.min.messages", "5000"},        /* these four bound memory ... */
    {"queued.max.messages.kbytes", "4096"}, /* (of what was read ahead) */
    {"fetch.message.max.bytes", "65536"},   /* (of one partition) */
    {"fetch.max.bytes", "1048576"},         /* ... whatever the number of partitions */
    {"fetch.wait.max.ms", "500"},           /* data comes at once; this is for idle brokers */
};

static int allocate_partitions(struct follower *follower, struct error *err)
{
    size_t count = 0, next = 0;

    for (size_t i = 0; i < follower->topics.count; i++) {
        const struct topic_state *topic = &follower->topics.list[i];

        if (topic->partition_count < 1 || topic->partition_count > HISTORY_PARTITIONS_MAX)
            return error_set(err, -EINVAL, "topic %s has %d partitions, not 1 to %d", topic->name,
                             (int)topic->partition_count, HISTORY_PARTITIONS_MAX);
        count += (size_t)topic->partition_count;
    }
    follower->partitions = calloc(count, sizeof(*follower->partitions));
    if (follower->partitions == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < follower->topics.count; i++)
        for (int32_t p = 0; p < follower->topics.list[i].partition_count; p++)
            follower->partitions[next++] = (struct partition){
                .topic = &follower->topics.list[i], .number = p, .latest_ms = INT64_MIN};
    follower->partition_count = count;
    return 0;
}

static int describe(rd_kafka_t *consumer, const struct kafka_config *kafka, int timeout_ms,
                    struct topics *ret, struct error *err)
{
    enum topic topics[FOLLOWED_TOPIC_COUNT];

    memcpy(topics, history_topics, sizeof(history_topics));
    topics[HISTORY_TOPIC_COUNT] = TOPIC_STOCK;
    return topics_describe(consumer, kafka->topic_prefix, topics, FOLLOWED_TOPIC_COUNT, timeout_ms,
                           ret, err);
}

/* The library wants a group, and looks for its coordinator: it is the service's own, which we
   neither join nor commit to. */
static int new_conf(const struct kafka_config *kafka, rd_kafka_conf_t **ret, struct error *err)
{
    struct kafka_option all[ARRAY_LEN(options) + 1];
    char group[GROUP_SIZE];

    snprintf(group, sizeof(group), "%sorder", kafka->topic_prefix);
    memcpy(all, options, sizeof(options));
    all[ARRAY_LEN(options)] = (struct kafka_option){"group.id", group};
    return kafka_conf_new(kafka, KAFKA_CONSUMER, all, ARRAY_LEN(all), ret, err);
}

int follower_open(const struct kafka_config *kafka, struct follower *ret, struct error *err)
{
    rd_kafka_conf_t *conf;
    int r;

    memset(ret, 0, sizeof(*ret));
    r = new_conf(kafka, &conf, err);
    if (r == 0)
        r = kafka_client_new(conf, KAFKA_CONSUMER, &ret->consumer, err);
    if (r == 0)
        r = describe(ret->consumer, kafka, BROKER_MS, &ret->topics, err);
    if (r == 0)
        r = allocate_partitions(ret, err);
    if (r < 0)
        follower_close(ret);
    return r;
}

void follower_close(struct follower *follower)
{
    /* There is no group to leave. */
    if (follower->consumer != NULL)
        rd_kafka_destroy_flags(follower->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(follower->partitions);
    memset(follower, 0, sizeof(*follower));
}

/* From the saved offset, unless the broker has already deleted what stands there. */
static int place(struct follower *follower, struct partition *partition, struct store_txn *txn,
                 struct error *err)
{
    const char *name = partition->topic->name;
    int64_t low = 0, high = 0, saved = -1;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        follower->consumer, name, partition->number, &low, &high, BROKER_MS);

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, name, err);
    int r = store_offset_get(txn, name, partition->number, &saved, err);
    if (r < 0)
        return r;
    partition->next = saved < low || saved > high ? low : saved;
    partition->target = high;
    partition->is_behind = partition->next < high;
    follower->behind_count += partition->is_behind;
    return 0;
}

static int place_all(struct follower *follower, struct store *store,
                     rd_kafka_topic_partition_list_t *list, struct error *err)
{
    CLEANUP(transaction_cleanup) struct store_txn *txn = NULL;
    int r = store_begin_read(store, &txn, err);

    follower->behind_count = 0;
    for (size_t i = 0; r == 0 && i < follower->partition_count; i++) {
        struct partition *partition = &follower->partitions[i];

        r = place(follower, partition, txn, err);
        if (r == 0)
            rd_kafka_topic_partition_list_add(list, partition->topic->name, partition->number)
                ->offset = partition->next;
    }
    return r;
}

int follower_start(struct follower *follower, struct store *store, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)follower->partition_count);
    rd_kafka_resp_err_t code;
    int r = place_all(follower, store, list, err);

    if (r < 0)
        return r;
    code = rd_kafka_assign(follower->consumer, list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0
                                              : kafka_error(code, "cannot read the topics", err);
}

int follower_check(struct follower *follower, const struct kafka_config *kafka, struct error *err)
{
    struct topics now;
    struct error failure;
    int r = describe(follower->consumer, kafka, CHECK_MS, &now, &failure);
    const char *name;

    if (r == -ENOENT)
        return error_set(err, r, "%s", failure.text);
    if (r < 0)
        return 0;
    name = topics_difference(&follower->topics, &now);
    return name == NULL ? 0 : error_set(err, -ESTALE, "topic %s is not the one that it was", name);
}

struct partition *follower_partition(struct follower *follower, const rd_kafka_message_t *message)
{
    const char *name = message->rkt != NULL ? rd_kafka_topic_name(message->rkt) : "";
    struct partition *first = follower->partitions;

    for (size_t i = 0; i < follower->topics.count; i++) {
        const struct topic_state *topic = &follower->topics.list[i];

        if (str_equal(topic->name, name))
            return message->partition >= 0 && message->partition < topic->partition_count
                       ? first + message->partition
                       : NULL;
        first += topic->partition_count;
    }
    return NULL;
}

/* The end is that of what is committed: an open transaction does not hold us up. */
void follower_advance(struct follower *follower, struct partition *partition, int64_t next,
                      bool at_end)
{
    if (next > partition->next) {
        partition->next = next;
        partition->is_dirty = true;
    }
    if (partition->is_behind && (at_end || partition->next >= partition->target)) {
        partition->is_behind = false;
        follower->behind_count--;
    }
}

int follower_save(struct follower *follower, struct store_txn *txn, struct error *err)
{
    for (size_t i = 0; i < follower->partition_count; i++) {
        struct partition *partition = &follower->partitions[i];
        int r = 0;

        if (partition->is_dirty)
            r = store_offset_put(txn, partition->topic->name, partition->number, partition->next,
                                 err);
        if (r < 0)
            return r;
        partition->is_dirty = false;
    }
    return 0;
}
