/* order_json.c - see order_json.h. yyjson, because it writes money as the text that it is. */
#include "services/order/front_door/order_json.h"

#include <assert.h>
#include <yyjson.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/event/money.h"

DEFINE_CLEANUP(document_cleanup, yyjson_mut_doc, yyjson_mut_doc_free)
DEFINE_CLEANUP(parsed_cleanup, yyjson_doc, yyjson_doc_free)

static void add_money(yyjson_mut_doc *document, yyjson_mut_val *object, const char *name,
                      int64_t minor)
{
    char text[MONEY_SIZE];
    size_t len = money_format(minor, text);

    yyjson_mut_obj_add_val(document, object, name, yyjson_mut_rawncpy(document, text, len));
}

static void add_time(yyjson_mut_doc *document, yyjson_mut_val *object, const char *name,
                     int64_t utc_ms)
{
    char text[TIMESTAMP_SIZE];

    timestamp_format(utc_ms, text);
    yyjson_mut_obj_add_strcpy(document, object, name, text);
}

static void add_items(yyjson_mut_doc *document, yyjson_mut_val *object,
                      const struct order_placed *order)
{
    yyjson_mut_val *items = yyjson_mut_obj_add_arr(document, object, "items");

    for (size_t i = 0; i < order->item_count; i++) {
        yyjson_mut_val *item = yyjson_mut_arr_add_obj(document, items);

        yyjson_mut_obj_add_str(document, item, "product_id", order->items[i].product_id);
        yyjson_mut_obj_add_sint(document, item, "quantity", order->items[i].quantity);
        add_money(document, item, "unit_price", order->items[i].unit_price_minor);
    }
}

char *order_json(const struct order_view *view, size_t *ret_len)
{
    CLEANUP(document_cleanup) yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(document);
    const struct order_placed *order = view->placed;

    assert(order != NULL);
    yyjson_mut_doc_set_root(document, root);
    yyjson_mut_obj_add_str(document, root, "order_id", order->order_id);
    yyjson_mut_obj_add_str(document, root, "customer_id", order->customer_id);
    yyjson_mut_obj_add_str(document, root, "status", order_status_name(view->status));
    if (view->reason != NULL)
        yyjson_mut_obj_add_str(document, root, "reason", view->reason);
    add_items(document, root, order);
    add_money(document, root, "total_amount", order->total_amount_minor);
    yyjson_mut_obj_add_str(document, root, "currency", order->currency);
    add_time(document, root, "placed_at", view->placed_at_ms);
    add_time(document, root, "updated_at", view->updated_at_ms);
    return yyjson_mut_write(document, YYJSON_WRITE_NOFLAG, ret_len);
}

/* As it would be written to its topic: members that this program does not know are left out. */
static void add_data(yyjson_mut_doc *document, yyjson_mut_val *object, const struct event *event,
                     struct codec *codec)
{
    CLEANUP(parsed_cleanup) yyjson_doc *parsed = NULL;
    const char *json;
    size_t len;

    if (event_encode(codec, event, &json, &len, NULL) == 0)
        parsed = yyjson_read(json, len, YYJSON_READ_NUMBER_AS_RAW);
    if (parsed != NULL)
        yyjson_mut_obj_add_val(
            document, object, "data",
            yyjson_val_mut_copy(document, yyjson_obj_get(yyjson_doc_get_root(parsed), "data")));
}

static void add_step(yyjson_mut_doc *document, yyjson_mut_val *steps, const struct order_step *step,
                     struct codec *codec)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(document, steps);
    const struct event *event = step->entry->event;
    const struct topic_info *topic = topic_info(event_topic(event->type));

    yyjson_mut_obj_add_str(document, object, "event_type", event_type_name(event->type));
    yyjson_mut_obj_add_str(document, object, "event_id", event->event_id);
    if (event->causation_id[0] != '\0')
        yyjson_mut_obj_add_str(document, object, "causation_id", event->causation_id);
    else
        yyjson_mut_obj_add_null(document, object, "causation_id");
    add_time(document, object, "timestamp", event->timestamp_ms);
    yyjson_mut_obj_add_str(document, object, "service", topic->writer);
    yyjson_mut_obj_add_str(document, object, "topic", topic->name);
    yyjson_mut_obj_add_int(document, object, "partition", step->entry->partition);
    yyjson_mut_obj_add_sint(document, object, "offset", step->entry->offset);
    yyjson_mut_obj_add_sint(document, object, "delay_ms", step->delay_ms);
    add_data(document, object, event, codec);
}

static void add_next(yyjson_mut_doc *document, yyjson_mut_val *list, const struct order_next *next,
                     int64_t now_ms)
{
    yyjson_mut_val *object = yyjson_mut_arr_add_obj(document, list);

    yyjson_mut_obj_add_str(document, object, "event_type", event_type_name(next->type));
    yyjson_mut_obj_add_str(document, object, "service", next->service);
    if (next->after != NULL) {
        yyjson_mut_obj_add_str(document, object, "after", next->after->event_id);
        yyjson_mut_obj_add_sint(document, object, "waiting_ms", order_next_age(next, now_ms));
    } else {
        yyjson_mut_obj_add_null(document, object, "after");
        yyjson_mut_obj_add_null(document, object, "waiting_ms");
    }
}

char *order_timeline_json(const struct order_view *view, int64_t now_ms, struct codec *codec,
                          size_t *ret_len)
{
    CLEANUP(document_cleanup) yyjson_mut_doc *document = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(document), *steps, *next;

    assert(view->placed != NULL);
    yyjson_mut_doc_set_root(document, root);
    yyjson_mut_obj_add_str(document, root, "order_id", view->placed->order_id);
    yyjson_mut_obj_add_str(document, root, "status", order_status_name(view->status));
    steps = yyjson_mut_obj_add_arr(document, root, "events");
    for (size_t i = 0; i < view->step_count; i++)
        add_step(document, steps, &view->steps[i], codec);
    next = yyjson_mut_obj_add_arr(document, root, "next");
    for (size_t i = 0; i < view->next_count; i++)
        add_next(document, next, &view->next[i], now_ms);
    return yyjson_mut_write(document, YYJSON_WRITE_NOFLAG, ret_len);
}
