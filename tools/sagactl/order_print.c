/* order_print.c - see order_print.h. */
#include "tools/sagactl/order_print.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/codec.h"
#include "common/event/money.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/document.h"
#include "tools/sagactl/table.h"

/* Room for a reason and a few items. */
#define DETAIL_SIZE 1400
/* Items of an order that a line shows. */
#define DETAIL_ITEMS_MAX 4
#define NUMBER_SIZE 24

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

/* Unlike the view's, negative where a clock was ahead: that is worth an operator's look. */
static int64_t delay_ms(const struct order_step *step)
{
    return step->entry->event->timestamp_ms - step->cause->event->timestamp_ms;
}

static int add_event(struct table *table, const struct order_step *step, struct error *err)
{
    const struct event *event = step->entry->event;
    char time[TIMESTAMP_SIZE], delay[NUMBER_SIZE] = "";
    struct detail detail;

    timestamp_format(event->timestamp_ms, time);
    if (step->cause != NULL)
        snprintf(delay, sizeof(delay), "%" PRId64, delay_ms(step));
    describe(event, &detail);

    const char *cells[] = {time, delay, topic_info(event_topic(event->type))->name,
                           event_type_name(event->type), detail.text};

    return table_add(table, cells, err);
}

static int print_events(const struct order_view *view, FILE *out, struct error *err)
{
    static const struct table_column columns[] = {
        {"TIME", false}, {"DELAY MS", true}, {"TOPIC", false}, {"EVENT", false}, {"DETAIL", false},
    };
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < view->step_count; i++)
        r = add_event(table, &view->steps[i], err);
    if (r == 0)
        table_print(table, out);
    return r;
}

/* The event that ended the order, or NULL. */
static const struct event *find_outcome(const struct order_view *view)
{
    for (size_t i = 0; order_view_is_final(view) && i < view->step_count; i++)
        if (event_topic(view->steps[i].entry->event->type) == TOPIC_ORDER_OUTCOMES)
            return view->steps[i].entry->event;
    return NULL;
}

static void print_standing(const struct order_view *view, size_t left_out, int64_t now_ms,
                           FILE *out)
{
    const struct event *outcome = find_outcome(view);

    fputs(order_status_name(view->status), out);
    if (view->reason != NULL)
        fprintf(out, ": %s", view->reason);
    if (outcome != NULL)
        fprintf(out, ", %" PRId64 " ms after it was placed",
                outcome->timestamp_ms - view->placed_at_ms);
    else if (view->updated_at_ms > 0)
        fprintf(out, ", no event for %" PRId64 " ms", now_ms - view->updated_at_ms);
    if (left_out > 0)
        fprintf(out, "; %zu more events are not shown", left_out);
    fputc('\n', out);
}

static int add_next(struct table *table, const struct order_next *next, int64_t now_ms,
                    struct error *err)
{
    char waiting[NUMBER_SIZE] = "";

    if (next->after != NULL)
        snprintf(waiting, sizeof(waiting), "%" PRId64, order_next_age(next, now_ms));

    const char *cells[] = {waiting, next->service, event_type_name(next->type),
                           next->after != NULL ? event_type_name(next->after->type) : ""};

    return table_add(table, cells, err);
}

static int print_next(const struct order_view *view, int64_t now_ms, FILE *out, struct error *err)
{
    static const struct table_column columns[] = {
        {"WAITING MS", true}, {"SERVICE", false}, {"STILL TO COME", false}, {"AFTER", false}};
    CLEANUP(table_cleanup) struct table *table = NULL;
    int r = table_new(columns, ARRAY_LEN(columns), &table, err);

    for (size_t i = 0; r == 0 && i < view->next_count; i++)
        r = add_next(table, &view->next[i], now_ms, err);
    if (r < 0)
        return r;
    fputc('\n', out);
    table_print(table, out);
    return 0;
}

int order_print_table(const struct order_view *view, size_t left_out, int64_t now_ms, FILE *out,
                      struct error *err)
{
    int r = print_events(view, out, err);

    if (r < 0)
        return r;
    fputc('\n', out);
    print_standing(view, left_out, now_ms, out);
    return view->next_count > 0 ? print_next(view, now_ms, out, err) : 0;
}

/* The event as it is on the wire, and where it was found. NULL: out of memory. */
static json_t *event_document(const struct order_step *step, const char *prefix,
                              struct codec *codec)
{
    const struct order_entry *entry = step->entry;
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
                             step->cause != NULL ? json_integer(delay_ms(step)) : json_null());
    if (r == 0)
        return event;
    json_decref(event);
    return NULL;
}

static json_t *event_list(const struct order_view *view, const char *prefix)
{
    CLEANUP(codec_cleanup) struct codec *codec = NULL;
    json_t *list = json_array();
    int r = codec_new(&codec, NULL);

    for (size_t i = 0; r == 0 && i < view->step_count; i++)
        r = json_array_append_new(list, event_document(&view->steps[i], prefix, codec));
    if (r == 0)
        return list;
    json_decref(list);
    return NULL;
}

int order_print_json(const struct order_view *view, const char *order_id, const char *prefix,
                     int64_t now_ms, FILE *out, struct error *err)
{
    const struct event *outcome = find_outcome(view);
    json_t *duration =
        outcome != NULL ? json_integer(outcome->timestamp_ms - view->placed_at_ms) : json_null();

    return document_print(json_pack("{ss ss so so so so}", "order_id", order_id, "status",
                                    order_status_name(view->status), "reason",
                                    document_text(view->reason), "duration_ms", duration, "events",
                                    event_list(view, prefix), "next",
                                    document_next(view->next, view->next_count, now_ms)),
                          out, err);
}
