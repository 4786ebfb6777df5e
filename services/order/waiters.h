/*
 * waiters.h - the POST requests that wait for their order: who takes one, answers it. Knows nothing
 * of HTTP: a request is a pointer, lent until it is taken.
 *
 * A request is answered by exactly one of: the read side has the order, its delivery failed, its
 * deadline passed, the service stops. Whoever is first takes it; the others find nothing.
 * Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/error.h"
#include "common/base/uuid.h"

/* Requests that wait at a time. As many as there can be connections, so it is never the limit. */
#define WAITERS_MAX 2048

struct waiters;

/* All have the same patience. `ret` is owned by the caller. Returns 0 or -ENOMEM. */
int waiters_new(int64_t patience_ms, struct waiters **ret, struct error *err);
void waiters_free(struct waiters *waiters); /* NULL is harmless; asserts that nobody waits */

/*
 * From here on `request` may be taken by another thread. Returns 0, -ENOBUFS (too many wait),
 * -ESHUTDOWN (after waiters_close()), -EEXIST (somebody waits for this order already).
 */
int waiters_add(struct waiters *waiters, const char *order_id, void *request, int64_t now_ms);

/* True if somebody waits for this order; he may be taken before the caller does. */
bool waiters_has(struct waiters *waiters, const char *order_id);

/* The request that waits for this order, or NULL. The caller now has to answer it. */
void *waiters_take(struct waiters *waiters, const char *order_id);

/* One whose patience is over, or NULL; its order's id too. The caller has to answer it. */
void *waiters_take_expired(struct waiters *waiters, int64_t now_ms, char ret_order_id[UUID_SIZE]);

/* Anyone, or NULL: to refuse those that are left. */
void *waiters_take_any(struct waiters *waiters, char ret_order_id[UUID_SIZE]);

/* True if nobody waits; cheap, and right unless somebody is just coming. */
bool waiters_is_empty(const struct waiters *waiters);

/* Takes no more, and waits until the last one was taken, at most `timeout_ms`. */
void waiters_close(struct waiters *waiters, int timeout_ms);
