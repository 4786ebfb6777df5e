/* order_json.h - an order as the HTTP interface shows it. Pure. */
#pragma once

#include <stddef.h>

#include "common/event/codec.h"
#include "services/order/order_view.h"

/*
 * {order_id, customer_id, status, reason?, items, total_amount, currency, placed_at, updated_at}
 * The text is owned by the caller, ended with free(); NULL when memory is short. The order must be
 * known (asserted).
 */
char *order_json(const struct order_view *view, size_t *ret_len);

/*
 * {order_id, status, events: [{event_type, event_id, causation_id, timestamp, service, topic,
 * partition, offset, delay_ms, data}]}, a cause before its effect.
 */
char *order_timeline_json(const struct order_view *view, struct codec *codec, size_t *ret_len);
