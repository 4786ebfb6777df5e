/* check_stock_read.c - levels come in, and what must move them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_facts.h"

#define PRODUCTS_FIRST 256

/* --- products: a list, and a hash table of its numbers that is at most half full */

static size_t product_slot(const struct check *check, const char *product_id)
{
    const struct product *products = check->products.items;
    size_t i = digest_text(0, product_id) & (check->product_capacity - 1);

    while (check->product_slots[i] != 0 &&
           !str_equal(products[check->product_slots[i] - 1].id, product_id))
        i = (i + 1) & (check->product_capacity - 1);
    return i;
}

static int grow_slots(struct check *check, struct error *err)
{
    const struct product *products = check->products.items;
    size_t capacity = check->product_capacity > 0 ? check->product_capacity * 2 : PRODUCTS_FIRST;
    uint32_t *slots = calloc(capacity, sizeof(*slots));

    if (slots == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    free(check->product_slots);
    check->product_slots = slots;
    check->product_capacity = capacity;
    for (size_t i = 0; i < check->products.count; i++)
        slots[product_slot(check, products[i].id)] = (uint32_t)i + 1;
    return 0;
}

int product_index(struct check *check, const char *product_id, uint32_t *ret, struct error *err)
{
    struct product *product;
    size_t slot;
    int r = 0;

    if (check->products.count * 2 >= check->product_capacity)
        r = grow_slots(check, err);
    if (r < 0)
        return r;
    slot = product_slot(check, product_id);
    if (check->product_slots[slot] == 0) {
        product =
            list_add(&check->products, sizeof(*product), CHECK_PRODUCTS_MAX, "products", &r, err);
        if (product == NULL)
            return r;
        str_copy(product->id, sizeof(product->id), product_id);
        product->last_receipt = -1;
        product->available_min = INT64_MAX;
        check->product_slots[slot] = (uint32_t)check->products.count;
    }
    *ret = check->product_slots[slot] - 1;
    return 0;
}

/* --- levels */

/* What one level says for itself. */
static void judge_level(struct check *check, const struct stock_level_changed *data,
                        const struct check_record *record)
{
    char place[CHECK_SUBJECT_SIZE];

    place_text(record->topic, record->partition, record->offset, place);
    CHECK_THAT(check, data->on_hand == data->available + data->reserved, 2, data->product_id,
               "%s: on hand is not available + reserved", place);
    CHECK_THAT(check, data->on_hand >= 0 && data->available >= 0 && data->reserved >= 0, 2,
               data->product_id, "%s: a level is negative", place);
}

static void set_level(struct product *product, const struct event *event, struct level *level)
{
    const struct stock_level_changed *data = &event->data.stock_level_changed;

    level->by = (struct amounts){
        .on_hand = data->on_hand - product->level.on_hand,
        .reserved = data->reserved - product->level.reserved,
        .available = data->available - product->level.available,
    };
    level->receipt = data->last_receipt_offset;
    level->receipt_before = product->last_receipt;
    level->first = product->level_count == 0;
    if (level->first)
        product->first_ms = event->timestamp_ms;
    product->level = (struct amounts){data->on_hand, data->reserved, data->available};
    product->last_receipt = data->last_receipt_offset;
    product->level_count++;
    if (data->available < product->available_min)
        product->available_min = data->available;
}

int check_add_level(struct check *check, const struct check_record *record, struct error *err)
{
    const struct event *event = &check->event;
    struct product *products;
    struct level *level;
    uint32_t number;
    int r = product_index(check, event_key(event), &number, err);

    if (r < 0)
        return r;
    level = list_add(&check->levels, sizeof(*level), CHECK_LEVELS_MAX, "levels of stock", &r, err);
    if (level == NULL)
        return r;
    products = check->products.items;
    uuid_to_bytes(event->event_id, level->id);
    uuid_to_bytes(event->correlation_id, level->correlation);
    if (event->causation_id[0] != '\0')
        uuid_to_bytes(event->causation_id, level->cause);
    level->derived = is_derived_id(event->event_id);
    level->product = number;
    level->partition = record->partition;
    level->offset = record->offset;
    level->timestamp_ms = event->timestamp_ms;
    level->young = record->young;
    judge_level(check, &event->data.stock_level_changed, record);
    set_level(&products[number], event, level);
    if (!level->first && record->offset < check->clean_end[record->partition])
        check->clean_end[record->partition] = record->offset;
    return 0;
}

/* --- changes: by the cause that their levels name, which is a receipt's own id */

static int add_change(struct check *check, const struct check_record *record, const char *cause,
                      const char *product_id, int64_t quantity, struct error *err)
{
    const struct event *event = &check->event;
    int r = 0;
    struct change *change =
        list_add(&check->changes, sizeof(*change), CHECK_CHANGES_MAX, "changes of stock", &r, err);

    if (change == NULL)
        return r;
    uuid_to_bytes(cause, change->cause);
    uuid_to_bytes(event->correlation_id, change->correlation);
    change->quantity = quantity;
    change->type = (uint8_t)event->type;
    change->partition = record->partition;
    change->offset = record->offset;
    change->timestamp_ms = event->timestamp_ms;
    change->young = record->young;
    return product_index(check, product_id, &change->product, err);
}

static int take_receipt(struct check *check, const struct check_record *record, struct error *err)
{
    const struct event *event = &check->event;
    char place[CHECK_SUBJECT_SIZE];

    place_text(record->topic, record->partition, record->offset, place);
    CHECK_THAT(check, event->causation_id[0] == '\0', 6, place,
               "StockReceived starts a chain, and yet names a cause");
    CHECK_THAT(check, str_equal(event->correlation_id, event->event_id), 0, place,
               "StockReceived correlates with something else");
    return add_change(check, record, event->event_id, event->data.stock_received.product_id,
                      event->data.stock_received.quantity, err);
}

int check_add_change(struct check *check, const struct check_record *record, struct error *err)
{
    const struct event *event = &check->event;
    const struct item_line *items;
    size_t count;
    int r = 0;

    if (event->type == EVENT_STOCK_RECEIVED)
        return take_receipt(check, record, err);
    if (!moves_stock(event->type) || event->causation_id[0] == '\0')
        return 0;
    items = event_lines(event, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_change(check, record, event->causation_id, items[i].product_id, items[i].quantity,
                       err);
    return r;
}
