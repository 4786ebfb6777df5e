/* test_base.c - ids, time stamps, errors and quoted log text. Settings: test_config.c. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/base/uuid.h"
#include "suite.h"

#define NAMESPACE_DNS "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
#define NAMESPACE_URL "6ba7b811-9dad-11d1-80b4-00c04fd430c8"

/* --- UUID ------------------------------------------------------------------------------------- */

static void assert_v5(const char *space, const char *name, const char *expected)
{
    char uuid[UUID_SIZE];

    uuid_v5(space, name, strlen(name), uuid);
    ck_assert_str_eq(uuid, expected);
}

START_TEST(a_version_5_id_is_that_of_other_programs)
{
    /* RFC 9562, appendix A.4; the documentation of Python's uuid; and what Python says of "". */
    assert_v5(NAMESPACE_DNS, "www.example.com", "2ed6657d-e927-568b-95e1-2665a8aea6a2");
    assert_v5(NAMESPACE_DNS, "python.org", "886313e1-3b8a-5372-9b90-0c9aee199e5d");
    assert_v5(NAMESPACE_URL, "", "1b4db7eb-4057-5ddf-91e0-36dec72071f5");
}
END_TEST

/* 16 bytes of name space come first: a block of SHA-1 is full at 48, its length fits up to 39. */
START_TEST(a_version_5_id_is_right_at_every_end_of_a_block)
{
    static const struct {
        size_t len;
        const char *uuid;
    } ids[] = {
        {38, "1692765d-1c95-5ac5-a073-ac1b4660febe"},
        {39, "615eac0e-03db-567b-8580-916c1aca1cc2"},
        {40, "c5c985c8-6875-5a42-b6e3-2872703afed4"},
        {47, "60100e11-180f-59cb-911f-bdb3aa734c9d"},
        {48, "aa33c522-9edc-58a5-b5af-e2a12995886e"},
        {49, "5f34ff08-c93f-5aca-811f-32e7d0b994bd"},
        {112, "237275f4-1121-5532-bfe3-f5091e4fce65"},
        {1000, "7f46a8f9-f8ba-5a67-983a-ffc2101475df"},
    };
    char name[1001], uuid[UUID_SIZE];

    memset(name, 'a', sizeof(name));
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        uuid_v5(NAMESPACE_URL, name, ids[i].len, uuid);
        ck_assert_str_eq(uuid, ids[i].uuid);
    }
}
END_TEST

START_TEST(a_version_7_id_begins_with_its_time_and_says_what_it_is)
{
    char uuid[UUID_SIZE];

    uuid_v7(0x0193652f8a31, uuid);
    ck_assert(uuid_is_valid(uuid, strlen(uuid)));
    ck_assert_msg(strncmp(uuid, "0193652f-8a31-7", 15) == 0, "%s", uuid);
    ck_assert_ptr_nonnull(strchr("89ab", uuid[19]));
}
END_TEST

START_TEST(a_later_version_7_id_sorts_after_an_earlier_one)
{
    char before[UUID_SIZE], after[UUID_SIZE];

    for (int64_t ms = 0; ms < (INT64_C(1) << 47); ms = ms * 2 + 1) {
        uuid_v7(ms, before);
        uuid_v7(ms + 1, after);
        ck_assert_msg(strcmp(before, after) < 0, "%s %s", before, after);
    }
}
END_TEST

START_TEST(two_version_7_ids_of_one_moment_differ)
{
    char one[UUID_SIZE], other[UUID_SIZE];

    uuid_v7(1, one);
    uuid_v7(1, other);
    ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(only_lower_case_text_of_the_right_form_is_an_id)
{
    static const char *const wrong[] = {
        "",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c88",
        "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
        "6ba7b8109-dad-11d1-80b4-00c04fd430c8",
        "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
        "6ba7b810-9dad-11d1-80b4 00c04fd430c8",
        "6ba7b8109dad11d180b400c04fd430c80000",
        "{ba7b810-9dad-11d1-80b4-00c04fd430c}",
    };

    ck_assert(uuid_is_valid(NAMESPACE_DNS, UUID_SIZE - 1));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_msg(!uuid_is_valid(wrong[i], strlen(wrong[i])), "%s", wrong[i]);
}
END_TEST

START_TEST(an_id_and_its_bytes_are_the_same)
{
    static const uint8_t expected[16] = {0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1,
                                         0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};
    uint8_t bytes[16];
    char uuid[UUID_SIZE];

    uuid_to_bytes(NAMESPACE_DNS, bytes);
    ck_assert_mem_eq(bytes, expected, sizeof(bytes));
    uuid_from_bytes(bytes, uuid);
    ck_assert_str_eq(uuid, NAMESPACE_DNS);
}
END_TEST

/* --- time stamps ------------------------------------------------------------------------------ */

START_TEST(a_time_stamp_is_written_and_read_back)
{
    static const struct {
        int64_t utc_ms;
        const char *text;
    } stamps[] = {
        {INT64_C(0), "1970-01-01T00:00:00.000Z"},
        {INT64_C(68255999999), "1972-02-29T23:59:59.999Z"},
        {INT64_C(946684799999), "1999-12-31T23:59:59.999Z"},
        {INT64_C(951782400000), "2000-02-29T00:00:00.000Z"},
        {INT64_C(951868800000), "2000-03-01T00:00:00.000Z"},
        {INT64_C(1795536937123), "2026-11-24T16:15:37.123Z"},
        {INT64_C(4107542399999), "2100-02-28T23:59:59.999Z"},
        {INT64_C(4107542400000), "2100-03-01T00:00:00.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
    };
    char text[TIMESTAMP_SIZE];
    int64_t utc_ms;

    for (size_t i = 0; i < ARRAY_LEN(stamps); i++) {
        timestamp_format(stamps[i].utc_ms, text);
        ck_assert_str_eq(text, stamps[i].text);
        ck_assert_int_eq(timestamp_parse(text, strlen(text), &utc_ms), 0);
        ck_assert_int_eq(utc_ms, stamps[i].utc_ms);
    }
}
END_TEST

START_TEST(every_day_until_the_year_9999_is_read_back)
{
    const int64_t ms_per_day = 86400000, last = INT64_C(253402300799999) / ms_per_day;
    char text[TIMESTAMP_SIZE];
    int64_t utc_ms = -1;

    for (int64_t day = 0; day <= last; day++) {
        timestamp_format(day * ms_per_day + day % ms_per_day, text);
        if (timestamp_parse(text, strlen(text), &utc_ms) != 0 ||
            utc_ms != day * ms_per_day + day % ms_per_day)
            ck_abort_msg("day %" PRId64 ": %s", day, text);
    }
}
END_TEST

START_TEST(what_is_no_time_stamp_of_ours_is_refused)
{
    static const char *const wrong[] = {
        "",
        "2026-11-24T16:15:37.123",
        "2026-11-24T16:15:37.123Z ",
        "2026-11-24 16:15:37.123Z",
        "2026-11-24t16:15:37.123z",
        "2026-11-24T16:15:37Z",
        "2026-11-24T16:15:37.12Z",
        "2026-11-24T16:15:37.1234Z",
        "2026-11-24T16:15:37.123+00:00",
        "1969-12-31T23:59:59.999Z",
        "2026-00-24T16:15:37.123Z",
        "2026-13-24T16:15:37.123Z",
        "2026-11-00T16:15:37.123Z",
        "2026-11-31T16:15:37.123Z",
        "2026-02-29T16:15:37.123Z",
        "2100-02-29T16:15:37.123Z",
        "2026-11-24T24:00:00.000Z",
        "2026-11-24T16:60:37.123Z",
        "2026-11-24T23:59:60.000Z",
        "2026-11-24T16:15:3x.123Z",
        "+026-11-24T16:15:37.123Z",
    };
    int64_t utc_ms = 42;

    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        ck_assert_msg(timestamp_parse(wrong[i], strlen(wrong[i]), &utc_ms) == -EINVAL, "%s",
                      wrong[i]);
    ck_assert_int_eq(utc_ms, 42);
}
END_TEST

START_TEST(the_clocks_go_forward)
{
    int64_t before = clock_monotonic_ms();

    ck_assert_int_gt(clock_utc_ms(), INT64_C(1700000000000));
    ck_assert_int_ge(clock_monotonic_ms(), before);
}
END_TEST

/* --- errors and log text ---------------------------------------------------------------------- */

START_TEST(an_error_is_one_printable_line_and_its_code)
{
    struct error err;

    ck_assert_int_eq(error_set(&err, -EINVAL, "%s is %d", "quantity", 0), -EINVAL);
    ck_assert_str_eq(err.text, "quantity is 0");
    error_set(&err, -EIO, "a\nb\tc\x1b[31md\x7f");
    ck_assert_str_eq(err.text, "a b c [31md ");
}
END_TEST

START_TEST(an_error_is_cut_to_its_size)
{
    char text[ERROR_TEXT_SIZE + 100];
    struct error err;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    error_set(&err, -EIO, "%s", text);
    ck_assert_uint_eq(strlen(err.text), ERROR_TEXT_SIZE - 1);
    error_prefix(&err, -EIO, "%s", text);
    ck_assert_uint_lt(strlen(err.text), ERROR_TEXT_SIZE);
}
END_TEST

START_TEST(a_prefix_says_what_was_being_done)
{
    struct error err;

    error_set(&err, -ENOENT, "no such file");
    ck_assert_int_eq(error_prefix(&err, -ENOENT, "opening %s", "x"), -ENOENT);
    ck_assert_str_eq(err.text, "opening x: no such file");
}
END_TEST

START_TEST(nobody_need_listen_to_an_error)
{
    ck_assert_int_eq(error_set(NULL, -EIO, "x"), -EIO);
    ck_assert_int_eq(error_prefix(NULL, -EIO, "x"), -EIO);
}
END_TEST

START_TEST(log_text_is_quoted)
{
    ck_assert_str_eq(LOG_TEXT(""), "\"\"");
    ck_assert_str_eq(LOG_TEXT("all is well"), "\"all is well\"");
    ck_assert_str_eq(LOG_TEXT("say \"a=b\""), "\"say \\\"a=b\\\"\"");
    ck_assert_str_eq(LOG_TEXT("c:\\x"), "\"c:\\\\x\"");
}
END_TEST

START_TEST(log_text_stays_on_its_line)
{
    const char *quoted = LOG_TEXT("a\nlevel=error\r\tb\x01");

    for (const char *p = quoted; *p != '\0'; p++)
        ck_assert_int_ge((unsigned char)*p, ' ');
    ck_assert_ptr_nonnull(strstr(quoted, "level=error"));
}
END_TEST

START_TEST(log_text_is_cut_to_its_size_and_still_quoted)
{
    char text[2 * LOG_TEXT_SIZE];
    static const char fill[] = {'x', '"', '\\'};

    for (size_t i = 0; i < ARRAY_LEN(fill); i++) {
        memset(text, fill[i], sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        /* The cut falls before, in and after an escape. */
        for (size_t shift = 0; shift < 3; shift++) {
            const char *quoted;

            memset(text, 'y', shift);
            quoted = LOG_TEXT(text);
            ck_assert_uint_lt(strlen(quoted), LOG_TEXT_SIZE);
            ck_assert_uint_gt(strlen(quoted), LOG_TEXT_SIZE - 8);
            ck_assert_int_eq(quoted[strlen(quoted) - 1], '"');
        }
    }
}
END_TEST

static TCase *id_case(void)
{
    TCase *tests = tcase_create("id");

    tcase_add_test(tests, a_version_5_id_is_that_of_other_programs);
    tcase_add_test(tests, a_version_5_id_is_right_at_every_end_of_a_block);
    tcase_add_test(tests, a_version_7_id_begins_with_its_time_and_says_what_it_is);
    tcase_add_test(tests, a_later_version_7_id_sorts_after_an_earlier_one);
    tcase_add_test(tests, two_version_7_ids_of_one_moment_differ);
    tcase_add_test(tests, only_lower_case_text_of_the_right_form_is_an_id);
    tcase_add_test(tests, an_id_and_its_bytes_are_the_same);
    return tests;
}

static TCase *time_case(void)
{
    TCase *tests = tcase_create("time");

    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, a_time_stamp_is_written_and_read_back);
    tcase_add_test(tests, every_day_until_the_year_9999_is_read_back);
    tcase_add_test(tests, what_is_no_time_stamp_of_ours_is_refused);
    tcase_add_test(tests, the_clocks_go_forward);
    return tests;
}

static TCase *text_case(void)
{
    TCase *tests = tcase_create("text");

    tcase_add_test(tests, an_error_is_one_printable_line_and_its_code);
    tcase_add_test(tests, an_error_is_cut_to_its_size);
    tcase_add_test(tests, a_prefix_says_what_was_being_done);
    tcase_add_test(tests, nobody_need_listen_to_an_error);
    tcase_add_test(tests, log_text_is_quoted);
    tcase_add_test(tests, log_text_stays_on_its_line);
    tcase_add_test(tests, log_text_is_cut_to_its_size_and_still_quoted);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("base");

    suite_add_tcase(suite, id_case());
    suite_add_tcase(suite, time_case());
    suite_add_tcase(suite, text_case());
    return suite_main(suite);
}
