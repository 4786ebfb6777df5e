/* check_open.c - see check_open.h: where the ends with and without open transactions differ. */
#include "tools/sagactl/check_open.h"

#include <errno.h>

#include "common/kafka/client.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/admin.h"

#define ASKING "cannot ask for the ends of topics"

static rd_kafka_topic_partition_list_t *list_partitions(const struct topics *topics)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(TOPIC_COUNT);

    for (size_t i = 0; i < topics->count; i++)
        for (int32_t p = 0; p < topics->list[i].partition_count; p++)
            rd_kafka_topic_partition_list_add(list, topics->list[i].name, p)->offset =
                RD_KAFKA_OFFSET_SPEC_LATEST;
    return list;
}

/* Into the offsets of `list`. */
static int take_ends(const rd_kafka_event_t *reply, rd_kafka_topic_partition_list_t *list,
                     struct error *err)
{
    size_t count;
    const rd_kafka_ListOffsetsResultInfo_t **infos = rd_kafka_ListOffsets_result_infos(
        rd_kafka_event_ListOffsets_result((rd_kafka_event_t *)reply), &count);

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_topic_partition_t *end =
            rd_kafka_ListOffsetsResultInfo_topic_partition(infos[i]);
        rd_kafka_topic_partition_t *own =
            rd_kafka_topic_partition_list_find(list, end->topic, end->partition);

        if (end->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(end->err, ASKING, err);
        if (own != NULL)
            own->offset = end->offset;
    }
    return 0;
}

static int ask_ends(struct cluster *cluster, rd_kafka_IsolationLevel_t isolation,
                    rd_kafka_topic_partition_list_t *list, struct error *err)
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
    return r == 0 ? take_ends(reply, list, err) : r;
}

int check_open_transactions(struct cluster *cluster, const enum topic *wanted, size_t count,
                            struct check *check, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *written = NULL, *decided = NULL;
    struct topics topics;
    int r = topics_describe(cluster->client, cluster->settings->topic_prefix, wanted, count,
                            CLUSTER_TIMEOUT_MS, &topics, err);

    if (r < 0)
        return r;
    written = list_partitions(&topics);
    decided = list_partitions(&topics);
    r = ask_ends(cluster, RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED, written, err);
    if (r == 0)
        r = ask_ends(cluster, RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, decided, err);
    for (int i = 0; r == 0 && i < written->cnt; i++)
        if (decided->elems[i].offset < written->elems[i].offset)
            check_is_open(check, topic_by_name(&topics, written->elems[i].topic),
                          written->elems[i].partition);
    return r;
}
