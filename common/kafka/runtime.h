/*
 * runtime.h - runs a participant: one thread, one consumer, one transactional producer per owned
 * shard, and one way to recover, which is also the way to start. Not the process: signals, HTTP and
 * exit codes are common/service.
 *
 *   connect -> own (fence, restore, go on from the bookmark) -> work (batch, commit) -> ...
 *                 ^------------------ any error, any change of shards -----------'
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/client.h"
#include "common/kafka/measures.h"
#include "common/kafka/participant.h"

struct runtime;

/* All borrowed until runtime_free(). */
struct runtime_config {
    const struct participant *participant;
    const void *settings; /* for decide */
    const struct kafka_config *kafka;
    const char *instance; /* SERVICE_INSTANCE */
    const char *data_dir;
    struct measures *measures; /* may be NULL */
    struct tracer *tracer;     /* NULL: none */
};

enum runtime_role {
    RUNTIME_CONNECTING, /* no broker, or a topic is missing */
    RUNTIME_RESTORING,  /* reads its ledger */
    RUNTIME_STANDBY,    /* owns nothing; keeps its cache warm */
    RUNTIME_OWNER,
};
#define RUNTIME_ROLE_COUNT (RUNTIME_OWNER + 1)

struct runtime_health {
    enum runtime_role role;
    uint32_t shards;     /* owned, as a set of bits */
    struct error reason; /* why it is connecting or restoring; "" otherwise */
};

/* Starts the thread. `ret` is owned by the caller. Returns 0, -ENOMEM or -EAGAIN. */
int runtime_new(const struct runtime_config *config, struct runtime **ret, struct error *err);

/* Readable once the thread has done its work, asked to end or not: for poll(). Borrowed. */
int runtime_ended_fd(const struct runtime *runtime);

/* Any thread. */
void runtime_health(struct runtime *runtime, struct runtime_health *ret);

/* Monotonic ms of the last sign of progress, which an idle runtime gives too. Any thread. */
int64_t runtime_progress_ms(const struct runtime *runtime);

/* Asks the thread to commit its batch and end. Any thread. */
void runtime_stop(struct runtime *runtime);

/*
 * Asks it to end, and waits until it has committed or dropped its batch. Returns how it ended: 0
 * asked to, -EALREADY (a newer process has the same instance), or another negative errno, with a
 * line.
 */
int runtime_end(struct runtime *runtime, struct error *err);

/*
 * Ends it, closes its Kafka clients and frees. NULL is harmless. librdkafka may not come back from
 * closing a client whose broker is away (its issues #4514, #5476): a process that is to end in time
 * calls runtime_end(), after which nothing can be lost, and does not wait for this without a bound.
 */
void runtime_free(struct runtime *runtime);
