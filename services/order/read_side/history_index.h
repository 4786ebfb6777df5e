/*
 * history_index.h - which orders there are: the entries that history_scan.h walks. Private to
 * history*.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "services/order/read_side/history.h"
#include "services/order/read_side/history_layout.h"

/* The key in the index of all orders. */
void index_placed_key(uint8_t out[PLACED_SIZE], int64_t placed_at_ms,
                      const uint8_t order_id[ID_SIZE]);

/* What the keys of a customer in one segment begin with. Returns its size. */
size_t index_customer_prefix(uint8_t out[CUSTOMER_PREFIX_SIZE], int64_t segment_start,
                             const char *customer_id);

/* A record of the topic `orders`, in the caller's memory. */
struct index_record {
    const uint8_t *order_id; /* ID_SIZE bytes */
    const char *json;
    size_t len;
    uint64_t number;
};

/*
 * Enters it in both indexes, or takes it out again. What is no OrderPlaced of that order changes
 * nothing. Returns 0 or a negative errno.
 */
int index_add(struct history_writer *writer, const struct index_record *record, struct error *err);
int index_remove(struct history_writer *writer, const struct index_record *record,
                 struct error *err);
