/*
 * applier.h - takes what a follower has and puts it into the history: one local transaction per
 * batch, records and offsets together. Also lets entries expire, on the way. One thread. Private to
 * the projection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/order/follower.h"
#include "services/order/history.h"

/* One local transaction: what is there, but no more and no longer than this. */
#define BATCH_RECORDS_MAX 2000
#define BATCH_MS_MAX 50

/*
 * Who wants to know of records of the topic `orders`, once they can be read: each one that came
 * while wants_orders() said yes. `json` need not be an event.
 */
struct order_listener {
    bool (*wants_orders)(void *context);
    void (*on_order)(void *context, const char *json, size_t len);
    void *context;
};

struct applier {
    struct order_listener listener;
    rd_kafka_message_t *orders[BATCH_RECORDS_MAX]; /* to be told of after the commit */
    size_t order_count;
};

/* Begins anew, with a store that was just opened. `listener` is copied. */
void applier_init(struct applier *applier, const struct order_listener *listener);

/*
 * Applies all that is there, starting with `first`, which is taken. On
 * failure nothing was applied, and the follower has to start again from the store.
 */
int applier_run(struct applier *applier, struct follower *follower, struct store *store,
                rd_kafka_message_t *first, struct error *err);
