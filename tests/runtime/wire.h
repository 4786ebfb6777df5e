/*
 * wire.h - the other side of a topic: writes records as another service or a stranger would, and
 * reads what was written. For tests; failures are Check's.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/codec.h"
#include "common/event/event.h"

#define WIRE_MS_MAX 10000

struct wire {
    rd_kafka_t *producer;
    rd_kafka_t *consumer;
    struct codec *codec;
};

/* A record as it is to be written. NULL with a length of 0 is null. */
struct wire_record {
    const char *topic; /* full name */
    int32_t partition; /* RD_KAFKA_PARTITION_UA: by its key */
    const char *key, *value;
    size_t key_len, value_len;
    rd_kafka_headers_t *headers; /* taken */
};

/* `address` is borrowed for the call. */
void wire_open(struct wire *wire, const char *address);
void wire_close(struct wire *wire);

/* Return when the broker has it. */
void wire_send(struct wire *wire, struct wire_record record);
void wire_send_event(struct wire *wire, const char *topic, const struct event *event,
                     const char *traceparent);

/* wire_next() goes through all records of that topic, from the first one. */
void wire_read(struct wire *wire, const char *topic, int partition_count);

/* The next record, or NULL when there is none within that time. Owned by the caller. */
rd_kafka_message_t *wire_next(struct wire *wire, int timeout_ms);

/* The same, but there must be one. */
rd_kafka_message_t *wire_receive(struct wire *wire);

/* The last header of that name as text, "-" when there is none. Until the next call. */
const char *wire_header(const rd_kafka_message_t *message, const char *name);
