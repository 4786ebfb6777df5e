/* decide_events.c - the events of decide_support.h, each with all members of its data. */
#include "decide_support.h"

#include <stdlib.h>

/* Calls `add` for each of "A:2 B:1". */
#define FOR_EACH_ITEM(text, product, quantity)                                                     \
    for (const char *next_ = (text); next_item(&next_, product, &(quantity));)

static bool next_item(const char **text, char product[PRODUCT_ID_SIZE], int64_t *quantity)
{
    size_t len = strcspn(*text, ":");
    char *end;

    if (**text == '\0')
        return false;
    ck_assert_uint_lt(len, PRODUCT_ID_SIZE);
    memcpy(product, *text, len);
    product[len] = '\0';
    *quantity = strtoll(*text + len + 1, &end, 10);
    *text = *end == ' ' ? end + 1 : end;
    return true;
}

/* Not merged: as they stand in the text. */
static size_t put_items(struct item_line *items, const char *text)
{
    char product[PRODUCT_ID_SIZE];
    int64_t quantity;
    size_t count = 0;

    FOR_EACH_ITEM(text, product, quantity)
    {
        ck_assert_uint_lt(count, ITEMS_MAX);
        str_copy(items[count].product_id, PRODUCT_ID_SIZE, product);
        items[count++].quantity = quantity;
    }
    return count;
}

static size_t put_order_items(struct order_item *items, const char *text)
{
    struct item_line *lines = calloc(ITEMS_MAX, sizeof(*lines));
    size_t count = put_items(lines, text);

    for (size_t i = 0; i < count; i++) {
        str_copy(items[i].product_id, PRODUCT_ID_SIZE, lines[i].product_id);
        items[i].quantity = lines[i].quantity;
        items[i].unit_price_minor = 250;
    }
    free(lines);
    return count;
}

#define PUT_TEXT(member, text) str_copy(member, sizeof(member), text)

const char *all_products(void)
{
    static char text[ITEMS_MAX * 32];
    size_t len = 0;

    for (int i = 0; i < ITEMS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "P%d:%d ", i, i + 1);
    return text;
}

struct event nothing(void)
{
    return (struct event){.type = EVENT_NONE};
}

struct event order_submitted(int64_t total_minor, const char *items)
{
    struct event event = {.type = EVENT_ORDER_SUBMITTED};
    struct order_submitted *data = &event.data.order_submitted;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->customer_id, CUSTOMER_ID);
    PUT_TEXT(data->currency, CURRENCY);
    data->total_amount_minor = total_minor;
    data->item_count = put_order_items(data->items, items);
    return event;
}

struct event order_placed(int64_t total_minor, const char *items)
{
    struct event event = {.type = EVENT_ORDER_PLACED};
    struct order_placed *data = &event.data.order_placed;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->customer_id, CUSTOMER_ID);
    PUT_TEXT(data->currency, CURRENCY);
    data->total_amount_minor = total_minor;
    data->item_count = put_order_items(data->items, items);
    return event;
}

struct event payment_processed(int64_t amount_minor, const char *items)
{
    struct event event = {.type = EVENT_PAYMENT_PROCESSED};
    struct payment_processed *data = &event.data.payment_processed;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->customer_id, CUSTOMER_ID);
    PUT_TEXT(data->currency, CURRENCY);
    data->amount_minor = amount_minor;
    data->item_count = put_items(data->items, items);
    return event;
}

struct event payment_refunded(int64_t amount_minor, const char *reason)
{
    struct event event = {.type = EVENT_PAYMENT_REFUNDED};
    struct payment_refunded *data = &event.data.payment_refunded;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->currency, CURRENCY);
    PUT_TEXT(data->reason, reason);
    data->amount_minor = amount_minor;
    return event;
}

struct event inventory_reserved(const char *items)
{
    struct event event = {.type = EVENT_INVENTORY_RESERVED};
    struct inventory_reserved *data = &event.data.inventory_reserved;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->customer_id, CUSTOMER_ID);
    data->item_count = put_items(data->items, items);
    return event;
}

struct event inventory_released(const char *items, const char *reason)
{
    struct event event = {.type = EVENT_INVENTORY_RELEASED};
    struct inventory_released *data = &event.data.inventory_released;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->reason, reason);
    data->item_count = put_items(data->items, items);
    return event;
}

struct event inventory_deducted(const char *items)
{
    struct event event = {.type = EVENT_INVENTORY_DEDUCTED};
    struct inventory_deducted *data = &event.data.inventory_deducted;

    PUT_TEXT(data->order_id, ORDER_ID);
    data->item_count = put_items(data->items, items);
    return event;
}

struct event shipment_created(const char *items)
{
    struct event event = {.type = EVENT_SHIPMENT_CREATED};
    struct shipment_created *data = &event.data.shipment_created;

    PUT_TEXT(data->order_id, ORDER_ID);
    PUT_TEXT(data->customer_id, CUSTOMER_ID);
    data->item_count = put_items(data->items, items);
    return event;
}

struct event order_completed(void)
{
    struct event event = {.type = EVENT_ORDER_COMPLETED};

    PUT_TEXT(event.data.order_completed.order_id, ORDER_ID);
    return event;
}

/* The events that have an order and a reason, and nothing else. */
#define DEFINE_EVENT_WITH_REASON(name, event_type)                                                 \
    struct event name(const char *reason)                                                          \
    {                                                                                              \
        struct event event = {.type = event_type};                                                 \
                                                                                                   \
        PUT_TEXT(event.data.name.order_id, ORDER_ID);                                              \
        PUT_TEXT(event.data.name.reason, reason);                                                  \
        return event;                                                                              \
    }

DEFINE_EVENT_WITH_REASON(order_cancellation_submitted, EVENT_ORDER_CANCELLATION_SUBMITTED)
DEFINE_EVENT_WITH_REASON(order_cancellation_requested, EVENT_ORDER_CANCELLATION_REQUESTED)
DEFINE_EVENT_WITH_REASON(payment_failed, EVENT_PAYMENT_FAILED)
DEFINE_EVENT_WITH_REASON(payment_cancelled, EVENT_PAYMENT_CANCELLED)
DEFINE_EVENT_WITH_REASON(inventory_reservation_failed, EVENT_INVENTORY_RESERVATION_FAILED)
DEFINE_EVENT_WITH_REASON(inventory_reservation_cancelled, EVENT_INVENTORY_RESERVATION_CANCELLED)
DEFINE_EVENT_WITH_REASON(shipment_failed, EVENT_SHIPMENT_FAILED)
DEFINE_EVENT_WITH_REASON(shipment_cancelled, EVENT_SHIPMENT_CANCELLED)
DEFINE_EVENT_WITH_REASON(order_cancelled, EVENT_ORDER_CANCELLED)

struct event stock_level(const char *product, int64_t on_hand, int64_t reserved, int64_t available,
                         int64_t last_receipt_offset)
{
    struct event event = {.type = EVENT_STOCK_LEVEL_CHANGED};
    struct stock_level_changed *data = &event.data.stock_level_changed;

    PUT_TEXT(data->product_id, product);
    data->on_hand = on_hand;
    data->reserved = reserved;
    data->available = available;
    data->last_receipt_offset = last_receipt_offset;
    return event;
}

struct event stock_received(const char *product, int64_t quantity)
{
    struct event event = {.type = EVENT_STOCK_RECEIVED};

    PUT_TEXT(event.data.stock_received.product_id, product);
    event.data.stock_received.quantity = quantity;
    return event;
}
