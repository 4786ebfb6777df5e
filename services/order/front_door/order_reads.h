/*
 * order_reads.h - what the front door shows of the orders: each GET that is answered at once. It
 * reads the projection, and knows no publisher; what goes on arriving is order_streams.h.
 */
#pragma once

#include "common/event/codec.h"
#include "common/event/order_view.h"
#include "common/http/http.h"
#include "services/order/read_side/projection.h"

struct order_reads {
    struct projection *projection; /* borrowed */
    struct codec *codec;           /* borrowed; of the HTTP thread */
};

/*
 * Each answers the request, on the HTTP thread. `client` is who asks, and is shown its own orders
 * only; NULL: clients have no names, and everybody is shown everything.
 */
void order_reads_get_order(const struct order_reads *reads, struct http_request *request,
                           const char *client);
void order_reads_get_timeline(const struct order_reads *reads, struct http_request *request,
                              const char *client);
void order_reads_list_orders(const struct order_reads *reads, struct http_request *request,
                             const char *client);
void order_reads_get_stock(const struct order_reads *reads, struct http_request *request);

/* Is there such an order, and is it the client's? */
bool order_reads_may_see(const struct order_view *view, const char *client);
