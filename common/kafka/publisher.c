/* publisher.c - see publisher.h. */
#include "common/kafka/publisher.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/measures.h"
#include "common/kafka/record.h"
#include "common/kafka/topics.h"

#define PUBLISHER_SOURCE_SIZE 64
/* How long a full queue may stay full, and how long one look at it takes. */
#define QUEUE_WAIT_MS_MAX 10000
#define QUEUE_POLL_MS 10
/* All of this bounds how long a stop may have to wait. */
#define FENCE_TIMEOUT_MS 1500
/* While the transaction of a predecessor is being ended, the coordinator says "not now", and
   librdkafka asks again only after 500 ms. A new client asks at once. */
#define FENCE_SOON_MS 100
/* How long to ask for the partitions of a topic before the first record to it. */
#define MEET_TIMEOUT_MS 500
/* For a look at what can be read. One that fails is made another time. */
#define LOOK_TIMEOUT_MS 500

struct publisher {
    rd_kafka_t *producer;
    char source[PUBLISHER_SOURCE_SIZE];
    enum topic ledgers[LEDGERS_MAX];
    size_t ledger_count;
    char topics[LEDGERS_MAX + 1][TOPIC_NAME_SIZE]; /* full names: the ledgers, the dead letters */
    struct measures *measures;
    size_t record_count; /* of the transaction */
    bool in_transaction;
    bool committing;
    bool doubtful;
    int64_t positions[LEDGERS_MAX][PARTITIONS_MAX];
    int64_t due[LEDGERS_MAX][PARTITIONS_MAX];  /* up to here it should be readable by now */
    int64_t seen[LEDGERS_MAX][PARTITIONS_MAX]; /* and up to here it was */
};

/* The message's opaque is 1 + the number of its ledger; 0 for a dead letter. */
static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct publisher *publisher = opaque;
    size_t ledger = (size_t)(uintptr_t)message->_private;
    int64_t *position;

    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || ledger == 0)
        return; /* a failure fails the transaction by itself */
    assert(message->partition >= 0 && message->partition < PARTITIONS_MAX);
    position = &publisher->positions[ledger - 1][message->partition];
    /* No offset is known after a retry that turned out to be a duplicate: the position then stays
       behind, and a restore reads a little more. */
    if (message->offset >= 0 && message->offset + 1 > *position)
        *position = message->offset + 1;
}

static void on_error(rd_kafka_t *producer, int code, const char *reason, void *opaque)
{
    struct publisher *publisher = opaque;

    (void)producer;
    (void)code;
    (void)reason; /* logged by the library */
    if (publisher->committing)
        publisher->doubtful = true;
}

static int new_producer(const struct publisher_config *config, struct publisher *publisher,
                        struct error *err)
{
    const struct kafka_option options[] = {
        {"transactional.id", config->transactional_id},
        {"transaction.timeout.ms", "10000"},
        {"linger.ms", "10"}, /* a commit does not wait for it; under load the batches get larger */
        {"message.max.bytes", "20971520"}, /* dead letters carry what others could send */
        {"log.connection.close", "true"},  /* or else on_error() does not hear of it */
    };
    rd_kafka_conf_t *conf;
    int r = kafka_conf_new(config->kafka, KAFKA_PRODUCER, options, ARRAY_LEN(options), &conf, err);

    if (r < 0)
        return r;
    rd_kafka_conf_set_opaque(conf, publisher);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery); /* without one a commit takes 11 ms, not 2 */
    rd_kafka_conf_set_error_cb(conf, on_error);
    return kafka_client_new(conf, KAFKA_PRODUCER, &publisher->producer, err);
}

int publisher_new(const struct publisher_config *config, struct publisher **ret, struct error *err)
{
    CLEANUP(publisher_cleanup) struct publisher *publisher = calloc(1, sizeof(*publisher));
    int r;

    assert(config->ledger_count <= LEDGERS_MAX);
    if (publisher == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    str_copy(publisher->source, sizeof(publisher->source), config->source);
    memcpy(publisher->ledgers, config->ledgers, config->ledger_count * sizeof(enum topic));
    publisher->ledger_count = config->ledger_count;
    for (size_t i = 0; i < config->ledger_count; i++)
        topic_name(config->kafka->topic_prefix, config->ledgers[i], publisher->topics[i]);
    topic_name(config->kafka->topic_prefix, config->dead_letters,
               publisher->topics[config->ledger_count]);
    publisher->measures = config->measures;
    measures_producer_created(config->measures);
    memset(publisher->positions, -1, sizeof(publisher->positions));
    memset(publisher->due, -1, sizeof(publisher->due));
    memset(publisher->seen, -1, sizeof(publisher->seen));
    r = new_producer(config, publisher, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(publisher);
    return 0;
}

void publisher_free(struct publisher *publisher)
{
    if (publisher == NULL)
        return;
    if (publisher->in_transaction)
        measures_aborted(publisher->measures);
    if (publisher->producer != NULL) {
        rd_kafka_purge(publisher->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                                RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(publisher->producer);
    }
    free(publisher);
}

/* A fatal, abortable and unknown error all have the same fate: this producer is done with. */
static int transaction_error(const rd_kafka_error_t *error, const char *what, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    int r = kafka_error(code, what, NULL);

    return error_set(err, r, "%s: %s: %s", what, rd_kafka_error_name(error),
                     rd_kafka_error_string(error));
}

/* Otherwise the first record to a topic waits a second for its partitions (librdkafka #5032). That
   is also all that a failure costs here. */
static void meet_topics(struct publisher *publisher)
{
    for (size_t i = 0; i <= publisher->ledger_count; i++) {
        rd_kafka_topic_t *topic =
            rd_kafka_topic_new(publisher->producer, publisher->topics[i], NULL);
        const struct rd_kafka_metadata *metadata = NULL;

        if (topic == NULL)
            continue;
        if (rd_kafka_metadata(publisher->producer, 0, topic, &metadata, MEET_TIMEOUT_MS) ==
            RD_KAFKA_RESP_ERR_NO_ERROR)
            rd_kafka_metadata_destroy(metadata);
        rd_kafka_topic_destroy(topic);
    }
}

int publisher_fence(struct publisher *publisher, int timeout_ms, struct error *err)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error =
        rd_kafka_init_transactions(publisher->producer, timeout_ms);

    if (error == NULL) {
        meet_topics(publisher);
        return 0;
    }
    if (rd_kafka_error_is_retriable(error))
        return error_set(err, -ETIMEDOUT, "cannot fence: %s", rd_kafka_error_string(error));
    return transaction_error(error, "cannot fence", err);
}

static int new_and_fence(const struct publisher_config *config, int timeout_ms,
                         struct publisher **ret, struct error *err)
{
    CLEANUP(publisher_cleanup) struct publisher *publisher = NULL;
    int r = publisher_new(config, &publisher, err);

    if (r == 0)
        r = publisher_fence(publisher, timeout_ms, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(publisher);
    return 0;
}

int publisher_take_over(const struct publisher_config *config, struct publisher **ret,
                        struct error *err)
{
    int r = new_and_fence(config, FENCE_SOON_MS, ret, err);

    return r == -ETIMEDOUT ? new_and_fence(config, FENCE_TIMEOUT_MS, ret, err) : r;
}

static int begin(struct publisher *publisher, struct error *err)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = NULL;

    if (publisher->in_transaction)
        return 0;
    error = rd_kafka_begin_transaction(publisher->producer);
    if (error != NULL)
        return transaction_error(error, "cannot begin", err);
    publisher->in_transaction = true;
    return 0;
}

static uintptr_t ledger_tag(const struct publisher *publisher, enum topic topic)
{
    size_t i = 0;

    while (i < publisher->ledger_count && publisher->ledgers[i] != topic)
        i++;
    assert(i < publisher->ledger_count); /* a service writes only its own topics */
    return i + 1;
}

int publisher_send(struct publisher *publisher, struct codec *codec, const struct event *event,
                   const char *topic, const char *traceparent, struct error *err)
{
    void *tag = (void *)ledger_tag(publisher, event_topic(event->type));
    int r = begin(publisher, err);

    if (r < 0)
        return r;
    for (int waited_ms = 0; waited_ms <= QUEUE_WAIT_MS_MAX; waited_ms += QUEUE_POLL_MS) {
        r = record_send(publisher->producer, codec, event, topic, publisher->source, traceparent,
                        tag, err);
        if (r != -ENOBUFS)
            break;
        rd_kafka_poll(publisher->producer, QUEUE_POLL_MS);
    }
    publisher->record_count++;
    return r;
}

int publisher_send_record(struct publisher *publisher, const char *topic,
                          const rd_kafka_message_t *record, rd_kafka_headers_t *headers,
                          struct error *err)
{
    rd_kafka_resp_err_t code;
    int r = begin(publisher, err);

    if (r < 0) {
        rd_kafka_headers_destroy(headers);
        return r;
    }
    for (int waited_ms = 0; waited_ms <= QUEUE_WAIT_MS_MAX; waited_ms += QUEUE_POLL_MS) {
        code = rd_kafka_producev(publisher->producer, RD_KAFKA_V_TOPIC(topic),
                                 RD_KAFKA_V_KEY(record->key, record->key_len),
                                 RD_KAFKA_V_VALUE(record->payload, record->len),
                                 RD_KAFKA_V_HEADERS(headers),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        rd_kafka_poll(publisher->producer, QUEUE_POLL_MS);
    }
    publisher->record_count++;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    rd_kafka_headers_destroy(headers);
    return kafka_error(code, "cannot produce", err);
}

int publisher_settle(struct publisher *publisher, enum topic ledger, int32_t partition,
                     struct error *err)
{
    uintptr_t tag = ledger_tag(publisher, ledger);
    int r = begin(publisher, err);

    if (r < 0)
        return r;
    publisher->record_count++;
    return record_send_settled(publisher->producer, publisher->topics[tag - 1], partition,
                               publisher->source, (void *)tag, err);
}

bool publisher_has_transaction(const struct publisher *publisher)
{
    return publisher->in_transaction;
}

static int send_offsets(struct publisher *publisher, const rd_kafka_topic_partition_list_t *offsets,
                        const rd_kafka_consumer_group_metadata_t *metadata, int timeout_ms,
                        struct error *err)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = NULL;
    int r = begin(publisher, err);

    if (r < 0 || offsets->cnt == 0)
        return r;
    error =
        rd_kafka_send_offsets_to_transaction(publisher->producer, offsets, metadata, timeout_ms);
    return error == NULL ? 0 : transaction_error(error, "cannot save the bookmark", err);
}

int publisher_commit(struct publisher *publisher, const rd_kafka_topic_partition_list_t *offsets,
                     const rd_kafka_consumer_group_metadata_t *metadata, int timeout_ms,
                     struct error *err)
{
    CLEANUP(kafka_error_cleanup) rd_kafka_error_t *error = NULL;
    int64_t start_us = clock_monotonic_us();
    int r = 0;

    rd_kafka_poll(publisher->producer, 0); /* what failed before is no doubt about this commit */
    publisher->committing = true;
    if (offsets != NULL)
        r = send_offsets(publisher, offsets, metadata, timeout_ms, err); /* no flush before it */
    if (r == 0 && publisher->in_transaction) {
        /* Not -1, as librdkafka advises to who would go on with this producer after a time-out. */
        error = rd_kafka_commit_transaction(publisher->producer, timeout_ms);
        if (error != NULL)
            r = transaction_error(error, "cannot commit", err);
    }
    rd_kafka_poll(publisher->producer, 0);
    publisher->committing = false;
    if (r == 0 && publisher->in_transaction) {
        measures_committed(publisher->measures, publisher->record_count,
                           clock_monotonic_us() - start_us);
        publisher->in_transaction = false;
        publisher->record_count = 0;
    }
    return r;
}

void publisher_rest(struct publisher *publisher, int64_t until_ms)
{
    int64_t left_ms;

    while ((left_ms = until_ms - clock_monotonic_ms()) > 0)
        rd_kafka_poll(publisher->producer, (int)left_ms);
}

bool publisher_is_doubtful(const struct publisher *publisher)
{
    return publisher->doubtful;
}

int64_t publisher_position(const struct publisher *publisher, size_t ledger, int32_t partition)
{
    return publisher->positions[ledger][partition];
}

/* What is due and was not seen yet, with the offset that asks for the end of what can be read. */
static rd_kafka_topic_partition_list_t *due_list(struct publisher *publisher)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

    for (size_t i = 0; i < publisher->ledger_count; i++)
        for (int32_t p = 0; p < PARTITIONS_MAX; p++)
            if (publisher->due[i][p] > publisher->seen[i][p]) {
                rd_kafka_topic_partition_t *entry =
                    rd_kafka_topic_partition_list_add(list, publisher->topics[i], p);

                entry->offset = RD_KAFKA_OFFSET_END;
                entry->opaque = &publisher->due[i][p];
            }
    return list;
}

int publisher_check_visible(struct publisher *publisher, struct error *err)
{
    CLEANUP(list_cleanup) rd_kafka_topic_partition_list_t *list = due_list(publisher);
    int64_t *due = &publisher->due[0][0], *seen = &publisher->seen[0][0];

    if (list->cnt > 0 && rd_kafka_offsets_for_times(publisher->producer, list, LOOK_TIMEOUT_MS) !=
                             RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *entry = &list->elems[i];
        const int64_t *wanted = entry->opaque;

        if (entry->err != RD_KAFKA_RESP_ERR_NO_ERROR || entry->offset < 0)
            continue;
        if (entry->offset < *wanted)
            return error_set(err, -EAGAIN, "what was committed to %s [%" PRId32 "] is hidden",
                             entry->topic, entry->partition);
        seen[wanted - due] = *wanted;
    }
    memcpy(publisher->due, publisher->positions, sizeof(publisher->due));
    return 0;
}
