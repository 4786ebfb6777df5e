/* test_overlay.c - what an open batch has read and written, in memory. */
#include "common/kafka/overlay.h"

#include <string.h>

#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/samples.h"

#define SLOTS 64
#define COLLIDING_MAX 5
#define MANY 2000

static struct overlay overlay;
static struct event event;

static void setup(void)
{
    ck_assert_int_eq(overlay_init(&overlay, SLOTS), 0);
}

static void teardown(void)
{
    overlay_done(&overlay);
}

static struct overlay_entry *put(const struct event *what, bool written)
{
    struct overlay_entry *entry = overlay_put(&overlay, what, event_size(what), written);

    ck_assert_ptr_nonnull(entry);
    return entry;
}

static struct overlay_entry *put_failed(size_t number, const char *reason, bool written)
{
    sample_payment_failed(&event, number, reason);
    return put(&event, written);
}

static struct overlay_entry *find(size_t number)
{
    char key[UUID_SIZE];

    sample_key(number, key);
    return overlay_find(&overlay, TOPIC_PAYMENTS, key);
}

static const char *reason_of(const struct overlay_entry *entry)
{
    ck_assert_ptr_nonnull(entry);
    return entry->event->data.payment_failed.reason;
}

START_TEST(nothing_is_found_in_an_empty_overlay)
{
    ck_assert_ptr_null(find(1));
    ck_assert_uint_eq(overlay.entry_count, 0);
    ck_assert_uint_eq(overlay.bytes, 0);
}
END_TEST

START_TEST(an_event_is_found_by_its_topic_and_key)
{
    struct overlay_entry *entry = put_failed(1, "x", false);

    ck_assert_ptr_eq(find(1), entry);
    ck_assert_ptr_null(find(2));
    ck_assert(event_equal(entry->event, &event));
    ck_assert_int_eq(entry->topic, TOPIC_PAYMENTS);
}
END_TEST

START_TEST(the_same_key_in_another_topic_is_another_entry)
{
    struct event order;
    char key[UUID_SIZE];

    sample_key(1, key);
    put_failed(1, "x", false);
    ck_assert_ptr_null(overlay_find(&overlay, TOPIC_ORDERS, key));
    sample_order_placed(&order, 1);
    put(&order, false);
    ck_assert_int_eq(overlay_find(&overlay, TOPIC_ORDERS, key)->event->type, EVENT_ORDER_PLACED);
    ck_assert_int_eq(find(1)->event->type, EVENT_PAYMENT_FAILED);
    ck_assert_uint_eq(overlay.entry_count, 2);
}
END_TEST

START_TEST(a_later_event_of_the_same_key_replaces_the_earlier)
{
    put_failed(1, "first", true);
    put_failed(1, "second", true);
    ck_assert_str_eq(reason_of(find(1)), "second");
    ck_assert_uint_eq(overlay.entry_count, 1);
    sample_payment_processed(&event, 1, ITEMS_MAX);
    put(&event, true);
    ck_assert(event_equal(find(1)->event, &event));
    ck_assert_uint_eq(overlay.entry_count, 1);
}
END_TEST

START_TEST(what_was_written_once_stays_written)
{
    ck_assert(!put_failed(1, "read", false)->written);
    ck_assert(put_failed(1, "written", true)->written);
    ck_assert(put_failed(1, "read again", false)->written);
}
END_TEST

START_TEST(the_event_is_a_copy_of_the_bytes_in_use)
{
    size_t size;
    struct event *exact;

    sample_payment_processed(&event, 1, 2);
    size = event_size(&event);
    exact = malloc(size); /* the sanitizer sees a byte too many */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, &event, size);
    ck_assert_ptr_nonnull(overlay_put(&overlay, exact, size, true));
    memset(exact, 'x', size);
    free(exact);
    ck_assert(event_equal(find(1)->event, &event));
}
END_TEST

/* Numbers whose keys all belong into the last slot: the search has to go on at the first one. */
static void find_colliding(size_t numbers[COLLIDING_MAX])
{
    size_t count = 0;

    for (size_t number = 0; count < COLLIDING_MAX; number++) {
        if ((put_failed(number, "x", false)->hash & (SLOTS - 1)) == SLOTS - 1)
            numbers[count++] = number;
        overlay_clear(&overlay);
    }
}

START_TEST(keys_of_the_same_slot_are_told_apart)
{
    size_t numbers[COLLIDING_MAX];
    char reason[16];

    find_colliding(numbers);
    for (size_t i = 0; i < COLLIDING_MAX - 1; i++) {
        snprintf(reason, sizeof(reason), "reason %zu", i);
        put_failed(numbers[i], reason, i % 2 == 0);
    }
    ck_assert_ptr_null(find(numbers[COLLIDING_MAX - 1]));
    for (size_t i = 0; i < COLLIDING_MAX - 1; i++) {
        snprintf(reason, sizeof(reason), "reason %zu", i);
        ck_assert_str_eq(reason_of(find(numbers[i])), reason);
        ck_assert_int_eq(find(numbers[i])->written, i % 2 == 0);
    }
    put_failed(numbers[2], "replaced", false);
    ck_assert_str_eq(reason_of(find(numbers[2])), "replaced");
    ck_assert_uint_eq(overlay.entry_count, COLLIDING_MAX - 1);
}
END_TEST

START_TEST(all_are_found_when_every_slot_but_one_is_taken)
{
    for (size_t i = 0; i < SLOTS - 1; i++)
        put_failed(i, "x", true);
    ck_assert_uint_eq(overlay.entry_count, SLOTS - 1);
    for (size_t i = 0; i < SLOTS - 1; i++)
        ck_assert_ptr_nonnull(find(i));
    ck_assert_ptr_null(find(SLOTS));
}
END_TEST

START_TEST(clearing_forgets_everything)
{
    size_t numbers[COLLIDING_MAX];

    find_colliding(numbers);
    for (size_t i = 0; i < COLLIDING_MAX; i++)
        put_failed(numbers[i], "x", true);
    overlay_clear(&overlay);
    for (size_t i = 0; i < COLLIDING_MAX; i++)
        ck_assert_ptr_null(find(numbers[i]));
    ck_assert_uint_eq(overlay.entry_count, 0);
    ck_assert_uint_eq(overlay.bytes, 0);
    ck_assert(!put_failed(numbers[0], "read", false)->written);
}
END_TEST

START_TEST(an_overlay_may_be_cleared_before_its_first_use)
{
    overlay_clear(&overlay);
    put_failed(1, "x", true);
    ck_assert_ptr_nonnull(find(1));
}
END_TEST

/* 2000 events of 7 KB: many chunks. What was handed out before must not move. */
static void fill(const struct event **out)
{
    for (size_t i = 0; i < MANY; i++) {
        sample_payment_processed(&event, i, ITEMS_MAX);
        out[i] = put(&event, true)->event;
    }
}

static void check_filled(const struct event *const *kept)
{
    for (size_t i = 0; i < MANY; i++) {
        sample_payment_processed(&event, i, ITEMS_MAX);
        ck_assert_ptr_eq(find(i)->event, kept[i]);
        ck_assert(event_equal(kept[i], &event));
        ck_assert_uint_eq((uintptr_t)kept[i] % _Alignof(max_align_t), 0);
    }
}

START_TEST(many_events_keep_their_place_and_the_memory_is_used_again)
{
    const struct event *first[MANY], *second[MANY];

    overlay_done(&overlay);
    ck_assert_int_eq(overlay_init(&overlay, 4096), 0);
    fill(first);
    check_filled(first);
    ck_assert_uint_gt(overlay.bytes, MANY * event_size(first[0]) - 1);
    overlay_clear(&overlay);
    fill(second);
    check_filled(second);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(first[i], second[i]);
}
END_TEST

START_TEST(bytes_count_what_was_copied_and_not_what_can_be_found)
{
    size_t once;

    put_failed(1, "x", true);
    once = overlay.bytes;
    ck_assert_uint_ge(once, event_size(&event));
    put_failed(1, "x", true);
    ck_assert_uint_eq(overlay.bytes, 2 * once);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("overlay");
    TCase *tests = tcase_create("overlay");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, nothing_is_found_in_an_empty_overlay);
    tcase_add_test(tests, an_event_is_found_by_its_topic_and_key);
    tcase_add_test(tests, the_same_key_in_another_topic_is_another_entry);
    tcase_add_test(tests, a_later_event_of_the_same_key_replaces_the_earlier);
    tcase_add_test(tests, what_was_written_once_stays_written);
    tcase_add_test(tests, the_event_is_a_copy_of_the_bytes_in_use);
    tcase_add_test(tests, keys_of_the_same_slot_are_told_apart);
    tcase_add_test(tests, all_are_found_when_every_slot_but_one_is_taken);
    tcase_add_test(tests, clearing_forgets_everything);
    tcase_add_test(tests, an_overlay_may_be_cleared_before_its_first_use);
    tcase_add_test(tests, many_events_keep_their_place_and_the_memory_is_used_again);
    tcase_add_test(tests, bytes_count_what_was_copied_and_not_what_can_be_found);
    suite_add_tcase(suite, tests);
    return suite_main(suite);
}
