/* runtime.c - see runtime.h: the thread, its one loop, and what others may see of it. */
#include "common/kafka/runtime.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/base/cleanup.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "common/kafka/elector.h"
#include "common/kafka/session.h"

/* Between two attempts, after one that failed soon after the one before. */
#define RETRY_MS 500
#define RETRY_SOON_MS 1000
/* After being fenced: time for the election to say who owns the shard, before fencing back. */
#define FENCED_WAIT_MS 1500
#define FENCED_POLL_MS 50

struct runtime {
    struct runtime_config config;
    struct session *session; /* the thread's own; NULL: none is open */
    pthread_t thread;
    atomic_bool stop;
    _Atomic int64_t progress_ms;
    int stop_fd;  /* readable when asked to stop */
    int ended_fd; /* readable when the thread has done its work */
    pthread_mutex_t lock;
    struct runtime_health health; /* under lock */
    int result;                   /* of the thread; read after joining */
    struct error result_err;
    int64_t failed_ms;
};

static void set_health(struct runtime *runtime, enum runtime_role role, uint32_t shards,
                       const char *reason)
{
    pthread_mutex_lock(&runtime->lock);
    runtime->health.role = role;
    runtime->health.shards = shards;
    str_copy(runtime->health.reason.text, sizeof(runtime->health.reason.text), reason);
    pthread_mutex_unlock(&runtime->lock);
}

static void note_progress(struct runtime *runtime)
{
    atomic_store_explicit(&runtime->progress_ms, clock_monotonic_ms(), memory_order_relaxed);
}

static bool stopping(const struct runtime *runtime)
{
    return atomic_load_explicit(&runtime->stop, memory_order_relaxed);
}

/* Ends early when asked to stop. */
static void wait_ms(struct runtime *runtime, int ms)
{
    struct pollfd stop = {.fd = runtime->stop_fd, .events = POLLIN};

    note_progress(runtime);
    (void)poll(&stop, 1, ms); /* a signal only ends the wait early */
}

/* The first failure after a calm time is met at once, the next ones after a pause. */
static void pause_after_failure(struct runtime *runtime)
{
    int64_t now_ms = clock_monotonic_ms();

    if (runtime->failed_ms != 0 && now_ms - runtime->failed_ms < RETRY_SOON_MS)
        wait_ms(runtime, RETRY_MS);
    runtime->failed_ms = clock_monotonic_ms();
}

/*
 * Fenced, or stopped for so long that somebody may have taken over. Fencing back at once would
 * disturb the rightful owner, so the election is heard first.
 */
static int hear_election(struct runtime *runtime, struct session *session, struct error *err)
{
    int64_t end_ms = clock_monotonic_ms() + FENCED_WAIT_MS;
    int r = 0;

    while (r == 0 && !stopping(runtime) && clock_monotonic_ms() < end_ms &&
           !session_has_lost(session)) {
        wait_ms(runtime, FENCED_POLL_MS);
        r = session_poll(session, err);
    }
    return r;
}

static void show(struct runtime *runtime, const struct session *session)
{
    set_health(runtime, session_role(session), session_shards(session), "");
}

/* One look at the election and one batch. Returns 1 when the shards have changed. */
static int work_once(struct runtime *runtime, struct session *session, struct error *err)
{
    int64_t start_ms = clock_monotonic_ms();
    int r = session_poll(session, err);

    note_progress(runtime);
    if (r == 0 && session_has_changed(session))
        return 1;
    if (r == 0)
        r = session_work(session, err);
    /* Whatever came of it: a process that was frozen must not act on what it knew before. */
    if (r != -EALREADY && clock_monotonic_ms() - start_ms > SESSION_TIMEOUT_MS)
        r = error_set(err, -EPERM, "stood still for %" PRId64 " ms: somebody else may be the owner",
                      clock_monotonic_ms() - start_ms);
    if (r == 0)
        show(runtime, session);
    return r;
}

/* Owns and works until something fails or the shards change; both lead here again. */
static int own_and_work(struct runtime *runtime, struct session *session, struct error *err)
{
    int r;

    note_progress(runtime);
    r = session_own(session, err);
    while (r == 0 && !stopping(runtime))
        r = work_once(runtime, session, err);
    return r < 0 ? r : 0;
}

/* Returns when the session is of no more use: 0 when asked to stop. */
static int run_session(struct runtime *runtime, struct session *session, struct error *err)
{
    bool works = false;
    int r = 0;

    while (!stopping(runtime)) {
        r = own_and_work(runtime, session, err);
        works = r == 0;
        if (works)
            continue;
        log_warn("recovering", "reason=%s", LOG_TEXT(err->text));
        set_health(runtime, RUNTIME_RESTORING, 0, err->text);
        if (r == -EPERM)
            r = hear_election(runtime, session, err);
        else if (r == -EUCLEAN)
            session_condemn_cache(session);
        else if (r != -EALREADY && r != -ESTALE)
            r = session_poll(session, err);
        if (r < 0)
            return r;
        pause_after_failure(runtime);
    }
    if (works && session_finish(session, err) < 0)
        log_warn("last_batch_dropped", "reason=%s", LOG_TEXT(err->text));
    return 0;
}

static int run(struct runtime *runtime, struct error *err)
{
    int r = 0;

    while (!stopping(runtime) && r != -EALREADY) {
        note_progress(runtime);
        session_close(TAKE_PTR(runtime->session));
        r = session_open(&runtime->config, &runtime->session, err);
        if (r == 0)
            r = run_session(runtime, runtime->session, err);
        if (r == 0 || r == -EALREADY)
            continue;
        log_warn("cannot_connect", "reason=%s", LOG_TEXT(err->text));
        set_health(runtime, RUNTIME_CONNECTING, 0, err->text);
        wait_ms(runtime, RETRY_MS);
        r = 0;
    }
    return r;
}

/* Ended is told before the clients are closed, for which the library may take for ever. */
static void *run_thread(void *argument)
{
    struct runtime *runtime = argument;

    runtime->result = run(runtime, &runtime->result_err);
    (void)eventfd_write(runtime->ended_fd, 1); /* fails only if its counter is full */
    session_close(TAKE_PTR(runtime->session));
    return NULL;
}

int runtime_new(const struct runtime_config *config, struct runtime **ret, struct error *err)
{
    struct runtime *runtime = calloc(1, sizeof(*runtime));

    if (runtime == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    runtime->config = *config;
    runtime->stop_fd = eventfd(0, EFD_CLOEXEC);
    runtime->ended_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&runtime->lock, NULL);
    set_health(runtime, RUNTIME_CONNECTING, 0, "starting");
    note_progress(runtime);
    if (runtime->stop_fd < 0 || runtime->ended_fd < 0 ||
        pthread_create(&runtime->thread, NULL, run_thread, runtime) != 0) {
        close_fd(&runtime->stop_fd);
        close_fd(&runtime->ended_fd);
        free(runtime);
        return error_set(err, -EAGAIN, "cannot start a thread");
    }
    *ret = runtime;
    return 0;
}

int runtime_ended_fd(const struct runtime *runtime)
{
    return runtime->ended_fd;
}

void runtime_health(struct runtime *runtime, struct runtime_health *ret)
{
    pthread_mutex_lock(&runtime->lock);
    *ret = runtime->health;
    pthread_mutex_unlock(&runtime->lock);
}

int64_t runtime_progress_ms(const struct runtime *runtime)
{
    return atomic_load_explicit(&runtime->progress_ms, memory_order_relaxed);
}

void runtime_stop(struct runtime *runtime)
{
    atomic_store(&runtime->stop, true);
    (void)eventfd_write(runtime->stop_fd, 1); /* fails only if its counter is full */
}

int runtime_end(struct runtime *runtime, struct error *err)
{
    struct pollfd ended = {.fd = runtime->ended_fd, .events = POLLIN};

    runtime_stop(runtime);
    while (poll(&ended, 1, -1) < 0)
        continue; /* a signal came in between */
    if (runtime->result < 0)
        error_set(err, runtime->result, "%s", runtime->result_err.text);
    return runtime->result;
}

void runtime_free(struct runtime *runtime)
{
    if (runtime == NULL)
        return;
    runtime_stop(runtime);
    pthread_join(runtime->thread, NULL);
    close_fd(&runtime->stop_fd);
    close_fd(&runtime->ended_fd);
    pthread_mutex_destroy(&runtime->lock);
    free(runtime);
}
