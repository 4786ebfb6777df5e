/*
 * publisher.h - writes one shard's events to Kafka in transactions, all or nothing. Not a queue: it
 * never holds a batch back. Not thread-safe; belongs to one runtime.
 *
 * After any error but -EINVAL it is only good for publisher_free(): what became of the transaction
 * is then unknown, and the next publisher_new() with the same id ends and fences it. The same goes
 * for a commit that succeeded while the connection failed (publisher_is_doubtful): librdkafka has
 * no KIP-890 part 2, a late EndTxn must meet a bumped epoch (KAFKA-17754).
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/codec.h"
#include "common/event/event.h"
#include "common/kafka/client.h"
#include "common/kafka/participant.h"

/* Partitions per topic that a service can own. */
#define PARTITIONS_MAX 256

struct publisher;
struct measures;

struct publisher_config {
    const struct kafka_config *kafka; /* borrowed for the call */
    const char *transactional_id;     /* "<prefix><service>-<shard>"; copied */
    const char *source;               /* CloudEvents source, "order-saga/payment"; copied */
    const enum topic *ledgers;        /* borrowed for the call */
    size_t ledger_count;
    enum topic dead_letters;
    struct measures *measures; /* borrowed; may be NULL */
};

/*
 * Creates the producer; publisher_fence() makes it usable. `ret` is owned by the caller.
 * Returns 0 or -EINVAL.
 */
int publisher_new(const struct publisher_config *config, struct publisher **ret, struct error *err);
void publisher_free(struct publisher *publisher); /* NULL is harmless; does not wait */

DEFINE_CLEANUP(publisher_cleanup, struct publisher, publisher_free)

/*
 * Fences every predecessor and ends its open transaction. Returns 0, -ETIMEDOUT (no coordinator
 * within timeout_ms; call again), or -EIO, -EPERM.
 */
int publisher_fence(struct publisher *publisher, int timeout_ms, struct error *err);

/* publisher_new() and publisher_fence() as fast as a predecessor's open transaction allows. */
int publisher_take_over(const struct publisher_config *config, struct publisher **ret,
                        struct error *err);

/*
 * Adds an event to the transaction, which is begun when there is none. `topic` is the full name.
 * Returns 0, -EINVAL (the event breaks its schema: nothing was sent), -ENOBUFS or -EIO.
 */
int publisher_send(struct publisher *publisher, struct codec *codec, const struct event *event,
                   const char *topic, const char *traceparent, struct error *err);

/* As publisher_send(), for a record as it is; takes `headers` in every case. */
int publisher_send_record(struct publisher *publisher, const char *topic,
                          const rd_kafka_message_t *record, rd_kafka_headers_t *headers,
                          struct error *err);

/*
 * Adds a record without meaning to a ledger partition: see record_send_settled(). Returns 0 or
 * -EIO.
 */
int publisher_settle(struct publisher *publisher, enum topic ledger, int32_t partition,
                     struct error *err);

bool publisher_has_transaction(const struct publisher *publisher);

/*
 * Commits what was sent, together with `offsets` (NULL: none) on behalf of the group that
 * `metadata` belongs to. Both are borrowed. Takes about twice `timeout_ms` at most. Returns 0,
 * -EPERM (fenced), -ETIMEDOUT or -EIO.
 */
int publisher_commit(struct publisher *publisher, const rd_kafka_topic_partition_list_t *offsets,
                     const rd_kafka_consumer_group_metadata_t *metadata, int timeout_ms,
                     struct error *err);

/* Serves delivery reports and errors until then (monotonic, ms). */
void publisher_rest(struct publisher *publisher, int64_t until_ms);

/* True: replace it before the next transaction. */
bool publisher_is_doubtful(const struct publisher *publisher);

/* After a commit: one behind the last own event in that ledger partition; -1: none since. */
int64_t publisher_position(const struct publisher *publisher, size_t ledger, int32_t partition);

/*
 * Asks the broker, for half a second at most, whether the own events that were committed by the
 * time of the last call can be read now. Returns 0 (they can, or nobody knows) or -EAGAIN.
 */
int publisher_check_visible(struct publisher *publisher, struct error *err);
