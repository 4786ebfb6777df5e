/*
 * tracer.c - see tracer.h. The thread takes a batch when there is one, or some time after the first
 * span; a receiver that is away is asked again after growing pauses, meanwhile the ring fills up.
 */
#include "common/trace/tracer.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/trace/post.h"
#include "common/trace/span_ring.h"

#define URL_SIZE 2048
#define PATH "v1/traces"
/* Spans of one request: some 100 KB of JSON. */
#define BATCH_SPANS_MAX 128
/* How long a span waits for others. */
#define GATHER_MS 500
#define POST_MS_MAX 5000
/* A request is sent so often; the pauses are twice as long each time, or what the receiver says. */
#define ATTEMPTS_MAX 4
#define PAUSE_MS_MIN 500
#define PAUSE_MS_MAX 10000
#define NS_PER_MS 1000000

struct tracer {
    struct tracer_config config;
    char url[URL_SIZE];
    uint64_t sampled_below; /* of 2^63 */
    pthread_t thread;
    /* The thread's own. */
    struct poster *poster;
    struct post_answer answer;
    struct span batch[BATCH_SPANS_MAX];

    pthread_mutex_t lock;   /* of what follows */
    pthread_cond_t changed; /* monotonic */
    bool stopping;
    int64_t end_ms; /* monotonic: when stopping, no request goes on after this */
    bool ended;
    struct tracer_counts counts;
    struct span_ring ring;
};

/* --------------------------------------------------------------------------------- the spans */

int64_t trace_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 * NS_PER_MS + now.tv_nsec;
}

/* By the trace id alone, so that everybody decides alike. */
static bool is_sampled(const struct tracer *tracer, const struct trace_context *context)
{
    uint64_t number = 0;

    for (size_t i = TRACE_ID_BYTES / 2; i < TRACE_ID_BYTES; i++)
        number = number << 8 | context->trace_id[i];
    return number >> 1 < tracer->sampled_below;
}

bool tracer_begin(struct tracer *tracer, enum span_kind kind, bool has_parent,
                  struct trace_context *context, struct span *ret)
{
    struct trace_context parent;

    if (tracer == NULL)
        return false;
    if (!has_parent) {
        trace_context_new(0, context);
        context->flags = is_sampled(tracer, context) ? TRACE_SAMPLED : 0;
    }
    if ((context->flags & TRACE_SAMPLED) == 0)
        return false;
    parent = *context;
    if (has_parent)
        span_id_new(context->span_id);
    *ret = (struct span){.context = *context, .kind = kind, .start_ns = trace_now_ns()};
    if (has_parent)
        memcpy(ret->parent_id, parent.span_id, SPAN_ID_BYTES);
    return true;
}

void tracer_take(struct tracer *tracer, const struct span *spans, size_t count)
{
    pthread_mutex_lock(&tracer->lock);
    span_ring_put(&tracer->ring, spans, count);
    if (tracer->ring.count >= BATCH_SPANS_MAX)
        pthread_cond_broadcast(&tracer->changed);
    pthread_mutex_unlock(&tracer->lock);
}

void tracer_end(struct tracer *tracer, struct span *span)
{
    span->end_ns = trace_now_ns();
    tracer_take(tracer, span, 1);
}

void tracer_counts(struct tracer *tracer, struct tracer_counts *ret)
{
    *ret = (struct tracer_counts){0};
    if (tracer == NULL)
        return;
    pthread_mutex_lock(&tracer->lock);
    *ret = tracer->counts;
    ret->dropped = tracer->ring.dropped;
    pthread_mutex_unlock(&tracer->lock);
}

/* -------------------------------------------------------------------------------- the thread */

/* Under the lock; until something has changed, or that time. */
static void wait_until(struct tracer *tracer, int64_t time_ms)
{
    struct timespec end = {.tv_sec = time_ms / 1000, .tv_nsec = time_ms % 1000 * NS_PER_MS};

    (void)pthread_cond_timedwait(&tracer->changed, &tracer->lock, &end);
}

static bool is_over(void *context)
{
    struct tracer *tracer = context;
    bool over;

    pthread_mutex_lock(&tracer->lock);
    over = tracer->stopping && clock_monotonic_ms() >= tracer->end_ms;
    pthread_mutex_unlock(&tracer->lock);
    return over;
}

/* False: it is time to stop instead. */
static bool pause_before_retry(struct tracer *tracer, int64_t pause_ms)
{
    int64_t end_ms = clock_monotonic_ms() + pause_ms;
    bool stopping;

    pthread_mutex_lock(&tracer->lock);
    while (!tracer->stopping && clock_monotonic_ms() < end_ms)
        wait_until(tracer, end_ms);
    stopping = tracer->stopping;
    pthread_mutex_unlock(&tracer->lock);
    return !stopping;
}

/* Those that OTLP names, and no answer at all. */
static bool is_worth_a_retry(long status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static int64_t pause_ms(const struct post_answer *answer, int attempt)
{
    int64_t ms =
        answer->retry_after_s > 0 ? answer->retry_after_s * 1000 : (int64_t)PAUSE_MS_MIN << attempt;

    return ms < PAUSE_MS_MAX ? ms : PAUSE_MS_MAX;
}

/* True if it was accepted. */
static bool post(struct tracer *tracer, const char *body, size_t len)
{
    struct post_answer *answer = &tracer->answer;

    for (int attempt = 0; attempt < ATTEMPTS_MAX && !is_over(tracer); attempt++) {
        poster_send(tracer->poster, body, len, POST_MS_MAX, is_over, tracer, answer);
        if (answer->status >= 200 && answer->status < 300)
            return true;
        log_warn("traces_not_exported", "status=%ld reason=%s", answer->status,
                 LOG_TEXT(answer->status == 0 ? answer->reason : "refused"));
        if (!is_worth_a_retry(answer->status) || attempt + 1 == ATTEMPTS_MAX ||
            !pause_before_retry(tracer, pause_ms(answer, attempt)))
            return false;
    }
    return false;
}

static void export(struct tracer *tracer, size_t count)
{
    size_t len = 0;
    CLEANUP(free_ptr) char *body = otlp_encode(&tracer->config.source, tracer->batch, count, &len);
    uint64_t lost = count;

    if (body != NULL && post(tracer, body, len))
        lost = (uint64_t)otlp_rejected(tracer->answer.body, tracer->answer.len);
    if (lost > count)
        lost = count;
    pthread_mutex_lock(&tracer->lock);
    tracer->counts.failed += lost;
    tracer->counts.exported += count - lost;
    pthread_mutex_unlock(&tracer->lock);
}

/* 0: it is time to end. */
static size_t next_batch(struct tracer *tracer)
{
    size_t count;

    pthread_mutex_lock(&tracer->lock);
    while (!tracer->stopping && tracer->ring.count == 0)
        wait_until(tracer, clock_monotonic_ms() + GATHER_MS);
    if (!tracer->stopping && tracer->ring.count < BATCH_SPANS_MAX)
        wait_until(tracer, clock_monotonic_ms() + GATHER_MS);
    count = span_ring_take(&tracer->ring, tracer->batch, BATCH_SPANS_MAX);
    pthread_mutex_unlock(&tracer->lock);
    return count;
}

static void *run(void *context)
{
    struct tracer *tracer = context;
    size_t count;

    while ((count = next_batch(tracer)) > 0)
        export(tracer, count);
    pthread_mutex_lock(&tracer->lock);
    tracer->ended = true;
    pthread_cond_broadcast(&tracer->changed);
    pthread_mutex_unlock(&tracer->lock);
    return NULL;
}

/* ------------------------------------------------------------------------- beginning and end */

static uint64_t share_of(const struct tracer_config *config)
{
    static const double all = 9223372036854775808.0; /* 2^63 */

    switch (config->sampler) {
    case SAMPLER_ALWAYS_OFF:
        return 0;
    case SAMPLER_RATIO:
        return (uint64_t)(config->ratio * all);
    case SAMPLER_ALWAYS_ON:
        break;
    }
    return (uint64_t)all;
}

static int start(struct tracer *tracer, struct error *err)
{
    pthread_condattr_t monotonic;
    int r = poster_new(tracer->url, &tracer->poster, err);

    if (r < 0)
        return r;
    pthread_mutex_init(&tracer->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&tracer->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&tracer->thread, NULL, run, tracer) == 0)
        return 0;
    poster_free(tracer->poster);
    return error_set(err, -EAGAIN, "cannot start a thread");
}

int tracer_new(const struct tracer_config *config, struct tracer **ret, struct error *err)
{
    CLEANUP(free_ptr) struct tracer *tracer = calloc(1, sizeof(*tracer));
    const char *end = config->endpoint + strlen(config->endpoint);
    int len, r;

    if (tracer == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    tracer->config = *config;
    tracer->sampled_below = share_of(config);
    len = snprintf(tracer->url, sizeof(tracer->url), "%s%s" PATH, config->endpoint,
                   end > config->endpoint && end[-1] == '/' ? "" : "/");
    if (len >= URL_SIZE)
        return error_set(err, -EINVAL, "the address to export traces to is too long");
    r = start(tracer, err);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(tracer);
    return 0;
}

void tracer_flush(struct tracer *tracer, int64_t timeout_ms)
{
    if (tracer == NULL)
        return;
    pthread_mutex_lock(&tracer->lock);
    tracer->end_ms = clock_monotonic_ms() + timeout_ms;
    tracer->stopping = true;
    pthread_cond_broadcast(&tracer->changed);
    while (!tracer->ended && clock_monotonic_ms() < tracer->end_ms)
        wait_until(tracer, tracer->end_ms);
    pthread_mutex_unlock(&tracer->lock);
}

void tracer_free(struct tracer *tracer)
{
    if (tracer == NULL)
        return;
    tracer_flush(tracer, 0);
    pthread_join(tracer->thread, NULL);
    poster_free(tracer->poster);
    pthread_cond_destroy(&tracer->changed);
    pthread_mutex_destroy(&tracer->lock);
    free(tracer);
}
