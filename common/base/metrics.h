/*
 * metrics.h - counters, gauges and histograms, and how Prometheus reads them (text format 0.0.4).
 * Not a time series: only the present values, all of them integers.
 *
 *   static const struct metric_info rows[] = {{.name = "saga_dead_letters_total", ...}};
 *
 *   metrics_add(metrics, rows, ARRAY_LEN(rows), found);                  once, at the start
 *   series = metric_series(found[0], (const char *const[]){"orders"});   kept by who counts
 *   metric_add(series, 1);                                               an atomic addition
 *
 * The registry is passed by pointer. Those who count with a NULL series count nothing: what is
 * measured for nobody, as in a test, needs no second way.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"

#define METRICS_MAX 96
#define METRIC_LABELS_MAX 3
#define METRIC_BOUNDS_MAX 16
#define METRIC_COLLECTORS_MAX 8
/* Bytes of all labels of a series, as they are written; what is longer is counted as "other". */
#define METRIC_LABEL_TEXT_SIZE 256
#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
/* What series are counted as that there is no room for. */
#define METRIC_OTHER "other"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum metric_unit {
    METRIC_NUMBER,
    METRIC_BYTES,
    METRIC_SECONDS, /* values are microseconds, and shown in seconds */
};

/* All borrowed for the life of the registry. */
struct metric_info {
    const char *name; /* "saga_..."; ends with the unit, and then "_total" if it is a counter */
    const char *help;
    enum metric_type type;
    enum metric_unit unit;
    const char *labels[METRIC_LABELS_MAX]; /* names; no ids, no texts of customers */
    size_t series_max;                     /* label sets; 0 if there are no labels */
    const int64_t *bounds;                 /* of a histogram: upper, inclusive, ascending */
    size_t bound_count;
};

/* From 1 ms to a minute. */
#define METRIC_DURATION_COUNT 15
extern const int64_t metric_durations_us[METRIC_DURATION_COUNT];

struct metrics;
struct metric;
struct metric_series;

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int metrics_new(struct metrics **ret, struct error *err);
void metrics_free(struct metrics *metrics); /* NULL is harmless */

/*
 * Enters `count` rows (asserts that their names are right and new). `ret`, of the same length, are
 * borrowed; all NULL if `metrics` is, or if memory is short. Any thread.
 */
void metrics_add(struct metrics *metrics, const struct metric_info *rows, size_t count,
                 struct metric **ret);

/* Called before each rendering, by whoever renders: for what is only known by asking. */
void metrics_collect(struct metrics *metrics, void (*collect)(void *context), void *context);

/*
 * The series with these label values, which are copied, one per label; NULL for none. With more
 * label sets than declared, the one whose values are all "other". NULL if memory is short. Any
 * thread; takes a lock, so what counts often keeps it.
 */
struct metric_series *metric_series(struct metric *metric, const char *const *values);

/* Any thread. */
void metric_add(struct metric_series *series, int64_t delta);
void metric_set(struct metric_series *series, int64_t value);
int64_t metric_value(const struct metric_series *series); /* of a histogram, the sum */
void metric_observe(struct metric_series *series, int64_t value);

/* What one thread has observed, and may still take back. */
struct metric_tally {
    int64_t counts[METRIC_BOUNDS_MAX + 1];
    int64_t count, sum;
};

void metric_tally_observe(struct metric_tally *tally, const struct metric_info *info,
                          int64_t value);
/* Adds it to the series, and empties it. */
void metric_tally_merge(struct metric_tally *tally, struct metric_series *series);

/* The whole text, owned by the caller; NULL if memory is short. Any thread. */
char *metrics_render(struct metrics *metrics, size_t *ret_len);
