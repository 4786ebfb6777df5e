/* log_read.c - see log_read.h. */
#include "tools/sagactl/log_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/ends.h"

DEFINE_CLEANUP(message_cleanup, rd_kafka_message_t, rd_kafka_message_destroy)

/* A partition that is being read. */
struct source {
    const struct topic_state *topic;
    int32_t partition;
    int64_t first_end; /* where it ended at the start */
    int64_t end;       /* the same, or where it ended later: read to here */
    int64_t next;      /* the offset to come */
    bool open;         /* not yet read to the end */
};

struct log_reader {
    const struct log_request *request; /* borrowed */
    struct cluster *cluster;           /* borrowed */
    struct topics topics;
    size_t source_count, open_count;
    struct source *sources;
    size_t current; /* index of the last record's source: records come in runs */
    int64_t progress_ms;
    bool extended; /* an end of a partition that is reported may be an earlier one than ours */
    bool bounded;  /* nothing beyond the ends is handed over */
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
    const struct record_place place = {record->topic, record->partition_count};

    return record_read(codec, record->message, every_type, &place, ret, NULL) == RECORD_EVENT;
}

static void add_sources(struct log_reader *reader, const struct topic_state *topic)
{
    const char *key = reader->request->key;
    int32_t only = key == NULL ? -1
                               : rd_kafka_msg_partitioner_murmur2(
                                     NULL, key, strlen(key), topic->partition_count, NULL, NULL);

    for (int32_t p = 0; p < topic->partition_count; p++)
        if (only < 0 || p == only)
            reader->sources[reader->source_count++] =
                (struct source){.topic = topic, .partition = p};
}

static int list_sources(struct log_reader *reader, struct error *err)
{
    size_t most = 0;
    int r = topics_describe(reader->cluster->client, reader->cluster->settings->topic_prefix,
                            reader->request->topics, reader->request->topic_count,
                            CLUSTER_TIMEOUT_MS, &reader->topics, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < reader->topics.count; i++)
        most += (size_t)reader->topics.list[i].partition_count;
    reader->sources = calloc(most + 1, sizeof(*reader->sources));
    if (reader->sources == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < reader->topics.count; i++)
        add_sources(reader, &reader->topics.list[i]);
    return 0;
}

/* In the order of the sources. */
static rd_kafka_topic_partition_list_t *list_partitions(const struct log_reader *reader)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)reader->source_count);

    for (size_t i = 0; i < reader->source_count; i++)
        rd_kafka_topic_partition_list_add(list, reader->sources[i].topic->name,
                                          reader->sources[i].partition);
    return list;
}

static int find_begins(struct log_reader *reader, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list = list_partitions(reader);
    const struct log_request *request = reader->request;
    int r = ends_find(reader->cluster, RD_KAFKA_OFFSET_SPEC_EARLIEST,
                      RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, list, err);

    for (size_t i = 0; r == 0 && i < reader->source_count; i++) {
        struct source *source = &reader->sources[i];

        source->next = list->elems[i].offset;
        if (request->on_begin != NULL)
            request->on_begin(request->context, source->topic->topic, source->partition,
                              source->next);
    }
    return r;
}

static int find_ends(struct log_reader *reader, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list = list_partitions(reader);
    int r = ends_find(reader->cluster, RD_KAFKA_OFFSET_SPEC_LATEST,
                      RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED, list, err);

    for (size_t i = 0; r == 0 && i < reader->source_count; i++) {
        struct source *source = &reader->sources[i];

        source->end = list->elems[i].offset;
        if (!reader->extended)
            source->first_end = source->end;
        source->open = source->next < source->end;
        reader->open_count += source->open ? 1 : 0;
    }
    return r;
}

int log_reader_extend(struct log_reader *reader, struct error *err)
{
    reader->extended = true;
    return find_ends(reader, err);
}

static int assign(struct log_reader *reader, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list = list_partitions(reader);

    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;

    rd_kafka_resp_err_t code = rd_kafka_assign(reader->cluster->client, list);

    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? kafka_error(code, "cannot read", err) : 0;
}

static bool is_from(const rd_kafka_message_t *message, const struct source *source)
{
    return message->partition == source->partition &&
           str_equal(rd_kafka_topic_name(message->rkt), source->topic->name);
}

/* NULL: of none. */
static struct source *find_source(struct log_reader *reader, const rd_kafka_message_t *message)
{
    if (message->rkt == NULL)
        return NULL;
    for (size_t n = 0; n < reader->source_count; n++) {
        size_t i = (reader->current + n) % reader->source_count;

        if (is_from(message, &reader->sources[i])) {
            reader->current = i;
            return &reader->sources[i];
        }
    }
    return NULL;
}

static int hand_over(const struct log_reader *reader, const struct source *source,
                     const rd_kafka_message_t *message, struct error *err)
{
    const struct log_record record = {
        .topic = source->topic->topic,
        .partition_count = source->topic->partition_count,
        .young = message->offset >= source->first_end,
        .message = message,
    };

    return reader->request->on_record(reader->request->context, &record, err);
}

static void close_source(struct log_reader *reader, struct source *source)
{
    reader->open_count -= source->open ? 1 : 0;
    source->open = false;
}

/* Transaction markers are never handed over, so the offset before the end may be none. */
static int take_message(struct log_reader *reader, const rd_kafka_message_t *message,
                        struct error *err)
{
    struct source *source = find_source(reader, message);
    bool at_end = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    int r = 0;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !at_end)
        return error_set(err, -EIO, "cannot read: %s", rd_kafka_message_errstr(message));
    if (source == NULL)
        return 0;
    if (source->open)
        reader->progress_ms = clock_monotonic_ms();
    source->next = at_end ? message->offset : message->offset + 1;
    if ((at_end && !reader->extended) || source->next >= source->end)
        close_source(reader, source);
    if (!at_end && (!reader->bounded || message->offset < source->end))
        r = hand_over(reader, source, message, err);
    return r;
}

/* A message comes within `wait_ms`, or none does. */
static int take_next(struct log_reader *reader, int wait_ms, struct error *err)
{
    CLEANUP(message_cleanup) rd_kafka_message_t *message =
        rd_kafka_consumer_poll(reader->cluster->client, wait_ms);

    return message != NULL ? take_message(reader, message, err) : 0;
}

int log_reader_read(struct log_reader *reader, struct error *err)
{
    int r = 0;

    reader->progress_ms = clock_monotonic_ms();
    while (r == 0 && reader->open_count > 0) {
        r = take_next(reader, CLUSTER_TIMEOUT_MS, err);
        if (r == 0 && clock_monotonic_ms() - reader->progress_ms >= CLUSTER_TIMEOUT_MS)
            return cluster_no_answer(reader->cluster, err);
    }
    return r;
}

int log_reader_follow(struct log_reader *reader, int timeout_ms, struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms, left_ms = timeout_ms;
    int r = 0;

    while (r == 0 && left_ms > 0) {
        r = take_next(reader, (int)left_ms, err);
        left_ms = deadline_ms - clock_monotonic_ms();
    }
    return r;
}

static int start(struct log_reader *reader, struct error *err)
{
    int r = list_sources(reader, err);

    if (r == 0)
        r = find_begins(reader, err);
    if (r == 0)
        r = find_ends(reader, err);
    if (r == -ETIMEDOUT)
        return cluster_no_answer(reader->cluster, err);
    return r == 0 ? assign(reader, err) : r;
}

int log_reader_open(struct cluster *cluster, const struct log_request *request,
                    struct log_reader **ret, struct error *err)
{
    CLEANUP(log_reader_cleanup) struct log_reader *reader = calloc(1, sizeof(*reader));
    int r;

    if (reader == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    reader->cluster = cluster;
    reader->request = request;
    r = start(reader, err);
    if (r == 0)
        *ret = TAKE_PTR(reader);
    return r;
}

void log_reader_close(struct log_reader *reader)
{
    if (reader == NULL)
        return;
    rd_kafka_assign(reader->cluster->client, NULL);
    free(reader->sources);
    free(reader);
}

int log_read(struct cluster *cluster, const struct log_request *request, struct error *err)
{
    CLEANUP(log_reader_cleanup) struct log_reader *reader = NULL;
    int r = log_reader_open(cluster, request, &reader, err);

    if (r < 0)
        return r;
    reader->bounded = true;
    return log_reader_read(reader, err);
}
