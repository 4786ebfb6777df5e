/*
 * test_decide_property.c - "deciding again is harmless", for every service, over every own last
 * event and every input, with everything that can follow. See common/event/decision.h.
 *
 * A graph per service: its nodes are what the service may have published, its edges the decisions.
 * It starts from every own last event with several stock levels, damaged ones included, and is
 * closed by deciding until nothing new comes. An input comes with the settings of the moment,
 * because a service may be restarted with others between two decisions.
 *
 *   1  a decision of nothing stays one, whatever is published in between
 *   2  a decision that was published decides nothing when its input comes again
 *   3  what is impossible does not become possible by what is published later, but for the list of
 *      exceptions below: inputs that wait for something that must have been there before them
 */
#include <stdlib.h>

#include "decide_support.h"
#include "services/inventory/inventory_participant.h"
#include "services/order/order_participant.h"
#include "services/payment/payment_decide.h"
#include "services/payment/payment_participant.h"
#include "services/shipping/shipping_decide.h"
#include "services/shipping/shipping_participant.h"
#include "suite.h"

#define INPUTS_MAX 24
#define NODES_MAX 4096
#define NOWHERE SIZE_MAX

enum verdict { VERDICT_NONE = 0, VERDICT_NOTHING, VERDICT_EMITS, VERDICT_IMPOSSIBLE };

struct trial {
    struct event event;
    int64_t offset;
    const void *settings;
};

struct edge {
    enum verdict verdict;
    size_t to; /* NOWHERE unless VERDICT_EMITS */
};

static const struct participant *participant;
static enum topic ledger; /* whose events the nodes have as the own last one about the order */
static struct trial inputs[INPUTS_MAX];
static struct book *nodes[NODES_MAX];
static struct edge edges[NODES_MAX][INPUTS_MAX];
static size_t input_count, node_count;
static bool reached[NODES_MAX];

/*
 * Rule 3 has exceptions, on purpose. With no own event yet, these inputs say that the ledger has
 * lost something, and once it is there again, a replayed dead letter must do its work: refund,
 * deduct, release. A receipt that is too much for the level fits when goods have left. None of this
 * touches exactly-once: the offset is saved with the dead letter, and what is replayed is a new
 * record.
 */
static struct {
    const struct participant *of;
    enum event_type own, input;
    bool any_own, met;
} exceptions[] = {
    {&payment_participant, EVENT_NONE, EVENT_INVENTORY_RESERVATION_FAILED, false, false},
    {&payment_participant, EVENT_NONE, EVENT_INVENTORY_RELEASED, false, false},
    {&inventory_participant, EVENT_NONE, EVENT_SHIPMENT_CREATED, false, false},
    {&inventory_participant, EVENT_NONE, EVENT_SHIPMENT_FAILED, false, false},
    {&inventory_participant, EVENT_NONE, EVENT_STOCK_RECEIVED, true, false},
};

static bool is_exception(enum event_type own, enum event_type input)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
        if (exceptions[i].of == participant && exceptions[i].input == input &&
            (exceptions[i].any_own || exceptions[i].own == own))
            return exceptions[i].met = true;
    return false;
}

/* --- the graph -------------------------------------------------------------------------------- */

static void start(const struct participant *of, enum topic own)
{
    participant = of;
    ledger = own;
    input_count = node_count = 0;
}

static void add_input(struct event event, int64_t offset, const void *settings)
{
    ck_assert_uint_lt(input_count, INPUTS_MAX);
    inputs[input_count++] = (struct trial){event, offset, settings};
}

static size_t add_node(const struct book *book)
{
    for (size_t i = 0; i < node_count; i++)
        if (book_equal(nodes[i], book))
            return i;
    ck_assert_uint_lt(node_count, NODES_MAX);
    nodes[node_count] = malloc(sizeof(*book));
    *nodes[node_count] = *book;
    return node_count++;
}

static struct edge follow(size_t from, const struct trial *input)
{
    static struct decision decision;
    static struct book book;

    book_decide(participant, input->settings, nodes[from], &input->event, input->offset, &decision);
    if (decision.impossible != NULL)
        return (struct edge){VERDICT_IMPOSSIBLE, NOWHERE};
    if (decision.event_count == 0)
        return (struct edge){VERDICT_NOTHING, NOWHERE};
    book = *nodes[from];
    book_add_all(&book, &decision);
    return (struct edge){VERDICT_EMITS, add_node(&book)};
}

/* Nodes are added at the end meanwhile: it stops when no decision leads to a new one. */
static void close_graph(void)
{
    for (size_t n = 0; n < node_count; n++)
        for (size_t i = 0; i < input_count; i++)
            edges[n][i] = follow(n, &inputs[i]);
}

static void reach(size_t node)
{
    if (reached[node])
        return;
    reached[node] = true;
    for (size_t i = 0; i < input_count; i++)
        if (edges[node][i].to != NOWHERE)
            reach(edges[node][i].to);
}

static bool same_record(const struct trial *a, const struct trial *b)
{
    return a->offset == b->offset && event_equal(&a->event, &b->event);
}

/* --- the properties --------------------------------------------------------------------------- */

static void assert_verdict_holds(size_t before, size_t later, size_t i, size_t again)
{
    enum event_type own = nodes[before]->order.type, input = inputs[i].event.type;
    enum verdict was = edges[before][i].verdict, is = edges[later][again].verdict;

    if (was == VERDICT_NOTHING)
        REQUIRE(is == VERDICT_NOTHING, "%s: %s on %s was nothing, and is not on %s",
                participant->name, event_type_name(input), event_type_name(own),
                event_type_name(nodes[later]->order.type));
    if (was == VERDICT_IMPOSSIBLE && is == VERDICT_EMITS)
        REQUIRE(is_exception(own, input), "%s: %s on '%s' was impossible, and is not on %s",
                participant->name, event_type_name(input), event_type_name(own),
                event_type_name(nodes[later]->order.type));
}

static void assert_nothing_the_second_time(size_t n, size_t i, size_t again)
{
    size_t to = edges[n][i].to;

    if (to != NOWHERE)
        REQUIRE(edges[to][again].verdict == VERDICT_NOTHING, "%s: %s on '%s' has two effects",
                participant->name, event_type_name(inputs[i].event.type),
                event_type_name(nodes[n]->order.type));
}

/* The same record again, with the same settings or others. */
static void for_each_pair_of_inputs(size_t n, size_t later, bool once)
{
    for (size_t i = 0; i < input_count; i++)
        for (size_t again = 0; again < input_count; again++) {
            if (!same_record(&inputs[i], &inputs[again]))
                continue;
            if (once)
                assert_nothing_the_second_time(n, i, again);
            else
                assert_verdict_holds(n, later, i, again);
        }
}

static void assert_properties(void)
{
    for (size_t n = 0; n < node_count; n++) {
        memset(reached, 0, sizeof(reached));
        reach(n);
        for_each_pair_of_inputs(n, n, true);
        for (size_t later = 0; later < node_count; later++)
            if (reached[later] && later != n)
                for_each_pair_of_inputs(n, later, false);
    }
}

static bool has_node_of(enum event_type own)
{
    for (size_t n = 0; n < node_count; n++)
        if (nodes[n]->order.type == own)
            return true;
    return false;
}

/* Levels go with the order's own events: what moves them is decided beside those. */
static bool is_of_ledger(const struct subscription *subscription)
{
    return subscription->ledger == ledger || subscription->ledger == TOPIC_STOCK;
}

/* Nothing is left out: all inputs of the subscriptions, all own events of the ledger. */
static void assert_complete(void)
{
    for (size_t s = 0; s < participant->subscription_count; s++) {
        bool found = !is_of_ledger(&participant->subscriptions[s]);

        for (size_t i = 0; i < input_count; i++)
            found |= inputs[i].event.type == participant->subscriptions[s].type;
        ck_assert_msg(found, "%s", event_type_name(participant->subscriptions[s].type));
    }
    for (enum event_type type = EVENT_NONE; type < EVENT_TYPE_COUNT; type++)
        if (type == EVENT_NONE || event_topic(type) == ledger)
            ck_assert_msg(has_node_of(type), "'%s'", event_type_name(type));
}

/* An exception that no longer happens would hide the next one. */
static void assert_exceptions_met(void)
{
    for (size_t i = 0; i < ARRAY_LEN(exceptions); i++)
        if (exceptions[i].of == participant)
            ck_assert_msg(exceptions[i].met, "%s", event_type_name(exceptions[i].input));
}

static void check(size_t nodes_expected)
{
    ck_assert_uint_eq(node_count, nodes_expected);
    assert_complete();
    close_graph();
    assert_properties();
    assert_exceptions_met();
    for (size_t n = 0; n < node_count; n++)
        free(nodes[n]);
}

static void add_order_node(struct event own)
{
    static struct book book;

    memset(&book, 0, sizeof(book));
    book_add(&book, &own);
    add_node(&book);
}

/* --- the services ----------------------------------------------------------------------------- */

START_TEST(payment_decides_once)
{
    static const struct payment_settings limits[] = {{0}, {1999}, {AMOUNT_MINOR_MAX}};

    start(&payment_participant, TOPIC_PAYMENTS);
    add_order_node(nothing());
    add_order_node(payment_processed(1999, "A:2 B:1"));
    add_order_node(payment_failed("payment_declined"));
    add_order_node(payment_refunded(1999, "out_of_stock"));
    add_order_node(payment_cancelled("customer_request"));
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        add_input(order_placed(1999, "A:2 B:1"), 0, &limits[i]);
        add_input(order_placed(2000, "A:1 A:1"), 1, &limits[i]);
        add_input(inventory_reservation_failed("out_of_stock"), 0, &limits[i]);
        add_input(inventory_released("A:2 B:1", "customer_request"), 0, &limits[i]);
        add_input(inventory_reservation_cancelled("customer_request"), 0, &limits[i]);
    }
    check(5);
}
END_TEST

START_TEST(shipping_decides_once)
{
    static const struct shipping_settings lists[] = {{""}, {CUSTOMER_ID}};

    start(&shipping_participant, TOPIC_SHIPMENTS);
    add_order_node(nothing());
    add_order_node(shipment_created("A:2 B:1"));
    add_order_node(shipment_failed("shipment_refused"));
    add_order_node(shipment_cancelled("customer_request"));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        add_input(inventory_reserved("A:2 B:1"), 0, &lists[i]);
        add_input(order_cancellation_requested("customer_request"), 0, &lists[i]);
        add_input(order_cancellation_requested("deadline_passed"), 1, &lists[i]);
    }
    check(4);
}
END_TEST

START_TEST(order_places_and_asks_once)
{
    start(&order_participant, TOPIC_ORDERS);
    add_order_node(nothing());
    add_order_node(order_placed(1999, "A:2 B:1"));
    add_order_node(order_cancellation_requested("customer_request"));
    add_input(order_submitted(1999, "A:2 B:1"), 0, NULL);
    add_input(order_submitted(2000, "A:1 A:1"), 1, NULL);
    add_input(order_cancellation_submitted("customer_request"), 2, NULL);
    add_input(order_cancellation_submitted("deadline_passed"), 3, NULL);
    check(3);
}
END_TEST

START_TEST(order_decides_once)
{
    start(&order_participant, TOPIC_ORDER_OUTCOMES);
    add_order_node(nothing());
    add_order_node(order_completed());
    add_order_node(order_cancelled("out_of_stock"));
    add_input(shipment_created("A:2 B:1"), 0, NULL);
    add_input(payment_failed("payment_declined"), 0, NULL);
    add_input(payment_refunded(1999, "out_of_stock"), 0, NULL);
    add_input(payment_cancelled("customer_request"), 0, NULL);
    check(3);
}
END_TEST

static void add_inventory_node(const struct event *own, const struct event *a,
                               const struct event *b)
{
    static struct book book;

    memset(&book, 0, sizeof(book));
    book_add(&book, own);
    if (a->type != EVENT_NONE)
        book_add(&book, a);
    if (b->type != EVENT_NONE)
        book_add(&book, b);
    add_node(&book);
}

static void add_inventory_nodes(void)
{
    const struct event owns[] = {
        nothing(),
        inventory_reserved("A:2 B:1"),
        inventory_reservation_failed("out_of_stock"),
        inventory_released("A:2 B:1", "customer_request"),
        inventory_reservation_cancelled("customer_request"),
        inventory_deducted("A:2 B:1"),
    };
    const struct event levels_a[] = {
        nothing(),                     /* never received */
        stock_level("A", 10, 3, 7, 4), /* enough, and the order may be among what is held */
        stock_level("A", 2, 1, 1, 4),  /* short; and damaged, if the order's two are held */
        stock_level("A", 0, 0, 0, -1),
        stock_level("A", STOCK_LEVEL_MAX, 2, STOCK_LEVEL_MAX - 2, 4), /* no receipt fits */
        stock_level("A", 1, STOCK_LEVEL_MAX, STOCK_LEVEL_MAX, 4),     /* damaged */
    };
    const struct event levels_b[] = {nothing(), stock_level("B", 5, 1, 4, 7)};

    for (size_t o = 0; o < ARRAY_LEN(owns); o++)
        for (size_t a = 0; a < ARRAY_LEN(levels_a); a++)
            for (size_t b = 0; b < ARRAY_LEN(levels_b); b++)
                add_inventory_node(&owns[o], &levels_a[a], &levels_b[b]);
}

START_TEST(inventory_decides_once)
{
    start(&inventory_participant, TOPIC_INVENTORY);
    add_inventory_nodes();
    add_input(payment_processed(1999, "A:2 B:1"), 0, NULL);
    add_input(payment_processed(1999, "B:1 A:1 A:1"), 1, NULL);
    add_input(payment_processed(1999, "A:1000000 A:1"), 2, NULL);
    add_input(shipment_created("A:2 B:1"), 0, NULL);
    add_input(shipment_failed("shipment_refused"), 0, NULL);
    add_input(shipment_cancelled("customer_request"), 0, NULL);
    add_input(stock_received("A", 1), 4, NULL);
    add_input(stock_received("A", 1), 5, NULL);
    add_input(stock_received("A", RECEIVED_QUANTITY_MAX), 6, NULL);
    add_input(stock_received("B", 2), 8, NULL);
    check(6 * 6 * 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("decide_property");
    TCase *property = tcase_create("property");

    tcase_set_timeout(property, 60);
    tcase_add_test(property, payment_decides_once);
    tcase_add_test(property, shipping_decides_once);
    tcase_add_test(property, order_places_and_asks_once);
    tcase_add_test(property, order_decides_once);
    tcase_add_test(property, inventory_decides_once);
    suite_add_tcase(suite, property);
    return suite_main(suite);
}
