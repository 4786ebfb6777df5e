/*
 * ledger.h - a service's state: the last event that it published about each key.
 *
 * The truth is the service's own topics. This is their cache in a local LMDB file, with the offsets
 * that it is good for, under an overlay of what the open batch reads and writes. Losing the file
 * costs a replay, nothing else. Belongs to the runtime's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"
#include "common/kafka/topics.h"

/* Keys that one batch may touch, and bytes of their events; beyond, the batch must end. */
#define LEDGER_BATCH_KEYS_MAX 16384
#define LEDGER_BATCH_BYTES_MAX (8U << 20)

struct ledger;

/*
 * Opens the cache of the own topics `ledgers` in `directory`. `topics` describes them and stays
 * borrowed until ledger_close(). Returns 0 or a negative errno.
 */
int ledger_open(const char *directory, const struct topics *topics, const enum topic *ledgers,
                size_t count, struct ledger **ret, struct error *err);
void ledger_close(struct ledger *ledger); /* NULL is harmless */

/* After -EUCLEAN: the next ledger_open() discards what is there. Returns 0 or a negative errno. */
int ledger_condemn(const char *directory, struct error *err);

/* Where to go on reading a ledger partition; 0 when nothing is known of it. */
int ledger_position(struct ledger *ledger, enum topic topic, int32_t partition, int64_t *ret,
                    struct error *err);

/*
 * The own last event of a key, uncommitted ones of this batch included; one of EVENT_NONE if there
 * is none. `ret` is borrowed until the batch ends.
 */
int ledger_get(struct ledger *ledger, enum topic topic, const char *key, const struct event **ret,
               struct error *err);

/* Makes `event` (copied) the last one of its key, in this batch. */
int ledger_put(struct ledger *ledger, const struct event *event, struct error *err);

/* All records below `next` of that partition are counted in, once this batch is committed. */
void ledger_advance(struct ledger *ledger, enum topic topic, int32_t partition, int64_t next);

/* True: end the batch before the next decision. */
bool ledger_is_full(const struct ledger *ledger);

/*
 * Ends the batch: writes it to the file in one transaction, and lets go of entries whose records
 * have expired in the topic, some at a time. Only after the events were committed in Kafka.
 */
int ledger_commit(struct ledger *ledger, int64_t now_ms, struct error *err);

/* Ends the batch as if it had not been. */
void ledger_drop(struct ledger *ledger);
