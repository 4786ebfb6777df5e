/*
 * reading.h - what the consumer of a session reads, and when: own topics to their end; then the
 * inputs of the owned shards from the bookmarks, and of the others the own topics, to stay warm.
 * Private to session.c.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/ledger.h"
#include "common/kafka/restore.h"
#include "common/kafka/runtime.h"
#include "common/kafka/topics.h"
#include "common/kafka/work.h"

#define GROUP_SIZE 256

struct reading {
    const struct runtime_config *config; /* borrowed, as all pointers here */
    rd_kafka_t *consumer;
    const struct topics *topics;
    struct ledger *ledger;
    struct work *work;
    uint32_t shards; /* that are owned: see shard_set.h */
    struct restore restore;
    bool reads_inputs; /* the second half: restored, and assigned the inputs */
    int64_t since_ms;  /* monotonic: when owning began */
};

/* "<prefix><service>": whose offsets are the bookmarks, and whose members elect. Returns `out`. */
const char *reading_group(const struct runtime_config *config, char out[GROUP_SIZE]);

/* A consumer of that group, and no member. Ended with reading_close_consumer(). 0 or -EINVAL. */
int reading_open_consumer(const struct runtime_config *config, const char *isolation,
                          rd_kafka_t **ret, struct error *err);
void reading_close_consumer(rd_kafka_t *consumer); /* NULL is harmless */

/* Starts to restore for `shards`, whose producers must be fenced. 0 or a negative errno. */
int reading_begin(struct reading *reading, struct error *err);

/*
 * Takes what the consumer gave, which stays borrowed, into the batch. Returns 0; -EUCLEAN (the
 * cache is damaged or knows what never was); or another negative errno that voids the batch.
 */
int reading_take(struct reading *reading, const rd_kafka_message_t *message, struct error *err);

/* To be called all the time: sees to what hinders the restore, in this batch. 0 or -EIO. */
int reading_restore(struct reading *reading, struct error *err);
