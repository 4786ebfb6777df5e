/*
 * waiters.c - see waiters.h. A hash of chains by order, and a heap by deadline. The waiters are the
 * callers' own memory: nothing is allocated here.
 */
#include "services/order/front_door/waiters.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/util.h"

#define BUCKETS 4096 /* a power of two */

struct waiters {
    pthread_mutex_t lock;
    pthread_cond_t emptied; /* monotonic clock */
    bool closed;
    uint64_t last_ticket;
    atomic_size_t count;
    struct waiter *heap[WAITERS_MAX]; /* none has an earlier deadline than its parent */
    struct waiter *buckets[BUCKETS];
};

enum order_stage order_stage_of(const struct order_view *view)
{
    if (view->status == ORDER_UNKNOWN)
        return STAGE_NONE;
    if (order_view_is_final(view))
        return STAGE_FINAL;
    for (size_t i = 0; i < view->step_count; i++)
        if (view->steps[i].entry->event->type == EVENT_ORDER_CANCELLATION_REQUESTED)
            return STAGE_CANCELLING;
    return STAGE_PLACED;
}

int waiters_new(struct waiters **ret, struct error *err)
{
    struct waiters *waiters = calloc(1, sizeof(*waiters));
    pthread_condattr_t monotonic;

    if (waiters == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    pthread_mutex_init(&waiters->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&waiters->emptied, &monotonic);
    pthread_condattr_destroy(&monotonic);
    *ret = waiters;
    return 0;
}

void waiters_free(struct waiters *waiters)
{
    if (waiters == NULL)
        return;
    assert(waiters->count == 0);
    pthread_cond_destroy(&waiters->emptied);
    pthread_mutex_destroy(&waiters->lock);
    free(waiters);
}

/* --------------------------------------------------------------------- the heap by deadline */

static void put(struct waiters *waiters, size_t place, struct waiter *waiter)
{
    waiters->heap[place] = waiter;
    waiter->place = place;
}

/* Puts the waiter where it belongs, seen from this place. */
static void settle(struct waiters *waiters, size_t place, struct waiter *waiter)
{
    size_t count = waiters->count;

    for (size_t parent; place > 0; place = parent) {
        parent = (place - 1) / 2;
        if (waiters->heap[parent]->deadline_ms <= waiter->deadline_ms)
            break;
        put(waiters, place, waiters->heap[parent]);
    }
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count &&
            waiters->heap[child + 1]->deadline_ms < waiters->heap[child]->deadline_ms)
            child++;
        if (waiter->deadline_ms <= waiters->heap[child]->deadline_ms)
            break;
        put(waiters, place, waiters->heap[child]);
    }
    put(waiters, place, waiter);
}

static void heap_add(struct waiters *waiters, struct waiter *waiter)
{
    put(waiters, waiters->count++, waiter);
    settle(waiters, waiter->place, waiter);
}

/* The last one takes its place. */
static void heap_remove(struct waiters *waiters, const struct waiter *waiter)
{
    struct waiter *last = waiters->heap[--waiters->count];

    if (last != waiter)
        settle(waiters, waiter->place, last);
}

/* ------------------------------------------------------------------------ the chain of an order */

/* FNV-1a; the ids are random already, at their end. */
static struct waiter **bucket_of(struct waiters *waiters, const char *order_id)
{
    uint32_t hash = 2166136261u;

    for (const char *p = order_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return &waiters->buckets[hash & (BUCKETS - 1)];
}

/* What is asked of a waiter of this order. */
typedef bool match_function(const struct waiter *waiter, uint64_t value);

static bool is_reached(const struct waiter *waiter, uint64_t stage)
{
    return waiter->stage <= stage;
}

static bool has_stage(const struct waiter *waiter, uint64_t stage)
{
    return waiter->stage == stage;
}

static bool has_ticket(const struct waiter *waiter, uint64_t ticket)
{
    return waiter->ticket == ticket;
}

static bool is_unseen(const struct waiter *waiter, uint64_t round)
{
    return waiter->round < round;
}

/* The link that points to the first that matches, or to NULL at the end of the chain. */
static struct waiter **find(struct waiters *waiters, const char *order_id, match_function *match,
                            uint64_t value)
{
    struct waiter **link = bucket_of(waiters, order_id);

    while (*link != NULL && !(str_equal((*link)->order_id, order_id) && match(*link, value)))
        link = &(*link)->chain;
    return link;
}

int waiters_add(struct waiters *waiters, struct waiter *waiter, bool alone, uint64_t *ticket)
{
    struct waiter **bucket;
    int r = 0;

    assert(waiter->stage != STAGE_NONE);
    pthread_mutex_lock(&waiters->lock);
    if (waiters->closed)
        r = -ESHUTDOWN;
    else if (alone && *find(waiters, waiter->order_id, has_stage, waiter->stage) != NULL)
        r = -EEXIST;
    else if (waiters->count == WAITERS_MAX)
        r = -ENOBUFS;
    if (r == 0) {
        bucket = bucket_of(waiters, waiter->order_id);
        waiter->chain = *bucket;
        *bucket = waiter;
        waiter->round = 0;
        *ticket = waiter->ticket = ++waiters->last_ticket;
        heap_add(waiters, waiter);
    }
    pthread_mutex_unlock(&waiters->lock);
    return r;
}

/* The waiter that `link` points to, which is in no list any more; NULL stays NULL. */
static struct waiter *take(struct waiters *waiters, struct waiter **link)
{
    struct waiter *waiter = *link;

    if (waiter == NULL)
        return NULL;
    *link = waiter->chain;
    heap_remove(waiters, waiter);
    if (waiters->count == 0)
        pthread_cond_broadcast(&waiters->emptied);
    return waiter;
}

static struct waiter *take_first(struct waiters *waiters, const char *order_id,
                                 match_function *match, uint64_t value)
{
    struct waiter *waiter;

    pthread_mutex_lock(&waiters->lock);
    waiter = take(waiters, find(waiters, order_id, match, value));
    pthread_mutex_unlock(&waiters->lock);
    return waiter;
}

struct waiter *waiters_take(struct waiters *waiters, const char *order_id, enum order_stage reached)
{
    return take_first(waiters, order_id, is_reached, reached);
}

struct waiter *waiters_take_ticket(struct waiters *waiters, const char *order_id, uint64_t ticket)
{
    return take_first(waiters, order_id, has_ticket, ticket);
}

static struct waiter *take_itself(struct waiters *waiters, const struct waiter *waiter)
{
    return take(waiters, find(waiters, waiter->order_id, has_ticket, waiter->ticket));
}

struct waiter *waiters_take_expired(struct waiters *waiters, int64_t now_ms)
{
    struct waiter *waiter = NULL;

    pthread_mutex_lock(&waiters->lock);
    if (waiters->count > 0 && waiters->heap[0]->deadline_ms <= now_ms)
        waiter = take_itself(waiters, waiters->heap[0]);
    pthread_mutex_unlock(&waiters->lock);
    return waiter;
}

struct waiter *waiters_take_stage(struct waiters *waiters, enum order_stage stage)
{
    struct waiter *waiter = NULL;

    pthread_mutex_lock(&waiters->lock);
    for (size_t i = 0; i < waiters->count && waiter == NULL; i++)
        if (waiters->heap[i]->stage == stage)
            waiter = take_itself(waiters, waiters->heap[i]);
    pthread_mutex_unlock(&waiters->lock);
    return waiter;
}

/* True if somebody of this order was not found in this round; now all of them are. */
static bool mark_found(struct waiters *waiters, const char *order_id, uint64_t round)
{
    struct waiter *waiter;
    bool found = false;

    while ((waiter = *find(waiters, order_id, is_unseen, round)) != NULL) {
        waiter->round = round;
        found = true;
    }
    return found;
}

bool waiters_find(struct waiters *waiters, const char *order_id, uint64_t round)
{
    bool found;

    pthread_mutex_lock(&waiters->lock);
    found = mark_found(waiters, order_id, round);
    pthread_mutex_unlock(&waiters->lock);
    return found;
}

bool waiters_find_any(struct waiters *waiters, uint64_t round, char ret_order_id[UUID_SIZE])
{
    bool found = false;

    pthread_mutex_lock(&waiters->lock);
    for (size_t i = 0; i < waiters->count && !found; i++) {
        if (!is_unseen(waiters->heap[i], round))
            continue;
        memcpy(ret_order_id, waiters->heap[i]->order_id, UUID_SIZE);
        found = mark_found(waiters, ret_order_id, round);
    }
    pthread_mutex_unlock(&waiters->lock);
    return found;
}

bool waiters_is_empty(const struct waiters *waiters)
{
    return waiters->count == 0;
}

void waiters_close(struct waiters *waiters)
{
    pthread_mutex_lock(&waiters->lock);
    waiters->closed = true;
    pthread_mutex_unlock(&waiters->lock);
}

void waiters_drain(struct waiters *waiters, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct timespec deadline = {.tv_sec = deadline_ms / 1000,
                                .tv_nsec = deadline_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&waiters->lock);
    while (waiters->count > 0 && r == 0)
        r = pthread_cond_timedwait(&waiters->emptied, &waiters->lock, &deadline);
    pthread_mutex_unlock(&waiters->lock);
}
