/*
 * test_order_waits.c - what a suspended POST is told, by what can be seen of its order, and that
 * every one is told once. HTTP and the read side are made up here.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/front_door/order_waits.h"
#include "suite.h"

#define ORDER_ID "00000000-0000-7000-8000-000000000001"
#define EVENTS_MAX 4
#define ROUNDS 1000
#define LONG_S 60

/* ------------------------------------------------------------------------- the made-up world */

struct http_request {
    struct http_preferences preferences;
    bool suspended;
    atomic_int answers;
    unsigned status;
    char location[64], applied[64], retry[8], body[1024], detail[512];
    char pointer[8];
};

void http_request_preferences(const struct http_request *request, struct http_preferences *ret)
{
    *ret = request->preferences;
}

void http_suspend(struct http_request *request)
{
    request->suspended = true;
}

void http_set_header(struct http_request *request, const char *name, const char *value)
{
    if (str_equal(name, "Location"))
        str_copy(request->location, sizeof(request->location), value);
    else if (str_equal(name, "Preference-Applied"))
        str_copy(request->applied, sizeof(request->applied), value);
    else if (str_equal(name, "Retry-After"))
        str_copy(request->retry, sizeof(request->retry), value);
    else
        ck_abort_msg("%s", name);
}

void http_answer_text(struct http_request *request, unsigned status, const char *content_type,
                      const char *text, size_t len)
{
    ck_assert_str_eq(content_type, "application/json");
    snprintf(request->body, sizeof(request->body), "%.*s", (int)len, text);
    request->status = status;
    request->answers++;
}

void http_answer_problem(struct http_request *request, unsigned status, const char *detail,
                         const struct http_fault *faults, size_t fault_count)
{
    str_copy(request->detail, sizeof(request->detail), detail);
    if (fault_count > 0)
        str_copy(request->pointer, sizeof(request->pointer), "\"\"");
    ck_assert(fault_count == 0 || faults[0].pointer[0] == '\0');
    request->status = status;
    request->answers++;
}

static struct {
    pthread_mutex_t lock;
    size_t count;
    enum event_type types[EVENTS_MAX];
    bool is_rebuilding;
} topic = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct order_waits *waits;
static struct http_request request;

/* Happens once, when a wait is in nobody's list: it was taken and is about to wait for more. */
static enum event_type meanwhile;

static void given_event(enum event_type type)
{
    pthread_mutex_lock(&topic.lock);
    topic.types[topic.count++] = type;
    pthread_mutex_unlock(&topic.lock);
}

int64_t __real_clock_monotonic_ms(void);
int64_t __wrap_clock_monotonic_ms(void);
int64_t __real_clock_utc_ms(void);
int64_t __wrap_clock_utc_ms(void);

int64_t __wrap_clock_monotonic_ms(void)
{
    if (meanwhile != EVENT_NONE && request.suspended && topic.count > 1 &&
        !order_waits_any(waits)) {
        given_event(meanwhile);
        meanwhile = EVENT_NONE;
    }
    return __real_clock_monotonic_ms();
}

int64_t __wrap_clock_utc_ms(void)
{
    return __real_clock_utc_ms();
}

static struct event *new_event(enum event_type type, const char *order_id, size_t number)
{
    struct event *event = calloc(1, sizeof(*event));

    event->type = type;
    event->timestamp_ms = 1000 + (int64_t)number;
    snprintf(event->event_id, UUID_SIZE, "00000000-0000-7000-8000-%012u", 100 + (unsigned)number);
    if (type == EVENT_ORDER_PLACED) {
        str_copy(event->data.order_placed.order_id, UUID_SIZE, order_id);
        str_copy(event->data.order_placed.customer_id, CUSTOMER_ID_SIZE, "c-1");
        str_copy(event->data.order_placed.currency, CURRENCY_SIZE, "USD");
    }
    return event;
}

int projection_read(struct projection *projection, struct codec *codec, const char *order_id,
                    struct history *ret, struct error *err)
{
    (void)projection;
    (void)codec;
    if (topic.is_rebuilding)
        return error_set(err, -EAGAIN, "rebuilding");
    ret->count = 0;
    pthread_mutex_lock(&topic.lock);
    for (size_t i = 0; i < topic.count; i++)
        ret->entries[ret->count++] = (struct order_entry){
            .event = new_event(topic.types[i], order_id, i), .offset = (int64_t)i};
    pthread_mutex_unlock(&topic.lock);
    return 0;
}

/* ------------------------------------------------------------------------------ the sentences */

static uint64_t ticket;

static void set_up(void)
{
    ck_assert_int_eq(order_waits_new(&waits, NULL), 0);
    order_waits_connect(waits, NULL);
    request.preferences.wait_s = -1;
}

static void tear_down(void)
{
    order_waits_drain(waits, 0);
    order_waits_free(waits);
}

static void when_event(enum event_type type)
{
    static const struct order_change change = {ORDER_ID};

    given_event(type);
    order_waits_on_changes(waits, &change, 1);
}

static void when_asked(enum wait_kind kind, int64_t wait_s, bool respond_async)
{
    const struct wait_subject subject = {.kind = kind, .order_id = ORDER_ID};

    request.preferences = (struct http_preferences){respond_async, wait_s};
    ticket = order_waits_begin(waits, &request, &subject);
    ck_assert(request.suspended);
}

/* An order with a key, of this customer. */
static uint64_t begin_with_key(struct http_request *asking, const char *customer_id)
{
    struct event *event = new_event(EVENT_ORDER_PLACED, ORDER_ID, 0);
    const struct wait_subject subject = {
        .kind = WAIT_FOR_ORDER, .order_id = ORDER_ID, .asked = &event->data.order_placed};
    uint64_t given;

    str_copy(event->data.order_placed.customer_id, CUSTOMER_ID_SIZE, customer_id);
    given = order_waits_begin(waits, asking, &subject);
    free(event);
    return given;
}

static void then_nothing(void)
{
    ck_assert_int_eq(request.answers, 0);
}

static void then_order(unsigned status, const char *order_status, const char *applied)
{
    char expected[64];

    ck_assert_int_eq(request.answers, 1);
    ck_assert_msg(request.status == status, "%u: %s", request.status, request.detail);
    snprintf(expected, sizeof(expected), "\"status\":\"%s\"", order_status);
    ck_assert_msg(strstr(request.body, expected) != NULL, "%s", request.body);
    ck_assert_str_eq(request.applied, applied);
}

static void then_problem(unsigned status, const char *detail)
{
    ck_assert_int_eq(request.answers, 1);
    ck_assert_uint_eq(request.status, status);
    ck_assert_msg(strstr(request.detail, detail) != NULL, "%s", request.detail);
    ck_assert_str_eq(request.retry, status == 503 ? "1" : "");
}

static void when_settled(bool is_confirmed, bool may_exist)
{
    const struct publication publication = {.order_id = ORDER_ID,
                                            .ticket = ticket,
                                            .is_confirmed = is_confirmed,
                                            .may_exist = may_exist,
                                            .reason = is_confirmed ? NULL : "made up"};

    order_waits_settle(waits, &publication);
}

/* ----------------------------------------------------------------------------------- an order */

START_TEST(an_order_is_answered_when_it_can_be_read)
{
    when_asked(WAIT_FOR_ORDER, -1, false);
    ck_assert_uint_ne(ticket, 0);
    ck_assert(order_waits_any(waits));
    when_settled(true, true);
    then_nothing();
    when_event(EVENT_ORDER_PLACED);
    then_order(201, "placed", "");
    ck_assert_str_eq(request.location, "/v1/orders/" ORDER_ID);
    ck_assert(!order_waits_any(waits));
}
END_TEST

START_TEST(respond_async_is_answered_as_soon_with_202)
{
    when_asked(WAIT_FOR_ORDER, -1, true);
    when_event(EVENT_ORDER_PLACED);
    then_order(202, "placed", "respond-async");
}
END_TEST

START_TEST(who_waits_is_answered_when_the_order_is_final)
{
    when_asked(WAIT_FOR_ORDER, LONG_S, _i != 0);
    when_event(EVENT_ORDER_PLACED);
    when_event(EVENT_PAYMENT_PROCESSED);
    then_nothing();
    when_event(EVENT_ORDER_COMPLETED);
    then_order(201, "completed", _i != 0 ? "respond-async, wait=60" : "wait=60");
}
END_TEST

START_TEST(a_wait_is_bounded)
{
    when_asked(WAIT_FOR_ORDER, INT64_MAX, false);
    when_event(EVENT_ORDER_PLACED);
    when_event(EVENT_ORDER_CANCELLED);
    then_order(201, "cancelled", "wait=60");
}
END_TEST

/* As the publisher's thread does, until somebody was answered. */
static void when_time_passes(void)
{
    int64_t end_ms = clock_monotonic_ms() + 10000;

    while (request.answers == 0 && clock_monotonic_ms() < end_ms)
        order_waits_on_tick(waits);
}

START_TEST(after_its_time_who_waits_is_told_how_the_order_stands)
{
    int64_t begin_ms = clock_monotonic_ms();

    when_asked(WAIT_FOR_ORDER, 1, _i != 0);
    when_event(EVENT_ORDER_PLACED);
    when_event(EVENT_PAYMENT_PROCESSED);
    when_time_passes();
    ck_assert_int_ge(clock_monotonic_ms() - begin_ms, 1000);
    then_order(_i != 0 ? 202 : 201, "paid", _i != 0 ? "respond-async, wait=1" : "wait=1");
}
END_TEST

START_TEST(a_record_that_was_not_written_is_told_as_that)
{
    when_asked(WAIT_FOR_ORDER, -1, false);
    when_settled(false, _i != 0);
    then_problem(503, _i != 0 ? "may have been placed" : "was not placed");
    if (_i != 0)
        ck_assert_ptr_nonnull(strstr(request.detail, "/v1/orders/" ORDER_ID));
}
END_TEST

START_TEST(the_failure_of_another_record_is_not_ours)
{
    when_asked(WAIT_FOR_ORDER, -1, false);
    ticket++;
    when_settled(false, false);
    then_nothing();
}
END_TEST

/* ------------------------------------------------------------------------- an order with a key */

START_TEST(the_same_order_again_is_the_same_answer)
{
    struct http_request again = {.preferences = {.wait_s = -1}};

    ck_assert_uint_ne(begin_with_key(&request, "c-1"), 0);
    when_event(EVENT_ORDER_PLACED);
    then_order(201, "placed", "");
    given_event(EVENT_ORDER_COMPLETED);
    ck_assert_uint_eq(begin_with_key(&again, "c-1"), 0); /* nothing is to be written */
    ck_assert_uint_eq(again.status, 201);
    ck_assert_str_eq(again.body, request.body);
    ck_assert_str_eq(again.location, request.location);
}
END_TEST

START_TEST(another_order_with_the_same_key_is_refused)
{
    if (_i == 0) /* it is there already, or it comes from another replica */
        given_event(EVENT_ORDER_PLACED);
    begin_with_key(&request, "c-2");
    if (_i != 0)
        when_event(EVENT_ORDER_PLACED);
    then_problem(422, "Idempotency-Key was used for another order; it is kept for 7 days");
    ck_assert_str_eq(request.pointer, "\"\"");
}
END_TEST

START_TEST(while_the_first_is_under_way_the_second_is_told_so)
{
    struct http_request second = {.preferences = {.wait_s = -1}};

    begin_with_key(&request, "c-1");
    ck_assert_uint_eq(begin_with_key(&second, "c-1"), 0);
    ck_assert_uint_eq(second.status, 409);
    ck_assert_str_eq(second.retry, "1");
    when_event(EVENT_ORDER_PLACED);
    then_order(201, "placed", "");
}
END_TEST

START_TEST(a_doubtful_order_with_a_key_may_be_sent_again)
{
    ticket = begin_with_key(&request, "c-1");
    when_settled(false, true);
    then_problem(503, "safe to try again with the same Idempotency-Key");
}
END_TEST

/* ------------------------------------------------------------------------------ a cancellation */

START_TEST(a_cancellation_is_answered_when_it_is_requested)
{
    given_event(EVENT_ORDER_PLACED);
    when_asked(WAIT_FOR_CANCELLATION, -1, false);
    ck_assert_uint_ne(ticket, 0);
    when_event(EVENT_PAYMENT_PROCESSED);
    then_nothing();
    when_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    then_order(202, "cancelling", "");
}
END_TEST

START_TEST(what_was_requested_before_is_not_asked_for_again)
{
    given_event(EVENT_ORDER_PLACED);
    given_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    when_asked(WAIT_FOR_CANCELLATION, -1, false);
    ck_assert_uint_eq(ticket, 0);
    then_order(202, "cancelling", "");
}
END_TEST

START_TEST(who_waits_for_a_cancellation_is_told_who_won)
{
    given_event(EVENT_ORDER_PLACED);
    when_asked(WAIT_FOR_CANCELLATION, LONG_S, false);
    when_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    then_nothing();
    when_event(_i == 0 ? EVENT_ORDER_CANCELLED : EVENT_ORDER_COMPLETED);
    if (_i == 0)
        then_order(200, "cancelled", "wait=60");
    else
        then_problem(409, "the order is completed");
}
END_TEST

START_TEST(an_undecided_cancellation_is_accepted)
{
    given_event(EVENT_ORDER_PLACED);
    when_asked(WAIT_FOR_CANCELLATION, 1, false);
    when_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    when_time_passes();
    then_order(202, "cancelling", "wait=1");
}
END_TEST

START_TEST(a_cancellation_that_was_not_written_can_be_repeated)
{
    given_event(EVENT_ORDER_PLACED);
    when_asked(WAIT_FOR_CANCELLATION, -1, false);
    when_settled(false, _i != 0);
    then_problem(503, _i != 0 ? "safe to ask again" : "nothing was asked");
}
END_TEST

/* ----------------------------------------------------------------------------------- the stop */

START_TEST(at_the_stop_who_waits_for_the_outcome_is_told_what_there_is)
{
    when_asked(WAIT_FOR_ORDER, LONG_S, false);
    when_event(EVENT_ORDER_PLACED);
    order_waits_drain(waits, 60000); /* does not wait for it */
    then_order(201, "placed", "wait=60");
}
END_TEST

START_TEST(at_the_stop_the_others_are_refused_and_nobody_is_let_in)
{
    struct http_request late = {.preferences = {.wait_s = -1}};

    when_asked(WAIT_FOR_ORDER, -1, false);
    order_waits_drain(waits, 1);
    then_problem(503, "the service is stopping; the order may have been placed");
    ck_assert_uint_eq(begin_with_key(&late, "c-1"), 0);
    ck_assert_uint_eq(late.status, 503);
}
END_TEST

START_TEST(a_read_side_that_is_rebuilt_leaves_doubt_and_no_lie)
{
    topic.is_rebuilding = true;
    when_asked(WAIT_FOR_ORDER, LONG_S, false);
    when_event(EVENT_ORDER_PLACED);
    then_nothing();
    order_waits_drain(waits, 1);
    then_problem(503, "may have been placed");
}
END_TEST

/* -------------------------------------------------------------------------- no lost wake-up */

/* Nobody waits at that moment, so nobody is told: it has to be looked at once more. */
START_TEST(what_happens_between_two_waits_is_seen)
{
    given_event(EVENT_ORDER_PLACED);
    meanwhile = EVENT_ORDER_CANCELLED;
    if (_i == 0)
        given_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    when_asked(WAIT_FOR_CANCELLATION, LONG_S, false);
    if (_i != 0)
        when_event(EVENT_ORDER_CANCELLATION_REQUESTED);
    ck_assert_int_eq(meanwhile, EVENT_NONE);
    then_order(200, "cancelled", "wait=60");
}
END_TEST

START_TEST(what_came_while_the_read_side_was_rebuilt_is_seen_when_it_is_ready)
{
    topic.is_rebuilding = true;
    when_asked(WAIT_FOR_ORDER, -1, false);
    when_event(EVENT_ORDER_PLACED);
    then_nothing();
    topic.is_rebuilding = false;
    order_waits_on_changes(waits, NULL, 0);
    then_order(201, "placed", "");
}
END_TEST

static atomic_size_t begun, finished;

/* What happens to the order, round by round, as soon as somebody begins to ask. */
static void *write_events(void *context)
{
    static const struct order_change change = {ORDER_ID};

    (void)context;
    for (size_t round = 1; round <= ROUNDS; round++) {
        while (begun < round)
            sched_yield();
        given_event(EVENT_ORDER_CANCELLATION_REQUESTED);
        if (order_waits_any(waits))
            order_waits_on_changes(waits, &change, 1);
        given_event(EVENT_ORDER_CANCELLED);
        if (order_waits_any(waits))
            order_waits_on_changes(waits, &change, 1);
        finished++;
    }
    return NULL;
}

START_TEST(whatever_comes_first_every_request_is_answered_once)
{
    int64_t end_ms = clock_monotonic_ms() + 50000;
    pthread_t thread;

    pthread_create(&thread, NULL, write_events, NULL);
    for (size_t round = 1; round <= ROUNDS; round++) {
        pthread_mutex_lock(&topic.lock);
        topic.count = 1;
        topic.types[0] = EVENT_ORDER_PLACED;
        pthread_mutex_unlock(&topic.lock);
        request.answers = 0;
        begun++;
        when_asked(WAIT_FOR_CANCELLATION, LONG_S, false);
        while (request.answers == 0) {
            ck_assert_msg(clock_monotonic_ms() < end_ms, "round %zu: no answer", round);
            sched_yield();
        }
        ck_assert_int_eq(request.answers, 1);
        while (finished < round) {
            ck_assert_int_lt(clock_monotonic_ms(), end_ms);
            sched_yield();
        }
    }
    pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order_waits");
    TCase *tcase = tcase_create("order_waits");

    log_open("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_order_is_answered_when_it_can_be_read);
    tcase_add_test(tcase, respond_async_is_answered_as_soon_with_202);
    tcase_add_loop_test(tcase, who_waits_is_answered_when_the_order_is_final, 0, 2);
    tcase_add_test(tcase, a_wait_is_bounded);
    tcase_add_loop_test(tcase, after_its_time_who_waits_is_told_how_the_order_stands, 0, 2);
    tcase_add_loop_test(tcase, a_record_that_was_not_written_is_told_as_that, 0, 2);
    tcase_add_test(tcase, the_failure_of_another_record_is_not_ours);
    tcase_add_test(tcase, the_same_order_again_is_the_same_answer);
    tcase_add_loop_test(tcase, another_order_with_the_same_key_is_refused, 0, 2);
    tcase_add_test(tcase, while_the_first_is_under_way_the_second_is_told_so);
    tcase_add_test(tcase, a_doubtful_order_with_a_key_may_be_sent_again);
    tcase_add_test(tcase, a_cancellation_is_answered_when_it_is_requested);
    tcase_add_test(tcase, what_was_requested_before_is_not_asked_for_again);
    tcase_add_loop_test(tcase, who_waits_for_a_cancellation_is_told_who_won, 0, 2);
    tcase_add_test(tcase, an_undecided_cancellation_is_accepted);
    tcase_add_loop_test(tcase, a_cancellation_that_was_not_written_can_be_repeated, 0, 2);
    tcase_add_test(tcase, at_the_stop_who_waits_for_the_outcome_is_told_what_there_is);
    tcase_add_test(tcase, at_the_stop_the_others_are_refused_and_nobody_is_let_in);
    tcase_add_test(tcase, a_read_side_that_is_rebuilt_leaves_doubt_and_no_lie);
    tcase_add_loop_test(tcase, what_happens_between_two_waits_is_seen, 0, 2);
    tcase_add_test(tcase, what_came_while_the_read_side_was_rebuilt_is_seen_when_it_is_ready);
    tcase_add_test(tcase, whatever_comes_first_every_request_is_answered_once);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
