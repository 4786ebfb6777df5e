/* test_bookmarks.c - what is left of the inputs, and how old it is. */
#include "common/kafka/bookmarks.h"
#include "suite.h"

#define T 100000000 /* some time */

/* Reading begins at offset 10. */
static const struct bookmark at_10 = {10, 10, -1, -1, -1, -1};

static struct bookmark bookmark;

static void setup(void)
{
    bookmark = at_10;
}

static void assert_lag(int64_t end, int64_t now_ms, int64_t records, int64_t oldest_ms)
{
    struct lag lag = {0, 0};

    bookmark_add_lag(&bookmark, end, now_ms, &lag);
    ck_assert_int_eq(lag.records, records);
    ck_assert_int_eq(lag.oldest_ms, oldest_ms);
}

static void work_on(int64_t offset, int64_t record_ms)
{
    bookmark.next = offset + 1;
    bookmark.record_ms = record_ms;
}

START_TEST(who_has_worked_on_all_has_no_lag)
{
    assert_lag(10, T, 0, 0);
    work_on(10, T);
    assert_lag(11, T, 0, 0);
}
END_TEST

START_TEST(an_end_that_is_not_known_says_nothing)
{
    assert_lag(RD_KAFKA_OFFSET_INVALID, T, 0, 0);
    assert_lag(12, T + 5, 2, T + 5); /* and has not counted as being there */
}
END_TEST

START_TEST(a_commit_marker_at_the_end_is_no_lag)
{
    work_on(10, T);
    bookmark.end = 12; /* the consumer has come there, past the marker */
    assert_lag(12, T, 0, 0);
    assert_lag(14, T + 7, 2, T);
}
END_TEST

START_TEST(an_unread_backlog_is_as_old_as_we_know_of_it)
{
    assert_lag(15, T, 5, T);
    assert_lag(16, T + 500, 6, T);
}
END_TEST

START_TEST(a_backlog_is_as_old_as_its_records_however_late_we_came)
{
    assert_lag(15, T, 5, T);
    work_on(10, T - 3600000);
    assert_lag(15, T + 1, 4, T - 3600000);
    work_on(11, T - 1800000);
    assert_lag(15, T + 2, 3, T - 1800000);
}
END_TEST

START_TEST(what_comes_after_a_quiet_time_is_not_as_old_as_the_last_record)
{
    work_on(10, T);
    assert_lag(11, T + 3600000, 0, 0);
    assert_lag(12, T + 3600500, 1, T + 3600000);
    assert_lag(13, T + 3610000, 2, T + 3600000); /* and gets older */
}
END_TEST

START_TEST(the_oldest_of_all_partitions_counts)
{
    struct bookmark other = at_10;
    struct lag lag = {0, 0};

    work_on(10, T + 10);
    other.next = 20;
    other.record_ms = T;
    bookmark_add_lag(&bookmark, 12, T + 20, &lag);
    bookmark_add_lag(&other, 23, T + 20, &lag);
    ck_assert_int_eq(lag.records, 4);
    ck_assert_int_eq(lag.oldest_ms, T);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bookmarks");
    TCase *tests = tcase_create("lag");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, who_has_worked_on_all_has_no_lag);
    tcase_add_test(tests, an_end_that_is_not_known_says_nothing);
    tcase_add_test(tests, a_commit_marker_at_the_end_is_no_lag);
    tcase_add_test(tests, an_unread_backlog_is_as_old_as_we_know_of_it);
    tcase_add_test(tests, a_backlog_is_as_old_as_its_records_however_late_we_came);
    tcase_add_test(tests, what_comes_after_a_quiet_time_is_not_as_old_as_the_last_record);
    tcase_add_test(tests, the_oldest_of_all_partitions_counts);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}
