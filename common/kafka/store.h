/*
 * store.h - a local LMDB file of things that can be rebuilt from Kafka at any time.
 *
 * Not a database of record: it is written without fsync, and thrown away whenever the text in
 * its `identity` file (cluster id, topic ids, boot id, format version) is not the one expected.
 * kill -9 leaves it consistent: one transaction is all or nothing.
 *
 * One writer thread; any number of reader threads, each with its own read transaction. Two
 * processes may have the same file open.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cleanup.h"
#include "common/base/error.h"

/* Largest file; address space only, the file grows as needed. */
#define STORE_BYTES_MAX (64ULL << 30)
/* Tables of one store, and bytes of a key (LMDB's own limit is 511). */
#define STORE_TABLES_MAX 8
#define STORE_KEY_MAX 400

struct store;
struct store_txn;
struct store_cursor;

struct store_bytes {
    const void *data;
    size_t size;
};

struct store_config {
    const char *directory;     /* borrowed; created (with parents) when missing */
    const char *identity;      /* borrowed; another one found: all content is discarded */
    const char *const *tables; /* borrowed; names, index = table number in the calls below */
    size_t table_count;        /* 1 .. STORE_TABLES_MAX */
};

/*
 * Opens or creates; a damaged file is discarded. `ret` is owned by the caller, ended with
 * store_close(). Returns 0, or a negative errno (no permission, disk full). Of all calls below,
 * -EUCLEAN means that the file is damaged: condemn it, close, and open anew.
 */
int store_open(const struct store_config *config, struct store **ret, struct error *err);

/* The next store_open() of that directory discards what is there. Returns 0 or a negative errno. */
int store_condemn(const char *directory, struct error *err);
void store_close(struct store *store);

/*
 * Begins a transaction; ended by store_commit() or store_abort(). At most one write transaction
 * at a time. Bytes handed out by store_get() and the cursor are borrowed until the transaction
 * ends or (in a write transaction) until the next write.
 */
int store_begin_read(struct store *store, struct store_txn **ret, struct error *err);
int store_begin_write(struct store *store, struct store_txn **ret, struct error *err);
int store_commit(struct store_txn *txn, struct error *err); /* ends it in any case */
void store_abort(struct store_txn *txn);                    /* NULL is harmless */

DEFINE_CLEANUP(transaction_cleanup, struct store_txn, store_abort)

/* 0, -ENOENT (no such key; `err` untouched), or another negative errno. */
int store_get(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes *ret,
              struct error *err);
int store_put(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes value,
              struct error *err);
/*
 * As store_put(), for a key that is not there yet: otherwise -EEXIST, with nothing changed and
 * `err` untouched. `is_last` promises that it comes behind all others, which keeps the pages full.
 */
int store_add(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes value,
              bool is_last, struct error *err);
/* A missing key is not an error. */
int store_delete(struct store_txn *txn, size_t table, struct store_bytes key, struct error *err);

/* How far a topic partition has been applied: the next offset to read, or -1 for never. */
int store_offset_get(struct store_txn *txn, const char *topic, int32_t partition, int64_t *ret,
                     struct error *err);
int store_offset_put(struct store_txn *txn, const char *topic, int32_t partition, int64_t next,
                     struct error *err);

/*
 * Walks a table in key order. store_cursor_seek() goes to the first key >= `key`,
 * store_cursor_seek_before() to the last one < `key`; an empty key is the first and the last of
 * all. store_cursor_next() and store_cursor_previous() go on from there. All return 0, -ENOENT
 * (there is none; `err` untouched) or another negative errno.
 */
int store_cursor_open(struct store_txn *txn, size_t table, struct store_cursor **ret,
                      struct error *err);
int store_cursor_seek(struct store_cursor *cursor, struct store_bytes key,
                      struct store_bytes *ret_key, struct store_bytes *ret_value,
                      struct error *err);
int store_cursor_seek_before(struct store_cursor *cursor, struct store_bytes key,
                             struct store_bytes *ret_key, struct store_bytes *ret_value,
                             struct error *err);
int store_cursor_next(struct store_cursor *cursor, struct store_bytes *ret_key,
                      struct store_bytes *ret_value, struct error *err);
int store_cursor_previous(struct store_cursor *cursor, struct store_bytes *ret_key,
                          struct store_bytes *ret_value, struct error *err);
void store_cursor_close(struct store_cursor *cursor);

DEFINE_CLEANUP(cursor_cleanup, struct store_cursor, store_cursor_close)
