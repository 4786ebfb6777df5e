/*
 * test_ledger.c - the cache of the own last events: batches, positions, identity, expiry, damage.
 */
#include "common/kafka/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"
#include "common/kafka/identity.h"
#include "common/kafka/store.h"
#include "suite.h"
#include "tests/runtime/samples.h"
#include "tests/runtime/temp_directory.h"

#define PARTITIONS 4
#define HOUR_MS INT64_C(3600000)
#define WEEK_MS (7 * 24 * HOUR_MS) /* as topics.json has it for payments */
/* Entries looked at for expiry with each one that is written. */
#define EXPIRY_PER_WRITE 2

static const enum topic ledgers[] = {TOPIC_PAYMENTS, TOPIC_STOCK};

static struct topics topics;
static struct ledger *ledger;
static struct event event;
static struct error err;
static char directory[TEMP_DIRECTORY_SIZE];

static void describe(size_t i, enum topic topic, const char *id)
{
    topics.list[i].topic = topic;
    topics.list[i].partition_count = PARTITIONS;
    topic_name("t.", topic, topics.list[i].name);
    str_copy(topics.list[i].id, TOPIC_ID_SIZE, id);
    if (topics.count <= i)
        topics.count = i + 1;
}

static void open_ledger(void)
{
    ck_assert_msg(ledger_open(directory, &topics, ledgers, ARRAY_LEN(ledgers), &ledger, &err) == 0,
                  "%s", err.text);
}

static void reopen(void)
{
    ledger_close(ledger);
    open_ledger();
}

static void setup(void)
{
    memset(&topics, 0, sizeof(topics));
    strcpy(topics.cluster_id, "cluster-1");
    describe(0, TOPIC_PAYMENTS, "id-1");
    describe(1, TOPIC_STOCK, "id-2");
    temp_directory_new(directory);
    open_ledger();
}

static void teardown(void)
{
    ledger_close(ledger);
}

static const struct event *get(size_t number)
{
    const struct event *found = NULL;
    char key[UUID_SIZE];

    sample_key(number, key);
    ck_assert_msg(ledger_get(ledger, TOPIC_PAYMENTS, key, &found, &err) == 0, "%s", err.text);
    return found;
}

static bool has(size_t number)
{
    return get(number)->type != EVENT_NONE;
}

static const char *reason_of(size_t number)
{
    ck_assert_int_eq(get(number)->type, EVENT_PAYMENT_FAILED);
    return get(number)->data.payment_failed.reason;
}

static void put_at(size_t number, const char *reason, int64_t timestamp_ms)
{
    sample_payment_failed(&event, number, reason);
    event.timestamp_ms = timestamp_ms;
    ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
}

static void put(size_t number, const char *reason)
{
    put_at(number, reason, SAMPLE_MS);
}

static void commit_at(int64_t now_ms)
{
    ck_assert_msg(ledger_commit(ledger, now_ms, &err) == 0, "%s", err.text);
}

static void commit(void)
{
    commit_at(SAMPLE_MS);
}

static int64_t position(enum topic topic, int32_t partition)
{
    int64_t next = -1;

    ck_assert_msg(ledger_position(ledger, topic, partition, &next, &err) == 0, "%s", err.text);
    return next;
}

START_TEST(a_key_that_nothing_was_published_about_has_an_event_of_no_type)
{
    ck_assert(!has(1));
    ck_assert(!has(1));
}
END_TEST

START_TEST(what_a_batch_has_put_is_seen_within_it)
{
    put(1, "x");
    ck_assert_str_eq(reason_of(1), "x");
    put(1, "y");
    ck_assert_str_eq(reason_of(1), "y");
    ck_assert(!has(2));
}
END_TEST

START_TEST(what_was_committed_is_seen_by_later_batches)
{
    put(1, "x");
    commit();
    ck_assert_str_eq(reason_of(1), "x");
    put(1, "y");
    ck_assert_str_eq(reason_of(1), "y");
    commit();
    ck_assert_str_eq(reason_of(1), "y");
}
END_TEST

START_TEST(a_dropped_batch_leaves_nothing)
{
    put(1, "kept");
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 5);
    commit();
    put(1, "dropped");
    put(2, "dropped");
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 9);
    ledger_drop(ledger);
    ck_assert_str_eq(reason_of(1), "kept");
    ck_assert(!has(2));
    commit();
    ck_assert_str_eq(reason_of(1), "kept");
    ck_assert(!has(2));
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 5);
}
END_TEST

START_TEST(an_event_that_was_only_read_is_not_written)
{
    put(1, "x");
    commit();
    ck_assert(has(1));
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 1);
    commit_at(SAMPLE_MS + 2 * WEEK_MS); /* writes nothing, so nothing expires */
    ck_assert(has(1));
}
END_TEST

START_TEST(the_two_ledgers_of_a_service_are_apart)
{
    const struct event *found;

    sample_stock_level(&event, "A", 7);
    ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
    put(1, "x");
    commit();
    ck_assert_int_eq(ledger_get(ledger, TOPIC_STOCK, "A", &found, &err), 0);
    ck_assert(event_equal(found, &event) || found->type == EVENT_STOCK_LEVEL_CHANGED);
    ck_assert_int_eq(found->data.stock_level_changed.on_hand, 7);
    ck_assert_int_eq(ledger_get(ledger, TOPIC_PAYMENTS, "A", &found, &err), 0);
    ck_assert_int_eq(found->type, EVENT_NONE);
    ck_assert(has(1));
}
END_TEST

START_TEST(the_largest_event_comes_back_as_it_was)
{
    struct event big;

    sample_payment_processed(&big, 1, ITEMS_MAX);
    ck_assert_int_eq(ledger_put(ledger, &big, &err), 0);
    commit();
    ck_assert(event_equal(get(1), &big));
    reopen();
    ck_assert(event_equal(get(1), &big));
}
END_TEST

START_TEST(what_was_read_stays_valid_until_the_batch_ends)
{
    const struct event *first;

    put(1, "x");
    put(2, "y");
    commit();
    first = get(1);
    for (size_t i = 100; i < 400; i++)
        put(i, "more");
    ck_assert_str_eq(reason_of(2), "y");
    ck_assert_str_eq(first->data.payment_failed.reason, "x");
    ck_assert_ptr_eq(get(1), first);
}
END_TEST

START_TEST(positions_begin_at_zero_and_are_committed_with_the_batch)
{
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 0);
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 17);
    ledger_advance(ledger, TOPIC_PAYMENTS, 3, 4);
    ledger_advance(ledger, TOPIC_STOCK, 0, 2);
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 0);
    commit();
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 17);
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 1), 0);
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 3), 4);
    ck_assert_int_eq(position(TOPIC_STOCK, 0), 2);
}
END_TEST

START_TEST(a_position_does_not_go_back_within_a_batch)
{
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 17);
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 5);
    commit();
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 17);
}
END_TEST

START_TEST(reopening_keeps_entries_and_positions)
{
    put(1, "x");
    put(2, "y");
    ledger_advance(ledger, TOPIC_PAYMENTS, 2, 42);
    commit();
    put(3, "never committed");
    reopen();
    ck_assert_str_eq(reason_of(1), "x");
    ck_assert_str_eq(reason_of(2), "y");
    ck_assert(!has(3));
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 2), 42);
}
END_TEST

static void put_and_advance(void)
{
    put(1, "x");
    ledger_advance(ledger, TOPIC_PAYMENTS, 0, 9);
    commit();
}

static void assert_discarded(void)
{
    reopen();
    ck_assert(!has(1));
    ck_assert_int_eq(position(TOPIC_PAYMENTS, 0), 0);
}

START_TEST(another_topic_id_discards_everything)
{
    put_and_advance();
    describe(0, TOPIC_PAYMENTS, "id-of-the-topic-created-again");
    assert_discarded();
}
END_TEST

START_TEST(another_cluster_discards_everything)
{
    put_and_advance();
    strcpy(topics.cluster_id, "cluster-2");
    assert_discarded();
}
END_TEST

START_TEST(another_partition_count_discards_everything)
{
    put_and_advance();
    topics.list[0].partition_count++;
    assert_discarded();
}
END_TEST

START_TEST(what_was_discarded_does_not_come_back_with_the_old_identity)
{
    put_and_advance();
    describe(0, TOPIC_PAYMENTS, "id-of-the-topic-created-again");
    assert_discarded();
    describe(0, TOPIC_PAYMENTS, "id-1");
    assert_discarded();
}
END_TEST

static size_t count(size_t first, size_t last)
{
    size_t found = 0;

    for (size_t i = first; i < last; i++)
        found += has(i);
    ledger_drop(ledger);
    return found;
}

START_TEST(expired_entries_go_some_at_a_time_and_others_never)
{
    const size_t old = 100, fresh = 200, now_ms = SAMPLE_MS + WEEK_MS + HOUR_MS;
    size_t left = old, before, commits = 0;

    for (size_t i = 0; i < old; i++)
        put_at(i, "old", SAMPLE_MS);
    for (size_t i = old; i < fresh; i++)
        put_at(i, "fresh", SAMPLE_MS + 2 * HOUR_MS);
    commit_at(SAMPLE_MS + WEEK_MS); /* the old ones are exactly as old as may be */
    ck_assert_uint_eq(count(0, fresh), fresh);

    for (; left > 0 && commits < fresh; commits++) {
        put_at(fresh, "the one that is written", (int64_t)now_ms);
        commit_at((int64_t)now_ms);
        before = left;
        left = count(0, old);
        ck_assert_uint_le(before - left, EXPIRY_PER_WRITE);
    }
    ck_assert_uint_eq(left, 0);
    ck_assert_uint_eq(count(old, fresh + 1), fresh + 1 - old);
}
END_TEST

/* More writes than entries: the look goes round more than once. */
START_TEST(expiry_goes_round_and_finds_what_has_become_old_since)
{
    put_at(1, "x", SAMPLE_MS);
    commit_at(SAMPLE_MS);
    for (int i = 0; i < 5; i++) {
        put_at(2, "y", SAMPLE_MS + WEEK_MS);
        commit_at(SAMPLE_MS + WEEK_MS);
        ck_assert(has(1));
    }
    for (int i = 0; i < 5; i++) {
        put_at(2, "y", SAMPLE_MS + WEEK_MS + 1);
        commit_at(SAMPLE_MS + WEEK_MS + 1);
    }
    ck_assert(!has(1));
    ck_assert(has(2));
}
END_TEST

START_TEST(a_key_that_was_written_again_does_not_expire_with_its_first_event)
{
    put_at(1, "first", SAMPLE_MS);
    commit_at(SAMPLE_MS);
    put_at(1, "second", SAMPLE_MS + WEEK_MS);
    commit_at(SAMPLE_MS + WEEK_MS + HOUR_MS);
    put_at(2, "z", SAMPLE_MS + WEEK_MS);
    commit_at(SAMPLE_MS + WEEK_MS + HOUR_MS);
    ck_assert_str_eq(reason_of(1), "second");
}
END_TEST

START_TEST(a_topic_that_keeps_its_records_for_ever_has_no_expiry)
{
    const struct event *found;

    sample_stock_level(&event, "A", 7);
    ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
    commit();
    for (int i = 0; i < 5; i++) {
        put_at(1, "x", SAMPLE_MS + 100 * WEEK_MS);
        commit_at(SAMPLE_MS + 100 * WEEK_MS);
    }
    ck_assert_int_eq(ledger_get(ledger, TOPIC_STOCK, "A", &found, &err), 0);
    ck_assert_int_eq(found->type, EVENT_STOCK_LEVEL_CHANGED);
}
END_TEST

START_TEST(a_batch_is_full_of_keys)
{
    for (size_t i = 0; i < LEDGER_BATCH_KEYS_MAX; i++) {
        sample_stock_level(&event, "", 1);
        snprintf(event.data.stock_level_changed.product_id, PRODUCT_ID_SIZE, "SKU-%zu", i);
        ck_assert(!ledger_is_full(ledger));
        ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
    }
    ck_assert(ledger_is_full(ledger));
    ledger_drop(ledger);
    ck_assert(!ledger_is_full(ledger));
}
END_TEST

START_TEST(a_batch_is_full_of_bytes)
{
    size_t puts = 0, size;

    sample_payment_processed(&event, 1, ITEMS_MAX);
    size = event_size(&event);
    for (; !ledger_is_full(ledger); puts++)
        ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
    ck_assert_uint_ge(puts * (size + sizeof(max_align_t)), LEDGER_BATCH_BYTES_MAX);
    ck_assert_uint_le((puts - 1) * size, LEDGER_BATCH_BYTES_MAX);
    commit();
    ck_assert(!ledger_is_full(ledger));
    ck_assert(has(1));
}
END_TEST

START_TEST(what_was_only_read_fills_a_batch_too)
{
    for (size_t i = 0; i < 2000; i++) {
        sample_payment_processed(&event, i, ITEMS_MAX);
        ck_assert_int_eq(ledger_put(ledger, &event, &err), 0);
        if (ledger_is_full(ledger))
            commit();
    }
    commit();
    for (size_t i = 0; i < 2000 && !ledger_is_full(ledger); i++)
        ck_assert(has(i));
    ck_assert(ledger_is_full(ledger));
}
END_TEST

/* Writes what no ledger would, past it. */
static void plant(const char *key, const void *bytes, size_t size)
{
    static const char *const tables[] = {"payments", "stock"};
    char identity[STORE_IDENTITY_SIZE];
    struct store *store;
    struct store_txn *txn;

    ledger_close(ledger);
    ck_assert_int_eq(store_identity(&topics, "ledger-1", identity, sizeof(identity), &err), 0);
    ck_assert_int_eq(
        store_open(&(struct store_config){directory, identity, tables, 2}, &store, &err), 0);
    ck_assert_int_eq(store_begin_write(store, &txn, &err), 0);
    ck_assert_int_eq(store_put(txn, 0, (struct store_bytes){key, strlen(key)},
                               (struct store_bytes){bytes, size}, &err),
                     0);
    ck_assert_int_eq(store_commit(txn, &err), 0);
    store_close(store);
    open_ledger();
}

enum damage {
    NOTHING_LEFT,
    CUT_IN_THE_HEAD,
    CUT_IN_THE_DATA,
    TOO_LONG,
    LONGER_THAN_ANY_EVENT,
    NO_TYPE,
    UNKNOWN_TYPE,
    NEGATIVE_TYPE,
    TYPE_OF_ANOTHER_TOPIC,
    MORE_ITEMS_THAN_BYTES,
    MORE_ITEMS_THAN_ANY_EVENT,
    ANOTHER_KEY,
    DAMAGE_COUNT,
};

static size_t damage(struct event *what, enum damage kind)
{
    size_t size = event_size(what);

    switch (kind) {
    case NOTHING_LEFT:
        return 0;
    case CUT_IN_THE_HEAD:
        return offsetof(struct event, data) - 1;
    case CUT_IN_THE_DATA:
        return size - 1;
    case TOO_LONG:
        return size + 1;
    case LONGER_THAN_ANY_EVENT:
        return sizeof(*what) + 8;
    case NO_TYPE:
        what->type = EVENT_NONE;
        return size;
    case UNKNOWN_TYPE:
        what->type = EVENT_TYPE_COUNT;
        return size;
    case NEGATIVE_TYPE:
        memset(&what->type, 0xff, sizeof(what->type));
        return size;
    case TYPE_OF_ANOTHER_TOPIC:
        what->type = EVENT_ORDER_PLACED;
        return size;
    case MORE_ITEMS_THAN_BYTES:
        what->data.payment_processed.item_count++;
        return size;
    case MORE_ITEMS_THAN_ANY_EVENT:
        what->data.payment_processed.item_count = SIZE_MAX / 2;
        return size;
    case ANOTHER_KEY:
        sample_key(2, what->data.payment_processed.order_id);
        return size;
    case DAMAGE_COUNT:
        break;
    }
    ck_abort();
}

START_TEST(a_damaged_entry_is_an_error_with_its_key_and_harms_no_other)
{
    union {
        struct event event;
        char bytes[sizeof(struct event) + 64];
    } entry = {.bytes = {0}};
    const struct event *found = NULL;
    char key[UUID_SIZE];
    size_t size;

    put(3, "sound");
    commit();
    sample_payment_processed(&entry.event, 1, 3);
    sample_key(1, key);
    size = damage(&entry.event, (enum damage)_i);
    plant(key, &entry, size);
    ck_assert_int_eq(ledger_get(ledger, TOPIC_PAYMENTS, key, &found, &err), -EUCLEAN);
    ck_assert_msg(strstr(err.text, key) != NULL, "%s", err.text);
    ck_assert_ptr_null(found);
    ck_assert_str_eq(reason_of(3), "sound");
}
END_TEST

START_TEST(a_damaged_entry_can_be_written_over)
{
    char key[UUID_SIZE];

    sample_key(1, key);
    plant(key, "garbage", 7);
    put(1, "new");
    commit();
    reopen();
    ck_assert_str_eq(reason_of(1), "new");
}
END_TEST

/* Expiry walks over all entries, those with a strange key too. */
START_TEST(an_entry_with_the_longest_key_expires_like_others)
{
    char key[STORE_KEY_MAX + 1];
    char bytes[offsetof(struct event, data)] = {0};
    const struct event *found;

    memset(key, 'k', STORE_KEY_MAX);
    key[STORE_KEY_MAX] = '\0';
    plant(key, bytes, sizeof(bytes)); /* of 1970 */
    for (int i = 0; i < 5; i++) {
        put_at(1, "x", SAMPLE_MS);
        commit();
    }
    ck_assert_int_eq(ledger_get(ledger, TOPIC_PAYMENTS, key, &found, &err), 0);
    ck_assert_int_eq(found->type, EVENT_NONE);
    ck_assert_str_eq(found->event_id, "");
    ck_assert(has(1));
}
END_TEST

START_TEST(a_directory_that_cannot_be_made_is_an_error_line)
{
    struct ledger *other = NULL;

    ck_assert_int_lt(
        ledger_open("/proc/none/ledger", &topics, ledgers, ARRAY_LEN(ledgers), &other, &err), 0);
    ck_assert_ptr_null(other);
    ck_assert_msg(strstr(err.text, "/proc/none") != NULL, "%s", err.text);
}
END_TEST

static TCase *batch_case(void)
{
    TCase *tests = tcase_create("batch");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_key_that_nothing_was_published_about_has_an_event_of_no_type);
    tcase_add_test(tests, what_a_batch_has_put_is_seen_within_it);
    tcase_add_test(tests, what_was_committed_is_seen_by_later_batches);
    tcase_add_test(tests, a_dropped_batch_leaves_nothing);
    tcase_add_test(tests, an_event_that_was_only_read_is_not_written);
    tcase_add_test(tests, the_two_ledgers_of_a_service_are_apart);
    tcase_add_test(tests, the_largest_event_comes_back_as_it_was);
    tcase_add_test(tests, what_was_read_stays_valid_until_the_batch_ends);
    tcase_add_test(tests, a_batch_is_full_of_keys);
    tcase_add_test(tests, a_batch_is_full_of_bytes);
    tcase_add_test(tests, what_was_only_read_fills_a_batch_too);
    return tests;
}

static TCase *file_case(void)
{
    TCase *tests = tcase_create("file");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, positions_begin_at_zero_and_are_committed_with_the_batch);
    tcase_add_test(tests, a_position_does_not_go_back_within_a_batch);
    tcase_add_test(tests, reopening_keeps_entries_and_positions);
    tcase_add_test(tests, another_topic_id_discards_everything);
    tcase_add_test(tests, another_cluster_discards_everything);
    tcase_add_test(tests, another_partition_count_discards_everything);
    tcase_add_test(tests, what_was_discarded_does_not_come_back_with_the_old_identity);
    tcase_add_loop_test(tests, a_damaged_entry_is_an_error_with_its_key_and_harms_no_other, 0,
                        DAMAGE_COUNT);
    tcase_add_test(tests, a_damaged_entry_can_be_written_over);
    tcase_add_test(tests, an_entry_with_the_longest_key_expires_like_others);
    tcase_add_test(tests, a_directory_that_cannot_be_made_is_an_error_line);
    return tests;
}

static TCase *expiry_case(void)
{
    TCase *tests = tcase_create("expiry");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, expired_entries_go_some_at_a_time_and_others_never);
    tcase_add_test(tests, expiry_goes_round_and_finds_what_has_become_old_since);
    tcase_add_test(tests, a_key_that_was_written_again_does_not_expire_with_its_first_event);
    tcase_add_test(tests, a_topic_that_keeps_its_records_for_ever_has_no_expiry);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("ledger");
    int result;

    temp_directories_start();
    suite_add_tcase(suite, batch_case());
    suite_add_tcase(suite, file_case());
    suite_add_tcase(suite, expiry_case());
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
