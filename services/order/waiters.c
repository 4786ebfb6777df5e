/*
 * waiters.c - see waiters.h. A hash of chains over nodes that are there from the start, and a queue
 * in the order of arrival: as all have the same patience, its head is always the next to expire.
 */
#include "services/order/waiters.h"

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

struct waiter {
    char order_id[UUID_SIZE];
    void *request;
    int64_t deadline_ms;
    struct waiter *chain;           /* the next of the same bucket, or of the free ones */
    struct waiter *earlier, *later; /* of the queue */
};

struct waiters {
    pthread_mutex_t lock;
    pthread_cond_t emptied; /* monotonic clock */
    int64_t patience_ms;
    bool closed;
    atomic_size_t count;
    struct waiter *unused;
    struct waiter *first, *last; /* the queue */
    struct waiter *buckets[BUCKETS];
    struct waiter nodes[WAITERS_MAX];
};

int waiters_new(int64_t patience_ms, struct waiters **ret, struct error *err)
{
    struct waiters *waiters = calloc(1, sizeof(*waiters));
    pthread_condattr_t monotonic;

    if (waiters == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    waiters->patience_ms = patience_ms;
    for (size_t i = 0; i < WAITERS_MAX; i++) {
        waiters->nodes[i].chain = waiters->unused;
        waiters->unused = &waiters->nodes[i];
    }
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

/* FNV-1a; the ids are random already, at their end. */
static struct waiter **bucket_of(struct waiters *waiters, const char *order_id)
{
    uint32_t hash = 2166136261u;

    for (const char *p = order_id; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return &waiters->buckets[hash & (BUCKETS - 1)];
}

/* The link that points to the waiter, or to NULL at the end of the chain. */
static struct waiter **find(struct waiters *waiters, const char *order_id)
{
    struct waiter **link = bucket_of(waiters, order_id);

    while (*link != NULL && !str_equal((*link)->order_id, order_id))
        link = &(*link)->chain;
    return link;
}

static void insert(struct waiters *waiters, struct waiter **link, const char *order_id,
                   void *request, int64_t now_ms)
{
    struct waiter *waiter = waiters->unused;

    waiters->unused = waiter->chain;
    str_copy(waiter->order_id, sizeof(waiter->order_id), order_id);
    waiter->request = request;
    waiter->deadline_ms = now_ms + waiters->patience_ms;
    waiter->chain = NULL;
    *link = waiter;
    waiter->later = NULL;
    waiter->earlier = waiters->last;
    if (waiters->last != NULL)
        waiters->last->later = waiter;
    else
        waiters->first = waiter;
    waiters->last = waiter;
    waiters->count++;
}

int waiters_add(struct waiters *waiters, const char *order_id, void *request, int64_t now_ms)
{
    struct waiter **link;
    int r = 0;

    pthread_mutex_lock(&waiters->lock);
    link = find(waiters, order_id);
    if (waiters->closed)
        r = -ESHUTDOWN;
    else if (*link != NULL)
        r = -EEXIST;
    else if (waiters->unused == NULL)
        r = -ENOBUFS;
    else
        insert(waiters, link, order_id, request, now_ms);
    pthread_mutex_unlock(&waiters->lock);
    return r;
}

/* The request of the waiter that `link` points to, which is no more. */
static void *take(struct waiters *waiters, struct waiter **link)
{
    struct waiter *waiter = *link;

    *link = waiter->chain;
    waiter->chain = waiters->unused;
    waiters->unused = waiter;
    if (waiter->earlier != NULL)
        waiter->earlier->later = waiter->later;
    else
        waiters->first = waiter->later;
    if (waiter->later != NULL)
        waiter->later->earlier = waiter->earlier;
    else
        waiters->last = waiter->earlier;
    if (--waiters->count == 0)
        pthread_cond_broadcast(&waiters->emptied);
    return waiter->request;
}

bool waiters_has(struct waiters *waiters, const char *order_id)
{
    pthread_mutex_lock(&waiters->lock);
    bool found = *find(waiters, order_id) != NULL;
    pthread_mutex_unlock(&waiters->lock);
    return found;
}

void *waiters_take(struct waiters *waiters, const char *order_id)
{
    struct waiter **link;
    void *request = NULL;

    pthread_mutex_lock(&waiters->lock);
    link = find(waiters, order_id);
    if (*link != NULL)
        request = take(waiters, link);
    pthread_mutex_unlock(&waiters->lock);
    return request;
}

void *waiters_take_expired(struct waiters *waiters, int64_t now_ms, char ret_order_id[UUID_SIZE])
{
    void *request = NULL;

    pthread_mutex_lock(&waiters->lock);
    if (waiters->first != NULL && waiters->first->deadline_ms <= now_ms) {
        memcpy(ret_order_id, waiters->first->order_id, UUID_SIZE);
        request = take(waiters, find(waiters, ret_order_id));
    }
    pthread_mutex_unlock(&waiters->lock);
    return request;
}

void *waiters_take_any(struct waiters *waiters, char ret_order_id[UUID_SIZE])
{
    return waiters_take_expired(waiters, INT64_MAX, ret_order_id);
}

bool waiters_is_empty(const struct waiters *waiters)
{
    return waiters->count == 0;
}

void waiters_close(struct waiters *waiters, int timeout_ms)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    struct timespec deadline = {.tv_sec = deadline_ms / 1000,
                                .tv_nsec = deadline_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&waiters->lock);
    waiters->closed = true;
    while (waiters->count > 0 && r == 0)
        r = pthread_cond_timedwait(&waiters->emptied, &waiters->lock, &deadline);
    pthread_mutex_unlock(&waiters->lock);
}
