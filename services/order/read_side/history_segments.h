/*
 * history_segments.h - the time axis, cut into segments that begin where the one before had enough
 * orders. The index by customer is one index per segment: its inserts then go into few pages, as
 * time goes on, and not into as many as there are customers. An order is in the segment with the
 * greatest start that is not behind it. Private to history*.c.
 */
#pragma once

#include "services/order/read_side/history.h"
#include "services/order/read_side/history_layout.h"

/* Then the next order that is younger than all in it begins another one. */
#define SEGMENT_ORDERS_MAX 4096

/*
 * The start of the segment that `time_ms` is in, or would be; of the one before `start`; of the one
 * behind it. Return 0, -ENOENT or another negative errno.
 */
int segment_at(struct store_cursor *cursor, int64_t time_ms, int64_t *ret, struct error *err);
int segment_before(struct store_cursor *cursor, int64_t start, int64_t *ret, struct error *err);
int segment_behind(struct store_cursor *cursor, int64_t start, int64_t *ret, struct error *err);

/*
 * Makes `segment`, which is that of the order before, the one of an order of that time. For a new
 * order one may begin; otherwise -ENOENT if there is none. Returns 0 or a negative errno.
 */
int segment_use(struct history_segment *segment, struct store_txn *txn, int64_t time_ms,
                bool is_new, struct error *err);

/* An order was added, or taken out. */
void segment_note_added(struct history_segment *segment, int64_t time_ms);
void segment_note_removed(struct history_segment *segment);

/* Saves what is not saved yet: before the transaction ends. */
int segment_save(struct history_segment *segment, struct store_txn *txn, struct error *err);
