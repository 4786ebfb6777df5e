/*
 * order_request.c - see order_request.h. The body is read with numbers as text (money must be
 * exact), its known members are put into an event, and the codec is asked whether that is one. The
 * codec names one fault at a time: the member at fault is then replaced by something harmless, and
 * asked again, until nothing is wrong or enough is said.
 *
 * Nothing here recurses, so no nesting is too deep: what may not be a list or an object is not
 * looked into.
 */
#include "services/order/order_request.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/event/money.h"

/* As the schemas say of their objects; it also bounds the search for duplicates. */
#define MEMBERS_MAX 32
/* Bytes of a foreign member's name that an answer repeats. */
#define NAME_MAX_BYTES 40

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

static int refuse(struct order_refusal *refusal, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct order_refusal *refusal, unsigned status, const char *format, ...)
{
    va_list args;

    refusal->status = status;
    va_start(args, format);
    vsnprintf(refusal->detail, sizeof(refusal->detail), format, args);
    va_end(args);
    return -EBADMSG;
}

static void add_fault(struct order_refusal *refusal, const char *pointer, const char *detail)
{
    struct http_fault *fault = &refusal->faults[refusal->fault_count];

    if (refusal->fault_count == HTTP_FAULTS_MAX)
        return;
    str_copy(fault->pointer, sizeof(fault->pointer), pointer);
    str_copy(fault->detail, sizeof(fault->detail), detail);
    refusal->fault_count++;
}

/* RFC 6901 escapes; cut between two characters. */
static void format_name(yyjson_val *name, char out[2 * NAME_MAX_BYTES + 1])
{
    const char *text = yyjson_get_str(name);
    size_t len = yyjson_get_len(name), count = 0;

    for (size_t i = 0; i < len && text[i] != '\0'; i++) {
        if (i >= NAME_MAX_BYTES && ((unsigned char)text[i] & 0xc0) != 0x80)
            break;
        if (text[i] == '~' || text[i] == '/')
            out[count++] = '~';
        out[count++] = (char)(text[i] == '~' ? '0' : text[i] == '/' ? '1' : text[i]);
        if (count >= 2 * NAME_MAX_BYTES - 1)
            break;
    }
    out[count] = '\0';
}

static bool has_duplicate(yyjson_val *object, yyjson_val **ret)
{
    yyjson_obj_iter outer = yyjson_obj_iter_with(object), inner;
    yyjson_val *name, *other;

    while ((name = yyjson_obj_iter_next(&outer)) != NULL)
        for (inner = outer; (other = yyjson_obj_iter_next(&inner)) != NULL;)
            if (yyjson_equals_strn(other, yyjson_get_str(name), yyjson_get_len(name))) {
                *ret = other;
                return true;
            }
    return false;
}

/* Every object, however deep: yyjson keeps all values of a document in one array. */
static int check_objects(yyjson_doc *document, struct order_refusal *refusal)
{
    yyjson_val *value = yyjson_doc_get_root(document), *duplicate;
    yyjson_val *end = value + yyjson_doc_get_val_count(document);
    char name[2 * NAME_MAX_BYTES + 1];

    for (; value < end; value++) {
        if (!yyjson_is_obj(value))
            continue;
        if (yyjson_obj_size(value) > MEMBERS_MAX)
            return refuse(refusal, 422, "an object has more than %d members", MEMBERS_MAX);
        if (has_duplicate(value, &duplicate)) {
            format_name(duplicate, name);
            return refuse(refusal, 400, "a member stands there twice: %s", name);
        }
    }
    return 0;
}

static int parse(const char *body, size_t len, yyjson_doc **ret, struct order_refusal *refusal)
{
    CLEANUP(document_cleanup) yyjson_doc *document = NULL;
    yyjson_read_err failure;
    int r;

    /* The cast is of its interface; without INSITU it only reads. */
    document = yyjson_read_opts((char *)body, len, YYJSON_READ_NUMBER_AS_RAW, NULL, &failure);
    if (document == NULL && failure.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
        return -ENOMEM;
    if (document == NULL)
        return refuse(refusal, 400, "not JSON: %s at byte %zu", failure.msg, failure.pos);
    if (!yyjson_is_obj(yyjson_doc_get_root(document)))
        return refuse(refusal, 400, "the body must be a JSON object");
    r = check_objects(document, refusal);
    if (r == 0)
        *ret = TAKE_PTR(document);
    return r;
}

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

static void add_unknown(struct order_refusal *refusal, const char *parent, yyjson_val *name)
{
    char text[2 * NAME_MAX_BYTES + 1], pointer[sizeof(refusal->faults[0].pointer)];

    format_name(name, text);
    snprintf(pointer, sizeof(pointer), "%s/%s", parent, text);
    add_fault(refusal, pointer, "is not known here");
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
            add_unknown(refusal, pointer, name);
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

static yyjson_mut_val *copy_order(yyjson_mut_doc *draft, yyjson_val *order,
                                  struct order_refusal *refusal)
{
    yyjson_obj_iter iter = yyjson_obj_iter_with(order);
    yyjson_mut_val *copy = yyjson_mut_obj(draft);
    yyjson_val *name;

    while ((name = yyjson_obj_iter_next(&iter)) != NULL) {
        const struct member *member = find_member(order_members, ARRAY_LEN(order_members), name);
        yyjson_val *value = yyjson_obj_iter_get_val(name);

        if (member == NULL)
            add_unknown(refusal, "", name);
        else
            yyjson_mut_obj_add_val(draft, copy, member->name,
                                   str_equal(member->name, "items")
                                       ? copy_items(draft, value, refusal)
                                       : copy_scalar(draft, value));
    }
    return copy;
}

/* The event that it would be. */
static yyjson_mut_doc *make_draft(yyjson_val *order, const struct order_stamp *stamp,
                                  struct order_refusal *refusal)
{
    yyjson_mut_doc *draft = yyjson_mut_doc_new(NULL);
    yyjson_mut_val *root = yyjson_mut_obj(draft), *data;
    char time[TIMESTAMP_SIZE];

    timestamp_format(stamp->timestamp_ms, time);
    yyjson_mut_doc_set_root(draft, root);
    yyjson_mut_obj_add_strcpy(draft, root, "event_id", stamp->event_id);
    yyjson_mut_obj_add_str(draft, root, "event_type", event_type_name(EVENT_ORDER_PLACED));
    yyjson_mut_obj_add_strcpy(draft, root, "timestamp", time);
    yyjson_mut_obj_add_strcpy(draft, root, "correlation_id", stamp->order_id);
    yyjson_mut_obj_add_int(draft, root, "schema_version", EVENT_SCHEMA_VERSION);
    data = copy_order(draft, order, refusal);
    yyjson_mut_obj_add_strcpy(draft, data, "order_id", stamp->order_id);
    if (yyjson_mut_obj_get(data, "total_amount") == NULL)
        yyjson_mut_obj_add_val(draft, data, "total_amount", yyjson_mut_raw(draft, "0"));
    yyjson_mut_obj_add_val(draft, root, "data", data);
    return draft;
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
        add_fault(refusal, "", err->text);
        return false;
    }
    snprintf(pointer, sizeof(pointer), "%.*s", (int)(colon - err->text), err->text);
    add_fault(refusal, pointer + sizeof(data) - 1, colon + 2);
    return yyjson_mut_doc_ptr_set(draft, pointer, yyjson_mut_raw(draft, harmless_value(pointer)));
}

/* Asks until the draft is an event: the given one, if there was no fault. */
static int judge(struct codec *codec, yyjson_mut_doc *draft, struct event *ret,
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
    return refuse(refusal, 422, "the order breaks %zu rule%s: see errors", refusal->fault_count,
                  refusal->fault_count == 1 ? "" : "s");
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
        add_fault(refusal, "/total_amount", detail);
        return refuse(refusal, 422, "the order breaks 1 rule: see errors");
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
    r = parse(body, len, &document, refusal);
    if (r < 0)
        return r;
    total_given = yyjson_obj_get(yyjson_doc_get_root(document), "total_amount") != NULL;
    draft = make_draft(yyjson_doc_get_root(document), stamp, refusal);
    r = draft != NULL ? judge(codec, draft, &event, refusal) : -ENOMEM;
    if (r == 0)
        r = settle_total(&event.data.order_placed, total_given, refusal);
    if (r == 0)
        event_copy(ret, &event);
    return r;
}
