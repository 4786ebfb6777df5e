/*
 * projection_read.c - the readers of projection.h: each a function of the store in one read
 * transaction, while nobody may put another store in its place.
 */
#include <errno.h>

#include "services/order/read_side/history_stock.h"
#include "services/order/read_side/projection_state.h"

int projection_ready(struct projection *projection, struct error *err)
{
    bool readable;
    int r = 0;

    pthread_rwlock_rdlock(&projection->store_lock);
    readable = projection->is_readable;
    pthread_rwlock_unlock(&projection->store_lock);
    pthread_mutex_lock(&projection->lock);
    if (!readable)
        r = error_set(err, -EAGAIN, "%s", projection->reason.text);
    pthread_mutex_unlock(&projection->lock);
    return r;
}

/* On success the store is held until end_read(). */
static int begin_read(struct projection *projection, struct store_txn **ret, struct error *err)
{
    int r = projection_ready(projection, err);

    if (r < 0)
        return r;
    pthread_rwlock_rdlock(&projection->store_lock);
    r = projection->is_readable ? store_begin_read(projection->store, ret, err)
                                : error_set(err, -EAGAIN, REBUILDING);
    if (r < 0)
        pthread_rwlock_unlock(&projection->store_lock);
    return r;
}

/* Returns `r`, what came of the reading. Damage is repaired by the thread that writes. */
static int end_read(struct projection *projection, struct store_txn *txn, int r)
{
    store_abort(txn);
    pthread_rwlock_unlock(&projection->store_lock);
    if (r == -EUCLEAN)
        atomic_store(&projection->is_damaged, true);
    return r;
}

int projection_read(struct projection *projection, struct codec *codec, const char *order_id,
                    struct history *ret, struct error *err)
{
    struct store_txn *txn;
    int r = begin_read(projection, &txn, err);

    return r < 0 ? r : end_read(projection, txn, history_read(txn, codec, order_id, ret, err));
}

int projection_scan(struct projection *projection, struct codec *codec,
                    const struct order_range *range, order_visit *visit, void *context,
                    struct order_range_result *ret, struct error *err)
{
    struct store_txn *txn;
    int r = begin_read(projection, &txn, err);

    if (r < 0)
        return r;
    return end_read(projection, txn, history_scan(txn, codec, range, visit, context, ret, err));
}

int projection_stock(struct projection *projection, struct codec *codec, const char *product_id,
                     struct event *ret, struct error *err)
{
    struct store_txn *txn;
    int r = begin_read(projection, &txn, err);

    if (r < 0)
        return r;
    return end_read(projection, txn, history_stock_read(txn, codec, product_id, ret, err));
}

/* While the store is held. */
static struct feed_source feed_source(const struct projection *projection, struct store_txn *txn)
{
    return (struct feed_source){txn, &projection->topics, projection->generation};
}

int projection_feed_begin(struct projection *projection, const struct feed_positions *positions,
                          struct feed_cursor *ret, struct error *err)
{
    struct feed_source source;
    struct store_txn *txn;
    int r = begin_read(projection, &txn, err);

    if (r < 0)
        return r;
    source = feed_source(projection, txn);
    return end_read(projection, txn, history_feed_begin(&source, positions, ret, err));
}

int projection_feed(struct projection *projection, struct feed_cursor *cursor, feed_visit *visit,
                    void *context, struct error *err)
{
    struct feed_source source;
    struct store_txn *txn;
    int r = begin_read(projection, &txn, err);

    if (r < 0)
        return r;
    source = feed_source(projection, txn);
    return end_read(projection, txn, history_feed(&source, cursor, visit, context, err));
}
