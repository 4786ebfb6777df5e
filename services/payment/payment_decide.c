/*
 * payment_decide.c - what the payment service does about an event. Pure: no I/O, clock, heap.
 *
 *   last own event     OrderPlaced        Inventory-            InventoryReservationFailed,
 *                                         ReservationCancelled  InventoryReleased
 *   none               PaymentProcessed   PaymentCancelled      impossible
 *                      or PaymentFailed
 *   PaymentProcessed   -                  PaymentRefunded       PaymentRefunded
 *   PaymentFailed      -                  -                     impossible
 *   PaymentRefunded    -                  -                     -
 *   PaymentCancelled   -                  -                     impossible
 *
 * "-": its effect is already published, emit nothing. "impossible": inventory tries the stock only
 * after PaymentProcessed, and an order that was charged never becomes failed or cancelled; a failed
 * reservation or a release without a charge of ours means that the ledger lost something.
 * InventoryReservationCancelled is no such answer: it may come before, during and after the charge.
 *
 * Invariant 1: at most one charge; given back once, with the amount and currency of that charge.
 */
#include "services/payment/payment_decide.h"

#include <assert.h>

#include "common/base/util.h"
#include "common/event/items.h"

/* Never an own last event. A new event type goes here, or gets a row in every rule. */
#define CASES_NOT_OWN                                                                              \
    case EVENT_ORDER_SUBMITTED:                                                                    \
    case EVENT_ORDER_CANCELLATION_SUBMITTED:                                                       \
    case EVENT_ORDER_PLACED:                                                                       \
    case EVENT_ORDER_CANCELLATION_REQUESTED:                                                       \
    case EVENT_INVENTORY_RESERVED:                                                                 \
    case EVENT_INVENTORY_RESERVATION_FAILED:                                                       \
    case EVENT_INVENTORY_RELEASED:                                                                 \
    case EVENT_INVENTORY_RESERVATION_CANCELLED:                                                    \
    case EVENT_INVENTORY_DEDUCTED:                                                                 \
    case EVENT_SHIPMENT_CREATED:                                                                   \
    case EVENT_SHIPMENT_FAILED:                                                                    \
    case EVENT_SHIPMENT_CANCELLED:                                                                 \
    case EVENT_ORDER_COMPLETED:                                                                    \
    case EVENT_ORDER_CANCELLED:                                                                    \
    case EVENT_STOCK_LEVEL_CHANGED:                                                                \
    case EVENT_STOCK_RECEIVED:                                                                     \
    case EVENT_TYPE_COUNT

#define NOT_OWN "the last event in payments is not of the payment service"

static void emit_processed(const struct order_placed *order, struct decision *out)
{
    struct payment_processed *data =
        &decision_emit(out, EVENT_PAYMENT_PROCESSED)->payment_processed;

    str_copy(data->order_id, sizeof(data->order_id), order->order_id);
    str_copy(data->customer_id, sizeof(data->customer_id), order->customer_id);
    data->amount_minor = order->total_amount_minor;
    str_copy(data->currency, sizeof(data->currency), order->currency);
    items_merge_order(order, data->items, &data->item_count);
}

static void emit_failed(const struct order_placed *order, const char *reason, struct decision *out)
{
    struct payment_failed *data = &decision_emit(out, EVENT_PAYMENT_FAILED)->payment_failed;

    str_copy(data->order_id, sizeof(data->order_id), order->order_id);
    str_copy(data->reason, sizeof(data->reason), reason);
}

/* The amount that was really charged, not what anybody says it was. */
static void emit_refunded(const struct payment_processed *charge, const char *reason,
                          struct decision *out)
{
    struct payment_refunded *data = &decision_emit(out, EVENT_PAYMENT_REFUNDED)->payment_refunded;

    str_copy(data->order_id, sizeof(data->order_id), charge->order_id);
    data->amount_minor = charge->amount_minor;
    str_copy(data->currency, sizeof(data->currency), charge->currency);
    str_copy(data->reason, sizeof(data->reason), reason);
}

static void emit_cancelled(const struct event *cause, struct decision *out)
{
    struct payment_cancelled *data =
        &decision_emit(out, EVENT_PAYMENT_CANCELLED)->payment_cancelled;

    str_copy(data->order_id, sizeof(data->order_id), event_key(cause));
    str_copy(data->reason, sizeof(data->reason), event_text(cause, "reason"));
}

static void on_order_placed(const struct payment_settings *settings, const struct event *in,
                            const struct event *last, struct decision *out)
{
    const struct order_placed *order = &in->data.order_placed;

    switch (last->type) {
    case EVENT_NONE:
        if (order->total_amount_minor > settings->decline_over_minor)
            emit_failed(order, "payment_declined", out);
        else
            emit_processed(order, out);
        return;
    case EVENT_PAYMENT_PROCESSED:
    case EVENT_PAYMENT_FAILED:
    case EVENT_PAYMENT_REFUNDED:
    case EVENT_PAYMENT_CANCELLED: /* the order was overtaken by its cancellation */
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_reservation_cancelled(const struct event *in, const struct event *last,
                                     struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        emit_cancelled(in, out);
        return;
    case EVENT_PAYMENT_PROCESSED:
        emit_refunded(&last->data.payment_processed, event_text(in, "reason"), out);
        return;
    case EVENT_PAYMENT_FAILED: /* declined and cancelled at the same time: no money moved */
    case EVENT_PAYMENT_REFUNDED:
    case EVENT_PAYMENT_CANCELLED:
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_stock_not_held(const struct event *in, const struct event *last,
                              struct decision *out)
{
    switch (last->type) {
    case EVENT_PAYMENT_PROCESSED:
        emit_refunded(&last->data.payment_processed, event_text(in, "reason"), out);
        return;
    case EVENT_PAYMENT_REFUNDED:
        return;
    case EVENT_NONE:
        decision_refuse(out, "inventory answered a charge that the payments topic does not have");
        return;
    case EVENT_PAYMENT_FAILED:
        decision_refuse(out, "inventory answered a charge that was declined");
        return;
    case EVENT_PAYMENT_CANCELLED:
        decision_refuse(out, "inventory answered a charge that was never made");
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

void payment_decide(const void *settings, const struct input *in, const struct state *state,
                    struct decision *out)
{
    const struct event *event = in->event;

    if (event->type == EVENT_ORDER_PLACED)
        on_order_placed(settings, event, state->last, out);
    else if (event->type == EVENT_INVENTORY_RESERVATION_CANCELLED)
        on_reservation_cancelled(event, state->last, out);
    else if (event->type == EVENT_INVENTORY_RESERVATION_FAILED ||
             event->type == EVENT_INVENTORY_RELEASED)
        on_stock_not_held(event, state->last, out);
    else
        assert(!"payment subscribes to no such event");
}
