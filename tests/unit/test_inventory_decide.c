/* test_inventory_decide.c - the rows about an order of the inventory service's table. */
#include "decide_support.h"
#include "services/inventory/inventory_decide.h"
#include "services/inventory/inventory_participant.h"
#include "suite.h"

static void start(void)
{
    scene_start(&inventory_participant, NULL);
}

/* --- PaymentProcessed ------------------------------------------------------------------------- */

START_TEST(a_paid_order_is_held_and_the_levels_say_so)
{
    GIVEN(stock_level("A", 10, 3, 7, 42));
    GIVEN(stock_level("B", 5, 0, 5, 43));
    WHEN(payment_processed(1999, "A:2 B:1"));
    THEN(inventory_reserved("A:2 B:1"), stock_level("A", 10, 5, 5, 42),
         stock_level("B", 5, 1, 4, 43));
}
END_TEST

START_TEST(exactly_what_is_available_is_held)
{
    GIVEN(stock_level("A", 10, 8, 2, -1));
    WHEN(payment_processed(1999, "A:2"));
    THEN(inventory_reserved("A:2"), stock_level("A", 10, 10, 0, -1));
}
END_TEST

START_TEST(one_piece_more_than_is_available_is_out_of_stock)
{
    GIVEN(stock_level("A", 10, 8, 2, -1));
    WHEN(payment_processed(1999, "A:3"));
    THEN(inventory_reservation_failed("out_of_stock"));
}
END_TEST

START_TEST(nothing_is_held_when_one_line_of_several_is_short)
{
    GIVEN(stock_level("A", 10, 0, 10, -1));
    GIVEN(stock_level("B", 1, 1, 0, -1));
    GIVEN(stock_level("C", 10, 0, 10, -1));
    WHEN(payment_processed(1999, "A:2 B:1 C:1"));
    THEN(inventory_reservation_failed("out_of_stock"));
}
END_TEST

START_TEST(a_product_without_a_level_is_unknown)
{
    WHEN(payment_processed(1999, "A:1"));
    THEN(inventory_reservation_failed("unknown_product"));
}
END_TEST

START_TEST(an_unknown_product_says_more_than_one_out_of_stock)
{
    GIVEN(stock_level("A", 0, 0, 0, 1));
    GIVEN(stock_level("C", 0, 0, 0, 1));
    WHEN(payment_processed(1999, "A:1 B:1 C:1"));
    THEN(inventory_reservation_failed("unknown_product"));
    WHEN(payment_processed(1999, "B:1 A:1"));
    THEN(inventory_reservation_failed("unknown_product"));
}
END_TEST

START_TEST(lines_of_the_same_product_are_held_once)
{
    GIVEN(stock_level("A", 10, 0, 10, -1));
    GIVEN(stock_level("B", 10, 0, 10, -1));
    WHEN(payment_processed(1999, "B:1 A:2 B:3"));
    THEN(inventory_reserved("B:4 A:2"), stock_level("B", 10, 4, 6, -1),
         stock_level("A", 10, 2, 8, -1));
}
END_TEST

START_TEST(lines_of_the_same_product_that_are_short_together_are_out_of_stock)
{
    GIVEN(stock_level("A", 3, 0, 3, -1));
    WHEN(payment_processed(1999, "A:2 A:2"));
    THEN(inventory_reservation_failed("out_of_stock"));
}
END_TEST

START_TEST(lines_that_no_event_could_hold_when_merged_are_impossible)
{
    GIVEN(stock_level("A", STOCK_LEVEL_MAX, 0, STOCK_LEVEL_MAX, -1));
    WHEN(payment_processed(1999, "A:1000000 A:1"));
    THEN_IMPOSSIBLE("more of one product");
    WHEN(payment_processed(1999, "A:999999 A:1"));
    THEN(inventory_reserved("A:1000000"),
         stock_level("A", STOCK_LEVEL_MAX, 1000000, STOCK_LEVEL_MAX - 1000000, -1));
}
END_TEST

START_TEST(a_hundred_products_are_held_in_one_decision)
{
    static struct event expected[1 + ITEMS_MAX];
    char name[PRODUCT_ID_SIZE];

    for (int i = 0; i < ITEMS_MAX; i++) {
        snprintf(name, sizeof(name), "P%d", i);
        GIVEN(stock_level(name, 1000, 100, 900, i));
        expected[1 + i] = stock_level(name, 1000, 101 + i, 899 - i, i);
    }
    expected[0] = inventory_reserved(all_products());
    WHEN(payment_processed(1999, all_products()));
    scene_then(__FILE__, __LINE__, expected, ARRAY_LEN(expected));
}
END_TEST

START_TEST(an_order_that_was_decided_is_not_held_again)
{
    const struct event decided[] = {
        inventory_reserved("A:2"),
        inventory_reservation_failed("out_of_stock"),
        inventory_released("A:2", "shipment_refused"),
        inventory_reservation_cancelled("customer_request"),
        inventory_deducted("A:2"),
    };

    GIVEN(stock_level("A", 10, 2, 8, -1));
    for (size_t i = 0; i < ARRAY_LEN(decided); i++) {
        GIVEN(decided[i]);
        WHEN(payment_processed(1999, "A:2"));
        THEN_NOTHING();
    }
}
END_TEST

/* --- ShipmentCreated -------------------------------------------------------------------------- */

START_TEST(shipped_goods_are_no_longer_on_hand)
{
    GIVEN(stock_level("A", 10, 5, 5, 42));
    GIVEN(stock_level("B", 5, 1, 4, 43));
    GIVEN(inventory_reserved("A:2 B:1"));
    WHEN(shipment_created("A:2 B:1"));
    THEN(inventory_deducted("A:2 B:1"), stock_level("A", 8, 3, 5, 42),
         stock_level("B", 4, 0, 4, 43));
}
END_TEST

START_TEST(what_was_held_is_deducted_not_what_the_shipment_says)
{
    GIVEN(stock_level("A", 10, 2, 8, 42));
    GIVEN(inventory_reserved("A:2"));
    WHEN(shipment_created("A:9 B:1"));
    THEN(inventory_deducted("A:2"), stock_level("A", 8, 0, 8, 42));
}
END_TEST

START_TEST(goods_are_deducted_once)
{
    GIVEN(stock_level("A", 10, 2, 8, 42));
    GIVEN(inventory_deducted("A:2"));
    WHEN(shipment_created("A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(goods_that_are_not_held_cannot_ship)
{
    const struct event not_held[] = {
        nothing(),
        inventory_reservation_failed("out_of_stock"),
        inventory_released("A:2", "shipment_refused"),
        inventory_reservation_cancelled("customer_request"),
    };

    GIVEN(stock_level("A", 10, 2, 8, 42));
    for (size_t i = 0; i < ARRAY_LEN(not_held); i++) {
        GIVEN(not_held[i]);
        WHEN(shipment_created("A:2"));
        THEN_IMPOSSIBLE("not held");
    }
}
END_TEST

/* --- ShipmentFailed --------------------------------------------------------------------------- */

START_TEST(a_failed_shipment_releases_what_was_held)
{
    GIVEN(stock_level("A", 10, 5, 5, 42));
    GIVEN(stock_level("B", 5, 1, 4, 43));
    GIVEN(inventory_reserved("A:2 B:1"));
    WHEN(shipment_failed("shipment_refused"));
    THEN(inventory_released("A:2 B:1", "shipment_refused"), stock_level("A", 10, 3, 7, 42),
         stock_level("B", 5, 0, 5, 43));
}
END_TEST

START_TEST(goods_are_released_once)
{
    GIVEN(stock_level("A", 10, 2, 8, 42));
    GIVEN(inventory_released("A:2", "shipment_refused"));
    WHEN(shipment_failed("shipment_refused"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_shipment_whose_goods_were_never_held_cannot_fail)
{
    const struct event never_held[] = {
        nothing(),
        inventory_reservation_failed("out_of_stock"),
        inventory_reservation_cancelled("customer_request"),
    };

    for (size_t i = 0; i < ARRAY_LEN(never_held); i++) {
        GIVEN(never_held[i]);
        WHEN(shipment_failed("shipment_refused"));
        THEN_IMPOSSIBLE("never held");
    }
}
END_TEST

START_TEST(a_shipment_whose_goods_have_left_cannot_fail_or_be_cancelled)
{
    GIVEN(inventory_deducted("A:2"));
    WHEN(shipment_failed("shipment_refused"));
    THEN_IMPOSSIBLE("have left");
    WHEN(shipment_cancelled("customer_request"));
    THEN_IMPOSSIBLE("have left");
}
END_TEST

/* --- ShipmentCancelled ------------------------------------------------------------------------ */

START_TEST(a_cancellation_before_the_charge_bars_the_reservation)
{
    GIVEN(stock_level("A", 10, 2, 8, 42));
    WHEN(shipment_cancelled("customer_request"));
    THEN(inventory_reservation_cancelled("customer_request"));
}
END_TEST

START_TEST(a_cancellation_releases_what_was_held)
{
    GIVEN(stock_level("A", 10, 10, 0, 42));
    GIVEN(inventory_reserved("A:2"));
    WHEN(shipment_cancelled("customer_request"));
    THEN(inventory_released("A:2", "customer_request"), stock_level("A", 10, 8, 2, 42));
}
END_TEST

START_TEST(a_cancellation_where_nothing_is_held_adds_nothing)
{
    const struct event not_held[] = {
        inventory_reservation_failed("out_of_stock"),
        inventory_released("A:2", "customer_request"),
        inventory_reservation_cancelled("customer_request"),
    };

    GIVEN(stock_level("A", 10, 2, 8, 42));
    for (size_t i = 0; i < ARRAY_LEN(not_held); i++) {
        GIVEN(not_held[i]);
        WHEN(shipment_cancelled("customer_request"));
        THEN_NOTHING();
    }
}
END_TEST

START_TEST(an_event_of_another_service_in_the_ledger_is_impossible)
{
    const struct event inputs[] = {
        payment_processed(1999, "A:2"),
        shipment_created("A:2"),
        shipment_failed("x"),
        shipment_cancelled("x"),
    };

    GIVEN(order_completed());
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        WHEN(inputs[i]);
        THEN_IMPOSSIBLE("not of the inventory service");
    }
}
END_TEST

static TCase *payment_case(void)
{
    TCase *tests = tcase_create("PaymentProcessed");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, a_paid_order_is_held_and_the_levels_say_so);
    tcase_add_test(tests, exactly_what_is_available_is_held);
    tcase_add_test(tests, one_piece_more_than_is_available_is_out_of_stock);
    tcase_add_test(tests, nothing_is_held_when_one_line_of_several_is_short);
    tcase_add_test(tests, a_product_without_a_level_is_unknown);
    tcase_add_test(tests, an_unknown_product_says_more_than_one_out_of_stock);
    tcase_add_test(tests, lines_of_the_same_product_are_held_once);
    tcase_add_test(tests, lines_of_the_same_product_that_are_short_together_are_out_of_stock);
    tcase_add_test(tests, lines_that_no_event_could_hold_when_merged_are_impossible);
    tcase_add_test(tests, a_hundred_products_are_held_in_one_decision);
    tcase_add_test(tests, an_order_that_was_decided_is_not_held_again);
    return tests;
}

static TCase *shipment_case(void)
{
    TCase *tests = tcase_create("Shipment");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, shipped_goods_are_no_longer_on_hand);
    tcase_add_test(tests, what_was_held_is_deducted_not_what_the_shipment_says);
    tcase_add_test(tests, goods_are_deducted_once);
    tcase_add_test(tests, goods_that_are_not_held_cannot_ship);
    tcase_add_test(tests, a_failed_shipment_releases_what_was_held);
    tcase_add_test(tests, goods_are_released_once);
    tcase_add_test(tests, a_shipment_whose_goods_were_never_held_cannot_fail);
    tcase_add_test(tests, a_shipment_whose_goods_have_left_cannot_fail_or_be_cancelled);
    tcase_add_test(tests, a_cancellation_before_the_charge_bars_the_reservation);
    tcase_add_test(tests, a_cancellation_releases_what_was_held);
    tcase_add_test(tests, a_cancellation_where_nothing_is_held_adds_nothing);
    tcase_add_test(tests, an_event_of_another_service_in_the_ledger_is_impossible);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("inventory_decide");

    suite_add_tcase(suite, payment_case());
    suite_add_tcase(suite, shipment_case());
    return suite_main(suite);
}
