/* history_segments.c - see history_segments.h. A segment's head stands before its entries. */
#include "services/order/read_side/history_segments.h"

#include <errno.h>
#include <string.h>

#include "common/base/cleanup.h"

#define HEAD_VALUE_SIZE (8 + TIME_SIZE)

/* `r` is what a cursor returned with `key`. */
static int read_start(int r, struct store_bytes key, int64_t *ret, struct error *err)
{
    if (r < 0)
        return r;
    if (key.size < TIME_SIZE)
        return error_set(err, -EUCLEAN, "local store: a damaged index");
    *ret = (int64_t)get_number(key.data, TIME_SIZE);
    return 0;
}

int segment_before(struct store_cursor *cursor, int64_t start, int64_t *ret, struct error *err)
{
    uint8_t bound[TIME_SIZE];
    struct store_bytes key, value;

    put_number(bound, (uint64_t)start, TIME_SIZE);
    return read_start(
        store_cursor_seek_before(cursor, (struct store_bytes){bound, TIME_SIZE}, &key, &value, err),
        key, ret, err);
}

int segment_behind(struct store_cursor *cursor, int64_t start, int64_t *ret, struct error *err)
{
    uint8_t bound[TIME_SIZE];
    struct store_bytes key, value;

    put_number(bound, (uint64_t)start + 1, TIME_SIZE);
    return read_start(
        store_cursor_seek(cursor, (struct store_bytes){bound, TIME_SIZE}, &key, &value, err), key,
        ret, err);
}

int segment_at(struct store_cursor *cursor, int64_t time_ms, int64_t *ret, struct error *err)
{
    return segment_before(cursor, time_ms < INT64_MAX ? time_ms + 1 : time_ms, ret, err);
}

static int read_head(struct history_segment *segment, struct store_txn *txn, struct error *err)
{
    uint8_t start[TIME_SIZE];
    struct store_bytes value;
    int r;

    put_number(start, (uint64_t)segment->start, TIME_SIZE);
    r = store_get(txn, TABLE_CUSTOMERS, (struct store_bytes){start, TIME_SIZE}, &value, err);
    if (r == -ENOENT || (r == 0 && value.size != HEAD_VALUE_SIZE))
        return error_set(err, -EUCLEAN, "local store: a damaged segment");
    if (r < 0)
        return r;
    segment->count = get_number(value.data, 8);
    segment->newest = (int64_t)get_number((const uint8_t *)value.data + 8, TIME_SIZE);
    return 0;
}

/* The segment as it is in the store; if there is none, a new one without orders, and -ENOENT. */
static int find(struct store_txn *txn, int64_t time_ms, struct history_segment *ret,
                struct error *err)
{
    CLEANUP(cursor_cleanup) struct store_cursor *cursor = NULL;
    struct history_segment segment = {.is_set = true, .end = INT64_MAX};
    int r = store_cursor_open(txn, TABLE_CUSTOMERS, &cursor, err), found;

    if (r < 0)
        return r;
    found = segment_at(cursor, time_ms, &segment.start, err);
    if (found < 0 && found != -ENOENT)
        return found;
    r = segment_behind(cursor, segment.start, &segment.end, err);
    if (r == -ENOENT)
        r = 0;
    if (r == 0 && found == 0)
        r = read_head(&segment, txn, err);
    if (r == 0)
        *ret = segment;
    return r == 0 ? found : r;
}

int segment_use(struct history_segment *segment, struct store_txn *txn, int64_t time_ms,
                bool is_new, struct error *err)
{
    int r = 0;

    if (!segment->is_set || time_ms < segment->start || time_ms >= segment->end) {
        r = segment_save(segment, txn, err);
        if (r == 0)
            r = find(txn, time_ms, segment, err);
    }
    if (!is_new || (r < 0 && r != -ENOENT))
        return r;
    if (segment->count < SEGMENT_ORDERS_MAX || time_ms <= segment->newest)
        return 0;
    r = segment_save(segment, txn, err);
    if (r == 0)
        *segment = (struct history_segment){.is_set = true, .start = time_ms, .end = segment->end};
    return r;
}

void segment_note_added(struct history_segment *segment, int64_t time_ms)
{
    segment->count++;
    segment->is_dirty = true;
    if (time_ms > segment->newest)
        segment->newest = time_ms;
}

void segment_note_removed(struct history_segment *segment)
{
    segment->count--;
    segment->is_dirty = true;
}

/* One that has become empty is no more. */
int segment_save(struct history_segment *segment, struct store_txn *txn, struct error *err)
{
    uint8_t start[TIME_SIZE], head[HEAD_VALUE_SIZE];
    const struct store_bytes key = {start, TIME_SIZE};

    if (!segment->is_set || !segment->is_dirty)
        return 0;
    put_number(start, (uint64_t)segment->start, TIME_SIZE);
    put_number(put_number(head, segment->count, 8), (uint64_t)segment->newest, TIME_SIZE);
    segment->is_dirty = false;
    if (segment->count > 0)
        return store_put(txn, TABLE_CUSTOMERS, key, (struct store_bytes){head, HEAD_VALUE_SIZE},
                         err);
    segment->is_set = false;
    return store_delete(txn, TABLE_CUSTOMERS, key, err);
}
