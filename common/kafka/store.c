/* store.c - see store.h. LMDB, wrapped once: every other file knows only bytes and tables. */
#include "common/kafka/store.h"

#include <assert.h>
#include <errno.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/util.h"
#include "common/kafka/resident.h"
#include "common/kafka/store_files.h"

#define STORE_READERS_MAX 64
#define OFFSETS_TABLE "offsets"
/* Operations between two looks at the resident size; each may map 64 KiB more. */
#define TRIM_EVERY_OPERATIONS 64

struct store {
    MDB_env *env;
    struct resident resident;
    MDB_dbi tables[STORE_TABLES_MAX];
    size_t table_count;
    MDB_dbi offsets;
    atomic_uint operations;
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
};

struct store_cursor {
    struct store *store;
    MDB_cursor *cursor;
};

DEFINE_CLEANUP(store_cleanup, struct store, store_close)

/* LMDB mixes errno with its own negative codes; ours are negative errno only. */
static int errno_of(int rc)
{
    switch (rc) {
    case MDB_MAP_FULL:
        return -ENOSPC;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
    case MDB_PANIC:
        return -EUCLEAN;
    default:
        return rc > 0 ? -rc : -EIO;
    }
}

static int store_error(int rc, const char *what, struct error *err)
{
    if (rc == MDB_NOTFOUND || rc == MDB_KEYEXIST)
        return rc == MDB_NOTFOUND ? -ENOENT : -EEXIST;
    return error_set(err, errno_of(rc), "local store: %s: %s", what, mdb_strerror(rc));
}

static MDB_val to_val(struct store_bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)bytes.data};
}

static struct store_bytes from_val(MDB_val val)
{
    return (struct store_bytes){.data = val.mv_data, .size = val.mv_size};
}

static int open_tables(struct store *store, const struct store_config *config, struct error *err)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (rc != 0)
        return store_error(rc, "cannot begin", err);
    for (size_t i = 0; rc == 0 && i < config->table_count; i++)
        rc = mdb_dbi_open(txn, config->tables[i], MDB_CREATE, &store->tables[i]);
    if (rc == 0)
        rc = mdb_dbi_open(txn, OFFSETS_TABLE, MDB_CREATE, &store->offsets);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return store_error(rc, "cannot open a table", err);
    }
    rc = mdb_txn_commit(txn);
    return rc == 0 ? 0 : store_error(rc, "cannot create the tables", err);
}

/* NOSYNC: a crash of the machine is met by the boot id in the identity, not by fsync. */
static int open_environment(struct store *store, const char *directory, struct error *err)
{
    int dead = 0;
    int rc = mdb_env_create(&store->env);

    if (rc == 0)
        rc = mdb_env_set_mapsize(store->env, STORE_BYTES_MAX);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(store->env, STORE_TABLES_MAX + 1);
    if (rc == 0)
        rc = mdb_env_set_maxreaders(store->env, STORE_READERS_MAX);
    if (rc == 0)
        rc = mdb_env_open(store->env, directory, MDB_NOSYNC | MDB_NOTLS | MDB_NORDAHEAD, 0640);
    if (rc == 0)
        rc = mdb_reader_check(store->env, &dead); /* slots of killed predecessors */
    return rc == 0 ? 0 : store_error(rc, directory, err);
}

/* A file that was cut would end this process with SIGBUS at the first look behind its end. */
static int check_size(const struct store *store, int fd, struct error *err)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat file;

    if (mdb_env_info(store->env, &info) != 0 || mdb_env_stat(store->env, &pages) != 0 ||
        fstat(fd, &file) < 0)
        return error_set(err, -EIO, "local store: cannot find out its size");
    if ((size_t)file.st_size < (info.me_last_pgno + 1) * pages.ms_psize)
        return error_set(err, -EUCLEAN, "local store: the file was cut");
    return 0;
}

static int open_files(const struct store_config *config, struct store **ret, struct error *err)
{
    CLEANUP(store_cleanup) struct store *store = calloc(1, sizeof(*store));
    mdb_filehandle_t fd = -1;
    int r;

    if (store == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    store->table_count = config->table_count;
    store->resident.statm_fd = -1;
    r = open_environment(store, config->directory, err);
    if (r == 0 && mdb_env_get_fd(store->env, &fd) == 0)
        r = check_size(store, fd, err);
    if (r == 0)
        r = open_tables(store, config, err);
    if (r < 0)
        return r;
    resident_open(&store->resident, fd);
    *ret = TAKE_PTR(store);
    return 0;
}

int store_open(const struct store_config *config, struct store **ret, struct error *err)
{
    int r = store_files_prepare(config->directory, config->identity, err);

    assert(config->table_count > 0 && config->table_count <= STORE_TABLES_MAX);
    if (r == 0)
        r = open_files(config, ret, err);
    if (r != -EUCLEAN)
        return r;
    /* Damaged: it is a cache, so it is made anew. */
    r = store_condemn(config->directory, err);
    if (r == 0)
        r = store_files_prepare(config->directory, config->identity, err);
    return r == 0 ? open_files(config, ret, err) : r;
}

int store_condemn(const char *directory, struct error *err)
{
    return store_files_condemn(directory, err);
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->env != NULL)
        mdb_env_close(store->env);
    resident_close(&store->resident);
    free(store);
}

static int store_begin(struct store *store, bool write, struct store_txn **ret, struct error *err)
{
    struct store_txn *txn = calloc(1, sizeof(*txn));

    if (txn == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    txn->store = store;
    int rc = mdb_txn_begin(store->env, NULL, write ? 0 : MDB_RDONLY, &txn->txn);
    if (rc != 0) {
        free(txn);
        return store_error(rc, "cannot begin", err);
    }
    *ret = txn;
    return 0;
}

int store_begin_read(struct store *store, struct store_txn **ret, struct error *err)
{
    return store_begin(store, false, ret, err);
}

int store_begin_write(struct store *store, struct store_txn **ret, struct error *err)
{
    return store_begin(store, true, ret, err);
}

/* Each look-up and each write may map some more pages, so they are counted, not the commits. */
static void note_operation(struct store *store)
{
    MDB_envinfo info;
    MDB_stat stat;
    unsigned count = atomic_fetch_add_explicit(&store->operations, 1, memory_order_relaxed);

    if (count % TRIM_EVERY_OPERATIONS != 0)
        return;
    if (mdb_env_info(store->env, &info) == 0 && mdb_env_stat(store->env, &stat) == 0)
        resident_trim(&store->resident, (info.me_last_pgno + 1) * stat.ms_psize);
}

int store_commit(struct store_txn *txn, struct error *err)
{
    int rc = mdb_txn_commit(txn->txn);

    free(txn);
    return rc == 0 ? 0 : store_error(rc, "cannot commit", err);
}

void store_abort(struct store_txn *txn)
{
    if (txn == NULL)
        return;
    mdb_txn_abort(txn->txn);
    free(txn);
}

static int get_from(struct store_txn *txn, MDB_dbi table, struct store_bytes key,
                    struct store_bytes *ret, struct error *err)
{
    MDB_val k = to_val(key), v;

    note_operation(txn->store);
    int rc = mdb_get(txn->txn, table, &k, &v);

    if (rc != 0)
        return store_error(rc, "cannot read", err);
    *ret = from_val(v);
    return 0;
}

static int put_into(struct store_txn *txn, MDB_dbi table, struct store_bytes key,
                    struct store_bytes value, unsigned flags, struct error *err)
{
    MDB_val k = to_val(key), v = to_val(value);

    note_operation(txn->store);
    int rc = mdb_put(txn->txn, table, &k, &v, flags);

    return rc == 0 ? 0 : store_error(rc, "cannot write", err);
}

int store_get(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes *ret,
              struct error *err)
{
    assert(table < txn->store->table_count && key.size <= STORE_KEY_MAX);
    return get_from(txn, txn->store->tables[table], key, ret, err);
}

int store_put(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes value,
              struct error *err)
{
    assert(table < txn->store->table_count && key.size <= STORE_KEY_MAX);
    return put_into(txn, txn->store->tables[table], key, value, 0, err);
}

int store_add(struct store_txn *txn, size_t table, struct store_bytes key, struct store_bytes value,
              bool is_last, struct error *err)
{
    unsigned flags = MDB_NOOVERWRITE | (is_last ? MDB_APPEND : 0);

    assert(table < txn->store->table_count && key.size <= STORE_KEY_MAX);
    return put_into(txn, txn->store->tables[table], key, value, flags, err);
}

int store_delete(struct store_txn *txn, size_t table, struct store_bytes key, struct error *err)
{
    MDB_val k = to_val(key);
    int rc = mdb_del(txn->txn, txn->store->tables[table], &k, NULL);

    return rc == 0 || rc == MDB_NOTFOUND ? 0 : store_error(rc, "cannot delete", err);
}

static struct store_bytes offset_key(char *text, size_t size, const char *topic, int32_t partition)
{
    int len = snprintf(text, size, "%.300s/%d", topic, (int)partition);

    return (struct store_bytes){text, (size_t)len};
}

int store_offset_get(struct store_txn *txn, const char *topic, int32_t partition, int64_t *ret,
                     struct error *err)
{
    char text[STORE_KEY_MAX];
    struct store_bytes value = {0};
    int r = get_from(txn, txn->store->offsets, offset_key(text, sizeof(text), topic, partition),
                     &value, err);

    if (r == 0)
        memcpy(ret, value.data, sizeof(*ret));
    else if (r == -ENOENT)
        *ret = -1;
    return r == -ENOENT ? 0 : r;
}

int store_offset_put(struct store_txn *txn, const char *topic, int32_t partition, int64_t next,
                     struct error *err)
{
    char text[STORE_KEY_MAX];

    return put_into(txn, txn->store->offsets, offset_key(text, sizeof(text), topic, partition),
                    (struct store_bytes){&next, sizeof(next)}, 0, err);
}

int store_cursor_open(struct store_txn *txn, size_t table, struct store_cursor **ret,
                      struct error *err)
{
    struct store_cursor *cursor = calloc(1, sizeof(*cursor));

    if (cursor == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    cursor->store = txn->store;
    int rc = mdb_cursor_open(txn->txn, txn->store->tables[table], &cursor->cursor);
    if (rc != 0) {
        free(cursor);
        return store_error(rc, "cannot open a cursor", err);
    }
    *ret = cursor;
    return 0;
}

static int cursor_move(struct store_cursor *cursor, MDB_cursor_op op, MDB_val key,
                       struct store_bytes *ret_key, struct store_bytes *ret_value,
                       struct error *err)
{
    MDB_val value;

    note_operation(cursor->store);
    int rc = mdb_cursor_get(cursor->cursor, &key, &value, op);

    if (rc != 0)
        return store_error(rc, "cannot walk", err);
    *ret_key = from_val(key);
    *ret_value = from_val(value);
    return 0;
}

int store_cursor_seek(struct store_cursor *cursor, struct store_bytes key,
                      struct store_bytes *ret_key, struct store_bytes *ret_value, struct error *err)
{
    /* LMDB has no empty key; to it, "from the beginning" is another operation. */
    return cursor_move(cursor, key.size == 0 ? MDB_FIRST : MDB_SET_RANGE, to_val(key), ret_key,
                       ret_value, err);
}

int store_cursor_next(struct store_cursor *cursor, struct store_bytes *ret_key,
                      struct store_bytes *ret_value, struct error *err)
{
    return cursor_move(cursor, MDB_NEXT, (MDB_val){0}, ret_key, ret_value, err);
}

int store_cursor_previous(struct store_cursor *cursor, struct store_bytes *ret_key,
                          struct store_bytes *ret_value, struct error *err)
{
    return cursor_move(cursor, MDB_PREV, (MDB_val){0}, ret_key, ret_value, err);
}

int store_cursor_seek_before(struct store_cursor *cursor, struct store_bytes key,
                             struct store_bytes *ret_key, struct store_bytes *ret_value,
                             struct error *err)
{
    int r = -ENOENT;

    if (key.size > 0)
        r = store_cursor_seek(cursor, key, ret_key, ret_value, err);
    if (r == -ENOENT)
        return cursor_move(cursor, MDB_LAST, (MDB_val){0}, ret_key, ret_value, err);
    return r == 0 ? store_cursor_previous(cursor, ret_key, ret_value, err) : r;
}

void store_cursor_close(struct store_cursor *cursor)
{
    if (cursor == NULL)
        return;
    mdb_cursor_close(cursor->cursor);
    free(cursor);
}
