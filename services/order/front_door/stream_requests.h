/*
 * stream_requests.h - GET /v1/orders/{order_id}/events and GET /v1/events: from where a stream is
 * to begin, and whether it may. What follows is order_streams.h.
 */
#pragma once

#include "services/order/front_door/order_reads.h"
#include "services/order/front_door/order_streams.h"

/* Each answers the request, on the HTTP thread. */
void stream_request_order(const struct order_reads *reads, struct order_streams *streams,
                          struct http_request *request, const char *client);
void stream_request_all(const struct order_reads *reads, struct order_streams *streams,
                        struct http_request *request, const char *client);
