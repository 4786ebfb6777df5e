/* order_read.c - see order_read.h. */
#include "tools/sagactl/order_read.h"

#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/log_read.h"

struct reading {
    const char *order_id; /* borrowed */
    size_t key_len;
    struct timeline *timeline; /* borrowed */
    struct codec *codec;
    struct event event; /* the one being looked at */
};

/* Almost every record is another order's; its key says so at the least cost. */
static int keep_event(void *context, const struct log_record *record, struct error *err)
{
    struct reading *reading = context;
    const rd_kafka_message_t *message = record->message;

    if (message->key_len != reading->key_len ||
        memcmp(message->key, reading->order_id, reading->key_len) != 0 ||
        !log_record_event(record, reading->codec, &reading->event))
        return 0;
    return timeline_add(reading->timeline, message->partition, message->offset, &reading->event,
                        err);
}

int order_read(struct cluster *cluster, const char *order_id, struct timeline *ret,
               struct error *err)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    int r = codec_new(&codec, err);
    struct reading reading = {
        .order_id = order_id, .key_len = strlen(order_id), .timeline = ret, .codec = codec};
    enum topic topics[TOPIC_COUNT];
    const struct log_request request = {
        .topics = topics,
        .topic_count = log_order_topics(topics),
        .key = order_id,
        .on_record = keep_event,
        .context = &reading,
    };

    if (r == 0)
        r = log_read(cluster, &request, err);
    if (r == 0)
        timeline_sort(ret);
    return r;
}
