/*
 * shipping_decide.c - what the shipping service does about an event. Pure: no I/O, clock, heap.
 *
 *   last own event      InventoryReserved                   OrderCancellationRequested
 *   none                ShipmentCreated or ShipmentFailed   ShipmentCancelled
 *   ShipmentCreated     -                                   -    (too late, the goods are gone)
 *   ShipmentFailed      -                                   -    (on its way to cancelled already)
 *   ShipmentCancelled   -    (inventory releases them)      -
 *
 * "-": its effect is already published, emit nothing. Nothing is impossible here.
 *
 * This is the pivot: of cancel and ship, the one that shipping reads first wins, and all that
 * happens elsewhere follows from the one event of this table.
 */
#include "services/shipping/shipping_decide.h"

#include <assert.h>

#include "common/base/util.h"

/* Never an own last event. A new event type goes here, or gets a row in every rule. */
#define CASES_NOT_OWN                                                                              \
    case EVENT_ORDER_SUBMITTED:                                                                    \
    case EVENT_ORDER_CANCELLATION_SUBMITTED:                                                       \
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
    case EVENT_ORDER_COMPLETED:                                                                    \
    case EVENT_ORDER_CANCELLED:                                                                    \
    case EVENT_STOCK_LEVEL_CHANGED:                                                                \
    case EVENT_STOCK_RECEIVED:                                                                     \
    case EVENT_TYPE_COUNT

#define NOT_OWN "the last event in shipments is not of the shipping service"

bool customer_list_has(const char *list, const char *customer_id)
{
    size_t wanted = strlen(customer_id);

    while (*list != '\0') {
        list += strspn(list, " ,");

        size_t len = strcspn(list, " ,");
        if (len == wanted && memcmp(list, customer_id, len) == 0)
            return true;
        list += len;
    }
    return false;
}

static void emit_created(const struct inventory_reserved *held, struct decision *out)
{
    struct shipment_created *data = &decision_emit(out, EVENT_SHIPMENT_CREATED)->shipment_created;

    str_copy(data->order_id, sizeof(data->order_id), held->order_id);
    str_copy(data->customer_id, sizeof(data->customer_id), held->customer_id);
    memcpy(data->items, held->items, held->item_count * sizeof(held->items[0]));
    data->item_count = held->item_count;
}

static void emit_failed(const struct inventory_reserved *held, struct decision *out)
{
    struct shipment_failed *data = &decision_emit(out, EVENT_SHIPMENT_FAILED)->shipment_failed;

    str_copy(data->order_id, sizeof(data->order_id), held->order_id);
    str_copy(data->reason, sizeof(data->reason), "shipment_refused");
}

static void emit_cancelled(const struct order_cancellation_requested *request, struct decision *out)
{
    struct shipment_cancelled *data =
        &decision_emit(out, EVENT_SHIPMENT_CANCELLED)->shipment_cancelled;

    str_copy(data->order_id, sizeof(data->order_id), request->order_id);
    str_copy(data->reason, sizeof(data->reason), request->reason);
}

static void on_inventory_reserved(const struct shipping_settings *settings,
                                  const struct inventory_reserved *held, const struct event *last,
                                  struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        if (customer_list_has(settings->refuse_customers, held->customer_id))
            emit_failed(held, out);
        else
            emit_created(held, out);
        return;
    case EVENT_SHIPMENT_CREATED:
    case EVENT_SHIPMENT_FAILED:
    case EVENT_SHIPMENT_CANCELLED: /* inventory reads it too, and releases */
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_cancellation_requested(const struct order_cancellation_requested *request,
                                      const struct event *last, struct decision *out)
{
    switch (last->type) {
    case EVENT_NONE:
        emit_cancelled(request, out);
        return;
    case EVENT_SHIPMENT_CREATED: /* the request lost */
    case EVENT_SHIPMENT_FAILED:
    case EVENT_SHIPMENT_CANCELLED:
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

void shipping_decide(const void *settings, const struct input *in, const struct state *state,
                     struct decision *out)
{
    const struct event *event = in->event;

    if (event->type == EVENT_INVENTORY_RESERVED)
        on_inventory_reserved(settings, &event->data.inventory_reserved, state->last, out);
    else if (event->type == EVENT_ORDER_CANCELLATION_REQUESTED)
        on_cancellation_requested(&event->data.order_cancellation_requested, state->last, out);
    else
        assert(!"shipping subscribes to no such event");
}
