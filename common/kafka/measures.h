/*
 * measures.h - what a participant tells its operator in numbers: how far behind it is, what it has
 * published and how long that took, its transactions, the orders that it has ended. The rows of
 * docs/metrics.md that begin in common/kafka.
 *
 * What a batch has published is counted when its transaction is known to be committed. If that
 * stays unknown, or only some shards' were, it is not counted: doing it again publishes nothing.
 *
 * Belongs to the runtime's thread. All functions do nothing with NULL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/kafka/bookmarks.h"
#include "common/kafka/ledger.h"
#include "common/kafka/participant.h"

struct measures;

/*
 * Enters the rows. `ret` is owned by the caller and has to outlive the rendering of `metrics`, as
 * `metrics` and `participant` have to outlive it. Returns 0 or -ENOMEM.
 */
int measures_new(struct metrics *metrics, const struct participant *participant,
                 struct measures **ret, struct error *err);
void measures_free(struct measures *measures);

/* How many shards the service has. */
void measures_shards(struct measures *measures, uint32_t count);

/* ------------------------------------------------------------------------ for the publisher */

void measures_producer_created(struct measures *measures);
void measures_committed(struct measures *measures, size_t record_count, int64_t took_us);
void measures_aborted(struct measures *measures);

/* ---------------------------------------------------------------------------- for the work */

/* An own event, upon `cause`. `ledger`: where the beginning of its order may stand. */
void measures_event(struct measures *measures, const struct event *event, const struct event *cause,
                    struct ledger *ledger);
/* Of a record of that topic. */
void measures_dead_letter(struct measures *measures, enum topic topic);
/* What came since the last time is committed, or is not. */
void measures_batch(struct measures *measures, bool is_committed);

/* What is left of the inputs, by what the consumer knows without asking; now and then. */
void measures_lag(struct measures *measures, struct bookmarks *bookmarks, rd_kafka_t *consumer,
                  const struct topics *topics);
