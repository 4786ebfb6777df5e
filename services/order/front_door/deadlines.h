/*
 * deadlines.h - asks for the cancellation of orders that are not final in time: the same way as a
 * customer, so the owner of the order decides, once, however many replicas ask. A thread of its own
 * that looks at the read side; it keeps nothing, and begins anew with the oldest order.
 */
#pragma once

#include "services/order/front_door/order_publisher.h"
#include "services/order/read_side/projection.h"

/* The ticket of its records. */
#define DEADLINES_TICKET 0
/* Retention of the topic orders: after that there is no order any more. */
#define ORDER_DEADLINE_S_MAX 604800

#define ORDER_PATH_SIZE 1024

/* The order service's own settings. */
struct order_settings {
    int64_t deadline_s;                    /* 1 .. ORDER_DEADLINE_S_MAX */
    char api_tokens_file[ORDER_PATH_SIZE]; /* "": no tokens are asked for */
};

struct deadlines;

/* `ret` is owned by the caller; it does nothing yet. Returns 0 or -ENOMEM. */
int deadlines_new(int64_t deadline_s, struct deadlines **ret, struct error *err);

/* Both are borrowed until deadlines_stop(). Once. Returns 0 or -EIO. */
int deadlines_start(struct deadlines *deadlines, struct projection *projection,
                    struct order_publisher *publisher, struct error *err);

/* What became of one of its records. Any thread, until deadlines_free(). */
void deadlines_settle(struct deadlines *deadlines, const struct publication *publication);

/* Ends the thread; what it has sent may still be settled. Harmless when it does not run. */
void deadlines_stop(struct deadlines *deadlines);
void deadlines_free(struct deadlines *deadlines); /* NULL is harmless; asserts that it is stopped */
