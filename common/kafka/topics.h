/*
 * topics.h - the topics of topics.json as they exist in a cluster: full names, ids, partitions.
 * Creating them is the operator's tool's business (tools/sagactl), never a service's.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/event/event.h"

/* Kafka's own limit is 249 characters; the prefix is at most 100. */
#define TOPIC_NAME_SIZE 256
#define TOPIC_ID_SIZE 64
#define TOPIC_LIST_MAX TOPIC_COUNT

struct topic_state {
    enum topic topic;
    char name[TOPIC_NAME_SIZE]; /* with the prefix */
    char id[TOPIC_ID_SIZE];     /* another one after deleting and creating again */
    int32_t partition_count;
};

struct topics {
    char cluster_id[TOPIC_ID_SIZE];
    size_t count;
    struct topic_state list[TOPIC_LIST_MAX];
};

/* The prefix and the name of topics.json. */
void topic_name(const char *prefix, enum topic topic, char out[TOPIC_NAME_SIZE]);

/* TOPIC_NONE: not one of ours. Compares with the full names in `topics`. */
enum topic topic_by_name(const struct topics *topics, const char *name);

/* Asserts that it was asked for. */
const struct topic_state *topic_state(const struct topics *topics, enum topic topic);

/*
 * The name of a topic that is another one, or has other partitions, in `now` than in `before`; NULL
 * if there is none. Both are descriptions of the same topics.
 */
const char *topics_difference(const struct topics *before, const struct topics *now);

/*
 * Asks the cluster for the topics in `wanted`. `client` may be any kind of client.
 * Returns 0, or -ENOENT (a topic is missing: the line names it and the remedy), -EINVAL (topics
 * keyed by order_id differ in partitions), -ETIMEDOUT (no answer), -EIO. `ret` on success only.
 */
int topics_describe(rd_kafka_t *client, const char *prefix, const enum topic *wanted, size_t count,
                    int timeout_ms, struct topics *ret, struct error *err);
