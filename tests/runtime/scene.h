/*
 * scene.h - a whole runtime on a mock cluster, with a participant that answers every OrderPlaced
 * with one PaymentFailed. One scene per process; failures are Check's.
 *
 * The participant refuses orders of customer SCENE_IMPOSSIBLE ("impossible": a dead letter).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/kafka/runtime.h"
#include "tests/runtime/await.h"
#include "tests/runtime/mock_cluster.h"
#include "tests/runtime/wire.h"

#define SCENE_PREFIX "t."
#define SCENE_ORDERS "t.orders"
#define SCENE_LEDGER "t.payments"
#define SCENE_DEAD_LETTERS "t.payment.dead-letters"
#define SCENE_REPLAYS "t.payment.replays"
#define SCENE_SHARDS "t.payment.shards"
#define SCENE_PARTITIONS 2
/* With two brokers: who leads the own topic; all others are led by broker 1. */
#define SCENE_LEDGER_BROKER 2
#define SCENE_IMPOSSIBLE "impossible"
#define SCENE_NUMBERS_MAX 4096
/* Deadlines of what takes well below a second when nothing is wrong. */
#define SCENE_OWN_MS_MAX 10000
#define SCENE_ANSWER_MS_MAX 10000
/* What runtime.h's runtime_stop() may take, whatever the broker does. */
#define SCENE_STOP_MS_MAX 4000

struct scene_setup {
    int brokers; /* 0: 1 */
    int shards;  /* 0: 1 */
    int replays; /* partitions of that topic; 0: SCENE_PARTITIONS */
    enum topic missing;
    const char *address; /* NULL: the mock cluster's */
};

/* The cluster with its topics, and somebody who writes orders and reads answers; no runtime yet. */
void scene_prepare(struct scene_setup setup);
/* Another bootstrap.servers from the next start on. Borrowed. */
void scene_use_address(const char *address);
struct mock_cluster *scene_cluster(void);
struct wire *scene_wire(void);

/* Starts the runtime; the second one waits until it owns all shards. */
void scene_start(void);
void scene_own(void);

/*
 * Stops it; it must end as asked to, within SCENE_STOP_MS_MAX. It may be started again, then in
 * another group: the mock waits for the old member's session to end.
 */
void scene_stop(void);
void scene_stop_within(int ms_max);

/* A file stands where the local cache belongs, until it is removed; only before the first start. */
void scene_block_cache(void);
void scene_unblock_cache(void);

/* Forgets the local cache; only while stopped. */
void scene_lose_cache(void);

/* Waits for it to end by itself. Returns how it did; the line is scene_end_line(). */
int scene_end(int ms_max);
const char *scene_end_line(void);

/* Names of the participant, hence of its group, now. */
const char *scene_name(void);

bool scene_is(enum runtime_role role);
bool scene_says(const char *part); /* of the reason in its health */
uint32_t scene_shards(void);
int64_t scene_progress_ms(void);

/* Order number `number`, as the order service would place it. */
void scene_place(size_t number);

/* How many answers to it there are in the ledger by now. They all must be the same event. */
size_t scene_answers(size_t number);

/* Waits for at least one. */
void scene_await_answer(size_t number);

/* Both. */
void scene_order(size_t number);
