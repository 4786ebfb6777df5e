/* orders.c - see orders.h. */
#include "tools/sagactl/orders.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/util.h"
#include "tools/sagactl/array.h"

/* Topics that are keyed by order. */
#define ORDER_TOPIC_COUNT 6
/* Of a topic; a client may send the same request any number of times. */
#define EVENTS_PER_TOPIC_MAX (ORDER_EVENTS_MAX / ORDER_TOPIC_COUNT)

int orders_add(struct orders *orders, int32_t partition, int64_t offset, const struct event *event,
               struct error *err)
{
    size_t size = event_size(event);
    struct order_entry *entries;
    struct event *copy;

    if (orders->bytes + (int64_t)size > ORDERS_BYTES_MAX)
        return error_set(err, -E2BIG, "the topics have more orders than are looked at: %d MiB",
                         (int)(ORDERS_BYTES_MAX >> 20));
    entries = array_grow(orders->entries, orders->count, &orders->capacity, sizeof(*entries), err);
    if (entries == NULL)
        return -ENOMEM;
    orders->entries = entries;
    copy = malloc(size);
    if (copy == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    event_copy(copy, event);
    orders->bytes += (int64_t)size;
    orders->entries[orders->count++] =
        (struct order_entry){.event = copy, .partition = partition, .offset = offset};
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct order_entry *x = a, *y = b;
    enum topic topic_x = event_topic(x->event->type), topic_y = event_topic(y->event->type);
    int by_id = strcmp(event_key(x->event), event_key(y->event));

    if (by_id != 0)
        return by_id;
    if (topic_x != topic_y)
        return topic_x < topic_y ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Those of the order at `first`; returns the index behind them. */
static size_t take_order(const struct orders *orders, size_t first,
                         struct order_entry out[ORDER_EVENTS_MAX], size_t *count)
{
    const char *order_id = event_key(orders->entries[first].event);
    enum topic topic = TOPIC_NONE;
    size_t i = first, of_topic = 0;

    *count = 0;
    for (; i < orders->count; i++) {
        const struct order_entry *entry = &orders->entries[i];

        if (!str_equal(event_key(entry->event), order_id))
            break;
        of_topic = event_topic(entry->event->type) == topic ? of_topic + 1 : 1;
        topic = event_topic(entry->event->type);
        if (of_topic <= EVENTS_PER_TOPIC_MAX)
            out[(*count)++] = *entry;
    }
    return i;
}

int orders_each(struct orders *orders, order_function *on_order, void *context, struct error *err)
{
    struct order_entry entries[ORDER_EVENTS_MAX];
    struct order_view view;
    size_t count, next;
    int r = 0;

    if (orders->count > 0)
        qsort(orders->entries, orders->count, sizeof(*orders->entries), compare);
    for (size_t first = 0; r == 0 && first < orders->count; first = next) {
        next = take_order(orders, first, entries, &count);
        order_view_fold(entries, count, &view);
        r = on_order(context, event_key(orders->entries[first].event), &view, next - first - count,
                     err);
    }
    return r;
}

void orders_done(struct orders *orders)
{
    for (size_t i = 0; i < orders->count; i++)
        free((struct event *)orders->entries[i].event);
    free(orders->entries);
    *orders = (struct orders){0};
}
