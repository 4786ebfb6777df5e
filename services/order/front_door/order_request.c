/*
 * order_request.c - see order_request.h. The body is read with numbers as text (money must be
 * exact), its known members are put into an event, and the codec is asked whether that is one. The
 * codec names one fault at a time: the member at fault is then replaced by something harmless, and
 * asked again, until nothing is wrong or enough is said.
 *
 * Nothing here recurses: what may not be a list or an object is not looked into.
 */
#include "services/order/front_door/order_request.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/money.h"
#include "services/order/front_door/request_body.h"

DEFINE_CLEANUP(document_cleanup, yyjson_doc, yyjson_doc_free)
DEFINE_CLEANUP(draft_cleanup, yyjson_mut_doc, yyjson_mut_doc_free)

/* Each member, and a value that breaks no rule, as JSON. */
struct member {
    const char *name;
    const char *harmless;
};

#define HARMLESS_ITEM "{\"product_id\":\"x\",\"quantity\":1,\"unit_price\":0}"

static const struct member order_members[] = {
    {"customer_id", "\"x\""},
    {"items", "[" HARMLESS_ITEM "]"},
    {"total_amount", "0"},
    {"currency", "\"USD\""},
};

static const struct member item_members[] = {
    {"product_id", "\"x\""},
    {"quantity", "1"},
    {"unit_price", "0"},
};

static const struct member cancellation_members[] = {
    {"reason", "\"x\""},
};

/* A request's members, and the event that it would be. */
struct form {
    const char *noun;
    enum event_type type;
    const struct member *members;
    size_t member_count;
};

static const struct form order_form = {"order", EVENT_ORDER_PLACED, order_members,
                                       ARRAY_LEN(order_members)};
static const struct form cancellation_form = {"cancellation", EVENT_ORDER_CANCELLATION_SUBMITTED,
                                              cancellation_members,
                                              ARRAY_LEN(cancellation_members)};

static const struct member *find_member(const struct member *members, size_t count,
                                        yyjson_val *name)
{
    for (size_t i = 0; i < count; i++)
        if (yyjson_equals_str(name, members[i].name))
            return &members[i];
    return NULL;
}

/* A list or an object is wrong wherever this is used, and null breaks the same rule. */
static yyjson_mut_val *copy_scalar(yyjson_mut_doc *draft, yyjson_val *value)
{
    return yyjson_is_ctn(value) ? yyjson_mut_null(draft) : yyjson_val_mut_copy(draft, value);
}

static yyjson_mut_val *copy_item(yyjson_mut_doc *draft, yyjson_val *item, size_t index,
                                 struct order_refusal *refusal)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(item);
    yyjson_mut_val *copy = yyjson_mut_obj(draft);
    yyjson_val *name;
    char pointer[32];

    if (!yyjson_is_obj(item))
        return yyjson_mut_null(draft);
    snprintf(pointer, sizeof(pointer), "/items/%zu", index);
    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        const struct member *member = find_member(item_members, ARRAY_LEN(item_members), name);

        if (member == NULL)
            refusal_add_unknown(refusal, pointer, name);
        else
            yyjson_mut_obj_add_val(draft, copy, member->name,
                                   copy_scalar(draft, yyjson_obj_iter_get_val(name)));
    }
    return copy;
}

/* One entry too many breaks the rule as well as ten thousand, and is cheaper. */
static yyjson_mut_val *copy_items(yyjson_mut_doc *draft, yyjson_val *items,
                                  struct order_refusal *refusal)
{
    yyjson_arr_iter iter = yyjson_arr_iter_with(items);
    yyjson_mut_val *copy = yyjson_mut_arr(draft);
    yyjson_val *item;

    if (!yyjson_is_arr(items))
        return yyjson_mut_null(draft);
    for (size_t i = 0; i <= ITEMS_MAX && (item = yyjson_arr_iter_next(&iter)) != NULL; i++)
        yyjson_mut_arr_append(copy, copy_item(draft, item, i, refusal));
    return copy;
}

static yyjson_mut_val *copy_members(yyjson_mut_doc *draft, yyjson_val *object,
                                    const struct form *form, struct order_refusal *refusal)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(object);
    yyjson_mut_val *copy = yyjson_mut_obj(draft);
    yyjson_val *name;

    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        const struct member *member = find_member(form->members, form->member_count, name);
        yyjson_val *value = yyjson_obj_iter_get_val(name);

        if (member == NULL)
            refusal_add_unknown(refusal, "", name);
        else
            yyjson_mut_obj_add_val(draft, copy, member->name,
                                   str_equal(member->name, "items")
                                       ? copy_items(draft, value, refusal)
                                       : copy_scalar(draft, value));
    }
    return copy;
}

/* The event that it would be, but for what is computed. */
static yyjson_mut_doc *make_draft(yyjson_val *object, const struct form *form,
                                  const struct order_stamp *stamp, struct order_refusal *refusal)
{
    yyjson_mut_doc *draft = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(draft), *data;
    char time[TIMESTAMP_SIZE];

    timestamp_format(stamp->timestamp_ms, time);
    yyjson_mut_doc_set_root(draft, root);
    yyjson_mut_obj_add_strcpy(draft, root, "event_id", stamp->event_id);
    yyjson_mut_obj_add_str(draft, root, "event_type", event_type_name(form->type));
    yyjson_mut_obj_add_strcpy(draft, root, "timestamp", time);
    yyjson_mut_obj_add_strcpy(draft, root, "correlation_id", stamp->order_id);
    yyjson_mut_obj_add_int(draft, root, "schema_version", EVENT_SCHEMA_VERSION);
    data = copy_members(draft, object, form, refusal);
    yyjson_mut_obj_add_strcpy(draft, data, "order_id", stamp->order_id);
    yyjson_mut_obj_add_val(draft, root, "data", data);
    return draft;
}

/* A member that the client need not send; the value is JSON. */
static void add_default(yyjson_mut_doc *draft, const char *name, const char *value)
{
    yyjson_mut_val *data = yyjson_mut_obj_get(yyjson_mut_doc_get_root(draft), "data");

    if (yyjson_mut_obj_get(data, name) == NULL)
        yyjson_mut_obj_add_val(draft, data, name, yyjson_mut_raw(draft, value));
}

/* An entry of the list has a number for a name. */
static const char *harmless_value(const char *pointer)
{
    const char *name = strrchr(pointer, '/') + 1;

    for (size_t i = 0; i < ARRAY_LEN(order_members); i++)
        if (str_equal(order_members[i].name, name))
            return order_members[i].harmless;
    for (size_t i = 0; i < ARRAY_LEN(item_members); i++)
        if (str_equal(item_members[i].name, name))
            return item_members[i].harmless;
    if (str_equal(cancellation_members[0].name, name))
        return cancellation_members[0].harmless;
    return HARMLESS_ITEM;
}

/*
 * Takes "/data/items/0/quantity: must be ..." apart, notes it, and mends the draft. False: the line
 * is about the whole, and nothing can be mended.
 */
static bool note_and_mend(yyjson_mut_doc *draft, const struct error *err,
                          struct order_refusal *refusal)
{
    static const char data[] = "/data";
    const char *colon = strstr(err->text, ": ");
    char pointer[ERROR_TEXT_SIZE];

    if (colon == NULL || strncmp(err->text, data, sizeof(data) - 1) != 0) {
        refusal_add(refusal, "", err->text);
        return false;
    }
    snprintf(pointer, sizeof(pointer), "%.*s", (int)(colon - err->text), err->text);
    refusal_add(refusal, pointer + sizeof(data) - 1, colon + 2);
    return yyjson_mut_doc_ptr_set(draft, pointer, yyjson_mut_raw(draft, harmless_value(pointer)));
}

/* Asks until the draft is an event: the given one, if there was no fault. */
static int judge(struct codec *codec, yyjson_mut_doc *draft, const char *noun, struct event *ret,
                 struct order_refusal *refusal)
{
    struct error err;

    while (refusal->fault_count < HTTP_FAULTS_MAX) {
        size_t len;
        CLEANUP(free_ptr) char *json = yyjson_mut_write(draft, YYJSON_WRITE_NOFLAG, &len);

        if (json == NULL)
            return -ENOMEM;
        if (event_decode(codec, json, len, ret, &err) == 0 || !note_and_mend(draft, &err, refusal))
            break;
    }
    if (refusal->fault_count == 0)
        return 0;
    return refusal_set(refusal, 422, "the %s breaks %zu rule%s: see errors", noun,
                       refusal->fault_count, refusal->fault_count == 1 ? "" : "s");
}

/* At most ITEMS_MAX x ORDERED_QUANTITY_MAX x UNIT_PRICE_MINOR_MAX = AMOUNT_MINOR_MAX. */
static int64_t sum_of(const struct order_placed *order)
{
    int64_t sum = 0;

    for (size_t i = 0; i < order->item_count; i++)
        sum += order->items[i].quantity * order->items[i].unit_price_minor;
    assert(sum <= AMOUNT_MINOR_MAX);
    return sum;
}

static int settle_total(struct order_placed *order, bool given, struct order_refusal *refusal)
{
    int64_t sum = sum_of(order);
    char text[MONEY_SIZE], detail[80];

    if (given && order->total_amount_minor != sum) {
        money_format(sum, text);
        snprintf(detail, sizeof(detail), "must be the sum of quantity x unit_price, %s", text);
        refusal_add(refusal, "/total_amount", detail);
        return refusal_set(refusal, 422, "the order breaks 1 rule: see errors");
    }
    order->total_amount_minor = sum;
    return 0;
}

int order_request_read(struct codec *codec, const char *body, size_t len,
                       const struct order_stamp *stamp, struct event *ret,
                       struct order_refusal *refusal)
{
    CLEANUP(document_cleanup) yyjson_doc *document = NULL;
    CLEANUP(draft_cleanup) yyjson_mut_doc *draft = NULL;
    struct event event;
    bool total_given;
    int r;

    refusal->fault_count = 0;
    r = request_body_parse(body, len, &document, refusal);
    if (r < 0)
        return r;
    total_given = yyjson_obj_get(yyjson_doc_get_root(document), "total_amount") != NULL;
    draft = make_draft(yyjson_doc_get_root(document), &order_form, stamp, refusal);
    add_default(draft, "total_amount", "0");
    r = draft != NULL ? judge(codec, draft, order_form.noun, &event, refusal) : -ENOMEM;
    if (r == 0)
        r = settle_total(&event.data.order_placed, total_given, refusal);
    if (r == 0)
        event_copy(ret, &event);
    return r;
}

int cancellation_request_read(struct codec *codec, const char *body, size_t len,
                              const struct order_stamp *stamp, struct event *ret,
                              struct order_refusal *refusal)
{
    CLEANUP(document_cleanup) yyjson_doc *document = NULL;
    CLEANUP(draft_cleanup) yyjson_mut_doc *draft = NULL;
    struct event event;
    int r;

    refusal->fault_count = 0;
    r = request_body_parse(len > 0 ? body : "{}", len > 0 ? len : 2, &document, refusal);
    if (r < 0)
        return r;
    draft = make_draft(yyjson_doc_get_root(document), &cancellation_form, stamp, refusal);
    add_default(draft, "reason", "\"" CANCELLATION_REASON_DEFAULT "\"");
    r = draft != NULL ? judge(codec, draft, cancellation_form.noun, &event, refusal) : -ENOMEM;
    if (r == 0)
        event_copy(ret, &event);
    return r;
}

void order_request_submit(const struct event *placed, struct event *ret)
{
    const struct order_placed *from = &placed->data.order_placed;
    struct order_submitted *to = &ret->data.order_submitted;

    memcpy(ret, placed, offsetof(struct event, data));
    ret->type = EVENT_ORDER_SUBMITTED;
    str_copy(to->order_id, sizeof(to->order_id), from->order_id);
    str_copy(to->customer_id, sizeof(to->customer_id), from->customer_id);
    str_copy(to->currency, sizeof(to->currency), from->currency);
    str_copy(to->client_id, sizeof(to->client_id), from->client_id);
    to->total_amount_minor = from->total_amount_minor;
    to->item_count = from->item_count;
    memcpy(to->items, from->items, from->item_count * sizeof(from->items[0]));
}

static bool is_same_item(const struct order_item *a, const struct order_item *b)
{
    return str_equal(a->product_id, b->product_id) && a->quantity == b->quantity &&
           a->unit_price_minor == b->unit_price_minor;
}

bool order_request_is_same(const struct order_placed *a, const struct order_placed *b)
{
    if (!str_equal(a->customer_id, b->customer_id) || !str_equal(a->currency, b->currency) ||
        a->total_amount_minor != b->total_amount_minor || a->item_count != b->item_count)
        return false;
    for (size_t i = 0; i < a->item_count; i++)
        if (!is_same_item(&a->items[i], &b->items[i]))
            return false;
    return true;
}
