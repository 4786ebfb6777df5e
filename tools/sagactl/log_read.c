/* log_read.c - see log_read.h. */
#include "tools/sagactl/log_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/topics.h"

DEFINE_CLEANUP(message_cleanup, rd_kafka_message_t, rd_kafka_message_destroy)

/* A partition that is being read. */
struct source {
    const struct topic_state *topic;
    int32_t partition;
    int64_t end;   /* where it ended at the start */
    int64_t until; /* read to here: the same, or a later end */
    int64_t next;  /* the offset to come */
    bool open;     /* not yet read to there */
};

struct reading {
    const struct log_request *request; /* borrowed */
    struct cluster *cluster;           /* borrowed */
    struct topics topics;
    size_t source_count, open_count;
    struct source *sources;
    bool follows;   /* reads on to the later ends: an end that was met before means nothing */
    size_t current; /* index of the last record's source: records come in runs */
    int64_t progress_ms;
};

size_t log_order_topics(enum topic out[TOPIC_COUNT])
{
    size_t count = 0;

    for (int topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++)
        if (topic_info((enum topic)topic)->keyed_by_order)
            out[count++] = (enum topic)topic;
    return count;
}

bool log_record_event(const struct log_record *record, struct codec *codec, struct event *ret)
{
    static const bool every_type[EVENT_TYPE_COUNT] = {[0 ... EVENT_TYPE_COUNT - 1] = true};

    return record_read(codec, record->message, every_type, record->partition_count, ret, NULL) ==
               RECORD_EVENT &&
           event_topic(ret->type) == record->topic;
}

static void add_sources(struct reading *reading, const struct topic_state *topic)
{
    const char *key = reading->request->key;
    int32_t only = key == NULL ? -1
                               : rd_kafka_msg_partitioner_murmur2(
                                     NULL, key, strlen(key), topic->partition_count, NULL, NULL);

    for (int32_t p = 0; p < topic->partition_count; p++)
        if (only < 0 || p == only)
            reading->sources[reading->source_count++] =
                (struct source){.topic = topic, .partition = p};
}

static int list_sources(struct reading *reading, struct error *err)
{
    size_t most = 0;
    int r = topics_describe(reading->cluster->client, reading->cluster->settings->topic_prefix,
                            reading->request->topics, reading->request->topic_count,
                            CLUSTER_TIMEOUT_MS, &reading->topics, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < reading->topics.count; i++)
        most += (size_t)reading->topics.list[i].partition_count;
    reading->sources = calloc(most + 1, sizeof(*reading->sources));
    if (reading->sources == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reading->topics.count; i++)
        add_sources(reading, &reading->topics.list[i]);
    return 0;
}

/* Of a read_committed client the high watermark is the end of what is decided. */
static int query_until(struct reading *reading, struct source *source, int64_t *low,
                       struct error *err)
{
    const char *name = source->topic->name;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        reading->cluster->client, name, source->partition, low, &source->until, CLUSTER_TIMEOUT_MS);

    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error(code, name, err) : 0;
}

static void open_source(struct reading *reading, struct source *source)
{
    source->open = source->next < source->until;
    reading->open_count += source->open ? 1 : 0;
}

static int find_ends(struct reading *reading, struct error *err)
{
    const struct log_request *request = reading->request;
    int64_t low;
    int r = 0;

    for (size_t i = 0; r == 0 && i < reading->source_count; i++) {
        struct source *source = &reading->sources[i];

        r = query_until(reading, source, &low, err);
        if (r < 0)
            return r;
        source->end = source->until;
        source->next = low;
        open_source(reading, source);
        if (request->on_begin != NULL)
            request->on_begin(request->context, source->topic->topic, source->partition, low);
    }
    return 0;
}

static int find_later_ends(struct reading *reading, struct error *err)
{
    int64_t low;
    int r = 0;

    reading->follows = true;
    for (size_t i = 0; r == 0 && i < reading->source_count; i++) {
        r = query_until(reading, &reading->sources[i], &low, err);
        if (r == 0)
            open_source(reading, &reading->sources[i]);
    }
    return r;
}

static int assign(struct reading *reading, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reading->source_count);

    for (size_t i = 0; i < reading->source_count; i++) {
        const struct source *source = &reading->sources[i];

        if (source->open || reading->request->follow)
            rd_kafka_topic_partition_list_add(list, source->topic->name, source->partition)
                ->offset = RD_KAFKA_OFFSET_BEGINNING;
    }

    rd_kafka_resp_err_t code = rd_kafka_assign(reading->cluster->client, list);

    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error(code, "cannot read", err) : 0;
}

static bool is_from(const rd_kafka_message_t *message, const struct source *source)
{
    return message->partition == source->partition &&
           str_equal(rd_kafka_topic_name(message->rkt), source->topic->name);
}

/* NULL: of none. */
static struct source *find_source(struct reading *reading, const rd_kafka_message_t *message)
{
    if (message->rkt == NULL)
        return NULL;
    for (size_t n = 0; n < reading->source_count; n++) {
        size_t i = (reading->current + n) % reading->source_count;

        if (is_from(message, &reading->sources[i])) {
            reading->current = i;
            return &reading->sources[i];
        }
    }
    return NULL;
}

static int hand_over(const struct reading *reading, const struct source *source,
                     const rd_kafka_message_t *message, struct error *err)
{
    const struct log_record record = {
        .topic = source->topic->topic,
        .partition_count = source->topic->partition_count,
        .young = message->offset >= source->end,
        .message = message,
    };

    return reading->request->on_record(reading->request->context, &record, err);
}

static int take_message(struct reading *reading, const rd_kafka_message_t *message,
                        struct error *err)
{
    struct source *source = find_source(reading, message);
    bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    int r = 0;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !at_end)
        return error_set(err, -EIO, "cannot read: %s", rd_kafka_message_errstr(message));
    if (source == NULL || (!source->open && !reading->request->follow))
        return 0;
    reading->progress_ms = clock_monotonic_ms();
    source->next = at_end ? message->offset : message->offset + 1;
    /* Transaction markers are never handed over, so the offset before the end may be none. */
    if (!at_end && (message->offset < source->end || reading->request->follow))
        r = hand_over(reading, source, message, err);
    if (source->open && ((at_end && !reading->follows) || source->next >= source->until)) {
        source->open = false;
        reading->open_count--;
    }
    return r;
}

static int read_to_ends(struct reading *reading, struct error *err)
{
    int r = 0;

    reading->progress_ms = clock_monotonic_ms();
    while (r == 0 && reading->open_count > 0) {
        CLEANUP(message_cleanup) rd_kafka_message_t *message =
            rd_kafka_consumer_poll(reading->cluster->client, CLUSTER_TIMEOUT_MS);

        if (message != NULL)
            r = take_message(reading, message, err);
        if (r == 0 && clock_monotonic_ms() - reading->progress_ms >= CLUSTER_TIMEOUT_MS)
            return cluster_no_answer(reading->cluster, err);
    }
    return r;
}

int log_read(struct cluster *cluster, const struct log_request *request, struct error *err)
{
    struct reading reading = {.cluster = cluster, .request = request};
    int r = list_sources(&reading, err);

    if (r == 0)
        r = find_ends(&reading, err);
    if (r == -ETIMEDOUT)
        r = cluster_no_answer(cluster, err);
    if (r == 0)
        r = assign(&reading, err);
    if (r == 0)
        r = read_to_ends(&reading, err);
    if (r == 0 && request->follow) {
        r = find_later_ends(&reading, err);
        if (r == 0)
            r = read_to_ends(&reading, err);
    }
    rd_kafka_assign(cluster->client, NULL);
    free(reading.sources);
    return r;
}
