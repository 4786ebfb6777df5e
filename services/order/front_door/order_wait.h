/*
 * order_wait.h - one suspended request, and what it is told in the end. Not who tells it: that is
 * order_waits.h. Private to order_waits.c.
 */
#pragma once

#include "common/http/http.h"
#include "services/order/read_side/history.h"
#include "services/order/front_door/order_waits.h"
#include "services/order/front_door/waiters.h"

/* A suspended request. */
struct order_wait {
    struct waiter waiter; /* first: they are one */
    enum wait_kind kind;
    struct http_request *request;
    struct http_preferences preferences; /* what is granted of them */
    int64_t since_ms;                    /* monotonic */
    struct order_placed *asked;          /* owned; NULL: no key */
    char trace_id[TRACE_ID_SIZE];        /* for logs */
};

/* An order as it stands. */
struct order_sight {
    struct history history;
    struct order_view view; /* of that */
    enum order_stage stage;
};

/* The first stage of the subject, to be waited for. NULL: memory is short. */
struct order_wait *order_wait_new(struct http_request *request, const struct wait_subject *subject);
void order_wait_free(struct order_wait *wait); /* does not answer; NULL is harmless */

/* What has to be readable before there is an answer to the request. */
enum order_stage order_wait_needs(const struct order_wait *wait);

/* True if the client wants the outcome rather than an answer at once. */
bool order_wait_is_patient(const struct order_wait *wait);

/* True if the key that it came with is that of another order. */
bool order_wait_is_mistaken(const struct order_wait *wait, const struct order_sight *sight);

/* Answers, by what can be seen; what it needs must be there. */
void order_wait_answer(struct order_wait *wait, const struct order_sight *sight);

/* Answers that nobody knows what became of it; `why` is half a sentence. */
void order_wait_answer_doubt(struct order_wait *wait, const char *why);

/* Answers that the broker has not got it. */
void order_wait_answer_not_written(struct order_wait *wait);
