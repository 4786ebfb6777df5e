/* order_read.c - see order_read.h. */
#include "tools/sagactl/order_read.h"

#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/kafka/record.h"
#include "common/kafka/topics.h"

DEFINE_CLEANUP(message_cleanup, rd_kafka_message_t, rd_kafka_message_destroy)

struct reading {
    const char *order_id; /* borrowed */
    size_t key_len;
    struct timeline *timeline; /* borrowed */
    struct cluster *cluster;   /* borrowed */
    struct codec *codec;
    struct topics topics; /* those keyed by order_id */
    int32_t partition;
    bool wanted[EVENT_TYPE_COUNT];
    bool open[TOPIC_LIST_MAX];   /* by index in `topics`: not yet read to its end */
    int64_t end[TOPIC_LIST_MAX]; /* likewise: where the topic ended at the start */
    size_t open_count;
    struct event event; /* the one being looked at */
};

static size_t list_order_topics(enum topic out[TOPIC_LIST_MAX])
{
    size_t count = 0;

    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++)
        if (topic_info((enum topic)topic)->keyed_by_order)
            out[count++] = (enum topic)topic;
    return count;
}

static void want_order_events(struct reading *reading)
{
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        reading->wanted[type] = topic_info(event_topic((enum event_type)type))->keyed_by_order;
}

/* One order is one partition everywhere: topics_describe() checks that the counts are the same. */
static int find_partition(struct reading *reading, struct error *err)
{
    const char *prefix = reading->cluster->settings->topic_prefix;
    enum topic wanted[TOPIC_LIST_MAX];
    size_t count = list_order_topics(wanted);
    int r = topics_describe(reading->cluster->client, prefix, wanted, count, CLUSTER_TIMEOUT_MS,
                            &reading->topics, err);

    if (r < 0)
        return r;
    reading->partition =
        rd_kafka_msg_partitioner_murmur2(NULL, reading->order_id, reading->key_len,
                                         reading->topics.list[0].partition_count, NULL, NULL);
    return 0;
}

/* Of a read_committed client the high watermark is the end of what is decided. */
static int find_ends(struct reading *reading, struct error *err)
{
    for (size_t i = 0; i < reading->topics.count; i++) {
        const char *name = reading->topics.list[i].name;
        int64_t low, high;
        rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
            reading->cluster->client, name, reading->partition, &low, &high, CLUSTER_TIMEOUT_MS);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error(code, name, err);
        reading->end[i] = high;
        reading->open[i] = high > low;
        reading->open_count += reading->open[i] ? 1 : 0;
    }
    return 0;
}

static int assign(struct reading *reading, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reading->topics.count);

    for (size_t i = 0; i < reading->topics.count; i++)
        if (reading->open[i])
            rd_kafka_topic_partition_list_add(list, reading->topics.list[i].name,
                                              reading->partition)
                ->offset = RD_KAFKA_OFFSET_BEGINNING;

    rd_kafka_resp_err_t code = rd_kafka_assign(reading->cluster->client, list);

    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error(code, "cannot read", err) : 0;
}

static size_t index_of(const struct reading *reading, const rd_kafka_message_t *message)
{
    const char *name = rd_kafka_topic_name(message->rkt);
    size_t i = 0;

    while (i < reading->topics.count && !str_equal(reading->topics.list[i].name, name))
        i++;
    return i;
}

static void close_topic(struct reading *reading, size_t i)
{
    reading->open[i] = false;
    reading->open_count--;
}

/* Almost every record is another order's; its key says so at the least cost. */
static int keep_event(struct reading *reading, size_t i, const rd_kafka_message_t *message,
                      struct error *err)
{
    if (message->key_len != reading->key_len ||
        memcmp(message->key, reading->order_id, reading->key_len) != 0)
        return 0;
    if (record_read(reading->codec, message, reading->wanted,
                    reading->topics.list[i].partition_count, &reading->event,
                    NULL) != RECORD_EVENT ||
        event_topic(reading->event.type) != reading->topics.list[i].topic)
        return 0;
    return timeline_add(reading->timeline, message->partition, message->offset, &reading->event,
                        err);
}

static int take_message(struct reading *reading, const rd_kafka_message_t *message,
                        struct error *err)
{
    size_t i = message->rkt != NULL ? index_of(reading, message) : reading->topics.count;
    int r;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR &&
        message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return error_set(err, -EIO, "cannot read: %s", rd_kafka_message_errstr(message));
    if (i == reading->topics.count || !reading->open[i])
        return 0;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        close_topic(reading, i);
        return 0;
    }
    /* Transaction markers are never handed over, so the offset before the end may be none. */
    r = message->offset < reading->end[i] ? keep_event(reading, i, message, err) : 0;
    if (message->offset + 1 >= reading->end[i])
        close_topic(reading, i);
    return r;
}

/* Bounded by standstill, not by time: a topic may be long. */
static int read_to_ends(struct reading *reading, struct error *err)
{
    int64_t progress_ms = clock_monotonic_ms();
    int r = 0;

    while (r == 0 && reading->open_count > 0) {
        CLEANUP(message_cleanup) rd_kafka_message_t *message =
            rd_kafka_consumer_poll(reading->cluster->client, CLUSTER_TIMEOUT_MS);

        if (message == NULL && clock_monotonic_ms() - progress_ms >= CLUSTER_TIMEOUT_MS)
            return -ETIMEDOUT;
        if (message != NULL) {
            r = take_message(reading, message, err);
            progress_ms = clock_monotonic_ms();
        }
    }
    return r;
}

static int read_order(struct reading *reading, struct error *err)
{
    int r = codec_new(&reading->codec, err);

    if (r == 0)
        r = find_partition(reading, err);
    if (r == 0)
        r = find_ends(reading, err);
    if (r == 0 && reading->open_count > 0)
        r = assign(reading, err);
    if (r == 0)
        r = read_to_ends(reading, err);
    return r == -ETIMEDOUT ? cluster_no_answer(reading->cluster, err) : r;
}

int order_read(struct cluster *cluster, const char *order_id, struct timeline *ret,
               struct error *err)
{
    struct reading reading = {
        .cluster = cluster, .order_id = order_id, .key_len = strlen(order_id), .timeline = ret};
    int r;

    want_order_events(&reading);
    r = read_order(&reading, err);
    codec_free(reading.codec);
    if (r == 0)
        timeline_sort(ret);
    return r;
}
