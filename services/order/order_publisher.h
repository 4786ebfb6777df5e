/*
 * order_publisher.h - writes OrderPlaced to Kafka, outside of any transaction: the idempotent
 * producer writes it once or not at all. Says when it failed; that it worked is seen on the read
 * side. Not a queue: what cannot be written within PUBLISH_MS_MAX has failed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/kafka/client.h"

/* A record that the broker has not confirmed by then has failed. */
#define PUBLISH_MS_MAX 10000

struct order_publisher;

struct order_publisher_config {
    const struct kafka_config *kafka; /* borrowed until order_publisher_free() */
    /*
     * Both are called on the publisher's thread. `may_exist`: the broker may have the record all
     * the same; its answer was lost.
     */
    void (*on_failure)(void *context, const char *order_id, bool may_exist, const char *reason);
    void (*on_tick)(void *context); /* some times a second */
    void *context;
};

/* `ret` is owned by the caller. Returns 0, -EINVAL (settings), -ENOMEM or -EIO. Asks no broker. */
int order_publisher_new(const struct order_publisher_config *config, struct order_publisher **ret,
                        struct error *err);

/* What is not confirmed after `timeout_ms` is dropped, and reported as failed. NULL is harmless. */
void order_publisher_free(struct order_publisher *publisher, int timeout_ms);

/*
 * Sends the event; on_failure() may be called before this returns. Any thread, with its own codec.
 * Returns 0, -ENOBUFS (too much is under way), -EINVAL (no valid event) or -EIO.
 */
int order_publisher_send(struct order_publisher *publisher, struct codec *codec,
                         const struct event *event, const char *traceparent, struct error *err);
