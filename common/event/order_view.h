/*
 * order_view.h - one order, as its events tell: how it stands, what happened in which order, and
 * what is still to come. Pure: no store, no JSON, no clock. Events may come in any order and twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/* Events of one order that are looked at; the longest saga has ten. */
#define ORDER_EVENTS_MAX 40
/* Events that an order waits for at a time; see next[]. */
#define ORDER_NEXT_MAX 8
/* Two quotes, 16 hexadecimal digits and NUL. */
#define ORDER_ETAG_SIZE 19

/* In the order in which a status may follow another: it never goes back, whatever comes late. */
enum order_status {
    ORDER_UNKNOWN = 0,
    ORDER_PLACED,
    ORDER_PAID,
    ORDER_RESERVED,
    ORDER_CANCELLING, /* something failed, or the customer asked; what was done is being undone */
    ORDER_SHIPPED,    /* a shipment wins over a request to cancel */
    ORDER_COMPLETED,
    ORDER_CANCELLED,
};

/* An event and where it stands. */
struct order_entry {
    const struct event *event; /* borrowed */
    int32_t partition;
    int64_t offset;
};

/* An entry of the timeline. */
struct order_step {
    const struct order_entry *entry;
    const struct order_entry *cause; /* NULL: not in the list */
    int64_t delay_ms;                /* since its cause; 0 without one, or if its clock was ahead */
};

/* An event that is still to come, if nothing goes wrong from here on. */
struct order_next {
    enum event_type type;
    const char *service;       /* who is to publish it; static */
    const struct event *after; /* its cause, borrowed; NULL: that is still to come itself */
};

struct order_view {
    enum order_status status;            /* ORDER_UNKNOWN: there is no OrderPlaced */
    const struct order_placed *placed;   /* NULL exactly then */
    const char *reason;                  /* why it is being, or was, cancelled; else NULL */
    int64_t placed_at_ms, updated_at_ms; /* a request alone is no update; 0: not yet */
    size_t step_count;
    struct order_step steps[ORDER_EVENTS_MAX]; /* a cause before its effect, else by time */
    /*
     * First all that a service has yet to answer, then what follows from it. While a service has
     * two events to read that lead it different ways, both are here. Empty when the order is final,
     * but for InventoryDeducted, which comes beside OrderCompleted and may be later.
     */
    size_t next_count;
    struct order_next next[ORDER_NEXT_MAX];
};

/* `entries` are of one order and borrowed for as long as the view is; at most ORDER_EVENTS_MAX. */
void order_view_fold(const struct order_entry *entries, size_t count, struct order_view *ret);

/* Completed or cancelled: the status stays as it is for ever. */
bool order_view_is_final(const struct order_view *view);

/* How long its cause, which must be there (asserted), has waited for an answer: 0 or more. */
int64_t order_next_age(const struct order_next *next, int64_t now_ms);

/*
 * An entity tag, quotes included: the same for the same events, whoever reads them in which order,
 * another one as soon as there is one event more. Not good for what tells ages.
 */
void order_view_etag(const struct order_view *view, char out[ORDER_ETAG_SIZE]);

/* "placed", "paid", ... Static. */
const char *order_status_name(enum order_status status);
