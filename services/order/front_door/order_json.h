/* order_json.h - an order as the HTTP interface shows it. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/event/codec.h"
#include "common/event/order_view.h"

/*
 * {order_id, customer_id, status, reason?, items, total_amount, currency, placed_at, updated_at}
 * The text is owned by the caller, ended with free(); NULL when memory is short. The order must be
 * known (asserted).
 */
char *order_json(const struct order_view *view, size_t *ret_len);

/*
 * {order_id, status, events: [{event_type, event_id, causation_id, timestamp, service, topic,
 * partition, offset, delay_ms, data}], next: [{event_type, service, after, waiting_ms}]}, a cause
 * before its effect. `after` is the event_id of the cause of what is to come, and waiting_ms its
 * age at `now_ms` (UTC); both are null while that is to come itself.
 */
char *order_timeline_json(const struct order_view *view, int64_t now_ms, struct codec *codec,
                          size_t *ret_len);
