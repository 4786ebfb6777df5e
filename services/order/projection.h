/*
 * projection.h - the read side: every event of every order, followed from Kafka into a local store.
 * It decides nothing and writes to no topic; the store can be thrown away at any time.
 *
 * One thread consumes all partitions of the order topics, outside of any consumer group: each
 * instance of the service has the whole. Records and offsets are committed together, so a restart
 * goes on where it stopped. Until everything that was there at the start has been applied, nothing
 * is read: what a client has seen of an order never goes back.
 */
#pragma once

#include <stddef.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/kafka/client.h"
#include "services/order/applier.h"
#include "services/order/history.h"

struct projection;

struct projection_config {
    const struct kafka_config *kafka; /* borrowed until projection_close() */
    const char *data_dir; /* borrowed for the call; the store is in <data_dir>/projection */
    struct order_listener listener; /* called on the projection's thread */
};

/*
 * Starts to follow, and goes on trying while the broker is away or topics are missing. `ret` is
 * owned by the caller. Returns 0, -ENOMEM or -EIO.
 */
int projection_open(const struct projection_config *config, struct projection **ret,
                    struct error *err);
void projection_close(struct projection *projection); /* NULL is harmless */

/* 0, or -EAGAIN and what is being waited for. Any thread. */
int projection_ready(struct projection *projection, struct error *err);

/* As history_read(); -EAGAIN if it is not ready. Any thread, with a codec of its own. */
int projection_read(struct projection *projection, struct codec *codec, const char *order_id,
                    struct history *ret, struct error *err);
