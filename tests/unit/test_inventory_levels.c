/* test_inventory_levels.c - inventory: receipts, related levels, and levels that are damaged. */
#include "decide_support.h"
#include "services/inventory/inventory_decide.h"
#include "services/inventory/inventory_participant.h"
#include "suite.h"

static void start(void)
{
    scene_start(&inventory_participant, NULL);
}

/* --- StockReceived ---------------------------------------------------------------------------- */

START_TEST(the_first_receipt_of_a_product_makes_its_level)
{
    WHEN_AT(0, stock_received("A", 5));
    THEN(stock_level("A", 5, 0, 5, 0));
}
END_TEST

START_TEST(a_receipt_adds_to_what_is_available_and_leaves_what_is_held)
{
    GIVEN(stock_level("A", 10, 3, 7, 41));
    GIVEN(stock_level("B", 1, 0, 1, 90));
    WHEN_AT(42, stock_received("A", 5));
    THEN(stock_level("A", 15, 3, 12, 42));
}
END_TEST

START_TEST(a_level_that_counted_no_receipt_takes_the_one_at_offset_zero)
{
    GIVEN(stock_level("A", 10, 0, 10, -1));
    WHEN_AT(0, stock_received("A", 5));
    THEN(stock_level("A", 15, 0, 15, 0));
}
END_TEST

START_TEST(a_receipt_is_counted_in_once)
{
    GIVEN(stock_level("A", 15, 3, 12, 42));
    WHEN_AT(42, stock_received("A", 5));
    THEN_NOTHING();
    WHEN_AT(41, stock_received("A", 5));
    THEN_NOTHING();
    WHEN_AT(43, stock_received("A", 5));
    THEN(stock_level("A", 20, 3, 17, 43));
}
END_TEST

START_TEST(a_level_can_be_as_large_as_its_schema_allows)
{
    GIVEN(stock_level("A", STOCK_LEVEL_MAX - 5, 3, STOCK_LEVEL_MAX - 8, 41));
    WHEN_AT(42, stock_received("A", 5));
    THEN(stock_level("A", STOCK_LEVEL_MAX, 3, STOCK_LEVEL_MAX - 3, 42));
}
END_TEST

START_TEST(a_receipt_above_the_largest_level_is_impossible)
{
    GIVEN(stock_level("A", STOCK_LEVEL_MAX - 4, 3, STOCK_LEVEL_MAX - 7, 41));
    WHEN_AT(42, stock_received("A", 5));
    THEN_IMPOSSIBLE("would exceed");
    WHEN_AT(42, stock_received("A", RECEIVED_QUANTITY_MAX));
    THEN_IMPOSSIBLE("would exceed");
}
END_TEST

/* --- which levels are asked for --------------------------------------------------------------- */

static struct related_keys related(struct event in, struct event last)
{
    static struct event kept_in, kept_last; /* the keys are borrowed from them */
    const struct input input = {.event = &kept_in};
    struct related_keys keys;

    memset(&keys, 0xa5, sizeof(keys));
    event_copy(&kept_in, &in);
    event_copy(&kept_last, &last);
    inventory_relate(&input, &kept_last, &keys);
    return keys;
}

START_TEST(an_order_needs_the_level_of_each_of_its_products_once)
{
    struct related_keys keys = related(payment_processed(1999, "B:1 A:2 B:3"), nothing());

    ck_assert_uint_eq(keys.count, 2);
    ck_assert_str_eq(keys.keys[0], "B");
    ck_assert_str_eq(keys.keys[1], "A");
}
END_TEST

START_TEST(a_settlement_needs_the_levels_of_what_was_held)
{
    const struct event inputs[] = {shipment_created("C:1"), shipment_failed("x"),
                                   shipment_cancelled("x")};

    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        struct related_keys keys = related(inputs[i], inventory_reserved("A:2 B:3"));

        ck_assert_uint_eq(keys.count, 2);
        ck_assert_str_eq(keys.keys[0], "A");
        ck_assert_str_eq(keys.keys[1], "B");
    }
}
END_TEST

START_TEST(a_hundred_products_need_a_hundred_levels)
{
    ck_assert_uint_eq(related(payment_processed(1999, all_products()), nothing()).count, ITEMS_MAX);
    ck_assert_uint_eq(related(shipment_failed("x"), inventory_reserved(all_products())).count,
                      ITEMS_MAX);
}
END_TEST

START_TEST(what_changes_no_level_needs_none)
{
    ck_assert_uint_eq(related(payment_processed(1, "A:1"), inventory_reserved("A:1")).count, 0);
    ck_assert_uint_eq(related(shipment_cancelled("x"), nothing()).count, 0);
    ck_assert_uint_eq(related(shipment_created("A:1"), inventory_deducted("A:1")).count, 0);
    ck_assert_uint_eq(related(stock_received("A", 1), stock_level("A", 1, 0, 1, 0)).count, 0);
}
END_TEST

/* --- a damaged ledger ------------------------------------------------------------------------- */

START_TEST(a_level_that_does_not_add_up_is_impossible_to_reserve_from)
{
    GIVEN(stock_level("A", 1, STOCK_LEVEL_MAX, 1, -1));
    WHEN(payment_processed(1999, "A:1"));
    THEN_IMPOSSIBLE("damaged");
}
END_TEST

START_TEST(a_level_never_becomes_negative)
{
    GIVEN(stock_level("A", 10, 1, 9, 42));
    GIVEN(inventory_reserved("A:2"));
    WHEN(shipment_created("A:2"));
    THEN_IMPOSSIBLE("damaged");
    WHEN(shipment_failed("shipment_refused"));
    THEN_IMPOSSIBLE("damaged");
    WHEN(shipment_cancelled("customer_request"));
    THEN_IMPOSSIBLE("damaged");
    GIVEN(stock_level("A", 1, 2, 8, 42));
    WHEN(shipment_created("A:2"));
    THEN_IMPOSSIBLE("damaged");
}
END_TEST

START_TEST(no_level_changes_when_one_of_several_is_damaged)
{
    GIVEN(stock_level("A", 10, 2, 8, 42));
    GIVEN(stock_level("B", 10, 0, 10, 42));
    GIVEN(inventory_reserved("A:2 B:1"));
    WHEN(shipment_created("A:2 B:1"));
    THEN_IMPOSSIBLE("damaged");
    WHEN(shipment_failed("shipment_refused"));
    THEN_IMPOSSIBLE("damaged");
}
END_TEST

START_TEST(a_release_above_the_largest_level_is_impossible)
{
    GIVEN(stock_level("A", STOCK_LEVEL_MAX, 1, STOCK_LEVEL_MAX, 42));
    GIVEN(inventory_reserved("A:1"));
    WHEN(shipment_failed("shipment_refused"));
    THEN_IMPOSSIBLE("damaged");
}
END_TEST

START_TEST(held_goods_without_a_level_are_impossible)
{
    GIVEN(inventory_reserved("A:2"));
    WHEN(shipment_created("A:2"));
    THEN_IMPOSSIBLE("damaged");
    WHEN(shipment_cancelled("customer_request"));
    THEN_IMPOSSIBLE("damaged");
}
END_TEST

START_TEST(a_reservation_that_was_not_merged_is_settled_by_product)
{
    GIVEN(stock_level("A", 10, 4, 6, 42));
    GIVEN(stock_level("B", 10, 1, 9, 42));
    GIVEN(inventory_reserved("A:1 B:1 A:2"));
    WHEN(shipment_created("A:3 B:1"));
    THEN(inventory_deducted("A:3 B:1"), stock_level("A", 7, 1, 6, 42),
         stock_level("B", 9, 0, 9, 42));
}
END_TEST

static TCase *receipt_case(void)
{
    TCase *tests = tcase_create("StockReceived");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, the_first_receipt_of_a_product_makes_its_level);
    tcase_add_test(tests, a_receipt_adds_to_what_is_available_and_leaves_what_is_held);
    tcase_add_test(tests, a_level_that_counted_no_receipt_takes_the_one_at_offset_zero);
    tcase_add_test(tests, a_receipt_is_counted_in_once);
    tcase_add_test(tests, a_level_can_be_as_large_as_its_schema_allows);
    tcase_add_test(tests, a_receipt_above_the_largest_level_is_impossible);
    return tests;
}

static TCase *relate_case(void)
{
    TCase *tests = tcase_create("relate");

    tcase_add_test(tests, an_order_needs_the_level_of_each_of_its_products_once);
    tcase_add_test(tests, a_settlement_needs_the_levels_of_what_was_held);
    tcase_add_test(tests, a_hundred_products_need_a_hundred_levels);
    tcase_add_test(tests, what_changes_no_level_needs_none);
    return tests;
}

static TCase *damage_case(void)
{
    TCase *tests = tcase_create("damage");

    tcase_add_checked_fixture(tests, start, NULL);
    tcase_add_test(tests, a_level_that_does_not_add_up_is_impossible_to_reserve_from);
    tcase_add_test(tests, a_level_never_becomes_negative);
    tcase_add_test(tests, no_level_changes_when_one_of_several_is_damaged);
    tcase_add_test(tests, a_release_above_the_largest_level_is_impossible);
    tcase_add_test(tests, held_goods_without_a_level_are_impossible);
    tcase_add_test(tests, a_reservation_that_was_not_merged_is_settled_by_product);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("inventory_levels");

    suite_add_tcase(suite, receipt_case());
    suite_add_tcase(suite, relate_case());
    suite_add_tcase(suite, damage_case());
    return suite_main(suite);
}
