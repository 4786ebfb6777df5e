/*
 * items.h - what was ordered, by product: lists in which each product stands once, in the order of
 * its first line. Pure; any thread. A list has room for ITEMS_MAX entries.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/*
 * Adds pieces of a product to its entry, or a new entry at the end. `product_id` is copied.
 * Returns false, and changes nothing, if the entry would exceed MERGED_QUANTITY_MAX or the list
 * ITEMS_MAX.
 */
bool items_add(struct item_line *items, size_t *count, const char *product_id, int64_t quantity);

/*
 * Merges a list whose sender is not trusted to have done so. `from` and `to` must not overlap.
 * Returns false, with `to` and `to_count` half written, if a quantity is too large.
 */
bool items_merge(const struct item_line *from, size_t from_count, struct item_line *to,
                 size_t *to_count);

/* Merges the lines of an order as placed; what the schema accepts always fits. */
void items_merge_order(const struct order_placed *order, struct item_line *to, size_t *to_count);
