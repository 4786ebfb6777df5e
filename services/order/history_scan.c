/* history_scan.c - see history_scan.h: one index, walked in one of two directions. */
#include "services/order/history_scan.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "services/order/history_index.h"
#include "services/order/history_layout.h"

struct scan {
    struct store_txn *txn;
    struct codec *codec;
    const struct order_range *range;
    order_visit *visit;
    void *context;
    struct store_cursor *cursor;
    uint8_t prefix[CUSTOMER_ID_SIZE]; /* what the keys of the range begin with */
    size_t prefix_size;
};

/* -EINVAL: there is no such customer. */
static int set_prefix(struct scan *scan)
{
    const char *customer_id = scan->range->customer_id;

    if (customer_id == NULL)
        return 0;
    scan->prefix_size = strlen(customer_id) + 1;
    if (scan->prefix_size > CUSTOMER_ID_SIZE)
        return -EINVAL;
    memcpy(scan->prefix, customer_id, scan->prefix_size);
    return 0;
}

/* Behind `after`, or at that end of the range where the direction begins. */
static int seek(struct scan *scan, struct store_bytes *key, struct store_bytes *value,
                struct error *err)
{
    const struct order_place *after = &scan->range->after;
    uint8_t bound[INDEX_KEY_SIZE + 1], order_id[ID_SIZE];
    size_t size = scan->prefix_size;

    memcpy(bound, scan->prefix, size);
    if (after->order_id[0] != '\0') {
        uuid_to_bytes(after->order_id, order_id);
        size = index_key(bound, scan->range->customer_id, after->placed_at_ms, order_id);
        if (!scan->range->newest_first)
            bound[size++] = 0; /* the least of all keys that are greater */
    } else if (scan->range->newest_first && size > 0) {
        bound[size - 1]++; /* the NUL: behind all keys of the customer */
    }
    if (scan->range->newest_first)
        return store_cursor_seek_before(scan->cursor, (struct store_bytes){bound, size}, key, value,
                                        err);
    return store_cursor_seek(scan->cursor, (struct store_bytes){bound, size}, key, value, err);
}

static int step(struct scan *scan, struct store_bytes *key, struct store_bytes *value,
                struct error *err)
{
    return scan->range->newest_first ? store_cursor_previous(scan->cursor, key, value, err)
                                     : store_cursor_next(scan->cursor, key, value, err);
}

/* Returns 0, -ENOENT (the key is no longer in the range), or -EUCLEAN. */
static int read_place(const struct scan *scan, struct store_bytes key, struct order_place *ret,
                      struct error *err)
{
    const uint8_t *tail = (const uint8_t *)key.data + scan->prefix_size;

    if (key.size < scan->prefix_size || memcmp(key.data, scan->prefix, scan->prefix_size) != 0)
        return -ENOENT;
    if (key.size != scan->prefix_size + PLACED_SIZE)
        return error_set(err, -EUCLEAN, "local store: a damaged index");
    ret->placed_at_ms = (int64_t)get_number(tail, TIME_SIZE);
    uuid_from_bytes(tail + TIME_SIZE, ret->order_id);
    return 0;
}

/* An order that was placed twice is visited where its history says that it was placed. */
static bool is_of_view(const struct scan *scan, const struct order_place *place,
                       const struct order_view *view)
{
    return view->placed != NULL && view->placed_at_ms == place->placed_at_ms &&
           (scan->range->customer_id == NULL ||
            str_equal(scan->range->customer_id, view->placed->customer_id));
}

/* Returns 1 (go on), 0 (visit() said stop) or a negative errno. */
static int visit_place(const struct scan *scan, const struct order_place *place, struct error *err)
{
    struct history history;
    struct order_view view;
    bool goes_on = true;
    int r = history_read(scan->txn, scan->codec, place->order_id, &history, err);

    if (r < 0)
        return r;
    order_view_fold(history.entries, history.count, &view);
    if (is_of_view(scan, place, &view))
        goes_on = scan->visit(scan->context, &view);
    history_done(&history);
    return goes_on;
}

static int walk(struct scan *scan, struct order_range_result *result, struct error *err)
{
    struct store_bytes key, value;
    struct order_place place;
    int r = seek(scan, &key, &value, err);

    for (size_t passed = 0; r == 0; passed++) {
        r = read_place(scan, key, &place, err);
        if (r < 0)
            break;
        result->has_more = true;
        if (passed == scan->range->visit_max)
            return 0;
        r = visit_place(scan, &place, err);
        if (r <= 0)
            return r;
        result->has_more = false;
        result->last = place;
        r = step(scan, &key, &value, err);
    }
    return r == -ENOENT ? 0 : r;
}

int history_scan(struct store_txn *txn, struct codec *codec, const struct order_range *range,
                 order_visit *visit, void *context, struct order_range_result *ret,
                 struct error *err)
{
    struct scan scan = {
        .txn = txn, .codec = codec, .range = range, .visit = visit, .context = context};
    struct order_range_result result = {.last = range->after};
    bool is_known = set_prefix(&scan) == 0;
    int r = 0;

    assert(range->visit_max >= 1 && range->visit_max <= ORDER_SCAN_MAX);
    if (is_known)
        r = store_cursor_open(txn, range->customer_id != NULL ? TABLE_CUSTOMERS : TABLE_PLACED,
                              &scan.cursor, err);
    if (r == 0 && is_known)
        r = walk(&scan, &result, err);
    store_cursor_close(scan.cursor);
    if (r == 0 && ret != NULL)
        *ret = result;
    return r;
}
