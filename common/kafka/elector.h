/*
 * elector.h - who owns which shard. A member of the service's consumer group on the topic
 * `<service>.shards`: holding its partition s is owning shard s. The topic stays empty; no data
 * goes through here. Belongs to the runtime's thread, which must poll it.
 *
 * The assignor is cooperative-sticky: an owner keeps its shard when others come and go, and one
 * that was away for too long comes back as a standby. Ownership is a hint for liveness: safety is
 * the fence of publisher.h.
 */
#pragma once

#include <librdkafka/rdkafka.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/kafka/client.h"

/* Without a sign of life for so long, a member's shards go to others. */
#define SESSION_TIMEOUT_MS 6000

struct elector;

struct elector_config {
    const struct kafka_config *kafka; /* borrowed for the call, as the texts below */
    const char *group;                /* "<prefix><service>" */
    const char *instance;             /* group.instance.id, "<service>-<instance>" */
    const char *topic;                /* full name of the shards topic */
    uint32_t shard_count;             /* its partitions */
};

/* Joins the group. `ret` is owned by the caller. Returns 0 or -EINVAL. */
int elector_new(const struct elector_config *config, struct elector **ret, struct error *err);

/* Stops. A static member does not leave its group: a restart within the session goes unnoticed. */
void elector_free(struct elector *elector); /* NULL is harmless */

/*
 * Serves the group; call it often. Waits only for who owns what, after a rebalance (vacancy.h).
 * Returns 0; -EALREADY (another member has the same instance id now: see
 * elector_confirm_fenced()); or -EIO (the client is broken: make a new one).
 */
int elector_poll(struct elector *elector, struct error *err);

/*
 * After -EALREADY: asks, through any other client, whose member that is. After a pause of the
 * broker it may be our own: a request to join that we gave up and sent again fences the one before
 * it.
 * Returns -EALREADY (a newer process: exit) or -EIO (ours, or nobody knows: make a new elector).
 */
int elector_confirm_fenced(struct elector *elector, rd_kafka_t *client, int timeout_ms,
                           struct error *err);

/* The shards that are owned now: see shard_set.h. */
uint32_t elector_shards(const struct elector *elector);

/* For send_offsets_to_transaction: fetched anew for every use. Owned by the caller. */
rd_kafka_consumer_group_metadata_t *elector_metadata(struct elector *elector);
