/*
 * order_decide.c - how an order begins when it was asked for with a key, that its cancellation is
 * asked for once, and how it ends. Pure: no I/O, clock, heap, log.
 *
 *   last own event in orders     OrderSubmitted   OrderCancellationSubmitted
 *   none                         OrderPlaced      OrderCancellationRequested
 *   OrderPlaced                  -                OrderCancellationRequested
 *   OrderCancellationRequested   -                -
 *
 *   ... in order-outcomes        ShipmentCreated   PaymentFailed, PaymentRefunded, PaymentCancelled
 *   none                         OrderCompleted    OrderCancelled
 *   OrderCompleted               -                 impossible
 *   OrderCancelled               impossible        -
 *
 * "-": its effect is already published, emit nothing. "impossible": shipping decides between ship
 * and cancel, and the money stays or goes by that decision; one order cannot end both ways.
 *
 * An order without a key is placed by the front door itself, under an id that nobody else has: the
 * rules for a cancellation therefore treat "none" as "placed". That there is such an order is the
 * front door's to see.
 *
 * Invariant 3: every order reaches exactly one outcome, and no money is kept after OrderCancelled.
 * Invariant 4: one OrderPlaced, however often and wherever its request arrives.
 */
#include "services/order/order_decide.h"

#include <assert.h>

#include "common/base/util.h"

/* Never an own last event. A new event type goes here, or gets a row in every rule. */
#define CASES_NOT_OWN                                                                              \
    case EVENT_ORDER_SUBMITTED:                                                                    \
    case EVENT_ORDER_CANCELLATION_SUBMITTED:                                                       \
    case EVENT_PAYMENT_PROCESSED:                                                                  \
    case EVENT_PAYMENT_FAILED:                                                                     \
    case EVENT_PAYMENT_REFUNDED:                                                                   \
    case EVENT_PAYMENT_CANCELLED:                                                                  \
    case EVENT_INVENTORY_RESERVED:                                                                 \
    case EVENT_INVENTORY_RESERVATION_FAILED:                                                       \
    case EVENT_INVENTORY_RELEASED:                                                                 \
    case EVENT_INVENTORY_RESERVATION_CANCELLED:                                                    \
    case EVENT_INVENTORY_DEDUCTED:                                                                 \
    case EVENT_SHIPMENT_CREATED:                                                                   \
    case EVENT_SHIPMENT_FAILED:                                                                    \
    case EVENT_SHIPMENT_CANCELLED:                                                                 \
    case EVENT_STOCK_LEVEL_CHANGED:                                                                \
    case EVENT_STOCK_RECEIVED:                                                                     \
    case EVENT_TYPE_COUNT
/* Own, but of the other ledger. */
#define CASES_OF_ORDERS                                                                            \
    case EVENT_ORDER_PLACED:                                                                       \
    case EVENT_ORDER_CANCELLATION_REQUESTED
#define CASES_OF_OUTCOMES                                                                          \
    case EVENT_ORDER_COMPLETED:                                                                    \
    case EVENT_ORDER_CANCELLED

#define NOT_OWN "the last event in the ledger is not of the order service"

static void emit_placed(const struct order_submitted *order, struct decision *out)
{
    struct order_placed *data = &decision_emit(out, EVENT_ORDER_PLACED)->order_placed;

    str_copy(data->order_id, sizeof(data->order_id), order->order_id);
    str_copy(data->customer_id, sizeof(data->customer_id), order->customer_id);
    data->total_amount_minor = order->total_amount_minor;
    str_copy(data->currency, sizeof(data->currency), order->currency);
    str_copy(data->client_id, sizeof(data->client_id), order->client_id);
    memcpy(data->items, order->items, order->item_count * sizeof(order->items[0]));
    data->item_count = order->item_count;
}

static void emit_cancellation(const struct order_cancellation_submitted *request,
                              struct decision *out)
{
    struct order_cancellation_requested *data =
        &decision_emit(out, EVENT_ORDER_CANCELLATION_REQUESTED)->order_cancellation_requested;

    str_copy(data->order_id, sizeof(data->order_id), request->order_id);
    str_copy(data->reason, sizeof(data->reason), request->reason);
}

static void on_submitted(const struct order_submitted *order, const struct event *last,
                         struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        emit_placed(order, out);
        return;
    CASES_OF_ORDERS: /* the same key again */
        return;
    CASES_OF_OUTCOMES:
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_cancellation_submitted(const struct order_cancellation_submitted *request,
                                      const struct event *last, struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
    case EVENT_ORDER_PLACED:
        emit_cancellation(request, out);
        return;
    case EVENT_ORDER_CANCELLATION_REQUESTED:
        return;
    CASES_OF_OUTCOMES:
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void emit_completed(const struct event *cause, struct decision *out)
{
    struct order_completed *data = &decision_emit(out, EVENT_ORDER_COMPLETED)->order_completed;

    str_copy(data->order_id, sizeof(data->order_id), event_key(cause));
}

static void emit_cancelled(const struct event *cause, struct decision *out)
{
    struct order_cancelled *data = &decision_emit(out, EVENT_ORDER_CANCELLED)->order_cancelled;

    str_copy(data->order_id, sizeof(data->order_id), event_key(cause));
    str_copy(data->reason, sizeof(data->reason), event_text(cause, "reason"));
}

static void on_shipment_created(const struct event *in, const struct event *last,
                                struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        emit_completed(in, out);
        return;
    case EVENT_ORDER_COMPLETED:
        return;
    case EVENT_ORDER_CANCELLED:
        decision_refuse(out, "an order that was cancelled has shipped");
        return;
    CASES_OF_ORDERS:
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_no_money_kept(const struct event *in, const struct event *last, struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        emit_cancelled(in, out);
        return;
    case EVENT_ORDER_CANCELLED:
        return;
    case EVENT_ORDER_COMPLETED:
        decision_refuse(out, "an order that has shipped is not paid for");
        return;
    CASES_OF_ORDERS:
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

void order_decide(const void *settings, const struct input *in, const struct state *state,
                  struct decision *out)
{
    const struct event *event = in->event;
    enum event_type type = event->type;

    (void)settings;
    if (type == EVENT_ORDER_SUBMITTED)
        on_submitted(&event->data.order_submitted, state->last, out);
    else if (type == EVENT_ORDER_CANCELLATION_SUBMITTED)
        on_cancellation_submitted(&event->data.order_cancellation_submitted, state->last, out);
    else if (type == EVENT_SHIPMENT_CREATED)
        on_shipment_created(event, state->last, out);
    else if (type == EVENT_PAYMENT_FAILED || type == EVENT_PAYMENT_REFUNDED ||
             type == EVENT_PAYMENT_CANCELLED)
        on_no_money_kept(event, state->last, out);
    else
        assert(!"order subscribes to no such event");
}
