/*
 * test_deadlines.c - every order that is not final in time is asked to be cancelled, until the
 * broker has confirmed it, and then no more. The read side and the publisher are made up here.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/front_door/deadlines.h"
#include "suite.h"

#define DEADLINE_S 1
#define DEADLINE_MS (DEADLINE_S * 1000)
#define LATE_MS 600000 /* as in deadlines.c */
#define ORDERS_MAX 1000
#define WAIT_MS 20000

/* ------------------------------------------------------------------------- the made-up world */

struct placed_order {
    int64_t placed_at_ms;
    enum event_type also; /* beside OrderPlaced; EVENT_NONE: nothing */
    size_t asked, confirmed;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count;
    struct placed_order orders[ORDERS_MAX]; /* by time */
    bool is_rebuilding;
    int refusal;        /* what the publisher returns for the next one; then 0 again */
    size_t unconfirmed; /* so many are not confirmed */
    size_t scans;
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct deadlines *deadlines;

static void id_of(size_t number, char out[UUID_SIZE])
{
    snprintf(out, UUID_SIZE, "00000000-0000-7000-8000-%012u", (unsigned)number);
}

int projection_ready(struct projection *projection, struct error *err)
{
    (void)projection;
    return world.is_rebuilding ? error_set(err, -EAGAIN, "rebuilding") : 0;
}

static bool visit_order(size_t number, order_visit *visit, void *context)
{
    static struct event placed, also;
    const struct order_entry entries[] = {{.event = &placed}, {.event = &also, .offset = 1}};
    struct order_view view;

    placed = (struct event){.type = EVENT_ORDER_PLACED,
                            .timestamp_ms = world.orders[number].placed_at_ms};
    id_of(number, placed.data.order_placed.order_id);
    also = (struct event){.type = world.orders[number].also, .timestamp_ms = placed.timestamp_ms};
    id_of(number + ORDERS_MAX, also.event_id);
    order_view_fold(entries, also.type == EVENT_NONE ? 1 : 2, &view);
    return visit(context, &view);
}

static bool is_behind(size_t number, const struct order_place *place)
{
    char id[UUID_SIZE];

    id_of(number, id);
    if (place->order_id[0] == '\0')
        return true;
    if (world.orders[number].placed_at_ms != place->placed_at_ms)
        return world.orders[number].placed_at_ms > place->placed_at_ms;
    return strcmp(id, place->order_id) > 0;
}

int projection_scan(struct projection *projection, struct codec *codec,
                    const struct order_range *range, order_visit *visit, void *context,
                    struct order_range_result *ret, struct error *err)
{
    struct order_range_result result = {.last = range->after};
    size_t visited = 0;

    (void)projection;
    (void)codec;
    ck_assert(!range->newest_first && range->customer_id == NULL);
    pthread_mutex_lock(&world.lock);
    world.scans++;
    for (size_t i = 0; i < world.count && !result.has_more; i++) {
        if (!is_behind(i, &range->after))
            continue;
        result.has_more = visited == range->visit_max || !visit_order(i, visit, context);
        if (result.has_more)
            break;
        visited++;
        result.last.placed_at_ms = world.orders[i].placed_at_ms;
        id_of(i, result.last.order_id);
    }
    pthread_mutex_unlock(&world.lock);
    if (world.is_rebuilding)
        return error_set(err, -EAGAIN, "rebuilding");
    *ret = result;
    return 0;
}

/* Settles before it returns, which it may. */
int order_publisher_send(struct order_publisher *publisher, struct codec *codec,
                         const struct event *event, const char *traceparent, uint64_t ticket,
                         struct error *err)
{
    struct publication publication = {.ticket = ticket, .reason = "made up"};
    const char *json, *order_id = event_key(event);
    size_t len, number = strtoul(order_id + 24, NULL, 10);
    int r;

    (void)publisher;
    ck_assert(traceparent == NULL && ticket == DEADLINES_TICKET);
    ck_assert_int_eq(event_encode(codec, event, &json, &len, NULL), 0);
    ck_assert_str_eq(event->data.order_cancellation_submitted.reason, "deadline_passed");
    pthread_mutex_lock(&world.lock);
    r = world.refusal;
    world.refusal = 0;
    world.orders[number].asked++;
    publication.is_confirmed = world.unconfirmed == 0;
    world.unconfirmed -= !publication.is_confirmed && r == 0;
    world.orders[number].confirmed += publication.is_confirmed && r == 0;
    pthread_cond_broadcast(&world.changed);
    pthread_mutex_unlock(&world.lock);
    if (r < 0)
        return error_set(err, r, "made up");
    str_copy(publication.order_id, sizeof(publication.order_id), order_id);
    deadlines_settle(deadlines, &publication);
    return 0;
}

/* ------------------------------------------------------------------------------ the sentences */

/* Orders are given from the oldest to the youngest; returns its number. */
static size_t given_order(int64_t age_ms, enum event_type also)
{
    size_t number;

    pthread_mutex_lock(&world.lock);
    number = world.count++;
    world.orders[number] =
        (struct placed_order){.placed_at_ms = clock_utc_ms() - age_ms, .also = also};
    pthread_mutex_unlock(&world.lock);
    return number;
}

static void given_deadlines(void)
{
    ck_assert_int_eq(deadlines_new(DEADLINE_S, &deadlines, NULL), 0);
    ck_assert_int_eq(deadlines_start(deadlines, NULL, NULL, NULL), 0);
}

static void tear_down(void)
{
    deadlines_stop(deadlines);
    deadlines_free(deadlines);
}

static struct timespec time_after(int64_t ms)
{
    int64_t end_ms = clock_utc_ms() + ms;

    return (struct timespec){.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
}

/* Until the broker has a cancellation of it. */
static void then_cancelled(size_t number)
{
    struct timespec end = time_after(WAIT_MS);
    int r = 0;

    pthread_mutex_lock(&world.lock);
    while (world.orders[number].confirmed == 0 && r == 0)
        r = pthread_cond_timedwait(&world.changed, &world.lock, &end);
    pthread_mutex_unlock(&world.lock);
    ck_assert_msg(r == 0, "order %zu was not asked to be cancelled", number);
}

static void then_never_asked(size_t number)
{
    ck_assert_uint_eq(world.orders[number].asked, 0);
}

START_TEST(an_order_is_cancelled_when_its_deadline_has_passed)
{
    size_t late = given_order(5000, EVENT_NONE), soon = given_order(700, EVENT_NONE), still;
    int64_t due_ms = world.orders[soon].placed_at_ms + DEADLINE_MS;

    still = given_order(-60000, EVENT_NONE);
    given_deadlines();
    then_cancelled(late);
    then_cancelled(soon);
    ck_assert_int_ge(clock_utc_ms(), due_ms);
    then_never_asked(still);
    deadlines_stop(deadlines);
    ck_assert_uint_eq(world.orders[late].asked, 1);
    ck_assert_uint_eq(world.orders[soon].asked, 1);
}
END_TEST

START_TEST(what_is_final_or_being_cancelled_is_left_alone)
{
    static const enum event_type types[] = {EVENT_ORDER_COMPLETED, EVENT_ORDER_CANCELLED,
                                            EVENT_ORDER_CANCELLATION_REQUESTED};
    size_t open;

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        given_order(5000, types[i]);
    open = given_order(4000, EVENT_PAYMENT_PROCESSED);
    given_deadlines();
    then_cancelled(open);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        then_never_asked(i);
}
END_TEST

START_TEST(many_are_cancelled_each_once)
{
    for (size_t i = 0; i < ORDERS_MAX; i++)
        given_order((int64_t)(5000 + ORDERS_MAX - i), EVENT_NONE);
    given_deadlines();
    then_cancelled(ORDERS_MAX - 1);
    deadlines_stop(deadlines);
    for (size_t i = 0; i < ORDERS_MAX; i++)
        ck_assert_uint_eq(world.orders[i].asked, 1);
}
END_TEST

START_TEST(what_the_broker_did_not_confirm_is_asked_for_again)
{
    size_t first = given_order(5000, EVENT_NONE), second = given_order(4000, EVENT_NONE);

    world.unconfirmed = 1;
    given_deadlines();
    then_cancelled(first);
    then_cancelled(second);
    ck_assert_uint_ge(world.orders[first].asked, 2);
}
END_TEST

START_TEST(what_there_was_no_room_for_is_asked_for_again)
{
    size_t first = given_order(5000, EVENT_NONE);

    world.refusal = -ENOBUFS;
    given_deadlines();
    then_cancelled(first);
    ck_assert_uint_eq(world.orders[first].asked, 2);
}
END_TEST

START_TEST(an_order_that_can_be_read_late_is_found_by_the_second_sweep)
{
    size_t late = given_order(LATE_MS - 3000, EVENT_ORDER_COMPLETED), passed;

    passed = given_order(LATE_MS - 3500, EVENT_NONE); /* asked for: the first is beyond both */
    given_deadlines();
    then_cancelled(passed);
    then_never_asked(late);
    pthread_mutex_lock(&world.lock);
    world.orders[late].also = EVENT_NONE; /* as good as if it came only now */
    pthread_mutex_unlock(&world.lock);
    then_cancelled(late);
}
END_TEST

START_TEST(it_waits_for_a_read_side_and_stops_at_once)
{
    int64_t before_ms;

    world.is_rebuilding = true;
    given_order(5000, EVENT_NONE);
    given_deadlines();
    before_ms = clock_monotonic_ms();
    deadlines_stop(deadlines);
    ck_assert_int_lt(clock_monotonic_ms() - before_ms, 500);
    ck_assert_uint_eq(world.scans, 0);
    then_never_asked(0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deadlines");
    TCase *tcase = tcase_create("deadlines");

    log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, NULL, tear_down);
    tcase_add_test(tcase, an_order_is_cancelled_when_its_deadline_has_passed);
    tcase_add_test(tcase, what_is_final_or_being_cancelled_is_left_alone);
    tcase_add_test(tcase, many_are_cancelled_each_once);
    tcase_add_test(tcase, what_the_broker_did_not_confirm_is_asked_for_again);
    tcase_add_test(tcase, what_there_was_no_room_for_is_asked_for_again);
    tcase_add_test(tcase, an_order_that_can_be_read_late_is_found_by_the_second_sweep);
    tcase_add_test(tcase, it_waits_for_a_read_side_and_stops_at_once);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
