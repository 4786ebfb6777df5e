/*
 * ledger.c - see ledger.h. The file holds the structs as they are in memory: its identity names
 * their layout, and a decision costs one look-up and one copy, no parsing.
 */
#include "common/kafka/ledger.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cleanup.h"
#include "common/event/decision.h"
#include "common/kafka/identity.h"
#include "common/kafka/overlay.h"
#include "common/kafka/participant.h"
#include "common/kafka/store.h"

#define LEDGER_FORMAT "ledger-1"
/* Half full at most, even if one decision too many touches the most keys that it may. */
#define LEDGER_SLOTS ((size_t)2 * LEDGER_BATCH_KEYS_MAX)
#define LEDGER_ADVANCES_MAX 64
/* Entries looked at for expiry per entry written: more than one, so that expiry keeps up. */
#define EXPIRY_PER_WRITE 2

static_assert(LEDGER_SLOTS > LEDGER_BATCH_KEYS_MAX + 2 * DECISION_EVENTS_MAX, "slots run out");
static_assert(LEDGERS_MAX <= STORE_TABLES_MAX, "a table per ledger");

struct advance {
    enum topic topic;
    int32_t partition;
    int64_t next;
};

struct ledger {
    struct store *store;
    struct store_txn *reading; /* of this batch; NULL until something is looked up */
    const struct topics *topics;
    enum topic ledgers[LEDGERS_MAX];
    size_t ledger_count;
    struct overlay overlay;
    struct advance advances[LEDGER_ADVANCES_MAX];
    size_t advance_count;
    char expiry_key[LEDGERS_MAX][STORE_KEY_MAX + 2]; /* where the look for expired ones goes on */
    struct event none;
    struct event found; /* aligned copy of what the store returned */
};

DEFINE_CLEANUP(ledger_cleanup, struct ledger, ledger_close)

static struct store_bytes bytes_of(const char *text)
{
    return (struct store_bytes){text, strlen(text)};
}

static size_t table_of(const struct ledger *ledger, enum topic topic)
{
    size_t i = 0;

    while (i < ledger->ledger_count && ledger->ledgers[i] != topic)
        i++;
    assert(i < ledger->ledger_count);
    return i;
}

static int open_store(struct ledger *ledger, const char *directory, struct error *err)
{
    char identity[STORE_IDENTITY_SIZE];
    const char *tables[LEDGERS_MAX];
    int r = store_identity(ledger->topics, LEDGER_FORMAT, identity, sizeof(identity), err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ledger->ledger_count; i++)
        tables[i] = topic_info(ledger->ledgers[i])->name;
    return store_open(&(struct store_config){directory, identity, tables, ledger->ledger_count},
                      &ledger->store, err);
}

int ledger_open(const char *directory, const struct topics *topics, const enum topic *ledgers,
                size_t count, struct ledger **ret, struct error *err)
{
    CLEANUP(ledger_cleanup) struct ledger *ledger = calloc(1, sizeof(*ledger));
    int r;

    assert(count > 0 && count <= LEDGERS_MAX);
    if (ledger == NULL || overlay_init(&ledger->overlay, LEDGER_SLOTS) < 0)
        return error_set(err, -ENOMEM, "out of memory");
    ledger->topics = topics;
    ledger->ledger_count = count;
    memcpy(ledger->ledgers, ledgers, count * sizeof(*ledgers));
    r = open_store(ledger, directory, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(ledger);
    return 0;
}

static void stop_reading(struct ledger *ledger)
{
    store_abort(TAKE_PTR(ledger->reading));
}

void ledger_close(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    stop_reading(ledger);
    overlay_done(&ledger->overlay);
    store_close(ledger->store);
    free(ledger);
}

int ledger_condemn(const char *directory, struct error *err)
{
    return store_condemn(directory, err);
}

static int start_reading(struct ledger *ledger, struct error *err)
{
    return ledger->reading != NULL ? 0 : store_begin_read(ledger->store, &ledger->reading, err);
}

int ledger_position(struct ledger *ledger, enum topic topic, int32_t partition, int64_t *ret,
                    struct error *err)
{
    int64_t next;
    int r = start_reading(ledger, err);

    if (r == 0)
        r = store_offset_get(ledger->reading, topic_state(ledger->topics, topic)->name, partition,
                             &next, err);
    if (r == 0)
        *ret = next < 0 ? 0 : next;
    return r;
}

/* The store gives bytes at any alignment, and a file may be damaged: what it says is checked. */
static int check_stored(struct ledger *ledger, struct store_bytes bytes, enum topic topic,
                        const char *key, struct error *err)
{
    struct event *found = &ledger->found;

    if (bytes.size < offsetof(struct event, data) || bytes.size > sizeof(*found))
        return error_set(err, -EUCLEAN, "local store: the entry of %s has a wrong size", key);
    memcpy(found, bytes.data, bytes.size);
    if (!event_has_size(found, bytes.size) || event_topic(found->type) != topic ||
        strncmp(event_key(found), key, strlen(key) + 1) != 0)
        return error_set(err, -EUCLEAN, "local store: the entry of %s is damaged", key);
    return 0;
}

static int read_stored(struct ledger *ledger, enum topic topic, const char *key,
                       const struct event **ret, struct error *err)
{
    struct overlay_entry *entry;
    struct store_bytes bytes;
    int r = start_reading(ledger, err);

    if (r == 0)
        r = store_get(ledger->reading, table_of(ledger, topic), bytes_of(key), &bytes, err);
    if (r == -ENOENT)
        *ret = &ledger->none;
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    r = check_stored(ledger, bytes, topic, key, err);
    if (r < 0)
        return r;
    entry = overlay_put(&ledger->overlay, &ledger->found, bytes.size, false);
    if (entry == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    *ret = entry->event;
    return 0;
}

int ledger_get(struct ledger *ledger, enum topic topic, const char *key, const struct event **ret,
               struct error *err)
{
    struct overlay_entry *entry = overlay_find(&ledger->overlay, topic, key);

    if (entry == NULL)
        return read_stored(ledger, topic, key, ret, err);
    *ret = entry->event;
    return 0;
}

int ledger_put(struct ledger *ledger, const struct event *event, struct error *err)
{
    struct overlay_entry *entry = overlay_put(&ledger->overlay, event, event_size(event), true);

    return entry != NULL ? 0 : error_set(err, -ENOMEM, "out of memory");
}

void ledger_advance(struct ledger *ledger, enum topic topic, int32_t partition, int64_t next)
{
    size_t i = 0;

    while (i < ledger->advance_count &&
           (ledger->advances[i].topic != topic || ledger->advances[i].partition != partition))
        i++;
    if (i == LEDGER_ADVANCES_MAX)
        return; /* more partitions than are kept: that one is read again, which is harmless */
    if (i == ledger->advance_count)
        ledger->advances[ledger->advance_count++] = (struct advance){topic, partition, next};
    else if (next > ledger->advances[i].next)
        ledger->advances[i].next = next;
}

bool ledger_is_full(const struct ledger *ledger)
{
    return ledger->overlay.entry_count >= LEDGER_BATCH_KEYS_MAX ||
           ledger->overlay.bytes >= LEDGER_BATCH_BYTES_MAX;
}

static int write_entries(struct ledger *ledger, struct store_txn *txn, size_t *written,
                         struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ledger->overlay.entry_count; i++) {
        const struct overlay_entry *entry = &ledger->overlay.slots[ledger->overlay.used[i]];

        if (!entry->written)
            continue;
        r = store_put(txn, table_of(ledger, entry->topic), bytes_of(event_key(entry->event)),
                      (struct store_bytes){entry->event, event_size(entry->event)}, err);
        ++*written;
    }
    return r;
}

static int write_positions(struct ledger *ledger, struct store_txn *txn, struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ledger->advance_count; i++) {
        const struct advance *advance = &ledger->advances[i];

        r = store_offset_put(txn, topic_state(ledger->topics, advance->topic)->name,
                             advance->partition, advance->next, err);
    }
    return r;
}

static bool is_expired(struct store_bytes value, int64_t before_ms)
{
    int64_t timestamp_ms;

    if (value.size < offsetof(struct event, data))
        return true;
    memcpy(&timestamp_ms, (const char *)value.data + offsetof(struct event, timestamp_ms),
           sizeof(timestamp_ms));
    return timestamp_ms < before_ms;
}

/* Looks at some entries of one table, from where it stopped last time. */
static int expire_some(struct ledger *ledger, size_t table, struct store_txn *txn, size_t count,
                       int64_t before_ms, struct error *err)
{
    char *place = ledger->expiry_key[table];
    struct store_bytes key, value;
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        struct store_cursor *cursor;

        r = store_cursor_open(txn, table, &cursor, err);
        if (r < 0)
            return r;
        r = store_cursor_seek(cursor, bytes_of(place), &key, &value, err);
        store_cursor_close(cursor);
        if (r < 0)
            break;
        if (key.size > STORE_KEY_MAX)
            return error_set(err, -EUCLEAN, "local store: a key of %zu bytes", key.size);
        /* The first key after this one: the same with a byte added. */
        memcpy(place, key.data, key.size);
        memcpy(place + key.size, "\1", 2);
        if (is_expired(value, before_ms))
            r = store_delete(txn, table, key, err);
    }
    if (r == -ENOENT)
        place[0] = '\0'; /* the end: begin again next time */
    return r == -ENOENT ? 0 : r;
}

static int expire(struct ledger *ledger, struct store_txn *txn, size_t count, int64_t now_ms,
                  struct error *err)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < ledger->ledger_count; i++) {
        int64_t retention_ms = topic_info(ledger->ledgers[i])->retention_ms;

        if (retention_ms >= 0)
            r = expire_some(ledger, i, txn, count, now_ms - retention_ms, err);
    }
    return r;
}

int ledger_commit(struct ledger *ledger, int64_t now_ms, struct error *err)
{
    struct store_txn *txn = NULL;
    size_t written = 0;
    int r = 0;

    stop_reading(ledger); /* what it has pinned could not be used again */
    if (ledger->overlay.entry_count == 0 && ledger->advance_count == 0)
        return 0;
    r = store_begin_write(ledger->store, &txn, err);
    if (r == 0)
        r = write_entries(ledger, txn, &written, err);
    if (r == 0)
        r = write_positions(ledger, txn, err);
    if (r == 0)
        r = expire(ledger, txn, EXPIRY_PER_WRITE * written, now_ms, err);
    if (r == 0)
        r = store_commit(TAKE_PTR(txn), err);
    store_abort(txn);
    ledger_drop(ledger);
    return r;
}

void ledger_drop(struct ledger *ledger)
{
    stop_reading(ledger);
    overlay_clear(&ledger->overlay);
    ledger->advance_count = 0;
}
