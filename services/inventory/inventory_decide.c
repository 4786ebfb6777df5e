/*
 * inventory_decide.c - what the inventory service does about an event. Pure: no I/O, clock, heap.
 *
 *   last own event   PaymentProcessed    ShipmentCreated  ShipmentFailed   ShipmentCancelled
 *   none             Reserved +levels    impossible       impossible       ReservationCancelled
 *                    or Reserv.Failed
 *   Reserved         -                   Deducted +levels Released +levels Released +levels
 *   Reserv.Failed    -                   impossible       impossible       -
 *   Released         -                   impossible       -                -
 *   Reserv.Cancelled -                   impossible       impossible       -
 *   Deducted         -                   -                impossible       impossible
 *
 *   last own level               StockReceived
 *   none, or of an older receipt StockLevelChanged
 *   of this receipt or a later   -
 *
 * Names are without "Inventory". "-": its effect is already published, emit nothing. "impossible":
 * shipping answers a reservation once, with ShipmentCreated or ShipmentFailed, and only
 * ShipmentCancelled needs no reservation. "+levels": one StockLevelChanged per product in the same
 * decision. A level that would leave its bounds is impossible too: on a receipt it is too much,
 * elsewhere the stock ledger is damaged.
 *
 * Invariant 2: on_hand = available + reserved, none ever negative; an order holds all of its lines
 * or none; each reservation ends once, deducted or released.
 */
#include "services/inventory/inventory_decide.h"

#include <assert.h>

#include "common/base/util.h"
#include "common/event/items.h"

/* Never an own last event of an order. A new event type goes here, or gets a row in every rule. */
#define CASES_NOT_OWN                                                                              \
    case EVENT_ORDER_SUBMITTED:                                                                    \
    case EVENT_ORDER_CANCELLATION_SUBMITTED:                                                       \
    case EVENT_ORDER_PLACED:                                                                       \
    case EVENT_ORDER_CANCELLATION_REQUESTED:                                                       \
    case EVENT_PAYMENT_PROCESSED:                                                                  \
    case EVENT_PAYMENT_FAILED:                                                                     \
    case EVENT_PAYMENT_REFUNDED:                                                                   \
    case EVENT_PAYMENT_CANCELLED:                                                                  \
    case EVENT_SHIPMENT_CREATED:                                                                   \
    case EVENT_SHIPMENT_FAILED:                                                                    \
    case EVENT_SHIPMENT_CANCELLED:                                                                 \
    case EVENT_ORDER_COMPLETED:                                                                    \
    case EVENT_ORDER_CANCELLED:                                                                    \
    case EVENT_STOCK_LEVEL_CHANGED:                                                                \
    case EVENT_STOCK_RECEIVED:                                                                     \
    case EVENT_TYPE_COUNT

#define NOT_OWN "the last event in inventory is not of the inventory service"
#define DAMAGED "a stock level would leave its bounds: the stock ledger is damaged"

/* What one piece does to the level of its product. */
struct effect {
    int64_t on_hand, reserved, available;
};

static const struct effect reserving = {.reserved = +1, .available = -1};
static const struct effect releasing = {.reserved = -1, .available = +1};
static const struct effect deducting = {.on_hand = -1, .reserved = -1};
static const struct effect receiving = {.on_hand = +1, .available = +1};

/* The lines of an order, merged. */
struct lines {
    size_t count;
    struct item_line items[ITEMS_MAX];
};

static bool is_level(int64_t value)
{
    return value >= 0 && value <= STOCK_LEVEL_MAX;
}

/* Returns false if a number would leave the bounds of its schema; `level` then holds it. */
static bool level_change(struct stock_level_changed *level, const struct effect *effect,
                         int64_t quantity)
{
    level->on_hand += effect->on_hand * quantity;
    level->reserved += effect->reserved * quantity;
    level->available += effect->available * quantity;
    return is_level(level->on_hand) && is_level(level->reserved) && is_level(level->available);
}

static bool levels_can_change(const struct lines *lines, const struct state *state,
                              const struct effect *effect)
{
    assert(state->related_count == lines->count); /* as inventory_relate() asked */
    for (size_t i = 0; i < lines->count; i++) {
        struct stock_level_changed level;

        if (state->related[i]->type != EVENT_STOCK_LEVEL_CHANGED)
            return false;
        level = state->related[i]->data.stock_level_changed;
        if (!level_change(&level, effect, lines->items[i].quantity))
            return false;
    }
    return true;
}

static void emit_levels(const struct lines *lines, const struct state *state,
                        const struct effect *effect, struct decision *out)
{
    for (size_t i = 0; i < lines->count; i++) {
        struct stock_level_changed *level =
            &decision_emit(out, EVENT_STOCK_LEVEL_CHANGED)->stock_level_changed;

        *level = state->related[i]->data.stock_level_changed;
        level_change(level, effect, lines->items[i].quantity);
    }
}

static void put_lines(const struct lines *lines, struct item_line *items, size_t *count)
{
    memcpy(items, lines->items, lines->count * sizeof(lines->items[0]));
    *count = lines->count;
}

static void emit_reserved(const struct payment_processed *order, const struct lines *lines,
                          struct decision *out)
{
    struct inventory_reserved *data =
        &decision_emit(out, EVENT_INVENTORY_RESERVED)->inventory_reserved;

    str_copy(data->order_id, sizeof(data->order_id), order->order_id);
    str_copy(data->customer_id, sizeof(data->customer_id), order->customer_id);
    put_lines(lines, data->items, &data->item_count);
}

static void emit_reservation_failed(const struct payment_processed *order, const char *reason,
                                    struct decision *out)
{
    struct inventory_reservation_failed *data =
        &decision_emit(out, EVENT_INVENTORY_RESERVATION_FAILED)->inventory_reservation_failed;

    str_copy(data->order_id, sizeof(data->order_id), order->order_id);
    str_copy(data->reason, sizeof(data->reason), reason);
}

static void emit_reservation_cancelled(const struct shipment_cancelled *cause, struct decision *out)
{
    struct inventory_reservation_cancelled *data =
        &decision_emit(out, EVENT_INVENTORY_RESERVATION_CANCELLED)->inventory_reservation_cancelled;

    str_copy(data->order_id, sizeof(data->order_id), cause->order_id);
    str_copy(data->reason, sizeof(data->reason), cause->reason);
}

static void emit_released(const struct event *cause, const struct lines *lines,
                          struct decision *out)
{
    struct inventory_released *data =
        &decision_emit(out, EVENT_INVENTORY_RELEASED)->inventory_released;

    str_copy(data->order_id, sizeof(data->order_id), event_key(cause));
    str_copy(data->reason, sizeof(data->reason), event_text(cause, "reason"));
    put_lines(lines, data->items, &data->item_count);
}

static void emit_deducted(const struct event *cause, const struct lines *lines,
                          struct decision *out)
{
    struct inventory_deducted *data =
        &decision_emit(out, EVENT_INVENTORY_DEDUCTED)->inventory_deducted;

    str_copy(data->order_id, sizeof(data->order_id), event_key(cause));
    put_lines(lines, data->items, &data->item_count);
}

/* Why the order cannot be held, or NULL. An unknown product says more than one out of stock. */
static const char *shortage(const struct lines *lines, const struct state *state)
{
    const char *reason = NULL;

    assert(state->related_count == lines->count);
    for (size_t i = 0; i < lines->count; i++) {
        const struct event *last = state->related[i];

        if (last->type != EVENT_STOCK_LEVEL_CHANGED)
            return "unknown_product";
        if (last->data.stock_level_changed.available < lines->items[i].quantity)
            reason = "out_of_stock";
    }
    return reason;
}

static void reserve(const struct payment_processed *order, const struct state *state,
                    struct decision *out)
{
    struct lines lines;

    if (!items_merge(order->items, order->item_count, lines.items, &lines.count)) {
        decision_refuse(out, "the order has more of one product than an event can say");
        return;
    }

    const char *reason = shortage(&lines, state);
    if (reason != NULL) {
        emit_reservation_failed(order, reason, out);
    } else if (!levels_can_change(&lines, state, &reserving)) {
        decision_refuse(out, DAMAGED);
    } else {
        emit_reserved(order, &lines, out);
        emit_levels(&lines, state, &reserving, out);
    }
}

/* What was held, and whether it can be settled; refuses if not. */
static bool take_held(const struct inventory_reserved *held, const struct state *state,
                      const struct effect *effect, struct lines *lines, struct decision *out)
{
    bool possible = items_merge(held->items, held->item_count, lines->items, &lines->count) &&
                    levels_can_change(lines, state, effect);

    if (!possible)
        decision_refuse(out, DAMAGED);
    return possible;
}

static void deduct(const struct event *cause, const struct state *state, struct decision *out)
{
    struct lines lines;

    if (!take_held(&state->last->data.inventory_reserved, state, &deducting, &lines, out))
        return;
    emit_deducted(cause, &lines, out);
    emit_levels(&lines, state, &deducting, out);
}

static void release(const struct event *cause, const struct state *state, struct decision *out)
{
    struct lines lines;

    if (!take_held(&state->last->data.inventory_reserved, state, &releasing, &lines, out))
        return;
    emit_released(cause, &lines, out);
    emit_levels(&lines, state, &releasing, out);
}

static void on_payment_processed(const struct event *in, const struct state *state,
                                 struct decision *out)
{
    switch (state->last->type) {
    case EVENT_NONE:
        reserve(&in->data.payment_processed, state, out);
        return;
    case EVENT_INVENTORY_RESERVED:
    case EVENT_INVENTORY_RESERVATION_FAILED:
    case EVENT_INVENTORY_RELEASED:
    case EVENT_INVENTORY_RESERVATION_CANCELLED: /* overtaken: payment reads that, and refunds */
    case EVENT_INVENTORY_DEDUCTED:
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_shipment_created(const struct event *in, const struct state *state,
                                struct decision *out)
{
    switch (state->last->type) {
    case EVENT_INVENTORY_RESERVED:
        deduct(in, state, out);
        return;
    case EVENT_INVENTORY_DEDUCTED:
        return;
    case EVENT_NONE:
    case EVENT_INVENTORY_RESERVATION_FAILED:
    case EVENT_INVENTORY_RELEASED:
    case EVENT_INVENTORY_RESERVATION_CANCELLED:
        decision_refuse(out, "goods were shipped that are not held");
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_shipment_failed(const struct event *in, const struct state *state,
                               struct decision *out)
{
    switch (state->last->type) {
    case EVENT_INVENTORY_RESERVED:
        release(in, state, out);
        return;
    case EVENT_INVENTORY_RELEASED:
        return;
    case EVENT_NONE:
    case EVENT_INVENTORY_RESERVATION_FAILED:
    case EVENT_INVENTORY_RESERVATION_CANCELLED:
        decision_refuse(out, "a shipment failed whose goods were never held");
        return;
    case EVENT_INVENTORY_DEDUCTED:
        decision_refuse(out, "a shipment failed whose goods have left");
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

static void on_shipment_cancelled(const struct event *in, const struct state *state,
                                  struct decision *out)
{
    switch (state->last->type) {
    case EVENT_NONE: /* the cancellation overtook the charge */
        emit_reservation_cancelled(&in->data.shipment_cancelled, out);
        return;
    case EVENT_INVENTORY_RESERVED:
        release(in, state, out);
        return;
    case EVENT_INVENTORY_RESERVATION_FAILED: /* nothing is held, payment refunds */
    case EVENT_INVENTORY_RELEASED:
    case EVENT_INVENTORY_RESERVATION_CANCELLED:
        return;
    case EVENT_INVENTORY_DEDUCTED:
        decision_refuse(out, "a shipment was cancelled whose goods have left");
        return;
    CASES_NOT_OWN:
        decision_refuse(out, NOT_OWN);
    }
}

/* A receipt leaves no trace under a key of its own: the level names the last one counted in. */
static void on_stock_received(const struct input *in, const struct event *last,
                              struct decision *out)
{
    const struct stock_received *receipt = &in->event->data.stock_received;
    struct stock_level_changed level = {.last_receipt_offset = -1};

    if (last->type == EVENT_STOCK_LEVEL_CHANGED)
        level = last->data.stock_level_changed;
    else
        str_copy(level.product_id, sizeof(level.product_id), receipt->product_id);
    if (in->offset <= level.last_receipt_offset)
        return;
    level.last_receipt_offset = in->offset;
    if (!level_change(&level, &receiving, receipt->quantity))
        decision_refuse(out, "the stock level would exceed its maximum");
    else
        decision_emit(out, EVENT_STOCK_LEVEL_CHANGED)->stock_level_changed = level;
}

void inventory_decide(const void *settings, const struct input *in, const struct state *state,
                      struct decision *out)
{
    enum event_type type = in->event->type;

    (void)settings;
    if (type == EVENT_PAYMENT_PROCESSED)
        on_payment_processed(in->event, state, out);
    else if (type == EVENT_SHIPMENT_CREATED)
        on_shipment_created(in->event, state, out);
    else if (type == EVENT_SHIPMENT_FAILED)
        on_shipment_failed(in->event, state, out);
    else if (type == EVENT_SHIPMENT_CANCELLED)
        on_shipment_cancelled(in->event, state, out);
    else if (type == EVENT_STOCK_RECEIVED)
        on_stock_received(in, state->last, out);
    else
        assert(!"inventory subscribes to no such event");
}

/* Each product once: keys that stand in a longer list are the same as in the merged one. */
static void name_products(const struct item_line *items, size_t count, struct related_keys *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t known = 0;

        while (known < out->count && !str_equal(out->keys[known], items[i].product_id))
            known++;
        if (known == out->count)
            out->keys[out->count++] = items[i].product_id;
    }
}

void inventory_relate(const struct input *in, const struct event *last, struct related_keys *out)
{
    const struct event *event = in->event;

    out->count = 0;
    if (event->type == EVENT_PAYMENT_PROCESSED && last->type == EVENT_NONE)
        name_products(event->data.payment_processed.items, event->data.payment_processed.item_count,
                      out);
    else if (event->type != EVENT_PAYMENT_PROCESSED && last->type == EVENT_INVENTORY_RESERVED)
        name_products(last->data.inventory_reserved.items, last->data.inventory_reserved.item_count,
                      out);
}
