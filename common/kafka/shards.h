/*
 * shards.h - the shards that are owned: a producer for each, how far their inputs were worked on,
 * and how a batch ends in Kafka and then in the cache. Private to work.c.
 *
 * Invariants of this file:
 *   - An event enters the local cache only after its transaction was committed.
 *   - The bookmark moves only inside a transaction, past records whose outputs are committed
 *     with or before it; with a dead letter, in the very same one.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/bookmarks.h"
#include "common/kafka/elector.h"
#include "common/kafka/ledger.h"
#include "common/kafka/participant.h"
#include "common/kafka/publisher.h"
#include "common/kafka/shard_set.h"
#include "common/kafka/topics.h"

struct shard {
    struct publisher *publisher; /* NULL: not owned */
    bool has_dead_letter;        /* in this batch: the bookmark must go with it */
    int64_t saved_ms;            /* monotonic: when the bookmarks were last saved */
    int64_t looked_ms;           /* monotonic: when it was last seen that commits can be read */
};

struct shards {
    const struct participant *participant; /* borrowed, as the next two */
    const struct topics *topics;
    struct ledger *ledger;
    uint32_t count;
    struct shard list[SHARDS_MAX];
    struct bookmarks bookmarks;
};

/* None is owned. What is given stays borrowed. */
void shards_init(struct shards *shards, const struct participant *participant,
                 const struct topics *topics, struct ledger *ledger);

/* Lets go of all. */
void shards_drop(struct shards *shards);

/* Takes `publisher`, which must be fenced. */
void shards_own(struct shards *shards, uint32_t shard, struct publisher *publisher);

/* The number of the shard that a partition belongs to, of whichever topic; and the shard. */
uint32_t shards_number(const struct shards *shards, int32_t partition);
struct shard *shards_of(struct shards *shards, int32_t partition);

/* True: a transaction is to be committed. */
bool shards_have_output(const struct shards *shards);

/* Lets the producers see to what they have to do, until then (monotonic, ms) or a little longer. */
void shards_rest(struct shards *shards, int64_t until_ms);

/*
 * Commits the transactions, saves bookmarks when due (or when `last` says that this is the end).
 * Returns 0, -EPERM (fenced), -EAGAIN (all is committed, but a connection failed meanwhile), or
 * another negative errno. After 0 and -EAGAIN the cache knows how far the own topics are written.
 */
int shards_commit(struct shards *shards, struct elector *elector, bool last, struct error *err);

/*
 * Looks, now and then, whether what was committed can be read. Returns 0, or -EAGAIN: some of it
 * cannot, so own the shards anew.
 */
int shards_check_visible(struct shards *shards, struct error *err);
