/*
 * acls.h - the least that each principal of the system may do in the cluster, from topics.json: one
 * principal per service, and the operator. Pure; knows no cluster.
 *
 * Setting up - creating topics and permissions - is nobody's of these: that is the business of the
 * cluster's administrator.
 */
#pragma once

#include <stddef.h>

#include "common/base/error.h"
#include "common/kafka/topics.h"

#define PRINCIPAL_COUNT (SERVICE_INFO_COUNT + 1)
#define PRINCIPAL_SIZE 128
/* All topics, a group, and transactional ids: of a service one per shard, of the operator one per
   service. */
#define GRANTS_MAX (TOPIC_COUNT + 1 + 32)

enum grant_resource {
    GRANT_RESOURCE_NONE = 0,
    GRANT_TOPIC,
    GRANT_GROUP,
    GRANT_TRANSACTIONAL_ID,
    GRANT_RESOURCE_COUNT,
};

/* Bits of a set. */
enum grant_operation {
    GRANT_READ = 1,
    GRANT_WRITE = 2,
    GRANT_DESCRIBE = 4,
    GRANT_DESCRIBE_CONFIGS = 8,
    GRANT_OPERATION_END = 16,
};

/* On the resource of exactly that name, from any host. */
struct grant {
    enum grant_resource resource;
    char name[TOPIC_NAME_SIZE];
    unsigned operations;
};

struct principal {
    const char *role;          /* "order", ... or "operator"; static */
    char name[PRINCIPAL_SIZE]; /* what the cluster calls it: the prefix and the role */
    size_t grant_count;
    struct grant grants[GRANTS_MAX];
};

struct acls {
    struct principal principals[PRINCIPAL_COUNT];
};

/*
 * `principal_prefix` may be ""; `topic_prefix` is TOPIC_PREFIX. `ret` is the caller's memory.
 * Returns 0, or -EINVAL (a prefix that is too long, or that a shell or a manifest would have to
 * quote).
 */
int acls_init(struct acls *ret, const char *principal_prefix, const char *topic_prefix,
              struct error *err);

/* As Kafka's own tool and Strimzi spell them: "topic", "transactionalId"; "Read". Static. */
const char *grant_resource_name(enum grant_resource resource);
const char *grant_operation_name(enum grant_operation operation);
