/* history_scan.c - see history_scan.h: the indexes, walked in one of two directions. */
#include "services/order/read_side/history_scan.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "services/order/read_side/history_index.h"
#include "services/order/read_side/history_layout.h"
#include "services/order/read_side/history_segments.h"

/* Of a customer's, in one call: about 20 ms. */
#define SEGMENTS_MAX 5000
#define LEAST_ID "00000000-0000-0000-0000-000000000000"
#define GREATEST_ID "ffffffff-ffff-ffff-ffff-ffffffffffff"

struct scan {
    struct store_txn *txn;
    struct codec *codec;
    const struct order_range *range;
    order_visit *visit;
    void *context;
    struct store_cursor *cursor;
    /* Of a customer: the segment, and what his keys in it begin with. Of all: empty. */
    int64_t segment;
    uint8_t prefix[CUSTOMER_PREFIX_SIZE];
    size_t prefix_size;
    size_t passed; /* orders */
    struct order_range_result result;
};

/* ---------------------------------------------------------------------- one index, or segment */

/* To the first key behind `after`, or to that end of the index where the direction begins. */
static int seek(struct scan *scan, struct store_bytes *key, struct store_bytes *value,
                struct error *err)
{
    const struct order_place *after = &scan->result.last;
    uint8_t bound[INDEX_KEY_SIZE + 1], order_id[ID_SIZE];
    size_t size = scan->prefix_size;

    memcpy(bound, scan->prefix, size);
    if (after->order_id[0] != '\0') {
        uuid_to_bytes(after->order_id, order_id);
        index_placed_key(bound + size, after->placed_at_ms, order_id);
        size += PLACED_SIZE;
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

/* Returns 0, -ENOENT (the key is no longer of them), or -EUCLEAN. */
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

/* Returns 1 (this was all of them), 0 (there may be more, but not now) or a negative errno. */
static int walk(struct scan *scan, struct error *err)
{
    struct store_bytes key, value;
    struct order_place place;
    int r = seek(scan, &key, &value, err);

    while (r == 0) {
        r = read_place(scan, key, &place, err);
        if (r < 0)
            break;
        if (scan->passed == scan->range->visit_max)
            return 0;
        r = visit_place(scan, &place, err);
        if (r <= 0)
            return r;
        scan->result.last = place;
        scan->passed++;
        r = step(scan, &key, &value, err);
    }
    return r == -ENOENT ? 1 : r;
}

/* --------------------------------------------------------------------- a customer's segments */

static int first_segment(struct scan *scan, struct error *err)
{
    const struct order_place *after = &scan->range->after;
    int64_t from = scan->range->newest_first ? INT64_MAX : 0;
    int r;

    if (after->order_id[0] != '\0')
        from = after->placed_at_ms;
    r = segment_at(scan->cursor, from, &scan->segment, err);
    if (r == -ENOENT && !scan->range->newest_first)
        r = segment_behind(scan->cursor, from, &scan->segment, err);
    return r;
}

static int next_segment(struct scan *scan, struct error *err)
{
    return scan->range->newest_first
               ? segment_before(scan->cursor, scan->segment, &scan->segment, err)
               : segment_behind(scan->cursor, scan->segment, &scan->segment, err);
}

/* All orders on this side of the segment that comes next were passed. */
static void pass_segments(struct scan *scan, int64_t passed)
{
    struct order_place *last = &scan->result.last;

    last->placed_at_ms = scan->range->newest_first ? passed : scan->segment - 1;
    str_copy(last->order_id, UUID_SIZE, scan->range->newest_first ? LEAST_ID : GREATEST_ID);
}

/* As walk(). */
static int walk_segments(struct scan *scan, struct error *err)
{
    int r = first_segment(scan, err);

    for (size_t i = 0; r == 0; i++) {
        int64_t passed = scan->segment;

        scan->prefix_size =
            index_customer_prefix(scan->prefix, scan->segment, scan->range->customer_id);
        r = walk(scan, err);
        if (r <= 0)
            return r;
        r = next_segment(scan, err);
        if (r == 0 && i + 1 == SEGMENTS_MAX) {
            pass_segments(scan, passed);
            return 0;
        }
    }
    return r == -ENOENT ? 1 : r;
}

int history_scan(struct store_txn *txn, struct codec *codec, const struct order_range *range,
                 order_visit *visit, void *context, struct order_range_result *ret,
                 struct error *err)
{
    const char *customer_id = range->customer_id;
    struct scan scan = {.txn = txn,
                        .codec = codec,
                        .range = range,
                        .visit = visit,
                        .context = context,
                        .result = {.last = range->after}};
    int r = 1;

    assert(range->visit_max >= 1 && range->visit_max <= ORDER_SCAN_MAX);
    if (customer_id == NULL || strlen(customer_id) < CUSTOMER_ID_SIZE) {
        r = store_cursor_open(txn, customer_id != NULL ? TABLE_CUSTOMERS : TABLE_PLACED,
                              &scan.cursor, err);
        if (r == 0)
            r = customer_id != NULL ? walk_segments(&scan, err) : walk(&scan, err);
        store_cursor_close(scan.cursor);
    }
    scan.result.has_more = r == 0;
    if (r >= 0 && ret != NULL)
        *ret = scan.result;
    return r < 0 ? r : 0;
}
