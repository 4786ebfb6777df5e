/* topics.c - see topics.h. */
#include "common/kafka/topics.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/kafka/client.h"

DEFINE_CLEANUP(queue_cleanup, rd_kafka_queue_t, rd_kafka_queue_destroy)
DEFINE_CLEANUP(event_cleanup, rd_kafka_event_t, rd_kafka_event_destroy)
DEFINE_CLEANUP(options_cleanup, rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy)
DEFINE_CLEANUP(names_cleanup, rd_kafka_TopicCollection_t, rd_kafka_TopicCollection_destroy)

void topic_name(const char *prefix, enum topic topic, char out[TOPIC_NAME_SIZE])
{
    snprintf(out, TOPIC_NAME_SIZE, "%s%s", prefix, topic_info(topic)->name);
}

enum topic topic_by_name(const struct topics *topics, const char *name)
{
    for (size_t i = 0; i < topics->count; i++)
        if (str_equal(topics->list[i].name, name))
            return topics->list[i].topic;
    return TOPIC_NONE;
}

const struct topic_state *topic_state(const struct topics *topics, enum topic topic)
{
    size_t i = 0;

    while (i < topics->count && topics->list[i].topic != topic)
        i++;
    assert(i < topics->count);
    return &topics->list[i];
}

const char *topics_difference(const struct topics *before, const struct topics *now)
{
    assert(before->count == now->count);
    for (size_t i = 0; i < now->count; i++)
        if (!str_equal(now->list[i].id, before->list[i].id) ||
            now->list[i].partition_count != before->list[i].partition_count)
            return now->list[i].name;
    return NULL;
}

static int read_cluster_id(rd_kafka_t *client, int timeout_ms, struct topics *topics,
                           struct error *err)
{
    char *id = rd_kafka_clusterid(client, timeout_ms);

    if (id == NULL)
        return error_set(err, -ETIMEDOUT, "no Kafka broker answers within %d ms", timeout_ms);
    str_copy(topics->cluster_id, sizeof(topics->cluster_id), id);
    rd_kafka_mem_free(client, id);
    return 0;
}

static int read_description(const rd_kafka_TopicDescription_t *description,
                            struct topic_state *state, struct error *err)
{
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(description);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    size_t partition_count = 0;

    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return error_set(err, -ENOENT, "topic %s does not exist: run 'sagactl topics apply'",
                         state->name);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, state->name, err);
    rd_kafka_TopicDescription_partitions(description, &partition_count);
    state->partition_count = (int32_t)partition_count;
    str_copy(state->id, sizeof(state->id),
             rd_kafka_Uuid_base64str(rd_kafka_TopicDescription_topic_id(description)));
    return 0;
}

/* One order is one partition everywhere: nothing works if that is not so. */
static int check_co_partitioning(const struct topics *topics, struct error *err)
{
    const struct topic_state *first = NULL;

    for (size_t i = 0; i < topics->count; i++) {
        const struct topic_state *state = &topics->list[i];

        if (!topic_info(state->topic)->keyed_by_order)
            continue;
        if (first == NULL)
            first = state;
        if (state->partition_count != first->partition_count)
            return error_set(
                err, -EINVAL, "topic %s has %d partitions but %s has %d: they must agree",
                state->name, (int)state->partition_count, first->name, (int)first->partition_count);
    }
    return 0;
}

static int read_result(rd_kafka_event_t *event, struct topics *topics, struct error *err)
{
    const rd_kafka_DescribeTopics_result_t *result = rd_kafka_event_DescribeTopics_result(event);
    const rd_kafka_TopicDescription_t **descriptions;
    size_t count = 0;
    int r = 0;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(rd_kafka_event_error(event), "cannot describe the topics", err);
    descriptions = rd_kafka_DescribeTopics_result_topics(result, &count);
    if (count != topics->count)
        return error_set(err, -EIO, "the broker described %zu topics, not %zu", count,
                         topics->count);
    for (size_t i = 0; r == 0 && i < count; i++) {
        enum topic topic = topic_by_name(topics, rd_kafka_TopicDescription_name(descriptions[i]));

        if (topic == TOPIC_NONE)
            return error_set(err, -EIO, "the broker described a topic that was not asked for");
        for (size_t k = 0; r == 0 && k < count; k++)
            if (topics->list[k].topic == topic)
                r = read_description(descriptions[i], &topics->list[k], err);
    }
    return r;
}

static int describe(rd_kafka_t *client, int timeout_ms, struct topics *topics, struct error *err)
{
    CLEANUP(queue_cleanup) rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    CLEANUP(options_cleanup) rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
    CLEANUP(names_cleanup) rd_kafka_TopicCollection_t *collection = NULL;
    CLEANUP(event_cleanup) rd_kafka_event_t *event = NULL;
    const char *names[TOPIC_LIST_MAX];

    for (size_t i = 0; i < topics->count; i++)
        names[i] = topics->list[i].name;
    collection = rd_kafka_TopicCollection_of_topic_names(names, topics->count);
    rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, NULL, 0);
    rd_kafka_DescribeTopics(client, collection, options, queue);
    event = rd_kafka_queue_poll(queue, timeout_ms);
    if (event == NULL || rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__TIMED_OUT)
        return error_set(err, -ETIMEDOUT, "no Kafka broker describes the topics within %d ms",
                         timeout_ms);
    return read_result(event, topics, err);
}

int topics_describe(rd_kafka_t *client, const char *prefix, const enum topic *wanted, size_t count,
                    int timeout_ms, struct topics *ret, struct error *err)
{
    struct topics topics = {.count = count};
    int r;

    assert(count <= TOPIC_LIST_MAX);
    for (size_t i = 0; i < count; i++) {
        topics.list[i].topic = wanted[i];
        topic_name(prefix, wanted[i], topics.list[i].name);
    }
    /* In this order: the request makes the client connect, asking for the id alone does not. */
    r = describe(client, timeout_ms, &topics, err);
    if (r == 0)
        r = read_cluster_id(client, timeout_ms, &topics, err);
    if (r == 0)
        r = check_co_partitioning(&topics, err);
    if (r == 0)
        *ret = topics;
    return r;
}
