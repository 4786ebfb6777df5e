/* health.c - see health.h. */
#include "common/service/health.h"

#include <stdint.h>

#include "common/kafka/shard_set.h"

#define STATUS_OK 200
#define STATUS_UNAVAILABLE 503

void health_answer_livez(struct http_request *request, void *context)
{
    (void)context;
    http_answer_json(request, STATUS_OK, json_pack("{s:b}", "alive", 1));
}

static json_t *shards_json(uint32_t shards)
{
    json_t *list = json_array();

    for (uint32_t shard = 0; shard < SHARDS_MAX; shard++)
        if (shard_set_has(shards, shard))
            json_array_append_new(list, json_integer(shard));
    return list;
}

const char *health_role_name(enum runtime_role role)
{
    switch (role) {
    case RUNTIME_CONNECTING:
        return "connecting";
    case RUNTIME_RESTORING:
        return "restoring";
    case RUNTIME_STANDBY:
        return "standby";
    case RUNTIME_OWNER:
        return "owner";
    }
    return "";
}

/* Why the service is not ready; "" when it is. */
static void find_obstacle(struct health *health, const struct runtime_health *runtime,
                          struct error *ret)
{
    bool runs = runtime->role == RUNTIME_STANDBY || runtime->role == RUNTIME_OWNER;

    ret->text[0] = '\0';
    if (atomic_load(&health->stopping))
        error_set(ret, 0, "stopping");
    else if (!runs)
        error_set(ret, 0, "%s: %s", health_role_name(runtime->role), runtime->reason.text);
    else if (health->extension != NULL)
        (void)health->extension->ready(health->extension_state, ret); /* the line says it all */
}

bool health_is_ready(struct health *health)
{
    struct runtime_health runtime;
    struct error obstacle;

    runtime_health(health->runtime, &runtime);
    find_obstacle(health, &runtime, &obstacle);
    return obstacle.text[0] == '\0';
}

void health_answer_readyz(struct http_request *request, void *context)
{
    struct health *health = context;
    struct runtime_health runtime;
    struct error obstacle;

    runtime_health(health->runtime, &runtime);
    find_obstacle(health, &runtime, &obstacle);
    if (obstacle.text[0] != '\0')
        http_answer_problem(request, STATUS_UNAVAILABLE, obstacle.text, NULL, 0);
    else
        http_answer_json(request, STATUS_OK,
                         json_pack("{s:b,s:s,s:o}", "ready", 1, "role",
                                   health_role_name(runtime.role), "shards",
                                   shards_json(runtime.shards)));
}
