/*
 * test_saga_model.c - the whole saga without Kafka: every order of delivery, every re-delivery,
 * every set of records refused by any service and replayed at any later moment, with and without
 * cancellation, for one order and for two that want the same goods. See saga_world.h.
 *
 * In each world: no service publishes two events of a kind about an order, levels add up, nothing
 * is negative, and no input is impossible. In each where nothing is left to read or to replay,
 * invariants 1 to 3 of the design hold. And what an order waits for, by its order_view, is what
 * really comes next.
 */
#include "common/event/order_view.h"
#include "saga_world.h"
#include "services/payment/payment_decide.h"
#include "services/shipping/shipping_decide.h"
#include "suite.h"

#define TOTAL 1999
#define RECEIVED 2
#define RECEIPTS_MAX 2
#define UNKNOWN (-1) /* the product was never received */

/* What the orders meet. The first wants two A and one B, the second one of each. */
struct setup {
    size_t orders;
    size_t cancellations;   /* of the first order: by the customer, then by the deadline */
    bool declined, refused; /* refused: the first order only */
    size_t receipts;        /* of two A each, some time */
    int64_t pieces_a;       /* at the start, or UNKNOWN; there is always one B */
};

static struct setup setup;
static size_t completed_count[LANES], cancelled_count[LANES];
static bool seen[EVENT_TYPE_COUNT], steps_seen[EVENT_TYPE_COUNT];

/* --- the invariants --------------------------------------------------------------------------- */

/* One event of a kind per order: at most one charge, one outcome, one end of a reservation. */
static void check_single_events(const struct world *world, size_t lane)
{
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++) {
        size_t count = world_count(world, lane, type);

        seen[type] |= count > 0;
        if (topic_info(event_topic(type))->keyed_by_order &&
            type != EVENT_ORDER_CANCELLATION_SUBMITTED)
            REQUIRE(count <= 1, "%s: twice", event_type_name(type));
    }
}

/* Of those that exclude each other there is one, at the end exactly: the order took one way. */
static void check_one_of(const struct world *world, size_t lane, bool terminal,
                         const enum event_type types[3])
{
    size_t count = 0;

    for (size_t i = 0; i < 3; i++)
        count += world_count(world, lane, types[i]);
    REQUIRE(count <= 1, "%s or another: twice", event_type_name(types[0]));
    REQUIRE(!terminal || count == 1, "%s or another: never", event_type_name(types[0]));
}

static void check_one_way(const struct world *world, size_t lane, bool terminal)
{
    static const enum event_type charge[] = {EVENT_PAYMENT_PROCESSED, EVENT_PAYMENT_FAILED,
                                             EVENT_PAYMENT_CANCELLED};
    static const enum event_type hold[] = {EVENT_INVENTORY_RESERVED,
                                           EVENT_INVENTORY_RESERVATION_FAILED,
                                           EVENT_INVENTORY_RESERVATION_CANCELLED};
    static const enum event_type ship[] = {EVENT_SHIPMENT_CREATED, EVENT_SHIPMENT_FAILED,
                                           EVENT_SHIPMENT_CANCELLED};

    check_one_of(world, lane, terminal, charge);
    check_one_of(world, lane, false, hold); /* none when the charge was declined */
    check_one_of(world, lane, false, ship); /* none when there was nothing to ship */
}

/* Invariant 1: the refund has the amount and the currency of the charge. */
static void check_money(const struct world *world, size_t lane)
{
    const struct event *charge = world_find(world, lane, EVENT_PAYMENT_PROCESSED);
    const struct event *refund = world_find(world, lane, EVENT_PAYMENT_REFUNDED);

    if (charge != NULL)
        REQUIRE(charge->data.payment_processed.amount_minor == TOTAL, "charge");
    if (refund == NULL)
        return;
    REQUIRE(charge != NULL, "refund without a charge");
    REQUIRE(refund->data.payment_refunded.amount_minor == TOTAL, "refund");
    REQUIRE(str_equal(refund->data.payment_refunded.currency, CURRENCY), "refund");
}

static int64_t pieces_deducted(const struct world *world, const char *product)
{
    int64_t pieces = 0;

    for (size_t lane = 0; lane < LANES; lane++) {
        const struct event *event = world_find(world, lane, EVENT_INVENTORY_DEDUCTED);

        for (size_t i = 0; event != NULL && i < event->data.inventory_deducted.item_count; i++)
            if (str_equal(event->data.inventory_deducted.items[i].product_id, product))
                pieces += event->data.inventory_deducted.items[i].quantity;
    }
    return pieces;
}

/* A receipt that was refused counts where it stands again. */
static int64_t pieces_received(const struct world *world, const struct stock_level_changed *level)
{
    int64_t pieces = setup.pieces_a == UNKNOWN ? 0 : setup.pieces_a;

    if (str_equal(level->product_id, "B"))
        return 1;
    for (int64_t i = 0; i <= level->last_receipt_offset; i++)
        pieces += (world->refused >> i & 1) != 0 ? 0 : RECEIVED;
    return pieces;
}

/* Each receipt was counted in, whether it was refused before or not. */
static void check_all_received(const struct world *world, const struct book *book)
{
    int64_t wanted = (setup.pieces_a == UNKNOWN ? 0 : setup.pieces_a) +
                     (int64_t)setup.receipts * RECEIVED - pieces_deducted(world, "A");
    int64_t found = 0;

    for (size_t i = 0; i < book->level_count; i++)
        if (str_equal(book->levels[i].product_id, "A"))
            found = book->levels[i].on_hand;
    REQUIRE(found == wanted, "receipts are missing or counted twice");
}

/* Invariant 2, at every prefix of the log, and for the newest levels against what came and left. */
static void check_stock(const struct world *world, bool terminal)
{
    const struct book *book = world_book(world, 0, INVENTORY, TOPIC_INVENTORY);

    for (size_t i = 0; i < world->length[0][TOPIC_STOCK]; i++) {
        const struct stock_level_changed *level =
            &world_record(world, 0, TOPIC_STOCK, i)->data.stock_level_changed;

        REQUIRE(level->available >= 0 && level->reserved >= 0, "%s", level->product_id);
        REQUIRE(level->on_hand == level->available + level->reserved, "%s", level->product_id);
    }
    for (size_t i = 0; i < book->level_count; i++) {
        const struct stock_level_changed *level = &book->levels[i];
        int64_t left = pieces_received(world, level) - pieces_deducted(world, level->product_id);

        REQUIRE(level->on_hand == left, "%s", level->product_id);
        REQUIRE(!terminal || level->reserved == 0, "%s is held for ever", level->product_id);
    }
    if (terminal)
        check_all_received(world, book);
}

/* Invariant 3, and what 1 and 2 say about an order at its end. */
static void check_end(const struct world *world, size_t lane)
{
    size_t completed = world_count(world, lane, EVENT_ORDER_COMPLETED);
    size_t cancelled = world_count(world, lane, EVENT_ORDER_CANCELLED);
    size_t charged = world_count(world, lane, EVENT_PAYMENT_PROCESSED);
    size_t reserved = world_count(world, lane, EVENT_INVENTORY_RESERVED);

    REQUIRE(world_count(world, lane, EVENT_ORDER_PLACED) == 1, "placed");
    REQUIRE(completed + cancelled == 1, "outcomes");
    REQUIRE(world_count(world, lane, EVENT_SHIPMENT_CREATED) == completed, "shipments");
    REQUIRE(charged - world_count(world, lane, EVENT_PAYMENT_REFUNDED) == completed, "money");
    REQUIRE(world_count(world, lane, EVENT_INVENTORY_DEDUCTED) == completed, "goods that left");
    REQUIRE(reserved - world_count(world, lane, EVENT_INVENTORY_RELEASED) == completed, "goods");
    completed_count[lane] += completed;
    cancelled_count[lane] += cancelled;
}

/* --- the steps to come ------------------------------------------------------------------------ */

static const struct order_view *fold(const struct world *world, size_t lane)
{
    static struct order_view view;
    static struct order_entry entries[ORDER_EVENTS_MAX];
    size_t count = 0;

    for (enum topic topic = TOPIC_NONE + 1; topic < TOPIC_COUNT; topic++)
        for (size_t i = 0; topic_info(topic)->keyed_by_order && i < world->length[lane][topic]; i++)
            entries[count++] = (struct order_entry){.event = world_record(world, lane, topic, i)};
    order_view_fold(entries, count, &view);
    return &view;
}

/* Published by a service as a step of an order; clients submit, and stock is no step. */
static bool is_step(enum event_type type)
{
    return topic_info(event_topic(type))->keyed_by_order &&
           event_topic(type) != TOPIC_ORDER_REQUESTS;
}

/* What a service publishes if it goes wrong is not awaited by its own name. */
static enum event_type awaited_as(enum event_type type)
{
    if (type == EVENT_PAYMENT_FAILED)
        return EVENT_PAYMENT_PROCESSED;
    if (type == EVENT_INVENTORY_RESERVATION_FAILED)
        return EVENT_INVENTORY_RESERVED;
    return type == EVENT_SHIPMENT_FAILED ? EVENT_SHIPMENT_CREATED : type;
}

static void check_step(const struct world *before, size_t lane, const struct event *cause,
                       const struct event *effect)
{
    const struct order_view *view = fold(before, lane);
    bool awaited = false;

    if (!is_step(effect->type) ||
        (order_view_is_final(view) && effect->type != EVENT_INVENTORY_DEDUCTED))
        return;
    for (size_t i = 0; i < view->next_count; i++)
        awaited |= view->next[i].type == awaited_as(effect->type) && view->next[i].after != NULL &&
                   view->next[i].after->type == cause->type;
    REQUIRE(awaited, "%s after %s", event_type_name(effect->type), event_type_name(cause->type));
    steps_seen[effect->type] = true;
}

static void check_world(const struct world *world, bool terminal)
{
    check_stock(world, terminal);
    for (size_t lane = 0; lane < setup.orders; lane++) {
        REQUIRE(!terminal || fold(world, lane)->next_count == 0, "awaited for ever");
        check_single_events(world, lane);
        check_one_way(world, lane, terminal);
        check_money(world, lane);
        if (terminal)
            check_end(world, lane);
    }
}

/* --- the setups ------------------------------------------------------------------------------- */

static void publish(struct world *world, size_t lane, struct event event)
{
    world_publish(world, lane, &event);
}

static struct event second_order(void)
{
    struct event event = order_placed(TOTAL, "B:1 A:1");
    struct order_placed *data = &event.data.order_placed;

    str_copy(data->order_id, sizeof(data->order_id), "0193652f-8a31-7c04-9a5e-3f1d2b7c8e91");
    str_copy(data->customer_id, sizeof(data->customer_id), "customer-2");
    return event;
}

static void begin(struct world *world)
{
    static const char *const reasons[] = {"customer_request", "deadline_passed"};

    publish(world, 0, order_submitted(TOTAL, "A:1 B:1 A:1"));
    for (size_t i = 0; i < setup.cancellations; i++)
        publish(world, 0, order_cancellation_submitted(reasons[i]));
    if (setup.orders == 2)
        publish(world, 1, second_order());
    if (setup.pieces_a != UNKNOWN)
        publish(world, 0, stock_level("A", setup.pieces_a, 0, setup.pieces_a, -1));
    publish(world, 0, stock_level("B", 1, 0, 1, -1));
    for (size_t i = 0; i < setup.receipts; i++)
        publish(world, 0, stock_received("A", RECEIVED));
}

/* Each end is found if and only if it can be: the exploration is not blind. */
static void check_ends(void)
{
    bool enough = setup.pieces_a >= 2, rivals = setup.orders == 2;
    bool can_complete = !setup.declined && !setup.refused && (enough || setup.receipts > 0);
    bool can_cancel =
        setup.cancellations > 0 || setup.declined || setup.refused || !enough || rivals;

    ck_assert_int_eq(completed_count[0] > 0, can_complete);
    ck_assert_int_eq(cancelled_count[0] > 0, can_cancel);
    ck_assert_int_eq(completed_count[1] > 0, rivals && !setup.declined);
    ck_assert_int_eq(cancelled_count[1] > 0, rivals);
}

static void explore(void)
{
    static const struct payment_settings charge_all = {AMOUNT_MINOR_MAX}, charge_none = {0};
    static const struct shipping_settings ship_to_all = {""}, refuse_the_first = {CUSTOMER_ID};
    const void *settings[SERVICE_COUNT] = {
        [PAYMENT] = setup.declined ? &charge_none : &charge_all,
        [SHIPPING] = setup.refused ? &refuse_the_first : &ship_to_all,
    };
    static const struct watch watch = {.world = check_world, .step = check_step};
    struct world start = {0};

    memset(completed_count, 0, sizeof(completed_count));
    memset(cancelled_count, 0, sizeof(cancelled_count));
    begin(&start);
    world_explore(&start, settings, &watch);
    check_ends();
}

static void explore_all_stocks(void)
{
    static const int64_t stocks[] = {UNKNOWN, 0, 1, 2, 9};

    for (size_t i = 0; i < ARRAY_LEN(stocks); i++) {
        setup.pieces_a = stocks[i];
        for (setup.receipts = 0; setup.receipts <= RECEIPTS_MAX; setup.receipts++)
            explore();
    }
}

START_TEST(an_order_ends_well_on_every_interleaving)
{
    setup = (struct setup){.orders = 1, .cancellations = (size_t)_i};
    explore_all_stocks();
    setup.refused = true;
    explore_all_stocks();
    setup.declined = true;
    explore_all_stocks();
    setup.refused = false;
    explore_all_stocks();
    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        ck_assert_msg((seen[type] && is_step(type) == steps_seen[type]) || setup.cancellations == 0,
                      "%s never happened", event_type_name(type));
}
END_TEST

START_TEST(two_orders_that_want_the_same_goods_end_well_on_every_interleaving)
{
    setup = (struct setup){.orders = 2, .pieces_a = 2};
    explore();
    setup.refused = true;
    explore();
    setup.refused = false;
    setup.cancellations = 1;
    explore();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("saga_model");
    TCase *model = tcase_create("model");

    tcase_set_timeout(model, 100);
    tcase_add_loop_test(model, an_order_ends_well_on_every_interleaving, 0, 3);
    tcase_add_test(model, two_orders_that_want_the_same_goods_end_well_on_every_interleaving);
    suite_add_tcase(suite, model);
    return suite_main(suite);
}
