/*
 * identity.h - the text that says what a local store was built from: cluster, topic ids, machine
 * boot, layout. A store with another one is discarded (store.h): a topic that was deleted and
 * created again, or a broker recreated beside an old data directory, must not meet old state.
 */
#pragma once

#include <stddef.h>

#include "common/base/error.h"
#include "common/kafka/topics.h"

#define STORE_IDENTITY_SIZE 4096

/* `format` names the store's own layout, as "ledger-1". Returns 0, -ENOBUFS or -EIO. */
int store_identity(const struct topics *topics, const char *format, char *out, size_t size,
                   struct error *err);
