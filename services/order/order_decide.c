/*
 * order_decide.c - how an order ends. Pure: no I/O, clock, heap, log. Not how it begins: that is
 * HTTP's matter, see front_door.h.
 *
 *   last own event    ShipmentCreated   PaymentFailed, PaymentRefunded, PaymentCancelled
 *   none              OrderCompleted    OrderCancelled
 *   OrderCompleted    -                 impossible
 *   OrderCancelled    impossible        -
 *
 * "-": its effect is already published, emit nothing. "impossible": shipping decides between ship
 * and cancel, and the money stays or goes by that decision; one order cannot end both ways.
 *
 * Invariant 3: every order reaches exactly one outcome, and no money is kept after OrderCancelled.
 */
#include "services/order/order_decide.h"

#include <assert.h>

#include "common/base/util.h"

/* Never an own last event. A new event type goes here, or gets a row in every rule. */
#define CASES_NOT_OWN                                                                              \
    case EVENT_ORDER_PLACED:                                                                       \
    case EVENT_ORDER_CANCELLATION_REQUESTED:                                                       \
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

#define NOT_OWN "the last event in order-outcomes is not of the order service"

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
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

void order_decide(const void *settings, const struct input *in, const struct state *state,
                  struct decision *out)
{
    enum event_type type = in->event->type;

    (void)settings;
    if (type == EVENT_SHIPMENT_CREATED)
        on_shipment_created(in->event, state->last, out);
    else if (type == EVENT_PAYMENT_FAILED || type == EVENT_PAYMENT_REFUNDED ||
             type == EVENT_PAYMENT_CANCELLED)
        on_no_money_kept(in->event, state->last, out);
    else
        assert(!"order subscribes to no such event");
}
