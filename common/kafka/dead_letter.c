/* dead_letter.c - see dead_letter.h. */
#include "common/kafka/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "common/kafka/record.h"

#define NUMBER_SIZE 24

/* Fails on read-only headers only. */
static void put(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    (void)rd_kafka_header_remove(headers, name);
    (void)rd_kafka_header_add(headers, name, -1, value,
                              (ssize_t)strnlen(value, DEAD_LETTER_CAUSE_MAX));
}

static void put_number(rd_kafka_headers_t *headers, const char *name, int64_t value)
{
    char text[NUMBER_SIZE];

    snprintf(text, sizeof(text), "%" PRId64, value);
    put(headers, name, text);
}

rd_kafka_headers_t *dead_letter_headers(const rd_kafka_message_t *record, const char *service,
                                        const char *cause)
{
    rd_kafka_headers_t *original, *headers;

    if (rd_kafka_message_headers(record, &original) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = rd_kafka_headers_copy(original);
    else
        headers = rd_kafka_headers_new(5);
    put(headers, DEAD_LETTER_CAUSE, cause);
    put(headers, DEAD_LETTER_TOPIC, rd_kafka_topic_name(record->rkt));
    put_number(headers, DEAD_LETTER_PARTITION, record->partition);
    put_number(headers, DEAD_LETTER_OFFSET, record->offset);
    put(headers, DEAD_LETTER_SERVICE, service);
    return headers;
}

bool dead_letter_is_mark(const rd_kafka_message_t *record)
{
    const char *value;
    size_t len;

    return record->payload == NULL && record_header(record, DEAD_LETTER_RESOLUTION, &value, &len);
}

const char *dead_letter_obstacle(const struct event *event, int64_t now_ms)
{
    const struct topic_info *topic = topic_info(event_topic(event->type));

    if (str_equal(topic->writer, "operator"))
        return "an event of the operator is replayed to its own topic";
    if (topic->retention_ms >= 0 && now_ms - event->timestamp_ms >= topic->retention_ms)
        return "the event is older than what its topic keeps: its order may be gone";
    return NULL;
}
