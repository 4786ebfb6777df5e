/*
 * vacancy.h - finds shards that stay without an owner. cooperative-sticky moves a shard in two
 * steps: its owner gives it up, everybody joins again, and only then it is given away. A leader of
 * the group that is killed in between and comes back as the static member it was is told what it
 * had been told before, without a rebalance (KIP-345), and the second step never comes.
 *
 * So, a while after each rebalance, every member asks who was given what.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From a rebalance to the first look, and between two looks. */
#define VACANCY_LOOK_MS 3000
/* So many looks must find a shard vacant, and one more for each shard that we would let go of. */
#define VACANCY_LOOKS 2
/* A look may take so long when a broker is away; it bounds how long a stop may have to wait. */
#define VACANCY_TIMEOUT_MS 1000

struct vacancy {
    uint32_t vacant;      /* at each look since the last rebalance */
    int looks;            /* that found it so */
    int64_t next_look_ms; /* monotonic; 0: none is due */
};

/* The shards that are given by a member's assignment in the consumer protocol; 0 for any other. */
uint32_t vacancy_assigned(const void *assignment, size_t size, const char *topic);

/* To be called at each rebalance: what was seen before is of no use. */
void vacancy_rebalanced(struct vacancy *vacancy);

/*
 * Looks if it is time. Of `all` shards, the partitions of `topic`, we own `own`. True if one is
 * lost, and we are to leave `group` and join it again: those who own little come first, and their
 * rebalance spares the others.
 */
bool vacancy_look(struct vacancy *vacancy, rd_kafka_t *client, const char *group, const char *topic,
                  uint32_t all, uint32_t own);
