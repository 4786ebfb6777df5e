/* measure.c - what the server counts: answers by route and code, connections, clients too slow. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/util.h"
#include "common/http/internal.h"

#define CODE_SIZE 12
/* Of what was refused before it met a route. */
#define NO_ROUTE "none"

enum row { ROW_REQUESTS, ROW_DURATION, ROW_CONNECTIONS, ROW_SLOW, ROW_COUNT };

static const struct metric_info rows[ROW_COUNT] = {
    [ROW_REQUESTS] = {.name = "saga_http_requests_total",
                      .help = "Requests answered, by the route's pattern; HEAD counts as GET, and "
                              "\"none\" was refused before it met a route.",
                      .type = METRIC_COUNTER,
                      .labels = {"method", "route", "code"},
                      .series_max = 256},
    [ROW_DURATION] = {.name = "saga_http_request_duration_seconds",
                      .help = "From the headers of a request to its answer; of a stream, to its "
                              "beginning.",
                      .type = METRIC_HISTOGRAM,
                      .unit = METRIC_SECONDS,
                      .labels = {"method", "route"},
                      .series_max = 32,
                      .bounds = metric_durations_us,
                      .bound_count = METRIC_DURATION_COUNT},
    [ROW_CONNECTIONS] = {.name = "saga_http_connections",
                         .help = "Connections that are open.",
                         .type = METRIC_GAUGE},
    [ROW_SLOW] = {.name = "saga_http_slow_connections_total",
                  .help = "Connections closed because a request took too long to come.",
                  .type = METRIC_COUNTER},
};

void measures_init(struct http_measures *measures, struct metrics *metrics)
{
    struct metric *found[ROW_COUNT];

    metrics_add(metrics, rows, ARRAY_LEN(rows), found);
    measures->requests = found[ROW_REQUESTS];
    measures->duration = found[ROW_DURATION];
    measures->connections = metric_series(found[ROW_CONNECTIONS], NULL);
    measures->slow = metric_series(found[ROW_SLOW], NULL);
}

void measure_answer(const struct http_request *request, unsigned status)
{
    const struct http_measures *measures = &request->server->measures;
    const struct http_route *route = request->match.route;
    const char *method = route != NULL ? route->method : NO_ROUTE;
    const char *path = route != NULL ? route->path : NO_ROUTE;
    char code[CODE_SIZE];

    snprintf(code, sizeof(code), "%u", status);
    metric_add(metric_series(measures->requests, (const char *const[]){method, path, code}), 1);
    metric_observe(metric_series(measures->duration, (const char *const[]){method, path}),
                   clock_monotonic_us() - request->since_us);
}
