/*
 * order_next.c - see order_next.h.
 *
 * Each service decides once about an order, or twice: payment charges and refunds, inventory holds
 * and settles, order begins and ends. A rule says what a service publishes after an event that it
 * reads, unless it has decided that already. Where two events that a service has yet to read lead
 * it different ways, as a reservation and a request to cancel do, both ways are named: the one that
 * it reads first wins.
 */
#include "common/event/order_next.h"

#include <assert.h>

#include "common/base/util.h"

typedef uint32_t type_set;

#define BIT(type) (UINT32_C(1) << (type))
static_assert(EVENT_TYPE_COUNT <= 32, "a type_set has a bit for each type");

#define CHARGED                                                                                    \
    (BIT(EVENT_PAYMENT_PROCESSED) | BIT(EVENT_PAYMENT_FAILED) | BIT(EVENT_PAYMENT_CANCELLED))
#define REPAID BIT(EVENT_PAYMENT_REFUNDED)
#define HELD                                                                                       \
    (BIT(EVENT_INVENTORY_RESERVED) | BIT(EVENT_INVENTORY_RESERVATION_FAILED) |                     \
     BIT(EVENT_INVENTORY_RESERVATION_CANCELLED))
#define SETTLED (BIT(EVENT_INVENTORY_RELEASED) | BIT(EVENT_INVENTORY_DEDUCTED))
#define SHIPPED                                                                                    \
    (BIT(EVENT_SHIPMENT_CREATED) | BIT(EVENT_SHIPMENT_FAILED) | BIT(EVENT_SHIPMENT_CANCELLED))
#define ENDED (BIT(EVENT_ORDER_COMPLETED) | BIT(EVENT_ORDER_CANCELLED))

#define ASKED BIT(EVENT_ORDER_CANCELLATION_REQUESTED)

/* What goes wrong instead (PaymentFailed, ...) is not awaited: it ends the waiting all the same. */
struct rule {
    enum event_type type, after;
    enum event_type with; /* must be there too; EVENT_NONE: nothing must */
    type_set unless;      /* any of these: the service has decided */
};

/* The way back stands first: an order that is being cancelled takes it where both are open. */
static const struct rule rules[] = {
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_FAILED, EVENT_NONE, ENDED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_REFUNDED, EVENT_NONE, ENDED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_CANCELLED, EVENT_NONE, ENDED},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RELEASED, EVENT_PAYMENT_PROCESSED, REPAID},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RESERVATION_FAILED, EVENT_PAYMENT_PROCESSED, REPAID},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_PAYMENT_PROCESSED,
     REPAID},
    {EVENT_PAYMENT_CANCELLED, EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_NONE, CHARGED},
    {EVENT_INVENTORY_RELEASED, EVENT_SHIPMENT_FAILED, EVENT_INVENTORY_RESERVED, SETTLED},
    {EVENT_INVENTORY_RELEASED, EVENT_SHIPMENT_CANCELLED, EVENT_INVENTORY_RESERVED, SETTLED},
    {EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_SHIPMENT_CANCELLED, EVENT_NONE, HELD},
    {EVENT_SHIPMENT_CANCELLED, EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_NONE, SHIPPED},
    {EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_ORDER_CANCELLATION_SUBMITTED, EVENT_NONE, ASKED},

    {EVENT_ORDER_PLACED, EVENT_ORDER_SUBMITTED, EVENT_NONE, ASKED | BIT(EVENT_ORDER_PLACED)},
    {EVENT_PAYMENT_PROCESSED, EVENT_ORDER_PLACED, EVENT_NONE, CHARGED},
    {EVENT_INVENTORY_RESERVED, EVENT_PAYMENT_PROCESSED, EVENT_NONE, HELD},
    {EVENT_SHIPMENT_CREATED, EVENT_INVENTORY_RESERVED, EVENT_NONE, SHIPPED},
    {EVENT_ORDER_COMPLETED, EVENT_SHIPMENT_CREATED, EVENT_NONE, ENDED},
    {EVENT_INVENTORY_DEDUCTED, EVENT_SHIPMENT_CREATED, EVENT_NONE, SETTLED},
};

static bool is_open(const struct rule *rule, type_set there)
{
    bool with = rule->with == EVENT_NONE || (there & BIT(rule->with)) != 0;

    return (there & BIT(rule->after)) != 0 && with && (there & rule->unless) == 0;
}

/* When an order has ended, only goods that shall leave are worth waiting for. */
static bool is_worth_waiting(const struct order_view *view, enum event_type type)
{
    return !order_view_is_final(view) ||
           (view->status == ORDER_COMPLETED && type == EVENT_INVENTORY_DEDUCTED);
}

static const struct event *find_event(const struct order_view *view, enum event_type type)
{
    for (size_t i = 0; i < view->step_count; i++)
        if (view->steps[i].entry->event->type == type)
            return view->steps[i].entry->event;
    return NULL;
}

static void add_next(struct order_view *view, enum event_type type, const struct event *after)
{
    for (size_t i = 0; i < view->next_count; i++)
        if (view->next[i].type == type)
            return;
    if (!is_worth_waiting(view, type))
        return;
    assert(view->next_count < ORDER_NEXT_MAX); /* the unit test goes through all sets of types */
    view->next[view->next_count++] = (struct order_next){
        .type = type,
        .service = topic_info(event_topic(type))->writer,
        .after = after,
    };
}

/* All that a service has yet to answer. */
static void add_unanswered(struct order_view *view, type_set there)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (is_open(&rules[i], there))
            add_next(view, rules[i].type, find_event(view, rules[i].after));
}

static const struct rule *first_open(type_set there)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (is_open(&rules[i], there))
            return &rules[i];
    return NULL;
}

/* And what follows from that, each as if the ones before had happened. A rule closes itself. */
static void add_following(struct order_view *view, type_set there)
{
    const struct rule *rule;

    while ((rule = first_open(there)) != NULL) {
        add_next(view, rule->type, NULL);
        there |= BIT(rule->type);
    }
}

void order_next_find(struct order_view *view)
{
    type_set there = 0;

    view->next_count = 0;
    for (size_t i = 0; i < view->step_count; i++)
        there |= BIT(view->steps[i].entry->event->type);
    add_unanswered(view, there);
    add_following(view, there);
}
