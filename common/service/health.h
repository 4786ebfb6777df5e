/* health.h - /livez and /readyz of a service. Private to common/service. */
#pragma once

#include <stdatomic.h>

#include "common/kafka/runtime.h"
#include "common/service/service.h"

/* Borrowed by the routes for as long as HTTP serves. */
struct health {
    struct runtime *runtime;
    const struct service_extension *extension; /* may be NULL */
    void *extension_state;
    atomic_bool stopping;
};

/* "owner"; static. */
const char *health_role_name(enum runtime_role role);

/* Does it do its part? Any thread that the extension may be asked on. */
bool health_is_ready(struct health *health);

/* 200 while the process runs: it never asks Kafka. `context` is a struct health. */
void health_answer_livez(struct http_request *request, void *context);

/*
 * 200 {"ready": true, "role": "owner"|"standby", "shards": [0]} when the service does its part: it
 * owns shards or would take over at once, and its extension is ready. Otherwise a 503 problem.
 */
void health_answer_readyz(struct http_request *request, void *context);
