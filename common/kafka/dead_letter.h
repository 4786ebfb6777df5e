/*
 * dead_letter.h - a refused record for the dead-letter topic: the bytes unchanged, its own headers,
 * and where it came from and why in five more. Not a sender: see publisher_send_record().
 */
#pragma once

#include <librdkafka/rdkafka.h>

/* Bytes of the cause that are kept. */
#define DEAD_LETTER_CAUSE_MAX 512

/*
 * The record's headers and: dead_letter_cause, dead_letter_topic, dead_letter_partition,
 * dead_letter_offset (decimal text), dead_letter_service. Owned by the caller.
 */
rd_kafka_headers_t *dead_letter_headers(const rd_kafka_message_t *record, const char *service,
                                        const char *cause);
