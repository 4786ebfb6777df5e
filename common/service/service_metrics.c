/* service_metrics.c - see service_metrics.h. All of this is asked for when somebody reads it. */
#include "common/service/service_metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/util.h"

#define STATUS_OK 200
#define STATUS_UNAVAILABLE 503
#define US_PER_S 1000000
#define US_PER_MS 1000

enum row {
    ROW_BUILD_INFO,
    ROW_READY,
    ROW_ROLE,
    ROW_SHARDS_OWNED,
    ROW_PROGRESS_AGE,
    ROW_SPANS,
    ROW_CPU,
    ROW_RESIDENT,
    ROW_VIRTUAL,
    ROW_START_TIME,
    ROW_OPEN_FDS,
    ROW_MAX_FDS,
    ROW_COUNT,
};

static const struct metric_info rows[ROW_COUNT] = {
    [ROW_BUILD_INFO] = {.name = "saga_build_info",
                        .help = "1; what is running.",
                        .type = METRIC_GAUGE,
                        .labels = {"service", "version"},
                        .series_max = 1},
    [ROW_READY] = {.name = "saga_ready", .help = "1 if /readyz says so.", .type = METRIC_GAUGE},
    [ROW_ROLE] = {.name = "saga_role",
                  .help = "1 for the role that the instance has.",
                  .type = METRIC_GAUGE,
                  .labels = {"role"},
                  .series_max = RUNTIME_ROLE_COUNT},
    [ROW_SHARDS_OWNED] = {.name = "saga_shards_owned",
                          .help = "Shards that the instance works for.",
                          .type = METRIC_GAUGE},
    [ROW_PROGRESS_AGE] = {.name = "saga_progress_age_seconds",
                          .help = "Since the last sign of progress, which is given when idle, too.",
                          .type = METRIC_GAUGE,
                          .unit = METRIC_SECONDS},
    [ROW_SPANS] = {.name = "saga_spans_total",
                   .help = "Spans of traces: exported, dropped for want of room, or failed at the "
                           "receiver.",
                   .type = METRIC_COUNTER,
                   .labels = {"result"},
                   .series_max = 3},
    [ROW_CPU] = {.name = "process_cpu_seconds_total",
                 .help = "Processor time used, of the system for it included.",
                 .type = METRIC_COUNTER,
                 .unit = METRIC_SECONDS},
    [ROW_RESIDENT] = {.name = "process_resident_memory_bytes",
                      .help = "Memory in RAM, mapped files included.",
                      .type = METRIC_GAUGE,
                      .unit = METRIC_BYTES},
    [ROW_VIRTUAL] = {.name = "process_virtual_memory_bytes",
                     .help = "Address space.",
                     .type = METRIC_GAUGE,
                     .unit = METRIC_BYTES},
    [ROW_START_TIME] = {.name = "process_start_time_seconds",
                        .help = "When the process began, since 1970 UTC.",
                        .type = METRIC_GAUGE,
                        .unit = METRIC_SECONDS},
    [ROW_OPEN_FDS] = {.name = "process_open_fds", .help = "Open files.", .type = METRIC_GAUGE},
    [ROW_MAX_FDS] = {.name = "process_max_fds",
                     .help = "Files that may be open.",
                     .type = METRIC_GAUGE},
};

/* --- the process ------------------------------------------------------------------------------ */

static int64_t us_of(struct timeval time)
{
    return (int64_t)time.tv_sec * US_PER_S + time.tv_usec;
}

static void collect_memory(struct service_metrics *metrics)
{
    int64_t virtual_pages, resident_pages, page = sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");

    if (file == NULL)
        return;
    if (fscanf(file, "%" SCNd64 " %" SCNd64, &virtual_pages, &resident_pages) == 2) {
        metric_set(metrics->virtual, virtual_pages * page);
        metric_set(metrics->resident, resident_pages * page);
    }
    fclose(file);
}

/* Without ".", ".." and the one that this takes. */
static void collect_files(struct service_metrics *metrics)
{
    struct rlimit limit;
    int64_t count = -3;
    DIR *directory = opendir("/proc/self/fd");

    if (directory == NULL)
        return;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    metric_set(metrics->open_fds, count);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_set(metrics->max_fds, (int64_t)limit.rlim_cur);
}

static void collect_process(struct service_metrics *metrics)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        metric_set(metrics->cpu, us_of(usage.ru_utime) + us_of(usage.ru_stime));
    collect_memory(metrics);
    collect_files(metrics);
}

/* --- the service ------------------------------------------------------------------------------ */

static void collect(void *context)
{
    struct service_metrics *metrics = context;
    struct runtime *runtime = metrics->health->runtime;
    struct runtime_health health;
    struct tracer_counts spans;

    runtime_health(runtime, &health);
    tracer_counts(metrics->tracer, &spans);
    metric_set(metrics->spans_exported, (int64_t)spans.exported);
    metric_set(metrics->spans_dropped, (int64_t)spans.dropped);
    metric_set(metrics->spans_failed, (int64_t)spans.failed);
    metric_set(metrics->ready, health_is_ready(metrics->health));
    for (int role = 0; role < RUNTIME_ROLE_COUNT; role++)
        metric_set(metrics->roles[role], health.role == (enum runtime_role)role);
    metric_set(metrics->shards_owned, __builtin_popcount(health.shards));
    metric_set(metrics->progress_age,
               (clock_monotonic_ms() - runtime_progress_ms(runtime)) * US_PER_MS);
    collect_process(metrics);
}

void service_metrics_init(struct service_metrics *ret, struct metrics *metrics, const char *service,
                          struct health *health)
{
    struct metric *found[ROW_COUNT];

    metrics_add(metrics, rows, ARRAY_LEN(rows), found);
    ret->health = health;
    ret->ready = metric_series(found[ROW_READY], NULL);
    for (int role = 0; role < RUNTIME_ROLE_COUNT; role++)
        ret->roles[role] = metric_series(
            found[ROW_ROLE], (const char *const[]){health_role_name((enum runtime_role)role)});
    ret->shards_owned = metric_series(found[ROW_SHARDS_OWNED], NULL);
    ret->progress_age = metric_series(found[ROW_PROGRESS_AGE], NULL);
    ret->spans_exported = metric_series(found[ROW_SPANS], (const char *const[]){"exported"});
    ret->spans_dropped = metric_series(found[ROW_SPANS], (const char *const[]){"dropped"});
    ret->spans_failed = metric_series(found[ROW_SPANS], (const char *const[]){"failed"});
    ret->cpu = metric_series(found[ROW_CPU], NULL);
    ret->resident = metric_series(found[ROW_RESIDENT], NULL);
    ret->virtual = metric_series(found[ROW_VIRTUAL], NULL);
    ret->open_fds = metric_series(found[ROW_OPEN_FDS], NULL);
    ret->max_fds = metric_series(found[ROW_MAX_FDS], NULL);
    metric_set(metric_series(found[ROW_START_TIME], NULL), clock_utc_ms() * US_PER_MS);
    metric_set(metric_series(found[ROW_BUILD_INFO], (const char *const[]){service, SAGA_VERSION}),
               1);
    metrics_collect(metrics, collect, ret);
}

void service_metrics_answer(struct http_request *request, void *context)
{
    size_t len;
    CLEANUP(free_ptr) char *text = metrics_render(context, &len);

    if (text == NULL)
        http_answer_problem(request, STATUS_UNAVAILABLE, "out of memory", NULL, 0);
    else
        http_answer_text(request, STATUS_OK, METRICS_CONTENT_TYPE, text, len);
}
