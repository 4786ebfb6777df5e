/*
 * record.h - events as Kafka records: key, JSON value, CloudEvents headers (binary mode), and what
 * becomes of a record that is no event. Not a consumer or producer: see runtime.h, publisher.h.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/event/event.h"
#include "common/trace/context.h"

/*
 * Sends one event to its topic, with its key's partition chosen by murmur2. Asynchronous.
 *
 * topic        full name; borrowed.
 * source       CloudEvents source, as "order-saga/payment"; borrowed.
 * traceparent  borrowed; "" or NULL: no such header.
 * opaque       handed to the delivery report.
 * Returns 0, -EINVAL (the event breaks its schema), -ENOBUFS (the producer's queue is full: poll
 * and try again), -EIO (librdkafka refused it: the transaction, if any, is void).
 */
int record_send(rd_kafka_t *producer, struct codec *codec, const struct event *event,
                const char *topic, const char *source, const char *traceparent, void *opaque,
                struct error *err);

/*
 * Sends a record that says nothing: an event of the type LedgerSettled, which no reader knows and
 * so every one skips. That a partition is part of a transaction takes a record, and its commit ends
 * what an earlier one of the same producer has left open there. Arguments and result as above.
 */
int record_send_settled(rd_kafka_t *producer, const char *topic, int32_t partition,
                        const char *source, void *opaque, struct error *err);

enum record_verdict {
    RECORD_EVENT,   /* decoded into `ret`; its key and partition are those of the event */
    RECORD_SKIPPED, /* a type that the caller does not want, or that nobody here knows */
    RECORD_REFUSED, /* no event by the schemas; `err` says why */
};

/* What a record is checked against: an event is refused where it does not belong. */
struct record_place {
    enum topic topic; /* TOPIC_NONE: one that takes the events of others */
    int32_t partition_count;
};

/*
 * Reads a record. Types that are not wanted are skipped by their ce_type header, unparsed.
 *
 * wanted           indexed by enum event_type; borrowed.
 * ret              at most event_size(ret) bytes of it are written; of use on RECORD_EVENT only.
 * err              one line on RECORD_REFUSED.
 */
enum record_verdict record_read(struct codec *codec, const rd_kafka_message_t *message,
                                const bool wanted[EVENT_TYPE_COUNT],
                                const struct record_place *place, struct event *ret,
                                struct error *err);

/*
 * The last header of that name, borrowed from the message, without a NUL. False when there is none
 * or it is null.
 */
bool record_header(const rd_kafka_message_t *message, const char *name, const char **value,
                   size_t *len);

/* A copy of the record's traceparent header; "" when it has none, or a malformed one. */
void record_traceparent(const rd_kafka_message_t *message, char out[TRACEPARENT_SIZE]);
