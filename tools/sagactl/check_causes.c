/* check_causes.c - what events of an order follow from (invariants 5, 6), and their reasons (3). */
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_facts.h"

/* What may follow from what. */
static const struct {
    enum event_type type, cause;
} causes[] = {
    {EVENT_ORDER_PLACED, EVENT_ORDER_SUBMITTED},
    {EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_ORDER_CANCELLATION_SUBMITTED},
    {EVENT_PAYMENT_PROCESSED, EVENT_ORDER_PLACED},
    {EVENT_PAYMENT_FAILED, EVENT_ORDER_PLACED},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RESERVATION_FAILED},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RELEASED},
    {EVENT_PAYMENT_REFUNDED, EVENT_INVENTORY_RESERVATION_CANCELLED},
    {EVENT_PAYMENT_CANCELLED, EVENT_INVENTORY_RESERVATION_CANCELLED},
    {EVENT_INVENTORY_RESERVED, EVENT_PAYMENT_PROCESSED},
    {EVENT_INVENTORY_RESERVATION_FAILED, EVENT_PAYMENT_PROCESSED},
    {EVENT_INVENTORY_RELEASED, EVENT_SHIPMENT_FAILED},
    {EVENT_INVENTORY_RELEASED, EVENT_SHIPMENT_CANCELLED},
    {EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_SHIPMENT_CANCELLED},
    {EVENT_INVENTORY_DEDUCTED, EVENT_SHIPMENT_CREATED},
    {EVENT_SHIPMENT_CREATED, EVENT_INVENTORY_RESERVED},
    {EVENT_SHIPMENT_FAILED, EVENT_INVENTORY_RESERVED},
    {EVENT_SHIPMENT_CANCELLED, EVENT_ORDER_CANCELLATION_REQUESTED},
    {EVENT_ORDER_COMPLETED, EVENT_SHIPMENT_CREATED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_FAILED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_REFUNDED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_CANCELLED},
};

static const char *name_of(const struct fact *fact)
{
    return event_type_name((enum event_type)fact->type);
}

const struct fact *trail_cause_of(const struct trail *trail, const struct fact *fact)
{
    const struct fact *cause = fact_first(trail->check, trail->order);

    if ((fact->flags & FACT_CAUSED) == 0)
        return NULL;
    while (cause != NULL && memcmp(cause->id, fact->cause, UUID_BYTES) != 0)
        cause = fact_next(trail->check, cause);
    return cause;
}

static bool may_follow(const struct fact *fact, const struct fact *cause)
{
    for (size_t i = 0; i < ARRAY_LEN(causes); i++)
        if (causes[i].type == fact->type && causes[i].cause == cause->type)
            return true;
    return false;
}

/* An order without a key is written by the front door itself; requests begin everything. */
static bool may_start(enum event_type type)
{
    return event_topic(type) == TOPIC_ORDERS || event_topic(type) == TOPIC_ORDER_REQUESTS;
}

static bool is_gone(const struct trail *trail, const struct fact *fact)
{
    return event_topic((enum event_type)fact->type) == TOPIC_ORDERS &&
           trail->check->ranges[TOPIC_ORDER_REQUESTS][trail->order->partition].low > 0;
}

static void judge_cause(const struct trail *trail, const struct fact *fact)
{
    const struct fact *cause = trail_cause_of(trail, fact);
    char id[UUID_SIZE];

    if ((fact->flags & FACT_DERIVED) == 0)
        check_report(trail->check, 5, trail->id, "the id of %s does not follow from its cause",
                     name_of(fact));
    if (cause == NULL) {
        uuid_from_bytes(fact->cause, id);
        CHECK_THAT(trail->check, is_gone(trail, fact), 6, trail->id,
                   "%s: its cause %s is no event of this order", name_of(fact), id);
        return;
    }
    CHECK_THAT(trail->check, may_follow(fact, cause), 6, trail->id, "%s cannot follow from %s",
               name_of(fact), name_of(cause));
    CHECK_THAT(trail->check,
               fact->reason == 0 || cause->reason == 0 || fact->reason == cause->reason, 3,
               trail->id, "the reason of %s is not that of %s", name_of(fact), name_of(cause));
}

/* The same step under another id. */
static void judge_repetition(const struct trail *trail, const struct fact *fact)
{
    const struct fact *other = fact_first(trail->check, trail->order);

    while (other != fact && (other->type != fact->type || (other->flags & FACT_CAUSED) == 0 ||
                             memcmp(other->cause, fact->cause, UUID_BYTES) != 0))
        other = fact_next(trail->check, other);
    CHECK_THAT(trail->check, other == fact, 5, trail->id, "%s follows from the same cause twice",
               name_of(fact));
}

void judge_causes(const struct trail *trail)
{
    for (const struct fact *fact = fact_first(trail->check, trail->order); fact != NULL;
         fact = fact_next(trail->check, fact)) {
        bool starts = may_start((enum event_type)fact->type);

        CHECK_THAT(trail->check, (fact->flags & FACT_STRAYS) == 0, 0, trail->id,
                   "%s correlates with something else", name_of(fact));
        if ((fact->flags & FACT_CAUSED) == 0) {
            CHECK_THAT(trail->check, starts, 6, trail->id, "%s names no cause", name_of(fact));
            continue;
        }
        judge_cause(trail, fact);
        judge_repetition(trail, fact);
    }
}
