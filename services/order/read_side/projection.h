/*
 * projection.h - the read side: every event of every order and the level of every product, followed
 * from Kafka into a local store. It decides nothing and writes to no topic; the store can be thrown
 * away at any time.
 *
 * One thread consumes all partitions of these topics, outside of any consumer group: each instance
 * of the service has the whole. Records and offsets are committed together, so a restart goes on
 * where it stopped. Until everything that was there at the start has been applied, nothing is read:
 * what a client has seen of an order never goes back.
 */
#pragma once

#include <stddef.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/kafka/client.h"
#include "services/order/read_side/applier.h"
#include "services/order/read_side/history.h"
#include "services/order/read_side/history_feed.h"
#include "services/order/read_side/history_scan.h"

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

/*
 * The readers: any thread, also within on_changes(), each with a codec of its own. -EAGAIN: it is
 * not ready; otherwise as the function of the store that is named.
 *
 * visit() is called while the store is held, and must not wait for anything.
 */

/* history_read() */
int projection_read(struct projection *projection, struct codec *codec, const char *order_id,
                    struct history *ret, struct error *err);

/* history_scan() */
int projection_scan(struct projection *projection, struct codec *codec,
                    const struct order_range *range, order_visit *visit, void *context,
                    struct order_range_result *ret, struct error *err);

/* history_stock_read(): -ENOENT if nothing is known of the product. */
int projection_stock(struct projection *projection, struct codec *codec, const char *product_id,
                     struct event *ret, struct error *err);

/* history_feed_begin(); `positions` is borrowed for the call, NULL: from now on. */
int projection_feed_begin(struct projection *projection, const struct feed_positions *positions,
                          struct feed_cursor *ret, struct error *err);

/* history_feed(): 0 for the end, 1 if there may be more at once; else wait for on_changes(). */
int projection_feed(struct projection *projection, struct feed_cursor *cursor, feed_visit *visit,
                    void *context, struct error *err);
