/* test_order_cursors.c - the texts of lists and streams: what was written is read, nothing else. */
#include <inttypes.h>
#include <string.h>

#include "common/base/util.h"
#include "services/order/front_door/order_cursors.h"
#include "suite.h"

#define ORDER_ID "0193652f-8a31-7c04-9a5e-3f1d2b7c8e90"
#define ROWS 3
#define COLUMNS 4
#define POSITIONS (ROWS * COLUMNS)

static char text[STREAM_ID_SIZE(POSITIONS)];
static char cursor[PAGE_CURSOR_SIZE];
static int64_t found[POSITIONS];

static void then_page(int64_t placed_at_ms)
{
    int64_t ms = -1;
    char order_id[UUID_SIZE];

    page_cursor_format(placed_at_ms, ORDER_ID, cursor);
    ck_assert_uint_eq(strlen(cursor), PAGE_CURSOR_SIZE - 1);
    ck_assert(page_cursor_parse(cursor, &ms, order_id));
    ck_assert_int_eq(ms, placed_at_ms);
    ck_assert_str_eq(order_id, ORDER_ID);
}

START_TEST(a_page_cursor_is_read_as_it_was_written)
{
    then_page(0);
    then_page(1764038437123);
    then_page(INT64_MAX);
}
END_TEST

static void then_no_page(const char *bad)
{
    int64_t ms = -1;
    char order_id[UUID_SIZE] = "untouched";

    ck_assert_msg(!page_cursor_parse(bad, &ms, order_id), "%s", bad);
    ck_assert_int_eq(ms, -1);
    ck_assert_str_eq(order_id, "untouched");
}

START_TEST(a_text_that_is_no_page_cursor_is_refused)
{
    char bad[PAGE_CURSOR_SIZE + 1];

    page_cursor_format(1764038437123, ORDER_ID, cursor);
    then_no_page("");
    then_no_page("0");
    then_no_page(ORDER_ID);
    for (size_t i = 0; i < sizeof(cursor) - 1; i++) { /* cut, and each digit spoilt */
        strcpy(bad, cursor);
        bad[i] = '\0';
        then_no_page(bad);
        bad[i] = 'g';
        then_no_page(bad);
        bad[i] = 'A';
        then_no_page(bad);
    }
    snprintf(bad, sizeof(bad), "%s0", cursor);
    then_no_page(bad);
    strcpy(bad, cursor);
    bad[1] = '2'; /* another version */
    then_no_page(bad);
    strcpy(bad, cursor);
    bad[2] = 'f'; /* a negative time */
    then_no_page(bad);
}
END_TEST

static void then_id(const int64_t positions[POSITIONS], const char *expected)
{
    size_t len = stream_id_format(STREAM_OF_ALL, positions, ROWS, COLUMNS, text);

    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(len, strlen(text));
    memset(found, 0xff, sizeof(found));
    ck_assert(stream_id_parse(text, STREAM_OF_ALL, ROWS, COLUMNS, found));
    ck_assert_mem_eq(found, positions, sizeof(found));
}

START_TEST(a_stream_id_is_read_as_it_was_written)
{
    int64_t all[POSITIONS];

    then_id((int64_t[POSITIONS]){0}, "a1://");
    then_id((int64_t[POSITIONS]){12}, "a1:12//");
    then_id((int64_t[POSITIONS]){0, 0, 7, 0, [8] = 1, [11] = INT64_MAX},
            "a1:0.0.7//1.0.0.9223372036854775807");
    for (size_t i = 0; i < POSITIONS; i++)
        all[i] = INT64_MAX;
    stream_id_format(STREAM_OF_ALL, all, ROWS, COLUMNS, text);
    ck_assert(stream_id_parse(text, STREAM_OF_ALL, ROWS, COLUMNS, found));
    ck_assert_mem_eq(found, all, sizeof(all));
}
END_TEST

START_TEST(a_text_that_is_no_id_of_such_a_stream_is_refused)
{
    const char *const bad[] = {
        "",
        "a",
        "a1",
        "a1:",
        "a1:/",
        "a1:1/",
        "a1:1///",
        "a1://x",
        "o1://",
        "a2://",
        " a1://",
        "a1:// ",
        "a1:1.//",
        "a1:.1//",
        "a1:1..2//",
        "a1:01//",
        "a1:-1//",
        "a1:+1//",
        "a1:1,2//",
        "a1:0//",
        "a1:1.0//",
        "a1:1 //",
        "a1:1;2//",
        "a1:0x1//",
        "A1://",
        "a1//",
        "a1:///",
        "a1:00//",
        "a1:1.1.1.1.1//",
        "a1:9223372036854775808//",
        "a1://99999999999999999999",
    };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!stream_id_parse(bad[i], STREAM_OF_ALL, ROWS, COLUMNS, found), "%s", bad[i]);
    ck_assert(!stream_id_parse("o1:1", STREAM_OF_ALL, 1, 5, found));
    ck_assert(stream_id_parse("o1:1", STREAM_OF_ORDER, 1, 5, found));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_cursors");
    TCase *tcase = tcase_create("cursors");

    tcase_add_test(tcase, a_page_cursor_is_read_as_it_was_written);
    tcase_add_test(tcase, a_text_that_is_no_page_cursor_is_refused);
    tcase_add_test(tcase, a_stream_id_is_read_as_it_was_written);
    tcase_add_test(tcase, a_text_that_is_no_id_of_such_a_stream_is_refused);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
