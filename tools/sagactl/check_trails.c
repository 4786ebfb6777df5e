/* check_trails.c - events of orders come in: each becomes a fact in the trail of its order. */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/items.h"
#include "tools/sagactl/check_facts.h"

#define ORDERS_FIRST 4096

/* --- the table of orders: open addressing, at most half full */

static struct order_facts *find_slot(struct order_facts *orders, size_t capacity,
                                     const uint8_t id[UUID_BYTES])
{
    size_t i = digest(0, id, UUID_BYTES) & (capacity - 1);

    while (orders[i].first != 0 && memcmp(orders[i].id, id, UUID_BYTES) != 0)
        i = (i + 1) & (capacity - 1);
    return &orders[i];
}

static int grow_orders(struct check *check, struct error *err)
{
    size_t capacity = check->order_capacity > 0 ? check->order_capacity * 2 : ORDERS_FIRST;
    struct order_facts *orders = calloc(capacity, sizeof(*orders));

    if (orders == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < check->order_capacity; i++)
        if (check->orders[i].first != 0)
            *find_slot(orders, capacity, check->orders[i].id) = check->orders[i];
    free(check->orders);
    check->orders = orders;
    check->order_capacity = capacity;
    return 0;
}

/* Of a new order, `first` is 0 still. */
static int find_order(struct check *check, const uint8_t id[UUID_BYTES], struct order_facts **ret,
                      struct error *err)
{
    int r = 0;

    if (check->order_count * 2 >= check->order_capacity)
        r = grow_orders(check, err);
    if (r < 0)
        return r;
    *ret = find_slot(check->orders, check->order_capacity, id);
    if ((*ret)->first != 0)
        return 0;
    if (check->order_count == CHECK_ORDERS_MAX)
        return error_set(err, -E2BIG, "more than %d orders: too many for one check",
                         CHECK_ORDERS_MAX);
    check->order_count++;
    memcpy((*ret)->id, id, UUID_BYTES);
    return 0;
}

/* --- what an event says, by the names of its members */

/* Where the list of a type is. */
#define LIST(type, name)                                                                           \
    {type, offsetof(union event_data, name.items), offsetof(union event_data, name.item_count)}
static const struct {
    enum event_type type;
    size_t items, count;
} item_lists[] = {
    LIST(EVENT_PAYMENT_PROCESSED, payment_processed),
    LIST(EVENT_INVENTORY_RESERVED, inventory_reserved),
    LIST(EVENT_INVENTORY_RELEASED, inventory_released),
    LIST(EVENT_INVENTORY_DEDUCTED, inventory_deducted),
    LIST(EVENT_SHIPMENT_CREATED, shipment_created),
};

const struct item_line *event_lines(const struct event *event, size_t *count)
{
    const char *data = (const char *)&event->data;

    for (size_t i = 0; i < ARRAY_LEN(item_lists); i++) {
        if (item_lists[i].type != event->type)
            continue;
        *count = *(const size_t *)(const void *)(data + item_lists[i].count);
        return (const struct item_line *)(const void *)(data + item_lists[i].items);
    }
    return NULL;
}

/* The lines of any type, merged by product. False: the type has none. */
static bool merge_lines(const struct event *event, struct item_line *lines, size_t *count,
                        bool *repeats)
{
    size_t own_count;
    const struct item_line *own = event_lines(event, &own_count);

    *repeats = false;
    if (event->type == EVENT_ORDER_PLACED) {
        items_merge_order(&event->data.order_placed, lines, count);
        return true;
    }
    if (own == NULL)
        return false;
    *count = 0;
    /* A list that cannot be merged equals no other. */
    *repeats = !items_merge(own, own_count, lines, count) || *count != own_count;
    return true;
}

static uint64_t digest_lines(const struct item_line *lines, size_t count)
{
    uint64_t sum = count;

    for (size_t i = 0; i < count; i++) {
        uint64_t line = digest_text(0, lines[i].product_id);

        sum += digest(line, &lines[i].quantity, sizeof(lines[i].quantity));
    }
    return sum;
}

static uint64_t digest_money(int64_t minor, const char *currency)
{
    return digest(digest_text(0, currency), &minor, sizeof(minor));
}

static uint64_t digest_asked(const char *customer_id, uint64_t money,
                             const struct order_item *items, size_t count)
{
    uint64_t value = digest_text(money, customer_id);

    for (size_t i = 0; i < count; i++) {
        const int64_t numbers[] = {items[i].quantity, items[i].unit_price_minor};

        value = digest(digest_text(value, items[i].product_id), numbers, sizeof(numbers));
    }
    return value;
}

static bool is_sum(const struct order_placed *order)
{
    int64_t sum = 0; /* cannot overflow: ITEMS_MAX lines of the largest price and quantity */

    for (size_t i = 0; i < order->item_count; i++)
        sum += order->items[i].quantity * order->items[i].unit_price_minor;
    return sum == order->total_amount_minor;
}

static_assert(INT64_MAX / ITEMS_MAX / ORDERED_QUANTITY_MAX > UNIT_PRICE_MINOR_MAX, "see is_sum()");

static void digest_money_and_customer(const struct event *event, struct fact *fact)
{
    const struct order_placed *placed = &event->data.order_placed;
    const struct order_submitted *submitted = &event->data.order_submitted;
    const struct payment_processed *charge = &event->data.payment_processed;
    const struct payment_refunded *refund = &event->data.payment_refunded;

    if (event->type == EVENT_ORDER_SUBMITTED) {
        fact->money = digest_money(submitted->total_amount_minor, submitted->currency);
        fact->asked = digest_asked(submitted->customer_id, fact->money, submitted->items,
                                   submitted->item_count);
    } else if (event->type == EVENT_ORDER_PLACED) {
        fact->money = digest_money(placed->total_amount_minor, placed->currency);
        fact->asked =
            digest_asked(placed->customer_id, fact->money, placed->items, placed->item_count);
        fact->customer = digest_text(0, placed->customer_id);
        fact->flags |= is_sum(placed) ? 0 : FACT_WRONG_SUM;
    } else if (event->type == EVENT_PAYMENT_PROCESSED) {
        fact->money = digest_money(charge->amount_minor, charge->currency);
        fact->customer = digest_text(0, charge->customer_id);
    } else if (event->type == EVENT_PAYMENT_REFUNDED) {
        fact->money = digest_money(refund->amount_minor, refund->currency);
    }
}

/* Should inventory say that something is out of stock, the levels must show it. */
static int keep_wanted(struct check *check, struct fact *fact, const struct item_line *lines,
                       size_t count, struct error *err)
{
    int r = 0;

    fact->wanted = (uint32_t)check->wanted.count;
    for (size_t i = 0; r == 0 && i < count; i++) {
        struct wanted *wanted = list_add(&check->wanted, sizeof(*wanted), CHECK_CHANGES_MAX,
                                         "lines of orders", &r, err);

        if (wanted == NULL)
            return r;
        wanted->quantity = lines[i].quantity;
        r = product_index(check, lines[i].product_id, &wanted->product, err);
        fact->wanted_count++;
    }
    return r;
}

static int read_lines(struct check *check, struct fact *fact, struct error *err)
{
    struct item_line lines[ITEMS_MAX];
    bool repeats;
    size_t count;

    if (!merge_lines(&check->event, lines, &count, &repeats))
        return 0;
    fact->lines = digest_lines(lines, count);
    fact->flags |= repeats ? FACT_REPEATS : 0;
    return fact->type == EVENT_PAYMENT_PROCESSED ? keep_wanted(check, fact, lines, count, err) : 0;
}

static int read_fact(struct check *check, const struct check_record *record, struct fact *fact,
                     struct error *err)
{
    const struct event *event = &check->event;
    const char *reason = event_text(event, "reason");

    fact->type = (uint8_t)event->type;
    fact->offset = record->offset;
    fact->timestamp_ms = event->timestamp_ms;
    fact->flags = record->young ? FACT_YOUNG : 0;
    uuid_to_bytes(event->event_id, fact->id);
    if (event->causation_id[0] != '\0') {
        uuid_to_bytes(event->causation_id, fact->cause);
        fact->flags |= FACT_CAUSED;
    }
    if (is_derived_id(event->event_id))
        fact->flags |= FACT_DERIVED;
    if (!str_equal(event->correlation_id, event_key(event)))
        fact->flags |= FACT_STRAYS;
    fact->reason = reason != NULL ? digest_text(0, reason) : 0;
    digest_money_and_customer(event, fact);
    return read_lines(check, fact, err);
}

int check_add_fact(struct check *check, const struct check_record *record, struct error *err)
{
    uint8_t id[UUID_BYTES];
    struct order_facts *order = NULL;
    struct fact fact = {0}, *kept;
    int r = read_fact(check, record, &fact, err);

    uuid_to_bytes(event_key(&check->event), id);
    if (r == 0)
        r = find_order(check, id, &order, err);
    if (r < 0)
        return r;
    kept = list_add(&check->facts, sizeof(fact), CHECK_FACTS_MAX, "events of orders", &r, err);
    if (kept == NULL)
        return r;
    *kept = fact;
    if (order->first == 0)
        order->first = (uint32_t)check->facts.count;
    else
        ((struct fact *)check->facts.items)[order->last - 1].next = (uint32_t)check->facts.count;
    order->last = (uint32_t)check->facts.count;
    order->partition = record->partition;
    return check_add_change(check, record, err);
}
