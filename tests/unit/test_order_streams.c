/* test_order_streams.c - who reads streams: when they are woken, reminded and let go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "stream_world.h"
#include "suite.h"

/* -------------------------------------------------------------------------- waking, letting go */

START_TEST(only_those_who_are_concerned_are_woken_and_once)
{
    struct http_request *seven = when_order_is_read(0, 7), *eight = when_order_is_read(1, 8),
                        *all = when_all_is_read(2, "");

    ck_assert(order_streams_is_wanted(world.streams));
    when_changed(7);
    when_changed(7);
    when_changed(9);
    ck_assert_uint_eq(seven->stream->wakes, 1);
    ck_assert_uint_eq(eight->stream->wakes, 0);
    ck_assert_uint_eq(all->stream->wakes, 1);
    when_read(seven);
    when_changed(7);
    ck_assert_uint_eq(seven->stream->wakes, 2);
    hang_up(seven);
    hang_up(eight);
    hang_up(all);
    ck_assert(!order_streams_is_wanted(world.streams));
    when_changed(7);
}
END_TEST

START_TEST(who_hears_nothing_for_long_gets_a_comment)
{
    struct http_request *request;

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    when_read(request);
    order_streams_tick(world.streams, world.now_ms += STREAM_HEARTBEAT_MS - 1);
    ck_assert_uint_eq(request->stream->wakes, 0);
    order_streams_tick(world.streams, world.now_ms += 1);
    ck_assert_uint_eq(request->stream->wakes, 0); /* not before the next tick is due */
    order_streams_tick(world.streams, world.now_ms += 1000);
    ck_assert_uint_eq(request->stream->wakes, 1);
    when_read(request);
    ck_assert_str_eq(world.text, ": ping\nid: o1:11\n\n");
    when_read(request);
    ck_assert_str_eq(world.text, "");
}
END_TEST

START_TEST(a_comment_does_not_come_between_the_pieces_of_an_event)
{
    struct http_request *request;

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(read_some(request, 10), i == 2 ? 1 : 10);
    world.now_ms += 2 * STREAM_HEARTBEAT_MS;
    when_read(request);
    ck_assert_uint_eq(count_of(": ping"), 0);
    ck_assert_ptr_nonnull(strstr(world.text, "\n\n"));
}
END_TEST

/* Gives the reader more than one buffer of news, of which it takes one. */
static ssize_t take_one_of_many(struct http_request *request, size_t number)
{
    for (size_t i = 0; i < 20; i++)
        given_placed(number + i, "c-1");
    when_changed(number);
    return read_some(request, 500);
}

START_TEST(a_reader_that_falls_behind_is_let_go)
{
    struct http_request *request = when_all_is_read(0, "");

    when_read(request); /* has caught up */
    ck_assert_int_gt(take_one_of_many(request, 100), 0);
    world.now_ms += STREAM_LAG_MS_MAX - 1;
    ck_assert_int_gt(take_one_of_many(request, 200), 0);
    world.now_ms += 1;
    ck_assert_int_eq(take_one_of_many(request, 300), HTTP_STREAM_END);
}
END_TEST

START_TEST(a_reader_that_keeps_up_is_kept)
{
    struct http_request *request = when_all_is_read(0, "");

    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_gt(take_one_of_many(request, 100 + 100 * i), 0);
        when_read(request);
        world.now_ms += STREAM_LAG_MS_MAX;
    }
}
END_TEST

START_TEST(a_reader_that_is_still_catching_up_is_kept)
{
    struct http_request *request;

    for (size_t i = 0; i < 100; i++)
        given_placed(i, "c-1");
    request = when_all_is_read(0, "");
    for (size_t i = 0; i < 10; i++, world.now_ms += STREAM_LAG_MS_MAX)
        ck_assert_int_gt(read_some(request, 500), 0);
}
END_TEST

START_TEST(there_is_a_bound_of_readers)
{
    for (size_t i = 0; i < STREAM_READERS_MAX; i++)
        ck_assert_uint_eq(when_order_is_read(i, i)->status, 200);
    ck_assert_uint_eq(when_all_is_read(STREAM_READERS_MAX, "")->status, 503);
    hang_up(&world.requests[500]);
    ck_assert_uint_eq(when_all_is_read(STREAM_READERS_MAX, "")->status, 200);
}
END_TEST

START_TEST(at_a_stop_all_streams_end)
{
    struct http_request *order = when_order_is_read(0, 7), *all = when_all_is_read(1, "");

    when_read(order);
    when_read(all);
    order_streams_close(world.streams);
    ck_assert_uint_eq(order->stream->wakes, 1);
    ck_assert_uint_eq(all->stream->wakes, 1);
    ck_assert_int_eq(read_some(order, BUFFER_SIZE), HTTP_STREAM_END);
    ck_assert_int_eq(read_some(all, BUFFER_SIZE), HTTP_STREAM_END);
    ck_assert_int_eq(read_some(when_order_is_read(2, 7), BUFFER_SIZE), HTTP_STREAM_END);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_streams");
    TCase *tcase = tcase_create("streams");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, only_those_who_are_concerned_are_woken_and_once);
    tcase_add_test(tcase, who_hears_nothing_for_long_gets_a_comment);
    tcase_add_test(tcase, a_comment_does_not_come_between_the_pieces_of_an_event);
    tcase_add_test(tcase, a_reader_that_falls_behind_is_let_go);
    tcase_add_test(tcase, a_reader_that_keeps_up_is_kept);
    tcase_add_test(tcase, a_reader_that_is_still_catching_up_is_kept);
    tcase_add_test(tcase, there_is_a_bound_of_readers);
    tcase_add_test(tcase, at_a_stop_all_streams_end);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
