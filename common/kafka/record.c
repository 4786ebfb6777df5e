/* record.c - see record.h. CloudEvents 1.0, Kafka protocol binding, binary content mode. */
#include "common/kafka/record.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "common/kafka/client.h"

#define HEADER_COUNT 7
#define HEADER_TYPE "ce_type"
#define HEADER_TRACEPARENT "traceparent"
#define TYPE_SETTLED "LedgerSettled"
#define SETTLED_SIZE 256

/* The broker takes headers as they are; the library copies name and value. */
static void add_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    rd_kafka_resp_err_t code = rd_kafka_header_add(headers, name, -1, value, -1);

    assert(code == RD_KAFKA_RESP_ERR_NO_ERROR); /* fails on read-only headers only */
    (void)code;
}

static rd_kafka_headers_t *headers_of(const char *id, const char *type, const char *source,
                                      int64_t timestamp_ms, const char *traceparent)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(HEADER_COUNT);
    char time[TIMESTAMP_SIZE];

    timestamp_format(timestamp_ms, time);
    add_header(headers, "ce_specversion", "1.0");
    add_header(headers, "ce_id", id);
    add_header(headers, HEADER_TYPE, type);
    add_header(headers, "ce_source", source);
    add_header(headers, "ce_time", time);
    add_header(headers, "content-type", "application/json");
    if (traceparent != NULL && traceparent[0] != '\0')
        add_header(headers, HEADER_TRACEPARENT, traceparent);
    return headers;
}

/* Takes `headers` in every case. */
static int produce(rd_kafka_t *producer, const char *topic, int32_t partition, const char *key,
                   const char *json, size_t len, rd_kafka_headers_t *headers, void *opaque,
                   struct error *err)
{
    rd_kafka_resp_err_t code =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                          RD_KAFKA_V_KEY(key, strlen(key)), RD_KAFKA_V_VALUE((void *)json, len),
                          RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);

    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    rd_kafka_headers_destroy(headers);
    kafka_error(code, "cannot produce", err);
    return code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? -ENOBUFS : -EIO;
}

int record_send(rd_kafka_t *producer, struct codec *codec, const struct event *event,
                const char *topic, const char *source, const char *traceparent, void *opaque,
                struct error *err)
{
    const char *json;
    size_t len;
    int r = event_encode(codec, event, &json, &len, err);

    if (r < 0)
        return error_prefix(err, r, "%s", event_type_name(event->type));
    return produce(producer, topic, RD_KAFKA_PARTITION_UA, event_key(event), json, len,
                   headers_of(event->event_id, event_type_name(event->type), source,
                              event->timestamp_ms, traceparent),
                   opaque, err);
}

int record_send_settled(rd_kafka_t *producer, const char *topic, int32_t partition,
                        const char *source, void *opaque, struct error *err)
{
    int64_t now_ms = clock_utc_ms();
    char id[UUID_SIZE], time[TIMESTAMP_SIZE], json[SETTLED_SIZE];
    int len;

    uuid_v7(now_ms, id);
    timestamp_format(now_ms, time);
    len = snprintf(json, sizeof(json),
                   "{\"event_id\":\"%s\",\"event_type\":\"" TYPE_SETTLED "\",\"timestamp\":\"%s\","
                   "\"correlation_id\":\"%s\",\"schema_version\":1,\"data\":{}}",
                   id, time, id);
    assert(len > 0 && (size_t)len < sizeof(json));
    return produce(producer, topic, partition, TYPE_SETTLED, json, (size_t)len,
                   headers_of(id, TYPE_SETTLED, source, now_ms, NULL), opaque, err);
}

bool record_header(const rd_kafka_message_t *message, const char *name, const char **value,
                   size_t *len)
{
    rd_kafka_headers_t *headers;
    const void *found;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    if (rd_kafka_header_get_last(headers, name, &found, len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *value = found;
    return found != NULL;
}

/* What the record says it is, at the least cost: by header, or else by the JSON's event_type. */
static enum record_verdict find_type(struct codec *codec, const rd_kafka_message_t *message,
                                     const bool wanted[EVENT_TYPE_COUNT], enum event_type *ret,
                                     struct error *err)
{
    const char *name;
    size_t len;
    int r = 0;

    if (record_header(message, HEADER_TYPE, &name, &len)) {
        *ret = event_type_from_name(name, len);
    } else {
        if (message->payload == NULL)
            return error_set(err, RECORD_REFUSED, "the value is null");
        r = event_peek_type(codec, message->payload, message->len, ret, err);
    }
    if (r == -EBADMSG)
        return RECORD_REFUSED;
    return r == -ENOTSUP || *ret == EVENT_NONE || !wanted[*ret] ? RECORD_SKIPPED : RECORD_EVENT;
}

static enum record_verdict check_place(const rd_kafka_message_t *message, const struct event *event,
                                       const struct record_place *place, struct error *err)
{
    enum topic topic = event_topic(event->type);
    const char *key = event_key(event);
    size_t len = strlen(key);
    int32_t partition;

    if (message->key == NULL || message->key_len != len || memcmp(message->key, key, len) != 0)
        return error_set(err, RECORD_REFUSED, "the record key is not %s", key);
    partition =
        rd_kafka_msg_partitioner_murmur2(NULL, key, len, place->partition_count, NULL, NULL);
    if (message->partition != partition)
        return error_set(err, RECORD_REFUSED, "key %s belongs to partition %d", key,
                         (int)partition);
    if (place->topic != TOPIC_NONE && place->topic != topic)
        return error_set(err, RECORD_REFUSED, "%s belongs to topic %s",
                         event_type_name(event->type), topic_info(topic)->name);
    return RECORD_EVENT;
}

enum record_verdict record_read(struct codec *codec, const rd_kafka_message_t *message,
                                const bool wanted[EVENT_TYPE_COUNT],
                                const struct record_place *place, struct event *ret,
                                struct error *err)
{
    enum event_type type;
    enum record_verdict verdict = find_type(codec, message, wanted, &type, err);

    if (verdict != RECORD_EVENT)
        return verdict;
    if (message->payload == NULL)
        return error_set(err, RECORD_REFUSED, "the value is null");
    if (event_decode(codec, message->payload, message->len, ret, err) < 0)
        return RECORD_REFUSED;
    if (ret->type != type)
        return error_set(err, RECORD_REFUSED, "/event_type: the header says %s",
                         event_type_name(type));
    return check_place(message, ret, place, err);
}

void record_traceparent(const rd_kafka_message_t *message, char out[TRACEPARENT_SIZE])
{
    const char *text;
    size_t len;

    out[0] = '\0';
    if (!record_header(message, HEADER_TRACEPARENT, &text, &len) ||
        !traceparent_is_valid(text, len))
        return;
    memcpy(out, text, len);
    out[len] = '\0';
}
