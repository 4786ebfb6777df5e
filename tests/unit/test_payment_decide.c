/* test_payment_decide.c - every row of the payment service's table. */
#include "decide_support.h"
#include "services/payment/payment_decide.h"
#include "services/payment/payment_participant.h"
#include "suite.h"

#define LIMIT 100000

static const struct payment_settings settings = {.decline_over_minor = LIMIT};

static void start(void)
{
    scene_start(&payment_participant, &settings);
}

/* --- OrderPlaced ------------------------------------------------------------------------------ */

START_TEST(an_order_is_charged_its_total_and_its_lines_are_passed_on)
{
    WHEN(order_placed(1999, "A:2 B:1"));
    THEN(payment_processed(1999, "A:2 B:1"));
}
END_TEST

START_TEST(lines_of_the_same_product_are_merged_in_the_order_of_their_first_line)
{
    WHEN(order_placed(1999, "B:1 A:2 B:4 C:1 A:10000"));
    THEN(payment_processed(1999, "B:5 A:10002 C:1"));
}
END_TEST

START_TEST(a_hundred_lines_of_one_product_with_the_largest_quantity_are_merged)
{
    static char items[ITEMS_MAX * 8 + 1];

    for (size_t i = 0; i < ITEMS_MAX; i++)
        strcat(items, "A:10000 ");
    WHEN(order_placed(1, items));
    THEN(payment_processed(1, "A:1000000"));
}
END_TEST

START_TEST(a_hundred_products_are_passed_on)
{
    WHEN(order_placed(1, all_products()));
    THEN(payment_processed(1, all_products()));
}
END_TEST

START_TEST(a_free_order_is_charged_nothing)
{
    WHEN(order_placed(0, "A:1"));
    THEN(payment_processed(0, "A:1"));
}
END_TEST

START_TEST(exactly_the_limit_is_charged)
{
    WHEN(order_placed(LIMIT, "A:1"));
    THEN(payment_processed(LIMIT, "A:1"));
}
END_TEST

START_TEST(one_minor_unit_over_the_limit_is_declined)
{
    WHEN(order_placed(LIMIT + 1, "A:1"));
    THEN(payment_failed("payment_declined"));
}
END_TEST

START_TEST(a_limit_of_zero_declines_the_smallest_charge)
{
    static const struct payment_settings zero = {.decline_over_minor = 0};

    scene_start(&payment_participant, &zero);
    WHEN(order_placed(1, "A:1"));
    THEN(payment_failed("payment_declined"));
}
END_TEST

START_TEST(the_largest_limit_lets_the_largest_amount_through)
{
    static const struct payment_settings all = {.decline_over_minor = AMOUNT_MINOR_MAX};

    scene_start(&payment_participant, &all);
    WHEN(order_placed(AMOUNT_MINOR_MAX, "A:1"));
    THEN(payment_processed(AMOUNT_MINOR_MAX, "A:1"));
}
END_TEST

START_TEST(an_order_that_was_charged_is_not_charged_again)
{
    GIVEN(payment_processed(1999, "A:2"));
    WHEN(order_placed(1999, "A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_order_that_was_declined_is_not_charged_later)
{
    GIVEN(payment_failed("payment_declined"));
    WHEN(order_placed(1999, "A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_order_that_was_refunded_is_not_charged_again)
{
    GIVEN(payment_refunded(1999, "out_of_stock"));
    WHEN(order_placed(1999, "A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_order_that_its_cancellation_overtook_is_never_charged)
{
    GIVEN(payment_cancelled("customer_request"));
    WHEN(order_placed(1999, "A:2"));
    THEN_NOTHING();
}
END_TEST

/* --- InventoryReservationCancelled ------------------------------------------------------------ */

START_TEST(a_cancellation_before_the_charge_bars_it)
{
    WHEN(inventory_reservation_cancelled("customer_request"));
    THEN(payment_cancelled("customer_request"));
}
END_TEST

START_TEST(a_cancellation_during_the_charge_refunds_what_was_charged)
{
    GIVEN(payment_processed(1999, "A:2"));
    WHEN(inventory_reservation_cancelled("customer_request"));
    THEN(payment_refunded(1999, "customer_request"));
}
END_TEST

START_TEST(a_cancellation_of_a_declined_order_moves_no_money)
{
    GIVEN(payment_failed("payment_declined"));
    WHEN(inventory_reservation_cancelled("customer_request"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_cancellation_of_a_refunded_order_refunds_nothing_more)
{
    GIVEN(payment_refunded(1999, "customer_request"));
    WHEN(inventory_reservation_cancelled("customer_request"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_cancellation_is_answered_once)
{
    GIVEN(payment_cancelled("customer_request"));
    WHEN(inventory_reservation_cancelled("customer_request"));
    THEN_NOTHING();
}
END_TEST

/* --- InventoryReservationFailed, InventoryReleased -------------------------------------------- */

START_TEST(a_failed_reservation_refunds_what_was_charged)
{
    GIVEN(payment_processed(1999, "A:2"));
    WHEN(inventory_reservation_failed("out_of_stock"));
    THEN(payment_refunded(1999, "out_of_stock"));
}
END_TEST

START_TEST(a_release_refunds_what_was_charged)
{
    GIVEN(payment_processed(AMOUNT_MINOR_MAX, "A:2"));
    WHEN(inventory_released("A:2", "shipment_refused"));
    THEN(payment_refunded(AMOUNT_MINOR_MAX, "shipment_refused"));
}
END_TEST

START_TEST(a_refund_has_the_currency_of_the_charge)
{
    struct event charge = payment_processed(1999, "A:2"), refund = payment_refunded(1999, "x");

    strcpy(charge.data.payment_processed.currency, "CHF");
    strcpy(refund.data.payment_refunded.currency, "CHF");
    GIVEN(charge);
    WHEN(inventory_released("A:2", "x"));
    THEN(refund);
}
END_TEST

START_TEST(the_longest_reason_is_passed_on_whole)
{
    char reason[REASON_SIZE];

    memset(reason, 'r', sizeof(reason) - 1);
    reason[sizeof(reason) - 1] = '\0';
    GIVEN(payment_processed(1999, "A:2"));
    WHEN(inventory_released("A:2", reason));
    THEN(payment_refunded(1999, reason));
}
END_TEST

START_TEST(a_refund_is_made_once)
{
    GIVEN(payment_refunded(1999, "out_of_stock"));
    WHEN(inventory_reservation_failed("out_of_stock"));
    THEN_NOTHING();
    WHEN(inventory_released("A:2", "out_of_stock"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_answer_to_a_charge_that_the_ledger_does_not_have_is_impossible)
{
    WHEN(inventory_reservation_failed("out_of_stock"));
    THEN_IMPOSSIBLE("does not have");
    WHEN(inventory_released("A:2", "shipment_refused"));
    THEN_IMPOSSIBLE("does not have");
}
END_TEST

START_TEST(an_answer_to_a_charge_that_was_declined_is_impossible)
{
    GIVEN(payment_failed("payment_declined"));
    WHEN(inventory_reservation_failed("out_of_stock"));
    THEN_IMPOSSIBLE("declined");
    WHEN(inventory_released("A:2", "shipment_refused"));
    THEN_IMPOSSIBLE("declined");
}
END_TEST

START_TEST(an_answer_to_a_charge_that_was_barred_is_impossible)
{
    GIVEN(payment_cancelled("customer_request"));
    WHEN(inventory_reservation_failed("out_of_stock"));
    THEN_IMPOSSIBLE("never made");
    WHEN(inventory_released("A:2", "shipment_refused"));
    THEN_IMPOSSIBLE("never made");
}
END_TEST

START_TEST(an_event_of_another_service_in_the_ledger_is_impossible)
{
    GIVEN(shipment_created("A:2"));
    WHEN(order_placed(1999, "A:2"));
    THEN_IMPOSSIBLE("not of the payment service");
    WHEN(inventory_released("A:2", "x"));
    THEN_IMPOSSIBLE("not of the payment service");
    WHEN(inventory_reservation_cancelled("x"));
    THEN_IMPOSSIBLE("not of the payment service");
}
END_TEST

static TCase *order_placed_case(void)
{
    TCase *tests = tcase_create("OrderPlaced");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, an_order_is_charged_its_total_and_its_lines_are_passed_on);
    tcase_add_test(tests, lines_of_the_same_product_are_merged_in_the_order_of_their_first_line);
    tcase_add_test(tests, a_hundred_lines_of_one_product_with_the_largest_quantity_are_merged);
    tcase_add_test(tests, a_hundred_products_are_passed_on);
    tcase_add_test(tests, a_free_order_is_charged_nothing);
    tcase_add_test(tests, exactly_the_limit_is_charged);
    tcase_add_test(tests, one_minor_unit_over_the_limit_is_declined);
    tcase_add_test(tests, a_limit_of_zero_declines_the_smallest_charge);
    tcase_add_test(tests, the_largest_limit_lets_the_largest_amount_through);
    tcase_add_test(tests, an_order_that_was_charged_is_not_charged_again);
    tcase_add_test(tests, an_order_that_was_declined_is_not_charged_later);
    tcase_add_test(tests, an_order_that_was_refunded_is_not_charged_again);
    tcase_add_test(tests, an_order_that_its_cancellation_overtook_is_never_charged);
    return tests;
}

static TCase *inventory_case(void)
{
    TCase *tests = tcase_create("Inventory");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, a_cancellation_before_the_charge_bars_it);
    tcase_add_test(tests, a_cancellation_during_the_charge_refunds_what_was_charged);
    tcase_add_test(tests, a_cancellation_of_a_declined_order_moves_no_money);
    tcase_add_test(tests, a_cancellation_of_a_refunded_order_refunds_nothing_more);
    tcase_add_test(tests, a_cancellation_is_answered_once);
    tcase_add_test(tests, a_failed_reservation_refunds_what_was_charged);
    tcase_add_test(tests, a_release_refunds_what_was_charged);
    tcase_add_test(tests, a_refund_has_the_currency_of_the_charge);
    tcase_add_test(tests, the_longest_reason_is_passed_on_whole);
    tcase_add_test(tests, a_refund_is_made_once);
    tcase_add_test(tests, an_answer_to_a_charge_that_the_ledger_does_not_have_is_impossible);
    tcase_add_test(tests, an_answer_to_a_charge_that_was_declined_is_impossible);
    tcase_add_test(tests, an_answer_to_a_charge_that_was_barred_is_impossible);
    tcase_add_test(tests, an_event_of_another_service_in_the_ledger_is_impossible);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("payment_decide");

    suite_add_tcase(suite, order_placed_case());
    suite_add_tcase(suite, inventory_case());
    return suite_main(suite);
}
