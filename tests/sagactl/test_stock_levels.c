/* test_stock_levels.c - of a topic with many levels of few products, the last of each stays. */
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/stock_levels.h"

static struct stock_levels levels;

static void given(const char *product, int64_t on_hand, int64_t offset)
{
    struct event event = {.type = EVENT_STOCK_LEVEL_CHANGED, .timestamp_ms = 1000 + offset};
    struct stock_level_changed *data = &event.data.stock_level_changed;

    str_copy(data->product_id, sizeof(data->product_id), product);
    data->on_hand = on_hand;
    ck_assert_int_eq(stock_levels_add(&levels, &event, offset, NULL), 0);
}

static void clear(void)
{
    stock_levels_done(&levels);
}

START_TEST(the_last_level_of_each_product_stays_and_products_stand_by_name)
{
    given("b", 1, 0);
    given("c", 2, 1);
    given("a", 3, 2);
    given("b", 4, 3);
    given("b", 5, 4);
    stock_levels_settle(&levels);

    ck_assert_uint_eq(levels.count, 3);
    ck_assert_str_eq(levels.list[0].data.product_id, "a");
    ck_assert_str_eq(levels.list[2].data.product_id, "c");
    ck_assert_int_eq(stock_levels_find(&levels, "b")->data.on_hand, 5);
    ck_assert_int_eq(stock_levels_find(&levels, "b")->changed_at_ms, 1004);
}
END_TEST

START_TEST(memory_is_that_of_the_products_not_of_the_topic)
{
    for (int64_t offset = 0; offset < 100000; offset++)
        given((const char *[]){"a", "b", "c"}[offset % 3], offset, offset);
    stock_levels_settle(&levels);

    ck_assert_uint_eq(levels.count, 3);
    ck_assert_uint_le(levels.capacity, 128);
    ck_assert_int_eq(stock_levels_find(&levels, "a")->data.on_hand, 99999);
}
END_TEST

START_TEST(many_products_are_all_kept)
{
    char product[16];

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(product, sizeof(product), "p-%d", i);
            given(product, i + round, round * 5000 + i);
        }
    stock_levels_settle(&levels);

    ck_assert_uint_eq(levels.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(product, sizeof(product), "p-%d", i);
        ck_assert_int_eq(stock_levels_find(&levels, product)->data.on_hand, i + 1);
    }
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    char longest[1000];

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    ck_assert_ptr_null(stock_levels_find(&levels, "a"));
    given("a", 1, 0);
    stock_levels_settle(&levels);
    ck_assert_ptr_null(stock_levels_find(&levels, "b"));
    ck_assert_ptr_null(stock_levels_find(&levels, longest));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl stock levels");
    TCase *tcase = tcase_create("stock levels");

    tcase_add_checked_fixture(tcase, clear, clear);
    tcase_add_test(tcase, the_last_level_of_each_product_stays_and_products_stand_by_name);
    tcase_add_test(tcase, memory_is_that_of_the_products_not_of_the_topic);
    tcase_add_test(tcase, many_products_are_all_kept);
    tcase_add_test(tcase, what_is_not_there_is_not_found);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
