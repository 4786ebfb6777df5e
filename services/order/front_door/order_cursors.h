/*
 * order_cursors.h - the texts by which a client says how far it has come: of a list, and of a
 * stream. Opaque to clients, the same on every replica. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/uuid.h"

/* Version, time and id in hexadecimal, and NUL. */
#define PAGE_CURSOR_SIZE (2 + 16 + 32 + 1)

/* Stands behind this order in a list by time and id. `order_id` must be valid (asserted). */
void page_cursor_format(int64_t placed_at_ms, const char *order_id, char out[PAGE_CURSOR_SIZE]);

/* False: it is none. Outputs are written on success only. */
bool page_cursor_parse(const char *text, int64_t *ret_placed_at_ms, char ret_order_id[UUID_SIZE]);

/* Of what a stream tells; first letter of its ids, so that none is taken for one of the other. */
#define STREAM_OF_ORDER 'o'
#define STREAM_OF_ALL 'a'
/* Bytes for the id of so many positions, with NUL. */
#define STREAM_ID_SIZE(count) (sizeof("a1:") + 20 * (count))

/*
 * The id of an event in a stream: the next offset of each partition that the stream reads, once the
 * event was sent, as `rows` of `columns`. Zeros at the end of a row are left out. `out` has room
 * for STREAM_ID_SIZE(rows * columns). Returns its length.
 */
size_t stream_id_format(char kind, const int64_t *positions, size_t rows, size_t columns,
                        char *out);

/* False: it is no id of such a stream. `ret` has room for all; undefined on failure. */
bool stream_id_parse(const char *text, char kind, size_t rows, size_t columns, int64_t *ret);
