/* test_shipping_decide.c - every row of the shipping service's table, and its list of customers. */
#include "decide_support.h"
#include "services/shipping/shipping_decide.h"
#include "services/shipping/shipping_participant.h"
#include "suite.h"

static const struct shipping_settings ship_to_all = {.refuse_customers = ""};
static const struct shipping_settings refuse_this_one = {
    .refuse_customers = "customer-0," CUSTOMER_ID ",customer-2"};

static void start(void)
{
    scene_start(&shipping_participant, &ship_to_all);
}

/* --- InventoryReserved ------------------------------------------------------------------------ */

START_TEST(what_is_held_is_shipped_to_the_customer)
{
    WHEN(inventory_reserved("A:2 B:1"));
    THEN(shipment_created("A:2 B:1"));
}
END_TEST

START_TEST(a_hundred_products_are_shipped)
{
    WHEN(inventory_reserved(all_products()));
    THEN(shipment_created(all_products()));
}
END_TEST

START_TEST(the_carrier_refuses_a_customer_on_the_list)
{
    scene_start(&shipping_participant, &refuse_this_one);
    WHEN(inventory_reserved("A:2"));
    THEN(shipment_failed("shipment_refused"));
}
END_TEST

START_TEST(what_was_shipped_is_not_shipped_again)
{
    GIVEN(shipment_created("A:2"));
    WHEN(inventory_reserved("A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(what_was_refused_is_not_shipped_when_the_list_has_changed)
{
    GIVEN(shipment_failed("shipment_refused"));
    WHEN(inventory_reserved("A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(what_was_shipped_is_not_refused_when_the_list_has_changed)
{
    scene_start(&shipping_participant, &refuse_this_one);
    GIVEN(shipment_created("A:2"));
    WHEN(inventory_reserved("A:2"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_reservation_that_comes_after_the_cancellation_is_not_shipped)
{
    GIVEN(shipment_cancelled("customer_request"));
    WHEN(inventory_reserved("A:2"));
    THEN_NOTHING();
}
END_TEST

/* --- OrderCancellationRequested --------------------------------------------------------------- */

START_TEST(a_cancellation_that_comes_first_wins)
{
    WHEN(order_cancellation_requested("customer_request"));
    THEN(shipment_cancelled("customer_request"));
}
END_TEST

START_TEST(a_cancellation_that_comes_after_the_shipment_loses)
{
    GIVEN(shipment_created("A:2"));
    WHEN(order_cancellation_requested("customer_request"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_cancellation_of_a_refused_shipment_adds_nothing)
{
    GIVEN(shipment_failed("shipment_refused"));
    WHEN(order_cancellation_requested("customer_request"));
    THEN_NOTHING();
}
END_TEST

START_TEST(a_second_cancellation_adds_nothing)
{
    GIVEN(shipment_cancelled("customer_request"));
    WHEN(order_cancellation_requested("deadline_passed"));
    THEN_NOTHING();
}
END_TEST

START_TEST(an_event_of_another_service_in_the_ledger_is_impossible)
{
    GIVEN(inventory_released("A:2", "x"));
    WHEN(inventory_reserved("A:2"));
    THEN_IMPOSSIBLE("not of the shipping service");
    WHEN(order_cancellation_requested("customer_request"));
    THEN_IMPOSSIBLE("not of the shipping service");
}
END_TEST

/* --- the list of customers -------------------------------------------------------------------- */

START_TEST(a_customer_is_found_anywhere_in_the_list)
{
    ck_assert(customer_list_has("a", "a"));
    ck_assert(customer_list_has("a,bc,d", "a"));
    ck_assert(customer_list_has("a,bc,d", "bc"));
    ck_assert(customer_list_has("a,bc,d", "d"));
}
END_TEST

START_TEST(a_part_of_an_entry_is_another_customer)
{
    ck_assert(!customer_list_has("customer-1", "customer-10"));
    ck_assert(!customer_list_has("customer-10", "customer-1"));
    ck_assert(!customer_list_has("customer-10", "ustomer-10"));
    ck_assert(!customer_list_has("x.a,a.x", "a"));
    ck_assert(!customer_list_has("a,b", "a,b"));
    ck_assert(!customer_list_has("a", "A"));
}
END_TEST

START_TEST(nobody_is_in_an_empty_list)
{
    ck_assert(!customer_list_has("", "a"));
    ck_assert(!customer_list_has(",", "a"));
    ck_assert(!customer_list_has(" , ,,", "a"));
}
END_TEST

START_TEST(spaces_and_empty_entries_do_not_count)
{
    ck_assert(customer_list_has(" a , b ", "a"));
    ck_assert(customer_list_has(" a , b ", "b"));
    ck_assert(customer_list_has(",,a,,b,", "b"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("shipping_decide");
    TCase *table = tcase_create("table"), *list = tcase_create("list");

    tcase_add_checked_fixture(table, start, NULL);
    tcase_add_test(table, what_is_held_is_shipped_to_the_customer);
    tcase_add_test(table, a_hundred_products_are_shipped);
    tcase_add_test(table, the_carrier_refuses_a_customer_on_the_list);
    tcase_add_test(table, what_was_shipped_is_not_shipped_again);
    tcase_add_test(table, what_was_refused_is_not_shipped_when_the_list_has_changed);
    tcase_add_test(table, what_was_shipped_is_not_refused_when_the_list_has_changed);
    tcase_add_test(table, a_reservation_that_comes_after_the_cancellation_is_not_shipped);
    tcase_add_test(table, a_cancellation_that_comes_first_wins);
    tcase_add_test(table, a_cancellation_that_comes_after_the_shipment_loses);
    tcase_add_test(table, a_cancellation_of_a_refused_shipment_adds_nothing);
    tcase_add_test(table, a_second_cancellation_adds_nothing);
    tcase_add_test(table, an_event_of_another_service_in_the_ledger_is_impossible);
    tcase_add_test(list, a_customer_is_found_anywhere_in_the_list);
    tcase_add_test(list, a_part_of_an_entry_is_another_customer);
    tcase_add_test(list, nobody_is_in_an_empty_list);
    tcase_add_test(list, spaces_and_empty_entries_do_not_count);
    suite_add_tcase(suite, table);
    suite_add_tcase(suite, list);
    return suite_main(suite);
}
