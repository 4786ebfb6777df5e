/* test_money.c - amounts and other JSON numbers are read exactly, or refused. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/util.h"
#include "common/event/decimal.h"
#include "common/event/money.h"
#include "suite.h"

struct reading {
    const char *text;
    int64_t minor;
};

static void assert_reads(const char *text, int64_t expected)
{
    int64_t minor = -1;
    int r = money_parse(text, strlen(text), &minor);

    ck_assert_msg(r == 0 && minor == expected, "%s: %d, %" PRId64, text, r, minor);
}

static void assert_refuses(const char *text, int expected)
{
    int64_t minor = -1;
    int r = money_parse(text, strlen(text), &minor);

    ck_assert_msg(r == expected && minor == -1, "%s: %d, %" PRId64, text, r, minor);
}

START_TEST(every_way_to_write_an_amount_is_read_exactly)
{
    static const struct reading readings[] = {
        {"19.99", 1999},
        {"1999e-2", 1999},
        {"1.999e1", 1999},
        {"1.999E+1", 1999},
        {"0.1", 10},
        {"0.10", 10},
        {"0.100000000000000000000000000000", 10},
        {"0", 0},
        {"0.00", 0},
        {"7", 700},
        {"700e0", 70000},
        {"1e0", 100},
        {"10e-1", 100},
        {"12000000e-6", 1200},
        {"0.0019e4", 1900},
        {"100", 10000},
        {"1000000.01", 100000001},
        {"-19.99", -1999},
        {"1e-2", 1},
        {"0.07", 7},
        {"4.35", 435},
        {"1.15", 115},
        {"0.29", 29}, /* off by one in a double */
    };

    for (size_t i = 0; i < ARRAY_LEN(readings); i++)
        assert_reads(readings[i].text, readings[i].minor);
}
END_TEST

START_TEST(zero_is_zero_however_it_is_written)
{
    static const char *const zeros[] = {"-0",
                                        "-0.00",
                                        "0e400",
                                        "0E-400",
                                        "0.000000e9",
                                        "0e99999999999999999999",
                                        "0e-99999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(zeros); i++)
        assert_reads(zeros[i], 0);
}
END_TEST

START_TEST(a_fraction_of_a_minor_unit_is_refused)
{
    static const char *const fractions[] = {"0.001",
                                            "19.999",
                                            "1e-3",
                                            "1e-400",
                                            "1e-99999999999999999999",
                                            "0.0100000000000000000001",
                                            "1.00000000000000000000000000000001",
                                            "19999e-3",
                                            "-0.001",
                                            "123456789012345678901234567890.123"};

    for (size_t i = 0; i < ARRAY_LEN(fractions); i++)
        assert_refuses(fractions[i], -EINVAL);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_and_does_not_wrap_around)
{
    static const char *const numbers[] = {
        "92233720368547758.08",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551616",
        "184467440737095516.16",
        "1e400",
        "1e17",
        "-92233720368547758.09",
        "1e99999999999999999999",
        "123456789012345678901234567890",
        "100000000000000000000000000000000000000000000000000000000000000000"};

    assert_reads("92233720368547758.07", INT64_MAX);
    assert_reads("-92233720368547758.08", INT64_MIN);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        assert_refuses(numbers[i], -ERANGE);
}
END_TEST

START_TEST(only_the_grammar_of_json_numbers_is_read)
{
    static const char *const texts[] = {
        "",     "-",     "+1",    "01",       "00",        "-01",       "1.",    ".5",
        "1.e1", "1e",    "1e+",   "1e-",      "e1",        "0x10",      "1_000", "1,000",
        " 1",   "1 ",    "1\n",   "NaN",      "Infinity",  "-Infinity", "nan",   "1.2.3",
        "--1",  "1e1.5", "1e1e1", "19.99USD", "\"19.99\"", "1f",        "0 0"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_refuses(texts[i], -EINVAL);
}
END_TEST

START_TEST(the_length_rules_not_the_nul)
{
    int64_t minor = 0;

    ck_assert_int_eq(money_parse("19.999", 5, &minor), 0);
    ck_assert_int_eq(minor, 1999);
    ck_assert_int_eq(money_parse("1\0002", 3, &minor), -EINVAL);
}
END_TEST

START_TEST(a_very_long_number_takes_linear_time)
{
    static char text[65536];
    int64_t minor;

    memset(text, '0', sizeof(text));
    text[0] = '1';
    ck_assert_int_eq(money_parse(text, sizeof(text), &minor), -ERANGE);
    memset(text, '9', sizeof(text));
    ck_assert_int_eq(money_parse(text, sizeof(text), &minor), -ERANGE);
    memcpy(text, "0.", 2);
    ck_assert_int_eq(money_parse(text, sizeof(text), &minor), -EINVAL);
}
END_TEST

START_TEST(a_scale_of_zero_reads_integers)
{
    static const struct reading readings[] = {{"1", 1},
                                              {"1.0", 1},
                                              {"1e2", 100},
                                              {"200e-2", 2},
                                              {"-0", 0},
                                              {"-1", -1},
                                              {"9223372036854775807", INT64_MAX},
                                              {"-9223372036854775808", INT64_MIN}};
    int64_t value;

    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        ck_assert_int_eq(decimal_parse(readings[i].text, strlen(readings[i].text), 0, &value), 0);
        ck_assert_int_eq(value, readings[i].minor);
    }
    ck_assert_int_eq(decimal_parse("1.5", 3, 0, &value), -EINVAL);
    ck_assert_int_eq(decimal_parse("9223372036854775808", 19, 0, &value), -ERANGE);
}
END_TEST

START_TEST(amounts_are_written_with_two_decimals)
{
    static const struct reading readings[] = {{"19.99", 1999},
                                              {"0.00", 0},
                                              {"0.01", 1},
                                              {"0.10", 10},
                                              {"1.00", 100},
                                              {"-0.05", -5},
                                              {"-19.99", -1999},
                                              {"1000000000000.00", 100000000000000},
                                              {"92233720368547758.07", INT64_MAX},
                                              {"-92233720368547758.08", INT64_MIN}};
    char text[MONEY_SIZE];

    for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
        ck_assert_uint_eq(money_format(readings[i].minor, text), strlen(readings[i].text));
        ck_assert_str_eq(text, readings[i].text);
    }
}
END_TEST

START_TEST(what_is_written_is_read_back)
{
    char text[MONEY_SIZE];
    uint64_t random = 42;

    for (int i = 0; i < 100000; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int64_t minor = (int64_t)random >> (i % 63);

        money_format(minor, text);
        assert_reads(text, minor);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("money");
    TCase *money = tcase_create("money");

    tcase_add_test(money, every_way_to_write_an_amount_is_read_exactly);
    tcase_add_test(money, zero_is_zero_however_it_is_written);
    tcase_add_test(money, a_fraction_of_a_minor_unit_is_refused);
    tcase_add_test(money, what_does_not_fit_is_refused_and_does_not_wrap_around);
    tcase_add_test(money, only_the_grammar_of_json_numbers_is_read);
    tcase_add_test(money, the_length_rules_not_the_nul);
    tcase_add_test(money, a_very_long_number_takes_linear_time);
    tcase_add_test(money, a_scale_of_zero_reads_integers);
    tcase_add_test(money, amounts_are_written_with_two_decimals);
    tcase_add_test(money, what_is_written_is_read_back);
    suite_add_tcase(suite, money);
    return suite_main(suite);
}
