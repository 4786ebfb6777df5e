/* test_waiters.c - a request that waits is taken exactly once, whoever comes for it. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "services/order/waiters.h"
#include "suite.h"

#define PATIENCE_MS 1000
#define ROUNDS 20000
#define TAKERS 4

static struct waiters *waiters;
static int requests[WAITERS_MAX + 1];

static const char *order_id(size_t number)
{
    static char text[UUID_SIZE];

    snprintf(text, sizeof(text), "00000000-0000-7000-8000-%012zu", number);
    return text;
}

static void set_up(void)
{
    ck_assert_int_eq(waiters_new(PATIENCE_MS, &waiters, NULL), 0);
}

static void tear_down(void)
{
    char id[UUID_SIZE];

    while (waiters_take_any(waiters, id) != NULL)
        ;
    waiters_free(waiters);
}

static int add(size_t number, int64_t now_ms)
{
    return waiters_add(waiters, order_id(number), &requests[number], now_ms);
}

START_TEST(one_is_taken_once_by_its_order)
{
    ck_assert(waiters_is_empty(waiters));
    ck_assert_int_eq(add(1, 0), 0);
    ck_assert_int_eq(add(2, 0), 0);
    ck_assert(!waiters_is_empty(waiters));
    ck_assert_ptr_eq(waiters_take(waiters, order_id(2)), &requests[2]);
    ck_assert_ptr_null(waiters_take(waiters, order_id(2)));
    ck_assert_ptr_null(waiters_take(waiters, order_id(3)));
    ck_assert_ptr_eq(waiters_take(waiters, order_id(1)), &requests[1]);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(an_order_is_waited_for_by_one_only)
{
    ck_assert_int_eq(add(1, 0), 0);
    ck_assert_int_eq(add(1, 0), -EEXIST);
}
END_TEST

START_TEST(patience_ends_in_the_order_of_arrival)
{
    char id[UUID_SIZE];

    ck_assert_int_eq(add(1, 100), 0);
    ck_assert_int_eq(add(2, 110), 0);
    ck_assert_int_eq(add(3, 120), 0);
    ck_assert_ptr_null(waiters_take_expired(waiters, 99 + PATIENCE_MS, id));
    ck_assert_ptr_eq(waiters_take(waiters, order_id(2)), &requests[2]);
    ck_assert_ptr_eq(waiters_take_expired(waiters, 115 + PATIENCE_MS, id), &requests[1]);
    ck_assert_str_eq(id, order_id(1));
    ck_assert_ptr_null(waiters_take_expired(waiters, 115 + PATIENCE_MS, id));
    ck_assert_ptr_eq(waiters_take_expired(waiters, 120 + PATIENCE_MS, id), &requests[3]);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

START_TEST(there_is_room_for_so_many_and_no_more)
{
    for (size_t i = 0; i < WAITERS_MAX; i++)
        ck_assert_int_eq(add(i, 0), 0);
    ck_assert_int_eq(add(WAITERS_MAX, 0), -ENOBUFS);
    ck_assert_ptr_eq(waiters_take(waiters, order_id(7)), &requests[7]);
    ck_assert_int_eq(add(WAITERS_MAX, 0), 0);
    for (size_t i = 0; i <= WAITERS_MAX; i++)
        ck_assert_ptr_eq(waiters_take(waiters, order_id(i)), i == 7 ? NULL : &requests[i]);
}
END_TEST

START_TEST(after_the_close_nobody_is_let_in_and_the_rest_can_be_fetched)
{
    char id[UUID_SIZE];
    int64_t before_ms = clock_monotonic_ms();

    ck_assert_int_eq(add(1, 0), 0);
    waiters_close(waiters, 50);
    ck_assert_int_ge(clock_monotonic_ms(), before_ms + 49);
    ck_assert_int_eq(add(2, 0), -ESHUTDOWN);
    ck_assert_ptr_eq(waiters_take_any(waiters, id), &requests[1]);
    ck_assert_ptr_null(waiters_take_any(waiters, id));
    waiters_close(waiters, 60000); /* nobody waits: at once */
}
END_TEST

static atomic_size_t taken;

static void *take_all(void *context)
{
    bool by_time = context != NULL;
    char id[UUID_SIZE];

    while (taken < ROUNDS) {
        void *request = by_time ? waiters_take_expired(waiters, PATIENCE_MS, id)
                                : waiters_take_any(waiters, id);

        if (request != NULL)
            taken++;
    }
    return NULL;
}

START_TEST(many_threads_take_each_exactly_once)
{
    pthread_t threads[TAKERS];
    int marker;

    for (size_t i = 0; i < TAKERS; i++)
        pthread_create(&threads[i], NULL, take_all, i % 2 == 0 ? &marker : NULL);
    for (size_t i = 0; i < ROUNDS; i++)
        while (waiters_add(waiters, order_id(i), &marker, 0) == -ENOBUFS)
            ;
    for (size_t i = 0; i < TAKERS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(taken, ROUNDS);
    ck_assert(waiters_is_empty(waiters));
}
END_TEST

static void *take_later(void *context)
{
    (void)context;
    while (waiters_take(waiters, "00000000-0000-7000-8000-000000000001") == NULL)
        ;
    return NULL;
}

START_TEST(the_close_waits_for_the_last_one)
{
    pthread_t thread;
    int64_t before_ms = clock_monotonic_ms();

    ck_assert_int_eq(add(1, 0), 0);
    pthread_create(&thread, NULL, take_later, NULL);
    waiters_close(waiters, 30000);
    ck_assert(waiters_is_empty(waiters));
    ck_assert_int_lt(clock_monotonic_ms() - before_ms, 20000);
    pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tcase = tcase_create("waiters");

    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, one_is_taken_once_by_its_order);
    tcase_add_test(tcase, an_order_is_waited_for_by_one_only);
    tcase_add_test(tcase, patience_ends_in_the_order_of_arrival);
    tcase_add_test(tcase, there_is_room_for_so_many_and_no_more);
    tcase_add_test(tcase, after_the_close_nobody_is_let_in_and_the_rest_can_be_fetched);
    tcase_add_test(tcase, many_threads_take_each_exactly_once);
    tcase_add_test(tcase, the_close_waits_for_the_last_one);
    suite_add_tcase(suite, tcase);
    return suite_main(suite);
}
