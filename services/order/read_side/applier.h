/*
 * applier.h - takes what a follower has and puts it into the history: one local transaction per
 * batch, records and offsets together. Also lets entries expire, on the way. One thread. Private to
 * the projection.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/order/read_side/batch.h"
#include "services/order/read_side/follower.h"
#include "services/order/read_side/history.h"

/* One local transaction: what is there, but no more than a batch holds, and no longer than this. */
#define BATCH_MS_MAX 50

/* Something about this order came in. */
struct order_change {
    char order_id[UUID_SIZE];
};

/*
 * Who wants to know of orders that have changed. Both are called after the batch was committed, so
 * who first makes is_wanted() say yes and then reads misses nothing.
 *
 * on_changes: the orders of all records of the batch, each once or more. A record need not be an
 * event. Until the projection is ready, what is told cannot be read yet; when it becomes ready, it
 * says so with a count of 0: any order may have changed.
 */
struct order_listener {
    bool (*is_wanted)(void *context);
    void (*on_changes)(void *context, const struct order_change *changes, size_t count);
    void *context;
};

struct applier {
    struct order_listener listener;
    struct codec *codec; /* borrowed */
    struct batch batch;
    struct order_change changes[BATCH_RECORDS_MAX];
};

/* Begins anew, with a store that was just opened. `listener` is copied, `codec` borrowed. */
void applier_init(struct applier *applier, const struct order_listener *listener,
                  struct codec *codec);

/*
 * Applies all that is there, starting with `first`, which is taken. On
 * failure nothing was applied, and the follower has to start again from the store.
 */
int applier_run(struct applier *applier, struct follower *follower, struct store *store,
                rd_kafka_message_t *first, struct error *err);
