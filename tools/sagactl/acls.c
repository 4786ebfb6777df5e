/*
 * acls.c - see acls.h. Why each is needed:
 *
 *   topic             who reads: Read; who writes: Write. Both look at it before: Describe.
 *   group             a service is a member of its own and saves its bookmarks in it, within
 *                     transactions: Read. The operator's tool joins none, but its library asks for
 *                     the coordinator of the one that it has to name: Describe.
 *   transactional id  one per shard; the operator's: one per service whose letters it replays.
 *
 * Names are exact, never prefixes: with TOPIC_PREFIX "order-", another system's "order-order-0"
 * would match the prefix of our "order-0". Idempotent producers need no right on the cluster: it
 * comes with Write on any topic.
 */
#include "tools/sagactl/acls.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/util.h"

#define OPERATOR "operator"
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

static struct grant *add(struct principal *principal, enum grant_resource resource,
                         unsigned operations)
{
    struct grant *grant = &principal->grants[principal->grant_count++];

    assert(principal->grant_count <= GRANTS_MAX); /* topics.json is ours */
    grant->resource = resource;
    grant->operations = operations | GRANT_DESCRIBE;
    return grant;
}

static bool is_in(const char *const *list, const char *role)
{
    while (*list != NULL)
        if (str_equal(*list++, role))
            return true;
    return false;
}

/* The operator may also look whether all topics are what they should be. */
static void add_topics(struct principal *principal, const char *prefix)
{
    unsigned always = str_equal(principal->role, OPERATOR) ? GRANT_DESCRIBE_CONFIGS : 0;

    for (int i = TOPIC_NONE + 1; i < TOPIC_COUNT; i++) {
        const struct topic_info *info = topic_info((enum topic)i);
        unsigned operations = always;

        if (is_in(info->may_read, principal->role))
            operations |= GRANT_READ;
        if (is_in(info->may_write, principal->role))
            operations |= GRANT_WRITE;
        if (operations != 0)
            topic_name(prefix, (enum topic)i, add(principal, GRANT_TOPIC, operations)->name);
    }
}

static void add_service(struct principal *principal, const struct service_info *service,
                        const char *prefix)
{
    principal->role = service->name;
    add_topics(principal, prefix);
    snprintf(add(principal, GRANT_GROUP, GRANT_READ)->name, TOPIC_NAME_SIZE, "%s%s", prefix,
             service->name);
    for (int shard = 0; shard < service->shards_max; shard++)
        snprintf(add(principal, GRANT_TRANSACTIONAL_ID, GRANT_WRITE)->name, TOPIC_NAME_SIZE,
                 "%s%s-%d", prefix, service->name, shard);
}

/* The names are those of cluster.c and resolver.c. */
static void add_operator(struct principal *principal, const char *prefix)
{
    principal->role = OPERATOR;
    add_topics(principal, prefix);
    snprintf(add(principal, GRANT_GROUP, 0)->name, TOPIC_NAME_SIZE, "%ssagactl", prefix);
    for (size_t i = 0; i < SERVICE_INFO_COUNT; i++)
        snprintf(add(principal, GRANT_TRANSACTIONAL_ID, GRANT_WRITE)->name, TOPIC_NAME_SIZE,
                 "%ssagactl-replays-%s", prefix, service_info(i)->name);
}

static int check_prefix(const char *prefix, struct error *err)
{
    const size_t len_max = PRINCIPAL_SIZE - 1 - 32; /* roles are short */

    if (strlen(prefix) > len_max || prefix[strspn(prefix, NAME_CHARACTERS)] != '\0')
        return error_set(err, -EINVAL,
                         "a prefix of principals must be at most %zu of A-Z a-z 0-9 . _ -",
                         len_max);
    return 0;
}

int acls_init(struct acls *ret, const char *principal_prefix, const char *topic_prefix,
              struct error *err)
{
    int r = check_prefix(principal_prefix, err);

    if (r < 0)
        return r;
    *ret = (struct acls){0};
    for (size_t i = 0; i < SERVICE_INFO_COUNT; i++)
        add_service(&ret->principals[i], service_info(i), topic_prefix);
    add_operator(&ret->principals[SERVICE_INFO_COUNT], topic_prefix);
    for (size_t i = 0; i < PRINCIPAL_COUNT; i++)
        snprintf(ret->principals[i].name, PRINCIPAL_SIZE, "%s%s", principal_prefix,
                 ret->principals[i].role);
    return 0;
}

const char *grant_resource_name(enum grant_resource resource)
{
    static const char *const names[GRANT_RESOURCE_COUNT] = {
        [GRANT_RESOURCE_NONE] = "",
        [GRANT_TOPIC] = "topic",
        [GRANT_GROUP] = "group",
        [GRANT_TRANSACTIONAL_ID] = "transactionalId",
    };

    return names[resource];
}

const char *grant_operation_name(enum grant_operation operation)
{
    switch (operation) {
    case GRANT_READ:
        return "Read";
    case GRANT_WRITE:
        return "Write";
    case GRANT_DESCRIBE:
        return "Describe";
    case GRANT_DESCRIBE_CONFIGS:
        return "DescribeConfigs";
    case GRANT_OPERATION_END:
        break;
    }
    return "";
}
