/*
 * session.h - all that the runtime holds while it talks to one cluster: consumer, election, cache,
 * batch. Opened when the topics are there; closed and opened anew when a client is broken or the
 * topics are others. Belongs to the runtime's thread; private to runtime.c.
 */
#pragma once

#include <stdbool.h>

#include "common/base/error.h"
#include "common/kafka/runtime.h"

struct session;

/*
 * One attempt to connect. `ret` is owned by the caller. Returns 0, or -ENOENT, -ETIMEDOUT, -EINVAL,
 * -EIO: nothing was opened, try again later.
 */
int session_open(const struct runtime_config *config, struct session **ret, struct error *err);
void session_close(struct session *session); /* NULL is harmless */

/* After -EUCLEAN from one of the calls below: the cache is damaged, the next session makes it
   anew. */
void session_condemn_cache(struct session *session);

/* True when session_own() has to be called: it has not succeeded, or other shards are owned now. */
bool session_has_changed(const struct session *session);

/* True when the election has given us other shards than session_own() was last told of. */
bool session_has_lost(const struct session *session);

/* Serves the election. Returns 0, -EALREADY (the same instance runs elsewhere) or -EIO. */
int session_poll(struct session *session, struct error *err);

/*
 * Voids the batch, fences and takes over the shards that are owned now, and starts to read: the own
 * topics to their end, the inputs from the bookmark. Restoring goes on in session_work().
 * Returns 0; -ESTALE (the topics are others: open a new session); or another negative errno.
 */
int session_own(struct session *session, struct error *err);

/* Reads, decides and commits one batch, or waits a moment for records. 0 or a negative errno. */
int session_work(struct session *session, struct error *err);

/* Ends cleanly: commits the batch and the bookmarks. 0 or a negative errno. */
int session_finish(struct session *session, struct error *err);

enum runtime_role session_role(const struct session *session);
uint32_t session_shards(const struct session *session);
