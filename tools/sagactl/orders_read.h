/*
 * orders_read.h - collects the events of orders from the topics themselves. No service is asked.
 * Records that are no events are passed over: they are in the dead letters.
 */
#pragma once

#include "common/base/error.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/log_read.h"
#include "tools/sagactl/orders.h"

/*
 * All orders, without their items. What is older than its topic's retention is left out: topics
 * expire segment by segment, and an order whose outcome went first would look as if it had none.
 * `ret` comes empty and is ended with orders_done() in any case.
 * Returns 0, -E2BIG (ORDERS_BYTES_MAX), or as log_read().
 */
int orders_read_all(struct cluster *cluster, struct orders *ret, struct error *err);

/* The same of one order, with everything: at the cost of its partition of each topic. */
int orders_read_one(struct cluster *cluster, const char *order_id, struct orders *ret,
                    struct error *err);

/* A log_record_function that keeps the events of one order; for a log_reader. */
struct order_filter {
    const char *order_id;  /* borrowed */
    struct codec *codec;   /* borrowed */
    struct orders *orders; /* borrowed */
    struct event event;    /* the one being looked at */
};
int order_filter_take(void *filter, const struct log_record *record, struct error *err);
