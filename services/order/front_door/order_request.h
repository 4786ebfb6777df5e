/*
 * order_request.h - the body of POST /v1/orders as an OrderPlaced event, that of a cancellation as
 * an OrderCancellationSubmitted, or all that is wrong with it. Pure: no clock, no ids of its own,
 * no HTTP but the form of a fault.
 *
 *   {"customer_id": "c-1", "items": [{"product_id": "p-1", "quantity": 2, "unit_price": 9.99}],
 *    "currency": "USD", "total_amount": 19.98}
 *
 * currency is USD if it is not there; total_amount is computed, and if it is there it must be
 * exactly that. The rules of the members are those of schemas/events/OrderPlaced.json, asked of the
 * codec; only what is special to a request stands here: members that nobody knows are refused,
 * because a misspelt "currency" must not become a default.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/uuid.h"
#include "common/event/codec.h"
#include "common/http/http.h"

#define CANCELLATION_REASON_DEFAULT "customer_request"

/* What is not the client's to say. */
struct order_stamp {
    char order_id[UUID_SIZE];
    char event_id[UUID_SIZE];
    int64_t timestamp_ms;
};

struct order_refusal {
    unsigned status; /* 400: no JSON object; 422: one that breaks a rule */
    char detail[256];
    size_t fault_count; /* of 422 */
    struct http_fault faults[HTTP_FAULTS_MAX];
};

/*
 * `body` is borrowed for the call. `ret` is written on success only, and only event_size(ret) bytes
 * of it. Returns 0, -EBADMSG (`refusal` says why), or -ENOMEM.
 */
int order_request_read(struct codec *codec, const char *body, size_t len,
                       const struct order_stamp *stamp, struct event *ret,
                       struct order_refusal *refusal);

/* The same of {"reason": "..."}, which may be left out, and so may the whole body. */
int cancellation_request_read(struct codec *codec, const char *body, size_t len,
                              const struct order_stamp *stamp, struct event *ret,
                              struct order_refusal *refusal);

/* The same order as an OrderSubmitted: a request of which the owner of the order decides. */
void order_request_submit(const struct event *placed, struct event *ret);

/*
 * True if the customers want the same: customer, lines in their order, total, currency. Neither ids
 * and times count, nor how it was spelt.
 */
bool order_request_is_same(const struct order_placed *a, const struct order_placed *b);
