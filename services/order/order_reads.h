/*
 * order_reads.h - what the front door shows of the orders: each GET that is answered at once. It
 * reads the projection, and knows no publisher; what goes on arriving is order_streams.h.
 */
#pragma once

#include "common/event/codec.h"
#include "common/http/http.h"
#include "services/order/projection.h"

struct order_reads {
    struct projection *projection; /* borrowed */
    struct codec *codec;           /* borrowed; of the HTTP thread */
};

/* Each answers the request, on the HTTP thread. */
void order_reads_get_order(const struct order_reads *reads, struct http_request *request);
void order_reads_get_timeline(const struct order_reads *reads, struct http_request *request);
void order_reads_list_orders(const struct order_reads *reads, struct http_request *request);
void order_reads_get_stock(const struct order_reads *reads, struct http_request *request);
