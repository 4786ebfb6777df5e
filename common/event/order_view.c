/*
 * order_view.c - see order_view.h.
 *
 *   placed -> paid -> reserved -> shipped -> completed
 *        \______\________\___> cancelling -> cancelled
 *
 * A status is a rank, and an order has the highest that any of its events gives it. So it does not
 * matter in which order the topics are read, and a reader never sees it go back.
 */
#include "common/event/order_view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/base/util.h"
#include "common/event/order_next.h"

static const enum order_status status_after[EVENT_TYPE_COUNT] = {
    [EVENT_ORDER_PLACED] = ORDER_PLACED,
    [EVENT_PAYMENT_PROCESSED] = ORDER_PAID,
    [EVENT_INVENTORY_RESERVED] = ORDER_RESERVED,
    [EVENT_SHIPMENT_CREATED] = ORDER_SHIPPED,
    [EVENT_INVENTORY_DEDUCTED] = ORDER_SHIPPED,
    [EVENT_ORDER_COMPLETED] = ORDER_COMPLETED,

    [EVENT_ORDER_CANCELLATION_REQUESTED] = ORDER_CANCELLING,
    [EVENT_PAYMENT_FAILED] = ORDER_CANCELLING,
    [EVENT_PAYMENT_REFUNDED] = ORDER_CANCELLING,
    [EVENT_PAYMENT_CANCELLED] = ORDER_CANCELLING,
    [EVENT_INVENTORY_RESERVATION_FAILED] = ORDER_CANCELLING,
    [EVENT_INVENTORY_RELEASED] = ORDER_CANCELLING,
    [EVENT_INVENTORY_RESERVATION_CANCELLED] = ORDER_CANCELLING,
    [EVENT_SHIPMENT_FAILED] = ORDER_CANCELLING,
    [EVENT_SHIPMENT_CANCELLED] = ORDER_CANCELLING,
    [EVENT_ORDER_CANCELLED] = ORDER_CANCELLED,
};

const char *order_status_name(enum order_status status)
{
    static const char *const names[] = {
        [ORDER_UNKNOWN] = "unknown",
        [ORDER_PLACED] = "placed",
        [ORDER_PAID] = "paid",
        [ORDER_RESERVED] = "reserved",
        [ORDER_CANCELLING] = "cancelling",
        [ORDER_SHIPPED] = "shipped",
        [ORDER_COMPLETED] = "completed",
        [ORDER_CANCELLED] = "cancelled",
    };

    return names[status];
}

static const struct order_entry *find_cause(const struct order_entry *entries, size_t count,
                                            const struct event *event)
{
    for (size_t i = 0; i < count; i++)
        if (entries[i].event != event && str_equal(entries[i].event->event_id, event->causation_id))
            return &entries[i];
    return NULL;
}

/* Earlier by time, then by topic and offset, so that equal times do not depend on the reader. */
static bool is_earlier(const struct order_entry *a, const struct order_entry *b)
{
    enum topic topic_a = event_topic(a->event->type), topic_b = event_topic(b->event->type);

    if (a->event->timestamp_ms != b->event->timestamp_ms)
        return a->event->timestamp_ms < b->event->timestamp_ms;
    return topic_a != topic_b ? topic_a < topic_b : a->offset < b->offset;
}

/*
 * The earliest of the entries that are left whose cause is not among them. Clocks of different
 * machines disagree, causes do not. Foreign events could cause each other in a circle: then simply
 * the earliest.
 */
static size_t choose_next(const struct order_entry *entries, size_t count, const bool *taken)
{
    size_t best = count, earliest = count;

    for (size_t i = 0; i < count; i++) {
        const struct order_entry *cause = find_cause(entries, count, entries[i].event);

        if (taken[i])
            continue;
        if (earliest == count || is_earlier(&entries[i], &entries[earliest]))
            earliest = i;
        if (cause != NULL && !taken[cause - entries])
            continue;
        if (best == count || is_earlier(&entries[i], &entries[best]))
            best = i;
    }
    return best < count ? best : earliest;
}

static struct order_step make_step(const struct order_entry *entry, const struct order_entry *cause)
{
    int64_t delay_ms = cause != NULL ? entry->event->timestamp_ms - cause->event->timestamp_ms : 0;

    return (struct order_step){
        .entry = entry,
        .cause = cause,
        .delay_ms = delay_ms > 0 ? delay_ms : 0,
    };
}

static void sort_steps(const struct order_entry *entries, size_t count, struct order_view *view)
{
    bool taken[ORDER_EVENTS_MAX] = {false};

    for (size_t i = 0; i < count; i++) {
        size_t next = choose_next(entries, count, taken);

        taken[next] = true;
        view->steps[i] = make_step(&entries[next], find_cause(entries, count, entries[next].event));
    }
    view->step_count = count;
}

/* The outcome's own reason; before there is one, that of what went wrong first. */
static const char *find_reason(const struct order_view *view)
{
    const char *first = NULL;

    if (view->status != ORDER_CANCELLING && view->status != ORDER_CANCELLED)
        return NULL;
    for (size_t i = 0; i < view->step_count; i++) {
        const struct event *event = view->steps[i].entry->event;

        if (event->type == EVENT_ORDER_CANCELLED)
            return event->data.order_cancelled.reason;
        if (first == NULL)
            first = event_text(event, "reason");
    }
    return first;
}

void order_view_fold(const struct order_entry *entries, size_t count, struct order_view *ret)
{
    enum order_status status = ORDER_UNKNOWN;

    assert(count <= ORDER_EVENTS_MAX);
    *ret = (struct order_view){.status = ORDER_UNKNOWN};
    sort_steps(entries, count, ret);
    for (size_t i = 0; i < count; i++) {
        const struct event *event = ret->steps[i].entry->event;

        if (status_after[event->type] > status)
            status = status_after[event->type];
        if (event_topic(event->type) != TOPIC_ORDER_REQUESTS &&
            event->timestamp_ms > ret->updated_at_ms)
            ret->updated_at_ms = event->timestamp_ms;
        if (event->type == EVENT_ORDER_PLACED && ret->placed == NULL) {
            ret->placed = &event->data.order_placed;
            ret->placed_at_ms = event->timestamp_ms;
        }
    }
    /* Topics are read independently: an effect may be here before the order. */
    if (ret->placed != NULL)
        ret->status = status;
    ret->reason = find_reason(ret);
    order_next_find(ret);
}

bool order_view_is_final(const struct order_view *view)
{
    return view->status == ORDER_COMPLETED || view->status == ORDER_CANCELLED;
}

int64_t order_next_age(const struct order_next *next, int64_t now_ms)
{
    assert(next->after != NULL);
    return now_ms > next->after->timestamp_ms ? now_ms - next->after->timestamp_ms : 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* FNV-1a, then the last step of MurmurHash3: in a sum, similar texts must differ in all bits. */
static uint64_t hash_event(const struct event *event)
{
    uint64_t hash = hash_text(UINT64_C(0xcbf29ce484222325), event_type_name(event->type));

    hash = hash_text(hash, event->event_id);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    hash = (hash ^ (hash >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return hash ^ (hash >> 33);
}

/* A sum, because it does not ask for the order. */
void order_view_etag(const struct order_view *view, char out[ORDER_ETAG_SIZE])
{
    uint64_t sum = 0;

    for (size_t i = 0; i < view->step_count; i++)
        sum += hash_event(view->steps[i].entry->event);
    snprintf(out, ORDER_ETAG_SIZE, "\"%016" PRIx64 "\"", sum);
}
