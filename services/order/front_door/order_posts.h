/*
 * order_posts.h - what the front door writes: orders and cancellations. It decides nothing: an
 * order without a key is written as OrderPlaced, once, under an id that nobody else has; what may
 * arrive several times, at several replicas, goes to order-requests, and the order's owner decides.
 */
#pragma once

#include "common/event/codec.h"
#include "common/http/http.h"
#include "services/order/front_door/order_publisher.h"
#include "services/order/front_door/order_waits.h"
#include "services/order/read_side/projection.h"

struct order_posts {
    struct projection *projection;     /* borrowed */
    struct order_publisher *publisher; /* borrowed */
    struct order_waits *waits;         /* borrowed */
    struct codec *codec;               /* borrowed; of the server's thread */
};

/* Each answers the request or hands it to the waits, on the server's thread. */
void order_posts_place(const struct order_posts *posts, struct http_request *request,
                       const char *client);
void order_posts_cancel(const struct order_posts *posts, struct http_request *request,
                        const char *client);
