/* dead_letter.c - see dead_letter.h. */
#include "common/kafka/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_SIZE 24

static void add(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    /* Fails on read-only headers only. */
    (void)rd_kafka_header_add(headers, name, -1, value,
                              (ssize_t)strnlen(value, DEAD_LETTER_CAUSE_MAX));
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t value)
{
    char text[NUMBER_SIZE];

    snprintf(text, sizeof(text), "%" PRId64, value);
    add(headers, name, text);
}

rd_kafka_headers_t *dead_letter_headers(const rd_kafka_message_t *record, const char *service,
                                        const char *cause)
{
    rd_kafka_headers_t *original, *headers;

    if (rd_kafka_message_headers(record, &original) == RD_KAFKA_RESP_ERR_NO_ERROR)
        headers = rd_kafka_headers_copy(original);
    else
        headers = rd_kafka_headers_new(5);
    add(headers, "dead_letter_cause", cause);
    add(headers, "dead_letter_topic", rd_kafka_topic_name(record->rkt));
    add_number(headers, "dead_letter_partition", record->partition);
    add_number(headers, "dead_letter_offset", record->offset);
    add(headers, "dead_letter_service", service);
    return headers;
}
