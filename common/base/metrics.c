/*
 * metrics.c - see metrics.h. Series are only ever added, so who has one needs no lock. Between two
 * values of one rendering there may have been an update; a histogram's count is the sum of what was
 * read of its buckets, so that it never contradicts itself.
 */
#include "common/base/metrics.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/util.h"

#define US_PER_S 1000000
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789_"

const int64_t metric_durations_us[METRIC_DURATION_COUNT] = {
    1000,   2500,    5000,    10000,   25000,    50000,    100000,  250000,
    500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000};

struct metric_series {
    const struct metric_info *info;
    char labels[METRIC_LABEL_TEXT_SIZE]; /* name="value",name="value"; escaped */
    _Atomic int64_t value;               /* of a histogram, the sum */
    _Atomic int64_t counts[];            /* of a histogram, by bucket */
};

struct metric {
    struct metrics *metrics;
    const struct metric_info *info;
    size_t count;                   /* under the registry's lock */
    struct metric_series *series[]; /* series_max, and one for all others */
};

struct collector {
    void (*collect)(void *context);
    void *context;
};

struct metrics {
    pthread_mutex_t lock;
    size_t count, collector_count;
    struct metric *list[METRICS_MAX];
    struct collector collectors[METRIC_COLLECTORS_MAX];
};

/* --- the registry ----------------------------------------------------------------------------- */

int metrics_new(struct metrics **ret, struct error *err)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    if (metrics == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    pthread_mutex_init(&metrics->lock, NULL);
    *ret = metrics;
    return 0;
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < metrics->count; i++) {
        for (size_t k = 0; k < metrics->list[i]->count; k++)
            free(metrics->list[i]->series[k]);
        free(metrics->list[i]);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);

    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

static void check_info(const struct metrics *metrics, const struct metric_info *info)
{
    static const char *const units[] = {[METRIC_BYTES] = "_bytes", [METRIC_SECONDS] = "_seconds"};
    size_t len = strlen(info->name);
    bool is_total = ends_with(info->name, len, "_total");

    assert(len > 0 && info->name[strspn(info->name, NAME_CHARACTERS)] == '\0');
    assert(is_total == (info->type == METRIC_COUNTER));
    if (is_total)
        len -= strlen("_total");
    assert(info->unit == METRIC_NUMBER || ends_with(info->name, len, units[info->unit]));
    assert((info->bound_count > 0) == (info->type == METRIC_HISTOGRAM));
    assert(info->bound_count <= METRIC_BOUNDS_MAX);
    assert((info->labels[0] == NULL) == (info->series_max == 0));
    for (size_t i = 0; i < metrics->count; i++)
        assert(!str_equal(metrics->list[i]->info->name, info->name));
}

void metrics_add(struct metrics *metrics, const struct metric_info *rows, size_t count,
                 struct metric **ret)
{
    for (size_t i = 0; i < count; i++)
        ret[i] = NULL;
    if (metrics == NULL)
        return;
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < count; i++) {
        struct metric *metric =
            calloc(1, sizeof(*metric) + (rows[i].series_max + 1) * sizeof(metric->series[0]));

        check_info(metrics, &rows[i]);
        assert(metrics->count < METRICS_MAX);
        if (metric == NULL)
            continue;
        metric->metrics = metrics;
        metric->info = &rows[i];
        metrics->list[metrics->count++] = ret[i] = metric;
    }
    pthread_mutex_unlock(&metrics->lock);
}

void metrics_collect(struct metrics *metrics, void (*collect)(void *context), void *context)
{
    if (metrics == NULL)
        return;
    pthread_mutex_lock(&metrics->lock);
    assert(metrics->collector_count < METRIC_COLLECTORS_MAX);
    metrics->collectors[metrics->collector_count++] = (struct collector){collect, context};
    pthread_mutex_unlock(&metrics->lock);
}

/* --- series ----------------------------------------------------------------------------------- */

/* False if it does not fit. */
static bool append(char *out, size_t *len, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*len + 1 >= METRIC_LABEL_TEXT_SIZE)
            return false;
        out[(*len)++] = *text;
    }
    out[*len] = '\0';
    return true;
}

static bool append_escaped(char *out, size_t *len, const char *value)
{
    bool fits = true;

    for (; fits && *value != '\0'; value++) {
        const char plain[] = {*value, '\0'};

        fits = append(out, len,
                      *value == '\\'   ? "\\\\"
                      : *value == '"'  ? "\\\""
                      : *value == '\n' ? "\\n"
                                       : plain);
    }
    return fits;
}

/* `values` NULL: all are "other". */
static bool format_labels(const struct metric_info *info, const char *const *values,
                          char out[METRIC_LABEL_TEXT_SIZE])
{
    size_t len = 0;
    bool fits = true;

    out[0] = '\0';
    for (size_t i = 0; fits && i < METRIC_LABELS_MAX && info->labels[i] != NULL; i++)
        fits = append(out, &len, i > 0 ? "," : "") && append(out, &len, info->labels[i]) &&
               append(out, &len, "=\"") &&
               append_escaped(out, &len, values != NULL ? values[i] : METRIC_OTHER) &&
               append(out, &len, "\"");
    return fits;
}

static struct metric_series *find(const struct metric *metric, const char *labels)
{
    for (size_t i = 0; i < metric->count; i++)
        if (str_equal(metric->series[i]->labels, labels))
            return metric->series[i];
    return NULL;
}

static struct metric_series *find_or_add(struct metric *metric, const char *labels)
{
    const struct metric_info *info = metric->info;
    struct metric_series *series = find(metric, labels);

    if (series != NULL)
        return series;
    series = calloc(1, sizeof(*series) + (info->bound_count + 1) * sizeof(series->counts[0]));
    if (series == NULL)
        return NULL;
    series->info = info;
    str_copy(series->labels, sizeof(series->labels), labels);
    metric->series[metric->count++] = series;
    return series;
}

struct metric_series *metric_series(struct metric *metric, const char *const *values)
{
    char labels[METRIC_LABEL_TEXT_SIZE], others[METRIC_LABEL_TEXT_SIZE];
    struct metric_series *series;

    if (metric == NULL)
        return NULL;
    assert((values != NULL) == (metric->info->labels[0] != NULL));
    bool fits = format_labels(metric->info, values, labels);
    format_labels(metric->info, NULL, others);
    pthread_mutex_lock(&metric->metrics->lock);
    bool has_room = metric->count < metric->info->series_max || metric->info->series_max == 0 ||
                    find(metric, labels) != NULL;
    series = find_or_add(metric, fits && has_room ? labels : others);
    pthread_mutex_unlock(&metric->metrics->lock);
    return series;
}

/* --- updates ---------------------------------------------------------------------------------- */

static size_t bucket_of(const struct metric_info *info, int64_t value)
{
    size_t i = 0;

    while (i < info->bound_count && value > info->bounds[i])
        i++;
    return i;
}

void metric_add(struct metric_series *series, int64_t delta)
{
    if (series != NULL)
        atomic_fetch_add_explicit(&series->value, delta, memory_order_relaxed);
}

void metric_set(struct metric_series *series, int64_t value)
{
    if (series != NULL)
        atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric_series *series)
{
    return series != NULL ? atomic_load_explicit(&series->value, memory_order_relaxed) : 0;
}

void metric_observe(struct metric_series *series, int64_t value)
{
    if (series == NULL)
        return;
    atomic_fetch_add_explicit(&series->counts[bucket_of(series->info, value)], 1,
                              memory_order_relaxed);
    metric_add(series, value);
}

void metric_tally_observe(struct metric_tally *tally, const struct metric_info *info, int64_t value)
{
    tally->counts[bucket_of(info, value)]++;
    tally->count++;
    tally->sum += value;
}

void metric_tally_merge(struct metric_tally *tally, struct metric_series *series)
{
    for (size_t i = 0; series != NULL && i <= series->info->bound_count; i++)
        if (tally->counts[i] > 0)
            atomic_fetch_add_explicit(&series->counts[i], tally->counts[i], memory_order_relaxed);
    metric_add(series, tally->sum);
    *tally = (struct metric_tally){0};
}

/* --- the text --------------------------------------------------------------------------------- */

/* Seconds without the zeros at their end: 0.0025, 10. */
static void put_value(FILE *out, enum metric_unit unit, int64_t value)
{
    int64_t rest = value < 0 ? -(value % US_PER_S) : value % US_PER_S;
    int digits = 6;

    if (unit != METRIC_SECONDS) {
        fprintf(out, "%" PRId64, value);
        return;
    }
    fprintf(out, "%s%" PRId64, value < 0 && value > -US_PER_S ? "-" : "", value / US_PER_S);
    if (rest == 0)
        return;
    for (; rest % 10 == 0; rest /= 10)
        digits--;
    fprintf(out, ".%0*" PRId64, digits, rest);
}

static void put_sample(FILE *out, const struct metric_series *series, const char *suffix,
                       enum metric_unit unit, int64_t value)
{
    bool has_labels = series->labels[0] != '\0';

    fprintf(out, "%s%s%s%s%s ", series->info->name, suffix, has_labels ? "{" : "", series->labels,
            has_labels ? "}" : "");
    put_value(out, unit, value);
    fputc('\n', out);
}

static void put_bucket(FILE *out, const struct metric_series *series, size_t bucket, int64_t count)
{
    const struct metric_info *info = series->info;

    fprintf(out, "%s_bucket{%s%sle=\"", info->name, series->labels,
            series->labels[0] != '\0' ? "," : "");
    if (bucket < info->bound_count)
        put_value(out, info->unit, info->bounds[bucket]);
    else
        fputs("+Inf", out);
    fprintf(out, "\"} %" PRId64 "\n", count);
}

static void put_histogram(FILE *out, const struct metric_series *series)
{
    int64_t count = 0;

    for (size_t i = 0; i <= series->info->bound_count; i++) {
        count += atomic_load_explicit(&series->counts[i], memory_order_relaxed);
        put_bucket(out, series, i, count);
    }
    put_sample(out, series, "_sum", series->info->unit, metric_value(series));
    put_sample(out, series, "_count", METRIC_NUMBER, count);
}

static void put_metric(FILE *out, const struct metric *metric)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const struct metric_info *info = metric->info;

    if (metric->count == 0)
        return;
    fprintf(out, "# HELP %s ", info->name);
    for (const char *p = info->help; *p != '\0'; p++) {
        if (*p == '\\' || *p == '\n')
            fputc('\\', out);
        fputc(*p == '\n' ? 'n' : *p, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", info->name, types[info->type]);
    for (size_t i = 0; i < metric->count; i++)
        if (info->type == METRIC_HISTOGRAM)
            put_histogram(out, metric->series[i]);
        else
            put_sample(out, metric->series[i], "", info->unit, metric_value(metric->series[i]));
}

char *metrics_render(struct metrics *metrics, size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);

    if (out == NULL)
        return NULL;
    /* None is added once there is somebody to ask. */
    for (size_t i = 0; i < metrics->collector_count; i++)
        metrics->collectors[i].collect(metrics->collectors[i].context);
    pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < metrics->count; i++)
        put_metric(out, metrics->list[i]);
    pthread_mutex_unlock(&metrics->lock);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
