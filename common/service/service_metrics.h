/* service_metrics.h - /metrics, and what is true of every service as a process. Private to
   common/service. */
#pragma once

#include "common/base/metrics.h"
#include "common/service/health.h"
#include "common/trace/tracer.h"

struct service_metrics {
    struct health *health;
    struct tracer *tracer; /* NULL: no spans are exported */
    struct metric_series *spans_exported, *spans_dropped, *spans_failed;
    struct metric_series *ready, *roles[RUNTIME_ROLE_COUNT], *shards_owned, *progress_age;
    struct metric_series *cpu, *resident, *virtual, *open_fds, *max_fds;
};

/* Enters the rows. `ret` is the caller's, and it and `health` outlive the rendering. */
void service_metrics_init(struct service_metrics *ret, struct metrics *metrics, const char *service,
                          struct health *health);

/* `context` is a struct metrics. */
void service_metrics_answer(struct http_request *request, void *context);
