/* test_stream_reader.c - what readers of streams are told: each event once, causes first. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"
#include "stream_world.h"
#include "suite.h"
#include "tests/runtime/samples.h"

/* ------------------------------------------------------------------------ what they are told */

START_TEST(an_order_is_told_from_its_beginning_each_event_with_its_id)
{
    char expected[4 * JSON_SIZE];
    struct http_request *request;

    given_placed(7, "c-1");
    given_paid(7);
    given_placed(8, "c-1");
    request = when_order_is_read(0, 7);
    ck_assert_uint_eq(request->status, 200);
    when_read(request);
    snprintf(expected, sizeof(expected),
             "retry: 2000\nid: o1:\n\n"
             "id: o1:11\nevent: OrderPlaced\ndata: %s\n\n"
             "id: o1:11.21\nevent: PaymentProcessed\ndata: %s\n\n",
             world.records[0].json, world.records[1].json);
    ck_assert_str_eq(world.text, expected);
    when_read(request);
    ck_assert_str_eq(world.text, "");
}
END_TEST

START_TEST(a_reader_goes_on_behind_the_position_that_it_names)
{
    struct stream_reader reader = {.kind = STREAM_OF_ORDER};

    given_placed(7, "c-1");
    given_paid(7);
    sample_key(7, reader.order_id);
    ck_assert(stream_id_parse("o1:11", STREAM_OF_ORDER, 1, ORDER_POSITIONS, reader.positions));
    order_streams_start(world.streams, &world.requests[0], &reader);
    when_read(&world.requests[0]);
    ck_assert_uint_eq(count_of("event: "), 1);
    ck_assert_ptr_nonnull(strstr(world.text, "id: o1:11.21\nevent: PaymentProcessed\n"));
}
END_TEST

START_TEST(all_orders_are_told_in_the_order_of_the_store)
{
    char expected[4 * JSON_SIZE];
    struct http_request *request;

    given_placed(7, "c-1");
    given_placed(8, "c-2");
    given_paid(7);
    request = when_all_is_read(0, "");
    when_read(request);
    snprintf(expected, sizeof(expected),
             "retry: 2000\nid: a1:////\n\n"
             "id: a1:0.11////\nevent: OrderPlaced\ndata: %s\n\n"
             "id: a1:0.21////\nevent: OrderPlaced\ndata: %s\n\n"
             "id: a1:0.21/0.31///\nevent: PaymentProcessed\ndata: %s\n\n",
             world.records[0].json, world.records[1].json, world.records[2].json);
    ck_assert_str_eq(world.text, expected);
    given_paid(8);
    when_read(request);
    ck_assert_ptr_eq(strstr(world.text, "id: a1:0.21/0.41///\nevent: PaymentProcessed\n"),
                     world.text);
}
END_TEST

START_TEST(records_that_are_no_events_are_passed_over)
{
    struct event event;

    given_placed(7, "c-1");
    add(7, "no JSON");
    add(7, "{\"event_type\":\"OrderPlaced\"}");
    sample_order_placed(&event, 8);
    add_event(9, &event); /* of another order than its key */
    given_paid(7);
    world.records[world.record_count - 1].feed.topic =
        TOPIC_INVENTORY; /* in a topic that is not its own */
    given_paid(7);
    when_read(when_all_is_read(0, ""));
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_ptr_nonnull(strstr(world.text, "id: a1:0.41/0.61/0.51//\nevent: PaymentProcessed\n"));
}
END_TEST

START_TEST(whatever_the_buffer_holds_the_same_is_told)
{
    static const size_t sizes[] = {1, 2, 7, 99, 100, 101, 500, 1000, 4096};
    static char whole[TEXT_SIZE];

    given_placed(7, "c-1");
    given_paid(7);
    for (size_t number = 8; number < 30; number++)
        given_placed(number, "c-2");
    for (size_t all = 0; all < 2; all++) {
        struct http_request *request;

        request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
        when_read(request);
        strcpy(whole, world.text);
        hang_up(request);
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
            ck_assert_int_eq(when_read_by(request, sizes[i]), 0);
            ck_assert_str_eq(world.text, whole);
            hang_up(request);
        }
    }
}
END_TEST

START_TEST(an_event_that_expires_while_it_is_sent_ends_the_stream)
{
    given_placed(7, "c-1");
    for (size_t all = 0; all < 2; all++) {
        struct http_request *request = all ? when_all_is_read(0, "") : when_order_is_read(0, 7);
        ssize_t got = 1;

        world.hidden_count = 0;
        for (size_t i = 0; i < 20; i++)
            ck_assert_int_gt(read_some(request, 10), 0);
        world.hidden_count = 1;
        for (size_t i = 0; i < 2 && got > 0; i++)
            got = read_some(request, 10);
        ck_assert_int_eq(got, HTTP_STREAM_END);
        hang_up(request);
    }
}
END_TEST

START_TEST(while_the_store_is_not_ready_nothing_is_told_and_nobody_let_go)
{
    struct http_request *request, *all = when_all_is_read(1, "");

    given_placed(7, "c-1");
    request = when_order_is_read(0, 7);
    world.not_ready = -EAGAIN;
    when_read(all);
    ck_assert_str_eq(world.text, "retry: 2000\nid: a1:////\n\n");
    world.not_ready = -EAGAIN;
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    world.now_ms += 10 * STREAM_LAG_MS_MAX;
    when_read(request);
    world.not_ready = 0;
    when_changed(7);
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 1);
    world.not_ready = -EIO;
    ck_assert_int_eq(read_some(request, BUFFER_SIZE), HTTP_STREAM_END);
}
END_TEST

/* ------------------------------------------------------------------------ causes and effects */

/* The steps that are told, as "<order>.<step>" with a space behind each. */
static const char *told(void)
{
    static char steps[TEXT_SIZE];
    size_t used = 0;

    steps[0] = '\0';
    for (const char *p = world.text; (p = strstr(p, "{\"event_id\":\"")) != NULL; p++) {
        size_t number = strtoul((char[7]){p[37], p[38], p[39], p[40], p[41], p[42]}, NULL, 10);

        used += (size_t)snprintf(steps + used, sizeof(steps) - used, "%zu.%c ", number, p[48]);
    }
    return steps;
}

START_TEST(of_all_orders_too_an_effect_waits_for_its_cause_and_nobody_else_does)
{
    struct http_request *request = when_all_is_read(0, "");

    given_step(7, 0);
    given_step(7, 2);
    given_step(8, 0);
    given_step(8, 1);
    given_step(8, 2); /* stands behind that of 7 */
    when_read(request);
    ck_assert_str_eq(told(), "7.0 8.0 8.1 ");
    request->stream->wakes = 0;
    order_streams_tick(world.streams, world.now_ms += 2000);
    ck_assert_uint_eq(request->stream->wakes, 1);
    given_step(7, 1);
    when_read(request);
    ck_assert_str_eq(told(), "7.1 7.2 8.2 ");
    when_read(request);
    ck_assert_str_eq(told(), "");
}
END_TEST

START_TEST(of_all_orders_too_a_cause_is_waited_for_within_bounds)
{
    struct http_request *request = when_all_is_read(0, "");

    given_step(7, 0);
    given_step(7, 2);
    when_read(request);
    ck_assert_str_eq(told(), "7.0 ");
    world.now_ms += CAUSE_WAIT_MS;
    when_read(request);
    ck_assert_str_eq(told(), "7.2 ");
}
END_TEST

START_TEST(a_cause_that_comes_long_after_its_effect_is_not_waited_for)
{
    struct http_request *request = when_all_is_read(0, "");

    given_step(7, 0);
    given_step(7, 2);
    for (size_t i = 0; i < FEED_RECORDS_MAX + 10; i++)
        given_step(100 + i, 0);
    given_step(7, 1);
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), FEED_RECORDS_MAX + 13);
    ck_assert_ptr_nonnull(strstr(told(), "7.2 "));
    ck_assert_ptr_nonnull(strstr(told(), "7.1 "));
}
END_TEST

START_TEST(of_all_orders_too_causes_that_run_in_a_circle_do_not_hold_for_ever)
{
    struct http_request *request = when_all_is_read(0, "");
    struct event event;

    given_step(7, 0);
    given_step(7, 1);
    event_copy(&event, &world.records[--world.record_count].event);
    memcpy(event.causation_id, event.event_id, UUID_SIZE);
    add_event(7, &event);
    when_read(request);
    ck_assert_str_eq(told(), "7.0 7.1 ");
}
END_TEST

/* A few orders, whose records come in any order but that of their partition. */
#define ORDERS 6
#define ROUNDS 300
#define ROUNDS_S_MAX 60 /* with sanitizers, on a busy machine */

static void shuffle(unsigned *seed)
{
    size_t next[STEPS] = {0}, left = ORDERS * STEPS;

    world.record_count = 0;
    for (; left > 0; left--) {
        size_t step = (size_t)rand_r(seed) % STEPS;

        while (next[step] == ORDERS)
            step = (step + 1) % STEPS;
        given_step(next[step], step);
        world.records[world.record_count - 1].feed.offset = (int64_t)(++next[step]) * 3;
    }
}

static void then_in_order_and_once(const char *steps, unsigned seed)
{
    size_t next[ORDERS] = {0}, count = 0;

    for (const char *p = steps; *p != '\0'; p = strchr(p, ' ') + 1, count++) {
        size_t number = (size_t)(p[0] - '0'), step = (size_t)(p[2] - '0');

        ck_assert_msg(step == next[number], "seed %u: %s", seed, steps);
        next[number]++;
    }
    ck_assert_msg(count == ORDERS * STEPS, "seed %u: %s", seed, steps);
}

/* The id of the last whole frame that was read; and what came before that. */
static void take_whole_frames(char *steps, size_t size, struct stream_reader *reader)
{
    char *end = world.text, *id = NULL;

    for (char *p = world.text; (p = strstr(p, "\n\n")) != NULL; p += 2)
        end = p + 2;
    *end = '\0';
    for (char *p = world.text; (p = strstr(p, "id: ")) != NULL; p++)
        id = p + strlen("id: ");
    snprintf(steps + strlen(steps), size - strlen(steps), "%s", told());
    if (id == NULL)
        return;
    *strchr(id, '\n') = '\0';
    ck_assert(stream_id_parse(id, STREAM_OF_ALL, HISTORY_TOPIC_COUNT, HISTORY_PARTITIONS_MAX,
                              reader->cursor.positions.next[0]));
}

START_TEST(whatever_comes_when_and_wherever_one_goes_on_it_is_told_in_order_and_once)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        struct stream_reader reader = {.kind = STREAM_OF_ALL};
        char steps[4096] = "";
        unsigned seed = round;

        /* Some time at a replica, of which some has arrived; and the rest at the last one. */
        for (size_t replica = 0; replica < 4; replica++) {
            size_t shown = 0, used = 0;

            shuffle(&seed);
            reader.cursor.next = 0;
            reader.frame = FRAME_NONE;
            if (round % 2 == 0)
                strcpy(reader.customer_id, "customer-1");
            order_streams_start(world.streams, &world.requests[0], &reader);
            while (shown < ORDERS * STEPS) {
                size_t size = 1 + (size_t)rand_r(&seed) % 3000;
                ssize_t got;

                shown += 1 + (size_t)rand_r(&seed) % 5;
                world.record_count = shown < ORDERS * STEPS ? shown : ORDERS * STEPS;
                while ((got = read_some(&world.requests[0], size)) > 0) {
                    memcpy(world.text + used, world.buffer, (size_t)got);
                    used += (size_t)got;
                }
                ck_assert_int_eq(got, 0);
                if (replica < 3 && rand_r(&seed) % 6 == 0)
                    break;
            }
            if (replica < 3 && used > 0)
                used -= (size_t)rand_r(&seed) % used / 2; /* cut off anywhere */
            world.text[used] = '\0';
            hang_up(&world.requests[0]);
            order_streams_free(world.streams);
            start_replica();
            take_whole_frames(steps, sizeof(steps), &reader);
        }
        then_in_order_and_once(steps, round);
    }
}
END_TEST

/* ----------------------------------------------------------------------- of one customer only */

START_TEST(a_customer_is_told_of_his_orders_only)
{
    given_placed(7, "c-1");
    given_placed(8, "c-2");
    given_paid(8);
    given_paid(7);
    when_read(when_all_is_read(0, "c-2"));
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_ptr_nonnull(strstr(world.text, "id: a1:0.21////\nevent: OrderPlaced\n"));
    ck_assert_ptr_nonnull(strstr(world.text, "id: a1:0.21/0.31///\nevent: PaymentProcessed\n"));
    ck_assert_uint_eq(world.lookups, 0);
}
END_TEST

START_TEST(whose_an_order_is_that_was_placed_before_is_looked_up_once)
{
    struct stream_reader reader = {.kind = STREAM_OF_ALL, .customer_id = "c-1"};

    given_placed(7, "c-1");
    given_paid(7);
    given_paid(7);
    ck_assert(stream_id_parse("a1:0.11////", STREAM_OF_ALL, HISTORY_TOPIC_COUNT,
                              HISTORY_PARTITIONS_MAX, reader.cursor.positions.next[0]));
    order_streams_start(world.streams, &world.requests[0], &reader);
    when_read(&world.requests[0]);
    ck_assert_uint_eq(count_of("event: PaymentProcessed"), 2);
    ck_assert_uint_eq(count_of("event: "), 2);
    ck_assert_uint_eq(world.lookups, 1);
}
END_TEST

START_TEST(an_order_that_is_not_here_yet_is_waited_for)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    given_paid(7);
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    request->stream->wakes = 0;
    order_streams_tick(world.streams, world.now_ms += 2000);
    ck_assert_uint_eq(request->stream->wakes, 1);
    given_placed(7, "c-1");
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 2);
    order_streams_tick(world.streams, world.now_ms += 2000);
    ck_assert_uint_eq(request->stream->wakes, 1);
}
END_TEST

START_TEST(an_order_that_does_not_come_is_waited_for_within_bounds)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    given_paid(7);
    given_placed(8, "c-1");
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 1);
    ck_assert_uint_eq(count_of("event: OrderPlaced"), 1);
    given_paid(8); /* behind that of the other one */
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 0);
    world.now_ms += CAUSE_WAIT_MS;
    when_read(request);
    ck_assert_uint_eq(count_of("event: "), 1);
    ck_assert_uint_eq(count_of("event: PaymentProcessed"), 1);
}
END_TEST

START_TEST(who_passes_over_much_says_how_far_it_is)
{
    struct http_request *request = when_all_is_read(0, "c-1");

    when_read(request);
    for (size_t i = 0; i < FEED_RECORDS_MAX + 1; i++)
        given_placed(i, "c-2");
    ck_assert_int_gt(read_some(request, BUFFER_SIZE), 0);
    ck_assert_int_eq(strncmp(world.buffer, ": ping\nid: a1:0.10001////\n\n", 27), 0);
    when_read(request);
    ck_assert_str_eq(world.text, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream_reader");
    TCase *tcase = tcase_create("reader");

    tcase_set_timeout(tcase, ROUNDS_S_MAX);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_order_is_told_from_its_beginning_each_event_with_its_id);
    tcase_add_test(tcase, a_reader_goes_on_behind_the_position_that_it_names);
    tcase_add_test(tcase, all_orders_are_told_in_the_order_of_the_store);
    tcase_add_test(tcase, records_that_are_no_events_are_passed_over);
    tcase_add_test(tcase, whatever_the_buffer_holds_the_same_is_told);
    tcase_add_test(tcase, an_event_that_expires_while_it_is_sent_ends_the_stream);
    tcase_add_test(tcase, while_the_store_is_not_ready_nothing_is_told_and_nobody_let_go);
    tcase_add_test(tcase, of_all_orders_too_an_effect_waits_for_its_cause_and_nobody_else_does);
    tcase_add_test(tcase, of_all_orders_too_a_cause_is_waited_for_within_bounds);
    tcase_add_test(tcase, a_cause_that_comes_long_after_its_effect_is_not_waited_for);
    tcase_add_test(tcase, of_all_orders_too_causes_that_run_in_a_circle_do_not_hold_for_ever);
    tcase_add_test(tcase,
                   whatever_comes_when_and_wherever_one_goes_on_it_is_told_in_order_and_once);
    tcase_add_test(tcase, a_customer_is_told_of_his_orders_only);
    tcase_add_test(tcase, whose_an_order_is_that_was_placed_before_is_looked_up_once);
    tcase_add_test(tcase, an_order_that_is_not_here_yet_is_waited_for);
    tcase_add_test(tcase, an_order_that_does_not_come_is_waited_for_within_bounds);
    tcase_add_test(tcase, who_passes_over_much_says_how_far_it_is);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
