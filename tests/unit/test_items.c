/* test_items.c - lists of products: merged in the order of their first line, within bounds. */
#include "common/base/util.h"
#include "common/event/items.h"
#include "suite.h"

static struct item_line from[ITEMS_MAX], to[ITEMS_MAX];
static size_t count;

static struct item_line line(const char *product_id, int64_t quantity)
{
    struct item_line item = {.quantity = quantity};

    str_copy(item.product_id, sizeof(item.product_id), product_id);
    return item;
}

static void assert_line(size_t i, const char *product_id, int64_t quantity)
{
    ck_assert_uint_lt(i, count);
    ck_assert_str_eq(to[i].product_id, product_id);
    ck_assert_int_eq(to[i].quantity, quantity);
}

START_TEST(an_empty_list_stays_empty)
{
    ck_assert(items_merge(from, 0, to, &count));
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(different_products_stay_as_they_are)
{
    from[0] = line("B", 1);
    from[1] = line("A", 2);
    ck_assert(items_merge(from, 2, to, &count));
    ck_assert_uint_eq(count, 2);
    assert_line(0, "B", 1);
    assert_line(1, "A", 2);
}
END_TEST

START_TEST(the_same_product_is_merged_where_it_stood_first)
{
    from[0] = line("B", 1);
    from[1] = line("A", 2);
    from[2] = line("B", 3);
    ck_assert(items_merge(from, 3, to, &count));
    ck_assert_uint_eq(count, 2);
    assert_line(0, "B", 4);
    assert_line(1, "A", 2);
}
END_TEST

START_TEST(products_differ_by_case_and_by_length)
{
    from[0] = line("sku-1", 1);
    from[1] = line("SKU-1", 1);
    from[2] = line("sku-10", 1);
    ck_assert(items_merge(from, 3, to, &count));
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(the_longest_product_id_is_kept_whole)
{
    char longest[PRODUCT_ID_SIZE];

    memset(longest, 'p', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    count = 0;
    ck_assert(items_add(to, &count, longest, 1));
    assert_line(0, longest, 1);
}
END_TEST

START_TEST(a_quantity_may_be_the_largest_and_no_larger)
{
    count = 0;
    ck_assert(items_add(to, &count, "A", MERGED_QUANTITY_MAX));
    ck_assert(!items_add(to, &count, "A", 1));
    ck_assert(!items_add(to, &count, "B", MERGED_QUANTITY_MAX + 1));
    ck_assert_uint_eq(count, 1);
    assert_line(0, "A", MERGED_QUANTITY_MAX);
}
END_TEST

START_TEST(a_quantity_that_would_wrap_around_is_refused)
{
    count = 0;
    ck_assert(items_add(to, &count, "A", 1));
    ck_assert(!items_add(to, &count, "A", INT64_MAX));
    assert_line(0, "A", 1);
}
END_TEST

START_TEST(a_list_that_is_full_takes_more_of_what_it_has_only)
{
    char name[32];

    count = 0;
    for (int i = 0; i < ITEMS_MAX; i++) {
        snprintf(name, sizeof(name), "P%d", i);
        ck_assert(items_add(to, &count, name, 1));
    }
    ck_assert(!items_add(to, &count, "another", 1));
    ck_assert(items_add(to, &count, "P0", 1));
    ck_assert_uint_eq(count, ITEMS_MAX);
    assert_line(0, "P0", 2);
    assert_line(ITEMS_MAX - 1, "P99", 1);
}
END_TEST

START_TEST(a_list_whose_sum_is_too_large_is_refused)
{
    from[0] = line("A", MERGED_QUANTITY_MAX);
    from[1] = line("A", 1);
    ck_assert(!items_merge(from, 2, to, &count));
}
END_TEST

START_TEST(the_largest_order_can_be_merged)
{
    static struct order_placed order = {.item_count = ITEMS_MAX};

    for (size_t i = 0; i < ITEMS_MAX; i++)
        order.items[i] = (struct order_item){.product_id = "A", .quantity = ORDERED_QUANTITY_MAX};
    items_merge_order(&order, to, &count);
    ck_assert_uint_eq(count, 1);
    assert_line(0, "A", ITEMS_MAX * ORDERED_QUANTITY_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("items");
    TCase *items = tcase_create("items");

    tcase_add_test(items, an_empty_list_stays_empty);
    tcase_add_test(items, different_products_stay_as_they_are);
    tcase_add_test(items, the_same_product_is_merged_where_it_stood_first);
    tcase_add_test(items, products_differ_by_case_and_by_length);
    tcase_add_test(items, the_longest_product_id_is_kept_whole);
    tcase_add_test(items, a_quantity_may_be_the_largest_and_no_larger);
    tcase_add_test(items, a_quantity_that_would_wrap_around_is_refused);
    tcase_add_test(items, a_list_that_is_full_takes_more_of_what_it_has_only);
    tcase_add_test(items, a_list_whose_sum_is_too_large_is_refused);
    tcase_add_test(items, the_largest_order_can_be_merged);
    suite_add_tcase(suite, items);
    return suite_main(suite);
}
