/* test_number.c - what passes for a whole number on the command line. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/number.h"

START_TEST(digits_within_the_bounds_are_a_number)
{
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {{"1", 1}, {"007", 7}, {"1000000000", 1000000000}};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t number = 0;

        ck_assert_int_eq(number_parse(rows[i].text, 1, 1000000000, &number, NULL), 0);
        ck_assert_int_eq(number, rows[i].number);
    }
}
END_TEST

START_TEST(anything_else_is_refused_and_leaves_the_number_alone)
{
    static const char *const rows[] = {
        "",   "0",  "1000000001", "-1",  "+1",  " 1",
        "1 ", "1m", "1.0",        "1e3", "0x1", "999999999999999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct error err = {0};
        int64_t number = 42;

        ck_assert_int_eq(number_parse(rows[i], 1, 1000000000, &number, &err), -EINVAL);
        ck_assert_int_eq(number, 42);
        ck_assert_ptr_nonnull(strstr(err.text, "must be a whole number from 1 to 1000000000"));
    }
}
END_TEST

START_TEST(zero_may_be_within_the_bounds)
{
    int64_t number = 42;

    ck_assert_int_eq(number_parse("0", 0, 0, &number, NULL), 0);
    ck_assert_int_eq(number, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl number");
    TCase *tcase = tcase_create("number");

    tcase_add_test(tcase, digits_within_the_bounds_are_a_number);
    tcase_add_test(tcase, anything_else_is_refused_and_leaves_the_number_alone);
    tcase_add_test(tcase, zero_may_be_within_the_bounds);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
