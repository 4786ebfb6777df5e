/*
 * waiters.h - the requests that wait for something to happen to an order: who takes one, answers
 * it. Knows nothing of HTTP: a waiter is a part of the caller's request, lent until it is taken.
 *
 * A waiter is taken by exactly one of: the read side shows what it waits for, its record was not
 * written, its deadline passed, the service stops. Whoever is first takes it; the others find
 * nothing. Many may wait for the same order, each for its own stage of it. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/uuid.h"
#include "common/event/order_view.h"

/* Requests that wait at a time. As many as there can be connections, so it is never the limit. */
#define WAITERS_MAX 2048

/* What can be waited for; each includes those before it. */
enum order_stage {
    STAGE_NONE = 0,
    STAGE_PLACED,     /* OrderPlaced can be read */
    STAGE_CANCELLING, /* so can OrderCancellationRequested */
    STAGE_FINAL,      /* or the outcome */
};

/* How far an order has come. */
enum order_stage order_stage_of(const struct order_view *view);

struct waiter {
    /* Filled in by the caller; read by it again once the waiter was taken. */
    char order_id[UUID_SIZE];
    enum order_stage stage;
    int64_t deadline_ms; /* monotonic */
    /* Private to waiters.c. */
    uint64_t ticket, round;
    size_t place;
    struct waiter *chain;
};

struct waiters;

/* `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int waiters_new(struct waiters **ret, struct error *err);
void waiters_free(struct waiters *waiters); /* NULL is harmless; asserts that nobody waits */

/*
 * From here on `waiter` belongs to whoever takes it, which may be another thread at once.
 *
 * alone    refuse if somebody waits for the same stage of this order already
 * ticket   names this wait for waiters_take_ticket(); 0 names nobody's. Written on success only.
 * Returns 0, -ENOBUFS (too many wait), -ESHUTDOWN (after waiters_close()), -EEXIST (`alone`).
 */
int waiters_add(struct waiters *waiters, struct waiter *waiter, bool alone, uint64_t *ticket);

/* One that waits for a stage of this order that is reached, or NULL. The caller answers it. */
struct waiter *waiters_take(struct waiters *waiters, const char *order_id,
                            enum order_stage reached);

/* The one with this ticket, or NULL: it was taken already. */
struct waiter *waiters_take_ticket(struct waiters *waiters, const char *order_id, uint64_t ticket);

/* The one whose deadline passed first, or NULL. */
struct waiter *waiters_take_expired(struct waiters *waiters, int64_t now_ms);

/* Anyone who waits for this stage of whatever order, or NULL. */
struct waiter *waiters_take_stage(struct waiters *waiters, enum order_stage stage);

/*
 * True if somebody waits for this order who was not found in this round: a caller that goes
 * through many changes looks at each order once. Rounds begin with 1 and grow.
 */
bool waiters_find(struct waiters *waiters, const char *order_id, uint64_t round);

/* The same of any order, whose id is written to `ret_order_id`. */
bool waiters_find_any(struct waiters *waiters, uint64_t round, char ret_order_id[UUID_SIZE]);

/* True if nobody waits; cheap, and right unless somebody is just coming. */
bool waiters_is_empty(const struct waiters *waiters);

/* Takes no more. */
void waiters_close(struct waiters *waiters);

/* Waits until the last one was taken, at most `timeout_ms`. */
void waiters_drain(struct waiters *waiters, int timeout_ms);
