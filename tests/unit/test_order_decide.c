/* test_order_decide.c - every row of the order service's table. */
#include "decide_support.h"
#include "services/order/order_decide.h"
#include "services/order/order_participant.h"
#include "suite.h"

static void start(void)
{
    scene_start(&order_participant, NULL);
}

/* --- ShipmentCreated -------------------------------------------------------------------------- */

START_TEST(an_order_that_ships_is_completed)
{
    WHEN(shipment_created("A:2 B:1"));
    THEN(order_completed());
}
END_TEST

START_TEST(an_order_is_completed_once)
{
    GIVEN(order_completed());
    WHEN(shipment_created("A:2 B:1"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_order_that_was_cancelled_cannot_have_shipped)
{
    GIVEN(order_cancelled("out_of_stock"));
    WHEN(shipment_created("A:2 B:1"));
    THEN_IMPOSSIBLE("cancelled has shipped");
}
END_TEST

/* --- PaymentFailed, PaymentRefunded, PaymentCancelled ----------------------------------------- */

START_TEST(an_order_that_was_declined_is_cancelled)
{
    WHEN(payment_failed("payment_declined"));
    THEN(order_cancelled("payment_declined"));
}
END_TEST

START_TEST(an_order_that_was_refunded_is_cancelled)
{
    WHEN(payment_refunded(1999, "out_of_stock"));
    THEN(order_cancelled("out_of_stock"));
}
END_TEST

START_TEST(an_order_that_will_not_be_charged_is_cancelled)
{
    WHEN(payment_cancelled("customer_request"));
    THEN(order_cancelled("customer_request"));
}
END_TEST

START_TEST(an_order_is_cancelled_once)
{
    GIVEN(order_cancelled("out_of_stock"));
    WHEN(payment_failed("out_of_stock"));
    THEN_NOTHING();
    WHEN(payment_refunded(1999, "out_of_stock"));
    THEN_NOTHING();
    WHEN(payment_cancelled("customer_request"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_order_that_has_shipped_cannot_be_without_money)
{
    GIVEN(order_completed());
    WHEN(payment_failed("payment_declined"));
    THEN_IMPOSSIBLE("not paid for");
    WHEN(payment_refunded(1999, "out_of_stock"));
    THEN_IMPOSSIBLE("not paid for");
    WHEN(payment_cancelled("customer_request"));
    THEN_IMPOSSIBLE("not paid for");
}
END_TEST

START_TEST(an_event_of_another_service_in_the_ledger_is_impossible)
{
    GIVEN(payment_failed("payment_declined"));
    WHEN(shipment_created("A:2"));
    THEN_IMPOSSIBLE("not of the order service");
    WHEN(payment_failed("payment_declined"));
    THEN_IMPOSSIBLE("not of the order service");
}
END_TEST

/* --- OrderSubmitted, OrderCancellationSubmitted: the ledger is orders ------------------------- */

START_TEST(an_order_that_was_asked_for_is_placed)
{
    WHEN(order_submitted(1999, "A:2 B:1"));
    THEN(order_placed(1999, "A:2 B:1"));
}
END_TEST

START_TEST(the_same_key_places_nothing_again)
{
    GIVEN(order_placed(1999, "A:2 B:1"));
    WHEN(order_submitted(1999, "A:2 B:1"));
    THEN_NOTHING();
    WHEN(order_submitted(2000, "B:1"));
    THEN_NOTHING();
    GIVEN(order_cancellation_requested("customer_request"));
    WHEN(order_submitted(1999, "A:2 B:1"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_cancellation_is_asked_for)
{
    GIVEN(order_placed(1999, "A:2 B:1"));
    WHEN(order_cancellation_submitted("deadline_passed"));
    THEN(order_cancellation_requested("deadline_passed"));
}
END_TEST

/* The front door has placed it: this ledger knows only orders that were asked for with a key. */
START_TEST(a_cancellation_is_asked_for_of_an_order_that_was_placed_without_a_key)
{
    WHEN(order_cancellation_submitted("customer_request"));
    THEN(order_cancellation_requested("customer_request"));
}
END_TEST

START_TEST(a_cancellation_is_asked_for_once)
{
    GIVEN(order_cancellation_requested("customer_request"));
    WHEN(order_cancellation_submitted("customer_request"));
    THEN_NOTHING();
    WHEN(order_cancellation_submitted("deadline_passed"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_event_of_another_ledger_in_orders_is_impossible)
{
    GIVEN(order_completed());
    WHEN(order_submitted(1999, "A:2"));
    THEN_IMPOSSIBLE("not of the order service");
    WHEN(order_cancellation_submitted("customer_request"));
    THEN_IMPOSSIBLE("not of the order service");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_decide");
    TCase *table = tcase_create("table");

    tcase_add_checked_fixture(table, start, NULL);
    tcase_add_test(table, an_order_that_ships_is_completed);
    tcase_add_test(table, an_order_is_completed_once);
    tcase_add_test(table, an_order_that_was_cancelled_cannot_have_shipped);
    tcase_add_test(table, an_order_that_was_declined_is_cancelled);
    tcase_add_test(table, an_order_that_was_refunded_is_cancelled);
    tcase_add_test(table, an_order_that_will_not_be_charged_is_cancelled);
    tcase_add_test(table, an_order_is_cancelled_once);
    tcase_add_test(table, an_order_that_has_shipped_cannot_be_without_money);
    tcase_add_test(table, an_event_of_another_service_in_the_ledger_is_impossible);
    tcase_add_test(table, an_order_that_was_asked_for_is_placed);
    tcase_add_test(table, the_same_key_places_nothing_again);
    tcase_add_test(table, a_cancellation_is_asked_for);
    tcase_add_test(table, a_cancellation_is_asked_for_of_an_order_that_was_placed_without_a_key);
    tcase_add_test(table, a_cancellation_is_asked_for_once);
    tcase_add_test(table, an_event_of_another_ledger_in_orders_is_impossible);
    suite_add_tcase(suite, table);
    return suite_main(suite);
}
