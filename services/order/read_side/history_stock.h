/* history_stock.h - the last record of each product in the topic `stock`. */
#pragma once

#include "services/order/read_side/history.h"

/*
 * Keeps the record's JSON in the place of the one before; NULL (a tombstone) deletes that. A key
 * that is no product's, or an event that is too long, is passed over. All is borrowed for the call.
 * Returns 0 or a negative errno.
 */
int history_stock_put(struct store_txn *txn, const char *key, size_t key_len, const char *json,
                      size_t len, struct error *err);

/*
 * Reads the last StockLevelChanged of the product. Returns 0, -ENOENT (nothing is known, or the
 * last record is no such event; `err` says so) or another negative errno.
 */
int history_stock_read(struct store_txn *txn, struct codec *codec, const char *product_id,
                       struct event *ret, struct error *err);
