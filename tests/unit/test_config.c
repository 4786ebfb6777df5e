/* test_config.c - settings from the environment: read, defaulted, refused, and explained. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/config.h"
#include "common/base/util.h"
#include "suite.h"

struct settings {
    char text[16];
    char name[16];
    int64_t number;
    int64_t choice;
};

static const char *const levels[] = {"debug", "info", NULL};
static const struct setting table[] = {
    {
        .variable = "TEST_TEXT",
        .type = SETTING_TEXT,
        .offset = SETTING_OFFSET(struct settings, text),
        .min = 1,
        .max = 15,
        .default_value = "localhost:9092",
        .sentence = "Some text.",
    },
    {
        .variable = "TEST_NAME",
        .type = SETTING_NAME,
        .offset = SETTING_OFFSET(struct settings, name),
        .max = 15,
        .sentence = "Some name.",
    },
    {
        .variable = "TEST_NUMBER",
        .type = SETTING_INTEGER,
        .offset = SETTING_OFFSET(struct settings, number),
        .min = -5,
        .max = 100,
        .default_value = "42",
        .unit = "ms",
        .sentence = "Some number.",
    },
    {
        .variable = "TEST_CHOICE",
        .type = SETTING_CHOICE,
        .offset = SETTING_OFFSET(struct settings, choice),
        .default_value = "info",
        .sentence = "Some choice.",
        .choices = levels,
    },
};

static struct settings settings;
static struct error err;

static void start(void)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        unsetenv(table[i].variable);
    memset(&settings, 0xa5, sizeof(settings));
    err.text[0] = '\0';
}

static int read_all(void)
{
    return config_read(table, ARRAY_LEN(table), &settings, &err);
}

static void assert_refused(const char *variable, const char *value, const char *in_message)
{
    setenv(variable, value, 1);
    ck_assert_msg(read_all() == -EINVAL, "%s=%s", variable, value);
    ck_assert_msg(strstr(err.text, variable) == err.text, "%s", err.text);
    ck_assert_msg(strstr(err.text, in_message) != NULL, "%s", err.text);
    unsetenv(variable);
}

START_TEST(what_is_not_set_has_its_default)
{
    ck_assert_int_eq(read_all(), 0);
    ck_assert_str_eq(settings.text, "localhost:9092");
    ck_assert_str_eq(settings.name, "");
    ck_assert_int_eq(settings.number, 42);
    ck_assert_int_eq(settings.choice, 1);
    ck_assert_str_eq(err.text, "");
}
END_TEST

START_TEST(what_is_set_is_read)
{
    setenv("TEST_TEXT", "a b", 1);
    setenv("TEST_NAME", "a-b_c.D9", 1);
    setenv("TEST_NUMBER", "7", 1);
    setenv("TEST_CHOICE", "debug", 1);
    ck_assert_int_eq(read_all(), 0);
    ck_assert_str_eq(settings.text, "a b");
    ck_assert_str_eq(settings.name, "a-b_c.D9");
    ck_assert_int_eq(settings.number, 7);
    ck_assert_int_eq(settings.choice, 0);
}
END_TEST

START_TEST(a_number_may_be_the_smallest_and_the_largest)
{
    setenv("TEST_NUMBER", "-5", 1);
    ck_assert_int_eq(read_all(), 0);
    ck_assert_int_eq(settings.number, -5);
    setenv("TEST_NUMBER", "100", 1);
    ck_assert_int_eq(read_all(), 0);
    ck_assert_int_eq(settings.number, 100);
}
END_TEST

START_TEST(a_number_out_of_range_or_malformed_is_refused_with_its_range)
{
    static const char *const wrong[] = {"-6", "101", "",    "x",   "7x",  "7 ",
                                        " 7", "7.0", "0x7", "1e1", "- 5", "999999999999999999999"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_refused("TEST_NUMBER", wrong[i], "from -5 to 100");
        assert_refused("TEST_NUMBER", wrong[i], wrong[i]);
    }
    assert_refused("TEST_NUMBER", "\n7", "from -5 to 100");
}
END_TEST

START_TEST(a_text_may_fill_its_place_and_no_more)
{
    setenv("TEST_TEXT", "123456789012345", 1);
    ck_assert_int_eq(read_all(), 0);
    ck_assert_str_eq(settings.text, "123456789012345");
    assert_refused("TEST_TEXT", "1234567890123456", "1 to 15 characters, not 16");
    assert_refused("TEST_TEXT", "", "1 to 15 characters, not 0");
}
END_TEST

START_TEST(a_name_has_nothing_that_a_path_or_a_topic_could_not_have)
{
    static const char *const wrong[] = {"a/b", "a b", "a\nb", "a:b", "\xc3\xa9", "a*"};

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_refused("TEST_NAME", wrong[i], "letters, digits");
    assert_refused("TEST_NAME", "1234567890123456", "0 to 15 characters");
}
END_TEST

START_TEST(a_choice_that_there_is_not_is_refused_with_those_there_are)
{
    assert_refused("TEST_CHOICE", "loud", "debug, info");
    assert_refused("TEST_CHOICE", "INFO", "debug, info");
    assert_refused("TEST_CHOICE", "", "debug, info");
}
END_TEST

START_TEST(a_refused_value_is_shown_on_one_line)
{
    setenv("TEST_CHOICE", "a\nb", 1);
    ck_assert_int_eq(read_all(), -EINVAL);
    ck_assert_ptr_null(strchr(err.text, '\n'));
}
END_TEST

START_TEST(help_names_everything_that_can_be_set)
{
    char *help = NULL;
    size_t len;
    FILE *out = open_memstream(&help, &len);

    config_print_help(table, ARRAY_LEN(table), out);
    fclose(out);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        ck_assert_ptr_nonnull(strstr(help, table[i].variable));
        ck_assert_ptr_nonnull(strstr(help, table[i].sentence));
    }
    ck_assert_ptr_nonnull(strstr(help, "default localhost:9092"));
    ck_assert_ptr_nonnull(strstr(help, "default (empty)"));
    ck_assert_ptr_nonnull(strstr(help, "default 42, -5 to 100 (ms)"));
    ck_assert_ptr_nonnull(strstr(help, "one of debug | info"));
    free(help);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *config = tcase_create("config");

    tcase_add_checked_fixture(config, start, NULL);
    tcase_add_test(config, what_is_not_set_has_its_default);
    tcase_add_test(config, what_is_set_is_read);
    tcase_add_test(config, a_number_may_be_the_smallest_and_the_largest);
    tcase_add_test(config, a_number_out_of_range_or_malformed_is_refused_with_its_range);
    tcase_add_test(config, a_text_may_fill_its_place_and_no_more);
    tcase_add_test(config, a_name_has_nothing_that_a_path_or_a_topic_could_not_have);
    tcase_add_test(config, a_choice_that_there_is_not_is_refused_with_those_there_are);
    tcase_add_test(config, a_refused_value_is_shown_on_one_line);
    tcase_add_test(config, help_names_everything_that_can_be_set);
    suite_add_tcase(suite, config);
    return suite_main(suite);
}
