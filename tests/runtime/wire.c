/* wire.c - see wire.h. */
#include "tests/runtime/wire.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/kafka/client.h"
#include "common/kafka/record.h"

#define SOURCE "order-saga/test"
#define HEADER_TEXT_SIZE 1024

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    (void)opaque;
    ck_assert_msg(message->err == RD_KAFKA_RESP_ERR_NO_ERROR, "%s", rd_kafka_err2str(message->err));
}

static rd_kafka_t *new_client(const char *address, enum kafka_client_kind kind)
{
    const struct kafka_config config = {address, "", "", "wire"};
    static const struct kafka_option reading[] = {
        {"log_level", "2"}, {"group.id", "wire"}, {"fetch.wait.max.ms", "5"}};
    /* Not idempotent: tests count the InitProducerId of others. */
    static const struct kafka_option writing[] = {
        {"log_level", "2"}, {"enable.idempotence", "false"}, {"linger.ms", "0"}};
    struct error err;
    rd_kafka_conf_t *conf;
    rd_kafka_t *client;

    ck_assert_msg(kafka_conf_new(&config, kind, kind == KAFKA_CONSUMER ? reading : writing, 3,
                                 &conf, &err) == 0,
                  "%s", err.text);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    ck_assert_msg(kafka_client_new(conf, kind, &client, &err) == 0, "%s", err.text);
    return client;
}

void wire_open(struct wire *wire, const char *address)
{
    wire->producer = new_client(address, KAFKA_PRODUCER);
    wire->consumer = new_client(address, KAFKA_CONSUMER);
    ck_assert_int_eq(codec_new(&wire->codec, NULL), 0);
}

void wire_close(struct wire *wire)
{
    codec_free(wire->codec);
    rd_kafka_destroy(wire->producer);
    rd_kafka_destroy_flags(wire->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

/* Otherwise the first record waits up to a second for the topic's partitions (#5032). */
static void meet_topic(rd_kafka_t *client, const char *name)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata = NULL;

    ck_assert_int_eq(rd_kafka_metadata(client, 0, topic, &metadata, WIRE_MS_MAX),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
}

static void flush(struct wire *wire)
{
    ck_assert_int_eq(rd_kafka_flush(wire->producer, WIRE_MS_MAX), RD_KAFKA_RESP_ERR_NO_ERROR);
}

void wire_send(struct wire *wire, struct wire_record record)
{
    rd_kafka_headers_t *headers = record.headers != NULL ? record.headers : rd_kafka_headers_new(0);
    rd_kafka_resp_err_t code;

    meet_topic(wire->producer, record.topic);
    code = rd_kafka_producev(
        wire->producer, RD_KAFKA_V_TOPIC(record.topic), RD_KAFKA_V_PARTITION(record.partition),
        RD_KAFKA_V_KEY(record.key, record.key_len),
        RD_KAFKA_V_VALUE((void *)record.value, record.value_len), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    ck_assert_msg(code == RD_KAFKA_RESP_ERR_NO_ERROR, "%s", rd_kafka_err2str(code));
    flush(wire);
}

void wire_send_event(struct wire *wire, const char *topic, const struct event *event,
                     const char *traceparent)
{
    struct error err;

    meet_topic(wire->producer, topic);
    ck_assert_msg(record_send(wire->producer, wire->codec, event, topic, SOURCE, traceparent, NULL,
                              &err) == 0,
                  "%s", err.text);
    flush(wire);
}

void wire_read(struct wire *wire, const char *topic, int partition_count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partition_count);

    meet_topic(wire->consumer, topic);
    for (int32_t p = 0; p < partition_count; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    ck_assert_int_eq(rd_kafka_assign(wire->consumer, list), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(list);
}

rd_kafka_message_t *wire_next(struct wire *wire, int timeout_ms)
{
    int64_t end_ms = clock_monotonic_ms() + timeout_ms;

    do {
        int64_t left_ms = end_ms - clock_monotonic_ms();
        rd_kafka_message_t *message =
            rd_kafka_consumer_poll(wire->consumer, left_ms > 0 ? (int)left_ms : 0);

        if (message == NULL)
            return NULL;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            return message;
        rd_kafka_message_destroy(message); /* the end, or an error that the library goes on from */
    } while (clock_monotonic_ms() < end_ms);
    return NULL;
}

rd_kafka_message_t *wire_receive(struct wire *wire)
{
    rd_kafka_message_t *message = wire_next(wire, WIRE_MS_MAX);

    ck_assert_msg(message != NULL, "no record within %d ms", WIRE_MS_MAX);
    return message;
}

const char *wire_header(const rd_kafka_message_t *message, const char *name)
{
    static char text[HEADER_TEXT_SIZE];
    rd_kafka_headers_t *headers;
    const void *value = NULL;
    size_t len = 0;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return "-";
    ck_assert_uint_lt(len, sizeof(text));
    snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)value);
    return text;
}
