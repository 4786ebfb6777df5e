/*
 * order_waits.c - see order_waits.h. Four can end a wait (see waiters.h), on as many threads:
 *
 *   projection   what it waits for can be read
 *   publisher    its record was not written, or it took longer than anybody waits
 *   server       it could be read already when the wait began
 *   main         the service stops
 *
 * No wake-up is lost: who waits is known before the order is looked at, and the listener looks at
 * who waits after the order has changed.
 */
#include "services/order/front_door/order_waits.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/util.h"
#include "services/order/front_door/order_answer.h"
#include "services/order/front_door/order_wait.h"
#include "services/order/front_door/waiters.h"

struct order_waits {
    struct waiters *waiters;
    struct projection *projection;
    pthread_mutex_t lock; /* of the codec: several threads answer */
    struct codec *codec;
    uint64_t round; /* the projection's thread's own */
};

int order_waits_new(struct order_waits **ret, struct error *err)
{
    struct order_waits *waits = calloc(1, sizeof(*waits));
    int r;

    if (waits == NULL)
        return error_set(err, -ENOMEM, "out of memory");
    pthread_mutex_init(&waits->lock, NULL);
    r = waiters_new(&waits->waiters, err);
    if (r == 0)
        r = codec_new(&waits->codec, err);
    if (r < 0) {
        order_waits_free(waits);
        return r;
    }
    *ret = waits;
    return 0;
}

void order_waits_connect(struct order_waits *waits, struct projection *projection)
{
    waits->projection = projection;
}

void order_waits_free(struct order_waits *waits)
{
    if (waits == NULL)
        return;
    waiters_free(waits->waiters);
    codec_free(waits->codec);
    pthread_mutex_destroy(&waits->lock);
    free(waits);
}

/* Ended with history_done(). */
static int look_at(struct order_waits *waits, const char *order_id, struct order_sight *ret,
                   struct error *err)
{
    int r;

    pthread_mutex_lock(&waits->lock);
    r = projection_read(waits->projection, waits->codec, order_id, &ret->history, err);
    pthread_mutex_unlock(&waits->lock);
    if (r < 0)
        return r;
    order_view_fold(ret->history.entries, ret->history.count, &ret->view);
    ret->stage = order_stage_of(&ret->view);
    return 0;
}

/* --------------------------------------------------------------------------- how a wait ends */

/* True if it now waits for the outcome, and is somebody else's; else it has to be answered. */
static bool wait_on(struct order_waits *waits, struct order_wait *wait)
{
    uint64_t ticket;

    wait->waiter.stage = STAGE_FINAL;
    wait->waiter.deadline_ms = wait->since_ms + wait->preferences.wait_s * 1000;
    return order_wait_is_patient(wait) && wait->waiter.deadline_ms > clock_monotonic_ms() &&
           waiters_add(waits->waiters, &wait->waiter, false, &ticket) == 0;
}

/* Takes the wait, whose first stage is reached. True if it waits on. */
static bool proceed(struct order_waits *waits, struct order_wait *wait,
                    const struct order_sight *sight, bool is_over)
{
    if (!is_over && sight->stage < STAGE_FINAL && !order_wait_is_mistaken(wait, sight) &&
        wait_on(waits, wait))
        return true;
    order_wait_answer(wait, sight);
    order_wait_free(wait);
    return false;
}

/* Looks again after somebody has begun to wait for more: it may have come meanwhile. */
static enum order_stage wake(struct order_waits *waits, const char *order_id)
{
    enum order_stage reached = STAGE_NONE;
    bool again = true;

    while (again) {
        struct order_sight sight;
        struct waiter *waiter;

        again = false;
        if (look_at(waits, order_id, &sight, NULL) < 0)
            break; /* it is being rebuilt; who waits for too long is looked after */
        reached = sight.stage;
        while ((waiter = waiters_take(waits->waiters, order_id, reached)) != NULL)
            again |= proceed(waits, (struct order_wait *)waiter, &sight, false);
        history_done(&sight.history);
    }
    return reached;
}

/* Its time is over: it is told what there is. */
static void end_wait(struct order_waits *waits, struct order_wait *wait, const char *why)
{
    char order_id[UUID_SIZE];
    struct order_sight sight;
    int r;

    str_copy(order_id, sizeof(order_id), wait->waiter.order_id);
    r = look_at(waits, order_id, &sight, NULL);
    if (r == 0 && sight.stage >= order_wait_needs(wait)) {
        proceed(waits, wait, &sight, true);
    } else {
        log_warn("request_not_confirmed", "order_id=%s trace_id=%s reason=%s", order_id,
                 wait->trace_id, LOG_TEXT(why));
        order_wait_answer_doubt(wait, why);
        order_wait_free(wait);
    }
    if (r == 0)
        history_done(&sight.history);
}

static void refuse_to_wait(struct http_request *request, int r)
{
    if (r == -EEXIST)
        order_answer_later(request, 409,
                           "the first request with this Idempotency-Key is still under way");
    else if (r == -ESHUTDOWN)
        order_answer_later(request, 503, "the service is stopping");
    else
        order_answer_later(request, 503, "too many requests are under way");
}

uint64_t order_waits_begin(struct order_waits *waits, struct http_request *request,
                           const struct wait_subject *subject)
{
    bool is_order = subject->kind == WAIT_FOR_ORDER;
    struct order_wait *wait = order_wait_new(request, subject);
    uint64_t ticket = 0;
    int r = -ENOMEM;

    http_suspend(request);
    if (wait != NULL)
        r = waiters_add(waits->waiters, &wait->waiter, is_order, &ticket);
    if (r < 0) {
        refuse_to_wait(request, r);
        order_wait_free(wait);
        return 0;
    }
    /* Nobody else has the id of an order without a key. */
    if (is_order && subject->asked == NULL)
        return ticket;
    return wake(waits, subject->order_id) < (is_order ? STAGE_PLACED : STAGE_CANCELLING) ? ticket
                                                                                         : 0;
}

void order_waits_settle(struct order_waits *waits, const struct publication *publication)
{
    struct order_wait *wait;

    if (publication->is_confirmed)
        return; /* what counts is that it can be read */
    wait = (struct order_wait *)waiters_take_ticket(waits->waiters, publication->order_id,
                                                    publication->ticket);
    log_warn("request_not_published", "order_id=%s trace_id=%s may_exist=%d reason=%s",
             publication->order_id, wait != NULL ? wait->trace_id : "-", publication->may_exist,
             LOG_TEXT(publication->reason));
    if (wait == NULL)
        return;
    if (publication->may_exist)
        order_wait_answer_doubt(wait, "the broker did not confirm the request in time");
    else
        order_wait_answer_not_written(wait);
    order_wait_free(wait);
}

bool order_waits_any(const struct order_waits *waits)
{
    return !waiters_is_empty(waits->waiters);
}

void order_waits_on_changes(struct order_waits *waits, const struct order_change *changes,
                            size_t count)
{
    char order_id[UUID_SIZE];

    waits->round++;
    /* The read side became ready: any order may have changed. */
    while (count == 0 && waiters_find_any(waits->waiters, waits->round, order_id))
        wake(waits, order_id);
    for (size_t i = 0; i < count; i++)
        if (waiters_find(waits->waiters, changes[i].order_id, waits->round))
            wake(waits, changes[i].order_id);
}

void order_waits_on_tick(struct order_waits *waits)
{
    int64_t now_ms = clock_monotonic_ms();
    struct waiter *waiter;

    while ((waiter = waiters_take_expired(waits->waiters, now_ms)) != NULL)
        end_wait(waits, (struct order_wait *)waiter, "it could not be read back in time");
}

static void end_stage(struct order_waits *waits, enum order_stage stage)
{
    struct waiter *waiter;

    while ((waiter = waiters_take_stage(waits->waiters, stage)) != NULL)
        end_wait(waits, (struct order_wait *)waiter, "the service is stopping");
}

void order_waits_drain(struct order_waits *waits, int timeout_ms)
{
    waiters_close(waits->waiters);
    end_stage(waits, STAGE_FINAL);
    waiters_drain(waits->waiters, timeout_ms);
    end_stage(waits, STAGE_PLACED);
    end_stage(waits, STAGE_CANCELLING);
}
