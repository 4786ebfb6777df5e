/*
 * saga_world.h - all four services together, on every interleaving there is: an explicit-state
 * explorer over the real decide functions. Test code; failures are Check's.
 *
 * A world is what the topics hold about a few orders, and upon what each service has decided. Each
 * order has its own partition, its lane; stock and stock-receipts are in lane 0.
 *
 * A service decides upon the records of an order in any order, not only in that of the topics: any
 * number of them may have been refused, and replayed at any later moment. Nothing else of the world
 * tells a record that was refused from one that was not read yet. A stock receipt is another
 * matter, since its offset counts: it is written once more behind the others when it is replayed.
 */
#pragma once

#include "decide_support.h"

#define LANES 2
#define RECORDS_MAX 12
#define WORLDS_MAX 65536

enum service { PAYMENT, INVENTORY, SHIPPING, ORDER, SERVICE_COUNT };

struct world {
    uint8_t length[LANES][TOPIC_COUNT];
    uint8_t records[LANES][TOPIC_COUNT][RECORDS_MAX]; /* numbers of events */
    uint16_t done[LANES][SERVICE_COUNT]
                 [TOPIC_COUNT]; /* bits: those that the service decided upon */
    uint16_t refused, replayed; /* bits: receipts */
};

void world_publish(struct world *world, size_t lane, const struct event *event);

const struct event *world_record(const struct world *world, size_t lane, enum topic topic,
                                 size_t i);

size_t world_count(const struct world *world, size_t lane, enum event_type type);

/* The first of its type, or NULL. */
const struct event *world_find(const struct world *world, size_t lane, enum event_type type);

/* What a service finds in its `ledger` about the order, and about products. Valid until the next
   call. */
const struct book *world_book(const struct world *world, size_t lane, enum service service,
                              enum topic ledger);

/* How an exploration is watched. Neither may change anything. */
struct watch {
    /* Each world, once; `terminal`: nothing is left to read or to replay. */
    void (*world)(const struct world *world, bool terminal);
    /* Each event of a decision: in which world, and upon which event, it was published. */
    void (*step)(const struct world *before, size_t lane, const struct event *cause,
                 const struct event *effect);
};

/*
 * Goes through every world that can be reached from `start`. At each step any service decides upon
 * any record that it has not decided upon: it may lag behind by any amount, and it may have refused
 * what stands before. And in each world, every record that was decided upon is delivered once more
 * and must have no effect: this is what a crash, a takeover or an older bookmark does. "Impossible"
 * is a failure.
 * Returns the number of worlds.
 */
size_t world_explore(const struct world *start, const void *const settings[SERVICE_COUNT],
                     const struct watch *watch);
