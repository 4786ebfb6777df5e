/* ends.c - see ends.h. */
#include "tools/sagactl/ends.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "common/base/clock.h"
#include "tools/sagactl/admin.h"

#define ASKING "cannot ask for the ends of topics"
#define RETRY_MS 100

/* Leadership on its way: a new topic's partition answers so for a while, or one that moves. */
static bool is_passing(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH ||
           code == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART; /* it was there a moment ago */
}

/* Into the offsets of `list`. Returns the first error that does not pass, or else one that does. */
static rd_kafka_resp_err_t take_answer(const rd_kafka_event_t *reply,
                                       rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t passing = RD_KAFKA_RESP_ERR_NO_ERROR;
    size_t count;
    const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(
        rd_kafka_event_ListOffsets_result((rd_kafka_event_t *)reply), &count);

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *found =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        rd_kafka_topic_partition_t *own =
            rd_kafka_topic_partition_list_find(list, found->topic, found->partition);

        assert(own != NULL);
        if (found->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            own->offset = found->offset;
        else if (is_passing(found->err))
            passing = found->err;
        else
            return found->err;
    }
    return passing;
}

static void set_spec(rd_kafka_topic_partition_list_t *list, rd_kafka_OffsetSpec_t spec)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = spec;
}

/* A failure shows in the next answer. */
static void wait_for_leaders(struct cluster *cluster, struct admin_request *answered)
{
    const struct rd_kafka_metadata *metadata;

    rd_kafka_queue_poll(answered->replies, RETRY_MS); /* nothing more comes: a pause */
    if (rd_kafka_metadata(cluster->client, 1, NULL, &metadata, CLUSTER_TIMEOUT_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
}

/* `ret`: what is wrong with a partition. */
static int ask(struct cluster *cluster, rd_kafka_IsolationLevel_t isolation,
               rd_kafka_topic_partition_list_t *list, rd_kafka_resp_err_t *ret, struct error *err)
{
    CLEANUP(admin_close) struct admin_request request = {0};
    CLEANUP(admin_event_cleanup) rd_kafka_event_t *reply = NULL;
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = NULL;
    int r;

    admin_open(cluster, RD_KAFKA_ADMIN_OP_LISTOFFSETS, &request);
    error = rd_kafka_AdminOptions_set_isolation_level(request.options, isolation);
    if (error != NULL)
        return error_set(err, -EIO, ASKING ": %s", rd_kafka_error_string(error));
    rd_kafka_ListOffsets(cluster->client, list, request.options, request.replies);
    r = admin_wait(cluster, &request, ASKING, &reply, err);
    if (r < 0)
        return r;
    *ret = take_answer(reply, list);
    if (is_passing(*ret))
        wait_for_leaders(cluster, &request);
    return 0;
}

int ends_find(struct cluster *cluster, rd_kafka_OffsetSpec_t spec,
              rd_kafka_IsolationLevel_t isolation, rd_kafka_topic_partition_list_t *list,
              struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + CLUSTER_TIMEOUT_MS;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    int r;

    do {
        set_spec(list, spec);
        r = ask(cluster, isolation, list, &code, err);
    } while (r == 0 && is_passing(code) && clock_monotonic_ms() < deadline_ms);
    return r < 0 || code == RD_KAFKA_RESP_ERR_NO_ERROR ? r : kafka_error(code, ASKING, err);
}

static rd_kafka_topic_partition_list_t *list_partitions(const struct topics *topics)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPIC_COUNT);

    for (size_t i = 0; i < topics->count; i++)
        for (int32_t p = 0; p < topics->list[i].partition_count; p++)
            rd_kafka_topic_partition_list_add(list, topics->list[i].name, p);
    return list;
}

int ends_find_open(struct cluster *cluster, const struct topics *topics,
                   rd_kafka_topic_partition_list_t **ret, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *written = list_partitions(topics);
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *decided = list_partitions(topics);
    int r = ends_find(cluster, RD_KAFKA_OFFSET_SPEC_LATEST,
                      RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, written, err);

    if (r == 0)
        r = ends_find(cluster, RD_KAFKA_OFFSET_SPEC_LATEST, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
                      decided, err);
    if (r < 0)
        return r;
    *ret = rd_kafka_topic_partition_list_new(1);
    for (int i = 0; i < written->cnt; i++)
        if (decided->elems[i].offset < written->elems[i].offset)
            rd_kafka_topic_partition_list_add(*ret, written->elems[i].topic,
                                              written->elems[i].partition);
    return 0;
}
