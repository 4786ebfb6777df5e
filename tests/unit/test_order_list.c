/* test_order_list.c - which orders are asked for, what a page has, where the next one begins. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/front_door/order_cursors.h"
#include "services/order/front_door/order_list.h"
#include "suite.h"

#define ORDER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"
#define PLACED_MS INT64_C(1764038437123)

static struct list_query query;
static const char *fault;

static int when_asked(const struct list_params *params)
{
    struct error err = {""};
    int r = list_query_read(params, &query, &fault, &err);

    ck_assert(r == 0 || strncmp(err.text, "must be ", 8) == 0);
    return r;
}

START_TEST(without_parameters_it_is_the_newest_ones_of_all)
{
    ck_assert_int_eq(when_asked(&(struct list_params){NULL, NULL, NULL, NULL}), 0);
    ck_assert_int_eq(query.status, ORDER_UNKNOWN);
    ck_assert_ptr_null(query.customer_id);
    ck_assert_uint_eq(query.limit, LIST_LIMIT_DEFAULT);
    ck_assert_str_eq(query.after.order_id, "");
}
END_TEST

START_TEST(parameters_are_read)
{
    char cursor[PAGE_CURSOR_SIZE];

    page_cursor_format(PLACED_MS, ORDER_ID, cursor);
    ck_assert_int_eq(when_asked(&(struct list_params){"cancelled", "c:1", "100", cursor}), 0);
    ck_assert_int_eq(query.status, ORDER_CANCELLED);
    ck_assert_str_eq(query.customer_id, "c:1");
    ck_assert_uint_eq(query.limit, 100);
    ck_assert_int_eq(query.after.placed_at_ms, PLACED_MS);
    ck_assert_str_eq(query.after.order_id, ORDER_ID);
    ck_assert_int_eq(when_asked(&(struct list_params){.limit = "1"}), 0);
    ck_assert_uint_eq(query.limit, 1);
}
END_TEST

static void then_refused(const struct list_params *params, const char *name)
{
    ck_assert_int_eq(when_asked(params), -EINVAL);
    ck_assert_str_eq(fault, name);
}

START_TEST(what_cannot_be_is_refused_by_name)
{
    static const char *const limits[] = {"",    "0",  "101", "-1",   "+1",  "1.0",
                                         "ten", " 1", "1 ",  "1000", "0x1", "99999999999999999999"};
    static const char *const statuses[] = {"", "unknown", "Placed", "placed,paid"};
    static const char *const customers[] = {"", "c 1", "c&limit=1", "\xc3\xa9"};
    static const char *const cursors[] = {"", "0", "next"};

    for (size_t i = 0; i < ARRAY_LEN(limits); i++)
        then_refused(&(struct list_params){.limit = limits[i]}, "limit");
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        then_refused(&(struct list_params){.status = statuses[i]}, "status");
    for (size_t i = 0; i < ARRAY_LEN(customers); i++)
        then_refused(&(struct list_params){.customer_id = customers[i]}, "customer_id");
    for (size_t i = 0; i < ARRAY_LEN(cursors); i++)
        then_refused(&(struct list_params){.cursor = cursors[i]}, "cursor");
}
END_TEST

START_TEST(the_next_page_has_the_same_filters)
{
    const struct order_place last = {.placed_at_ms = PLACED_MS, .order_id = ORDER_ID};
    char next[LIST_NEXT_SIZE], cursor[PAGE_CURSOR_SIZE], expected[LIST_NEXT_SIZE];
    char longest[CUSTOMER_ID_SIZE];

    page_cursor_format(PLACED_MS, ORDER_ID, cursor);
    list_next(&(struct list_params){.cursor = "the last one"}, &last, next);
    snprintf(expected, sizeof(expected), "cursor=%s", cursor);
    ck_assert_str_eq(next, expected);
    memset(longest, 'c', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    list_next(&(struct list_params){"cancelling", longest, "100", NULL}, &last, next);
    snprintf(expected, sizeof(expected), "status=cancelling&customer_id=%s&limit=100&cursor=%s",
             longest, cursor);
    ck_assert_str_eq(next, expected);
}
END_TEST

/* Visits orders of these statuses; returns how many the page has passed. */
static size_t visit(struct list_page *page, const enum order_status *statuses, size_t count)
{
    struct order_placed placed = {.order_id = ORDER_ID, .customer_id = "c-1", .currency = "EUR"};
    size_t passed = 0;

    for (; passed < count; passed++)
        if (!list_page_visit(page,
                             &(struct order_view){.status = statuses[passed], .placed = &placed}))
            break;
    return passed;
}

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;

    for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
        count++;
    return count;
}

START_TEST(a_page_takes_what_is_asked_for_until_it_is_full)
{
    static const enum order_status statuses[] = {ORDER_PAID, ORDER_PLACED,    ORDER_PAID,
                                                 ORDER_PAID, ORDER_COMPLETED, ORDER_PAID};
    const struct order_place last = {.placed_at_ms = PLACED_MS, .order_id = ORDER_ID};
    const struct list_query two_paid = {.status = ORDER_PAID, .limit = 2};
    const struct list_query three = {.limit = 3};
    size_t len;
    struct list_page *page = list_page_new(&two_paid);
    char *text;

    ck_assert_uint_eq(visit(page, statuses, ARRAY_LEN(statuses)), 3);
    text = list_page_finish(page, &last, &len);
    ck_assert_uint_eq(strlen(text), len);
    ck_assert_uint_eq(count_of(text, "\"status\":\"paid\""), 2);
    ck_assert_uint_eq(count_of(text, "\"status\""), 2);
    ck_assert_uint_eq(count_of(text, "},{"), 1);
    ck_assert_ptr_nonnull(strstr(text, "],\"next\":\"01"));
    free(text);
    page = list_page_new(&three);
    ck_assert_uint_eq(visit(page, statuses, 3), 3);
    text = list_page_finish(page, NULL, &len);
    ck_assert_uint_eq(count_of(text, "\"status\""), 3);
    ck_assert_ptr_nonnull(strstr(text, "],\"next\":null}"));
    free(text);
}
END_TEST

START_TEST(a_page_may_be_empty_or_given_up)
{
    const struct list_query any = {.limit = 1};
    size_t len;
    char *text = list_page_finish(list_page_new(&any), NULL, &len);

    ck_assert_str_eq(text, "{\"orders\":[],\"next\":null}");
    free(text);
    list_page_free(list_page_new(&any));
    list_page_free(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_list");
    TCase *tcase = tcase_create("list");

    tcase_add_test(tcase, without_parameters_it_is_the_newest_ones_of_all);
    tcase_add_test(tcase, parameters_are_read);
    tcase_add_test(tcase, what_cannot_be_is_refused_by_name);
    tcase_add_test(tcase, the_next_page_has_the_same_filters);
    tcase_add_test(tcase, a_page_takes_what_is_asked_for_until_it_is_full);
    tcase_add_test(tcase, a_page_may_be_empty_or_given_up);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
