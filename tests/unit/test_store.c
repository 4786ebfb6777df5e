/*
 * test_store.c - the local store: kill -9, two processes, identity, and how much memory it takes.
 */
#include "common/kafka/resident.h"
#include "common/kafka/store.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "suite.h"
#include "tests/runtime/await.h"
#include "tests/runtime/temp_directory.h"

#define KILLS 20
#define ROWS_PER_TRANSACTION 7
/* Row i of transaction n stands under key i and holds n, that often. */
#define ROW_WORDS 64
#define WRITER_LIFE_MS_MAX 40
#define OTHER_PROCESS_MS_MAX 5000

#define VALUE_BYTES ((size_t)4096)
#define VALUE_COUNT ((size_t)51200) /* 200 MB */
#define VALUES_PER_TRANSACTION ((size_t)512)
/* Beside the store: this program, its libraries, and what one transaction touches after a trim. */
#define RESIDENT_SLACK ((size_t)24 << 20)

static const char *const tables[] = {"rows", "others"};

static struct store *store;
static struct error err;
static char directory[TEMP_DIRECTORY_SIZE];
static uint64_t row[ROW_WORDS];

static void open_as(const char *identity)
{
    const struct store_config config = {directory, identity, tables, ARRAY_LEN(tables)};

    ck_assert_msg(store_open(&config, &store, &err) == 0, "%s", err.text);
}

static void setup(void)
{
    temp_directory_new(directory);
    open_as("one");
}

static void teardown(void)
{
    store_close(store);
}

static void reopen_as(const char *identity)
{
    store_close(store);
    open_as(identity);
}

static struct store_bytes text(const char *string)
{
    return (struct store_bytes){string, strlen(string)};
}

static struct store_txn *begin_write(void)
{
    struct store_txn *txn;

    ck_assert_msg(store_begin_write(store, &txn, &err) == 0, "%s", err.text);
    return txn;
}

static struct store_txn *begin_read(void)
{
    struct store_txn *txn;

    ck_assert_msg(store_begin_read(store, &txn, &err) == 0, "%s", err.text);
    return txn;
}

static void commit(struct store_txn *txn)
{
    ck_assert_msg(store_commit(txn, &err) == 0, "%s", err.text);
}

static void put_in(struct store_txn *txn, size_t table, const char *key, const char *value)
{
    ck_assert_int_eq(store_put(txn, table, text(key), text(value), &err), 0);
}

static void put(const char *key, const char *value)
{
    struct store_txn *txn = begin_write();

    put_in(txn, 0, key, value);
    commit(txn);
}

/* "-" when there is no such key. Until the next call. */
static const char *get_from(size_t table, const char *key)
{
    static char found[64];
    struct store_txn *txn = begin_read();
    struct store_bytes value;
    int r = store_get(txn, table, text(key), &value, &err);

    ck_assert(r == 0 || r == -ENOENT);
    if (r == 0)
        snprintf(found, sizeof(found), "%.*s", (int)value.size, (const char *)value.data);
    else
        strcpy(found, "-");
    store_abort(txn);
    return found;
}

static const char *get(const char *key)
{
    return get_from(0, key);
}

static int64_t offset_of(const char *topic, int32_t partition)
{
    struct store_txn *txn = begin_read();
    int64_t next = -2;

    ck_assert_int_eq(store_offset_get(txn, topic, partition, &next, &err), 0);
    store_abort(txn);
    return next;
}

START_TEST(what_was_committed_is_there_and_what_was_aborted_is_not)
{
    struct store_txn *txn;

    put("a", "1");
    txn = begin_write();
    put_in(txn, 0, "a", "2");
    put_in(txn, 0, "b", "2");
    store_abort(txn);
    ck_assert_str_eq(get("a"), "1");
    ck_assert_str_eq(get("b"), "-");
}
END_TEST

START_TEST(a_write_transaction_sees_its_own_writes)
{
    struct store_txn *txn = begin_write();
    struct store_bytes value;

    put_in(txn, 0, "a", "1");
    ck_assert_int_eq(store_get(txn, 0, text("a"), &value, &err), 0);
    ck_assert_uint_eq(value.size, 1);
    ck_assert_str_eq(get("a"), "-");
    commit(txn);
    ck_assert_str_eq(get("a"), "1");
}
END_TEST

START_TEST(a_read_transaction_sees_the_store_as_it_was_at_its_begin)
{
    struct store_txn *reading;
    struct store_bytes value;

    put("a", "1");
    reading = begin_read();
    put("a", "2");
    ck_assert_int_eq(store_get(reading, 0, text("a"), &value, &err), 0);
    ck_assert_int_eq(memcmp(value.data, "1", 1), 0);
    store_abort(reading);
    ck_assert_str_eq(get("a"), "2");
}
END_TEST

START_TEST(tables_are_apart)
{
    struct store_txn *txn = begin_write();

    put_in(txn, 0, "a", "row");
    put_in(txn, 1, "a", "other");
    commit(txn);
    ck_assert_str_eq(get_from(0, "a"), "row");
    ck_assert_str_eq(get_from(1, "a"), "other");
}
END_TEST

START_TEST(deleting_what_is_not_there_is_no_error)
{
    struct store_txn *txn;

    put("a", "1");
    txn = begin_write();
    ck_assert_int_eq(store_delete(txn, 0, text("a"), &err), 0);
    ck_assert_int_eq(store_delete(txn, 0, text("a"), &err), 0);
    commit(txn);
    ck_assert_str_eq(get("a"), "-");
}
END_TEST

START_TEST(offsets_are_kept_by_topic_and_partition)
{
    struct store_txn *txn = begin_write();

    ck_assert_int_eq(store_offset_put(txn, "t", 1, 5, &err), 0);
    ck_assert_int_eq(store_offset_put(txn, "t", 11, 6, &err), 0);
    ck_assert_int_eq(store_offset_put(txn, "t1", 1, 7, &err), 0);
    commit(txn);
    ck_assert_int_eq(offset_of("t", 1), 5);
    ck_assert_int_eq(offset_of("t", 11), 6);
    ck_assert_int_eq(offset_of("t1", 1), 7);
    ck_assert_int_eq(offset_of("t", 0), -1);
    reopen_as("one");
    ck_assert_int_eq(offset_of("t", 11), 6);
}
END_TEST

START_TEST(a_cursor_walks_in_the_order_of_the_keys)
{
    struct store_txn *txn = begin_write();
    struct store_cursor *cursor;
    struct store_bytes key, value;
    char walked[16] = "";

    put_in(txn, 0, "c", "3");
    put_in(txn, 0, "a", "1");
    put_in(txn, 0, "b", "2");
    put_in(txn, 1, "aa", "not this table");
    commit(txn);
    txn = begin_read();
    ck_assert_int_eq(store_cursor_open(txn, 0, &cursor, &err), 0);
    for (int r = store_cursor_seek(cursor, text(""), &key, &value, &err); r == 0;
         r = store_cursor_next(cursor, &key, &value, &err))
        strncat(walked, key.data, key.size);
    ck_assert_str_eq(walked, "abc");
    ck_assert_int_eq(store_cursor_seek(cursor, text("aa"), &key, &value, &err), 0);
    ck_assert_int_eq(memcmp(key.data, "b", 1), 0);
    ck_assert_int_eq(store_cursor_seek(cursor, text("d"), &key, &value, &err), -ENOENT);
    store_cursor_close(cursor);
    store_abort(txn);
}
END_TEST

START_TEST(a_cursor_walks_back_from_before_a_key)
{
    struct store_txn *txn = begin_write();
    struct store_cursor *cursor;
    struct store_bytes key, value;
    char walked[16] = "";

    put_in(txn, 0, "a", "1");
    put_in(txn, 0, "b", "2");
    put_in(txn, 0, "c", "3");
    ck_assert_int_eq(store_cursor_open(txn, 0, &cursor, &err), 0);
    for (int r = store_cursor_seek_before(cursor, text("c"), &key, &value, &err); r == 0;
         r = store_cursor_previous(cursor, &key, &value, &err))
        strncat(walked, key.data, key.size);
    ck_assert_str_eq(walked, "ba");
    ck_assert_int_eq(store_cursor_seek_before(cursor, text("bb"), &key, &value, &err), 0);
    ck_assert_int_eq(memcmp(key.data, "b", 1), 0);
    ck_assert_int_eq(store_cursor_seek_before(cursor, text("d"), &key, &value, &err), 0);
    ck_assert_int_eq(memcmp(key.data, "c", 1), 0);
    ck_assert_int_eq(store_cursor_seek_before(cursor, text(""), &key, &value, &err), 0);
    ck_assert_int_eq(memcmp(key.data, "c", 1), 0);
    ck_assert_int_eq(store_cursor_seek_before(cursor, text("a"), &key, &value, &err), -ENOENT);
    store_cursor_close(cursor);
    store_abort(txn);
}
END_TEST

START_TEST(an_empty_table_has_no_first_key)
{
    struct store_txn *txn = begin_read();
    struct store_cursor *cursor;
    struct store_bytes key, value;

    ck_assert_int_eq(store_cursor_open(txn, 0, &cursor, &err), 0);
    ck_assert_int_eq(store_cursor_seek(cursor, text(""), &key, &value, &err), -ENOENT);
    ck_assert_int_eq(store_cursor_seek_before(cursor, text(""), &key, &value, &err), -ENOENT);
    ck_assert_int_eq(store_cursor_seek_before(cursor, text("a"), &key, &value, &err), -ENOENT);
    store_cursor_close(cursor);
    store_abort(txn);
}
END_TEST

START_TEST(the_same_identity_finds_everything_again)
{
    put("a", "1");
    reopen_as("one");
    ck_assert_str_eq(get("a"), "1");
}
END_TEST

START_TEST(another_identity_finds_nothing_and_the_old_one_neither)
{
    struct store_txn *txn;

    put("a", "1");
    txn = begin_write();
    ck_assert_int_eq(store_offset_put(txn, "t", 0, 5, &err), 0);
    commit(txn);
    reopen_as("two");
    ck_assert_str_eq(get("a"), "-");
    ck_assert_int_eq(offset_of("t", 0), -1);
    reopen_as("one");
    ck_assert_str_eq(get("a"), "-");
}
END_TEST

START_TEST(an_identity_that_only_begins_alike_is_another)
{
    put("a", "1");
    reopen_as("one and more");
    ck_assert_str_eq(get("a"), "-");
    put("a", "2");
    reopen_as("one");
    ck_assert_str_eq(get("a"), "-");
}
END_TEST

START_TEST(a_store_whose_name_is_missing_is_discarded)
{
    char path[TEMP_DIRECTORY_SIZE + 16];

    put("a", "1");
    snprintf(path, sizeof(path), "%s/identity", directory);
    ck_assert_int_eq(unlink(path), 0);
    reopen_as("one");
    ck_assert_str_eq(get("a"), "-");
}
END_TEST

START_TEST(missing_directories_are_made)
{
    char parent[TEMP_DIRECTORY_SIZE];

    store_close(store);
    str_copy(parent, sizeof(parent), directory);
    snprintf(directory, sizeof(directory), "%.100s/deep/er", parent);
    open_as("one");
    put("a", "1");
    ck_assert_str_eq(get("a"), "1");
}
END_TEST

START_TEST(a_file_that_is_no_store_is_made_anew)
{
    const struct store_config config = {directory, "one", tables, ARRAY_LEN(tables)};
    char path[TEMP_DIRECTORY_SIZE + 16];
    FILE *file;

    store_close(store);
    snprintf(path, sizeof(path), "%s/data.mdb", directory);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    for (int i = 0; i < 4096; i++)
        fputs("no LMDB", file);
    fclose(file);
    ck_assert_int_eq(store_open(&config, &store, &err), 0);
}
END_TEST

/*
 * For child processes, which must not touch Check: they share its stream of messages with the test,
 * and one that is killed while it writes to it leaves half a message.
 */
static void need(bool ok)
{
    if (!ok)
        _exit(EXIT_FAILURE);
}

static struct store *open_in_child(void)
{
    const struct store_config config = {directory, "one", tables, ARRAY_LEN(tables)};
    struct store *opened = NULL;

    need(store_open(&config, &opened, NULL) == 0);
    return opened;
}

/* In the child: one transaction after the other, each with all rows and the offset. */
static _Noreturn void write_for_ever(struct store *opened)
{
    struct store_txn *txn;
    int64_t n = -1;

    need(store_begin_read(opened, &txn, NULL) == 0);
    need(store_offset_get(txn, "t", 0, &n, NULL) == 0);
    store_abort(txn);
    for (;;) {
        need(store_begin_write(opened, &txn, NULL) == 0);
        n++;
        for (size_t i = 0; i < ROW_WORDS; i++)
            row[i] = (uint64_t)n;
        for (uint32_t i = 0; i < ROWS_PER_TRANSACTION; i++)
            need(store_put(txn, 0, (struct store_bytes){&i, sizeof(i)},
                           (struct store_bytes){row, sizeof(row)}, NULL) == 0);
        need(store_offset_put(txn, "t", 0, n, NULL) == 0);
        need(store_commit(txn, NULL) == 0);
    }
}

static bool has_value_in_child(struct store *opened, const char *key, const char *wanted)
{
    struct store_bytes value;
    struct store_txn *txn;
    bool found;

    need(store_begin_read(opened, &txn, NULL) == 0);
    found = store_get(txn, 0, text(key), &value, NULL) == 0 && value.size == strlen(wanted) &&
            memcmp(value.data, wanted, value.size) == 0;
    store_abort(txn);
    return found;
}

/* In the child: waits for the ping, and answers. */
static _Noreturn void answer_ping(struct store *opened)
{
    struct store_txn *txn;
    int waited_ms = 0;

    for (; waited_ms < OTHER_PROCESS_MS_MAX && !has_value_in_child(opened, "ping", "1");
         waited_ms++)
        (void)poll(NULL, 0, 1);
    need(waited_ms < OTHER_PROCESS_MS_MAX);
    need(store_begin_write(opened, &txn, NULL) == 0);
    need(store_put(txn, 0, text("pong"), text("2"), NULL) == 0);
    need(store_commit(txn, NULL) == 0);
    store_close(opened);
    _exit(EXIT_SUCCESS);
}

/* Returns the offset that all rows agree with. */
static int64_t check_consistent(void)
{
    int64_t n = offset_of("t", 0);
    struct store_txn *txn = begin_read();
    struct store_bytes value;

    for (uint32_t i = 0; n >= 0 && i < ROWS_PER_TRANSACTION; i++) {
        ck_assert_int_eq(store_get(txn, 0, (struct store_bytes){&i, sizeof(i)}, &value, &err), 0);
        ck_assert_uint_eq(value.size, sizeof(row));
        memcpy(row, value.data, sizeof(row));
        for (size_t word = 0; word < ROW_WORDS; word++)
            ck_assert_uint_eq(row[word], (uint64_t)n);
    }
    store_abort(txn);
    return n;
}

static pid_t start_writer(void)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        write_for_ever(open_in_child());
    return child;
}

static void kill_writer(pid_t child)
{
    int status;

    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status), "the writer ended by itself");
}

/* Random moments are the point here, so this waits for times. */
START_TEST(killing_a_writer_at_any_moment_leaves_whole_transactions)
{
    int64_t n = 0, before = -1;
    unsigned seed = (unsigned)getpid();

    store_close(store); /* LMDB forbids to use it on both sides of a fork */
    for (int i = 0; i < KILLS; i++) {
        pid_t child = start_writer();

        (void)poll(NULL, 0, 1 + rand_r(&seed) % WRITER_LIFE_MS_MAX);
        kill_writer(child);
        open_as("one");
        n = check_consistent();
        ck_assert_int_ge(n, before);
        before = n;
        store_close(store);
    }
    ck_assert_int_gt(n, 0);
    open_as("one");
    put("a", "still writable");
    ck_assert_str_eq(get("a"), "still writable");
}
END_TEST

START_TEST(another_process_reads_what_this_one_writes_and_is_read)
{
    pid_t child;
    int status;

    store_close(store);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        answer_ping(open_in_child());
    open_as("one");
    put("ping", "1");
    AWAIT(str_equal(get("pong"), "2"), OTHER_PROCESS_MS_MAX);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(get("ping"), "1");
}
END_TEST

START_TEST(a_process_killed_while_it_writes_does_not_lock_out_others)
{
    pid_t child;

    store_close(store);
    child = start_writer();
    open_as("one");
    AWAIT(offset_of("t", 0) > 100, OTHER_PROCESS_MS_MAX);
    kill_writer(child);
    put("a", "1");
    ck_assert_str_eq(get("a"), "1");
    check_consistent();
}
END_TEST

/* Pages of files that this process has mapped and that are in memory. */
static size_t resident_file_bytes(void)
{
    unsigned long total, resident, shared;
    FILE *file = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%lu %lu %lu", &total, &resident, &shared), 3);
    fclose(file);
    return shared * (size_t)sysconf(_SC_PAGESIZE);
}

static void write_values(const char *bytes, size_t first)
{
    struct store_txn *txn = begin_write();

    for (uint64_t i = first; i < first + VALUES_PER_TRANSACTION; i++)
        ck_assert_int_eq(store_put(txn, 0, (struct store_bytes){&i, sizeof(i)},
                                   (struct store_bytes){bytes, VALUE_BYTES}, &err),
                         0);
    commit(txn);
}

static void read_values(size_t first)
{
    struct store_txn *txn = begin_read();
    struct store_bytes value;

    for (uint64_t i = first; i < first + VALUES_PER_TRANSACTION; i++) {
        ck_assert_int_eq(store_get(txn, 0, (struct store_bytes){&i, sizeof(i)}, &value, &err), 0);
        ck_assert_uint_eq(value.size, VALUE_BYTES);
        ck_assert_int_eq(((const char *)value.data)[VALUE_BYTES - 1], 'v');
    }
    store_abort(txn);
}

START_TEST(two_hundred_megabytes_do_not_stay_in_memory)
{
    static char bytes[VALUE_BYTES];
    size_t most = 0;

    memset(bytes, 'v', sizeof(bytes));
    for (size_t i = 0; i < VALUE_COUNT; i += VALUES_PER_TRANSACTION) {
        write_values(bytes, i);
        most = resident_file_bytes() > most ? resident_file_bytes() : most;
    }
    for (size_t i = 0; i < VALUE_COUNT; i += VALUES_PER_TRANSACTION) {
        read_values(i);
        put("progress", "as a batch would");
        most = resident_file_bytes() > most ? resident_file_bytes() : most;
    }
    ck_assert_uint_le(most, RESIDENT_BYTES_MAX + RESIDENT_SLACK);
}
END_TEST

static TCase *calls_case(void)
{
    TCase *tests = tcase_create("calls");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, what_was_committed_is_there_and_what_was_aborted_is_not);
    tcase_add_test(tests, a_write_transaction_sees_its_own_writes);
    tcase_add_test(tests, a_read_transaction_sees_the_store_as_it_was_at_its_begin);
    tcase_add_test(tests, tables_are_apart);
    tcase_add_test(tests, deleting_what_is_not_there_is_no_error);
    tcase_add_test(tests, offsets_are_kept_by_topic_and_partition);
    tcase_add_test(tests, a_cursor_walks_in_the_order_of_the_keys);
    tcase_add_test(tests, a_cursor_walks_back_from_before_a_key);
    tcase_add_test(tests, an_empty_table_has_no_first_key);
    return tests;
}

static TCase *identity_case(void)
{
    TCase *tests = tcase_create("identity");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, the_same_identity_finds_everything_again);
    tcase_add_test(tests, another_identity_finds_nothing_and_the_old_one_neither);
    tcase_add_test(tests, an_identity_that_only_begins_alike_is_another);
    tcase_add_test(tests, a_store_whose_name_is_missing_is_discarded);
    tcase_add_test(tests, missing_directories_are_made);
    tcase_add_test(tests, a_file_that_is_no_store_is_made_anew);
    return tests;
}

static TCase *process_case(void)
{
    TCase *tests = tcase_create("process");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_set_timeout(tests, 60);
    tcase_add_test(tests, killing_a_writer_at_any_moment_leaves_whole_transactions);
    tcase_add_test(tests, another_process_reads_what_this_one_writes_and_is_read);
    tcase_add_test(tests, a_process_killed_while_it_writes_does_not_lock_out_others);
    tcase_add_test(tests, two_hundred_megabytes_do_not_stay_in_memory);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("store");
    int result;

    temp_directories_start();
    suite_add_tcase(suite, calls_case());
    suite_add_tcase(suite, identity_case());
    suite_add_tcase(suite, process_case());
    result = suite_main(suite);
    temp_directories_stop();
    return result;
}
