/*
 * order_waits.h - the POSTs that are suspended: until what was written can be read, and, with
 * Prefer: wait, until the order is final; and what they are told then. It writes nothing: who
 * begins a wait sends the record. A wait costs memory, never a thread.
 *
 *   POST              waits for                    then is told
 *   an order          OrderPlaced                  201 and the order; 422 if its key is of another
 *   ... with wait     ... then the outcome         201 and the order as it stands
 *   a cancellation    OrderCancellationRequested   202 and the order; 409 if it is completed
 *   ... with wait     ... then the outcome         200 cancelled, 409 completed, else 202
 *
 * respond-async makes 202 of an order's 201, unless its outcome was waited for and came.
 */
#pragma once

#include "common/base/error.h"
#include "common/http/http.h"
#include "services/order/front_door/order_publisher.h"
#include "services/order/read_side/projection.h"

/* Longer than PUBLISH_MS_MAX: a delivery that fails is told as that. */
#define WRITE_DEADLINE_MS 15000
/* The longest wait=N that is granted. */
#define PREFER_WAIT_S_MAX 60

enum wait_kind {
    WAIT_FOR_ORDER,
    WAIT_FOR_CANCELLATION,
};

/* What a request waits for; all borrowed for the call. */
struct wait_subject {
    enum wait_kind kind;
    const char *order_id;
    const struct order_placed *asked; /* of an order with a key: what must be placed; or NULL */
};

struct order_waits;

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int order_waits_new(struct order_waits **ret, struct error *err);
/* Before the first request: where orders are read. Borrowed. */
void order_waits_connect(struct order_waits *waits, struct projection *projection);
void order_waits_free(struct order_waits *waits); /* NULL is harmless; asserts that nobody waits */

/*
 * Suspends the request, which from here on is answered here. On the server's thread.
 *
 * Returns the ticket with which the record is to be sent, or 0 if none is to be: it has been
 * written before, or the request was refused.
 */
uint64_t order_waits_begin(struct order_waits *waits, struct http_request *request,
                           const struct wait_subject *subject);

/* What became of a record with a ticket. Any thread. */
void order_waits_settle(struct order_waits *waits, const struct publication *publication);

/* True if somebody waits: a listener's is_wanted(). */
bool order_waits_any(const struct order_waits *waits);

/* On the projection's thread; a count of 0: any order may have changed. */
void order_waits_on_changes(struct order_waits *waits, const struct order_change *changes,
                            size_t count);

/* Answers those who have waited long enough. Some times a second, on one thread. */
void order_waits_on_tick(struct order_waits *waits);

/*
 * The service stops: whose order is placed is answered with what there is, the others have
 * `timeout_ms` left and are then refused.
 */
void order_waits_drain(struct order_waits *waits, int timeout_ms);
