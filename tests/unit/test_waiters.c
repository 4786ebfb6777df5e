/* test_waiters.c - a request that waits is taken exactly once, whoever comes for it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "services/order/front_door/waiters.h"
#include "suite.h"

#define ROUNDS 20000
#define TAKERS 4
#define LATER_MS 1000

static struct waiters *waiters;
static struct waiter waiting[WAITERS_MAX + 1];
static uint64_t ticket;

static const char *order_id(size_t number)
{
    static char text[UUID_SIZE];

    snprintf(text, sizeof(text), "00000000-0000-7000-8000-%012zu", number);
    return text;
}

static void set_up(void)
{
    ck_assert_int_eq(waiters_new(&waiters, NULL), 0);
}

static void tear_down(void)
{
    while (waiters_take_expired(waiters, INT64_MAX) != NULL)
        ;
    waiters_free(waiters);
}

/* The waiter of this number waits for the order. */
static int wait_for(size_t number, size_t order, enum order_stage stage, int64_t deadline_ms)
{
    struct waiter *waiter = &waiting[number];

    *waiter = (struct waiter){.stage = stage, .deadline_ms = deadline_ms};
    memcpy(waiter->order_id, order_id(order), UUID_SIZE);
    return waiters_add(waiters, waiter, false, &ticket);
}

/* ... for an order of its own. */
static int add(size_t number, int64_t deadline_ms)
{
    return wait_for(number, number, STAGE_PLACED, deadline_ms);
}

static struct waiter *take(size_t order, enum order_stage reached)
{
    return waiters_take(waiters, order_id(order), reached);
}

START_TEST(one_is_taken_once_by_its_order)
{
    ck_assert(waiters_is_empty(waiters));
    ck_assert_int_eq(add(1, LATER_MS), 0);
    ck_assert_int_eq(add(2, LATER_MS), 0);
    ck_assert(!waiters_is_empty(waiters));
    ck_assert_ptr_eq(take(2, STAGE_PLACED), &waiting[2]);
    ck_assert_ptr_null(take(2, STAGE_PLACED));
    ck_assert_ptr_null(take(3, STAGE_FINAL));
    ck_assert_ptr_eq(take(1, STAGE_PLACED), &waiting[1]);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(each_is_taken_when_its_own_stage_is_reached)
{
    ck_assert_int_eq(wait_for(1, 7, STAGE_FINAL, LATER_MS), 0);
    ck_assert_int_eq(wait_for(2, 7, STAGE_PLACED, LATER_MS), 0);
    ck_assert_int_eq(wait_for(3, 7, STAGE_CANCELLING, LATER_MS), 0);
    ck_assert_ptr_null(take(7, STAGE_NONE));
    ck_assert_ptr_eq(take(7, STAGE_PLACED), &waiting[2]);
    ck_assert_ptr_null(take(7, STAGE_PLACED));
    ck_assert_ptr_eq(take(7, STAGE_CANCELLING), &waiting[3]);
    ck_assert_ptr_null(take(7, STAGE_CANCELLING));
    ck_assert_ptr_eq(take(7, STAGE_FINAL), &waiting[1]);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(the_outcome_is_what_every_stage_ends_with)
{
    for (size_t i = STAGE_PLACED; i <= STAGE_FINAL; i++)
        ck_assert_int_eq(wait_for(i, 7, i, LATER_MS), 0);
    for (size_t i = STAGE_PLACED; i <= STAGE_FINAL; i++)
        ck_assert_ptr_nonnull(take(7, STAGE_FINAL));
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(who_wants_to_be_alone_is_refused_beside_another_of_the_same_stage)
{
    struct waiter second = {.stage = STAGE_PLACED, .deadline_ms = LATER_MS};

    memcpy(second.order_id, order_id(1), UUID_SIZE);
    ck_assert_int_eq(add(1, LATER_MS), 0);
    ck_assert_int_eq(waiters_add(waiters, &second, true, &ticket), -EEXIST);
    second.stage = STAGE_FINAL;
    ck_assert_int_eq(waiters_add(waiters, &second, true, &ticket), 0);
    ck_assert_ptr_eq(take(1, STAGE_PLACED), &waiting[1]);
    ck_assert_ptr_eq(take(1, STAGE_FINAL), &second);
}
END_TEST

START_TEST(a_ticket_names_one_wait_and_no_later_one)
{
    uint64_t first;

    ck_assert_int_eq(wait_for(1, 7, STAGE_CANCELLING, LATER_MS), 0);
    first = ticket;
    ck_assert_int_eq(wait_for(2, 7, STAGE_CANCELLING, LATER_MS), 0);
    ck_assert_uint_ne(first, ticket);
    ck_assert_ptr_eq(waiters_take_ticket(waiters, order_id(7), first), &waiting[1]);
    ck_assert_ptr_null(waiters_take_ticket(waiters, order_id(7), first));
    ck_assert_int_eq(wait_for(1, 7, STAGE_FINAL, LATER_MS), 0); /* the same memory, a new wait */
    ck_assert_ptr_null(waiters_take_ticket(waiters, order_id(7), first));
    ck_assert_ptr_eq(waiters_take_ticket(waiters, order_id(7), ticket), &waiting[1]);
    ck_assert_ptr_null(waiters_take_ticket(waiters, order_id(7), 0));
}
END_TEST

START_TEST(patience_ends_by_the_deadline_of_each)
{
    ck_assert_int_eq(add(1, 300), 0);
    ck_assert_int_eq(add(2, 100), 0);
    ck_assert_int_eq(add(3, 200), 0);
    ck_assert_ptr_null(waiters_take_expired(waiters, 99));
    ck_assert_ptr_eq(waiters_take_expired(waiters, 100), &waiting[2]);
    ck_assert_ptr_null(waiters_take_expired(waiters, 199));
    ck_assert_ptr_eq(take(3, STAGE_PLACED), &waiting[3]);
    ck_assert_ptr_null(waiters_take_expired(waiters, 299));
    ck_assert_ptr_eq(waiters_take_expired(waiters, 300), &waiting[1]);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

/* Pseudo-random, but the same in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

START_TEST(whatever_is_taken_in_between_the_earliest_deadline_is_first)
{
    uint32_t state = 7;
    int64_t last_ms = -1;

    for (size_t i = 0; i < WAITERS_MAX; i++)
        ck_assert_int_eq(add(i, next_random(&state) % 5000), 0);
    for (size_t i = 0; i < WAITERS_MAX / 2; i++)
        take(next_random(&state) % WAITERS_MAX, STAGE_FINAL);
    for (struct waiter *waiter; (waiter = waiters_take_expired(waiters, INT64_MAX)) != NULL;) {
        ck_assert_int_ge(waiter->deadline_ms, last_ms);
        last_ms = waiter->deadline_ms;
    }
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(there_is_room_for_so_many_and_no_more)
{
    for (size_t i = 0; i < WAITERS_MAX; i++)
        ck_assert_int_eq(add(i, LATER_MS), 0);
    ck_assert_int_eq(add(WAITERS_MAX, LATER_MS), -ENOBUFS);
    ck_assert_ptr_eq(take(7, STAGE_PLACED), &waiting[7]);
    ck_assert_int_eq(add(WAITERS_MAX, LATER_MS), 0);
    for (size_t i = 0; i <= WAITERS_MAX; i++)
        ck_assert_ptr_eq(take(i, STAGE_PLACED), i == 7 ? NULL : &waiting[i]);
}
END_TEST

START_TEST(in_a_round_each_order_is_found_once)
{
    ck_assert(!waiters_find(waiters, order_id(7), 1));
    ck_assert_int_eq(wait_for(1, 7, STAGE_FINAL, LATER_MS), 0);
    ck_assert_int_eq(wait_for(2, 7, STAGE_FINAL, LATER_MS), 0);
    ck_assert(waiters_find(waiters, order_id(7), 2));
    ck_assert(!waiters_find(waiters, order_id(7), 2));
    ck_assert(waiters_find(waiters, order_id(7), 3));
    ck_assert_int_eq(wait_for(3, 7, STAGE_PLACED, LATER_MS), 0);
    ck_assert(waiters_find(waiters, order_id(7), 3)); /* the new one was not found yet */
}
END_TEST

START_TEST(in_a_round_every_order_can_be_found)
{
    char id[UUID_SIZE];
    bool found[4] = {false};

    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(wait_for(i, i, STAGE_FINAL, LATER_MS), 0);
    ck_assert_int_eq(wait_for(4, 2, STAGE_PLACED, LATER_MS), 0);
    while (waiters_find_any(waiters, 1, id)) {
        ck_assert(!found[id[UUID_SIZE - 2] - '0']);
        found[id[UUID_SIZE - 2] - '0'] = true;
    }
    for (size_t i = 0; i < 4; i++)
        ck_assert(found[i]);
    ck_assert(!waiters_find(waiters, order_id(2), 1));
}
END_TEST

START_TEST(after_the_close_nobody_is_let_in_and_the_rest_can_be_fetched)
{
    int64_t before_ms = clock_monotonic_ms();

    ck_assert_int_eq(wait_for(1, 1, STAGE_PLACED, LATER_MS), 0);
    ck_assert_int_eq(wait_for(2, 2, STAGE_FINAL, LATER_MS), 0);
    waiters_close(waiters);
    ck_assert_int_eq(add(3, LATER_MS), -ESHUTDOWN);
    ck_assert_ptr_eq(waiters_take_stage(waiters, STAGE_FINAL), &waiting[2]);
    ck_assert_ptr_null(waiters_take_stage(waiters, STAGE_FINAL));
    waiters_drain(waiters, 50);
    ck_assert_int_ge(clock_monotonic_ms(), before_ms + 49);
    ck_assert_ptr_eq(waiters_take_stage(waiters, STAGE_PLACED), &waiting[1]);
    waiters_drain(waiters, 60000); /* nobody waits: at once */
}
END_TEST

static atomic_size_t taken;
static atomic_bool is_lent[WAITERS_MAX];

/* By its time, by its order, or by its stage: whoever is first. */
static void *take_all(void *context)
{
    size_t way = (size_t)context;

    for (size_t i = 0; taken < ROUNDS; i++) {
        char id[UUID_SIZE];
        struct waiter *waiter;

        snprintf(id, sizeof(id), "00000000-0000-7000-8000-%012zu", i % WAITERS_MAX);
        if (way % 3 == 0)
            waiter = waiters_take_expired(waiters, LATER_MS);
        else if (way % 3 == 1)
            waiter = waiters_take(waiters, id, STAGE_FINAL);
        else
            waiter = waiters_take_stage(waiters, STAGE_PLACED);
        if (waiter == NULL)
            continue;
        /* Only who has taken it may say that its memory is free. */
        ck_assert(atomic_exchange(&is_lent[waiter - waiting], false));
        taken++;
    }
    return NULL;
}

START_TEST(many_threads_take_each_exactly_once)
{
    pthread_t threads[TAKERS];
    size_t added = 0;

    for (size_t i = 0; i < TAKERS; i++)
        pthread_create(&threads[i], NULL, take_all, (void *)i);
    for (size_t i = 0; added < ROUNDS; i = (i + 1) % WAITERS_MAX) {
        if (is_lent[i])
            continue;
        is_lent[i] = true;
        ck_assert_int_eq(add(i, (int64_t)(added % LATER_MS)), 0);
        added++;
    }
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(taken, ROUNDS);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

static void *take_later(void *context)
{
    (void)context;
    while (waiters_take(waiters, "00000000-0000-7000-8000-000000000001", STAGE_FINAL) == NULL)
        ;
    return NULL;
}

START_TEST(draining_waits_for_the_last_one)
{
    pthread_t thread;
    int64_t before_ms = clock_monotonic_ms();

    ck_assert_int_eq(add(1, LATER_MS), 0);
    pthread_create(&thread, NULL, take_later, NULL);
    waiters_drain(waiters, 30000);
    ck_assert(waiters_is_empty(waiters));
    ck_assert_int_lt(clock_monotonic_ms() - before_ms, 20000);
    pthread_join(thread, NULL);
}
END_TEST

/* ----------------------------------------------------------------------- the stages of an order */

static enum order_stage stage_after(const enum event_type *types, size_t count)
{
    static struct event events[4];
    struct order_entry entries[4] = {{0}};
    struct order_view view;

    for (size_t i = 0; i < count; i++) {
        events[i] = (struct event){.type = types[i], .timestamp_ms = (int64_t)i};
        snprintf(events[i].event_id, UUID_SIZE, "%s", order_id(i));
        entries[i] = (struct order_entry){.event = &events[i], .offset = (int64_t)i};
    }
    order_view_fold(entries, count, &view);
    return order_stage_of(&view);
}

START_TEST(an_order_comes_as_far_as_its_events_say)
{
    static const enum event_type types[] = {EVENT_ORDER_PLACED, EVENT_PAYMENT_FAILED,
                                            EVENT_ORDER_CANCELLATION_REQUESTED,
                                            EVENT_ORDER_CANCELLED};
    static const enum event_type shipped[] = {EVENT_ORDER_PLACED,
                                              EVENT_ORDER_CANCELLATION_REQUESTED,
                                              EVENT_SHIPMENT_CREATED, EVENT_ORDER_COMPLETED};

    ck_assert_int_eq(stage_after(types, 0), STAGE_NONE);
    ck_assert_int_eq(stage_after(types + 2, 1), STAGE_NONE); /* it overtook the order */
    ck_assert_int_eq(stage_after(types, 1), STAGE_PLACED);
    ck_assert_int_eq(stage_after(types, 2), STAGE_PLACED); /* nobody has asked for it */
    ck_assert_int_eq(stage_after(types, 3), STAGE_CANCELLING);
    ck_assert_int_eq(stage_after(types, 4), STAGE_FINAL);
    ck_assert_int_eq(stage_after(shipped, 3), STAGE_CANCELLING);
    ck_assert_int_eq(stage_after(shipped, 4), STAGE_FINAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tcase = tcase_create("waiters");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, one_is_taken_once_by_its_order);
    tcase_add_test(tcase, each_is_taken_when_its_own_stage_is_reached);
    tcase_add_test(tcase, the_outcome_is_what_every_stage_ends_with);
    tcase_add_test(tcase, who_wants_to_be_alone_is_refused_beside_another_of_the_same_stage);
    tcase_add_test(tcase, a_ticket_names_one_wait_and_no_later_one);
    tcase_add_test(tcase, patience_ends_by_the_deadline_of_each);
    tcase_add_test(tcase, whatever_is_taken_in_between_the_earliest_deadline_is_first);
    tcase_add_test(tcase, there_is_room_for_so_many_and_no_more);
    tcase_add_test(tcase, in_a_round_each_order_is_found_once);
    tcase_add_test(tcase, in_a_round_every_order_can_be_found);
    tcase_add_test(tcase, after_the_close_nobody_is_let_in_and_the_rest_can_be_fetched);
    tcase_add_test(tcase, many_threads_take_each_exactly_once);
    tcase_add_test(tcase, draining_waits_for_the_last_one);
    tcase_add_test(tcase, an_order_comes_as_far_as_its_events_say);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
