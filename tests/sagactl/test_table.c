/* test_table.c - columns line up, and a cell cannot command the terminal. */
#include <errno.h>
#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tools/sagactl/table.h"

static const struct table_column columns[] = {{"NAME", false}, {"COUNT", true}, {"NOTE", false}};

static struct table *new_table(void)
{
    struct table *table = NULL;

    ck_assert_int_eq(table_new(columns, ARRAY_LEN(columns), &table, NULL), 0);
    return table;
}

static void assert_prints(const struct table *table, const char *expected)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    table_print(table, out);
    fclose(out);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(columns_are_as_wide_as_their_widest_cell)
{
    CLEANUP(table_cleanup) struct table *table = new_table();

    table_add(table, (const char *[]){"widget", "7", "last"}, NULL);
    table_add(table, (const char *[]){"x", "1234567", ""}, NULL);

    assert_prints(table, "NAME      COUNT  NOTE\n"
                         "widget        7  last\n"
                         "x       1234567  \n");
}
END_TEST

START_TEST(a_table_without_rows_is_its_headings)
{
    CLEANUP(table_cleanup) struct table *table = new_table();

    assert_prints(table, "NAME  COUNT  NOTE\n");
}
END_TEST

START_TEST(width_is_counted_in_characters_not_in_bytes)
{
    CLEANUP(table_cleanup) struct table *table = new_table();

    table_add(table, (const char *[]){"\xc3\xa9t\xc3\xa9", "1", ""}, NULL);

    assert_prints(table, "NAME  COUNT  NOTE\n"
                         "\xc3\xa9t\xc3\xa9       1  \n");
}
END_TEST

START_TEST(control_characters_do_not_reach_the_terminal)
{
    CLEANUP(table_cleanup) struct table *table = new_table();

    table_add(table,
              (const char *[]){"a\x1b[2Jb", "1",
                               "\xc2\x9b"
                               "31m\n"},
              NULL);

    assert_prints(table, "NAME    COUNT  NOTE\n"
                         "a?[2Jb      1  ??31m?\n");
}
END_TEST

START_TEST(more_rows_than_the_bound_are_refused)
{
    CLEANUP(table_cleanup) struct table *table = new_table();
    const char *cells[] = {"a", "b", "c"};

    for (int i = 0; i < TABLE_ROWS_MAX; i++)
        ck_assert_int_eq(table_add(table, cells, NULL), 0);

    ck_assert_int_eq(table_add(table, cells, NULL), -E2BIG);
    ck_assert_uint_eq(table_row_count(table), TABLE_ROWS_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sagactl table");
    TCase *tcase = tcase_create("table");

    tcase_add_test(tcase, columns_are_as_wide_as_their_widest_cell);
    tcase_add_test(tcase, a_table_without_rows_is_its_headings);
    tcase_add_test(tcase, width_is_counted_in_characters_not_in_bytes);
    tcase_add_test(tcase, control_characters_do_not_reach_the_terminal);
    tcase_add_test(tcase, more_rows_than_the_bound_are_refused);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
