/* order_print.c - see order_print.h. */
#include "tools/sagactl/order_print.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/event/money.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/table.h"

/* Room for a reason and a few items. */
#define DETAIL_SIZE 1400
/* Items of an order that a line shows. */
#define DETAIL_ITEMS_MAX 4
#define NUMBER_SIZE 24
/* Significant digits: enough for any amount, and few enough that 44.98 stays 44.98. */
#define JSON_DIGITS 15

DEFINE_CLEANUP(json_cleanup, json_t, json_decref)

struct detail {
    char text[DETAIL_SIZE];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void detail_add(struct detail *detail,
                                                             const char *format, ...)
{
    size_t room = sizeof(detail->text) - detail->len;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(detail->text + detail->len, room, format, args);
    va_end(args);
    detail->len += (size_t)len < room ? (size_t)len : room - 1;
}

static const char *separator(const struct detail *detail)
{
    return detail->len > 0 ? ", " : "";
}

static void add_money(struct detail *detail, int64_t minor, const char *currency)
{
    char amount[MONEY_SIZE];

    money_format(minor, amount);
    detail_add(detail, "%s%s %s", separator(detail), amount, currency);
}

static void add_item(struct detail *detail, size_t i, size_t count, const char *product_id,
                     int64_t quantity)
{
    if (i < DETAIL_ITEMS_MAX)
        detail_add(detail, "%s%" PRId64 " x %s", separator(detail), quantity, product_id);
    else if (i == DETAIL_ITEMS_MAX)
        detail_add(detail, " and %zu more", count - DETAIL_ITEMS_MAX);
}

static void add_lines(struct detail *detail, const struct item_line *lines, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_item(detail, i, count, lines[i].product_id, lines[i].quantity);
}

static void add_order(struct detail *detail, const struct order_placed *order)
{
    add_money(detail, order->total_amount_minor, order->currency);
    detail_add(detail, ", customer %s", order->customer_id);
    for (size_t i = 0; i < order->item_count; i++)
        add_item(detail, i, order->item_count, order->items[i].product_id,
                 order->items[i].quantity);
}

/* What happened, in the numbers of this service; a reason follows where there is one. */
static void add_facts(struct detail *detail, const struct event *event)
{
    const union event_data *data = &event->data;

    switch (event->type) {
    case EVENT_ORDER_PLACED:
        add_order(detail, &data->order_placed);
        break;
    case EVENT_PAYMENT_PROCESSED:
        add_money(detail, data->payment_processed.amount_minor, data->payment_processed.currency);
        break;
    case EVENT_PAYMENT_REFUNDED:
        add_money(detail, data->payment_refunded.amount_minor, data->payment_refunded.currency);
        break;
    case EVENT_INVENTORY_RESERVED:
        add_lines(detail, data->inventory_reserved.items, data->inventory_reserved.item_count);
        break;
    case EVENT_INVENTORY_RELEASED:
        add_lines(detail, data->inventory_released.items, data->inventory_released.item_count);
        break;
    case EVENT_INVENTORY_DEDUCTED:
        add_lines(detail, data->inventory_deducted.items, data->inventory_deducted.item_count);
        break;
    case EVENT_SHIPMENT_CREATED:
        add_lines(detail, data->shipment_created.items, data->shipment_created.item_count);
        break;
    case EVENT_NONE:
    case EVENT_ORDER_SUBMITTED:
    case EVENT_ORDER_CANCELLATION_SUBMITTED:
    case EVENT_ORDER_CANCELLATION_REQUESTED:
    case EVENT_PAYMENT_FAILED:
    case EVENT_PAYMENT_CANCELLED:
    case EVENT_INVENTORY_RESERVATION_FAILED:
    case EVENT_INVENTORY_RESERVATION_CANCELLED:
    case EVENT_SHIPMENT_FAILED:
    case EVENT_SHIPMENT_CANCELLED:
    case EVENT_ORDER_COMPLETED:
    case EVENT_ORDER_CANCELLED:
    case EVENT_STOCK_LEVEL_CHANGED:
    case EVENT_STOCK_RECEIVED:
    case EVENT_TYPE_COUNT:
        break;
    }
}

static void describe(const struct event *event, struct detail *detail)
{
    const char *reason = event_text(event, "reason");

    *detail = (struct detail){0};
    add_facts(detail, event);
    if (reason != NULL)
        detail_add(detail, "%s%s", separator(detail), reason);
}

static int64_t delay_ms(const struct timeline_entry *entry)
{
    return entry->event->timestamp_ms - entry->cause->event->timestamp_ms;
}

static int add_row(struct table *table, const struct timeline_entry *entry, struct error *err)
{
    const struct event *event = entry->event;
    char time[TIMESTAMP_SIZE], delay[NUMBER_SIZE] = "";
    struct detail detail;

    timestamp_format(event->timestamp_ms, time);
    if (entry->cause != NULL)
        snprintf(delay, sizeof(delay), "%" PRId64, delay_ms(entry));
    describe(event, &detail);

    const char *cells[] = {time, delay, topic_info(event_topic(event->type))->name,
                           event_type_name(event->type), detail.text};

    return table_add(table, cells, err);
}

static void print_outcome(const struct timeline *timeline, int64_t now_ms, FILE *out)
{
    const struct timeline_entry *placed = timeline_find(timeline, EVENT_ORDER_PLACED);
    const struct timeline_entry *outcome = timeline_outcome(timeline);
    const struct event *last = timeline->entries[timeline->count - 1].event;

    if (outcome == NULL) {
        fprintf(out, "open: the last event was %s, %" PRId64 " ms ago", event_type_name(last->type),
                now_ms - last->timestamp_ms);
    } else {
        const char *reason = event_text(outcome->event, "reason");

        fprintf(out, "%s", reason != NULL ? "cancelled: " : "completed");
        fprintf(out, "%s", reason != NULL ? reason : "");
        if (placed != NULL)
            fprintf(out, ", %" PRId64 " ms after it was placed",
                    outcome->event->timestamp_ms - placed->event->timestamp_ms);
    }
    if (timeline->dropped > 0)
        fprintf(out, "; %zu more events are not shown", timeline->dropped);
    fputc('\n', out);
}

int order_print_table(const struct timeline *timeline, int64_t now_ms, FILE *out, struct error *err)
{
    static const struct table_column columns[] = {
        {"TIME", false}, {"DELAY MS", true}, {"TOPIC", false}, {"EVENT", false}, {"DETAIL", false},
    };
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < timeline->count; i++)
        r = add_row(table, &timeline->entries[i], err);
    if (r < 0)
        return r;
    table_print(table, out);
    fputc('\n', out);
    print_outcome(timeline, now_ms, out);
    return 0;
}

/* The event as it is on the wire, and where it was found. NULL: out of memory. */
static json_t *event_document(const struct timeline_entry *entry, const char *prefix,
                              struct codec *codec)
{
    char topic[TOPIC_NAME_SIZE];
    const char *text;
    size_t len;
    int r = event_encode(codec, entry->event, &text, &len, NULL);
    json_t *event = r == 0 ? json_loadb(text, len, 0, NULL) : NULL;

    topic_name(prefix, event_topic(entry->event->type), topic);
    /* Null in the end if any of these fails: json_object_set_new() frees what it cannot set. */
    r = json_object_set_new(event, "topic", json_string(topic));
    r |= json_object_set_new(event, "partition", json_integer(entry->partition));
    r |= json_object_set_new(event, "offset", json_integer(entry->offset));
    r |= json_object_set_new(event, "delay_ms",
                             entry->cause != NULL ? json_integer(delay_ms(entry)) : json_null());
    if (r == 0)
        return event;
    json_decref(event);
    return NULL;
}

static json_t *event_list(const struct timeline *timeline, const char *prefix)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    json_t *list = json_array();
    int r = codec_new(&codec, NULL);

    for (size_t i = 0; r == 0 && i < timeline->count; i++)
        r = json_array_append_new(list, event_document(&timeline->entries[i], prefix, codec));
    if (r == 0)
        return list;
    json_decref(list);
    return NULL;
}

static const char *status_of(const struct timeline_entry *outcome)
{
    if (outcome == NULL)
        return "open";
    return outcome->event->type == EVENT_ORDER_COMPLETED ? "completed" : "cancelled";
}

static json_t *duration_of(const struct timeline *timeline)
{
    const struct timeline_entry *placed = timeline_find(timeline, EVENT_ORDER_PLACED);
    const struct timeline_entry *outcome = timeline_outcome(timeline);

    if (placed == NULL || outcome == NULL)
        return json_null();
    return json_integer(outcome->event->timestamp_ms - placed->event->timestamp_ms);
}

int order_print_json(const struct timeline *timeline, const char *order_id, const char *prefix,
                     FILE *out, struct error *err)
{
    CLEANUP(json_cleanup) json_t *document = json_object();
    const struct timeline_entry *outcome = timeline_outcome(timeline);
    const char *reason = outcome != NULL ? event_text(outcome->event, "reason") : NULL;
    int r;

    r = json_object_set_new(document, "order_id", json_string(order_id));
    r |= json_object_set_new(document, "status", json_string(status_of(outcome)));
    r |=
        json_object_set_new(document, "reason", reason != NULL ? json_string(reason) : json_null());
    r |= json_object_set_new(document, "duration_ms", duration_of(timeline));
    r |= json_object_set_new(document, "events", event_list(timeline, prefix));
    if (r == 0)
        r = json_dumpf(document, out, JSON_INDENT(2) | JSON_REAL_PRECISION(JSON_DIGITS));
    if (r != 0)
        return error_set(err, -ENOMEM, "cannot write JSON: out of memory");
    fputc('\n', out);
    return 0;
}
