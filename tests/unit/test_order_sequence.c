/* test_order_sequence.c - a reader is told each event once, causes first, however they come in. */
#include <string.h>

#include "common/base/util.h"
#include "services/order/read_side/history.h"
#include "services/order/front_door/order_sequence.h"
#include "suite.h"

#define NOW_MS 1000000
#define TOLD_MAX 64

static struct event events[ORDER_EVENTS_MAX];
static struct order_entry entries[ORDER_EVENTS_MAX];
static size_t count;
static int64_t positions[ORDER_POSITIONS];
static char told[TOLD_MAX + 1];
static bool held;

static void set_up(void)
{
    memset(events, 0, sizeof(events));
    memset(positions, 0, sizeof(positions));
    count = 0;
}

static void write_id(char out[UUID_SIZE], char name)
{
    snprintf(out, UUID_SIZE, "00000000-0000-5000-8000-%012d", name);
}

/* An event is one letter; `cause` ' ': none. */
static struct event *given(char name, char cause, enum event_type type, int64_t offset)
{
    struct event *event = &events[count];

    event->type = type;
    event->timestamp_ms = NOW_MS;
    write_id(event->event_id, name);
    if (cause != ' ')
        write_id(event->causation_id, cause);
    entries[count++] = (struct order_entry){.event = event, .partition = 1, .offset = offset};
    return event;
}

/* p, then c by the customer; x by payment, r, s, e (out), d */
static void given_placed(void)
{
    given('p', ' ', EVENT_ORDER_PLACED, 100);
}

static void given_paid(void)
{
    given('x', 'p', EVENT_PAYMENT_PROCESSED, 20);
}

static void given_reserved(void)
{
    given('r', 'x', EVENT_INVENTORY_RESERVED, 7);
}

static void given_shipped(void)
{
    given('s', 'r', EVENT_SHIPMENT_CREATED, 0);
}

static void given_deducted(void)
{
    given('d', 's', EVENT_INVENTORY_DEDUCTED, 9);
}

static void given_completed(void)
{
    given('e', 's', EVENT_ORDER_COMPLETED, 55);
}

/* Tells all that can be told now. */
static void when_told_at(int64_t now_ms)
{
    const struct order_entry *entry;
    size_t used = 0;

    while ((entry = order_sequence_next(entries, count, positions, now_ms, &held)) != NULL) {
        ck_assert_uint_lt(used, TOLD_MAX);
        told[used++] = (char)strtol(entry->event->event_id + 24, NULL, 10);
        order_sequence_pass(entry, positions);
    }
    told[used] = '\0';
}

static void then_told(const char *expected)
{
    when_told_at(NOW_MS);
    ck_assert_str_eq(told, expected);
}

START_TEST(all_is_told_once_and_in_order)
{
    given_completed();
    given_shipped();
    given_deducted();
    given_reserved();
    given_paid();
    given_placed();
    when_told_at(NOW_MS);
    ck_assert_int_eq(strncmp(told, "pxrs", 4), 0);
    ck_assert_uint_eq(strlen(told), 6);
    ck_assert(!held);
    then_told("");
}
END_TEST

START_TEST(what_comes_later_is_told_later)
{
    given_placed();
    then_told("p");
    given_paid();
    given_reserved();
    then_told("xr");
    given_shipped();
    then_told("s");
}
END_TEST

START_TEST(an_effect_waits_for_its_cause)
{
    given_placed();
    given_reserved();
    then_told("p");
    ck_assert(held);
    given_paid();
    then_told("xr");
    ck_assert(!held);
}
END_TEST

START_TEST(an_effect_is_held_back_as_long_as_its_cause_is)
{
    given_shipped();
    given_reserved();
    given_completed();
    then_told("");
    given_placed();
    then_told("p");
    given_paid();
    then_told("xrse");
}
END_TEST

START_TEST(what_stands_behind_a_held_event_of_its_topic_waits_too)
{
    given_placed();
    given_reserved();
    given('q', 'p', EVENT_INVENTORY_RELEASED, 8); /* could go, but is behind r */
    then_told("p");
    ck_assert_int_eq(positions[history_topic_index(TOPIC_INVENTORY)], 0);
    given_paid();
    then_told("xrq");
}
END_TEST

START_TEST(a_cause_outside_of_the_order_topics_is_not_waited_for)
{
    given('p', 'w', EVENT_ORDER_PLACED, 100);
    given('c', 'v', EVENT_ORDER_CANCELLATION_REQUESTED, 102);
    then_told("pc");
    ck_assert(!held);
}
END_TEST

START_TEST(a_cause_that_does_not_come_is_waited_for_within_bounds)
{
    given_placed();
    given_reserved();
    when_told_at(NOW_MS + CAUSE_WAIT_MS - 1);
    ck_assert_str_eq(told, "p");
    when_told_at(NOW_MS + CAUSE_WAIT_MS);
    ck_assert_str_eq(told, "r");
    ck_assert(!held);
}
END_TEST

START_TEST(a_time_far_ahead_does_not_make_us_wait_for_ever)
{
    given_placed();
    given('r', 'x', EVENT_INVENTORY_RESERVED, 7)->timestamp_ms = INT64_MAX / 2;
    then_told("pr");
}
END_TEST

START_TEST(old_events_are_in_order_too)
{
    given_placed();
    given_paid();
    given_reserved();
    for (size_t i = 0; i < count; i++)
        events[i].timestamp_ms = (int64_t)(count - i); /* of clocks that disagree */
    when_told_at(NOW_MS + 2 * CAUSE_WAIT_MS);
    ck_assert_str_eq(told, "pxr");
}
END_TEST

START_TEST(causes_that_run_in_a_circle_do_not_hold_for_ever)
{
    given_placed();
    given('x', 'r', EVENT_PAYMENT_PROCESSED, 20)->timestamp_ms = NOW_MS - 1;
    given('r', 'x', EVENT_INVENTORY_RESERVED, 7);
    given('s', 's', EVENT_SHIPMENT_CREATED, 0)->timestamp_ms = NOW_MS + 1;
    then_told("pxrs");
}
END_TEST

START_TEST(a_reader_goes_on_where_another_one_stopped)
{
    char both[TOLD_MAX + 1];

    given_placed();
    given_paid();
    given_reserved();
    given_shipped();
    given_completed();
    given_deducted();
    when_told_at(NOW_MS);
    strcpy(both, told);
    for (size_t stop = 0; stop <= count; stop++) {
        memset(positions, 0, sizeof(positions));
        for (size_t i = 0; i < stop; i++)
            order_sequence_pass(order_sequence_next(entries, count, positions, NOW_MS, &held),
                                positions);
        when_told_at(NOW_MS);
        ck_assert_str_eq(told, both + stop);
    }
}
END_TEST

START_TEST(of_all_ways_to_come_in_none_changes_what_is_told)
{
    static void (*const all[])(void) = {given_placed,  given_paid,      given_reserved,
                                        given_shipped, given_completed, given_deducted};
    const size_t n = ARRAY_LEN(all);

    for (unsigned way = 0; way < 720; way++) { /* 6! */
        bool used[ARRAY_LEN(all)] = {false};
        char heard[TOLD_MAX + 1] = "";
        unsigned rest = way;

        set_up();
        for (size_t i = 0; i < n; i++) {
            size_t pick = rest % (n - i), at = 0;

            rest /= (unsigned)(n - i);
            for (;; at++)
                if (!used[at] && pick-- == 0)
                    break;
            used[at] = true;
            all[at]();
            when_told_at(NOW_MS);
            strcpy(heard + strlen(heard), told);
        }
        ck_assert_uint_eq(strlen(heard), n);
        ck_assert_int_eq(strncmp(heard, "pxrs", 4), 0);
        ck_assert_ptr_nonnull(strchr(heard, 'e'));
        ck_assert_ptr_nonnull(strchr(heard, 'd'));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_sequence");
    TCase *tcase = tcase_create("sequence");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, all_is_told_once_and_in_order);
    tcase_add_test(tcase, what_comes_later_is_told_later);
    tcase_add_test(tcase, an_effect_waits_for_its_cause);
    tcase_add_test(tcase, an_effect_is_held_back_as_long_as_its_cause_is);
    tcase_add_test(tcase, what_stands_behind_a_held_event_of_its_topic_waits_too);
    tcase_add_test(tcase, a_cause_outside_of_the_order_topics_is_not_waited_for);
    tcase_add_test(tcase, a_cause_that_does_not_come_is_waited_for_within_bounds);
    tcase_add_test(tcase, a_time_far_ahead_does_not_make_us_wait_for_ever);
    tcase_add_test(tcase, old_events_are_in_order_too);
    tcase_add_test(tcase, causes_that_run_in_a_circle_do_not_hold_for_ever);
    tcase_add_test(tcase, a_reader_goes_on_where_another_one_stopped);
    tcase_add_test(tcase, of_all_ways_to_come_in_none_changes_what_is_told);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
