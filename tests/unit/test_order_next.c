/*
 * test_order_next.c - what an order waits for, by the events that are there. That it is what really
 * comes, in every saga there is, is shown by test_saga_model.c.
 */
#include <string.h>

#include "common/base/util.h"
#include "common/event/order_view.h"
#include "suite.h"

#define TEXT_SIZE 512
#define TYPES_MAX 12

static struct event events[ORDER_EVENTS_MAX];
static struct order_view view;

/* Folds one event of each of these types, in this order; EVENT_NONE ends them. */
static void when_known(const enum event_type *types)
{
    struct order_entry entries[ORDER_EVENTS_MAX];
    size_t count = 0;

    for (; types[count] != EVENT_NONE; count++) {
        struct event *event = &events[count];

        *event = (struct event){.type = types[count], .timestamp_ms = (int64_t)count};
        snprintf(event->event_id, UUID_SIZE, "00000000-0000-5000-8000-%012zu", count);
        entries[count] = (struct order_entry){.event = event, .offset = (int64_t)count};
    }
    order_view_fold(entries, count, &view);
}

/* "Effect<Cause Effect ...", as next[] has them. */
static void then_next(const char *expected)
{
    char text[TEXT_SIZE] = "";
    size_t len = 0;

    for (size_t i = 0; i < view.next_count; i++) {
        const struct order_next *next = &view.next[i];

        ck_assert_str_eq(next->service, topic_info(event_topic(next->type))->writer);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s%s", i > 0 ? " " : "",
                                event_type_name(next->type), next->after != NULL ? "<" : "",
                                next->after != NULL ? event_type_name(next->after->type) : "");
    }
    ck_assert_str_eq(text, expected);
}

static const struct {
    const char *next;
    enum event_type known[TYPES_MAX];
} rows[] = {
    {"", {EVENT_NONE}},

    /* forward */
    {"OrderPlaced<OrderSubmitted PaymentProcessed InventoryReserved ShipmentCreated OrderCompleted "
     "InventoryDeducted",
     {EVENT_ORDER_SUBMITTED}},
    {"PaymentProcessed<OrderPlaced InventoryReserved ShipmentCreated OrderCompleted "
     "InventoryDeducted",
     {EVENT_ORDER_PLACED}},
    {"InventoryReserved<PaymentProcessed ShipmentCreated OrderCompleted InventoryDeducted",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED}},
    {"ShipmentCreated<InventoryReserved OrderCompleted InventoryDeducted",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED}},
    {"OrderCompleted<ShipmentCreated InventoryDeducted<ShipmentCreated",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED,
      EVENT_SHIPMENT_CREATED}},
    {"OrderCompleted<ShipmentCreated",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_CREATED,
      EVENT_INVENTORY_DEDUCTED}},
    {"InventoryDeducted<ShipmentCreated",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_CREATED,
      EVENT_ORDER_COMPLETED}},
    {"",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_CREATED,
      EVENT_INVENTORY_DEDUCTED, EVENT_ORDER_COMPLETED}},

    /* back, because something failed */
    {"OrderCancelled<PaymentFailed", {EVENT_ORDER_PLACED, EVENT_PAYMENT_FAILED}},
    {"PaymentRefunded<InventoryReservationFailed OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVATION_FAILED}},
    {"OrderCancelled<PaymentRefunded",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVATION_FAILED,
      EVENT_PAYMENT_REFUNDED}},
    {"InventoryReleased<ShipmentFailed PaymentRefunded OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED,
      EVENT_SHIPMENT_FAILED}},
    {"PaymentRefunded<InventoryReleased OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_FAILED,
      EVENT_INVENTORY_RELEASED}},
    {"",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_FAILED,
      EVENT_INVENTORY_RELEASED, EVENT_PAYMENT_REFUNDED, EVENT_ORDER_CANCELLED}},

    /* back, because somebody asks */
    {"OrderCancellationRequested<OrderCancellationSubmitted OrderPlaced<OrderSubmitted "
     "ShipmentCancelled InventoryReservationCancelled PaymentCancelled OrderCancelled",
     {EVENT_ORDER_SUBMITTED, EVENT_ORDER_CANCELLATION_SUBMITTED}},
    {"OrderCancellationRequested<OrderCancellationSubmitted PaymentProcessed<OrderPlaced "
     "ShipmentCancelled InventoryReservationCancelled PaymentCancelled OrderCancelled",
     {EVENT_ORDER_SUBMITTED, EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_SUBMITTED}},

    /* back, because somebody asked: at every stage, and how far the service at turn has got */
    {"ShipmentCancelled<OrderCancellationRequested PaymentProcessed<OrderPlaced "
     "InventoryReservationCancelled PaymentCancelled OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_REQUESTED}},
    {"ShipmentCancelled<OrderCancellationRequested InventoryReserved<PaymentProcessed "
     "InventoryReservationCancelled PaymentRefunded OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_ORDER_CANCELLATION_REQUESTED}},
    {"ShipmentCancelled<OrderCancellationRequested ShipmentCreated<InventoryReserved "
     "InventoryReleased PaymentRefunded OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED,
      EVENT_ORDER_CANCELLATION_REQUESTED}},
    {"InventoryReservationCancelled<ShipmentCancelled PaymentProcessed<OrderPlaced "
     "PaymentCancelled OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED}},
    {"PaymentCancelled<InventoryReservationCancelled PaymentProcessed<OrderPlaced OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED,
      EVENT_INVENTORY_RESERVATION_CANCELLED}},
    {"PaymentRefunded<InventoryReservationCancelled OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED,
      EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_PAYMENT_PROCESSED}},
    {"OrderCancelled<PaymentCancelled",
     {EVENT_ORDER_PLACED, EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED,
      EVENT_INVENTORY_RESERVATION_CANCELLED, EVENT_PAYMENT_CANCELLED}},
    {"InventoryReleased<ShipmentCancelled PaymentRefunded OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED,
      EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED}},
    {"PaymentRefunded<InventoryReservationFailed OrderCancelled",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVATION_FAILED,
      EVENT_ORDER_CANCELLATION_REQUESTED, EVENT_SHIPMENT_CANCELLED}},

    /* a request that lost changes nothing */
    {"OrderCompleted<ShipmentCreated InventoryDeducted<ShipmentCreated",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_INVENTORY_RESERVED, EVENT_SHIPMENT_CREATED,
      EVENT_ORDER_CANCELLATION_REQUESTED}},

    /* what is still on its way to an order that has ended is not worth waiting for */
    {"",
     {EVENT_ORDER_PLACED, EVENT_PAYMENT_FAILED, EVENT_ORDER_CANCELLATION_REQUESTED,
      EVENT_ORDER_CANCELLED}},
};

START_TEST(an_order_waits_for_the_next_steps_of_its_road)
{
    when_known(rows[_i].known);
    then_next(rows[_i].next);
}
END_TEST

/* Topics are read independently and lose records: any set may be there. The bound is asserted. */
START_TEST(whatever_is_there_the_steps_to_come_are_few_and_not_there_yet)
{
    enum event_type types[EVENT_TYPE_COUNT], known[EVENT_TYPE_COUNT + 1];
    size_t type_count = 0;

    for (enum event_type type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        if (topic_info(event_topic(type))->keyed_by_order)
            types[type_count++] = type;
    for (uint32_t set = 0; set < UINT32_C(1) << type_count; set++) {
        size_t count = 0;

        for (size_t i = 0; i < type_count; i++)
            if ((set & UINT32_C(1) << i) != 0)
                known[count++] = types[i];
        known[count] = EVENT_NONE;
        when_known(known);
        for (size_t n = 0; n < view.next_count; n++)
            for (size_t i = 0; i < count; i++)
                if (view.next[n].type == known[i])
                    ck_abort_msg("set %x: %s is there", set, event_type_name(known[i]));
    }
}
END_TEST

START_TEST(a_step_is_as_old_as_its_cause_and_never_negative)
{
    when_known((enum event_type[]){EVENT_ORDER_PLACED, EVENT_PAYMENT_PROCESSED, EVENT_NONE});
    ck_assert_int_eq(order_next_age(&view.next[0], 41), 40);
    ck_assert_int_eq(order_next_age(&view.next[0], -5), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_next");
    TCase *next = tcase_create("order_next");

    tcase_set_timeout(next, 60);
    tcase_add_loop_test(next, an_order_waits_for_the_next_steps_of_its_road, 0,
                        (int)ARRAY_LEN(rows));
    tcase_add_test(next, whatever_is_there_the_steps_to_come_are_few_and_not_there_yet);
    tcase_add_test(next, a_step_is_as_old_as_its_cause_and_never_negative);
    suite_add_tcase(suite, next);
    return suite_main(suite);
}
