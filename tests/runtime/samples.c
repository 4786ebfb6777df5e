/* samples.c - see samples.h. */
#include "tests/runtime/samples.h"

#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

void sample_key(size_t number, char out[UUID_SIZE])
{
    snprintf(out, UUID_SIZE, "0193652f-8a31-7c04-9a5e-%012zx", number & 0xffffffffffff);
}

static void start(struct event *out, enum event_type type, size_t number)
{
    char key[UUID_SIZE];

    memset(out, 0, sizeof(*out));
    sample_key(number, key);
    uuid_v5(key, event_type_name(type), strlen(event_type_name(type)), out->event_id);
    out->type = type;
    out->timestamp_ms = SAMPLE_MS;
    str_copy(out->correlation_id, UUID_SIZE, key);
    str_copy(out->causation_id, UUID_SIZE, key);
    out->schema_version = EVENT_SCHEMA_VERSION;
}

void sample_order_placed(struct event *out, size_t number)
{
    struct order_placed *data = &out->data.order_placed;

    start(out, EVENT_ORDER_PLACED, number);
    out->causation_id[0] = '\0';
    sample_key(number, data->order_id);
    strcpy(data->customer_id, "customer-1");
    strcpy(data->currency, "EUR");
    data->item_count = 2;
    data->items[0] = (struct order_item){"A", 2, 1999};
    data->items[1] = (struct order_item){"B", 1, 500};
    data->total_amount_minor = 4498;
}

void sample_payment_failed(struct event *out, size_t number, const char *reason)
{
    start(out, EVENT_PAYMENT_FAILED, number);
    sample_key(number, out->data.payment_failed.order_id);
    str_copy(out->data.payment_failed.reason, REASON_SIZE, reason);
}

void sample_payment_processed(struct event *out, size_t number, size_t item_count)
{
    struct payment_processed *data = &out->data.payment_processed;

    start(out, EVENT_PAYMENT_PROCESSED, number);
    sample_key(number, data->order_id);
    strcpy(data->customer_id, "customer-1");
    strcpy(data->currency, "EUR");
    data->amount_minor = 4498;
    data->item_count = item_count;
    for (size_t i = 0; i < item_count; i++) {
        snprintf(data->items[i].product_id, PRODUCT_ID_SIZE, "SKU-%zu", i);
        data->items[i].quantity = 1 + (int64_t)i;
    }
}

void sample_stock_level(struct event *out, const char *product, int64_t on_hand)
{
    struct stock_level_changed *data = &out->data.stock_level_changed;

    start(out, EVENT_STOCK_LEVEL_CHANGED, 1);
    str_copy(data->product_id, PRODUCT_ID_SIZE, product);
    data->on_hand = on_hand;
    data->available = on_hand;
    data->last_receipt_offset = -1;
}
