/* topics_create.c - see topics_create.h. */
#include "tools/sagactl/topics_create.h"

#include <assert.h>
#include <errno.h>

#include "common/base/util.h"
#include "tools/sagactl/admin.h"

/* -1: as many replicas as the cluster makes by default; only its operator can know. */
#define REPLICATION_FACTOR_DEFAULT (-1)

static rd_kafka_NewTopic_t *new_topic(const struct survey_topic *topic)
{
    rd_kafka_NewTopic_t *ret = rd_kafka_NewTopic_new(topic->name, topic->partitions_wanted,
                                                     REPLICATION_FACTOR_DEFAULT, NULL, 0);

    assert(ret != NULL); /* refuses numbers that topics.json cannot have */
    for (size_t i = 0; i < topic->setting_count; i++)
        rd_kafka_NewTopic_set_config(ret, topic->settings[i].name, topic->settings[i].wanted);
    return ret;
}

static enum topic topic_of(const struct survey *survey, const char *name)
{
    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        if (str_equal(survey->topics[i].name, name))
            return (enum topic)i;
    return TOPIC_NONE;
}

static void read_result(const rd_kafka_topic_result_t *result, enum topic topic,
                        struct creations *ret)
{
    const char *reason = rd_kafka_topic_result_error_string(result);

    switch ((int)rd_kafka_topic_result_error(result)) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        ret->results[topic] = CREATION_DONE;
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        ret->results[topic] = CREATION_OVERTAKEN;
        break;
    default:
        ret->results[topic] = CREATION_REFUSED;
        str_copy(ret->reasons[topic], sizeof(ret->reasons[topic]), reason != NULL ? reason : "");
        break;
    }
}

static void read_results(rd_kafka_event_t *event, const struct survey *survey,
                         struct creations *ret)
{
    size_t count;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        enum topic topic = topic_of(survey, rd_kafka_topic_result_name(results[i]));

        if (topic != TOPIC_NONE)
            read_result(results[i], topic, ret);
    }
}

int topics_create(const struct survey *survey, struct cluster *cluster, struct creations *ret,
                  struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    rd_kafka_NewTopic_t *topics[TOPIC_COUNT];
    size_t count = 0;

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        if (!survey->topics[i].exists)
            topics[count++] = new_topic(&survey->topics[i]);
    if (count == 0)
        return 0;
    admin_open(cluster, RD_KAFKA_ADMIN_OP_CREATETOPICS, &request);
    rd_kafka_CreateTopics(cluster->client, topics, count, request.options, request.replies);
    rd_kafka_NewTopic_destroy_array(topics, count);

    int r = admin_wait(cluster, &request, "create topics", &event, err);

    if (r == 0)
        read_results(event, survey, ret);
    return r;
}
