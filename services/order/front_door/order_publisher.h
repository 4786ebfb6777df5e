/*
 * order_publisher.h - writes what the front door asks to Kafka, outside of any transaction: the
 * idempotent producer writes a record once or not at all. Not a queue: what cannot be written
 * within PUBLISH_MS_MAX has failed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/kafka/client.h"
#include "common/trace/tracer.h"

/* A record that the broker has not confirmed by then has failed. */
#define PUBLISH_MS_MAX 10000

struct order_publisher;

/* What became of a record. */
struct publication {
    char order_id[UUID_SIZE];
    uint64_t ticket;    /* as it was given */
    bool is_confirmed;  /* the broker has it */
    bool may_exist;     /* ... or may have it: its answer was lost */
    const char *reason; /* borrowed; NULL: it is confirmed */
};

struct order_publisher_config {
    const struct kafka_config *kafka; /* borrowed until order_publisher_free() */
    /* Both are called on the publisher's thread, the first once for each record. */
    void (*on_settled)(void *context, const struct publication *publication);
    void (*on_tick)(void *context); /* some times a second */
    void *context;
    struct tracer *tracer; /* borrowed, too; NULL: none */
};

/* `ret` is owned by the caller. Returns 0, -EINVAL (settings), -ENOMEM or -EIO. Asks no broker. */
int order_publisher_new(const struct order_publisher_config *config, struct order_publisher **ret,
                        struct error *err);

/* What is not confirmed after `timeout_ms` is dropped, and settled as failed. NULL is harmless. */
void order_publisher_free(struct order_publisher *publisher, int timeout_ms);

/* Records that wait for the broker, or for its answer to be told. Any thread. */
size_t order_publisher_queued(struct order_publisher *publisher);

/*
 * Sends an event that is keyed by an order to its topic; on_settled() may be called before this
 * returns. Any thread, with its own codec. `ticket` comes back with it. Without a `traceparent`
 * (NULL) it begins a trace, if there is a tracer.
 * Returns 0, -ENOBUFS (too much is under way), -EINVAL (no valid event) or -EIO.
 */
int order_publisher_send(struct order_publisher *publisher, struct codec *codec,
                         const struct event *event, const char *traceparent, uint64_t ticket,
                         struct error *err);
