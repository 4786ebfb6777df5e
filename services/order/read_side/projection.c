/*
 * projection.c - see projection.h. There is one way to recover: on anything unexpected the consumer
 * is thrown away and all starts again from the offsets in the store; the store itself only if the
 * topics are no longer the same. That covers records that retention took before we read them, and
 * topics that were deleted and created again.
 */
#include "services/order/read_side/projection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/identity.h"
#include "services/order/read_side/projection_state.h"

/* How long the idle thread sleeps before it looks at whether to stop. */
#define IDLE_MS 200
#define RETRY_MS 1000
/* How often the topics are asked whether they are the same. */
#define CHECK_EVERY_MS 5000

static void set_readable(struct projection *projection, bool readable)
{
    pthread_rwlock_wrlock(&projection->store_lock);
    projection->is_readable = readable;
    pthread_rwlock_unlock(&projection->store_lock);
}

static bool is_stopping(struct projection *projection)
{
    pthread_mutex_lock(&projection->lock);
    bool stopping = projection->stopping;
    pthread_mutex_unlock(&projection->lock);
    return stopping;
}

/* ------------------------------------------------------------------------------ the store */

/* Keeps the store that is open, if it is of these topics; else opens the right one. */
static int adopt_store(struct projection *projection, struct error *err)
{
    static const char *const tables[HISTORY_TABLE_COUNT] = {HISTORY_TABLES};
    char identity[STORE_IDENTITY_SIZE];
    const struct store_config config = {.directory = projection->directory,
                                        .identity = identity,
                                        .tables = tables,
                                        .table_count = ARRAY_LEN(tables)};
    int r = store_identity(&projection->follower.topics, HISTORY_FORMAT, identity, sizeof(identity),
                           err);

    if (r < 0 || str_equal(identity, projection->identity))
        return r;
    pthread_rwlock_wrlock(&projection->store_lock);
    projection->is_readable = false;
    store_close(projection->store);
    projection->store = NULL;
    projection->identity[0] = '\0';
    r = store_open(&config, &projection->store, err);
    projection->topics = projection->follower.topics;
    projection->generation++;
    pthread_rwlock_unlock(&projection->store_lock);
    if (r < 0)
        return r;
    str_copy(projection->identity, sizeof(projection->identity), identity);
    applier_init(&projection->applier, &projection->config.listener, projection->codec);
    return 0;
}

/* ----------------------------------------------------------------------------- the thread */

static void note_caught_up(struct projection *projection)
{
    const struct order_listener *listener = &projection->config.listener;

    if (projection->follower.behind_count > 0 || projection->is_readable)
        return;
    set_readable(projection, true);
    if (listener->is_wanted(listener->context))
        listener->on_changes(listener->context, NULL, 0);
    log_info("read_side_ready", "partitions=%zu", projection->follower.partition_count);
}

static void set_reason(struct projection *projection, const char *text)
{
    pthread_mutex_lock(&projection->lock);
    error_set(&projection->reason, 0, "%s", text);
    pthread_mutex_unlock(&projection->lock);
}

static int check_if_due(struct projection *projection, struct error *err)
{
    int64_t now_ms = clock_monotonic_ms();

    if (now_ms < projection->next_check_ms)
        return 0;
    projection->next_check_ms = now_ms + CHECK_EVERY_MS;
    return follower_check(&projection->follower, projection->config.kafka, err);
}

/* One batch, if there is one. */
static int turn(struct projection *projection, struct error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(projection->follower.consumer, IDLE_MS);
    int r = 0;

    if (message != NULL)
        r = applier_run(&projection->applier, &projection->follower, projection->store, message,
                        err);
    if (r == 0 && atomic_exchange(&projection->is_damaged, false))
        r = error_set(err, -EUCLEAN, "a reader found the local store damaged");
    return r == 0 ? check_if_due(projection, err) : r;
}

static int follow(struct projection *projection, struct error *err)
{
    struct follower *follower = &projection->follower;
    int r = follower_open(projection->config.kafka, follower, err);

    if (r == 0)
        r = adopt_store(projection, err);
    if (r == 0)
        r = follower_start(follower, projection->store, err);
    if (r == 0)
        set_reason(projection, REBUILDING);
    projection->next_check_ms = clock_monotonic_ms() + CHECK_EVERY_MS;
    while (r == 0 && !is_stopping(projection)) {
        note_caught_up(projection);
        r = turn(projection, err);
    }
    follower_close(follower);
    return r;
}

/* Says a reason once, however often it is met. */
static void note_failure(struct projection *projection, const struct error *err)
{
    bool is_new;

    pthread_mutex_lock(&projection->lock);
    is_new = !str_equal(projection->reason.text, err->text);
    projection->reason = *err;
    pthread_mutex_unlock(&projection->lock);
    if (is_new)
        log_warn("read_side_waits", "reason=%s fate=retry", LOG_TEXT(err->text));
}

static void wait_before_retry(struct projection *projection)
{
    int64_t deadline_ms = clock_monotonic_ms() + RETRY_MS;
    struct timespec deadline = {.tv_sec = deadline_ms / 1000,
                                .tv_nsec = deadline_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&projection->lock);
    while (!projection->stopping && r == 0)
        r = pthread_cond_timedwait(&projection->changed, &projection->lock, &deadline);
    pthread_mutex_unlock(&projection->lock);
}

/* A damaged store is made anew: adopt_store() opens another one, and finds it condemned. */
static void condemn_store(struct projection *projection)
{
    struct error err;

    projection->identity[0] = '\0';
    if (store_condemn(projection->directory, &err) < 0)
        log_error("read_side_is_damaged", "reason=%s", LOG_TEXT(err.text));
}

static void *run(void *context)
{
    struct projection *projection = context;

    while (!is_stopping(projection)) {
        struct error err = {""};

        int r = follow(projection, &err);

        if (r == 0)
            continue;
        if (r == -EUCLEAN)
            condemn_store(projection);
        note_failure(projection, &err);
        wait_before_retry(projection);
    }
    return NULL;
}

static void projection_init(struct projection *projection, const struct projection_config *config)
{
    pthread_condattr_t monotonic;

    projection->config = *config;
    snprintf(projection->directory, sizeof(projection->directory), "%s/projection",
             config->data_dir);
    error_set(&projection->reason, 0, REBUILDING);
    pthread_mutex_init(&projection->lock, NULL);
    pthread_rwlock_init(&projection->store_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&projection->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void projection_release(struct projection *projection)
{
    store_close(projection->store);
    codec_free(projection->codec);
    pthread_cond_destroy(&projection->changed);
    pthread_rwlock_destroy(&projection->store_lock);
    pthread_mutex_destroy(&projection->lock);
    free(projection);
}

static int start_thread(struct projection *projection, struct error *err)
{
    int r = pthread_create(&projection->thread, NULL, run, projection);

    return r == 0 ? 0 : error_set(err, -EIO, "cannot start a thread: %s", strerror(r));
}

int projection_open(const struct projection_config *config, struct projection **ret,
                    struct error *err)
{
    struct projection *projection = calloc(1, sizeof(*projection));
    int r;

    if (projection == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    projection_init(projection, config);
    r = codec_new(&projection->codec, err);
    if (r == 0)
        r = start_thread(projection, err);
    if (r < 0)
        projection_release(projection);
    else
        *ret = projection;
    return r;
}

void projection_close(struct projection *projection)
{
    if (projection == NULL)
        return;
    pthread_mutex_lock(&projection->lock);
    projection->stopping = true;
    pthread_cond_broadcast(&projection->changed);
    pthread_mutex_unlock(&projection->lock);
    pthread_join(projection->thread, NULL);
    projection_release(projection);
}
