/*
 * orders.h - the events of one order or of many, collected from the topics and folded order by
 * order. Pure data, no Kafka; reading them is orders_read.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/order_view.h"

/* Memory for the events that are kept: about half a million orders without their items. */
#define ORDERS_BYTES_MAX (INT64_C(1) << 30)

/* One of zeros is empty. Ended with orders_done(). */
struct orders {
    size_t count, capacity;
    int64_t bytes;
    struct order_entry *entries; /* the events are owned */
};

/* The event is copied. Returns 0, -ENOMEM or -E2BIG (ORDERS_BYTES_MAX). */
int orders_add(struct orders *orders, int32_t partition, int64_t offset, const struct event *event,
               struct error *err);

/*
 * An order. `order_id` and what is in `view` are borrowed, the view for the call only, its events
 * until orders_done(). `left_out`: events beyond what a view holds, of topics where it is many.
 * Returns 0 to go on; anything else is what orders_each() returns.
 */
typedef int order_function(void *context, const char *order_id, const struct order_view *view,
                           size_t left_out, struct error *err);

/* Each order once, by its id. More events may be added before, between and after calls. */
int orders_each(struct orders *orders, order_function *on_order, void *context, struct error *err);

void orders_done(struct orders *orders);
