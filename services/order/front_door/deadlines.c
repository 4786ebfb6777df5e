/*
 * deadlines.c - see deadlines.h. Goes through the orders by the time they were placed, in chunks,
 * up to those that still have time, and waits for the next. A cursor moves on only when the broker
 * has confirmed all that was asked for in its chunk; otherwise the chunk is gone through again,
 * which is harmless.
 *
 * An order may become readable when the cursor has passed its place: its partition was late. So a
 * second sweep follows the first at a distance. Whatever is later than that is found after the next
 * restart.
 */
#include "services/order/front_door/deadlines.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/front_door/waiters.h"

/* Orders that are looked at in one go, and so records that are under way at most. */
#define CHUNK_ORDERS_MAX 256
/* How often it looks at least; also, when it tries again. */
#define LOOK_EVERY_MS 1000
/* ... and at most, unless there is more than a chunk: so that many orders cost few looks. */
#define LOOK_AFTER_MS 50
/* How far the second sweep is behind: as late as an order may become readable. */
#define LATE_MS 600000
#define SWEEP_COUNT 2
#define REASON "deadline_passed"
/* Before all orders of the same time. */
#define NIL_ID "00000000-0000-0000-0000-000000000000"

struct sweep {
    int64_t age_ms; /* orders of at least this age */
    struct order_place last;
};

struct deadlines {
    int64_t deadline_ms;
    struct projection *projection;
    struct order_publisher *publisher;
    struct codec *codec;
    struct sweep sweeps[SWEEP_COUNT]; /* the thread's own */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock;   /* of those below */
    pthread_cond_t changed; /* monotonic clock */
    bool stopping;
    size_t under_way, failed;
};

/* What is found in one go. */
struct chunk {
    int64_t placed_until_ms;
    int64_t next_ms; /* when the first order was placed that still has time; INT64_MAX: none */
    size_t count;
    char order_ids[CHUNK_ORDERS_MAX][UUID_SIZE];
};

int deadlines_new(int64_t deadline_s, struct deadlines **ret, struct error *err)
{
    struct deadlines *deadlines = calloc(1, sizeof(*deadlines));
    pthread_condattr_t monotonic;
    int r;

    if (deadlines == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    r = codec_new(&deadlines->codec, err);
    if (r < 0) {
        free(deadlines);
        return r;
    }
    deadlines->deadline_ms = deadline_s * 1000;
    assert(deadlines->deadline_ms <= topic_info(TOPIC_ORDERS)->retention_ms);
    pthread_mutex_init(&deadlines->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&deadlines->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = deadlines;
    return 0;
}

void deadlines_free(struct deadlines *deadlines)
{
    if (deadlines == NULL)
        return;
    assert(!deadlines->has_thread);
    pthread_cond_destroy(&deadlines->changed);
    pthread_mutex_destroy(&deadlines->lock);
    codec_free(deadlines->codec);
    free(deadlines);
}

/* ------------------------------------------------------------------------------ to be called */

void deadlines_settle(struct deadlines *deadlines, const struct publication *publication)
{
    if (!publication->is_confirmed)
        log_warn("deadline_not_published", "order_id=%s reason=%s fate=retry",
                 publication->order_id, LOG_TEXT(publication->reason));
    pthread_mutex_lock(&deadlines->lock);
    deadlines->under_way--;
    deadlines->failed += !publication->is_confirmed;
    pthread_cond_broadcast(&deadlines->changed);
    pthread_mutex_unlock(&deadlines->lock);
}

void deadlines_stop(struct deadlines *deadlines)
{
    if (deadlines == NULL || !deadlines->has_thread)
        return;
    pthread_mutex_lock(&deadlines->lock);
    deadlines->stopping = true;
    pthread_cond_broadcast(&deadlines->changed);
    pthread_mutex_unlock(&deadlines->lock);
    pthread_join(deadlines->thread, NULL);
    deadlines->has_thread = false;
}

/* -------------------------------------------------------------------------------- the thread */

static bool is_stopping(struct deadlines *deadlines)
{
    pthread_mutex_lock(&deadlines->lock);
    bool stopping = deadlines->stopping;
    pthread_mutex_unlock(&deadlines->lock);
    return stopping;
}

static bool visit(void *context, const struct order_view *view)
{
    struct chunk *chunk = context;

    if (view->placed_at_ms > chunk->placed_until_ms) {
        chunk->next_ms = view->placed_at_ms;
        return false;
    }
    if (order_stage_of(view) == STAGE_PLACED)
        str_copy(chunk->order_ids[chunk->count++], UUID_SIZE, view->placed->order_id);
    return true;
}

static int ask(struct deadlines *deadlines, const char *order_id, struct error *err)
{
    struct event event = {.type = EVENT_ORDER_CANCELLATION_SUBMITTED,
                          .timestamp_ms = clock_utc_ms(),
                          .schema_version = EVENT_SCHEMA_VERSION};
    struct order_cancellation_submitted *data = &event.data.order_cancellation_submitted;
    int r;

    uuid_v7(event.timestamp_ms, event.event_id);
    str_copy(event.correlation_id, sizeof(event.correlation_id), order_id);
    str_copy(data->order_id, sizeof(data->order_id), order_id);
    str_copy(data->reason, sizeof(data->reason), REASON);
    pthread_mutex_lock(&deadlines->lock);
    deadlines->under_way++;
    pthread_mutex_unlock(&deadlines->lock);
    r = order_publisher_send(deadlines->publisher, deadlines->codec, &event, NULL, DEADLINES_TICKET,
                             err);
    if (r == 0)
        log_info("deadline_passed", "order_id=%s", order_id);
    return r;
}

/* True once the broker has all of them; false: some failed, or the service stops. */
static bool ask_all(struct deadlines *deadlines, const struct chunk *chunk)
{
    struct error err;
    bool confirmed;

    pthread_mutex_lock(&deadlines->lock);
    deadlines->failed = 0;
    pthread_mutex_unlock(&deadlines->lock);
    for (size_t i = 0; i < chunk->count; i++)
        if (ask(deadlines, chunk->order_ids[i], &err) < 0) {
            struct publication publication = {.reason = err.text};

            str_copy(publication.order_id, UUID_SIZE, chunk->order_ids[i]);
            deadlines_settle(deadlines, &publication);
        }
    pthread_mutex_lock(&deadlines->lock);
    while (deadlines->under_way > 0 && !deadlines->stopping)
        pthread_cond_wait(&deadlines->changed, &deadlines->lock);
    confirmed = deadlines->failed == 0 && deadlines->under_way == 0;
    pthread_mutex_unlock(&deadlines->lock);
    return confirmed;
}

/* One chunk of a sweep. Returns the time until there may be more to do, 0: at once. */
static int64_t advance(struct deadlines *deadlines, struct sweep *sweep)
{
    int64_t now_ms = clock_utc_ms();
    struct chunk chunk = {.placed_until_ms = now_ms - sweep->age_ms, .next_ms = INT64_MAX};
    const struct order_range range = {.after = sweep->last, .visit_max = CHUNK_ORDERS_MAX};
    struct order_range_result result;
    struct error err;
    int r = projection_scan(deadlines->projection, deadlines->codec, &range, visit, &chunk, &result,
                            &err);

    if (r < 0 && r != -EAGAIN)
        log_warn("deadlines_not_read", "reason=%s fate=retry", LOG_TEXT(err.text));
    if (r < 0 || !ask_all(deadlines, &chunk))
        return LOOK_EVERY_MS;
    sweep->last = result.last;
    if (chunk.next_ms < INT64_MAX)
        return chunk.next_ms + sweep->age_ms - now_ms;
    return result.has_more ? 0 : LOOK_EVERY_MS;
}

static void wait_for(struct deadlines *deadlines, int64_t wait_ms)
{
    int64_t end_ms = clock_monotonic_ms() + wait_ms;
    struct timespec end = {.tv_sec = end_ms / 1000, .tv_nsec = end_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&deadlines->lock);
    while (!deadlines->stopping && r == 0)
        r = pthread_cond_timedwait(&deadlines->changed, &deadlines->lock, &end);
    pthread_mutex_unlock(&deadlines->lock);
}

/*
 * The first sweep begins with the oldest order. What can be read by then is its business; what may
 * still come late was placed shortly before, and there the second begins.
 */
static void *run(void *context)
{
    struct deadlines *deadlines = context;
    struct sweep *first = &deadlines->sweeps[0], *second = &deadlines->sweeps[1];

    while (projection_ready(deadlines->projection, NULL) < 0 && !is_stopping(deadlines))
        wait_for(deadlines, LOOK_EVERY_MS);
    first->age_ms = deadlines->deadline_ms;
    second->age_ms = deadlines->deadline_ms + LATE_MS;
    second->last = (struct order_place){clock_utc_ms() - LATE_MS, NIL_ID};
    while (!is_stopping(deadlines)) {
        int64_t wait_ms = LOOK_EVERY_MS;

        for (size_t i = 0; i < SWEEP_COUNT; i++) {
            int64_t next_ms = advance(deadlines, &deadlines->sweeps[i]);

            if (next_ms < wait_ms)
                wait_ms = next_ms;
        }
        if (wait_ms > 0)
            wait_for(deadlines, wait_ms < LOOK_AFTER_MS ? LOOK_AFTER_MS : wait_ms);
    }
    return NULL;
}

int deadlines_start(struct deadlines *deadlines, struct projection *projection,
                    struct order_publisher *publisher, struct error *err)
{
    int r;

    deadlines->projection = projection;
    deadlines->publisher = publisher;
    r = pthread_create(&deadlines->thread, NULL, run, deadlines);
    if (r != 0)
        return error_set(err, -EIO, "cannot start a thread: %s", strerror(r));
    deadlines->has_thread = true;
    return 0;
}
