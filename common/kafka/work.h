/*
 * work.h - one batch at a time: records in, decisions, events out, commit. Used by runtime.c, which
 * owns the consumer and decides what is assigned. Not a loop and not a recovery: after an error the
 * caller drops everything with work_drop() and owns anew.
 *
 * Later records of a batch see the pending outputs of earlier ones. What else holds: shards.h.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/client.h"
#include "common/kafka/elector.h"
#include "common/kafka/ledger.h"
#include "common/kafka/measures.h"
#include "common/kafka/participant.h"
#include "common/kafka/publisher.h"
#include "common/kafka/topics.h"

/* Records of one batch: large enough that a transaction's fixed cost does not matter. */
#define BATCH_RECORDS_MAX 2000

struct work;

/* All borrowed until work_free(). */
struct work_config {
    const struct participant *participant;
    const void *settings;
    const struct topics *topics;
    struct ledger *ledger;
    struct measures *measures; /* may be NULL */
    struct tracer *tracer;     /* NULL: none */
};

int work_new(const struct work_config *config, struct work **ret, struct error *err);
void work_free(struct work *work); /* NULL is harmless */

/* Starts to work for a shard. Takes `publisher`, which must be fenced. */
void work_own(struct work *work, uint32_t shard, struct publisher *publisher);

/* Where the reading of an input partition goes on; `is_saved`: as the group's offset says. */
void work_set_bookmark(struct work *work, enum topic topic, int32_t partition, int64_t next,
                       bool is_saved);

/* The shard that owns a partition, of whichever topic. */
uint32_t work_shard_of(const struct work *work, int32_t partition);

/*
 * Takes one record into the batch: of an own topic, to learn from; of an input topic, to decide
 * upon. `record` is borrowed. Returns 0, or a negative errno that voids the batch.
 */
int work_take(struct work *work, const rd_kafka_message_t *record, struct error *err);

/* The consumer is at the end of an input partition: `end` is borrowed. */
void work_reach_end(struct work *work, const rd_kafka_message_t *end);

/* By what the consumer knows without asking. */
void work_measure_lag(struct work *work, rd_kafka_t *consumer);

/* True: the batch has a transaction to commit. */
bool work_has_output(const struct work *work);

/* Adds to the batch what makes readable all that its producer has ever left hidden there. */
int work_settle(struct work *work, enum topic topic, int32_t partition, struct error *err);

/* Looks, now and then, whether what was committed can be read. 0, or -EAGAIN: own anew. */
int work_check_visible(struct work *work, struct error *err);

/* Lets the producers see to what they have to do, until then (monotonic, ms) or a little longer. */
void work_rest(struct work *work, int64_t until_ms);

/* True: commit before taking another record. */
bool work_is_full(const struct work *work);

/*
 * Ends the batch: commits the transactions, saves bookmarks when due (or when `last` says that this
 * is the end), then updates the cache. Returns 0, -EPERM (fenced), -EAGAIN (committed, but the
 * connection failed meanwhile: own anew), or another negative errno.
 */
int work_commit(struct work *work, struct elector *elector, bool last, struct error *err);

/* Voids the batch and lets go of all shards. */
void work_drop(struct work *work);
