/* order_metrics.h - what the front door counts, beside what every service does. */
#pragma once

#include "common/base/metrics.h"
#include "services/order/front_door/order_publisher.h"
#include "services/order/front_door/order_streams.h"

struct order_metrics {
    struct order_publisher *publisher;
    struct order_streams *streams;
    struct metric_series *queued, *confirmed, *failed, *readers;
};

/* Enters the rows. `ret` is the caller's, and as all that is given here outlives the rendering. */
void order_metrics_init(struct order_metrics *ret, struct metrics *metrics,
                        struct order_publisher *publisher, struct order_streams *streams);

/* A record of the publisher is settled. Any thread; all zero: does nothing. */
void order_metrics_settle(struct order_metrics *metrics, const struct publication *publication);
