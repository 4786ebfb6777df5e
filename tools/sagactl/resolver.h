/*
 * resolver.h - writes what becomes of a service's dead letters, in one transaction: all or nothing.
 *
 * Exactly once: its transactional id is the same for all who resolve letters of that service, and
 * opening fences them. Whoever reads the service's replays topic to its end after that, and writes
 * only what is not there, resolves no letter twice, whatever was killed or ran at the same time.
 */
#pragma once

#include <stdbool.h>

#include "common/base/error.h"
#include "common/kafka/topics.h"
#include "tools/sagactl/cluster.h"
#include "tools/sagactl/letter.h"

/* How long the broker keeps a transaction open whose writer is gone: who reads waits for it. */
#define RESOLVER_TRANSACTION_MS 20000

struct resolver {
    struct cluster cluster;
    const struct letter_service *service;
    struct topics topics; /* that it may write to */
    bool in_transaction;
};

/*
 * Fences others, and ends what they have begun. `ret` is the caller's memory, must not move, and is
 * ended with resolver_close() in any case, which gives up what was not committed.
 * Returns 0, -EINVAL (a setting), -ENOENT (a topic is missing), -ETIMEDOUT, -EIO or -EPERM.
 */
int resolver_open(const struct tool_settings *settings, const struct letter_service *service,
                  struct resolver *ret, struct error *err);
void resolver_close(struct resolver *resolver);

/* Adds the refused record to `target`, as letter_obstacle() names it. Returns 0, -EIO or -EPERM. */
int resolver_replay(struct resolver *resolver, const struct letter *letter, enum topic target,
                    struct error *err);

/* Adds a mark that the letter is done with. `reason` may be NULL. */
int resolver_discard(struct resolver *resolver, const struct letter *letter, const char *reason,
                     struct error *err);

/*
 * Returns 0, and what was written can be read; -EPERM (fenced: nothing was written), or another
 * (what was written is not known: to try again is safe).
 */
int resolver_commit(struct resolver *resolver, struct error *err);
