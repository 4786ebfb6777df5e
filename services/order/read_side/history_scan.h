/*
 * history_scan.h - the orders of a store, one after the other, by the time they were placed. Not a
 * filter: who visits them decides.
 */
#pragma once

#include "services/order/read_side/history.h"

/* Orders of one call: about 30 ms of reading. */
#define ORDER_SCAN_MAX 1000

/* Where an order stands among the others: by time, then by id. */
struct order_place {
    int64_t placed_at_ms;     /* 0 or more */
    char order_id[UUID_SIZE]; /* a valid UUID (asserted), or "": nowhere */
};

struct order_range {
    bool newest_first;
    const char *customer_id;  /* borrowed for the call; NULL: of all customers */
    struct order_place after; /* strictly behind this, in that direction; "": from the first on */
    size_t visit_max;         /* 1 .. ORDER_SCAN_MAX (asserted) */
};

struct order_range_result {
    /* visit_max was reached, visit() said stop, or a customer has no orders for a very long time;
       there need not be more. */
    bool has_more;
    /* Where to go on: `after` of the next call. It need not be an order; as it was given, if none
       was passed. */
    struct order_place last;
};

/*
 * Is called for each order, each at most once per direction and way from end to end; `view` and all
 * it points to is borrowed for the call. False: stop, this order does not count as passed.
 */
typedef bool order_visit(void *context, const struct order_view *view);

/*
 * Visits the orders of the range whose OrderPlaced is there, as they are in this one transaction.
 * `ret` may be NULL; it is written on success only. Returns 0 or a negative errno.
 */
int history_scan(struct store_txn *txn, struct codec *codec, const struct order_range *range,
                 order_visit *visit, void *context, struct order_range_result *ret,
                 struct error *err);
