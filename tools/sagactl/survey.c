/* survey.c - see survey.h. */
#include "tools/sagactl/survey.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/util.h"
#include "tools/sagactl/admin.h"

static void want_setting(struct survey_topic *topic, const char *name, const char *value)
{
    struct survey_setting *setting = &topic->settings[topic->setting_count];

    assert(topic->setting_count < SURVEY_SETTINGS_MAX); /* topics.json is ours */
    setting->name = name;
    str_copy(setting->wanted, sizeof(setting->wanted), value);
    topic->setting_count++;
}

/* The policy is always stated: the cluster's default need not be the one we mean. */
static void want_topic(struct survey_topic *topic, const char *prefix, enum topic which)
{
    const struct topic_info *info = topic_info(which);
    char retention_ms[SURVEY_VALUE_SIZE];

    topic_name(prefix, which, topic->name);
    topic->partitions_wanted = info->partitions;
    want_setting(topic, "cleanup.policy", info->compacted ? "compact" : "delete");
    if (!info->compacted) {
        snprintf(retention_ms, sizeof(retention_ms), "%" PRId64, info->retention_ms);
        want_setting(topic, "retention.ms", retention_ms);
    }
    for (size_t i = 0; i < info->config_count; i++)
        want_setting(topic, info->config[i].name, info->config[i].value);
}

void survey_init(struct survey *survey, const char *prefix)
{
    *survey = (struct survey){0};
    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        want_topic(&survey->topics[i], prefix, (enum topic)i);
}

static struct survey_topic *find_topic(struct survey *survey, const char *name)
{
    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        if (str_equal(survey->topics[i].name, name))
            return &survey->topics[i];
    return NULL;
}

static int read_description(const rd_kafka_TopicDescription_t *description,
                            struct survey_topic *topic, struct error *err)
{
    const rd_kafka_error_t *error = rd_kafka_TopicDescription_error(description);
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    size_t count;
    const rd_kafka_TopicPartitionInfo_t **partitions =
        rd_kafka_TopicDescription_partitions(description, &count);

    topic->exists = code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    topic->settings_known = false;
    topic->partition_count = (int32_t)count;
    topic->leader_count = 0;
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_TopicPartitionInfo_leader(partitions[i]) != NULL)
            topic->leader_count++;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return 0;
    return error_set(err, -EIO, "cannot describe %s: %s", topic->name,
                     rd_kafka_error_string(error));
}

static int read_descriptions(rd_kafka_event_t *event, struct survey *survey, struct error *err)
{
    size_t count;
    const rd_kafka_TopicDescription_t **descriptions =
        rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        struct survey_topic *topic =
            find_topic(survey, rd_kafka_TopicDescription_name(descriptions[i]));
        int r = topic != NULL ? read_description(descriptions[i], topic, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static int describe_topics(struct survey *survey, struct cluster *cluster, struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    const char *names[TOPIC_COUNT];
    size_t count = 0;

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        names[count++] = survey->topics[i].name;

    rd_kafka_TopicCollection_t *topics = rd_kafka_TopicCollection_of_topic_names(names, count);

    admin_open(cluster, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, &request);
    rd_kafka_DescribeTopics(cluster->client, topics, request.options, request.replies);
    rd_kafka_TopicCollection_destroy(topics);

    int r = admin_wait(cluster, &request, "describe topics", &event, err);

    return r < 0 ? r : read_descriptions(event, survey, err);
}

static void read_setting(const rd_kafka_ConfigEntry_t *entry, struct survey_topic *topic)
{
    const char *name = rd_kafka_ConfigEntry_name(entry);
    const char *value = rd_kafka_ConfigEntry_value(entry);

    for (size_t i = 0; i < topic->setting_count; i++) {
        struct survey_setting *setting = &topic->settings[i];

        if (str_equal(setting->name, name))
            str_copy(setting->actual, sizeof(setting->actual), value != NULL ? value : "");
    }
}

static int read_settings(const rd_kafka_ConfigResource_t *resource, struct survey_topic *topic,
                         struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resource);
    size_t count;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        return 0; /* another broker knew it already; see survey_take() */
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_set(err, -EIO, "cannot read the settings of %s: %s", topic->name,
                         rd_kafka_ConfigResource_error_string(resource));
    for (size_t i = 0; i < count; i++)
        read_setting(entries[i], topic);
    topic->settings_known = true;
    return 0;
}

static int read_all_settings(rd_kafka_event_t *event, struct survey *survey, struct error *err)
{
    size_t count;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);

    for (size_t i = 0; i < count; i++) {
        struct survey_topic *topic = find_topic(survey, rd_kafka_ConfigResource_name(resources[i]));
        int r = topic != NULL ? read_settings(resources[i], topic, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

/* Asks for the wanted settings only; a value of NULL is how the library spells "which is?". */
static rd_kafka_ConfigResource_t *settings_question(const struct survey_topic *topic)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);

    for (size_t i = 0; i < topic->setting_count; i++)
        rd_kafka_ConfigResource_set_config(resource, topic->settings[i].name, NULL);
    return resource;
}

static int describe_settings(struct survey *survey, struct cluster *cluster, struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    rd_kafka_ConfigResource_t *resources[TOPIC_COUNT];
    size_t count = 0;

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        if (survey->topics[i].exists)
            resources[count++] = settings_question(&survey->topics[i]);
    if (count == 0)
        return 0;
    admin_open(cluster, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &request);
    rd_kafka_DescribeConfigs(cluster->client, resources, count, request.options, request.replies);
    rd_kafka_ConfigResource_destroy_array(resources, count);

    int r = admin_wait(cluster, &request, "read the settings of topics", &event, err);

    return r < 0 ? r : read_all_settings(event, survey, err);
}

/* How many partitions' leaders answer as such. */
static void read_answers(rd_kafka_event_t *event, struct survey *survey)
{
    size_t count;
    const rd_kafka_ListOffsetsResultInfo_t **infos =
        rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event), &count);

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++)
        survey->topics[i].leader_count = 0;
    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *partition =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        struct survey_topic *topic = find_topic(survey, partition->topic);

        if (topic != NULL && partition->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            topic->leader_count++;
    }
}

/*
 * A broker tells who leads a partition before the leader knows it, and a busy one long before: who
 * then asks is refused. So the leaders are asked for something themselves.
 */
static int ask_leaders(struct survey *survey, struct cluster *cluster, struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *event = NULL;
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(TOPIC_COUNT);
    int r;

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++) {
        const struct survey_topic *topic = &survey->topics[i];

        for (int32_t p = 0; topic->leader_count > 0 && p < topic->partition_count; p++)
            rd_kafka_topic_partition_list_add(list, topic->name, p)->offset =
                RD_KAFKA_OFFSET_SPEC_LATEST;
    }
    if (list->cnt == 0)
        return 0;
    admin_open(cluster, RD_KAFKA_ADMIN_OP_LISTOFFSETS, &request);
    rd_kafka_ListOffsets(cluster->client, list, request.options, request.replies);
    r = admin_wait(cluster, &request, "ask the leaders of partitions", &event, err);
    if (r == 0)
        read_answers(event, survey);
    return r;
}

int survey_take(struct survey *survey, struct cluster *cluster, struct error *err)
{
    int r = describe_topics(survey, cluster, err);

    if (r == 0)
        r = ask_leaders(survey, cluster, err);
    return r == 0 ? describe_settings(survey, cluster, err) : r;
}

bool survey_is_complete(const struct survey_topic *topic)
{
    return topic->exists && topic->settings_known && topic->partition_count > 0 &&
           topic->leader_count == topic->partition_count;
}

size_t survey_difference_count(const struct survey_topic *topic)
{
    size_t count = topic->partition_count != topic->partitions_wanted ? 1 : 0;

    for (size_t i = 0; i < topic->setting_count; i++)
        if (!str_equal(topic->settings[i].wanted, topic->settings[i].actual))
            count++;
    return count;
}
