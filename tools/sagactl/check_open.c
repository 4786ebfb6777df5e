/* check_open.c - see check_open.h: where the ends with and without open transactions differ. */
#include "tools/sagactl/check_open.h"

#include "common/kafka/client.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/ends.h"

int check_open_transactions(struct cluster *cluster, const enum topic *wanted, size_t count,
                            struct check *check, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *open = NULL;
    struct topics topics;
    int r = topics_describe(cluster->client, cluster->settings->topic_prefix, wanted, count,
                            CLUSTER_TIMEOUT_MS, &topics, err);

    if (r == 0)
        r = ends_find_open(cluster, &topics, &open, err);
    for (int i = 0; r == 0 && i < open->cnt; i++)
        check_is_open(check, topic_by_name(&topics, open->elems[i].topic),
                      open->elems[i].partition);
    return r;
}
