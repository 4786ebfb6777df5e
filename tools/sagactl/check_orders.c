/*
 * check_orders.c - each order as a whole: money, goods, one outcome (invariants 1 to 5). The tables
 * below say what may be, as ARCHITECTURE.md does; they know no decision of a service. Causes are
 * in check_causes.c.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "tools/sagactl/check_facts.h"

#define CHAIN_MAX 3
#define CHAIN_TEXT_SIZE 200

/* What a ledger may say about one order, in this order and nothing else. */
struct chain {
    enum topic topic;
    enum event_type types[CHAIN_MAX]; /* ends with EVENT_NONE */
};

static const struct chain chains[] = {
    {TOPIC_PAYMENTS, {EVENT_NONE}},
    {TOPIC_PAYMENTS, {EVENT_PAYMENT_PROCESSED}},
    {TOPIC_PAYMENTS, {EVENT_PAYMENT_PROCESSED, EVENT_PAYMENT_REFUNDED}},
    {TOPIC_PAYMENTS, {EVENT_PAYMENT_FAILED}},
    {TOPIC_PAYMENTS, {EVENT_PAYMENT_CANCELLED}},
    {TOPIC_INVENTORY, {EVENT_NONE}},
    {TOPIC_INVENTORY, {EVENT_INVENTORY_RESERVED}},
    {TOPIC_INVENTORY, {EVENT_INVENTORY_RESERVED, EVENT_INVENTORY_RELEASED}},
    {TOPIC_INVENTORY, {EVENT_INVENTORY_RESERVED, EVENT_INVENTORY_DEDUCTED}},
    {TOPIC_INVENTORY, {EVENT_INVENTORY_RESERVATION_FAILED}},
    {TOPIC_INVENTORY, {EVENT_INVENTORY_RESERVATION_CANCELLED}},
    {TOPIC_SHIPMENTS, {EVENT_NONE}},
    {TOPIC_SHIPMENTS, {EVENT_SHIPMENT_CREATED}},
    {TOPIC_SHIPMENTS, {EVENT_SHIPMENT_FAILED}},
    {TOPIC_SHIPMENTS, {EVENT_SHIPMENT_CANCELLED}},
    {TOPIC_ORDER_OUTCOMES, {EVENT_NONE}},
    {TOPIC_ORDER_OUTCOMES, {EVENT_ORDER_COMPLETED}},
    {TOPIC_ORDER_OUTCOMES, {EVENT_ORDER_CANCELLED}},
};

static const struct {
    enum topic topic;
    int invariant;
} ledgers[] = {
    {TOPIC_PAYMENTS, 1}, {TOPIC_INVENTORY, 2}, {TOPIC_SHIPMENTS, 1}, {TOPIC_ORDER_OUTCOMES, 3}};

/* The last event of each ledger when the order is final. */
static const struct {
    enum event_type outcome, last;
} ends[] = {
    {EVENT_ORDER_COMPLETED, EVENT_PAYMENT_PROCESSED},
    {EVENT_ORDER_COMPLETED, EVENT_INVENTORY_DEDUCTED},
    {EVENT_ORDER_COMPLETED, EVENT_SHIPMENT_CREATED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_REFUNDED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_FAILED},
    {EVENT_ORDER_CANCELLED, EVENT_PAYMENT_CANCELLED},
    {EVENT_ORDER_CANCELLED, EVENT_INVENTORY_RESERVATION_FAILED},
    {EVENT_ORDER_CANCELLED, EVENT_INVENTORY_RELEASED},
    {EVENT_ORDER_CANCELLED, EVENT_INVENTORY_RESERVATION_CANCELLED},
    {EVENT_ORDER_CANCELLED, EVENT_SHIPMENT_FAILED},
    {EVENT_ORDER_CANCELLED, EVENT_SHIPMENT_CANCELLED},
};

/* Lines are carried on unchanged from the second to the first. */
static const struct {
    enum event_type later, earlier;
} carried[] = {
    {EVENT_PAYMENT_PROCESSED, EVENT_ORDER_PLACED},
    {EVENT_INVENTORY_RESERVED, EVENT_PAYMENT_PROCESSED},
    {EVENT_INVENTORY_RELEASED, EVENT_INVENTORY_RESERVED},
    {EVENT_INVENTORY_DEDUCTED, EVENT_INVENTORY_RESERVED},
    {EVENT_SHIPMENT_CREATED, EVENT_INVENTORY_RESERVED},
};

/* --- ledgers: what each says about the order */

static bool is_of(const struct fact *fact, enum topic topic)
{
    return event_topic((enum event_type)fact->type) == topic;
}

/* The order's events in this topic, as many as fit. Returns how many there are. */
static size_t chain_of(const struct trail *trail, enum topic topic, enum event_type out[CHAIN_MAX])
{
    size_t count = 0;

    memset(out, 0, CHAIN_MAX * sizeof(*out));
    for (const struct fact *fact = fact_first(trail->check, trail->order); fact != NULL;
         fact = fact_next(trail->check, fact)) {
        if (is_of(fact, topic) && count < CHAIN_MAX)
            out[count] = (enum event_type)fact->type;
        count += is_of(fact, topic) ? 1 : 0;
    }
    return count;
}

static const char *chain_text(const struct trail *trail, enum topic topic,
                              char out[CHAIN_TEXT_SIZE])
{
    size_t len = 0;

    str_copy(out, CHAIN_TEXT_SIZE, "nothing");
    for (const struct fact *fact = fact_first(trail->check, trail->order); fact != NULL;
         fact = fact_next(trail->check, fact))
        if (is_of(fact, topic) && len < CHAIN_TEXT_SIZE)
            len += (size_t)snprintf(out + len, CHAIN_TEXT_SIZE - len, "%s%s", len > 0 ? " " : "",
                                    event_type_name((enum event_type)fact->type));
    return out;
}

static bool is_chain(enum topic topic, const enum event_type types[CHAIN_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(chains); i++)
        if (chains[i].topic == topic &&
            memcmp(chains[i].types, types, sizeof(chains[i].types)) == 0)
            return true;
    return false;
}

static void judge_ledgers(const struct trail *trail)
{
    enum event_type types[CHAIN_MAX];
    char text[CHAIN_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(ledgers); i++) {
        enum topic topic = ledgers[i].topic;
        size_t count = chain_of(trail, topic, types);

        CHECK_THAT(trail->check, count < CHAIN_MAX && is_chain(topic, types), ledgers[i].invariant,
                   trail->id, "%s says %s", topic_info(topic)->name,
                   chain_text(trail, topic, text));
    }
}

static bool may_end(enum event_type outcome, enum event_type last)
{
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (ends[i].outcome == outcome && ends[i].last == last)
            return true;
    return false;
}

static void judge_end(const struct trail *trail, enum event_type outcome)
{
    enum event_type types[CHAIN_MAX];
    char text[CHAIN_TEXT_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(ledgers); i++) {
        enum topic topic = ledgers[i].topic;
        size_t count = chain_of(trail, topic, types);
        /* A cancelled order may never have come as far; its money is always accounted for. */
        bool may_be_silent = outcome == EVENT_ORDER_CANCELLED && topic != TOPIC_PAYMENTS;
        bool holds = count == 0          ? may_be_silent
                     : count < CHAIN_MAX ? may_end(outcome, types[count - 1])
                                         : false;

        if (topic != TOPIC_ORDER_OUTCOMES)
            CHECK_THAT(trail->check, holds, 3, trail->id, "%s, but %s says %s",
                       event_type_name(outcome), topic_info(topic)->name,
                       chain_text(trail, topic, text));
    }
}

static void judge_final(const struct trail *trail)
{
    bool completed = trail->of[EVENT_ORDER_COMPLETED] != NULL;
    bool cancelled = trail->of[EVENT_ORDER_CANCELLED] != NULL;

    CHECK_THAT(trail->check, trail->of[EVENT_ORDER_PLACED] != NULL, 4, trail->id,
               "was never placed");
    CHECK_THAT(trail->check, completed || cancelled, 3, trail->id, "has no outcome");
    if (completed)
        judge_end(trail, EVENT_ORDER_COMPLETED);
    if (cancelled)
        judge_end(trail, EVENT_ORDER_CANCELLED);
}

/* --- what was asked, money, goods */

static void judge_placing(const struct trail *trail)
{
    size_t asked = 0;

    CHECK_THAT(trail->check, trail->count[EVENT_ORDER_PLACED] < 2, 4, trail->id,
               "was placed %zu times", trail->count[EVENT_ORDER_PLACED]);
    for (const struct fact *fact = fact_first(trail->check, trail->order); fact != NULL;
         fact = fact_next(trail->check, fact)) {
        const struct fact *request = trail_cause_of(trail, fact);

        asked += fact->type == EVENT_ORDER_CANCELLATION_REQUESTED && request != NULL;
        if (fact->type != EVENT_ORDER_PLACED)
            continue;
        CHECK_THAT(trail->check, request == NULL || request->asked == fact->asked, 4, trail->id,
                   "was placed otherwise than it was asked for");
        CHECK_THAT(trail->check, (fact->flags & FACT_WRONG_SUM) == 0, 1, trail->id,
                   "its total is not the sum of its lines");
    }
    CHECK_THAT(trail->check, asked < 2, 5, trail->id, "its cancellation was requested %zu times",
               asked);
}

static void judge_money(const struct trail *trail)
{
    struct check *check = trail->check;
    const struct fact *placed = trail->of[EVENT_ORDER_PLACED];
    const struct fact *charge = trail->of[EVENT_PAYMENT_PROCESSED];
    const struct fact *refund = trail->of[EVENT_PAYMENT_REFUNDED];
    const struct fact *shipment = trail->of[EVENT_SHIPMENT_CREATED];

    if (charge != NULL && placed != NULL) {
        CHECK_THAT(check, charge->money == placed->money, 1, trail->id,
                   "was charged something else than its total");
        CHECK_THAT(check, charge->customer == placed->customer, 1, trail->id,
                   "another customer was charged");
    }
    if (refund != NULL && charge != NULL)
        CHECK_THAT(check, refund->money == charge->money, 1, trail->id,
                   "the refund is not the charge");
    CHECK_THAT(check, refund == NULL || shipment == NULL, 1, trail->id, "was shipped and refunded");
    CHECK_THAT(check, charge != NULL || (refund == NULL && shipment == NULL), 1, trail->id,
               "was refunded or shipped, but never charged");
}

static void judge_goods(const struct trail *trail)
{
    for (size_t i = 0; i < ARRAY_LEN(carried); i++) {
        const struct fact *later = trail->of[carried[i].later];
        const struct fact *earlier = trail->of[carried[i].earlier];

        if (later == NULL)
            continue;
        CHECK_THAT(trail->check, earlier == NULL || later->lines == earlier->lines, 2, trail->id,
                   "%s has other lines than %s", event_type_name(carried[i].later),
                   event_type_name(carried[i].earlier));
        CHECK_THAT(trail->check, (later->flags & FACT_REPEATS) == 0, 2, trail->id,
                   "%s has a product twice", event_type_name(carried[i].later));
    }
    CHECK_THAT(trail->check,
               trail->of[EVENT_SHIPMENT_CREATED] == NULL ||
                   trail->of[EVENT_INVENTORY_RESERVED] != NULL,
               2, trail->id, "was shipped, but never reserved");
}

/* Inventory may refuse only for a reason that the levels show. */
static void judge_refusal(const struct trail *trail)
{
    const struct fact *failed = trail->of[EVENT_INVENTORY_RESERVATION_FAILED];
    const struct fact *paid = failed != NULL ? trail_cause_of(trail, failed) : NULL;
    const char *fault = NULL;

    if (paid != NULL && paid->type == EVENT_PAYMENT_PROCESSED)
        fault = stock_refusal_fault(trail->check, paid, failed);
    if (fault != NULL)
        check_report(trail->check, 2, trail->id, "InventoryReservationFailed: %s", fault);
}

/* --- all of it */

/* Something of it may have expired, so nothing can be said. */
static bool is_left_out(const struct trail *trail)
{
    int64_t horizon_ms = trail->check->horizon_ms[trail->order->partition];
    const struct fact *placed = trail->of[EVENT_ORDER_PLACED];

    if (horizon_ms == INT64_MIN)
        return false;
    return placed == NULL || placed->timestamp_ms - HORIZON_SLACK_MS < horizon_ms;
}

static bool collect(struct trail *trail)
{
    bool young = false;

    for (const struct fact *fact = fact_first(trail->check, trail->order); fact != NULL;
         fact = fact_next(trail->check, fact)) {
        if (trail->count[fact->type]++ == 0)
            trail->of[fact->type] = fact;
        young = young || (fact->flags & FACT_YOUNG) != 0;
    }
    return young;
}

static void judge(struct check *check, const struct order_facts *order)
{
    struct trail trail = {.check = check, .order = order};
    bool young = collect(&trail);

    uuid_from_bytes(order->id, trail.id);
    if (is_left_out(&trail)) {
        check->counts.left_out++;
        return;
    }
    check->counts.orders++;
    if (trail.of[EVENT_ORDER_COMPLETED] != NULL || trail.of[EVENT_ORDER_CANCELLED] != NULL)
        check->counts.final++;
    else
        check->counts.open++;
    if (young) /* the rest of it may be on its way */
        return;
    judge_ledgers(&trail);
    judge_placing(&trail);
    judge_money(&trail);
    judge_goods(&trail);
    judge_refusal(&trail);
    judge_causes(&trail);
    if (check->config.final)
        judge_final(&trail);
}

void check_orders(struct check *check)
{
    for (size_t i = 0; i < check->order_capacity && check->failure == 0; i++)
        if (check->orders[i].first != 0)
            judge(check, &check->orders[i]);
}
