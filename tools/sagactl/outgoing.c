/* outgoing.c - see outgoing.h. */
#include "tools/sagactl/outgoing.h"

#include <errno.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/kafka/record.h"
#include "common/kafka/topics.h"

#define SOURCE_SIZE 64
/* The producer gives up by itself before; see cluster_open_producer(). */
#define FLUSH_TIMEOUT_MS (CLUSTER_TIMEOUT_MS + 5000)

DEFINE_CLEANUP(handle_cleanup, rd_kafka_topic_t, rd_kafka_topic_destroy)

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct outgoing *outgoing = message->_private;

    (void)client, (void)opaque;
    outgoing->code = message->err;
    outgoing->offset = message->offset;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        outgoing->delivery = DELIVERY_DONE;
    else if (rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
        outgoing->delivery = DELIVERY_FAILED;
    else
        outgoing->delivery = DELIVERY_UNKNOWN;
}

void outgoing_stamp(struct outgoing *outgoing, enum event_type type, const char *correlation_id)
{
    struct event *event = &outgoing->event;

    event->type = type;
    event->timestamp_ms = clock_utc_ms();
    event->schema_version = EVENT_SCHEMA_VERSION;
    uuid_v7(event->timestamp_ms, event->event_id);
    str_copy(event->correlation_id, sizeof(event->correlation_id),
             correlation_id != NULL ? correlation_id : event->event_id);
}

int outgoing_open(const struct tool_settings *settings, struct cluster *ret, struct error *err)
{
    return cluster_open_producer(settings, on_delivery, ret, err);
}

/*
 * Before 2.10.1 librdkafka may take a second to find the leader of a topic that it first hears of
 * when a record is produced. Asked for beforehand, it is known as long as there is a handle.
 */
static int warm_up(struct cluster *cluster, const char *topic, rd_kafka_topic_t **ret,
                   struct error *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code;

    *ret = rd_kafka_topic_new(cluster->client, topic, NULL);
    if (*ret == NULL)
        return kafka_error(rd_kafka_last_error(), topic, err);
    code = rd_kafka_metadata(cluster->client, 0, *ret, &metadata, CLUSTER_TIMEOUT_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error(code, topic, err);
    rd_kafka_metadata_destroy(metadata);
    return 0;
}

static int send_all(struct cluster *cluster, struct codec *codec, struct outgoing *list,
                    size_t count, const char *topic, struct error *err)
{
    char source[SOURCE_SIZE];
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++) {
        enum topic of = event_topic(list[i].event.type);

        snprintf(source, sizeof(source), "order-saga/%s", topic_info(of)->writer);
        r = record_send(cluster->client, codec, &list[i].event, topic, source, NULL, &list[i], err);
    }
    /* What was sent before a failure may arrive, so its reports are waited for all the same. */
    rd_kafka_flush(cluster->client, FLUSH_TIMEOUT_MS);
    return r;
}

/* That the topic is there is checked first: a producer would wait for it, or create a wrong one. */
int outgoing_send(struct cluster *cluster, struct codec *codec, struct outgoing *list, size_t count,
                  struct error *err)
{
    CLEANUP(handle_cleanup) rd_kafka_topic_t *handle = NULL;
    const enum topic wanted[] = {event_topic(list[0].event.type)};
    const char *prefix = cluster->settings->topic_prefix;
    char name[TOPIC_NAME_SIZE];
    struct topics topics;
    int r = topics_describe(cluster->client, prefix, wanted, ARRAY_LEN(wanted), CLUSTER_TIMEOUT_MS,
                            &topics, err);

    topic_name(prefix, wanted[0], name);
    if (r == 0)
        r = warm_up(cluster, name, &handle, err);
    if (r == -ETIMEDOUT)
        return cluster_no_answer(cluster, err);
    return r == 0 ? send_all(cluster, codec, list, count, name, err) : r;
}
