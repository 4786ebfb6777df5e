/*
 * order_view.h - one order, as its events tell: how it stands, and what happened in which order.
 * Pure: no store, no JSON, no clock. Events may come in any order and even twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/event/event.h"

/* Events of one order that are looked at; the longest saga has ten. */
#define ORDER_EVENTS_MAX 40

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
    int64_t delay_ms; /* since its cause; 0 if that is not in the list, or its clock was ahead */
};

struct order_view {
    enum order_status status;          /* ORDER_UNKNOWN: there is no OrderPlaced */
    const struct order_placed *placed; /* NULL exactly then */
    const char *reason;                /* why it is being, or was, cancelled; else NULL */
    int64_t placed_at_ms, updated_at_ms;
    size_t step_count;
    struct order_step steps[ORDER_EVENTS_MAX]; /* a cause before its effect, else by time */
};

/* `entries` are of one order and borrowed for as long as the view is; at most ORDER_EVENTS_MAX. */
void order_view_fold(const struct order_entry *entries, size_t count, struct order_view *ret);

/* "placed", "paid", ... Static. */
const char *order_status_name(enum order_status status);
